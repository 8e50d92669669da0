"""Who wrote it: a person, or one of the many programs."""

from __future__ import annotations

import pytest

from mailgate.envelope import Client, Envelope
from mailgate.kinds.classify import classify
from mailgate.message import Disposition
from mailgate.parse import parse_message

CLIENT = Client("192.0.2.1", "mx.example", "ESMTP", "s1")


def disposition(fields: str, *, reverse_path: str = "ann@x.example", body: str = "Hello") -> Disposition:
    given = fields if fields.startswith("From:") else f"From: Ann <ann@x.example>\r\n{fields}"
    raw = f"{given.strip()}\r\n\r\n{body}\r\n".encode()
    return classify(Envelope(CLIENT, reverse_path, ("help@lists.example",)), parse_message(raw)).disposition


@pytest.mark.parametrize(
    "fields",
    [
        "Subject: Question about autoreply settings",
        "Subject: Automatic reply: how do I switch it off?",
        "Auto-Submitted: no",
        "Auto-Submitted: no (a person wrote this)",
        "Auto-Submitted: No; owner-email=ann@x.example",
        "Precedence: list\r\nList-Id: <users.lists.example>",
        "Precedence: bulk",
        "Precedence: junk\r\nList-Id: <users.lists.example>",
        "X-Auto-Response-Suppress: All",
        "X-Autoreply: no",
        "X-Loop: help@lists.example",
        "Subject: Please confirm your message arrived",
        "X-Spam-Flag: NO",
        "Subject: Undeliverable: what does this mean?",
        "Content-Type: multipart/report; boundary=b",
    ],
)
def test_people_are_taken_for_people(fields: str) -> None:
    assert disposition(fields) is Disposition.POST


@pytest.mark.parametrize(
    "fields",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated (cron)",
        "Auto-Submitted: AUTO-NOTIFIED; a=b",
        "X-Autoreply: yes",
        "X-Autorespond: out of office",
        "Precedence: auto_reply",
        "Precedence: junk",
        "Subject: Automatic reply: site down\r\nX-Auto-Response-Suppress: All",
        "Subject: Out of office\r\nPrecedence: bulk",
        "Subject: Abwesenheitsnotiz\r\nX-Auto-Response-Suppress: OOF",
    ],
)
def test_programs_that_say_so_are_programs(fields: str) -> None:
    assert disposition(fields) is Disposition.AUTO_REPLY


def test_a_null_reverse_path_alone_is_automatic() -> None:
    assert disposition("Subject: Hello", reverse_path="") is Disposition.AUTO_REPLY


@pytest.mark.parametrize("path", ["MAILER-DAEMON", "mailer-daemon@z.example", "<>"])
def test_a_daemon_in_the_reverse_path_is_as_good_as_none(path: str) -> None:
    assert disposition("Subject: Hello", reverse_path=path) is Disposition.AUTO_REPLY


@pytest.mark.parametrize(
    "fields",
    [
        "From: MAILER-DAEMON@z.example",
        "From: Mail Delivery System <Mailer-Daemon@z.example>\r\nSubject: Mail delivery failed",
        "From: postmaster@z.example",
        "Subject: Undelivered Mail Returned to Sender",
        "X-Failed-Recipients: bob@z.example",
    ],
)
def test_a_null_reverse_path_and_a_daemon_make_a_bounce(fields: str) -> None:
    assert disposition(fields, reverse_path="") is Disposition.BOUNCE


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ("delivery-status", Disposition.BOUNCE),
        ('"delivery-status"', Disposition.BOUNCE),
        ("feedback-report", Disposition.FEEDBACK),
        ("disposition-notification", Disposition.RECEIPT),
    ],
)
def test_a_report_is_known_by_its_type(report: str, expected: Disposition) -> None:
    fields = f"Content-Type: multipart/report; report-type={report}; boundary=b"
    assert disposition(fields, body="--b\r\n\r\nText\r\n--b--") is expected


def test_a_challenge_is_automatic_and_asks_for_a_sign_of_life() -> None:
    fields = "Subject: Please confirm your message\r\nAuto-Submitted: auto-replied"
    assert disposition(fields) is Disposition.CHALLENGE


def test_the_verdict_of_a_spam_filter_is_heard() -> None:
    assert disposition("X-Spam-Flag: yes") is Disposition.SPAM


def test_a_mail_that_no_parser_reads_is_unreadable() -> None:
    assert disposition("Content-Type: message/partial; id=a") is Disposition.UNREADABLE


def test_the_reason_names_what_gave_the_mail_away() -> None:
    raw = b"From: ann@x.example\r\nAuto-Submitted: auto-replied\r\n\r\nAway\r\n"
    found = classify(Envelope(CLIENT, "ann@x.example", ()), parse_message(raw))
    assert found.reason == "Auto-Submitted: auto-replied"
