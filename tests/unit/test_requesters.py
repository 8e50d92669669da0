"""What people are told of a ticket that one opened for another, and of an author whom a list names."""

from __future__ import annotations

from email import message_from_bytes
from typing import Any

from mailgate.explaining import envelope_for, explain
from mailgate.scan import to_crlf
from tests.support.community import Community
from tracker.model import Trust

FORWARD = b"""From: Bob Bond <bob@b.example>
To: osg-general@lists.example.org
Subject: Fwd: Quota is gone
Message-ID: <fwd@b.example>

Please help her.

---------- Forwarded message ---------
From: Ann Lee <ann@a.example>
Date: Mon, Mar 2, 2026 at 9:00 AM
Subject: Quota is gone

Since this morning.
"""
MUNGED = b"""From: Ann Lee via Farm <farm@lists.other.example>
Reply-To: Ann Lee <ann@a.example>
To: osg-general@lists.example.org
Subject: Two nodes are hot

Fans are fine.
"""


def explained(community: Community, mail: bytes) -> dict[str, Any]:
    raw = to_crlf(mail)
    return explain(community.app, "-", envelope_for(community.app, raw, "", ()), raw, Trust.UNCHECKED)


def test_an_explanation_says_who_asked_and_who_forwarded(community: Community) -> None:
    community.add_member("bob@b.example")
    found = explained(community, FORWARD)
    assert "asked by ann@a.example, forwarded by bob@b.example" in found["notes"]
    assert found["reading"]["forwarded"]["from"] == "ann@a.example"


def test_an_explanation_says_why_a_strangers_forward_names_nobody(community: Community) -> None:
    assert any("is not taken" in note for note in explained(community, FORWARD)["notes"])


def test_an_explanation_says_which_list_named_the_author(community: Community) -> None:
    community.believe(["lists.other.example"])
    found = explained(community, MUNGED)
    assert found["reading"]["sender_repaired"]
    assert found["reading"]["from"] == {"address": "ann@a.example", "name": "Ann Lee"}
    assert (
        "From is the list farm@lists.other.example, which names ann@a.example as the author" in found["notes"]
    )


def test_the_copy_of_an_opening_says_for_whom_and_why_it_came(community: Community) -> None:
    community.add_member("bob@b.example")
    community.inject(FORWARD)
    (copy,) = community.bag.copies
    text = str(message_from_bytes(copy.content).get_payload())
    assert copy.recipient == "ann@a.example"
    assert "Bob Bond <bob@b.example> opened ticket 1 for Ann Lee" in " ".join(text.split())
    assert "because a mail of yours was forwarded here" in " ".join(text.split())
    assert "Since this morning." in text


def test_the_history_says_who_was_made_requester_by_whom(community: Community) -> None:
    community.add_member("bob@b.example")
    community.inject(FORWARD)
    events = [event for event in community.ticket(1)["history"] if event["kind"] == "requester"]
    assert [(one["before"], one["after"], one["actor"]) for one in events] == [
        ("bob@b.example", "ann@a.example", "bob@b.example")
    ]


def test_an_answer_says_nothing_of_who_asked(community: Community) -> None:
    community.add_member("bob@b.example")
    community.inject(FORWARD)
    community.inject(
        b"From: bob@b.example\nSubject: Re: Quota is gone\nIn-Reply-To: <fwd@b.example>\n\nDone.\n"
    )
    text = str(message_from_bytes(community.bag.copies[-1].content).get_payload())
    assert "for Ann Lee" not in text
