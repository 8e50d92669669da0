"""What mail from machines does to the deliveries it speaks of."""

from __future__ import annotations

import pytest

from mailgate import deliveries
from mailgate.deliveries import State
from mailgate.explaining import envelope_for, explain, explain_stored
from mailgate.scan import to_crlf
from tests.support.community import LIST, Community
from tracker.model import Trust

QUESTION = b"From: Ann <ann@a.example>\nSubject: Jobs vanish\nMessage-ID: <q1@a.example>\n\nWhy?\n"


def return_path(community: Community) -> str:
    """Ask a question; the reverse-path of the copy that a reader got."""
    community.subscribe("bob@b.example")
    community.inject(QUESTION, [LIST])
    return community.last_copy("bob@b.example", "<q1@a.example>").reverse_path


def bounced(community: Community) -> list[str]:
    """What is kept with each delivery that came back."""
    found = community.app.read(lambda connection: deliveries.entries(connection, [State.BOUNCED]))
    return [entry.reply for entry in found]


def report(text: str, fields: str = "") -> bytes:
    return f"From: MAILER-DAEMON@b.example\nSubject: Report\n{fields}\n{text}\n".encode()


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (report("I could not deliver to:\n\n<bob@b.example>:\n550 5.1.1 unknown\n"), ["failed 5.1.1"]),
        (report("Something went wrong with it."), ["bounced"]),
        (report("It has not yet been delivered to:\n\n  bob@b.example\n\nI will keep trying.\n"), []),
        (report("It was successfully delivered to:\n\n  bob@b.example\n"), []),
    ],
)
def test_a_delivery_has_bounced_when_a_report_says_so(
    community: Community, raw: bytes, kept: list[str]
) -> None:
    path = return_path(community)
    assert community.inject(raw, [path], "<>")["disposition"] == "bounce"
    assert bounced(community) == kept


def test_what_a_report_says_in_words_is_explained_at_once_and_later(community: Community) -> None:
    path = return_path(community)
    raw = to_crlf(
        report("Not delivered to:\n\n<bob@b.example>:\n550 5.1.1 no\n", "Message-ID: <r@b.example>\n")
    )
    envelope = envelope_for(community.app, raw, "<>", (path,))
    trial = explain(community.app, "-", envelope, raw, Trust.UNCHECKED)
    community.inject(raw, [path], "<>")
    (stored,) = explain_stored(community.app, "<r@b.example>")
    told = [{"address": "bob@b.example", "status": "5.1.1", "action": "failed", "message_id": None}]
    assert trial["reading"]["bounces"] == stored["reading"]["bounces"] == told
    assert trial["reason"] == stored["reason"] == "from MAILER-DAEMON@b.example: bob@b.example failed 5.1.1"


def test_a_vacation_note_to_a_return_path_says_that_the_delivery_arrived(community: Community) -> None:
    path = return_path(community)
    note = b"From: bob@b.example\nSubject: Away\nAuto-Submitted: auto-replied\n\nUntil Monday.\n"
    result = community.inject(note, [path], "<>")
    assert (result["disposition"], result["ticket"]) == ("auto_reply", 1)
    assert bounced(community) == []


def test_a_complaint_marks_no_delivery(community: Community) -> None:
    path = return_path(community)
    complaint = f"""From: fbl@b.example
Subject: Complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
Original-Mail-From: <{path}>
--b--
"""
    result = community.inject(complaint.encode(), ["osg-general-owner@lists.example.org"])
    assert (result["disposition"], result["ticket"]) == ("feedback", 1)
    assert bounced(community) == []


def test_a_return_path_with_a_wrong_mac_marks_nothing(community: Community) -> None:
    local, _, domain = return_path(community).partition("@")
    forged = f"{local.rpartition('.')[0]}.{'a' * 16}@{domain}"
    community.inject(report("I could not deliver to:\n\n<bob@b.example>:\n550 no\n"), [forged], "<>")
    assert bounced(community) == []
