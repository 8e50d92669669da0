"""Merging: one ticket becomes another's alias, and nothing of it is lost."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from sqlalchemy import Connection

from tests.support.tracked import NOW, OPERATOR, Tracked, address
from tracker import assign, nosy, tickets
from tracker.model import BadValue, NoSuchTicket, TicketId, Wants
from tracker.storage import centers, keys
from tracker.storage import tickets as store


def meaning(tracked: Tracked, number: int) -> int | None:
    """The ticket that a number means now."""
    wanted = TicketId(number)
    found = tracked.database.read(lambda connection: store.resolve(connection, (wanted,))).get(wanted)
    return None if found is None else found.id


def test_posts_people_centers_and_tags_go_over(tracked: Tracked) -> None:
    ann, bob, cid = (tracked.person(name) for name in ("ann", "bob", "cid"))
    source, target = tracked.open(ann), tracked.open(bob)
    moved = [tracked.posts(source)[0].id, tracked.answer(source, cid)]
    center = tracked.database.write(lambda c: centers.create(c, "USCMS", None, Wants.ALL, NOW))
    tracked.do(lambda uow: assign.add_center(uow, source, center, OPERATOR))
    tracked.do(lambda uow: assign.add_tags(uow, source, ("xrootd",), OPERATOR))
    tracked.merge(source, target)
    assert [(post.n, post.id) for post in tracked.posts(target)][1:] == [(2, moved[0]), (3, moved[1])]
    assert tracked.posts(source) == ()
    assert tracked.nosy(target) == {"bob": "joined", "ann": "joined", "cid": "joined"}

    def of_target(connection: Connection) -> tuple[list[str], tuple[str, ...]]:
        names = [center.name for center in store.centers_of(connection, (target,))]
        return names, store.tags_of(connection, target)

    assert tracked.database.read(of_target) == (["USCMS"], ("xrootd",))
    assert (tracked.ticket(target).post_count, tracked.ticket(source).post_count) == (3, 0)
    assert tracked.ticket(source).merged_into == target
    tracked.answer(target, ann)
    assert [post.n for post in tracked.posts(target)] == [1, 2, 3, 4]


def test_the_number_and_the_messages_of_an_alias_lead_to_the_ticket(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    key, ghost = keys.message_key("<own@x.example>"), keys.message_key("<ghost@x.example>")
    source = tracked.open(ann, own_key=key, named_keys=(ghost,))
    target = tracked.open(ann, named_keys=(ghost,))
    tracked.merge(source, target)
    assert meaning(tracked, source) == target
    found = tracked.database.read(lambda connection: keys.lookup(connection, (key, ghost)))
    assert {meaning(tracked, entry.ticket_id) for entry in found} == {target}
    assert {entry.key for entry in found if entry.stored} == {key}
    assert tracked.do(lambda uow: tickets.find(uow, source)).id == target


def test_both_histories_tell_of_it(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    source, target = tracked.open(ann), tracked.open(ann)
    tracked.merge(source, target)
    assert tracked.events(source)[-1] == f"merged >{target}"
    assert tracked.events(target)[-1] == f"merged {source}>{target}"


def test_a_chain_of_merges_is_followed_however_long(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    numbers = [tracked.open(ann) for _ in range(20)]
    for source, target in pairwise(numbers):
        tracked.merge(source, target)
    assert {meaning(tracked, number) for number in numbers} == {numbers[-1]}
    assert tracked.database.read(lambda c: store.aliases_of(c, numbers[-1])) == tuple(numbers[:-1])
    assert tracked.ticket(numbers[-1]).post_count == 20


def test_an_alias_is_not_merged_again_so_that_no_circle_comes_about(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    one, two, three = (tracked.open(ann) for _ in range(3))
    tracked.merge(one, two)
    for source, target in ((two, one), (one, three), (three, one), (one, two)):
        with pytest.raises(BadValue, match="alias"):
            tracked.merge(source, target)
    with pytest.raises(BadValue, match="itself"):
        tracked.merge(two, two)
    with pytest.raises(NoSuchTicket):
        tracked.merge(two, TicketId(99))
    assert meaning(tracked, one) == two


def test_two_merges_of_one_pair_in_both_directions_make_one(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    one, two = tracked.open(ann), tracked.open(ann)
    refused: list[Exception] = []
    gate = threading.Barrier(2)

    def merge(source: TicketId, target: TicketId) -> None:
        gate.wait(10)
        try:
            tracked.merge(source, target)
        except Exception as error:
            refused.append(error)

    threads = [threading.Thread(target=merge, args=pair) for pair in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [type(error) for error in refused] == [BadValue]
    assert meaning(tracked, one) == meaning(tracked, two)


def test_a_post_that_waited_for_a_merge_is_not_lost(tracked: Tracked) -> None:
    """It found the ticket before the merge, and writes after: its ticket is reached by the alias."""
    ann = tracked.person("ann")
    source, target = tracked.open(ann), tracked.open(ann)
    tracked.merge(source, target)
    tracked.answer(source, ann, new_text="late")
    assert "late" in [post.new_text for post in tracked.posts(target)]


def test_who_muted_the_one_is_not_told_of_the_other(tracked: Tracked) -> None:
    ann, bob, cid, dan = (tracked.person(name) for name in ("ann", "bob", "cid", "dan"))
    source, target = tracked.open(ann), tracked.open(bob)
    tracked.do(lambda uow: nosy.mute(uow, source, cid, OPERATOR))
    for number in (source, target):
        tracked.do(lambda uow, n=number: nosy.join(uow, n, dan, "followed", OPERATOR))  # type: ignore[misc]
    tracked.do(lambda uow: nosy.mute(uow, target, dan, OPERATOR))
    tracked.merge(source, target)
    assert tracked.nosy(target) == {"bob": "joined", "ann": "joined", "cid": "muted", "dan": "muted"}


def test_numbers_without_ticket_are_left_out(tracked: Tracked) -> None:
    number = tracked.open(tracked.person("ann"))
    wanted = (number, TicketId(77), TicketId(10**18 - 1))
    found = tracked.database.read(lambda connection: store.resolve(connection, wanted))
    assert set(found) == {number}
    assert tracked.database.read(lambda connection: store.resolve(connection, ())) == {}
    assert address("ann") in {
        m.person.address
        for m in tracked.database.read(lambda connection: store.memberships(connection, (number,)))
    }
