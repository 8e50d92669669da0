"""What `explain` says in words, to somebody who wants to know why a mail went where it went."""

from __future__ import annotations

from typing import Any

import pytest

from mailgate.explaining import envelope_for, explain, explain_stored
from mailgate.message import Disposition
from mailgate.narrating import _EVIDENCE, _KINDS, _TRUSTS, in_words
from mailgate.scan import to_crlf
from mailgate.threads.match import Evidence
from tests.support.community import LIST, Community
from tracker.model import Trust


def mail(name: str, subject: str, text: str = "Text.", **fields: str) -> bytes:
    lines = [
        f"From: {name}@a.example",
        f"To: {LIST}",
        f"Subject: {subject}",
        f"Message-ID: <{name}@mx.example>",
    ]
    lines += [f"{field.replace('_', '-')}: {value}" for field, value in fields.items()]
    return to_crlf("\n".join([*lines, "", text, ""]).encode())


def told(community: Community, name: str) -> str:
    """What is told of a mail that came; folded into one line."""
    (found,) = explain_stored(community.app, f"<{name}@mx.example>")
    return flat(found)


def would_be(community: Community, raw: bytes, trust: Trust = Trust.UNCHECKED) -> str:
    return flat(explain(community.app, "question.eml", envelope_for(community.app, raw, "", ()), raw, trust))


def flat(explained: dict[str, Any]) -> str:
    return " ".join(in_words(explained).split())


def test_a_mail_in_a_file_is_told_of_as_what_would_be(community: Community) -> None:
    said = would_be(community, mail("ann", "Disk full"))
    assert "subject: \u201cdisk full\u201d, not marked as an answer" in said
    assert "it would open a new ticket, \u201cDisk full\u201d" in said
    assert "Because nothing in it names a ticket" in said
    assert "If that is wrong" not in said


def test_each_sign_is_told_with_what_came_of_it(community: Community) -> None:
    community.inject(mail("ann", "Disk full"))
    community.inject(mail("eve", "Tape lost"))
    raw = mail("bob", "Re: [OSG #2] Disk full", References="<never@mx.example> <ann@mx.example>")
    said = would_be(community, raw)
    assert "it would go to ticket 1" in said
    assert "references: a mail of ticket 1 \u2013 DECIDED" in said
    assert "references: one mail that never came here \u2013 failed" in said
    assert "tag: that of ticket 2 \u2013 set aside" in said
    assert "subject: \u201cdisk full\u201d, marked as an answer \u2013 not asked" in said


def test_a_root_id_is_no_mail_that_never_came(community: Community) -> None:
    community.inject(mail("ann", "Disk full"))
    said = would_be(
        community, mail("bob", "Re: Disk full", References=f"{community.root_id(1)} <ann@mx.example>")
    )
    assert "root id: that of ticket 1" in said
    assert "never came here" not in said


def test_a_subject_that_decided_nothing_says_why(community: Community) -> None:
    community.inject(mail("ann", "Disk full"))
    community.inject(mail("eve", "Disk full"))
    said = would_be(community, mail("bob", "Re: Disk full"))
    assert "marked as an answer: a reply, but 2 tickets have its subject \u2013 failed" in said


def test_the_signs_are_kept_with_the_mail(community: Community) -> None:
    community.inject(mail("ann", "Disk full"))
    community.inject(mail("bob", "Re: Disk full", In_Reply_To="<ann@mx.example>"))
    community.inject(mail("cat", "Re: Disk full", In_Reply_To="<bob@mx.example>"))
    said = told(community, "bob")
    assert "it went to ticket 1; now it is post 2 of ticket 1" in said
    assert "references: a mail of ticket 1 \u2013 DECIDED" in said
    assert "ann@a.example, a ticket copy: you opened this ticket" in said


def test_a_wrong_ticket_is_mended_by_what_stands_below(community: Community) -> None:
    community.inject(mail("ann", "Disk full"))
    community.inject(mail("bob", "Re: Disk full", In_Reply_To="<ann@mx.example>"))
    said = told(community, "bob")
    assert "mailgate ticket split 1 --from 2" in said
    assert "mailgate ticket undo EVENT" in said
    assert "ticket split" not in told(community, "ann")


def test_where_a_merged_post_is_now_is_told(community: Community) -> None:
    for name, subject in (("ann", "Disk full"), ("eve", "Tape lost")):
        community.inject(mail(name, subject))
    community.operate("merge into 1", 2)
    assert "it opened ticket 2; now it is post 2 of ticket 1" in told(community, "eve")


def test_a_held_mail_says_who_decides(community: Community) -> None:
    said = would_be(community, mail("bob", "Re: [OSG #99] Disk full"))
    assert "none: it would be held until a moderator has seen it" in said
    result = community.inject(mail("bob", "Re: [OSG #99] Disk full"))
    assert f"mailgate hold approve {result['inbound']}" in told(community, "bob")


def test_a_refused_mail_says_what_its_sender_is_told(community: Community) -> None:
    said = would_be(community, b"Subject: from nobody\r\n\r\nText.\r\n")
    assert "It is nothing: it would not be let in" in said
    assert "Answer 550 5.6.0" in said


def test_a_second_copy_is_told_of_as_one(community: Community) -> None:
    for _ in range(2):
        community.inject(mail("ann", "Disk full"))
    first, second = explain_stored(community.app, "<ann@mx.example>")
    assert "It is a mail that came before" in flat(second)
    assert "It is a post" in flat(first)


@pytest.mark.parametrize(
    ("trust", "said"),
    [
        (Trust.ALIGNED, "its domain vouches for that"),
        (Trust.NONE, "nothing vouches for that"),
        (Trust.UNCHECKED, "authentication is off"),
    ],
)
def test_whether_its_author_is_believed_is_told(community: Community, trust: Trust, said: str) -> None:
    assert said in would_be(community, mail("ann", "Disk full"), trust)


def test_what_was_folded_is_told(community: Community) -> None:
    said = would_be(community, mail("ann", "Disk full", "New.\n\n> old one\n> old two\n\n-- \nAnn"))
    assert "New text one line" in said
    assert "2 lines quoted" in said


def test_each_kind_sign_and_trust_has_its_words() -> None:
    assert set(Disposition) <= set(_KINDS)
    assert set(Evidence) <= set(_EVIDENCE)
    assert set(Trust) <= set(_TRUSTS)
