"""Experts are offered each new ticket that they asked for, once, and say so by mail."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest

from tests.support.community import LIST, Community
from tests.support.put_grid import put_grid

EVE = "eve@experts.example"
REQUEST = "osg-general-request@lists.example.org"


def mail(number: int, text: str, subject: str = "", sender: str = "una@people.example") -> bytes:
    head = f"From: {sender}\nTo: {LIST}\nSubject: {subject or f'Matter {number}'}\n"
    return f"{head}Message-ID: <q{number}@x.example>\n\n{text}\n".encode()


def to(community: Community, address: str) -> list[EmailMessage]:
    found = [copy.content for copy in community.bag.copies if copy.recipient == address]
    return [email.message_from_bytes(one, policy=email.policy.default) for one in found]  # type: ignore[misc]


def words(message: EmailMessage) -> str:
    return " ".join(str(message.get_content()).split())


@pytest.fixture
def house(community: Community) -> Community:
    put_grid(community)
    community.add_member(EVE)
    community.inject(mail(90, "", "interest xrootd or group:SLAB", EVE), [REQUEST])
    return community


def test_an_interest_is_answered_and_kept(house: Community) -> None:
    (answer,) = to(house, EVE)
    assert answer["Auto-Submitted"] == "auto-replied"
    assert "Each new ticket about this is offered to you, once: xrootd or group:SLAB" in words(answer)


@pytest.mark.parametrize("text", ["my xrootd door hangs", "ce.slab.example hangs"])
def test_a_new_ticket_that_meets_it_is_offered_once(house: Community, text: str) -> None:
    house.inject(mail(1, text))
    _, offer = to(house, EVE)
    assert "You get this because you asked for tickets about xrootd or group:SLAB." in words(offer)
    house.inject(mail(2, "More about xrootd.", "Re: Matter 1"), ["osg-general+1@lists.example.org"])
    assert len(to(house, EVE)) == 2


def test_who_answers_an_offer_takes_part(house: Community) -> None:
    house.inject(mail(1, "my xrootd door hangs"))
    reply_to = to(house, EVE)[-1]["Reply-To"].addresses[0].addr_spec
    house.inject(mail(2, "Restart it.", "Re: Matter 1", EVE), [reply_to])
    house.inject(mail(3, "Did not help.", "Re: Matter 1"), ["osg-general+1@lists.example.org"])
    assert len(to(house, EVE)) == 3


def test_nobody_is_offered_their_own_a_private_or_an_unmet_one(house: Community) -> None:
    house.inject(mail(1, "my xrootd door hangs", sender=EVE))
    house.inject(mail(2, "my xrootd door hangs"), ["osg-general+private@lists.example.org"])
    house.inject(mail(3, "my disk is full"))
    assert len(to(house, EVE)) == 1


def test_who_hears_anyway_is_not_offered_it_too(house: Community) -> None:
    house.subscribe(EVE, "all")
    house.inject(mail(1, "my xrootd door hangs"))
    assert len(to(house, EVE)) == 2


def test_no_interest_ends_it(house: Community) -> None:
    house.inject(mail(91, "", "no interest", EVE), [REQUEST])
    house.inject(mail(1, "my xrootd door hangs"))
    assert "1 interests are gone." in words(to(house, EVE)[-1])
    assert len(to(house, EVE)) == 2


def test_a_query_that_does_not_parse_is_answered_with_where(house: Community) -> None:
    house.inject(mail(91, "", "interest (xrootd", EVE), [REQUEST])
    assert "Not done: column" in words(to(house, EVE)[-1])


def test_what_is_not_believed_waits_for_an_answer(house: Community) -> None:
    house.inject(mail(91, "", "interest dcache", EVE), [REQUEST], trust="none")
    assert to(house, EVE)[-1]["Subject"] == "Confirm: interest dcache"
    house.inject(mail(1, "my dcache door hangs"))
    assert len(to(house, EVE)) == 2


def test_a_request_come_twice_is_answered_once(house: Community) -> None:
    for _ in range(2):
        house.inject(mail(91, "", "interest dcache", EVE), [REQUEST])
    assert len(to(house, EVE)) == 2
