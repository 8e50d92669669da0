"""The nosy list: who joins, leaves and mutes."""

from __future__ import annotations

from tests.support.tracked import OPERATOR, Tracked
from tracker import nosy
from tracker.model import Person, TicketId


def join(tracked: Tracked, number: TicketId, person: Person, reason: str) -> bool:
    return tracked.do(lambda uow: nosy.join(uow, number, person, reason, OPERATOR))


def leave(tracked: Tracked, number: TicketId, person: Person) -> bool:
    return tracked.do(lambda uow: nosy.leave(uow, number, person, OPERATOR))


def mute(tracked: Tracked, number: TicketId, person: Person) -> bool:
    return tracked.do(lambda uow: nosy.mute(uow, number, person, OPERATOR))


def test_who_posts_joins_once(tracked: Tracked) -> None:
    bob = tracked.person("bob")
    number = tracked.open(tracked.person("ann"))
    tracked.answer(number, bob)
    tracked.answer(number, bob)
    assert tracked.nosy(number) == {"ann": "joined", "bob": "joined"}
    assert tracked.events(number).count("joined >bob@x.example") == 1


def test_who_leaves_and_posts_again_is_back(tracked: Tracked) -> None:
    bob = tracked.person("bob")
    number = tracked.open(tracked.person("ann"))
    tracked.answer(number, bob)
    assert leave(tracked, number, bob)
    assert tracked.nosy(number) == {"ann": "joined", "bob": "left"}
    tracked.answer(number, bob)
    assert tracked.nosy(number) == {"ann": "joined", "bob": "joined"}


def test_who_muted_stays_muted_when_posting_and_comes_back_by_following(tracked: Tracked) -> None:
    bob = tracked.person("bob")
    number = tracked.open(tracked.person("ann"))
    assert mute(tracked, number, bob)
    tracked.answer(number, bob)
    assert tracked.nosy(number)["bob"] == "muted"
    assert join(tracked, number, bob, "followed")
    assert tracked.nosy(number)["bob"] == "joined"


def test_the_requester_may_leave_and_mute(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    number = tracked.open(ann)
    assert leave(tracked, number, ann)
    assert mute(tracked, number, ann)
    assert tracked.nosy(number) == {"ann": "muted"}


def test_what_changes_nothing_is_no_event(tracked: Tracked) -> None:
    ann, bob = tracked.person("ann"), tracked.person("bob")
    number = tracked.open(ann)
    before = tracked.events(number)
    assert not join(tracked, number, ann, "posted")
    assert tracked.events(number) == before
    assert mute(tracked, number, bob)
    assert not mute(tracked, number, bob)
    assert tracked.events(number) == [*before, "muted >bob@x.example"]
    assert leave(tracked, number, bob)
    assert not leave(tracked, number, bob)


def test_who_leaves_without_having_joined_hears_no_more(tracked: Tracked) -> None:
    ann, bob = tracked.person("ann"), tracked.person("bob")
    number = tracked.open(ann)
    assert leave(tracked, number, bob)
    assert tracked.nosy(number) == {"ann": "joined", "bob": "muted"}


def test_nosy_lists_of_two_tickets_are_apart(tracked: Tracked) -> None:
    ann, bob = tracked.person("ann"), tracked.person("bob")
    one, two = tracked.open(ann), tracked.open(bob)
    mute(tracked, one, bob)
    assert tracked.nosy(one) == {"ann": "joined", "bob": "muted"}
    assert tracked.nosy(two) == {"bob": "joined"}
