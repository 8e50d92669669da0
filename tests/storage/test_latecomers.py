"""Whoever comes late to a ticket gets, with their first mail, what was said before."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

from tests.support.community import LIST, Community

JANE, BEN, EVE = "jane@people.example", "ben@people.example", "eve@experts.example"
TICKET = "osg-general+1@lists.example.org"


def mail(number: int, sender: str, text: str, subject: str = "Re: GRAM error 17") -> bytes:
    head = f"From: {sender}\nTo: {LIST}\nSubject: {subject}\nMessage-ID: <l{number}@x.example>\n"
    return f"{head}\n{text}\n".encode()


def to(community: Community, address: str) -> list[str]:
    found = [copy.content for copy in community.bag.copies if copy.recipient == address]
    messages = [email.message_from_bytes(one, policy=email.policy.default) for one in found]
    return [str(one.get_content()) for one in messages if isinstance(one, EmailMessage)]


def talk(community: Community) -> None:
    community.inject(mail(1, JANE, "GRAM fails at ce.slab.example.", "GRAM error 17"))
    community.inject(mail(2, BEN, "Did you renew the proxy?"), [TICKET])
    community.inject(mail(3, JANE, "Yes, an hour ago."), [TICKET])


def test_an_expert_who_answers_late_gets_all_that_was_said_with_the_first_copy(community: Community) -> None:
    talk(community)
    community.inject(mail(4, EVE, "Look at the clock."), [TICKET])
    community.inject(mail(5, JANE, "It is off by an hour!"), [TICKET])
    (first,) = to(community, EVE)
    assert first.index("It is off by an hour!") < first.index("before this")
    for part in ("Post 1, jane, 2026-03-02 09:00 UTC:", "GRAM fails", "renew the proxy?", "an hour ago"):
        assert part in first
    assert "Look at the clock." not in first, "their own post is no news"
    community.inject(mail(6, BEN, "So set it."), [TICKET])
    assert "before this" not in to(community, EVE)[-1]


def test_who_took_part_from_the_first_or_has_the_list_s_copies_is_told_nothing_twice(
    community: Community,
) -> None:
    community.subscribe(BEN, "all")
    talk(community)
    community.inject(mail(4, EVE, "Look at the clock."), [TICKET])
    assert not [text for text in (*to(community, JANE), *to(community, BEN)) if "before this" in text]


def test_a_center_that_is_brought_in_late_gets_the_question_and_what_was_said_since(
    community: Community,
) -> None:
    community.add_center("USCMS", "support@cms.example")
    talk(community)
    community.hand_to(1, "USCMS")
    (first,) = to(community, "support@cms.example")
    assert first.index("GRAM fails") < first.index("since then") < first.index("renew the proxy?")


def test_of_a_long_ticket_the_question_and_the_latest_posts_are_told(community: Community) -> None:
    community.inject(mail(1, JANE, "GRAM fails at ce.slab.example.", "GRAM error 17"))
    for number in range(2, 12):
        community.inject(mail(number, BEN, f"Try {number}.\n" + "It goes on and on.\n" * 1700), [TICKET])
    community.inject(mail(20, EVE, "Stop."), [TICKET])
    community.inject(mail(21, JANE, "Thanks!"), [TICKET])
    first = to(community, EVE)[0]
    assert "GRAM fails" in first
    assert "Try 11." in first
    assert "Try 2." not in first
    assert "posts left out, kept with the ticket]" in first
    assert len(first) < 250_000
