"""Lists and their subscribers."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from tests.support.tracked import NOW, Tracked, address
from tracker.model import Delivery, NoSuchQueue, Queue, QueueId
from tracker.storage import people, queues


def subscribe(tracked: Tracked, name: str, delivery: Delivery | None = None) -> Delivery:
    person = tracked.person(name)
    return tracked.database.write(
        lambda c: queues.subscribe(c, tracked.queue.id, person.id, delivery, tracked.now)
    )


def chosen(tracked: Tracked) -> dict[str, Delivery]:
    found = tracked.database.read(lambda connection: queues.subscribers(connection, tracked.queue.id))
    return {one.person.address.partition("@")[0]: one.delivery for one in found}


def fill(tracked: Tracked, many: int) -> None:
    def work(connection: Connection) -> None:
        for n in range(many):
            person = people.register(connection, address(f"sub{n}"), "", NOW)
            queues.subscribe(connection, tracked.queue.id, person.id, None, NOW)

    tracked.database.write(work)


def test_a_small_list_sends_all_and_from_fifty_on_newcomers_get_openings(tracked: Tracked) -> None:
    fill(tracked, 49)
    assert subscribe(tracked, "fiftieth") is Delivery.ALL
    assert subscribe(tracked, "next") is Delivery.NEW
    assert subscribe(tracked, "wants-all", Delivery.ALL) is Delivery.ALL
    everybody = chosen(tracked)
    assert len(everybody) == 52
    assert [name for name, delivery in everybody.items() if delivery is not Delivery.ALL] == ["next"]


def test_who_is_subscribed_keeps_the_choice_unless_another_is_made(tracked: Tracked) -> None:
    subscribe(tracked, "ann", Delivery.NONE)
    assert subscribe(tracked, "ann") is Delivery.NONE
    assert subscribe(tracked, "ann", Delivery.NEW) is Delivery.NEW
    assert chosen(tracked) == {"ann": Delivery.NEW}


def test_the_default_of_one_list_does_not_count_another(tracked: Tracked) -> None:
    fill(tracked, 60)
    other = tracked.database.write(
        lambda c: queues.create(c, Queue(QueueId(0), "osg-int", "lists.example.org", "INT", ""), NOW)
    )
    ann = tracked.person("ann")
    got = tracked.database.write(lambda c: queues.subscribe(c, other.id, ann.id, None, NOW))
    assert got is Delivery.ALL


def test_who_leaves_is_off_and_leaving_twice_says_so(tracked: Tracked) -> None:
    subscribe(tracked, "ann")
    subscribe(tracked, "bob")
    ann = tracked.person("ann")

    def leave() -> bool:
        return tracked.database.write(lambda c: queues.unsubscribe(c, tracked.queue.id, ann.id))

    assert leave()
    assert not leave()
    assert set(chosen(tracked)) == {"bob"}


def test_subscribers_come_in_the_order_they_joined(tracked: Tracked) -> None:
    for name in ("cid", "ann", "bob"):
        subscribe(tracked, name)
        tracked.pass_by(minutes=1)
    assert list(chosen(tracked)) == ["cid", "ann", "bob"]


@pytest.mark.parametrize("name", ["osg-general", "OSG-General@LISTS.example.org", "osg", "OSG"])
def test_a_list_is_found_by_name_address_and_tag(tracked: Tracked, name: str) -> None:
    assert tracked.database.read(lambda connection: queues.find(connection, name)) == tracked.queue


def test_a_list_that_is_not_there_is_refused(tracked: Tracked) -> None:
    with pytest.raises(NoSuchQueue, match="no list 'osg-int'"):
        tracked.database.read(lambda connection: queues.find(connection, "osg-int"))


def test_an_address_is_one_lists_only(tracked: Tracked) -> None:
    with pytest.raises(IntegrityError):
        tracked.database.write(lambda connection: queues.create(connection, tracked.queue, NOW))
    assert tracked.database.read(queues.everyone) == (tracked.queue,)
