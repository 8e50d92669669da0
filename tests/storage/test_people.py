"""Persons and their addresses."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from tests.support.tracked import NOW, Tracked, address
from tracker.model import Address, Delivery, NoSuchPerson, Person, Wants
from tracker.storage import centers, people, queues, tickets
from tracker.storage import tables as t


def test_the_first_mail_registers_its_sender_as_no_member(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    assert ann == Person(ann.id, address("ann"), "Ann", member=False)
    assert tracked.database.read(lambda connection: people.find(connection, address("ann"))) == ann


def test_who_is_known_keeps_name_and_number(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    again = tracked.database.write(lambda c: people.register(c, address("ann"), "Another Name", NOW))
    assert again == ann


def test_two_addresses_are_one_person_and_mail_goes_to_the_first(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    other = Address("ann@home.example")
    tracked.database.write(lambda connection: people.add_address(connection, ann.id, other))
    assert tracked.database.read(lambda connection: people.find(connection, other)) == ann
    assert set(tracked.database.read(lambda c: people.addresses_of(c, ann.id))) == {ann.address, other}


def test_an_address_is_one_persons_only(tracked: Tracked) -> None:
    ann, bob = tracked.person("ann"), tracked.person("bob")
    with pytest.raises(IntegrityError):
        tracked.database.write(lambda connection: people.add_address(connection, bob.id, ann.address))
    assert tracked.database.read(lambda connection: people.find(connection, ann.address)) == ann


def test_nobody_is_found_under_an_unknown_address(tracked: Tracked) -> None:
    with pytest.raises(NoSuchPerson, match=r"nobody is known as cid@x\.example"):
        tracked.database.read(lambda connection: people.find(connection, address("cid")))


@pytest.mark.parametrize("round_", range(3))
def test_a_race_for_one_address_gives_one_person(tracked: Tracked, round_: int) -> None:
    gate = threading.Barrier(2)
    found: list[Person] = []

    def register() -> None:
        gate.wait(10)
        found.append(
            tracked.database.write(lambda c: people.register(c, address("new"), f"New {round_}", NOW))
        )

    threads = [threading.Thread(target=register) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 2
    assert found[0] == found[1]
    assert tracked.database.read(people.everybody) == (found[0],)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_who_comes_second_waits_for_the_first_and_gets_the_same_person(tracked: Tracked) -> None:
    """Both have looked and found nobody; the first to write has not committed when the second writes."""
    found: list[Person] = []
    second = threading.Thread(
        target=lambda: found.append(
            tracked.database.write(lambda c: people.create(c, address("new"), "Second", NOW))
        )
    )
    with tracked.database.engine.begin() as connection:
        first = people.create(connection, address("new"), "First", NOW)
        second.start()
        second.join(0.2)
        assert found == []
    second.join(20)
    assert found == [first]
    assert tracked.database.read(people.everybody) == (first,)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_who_comes_second_is_registered_when_the_first_is_rolled_back(tracked: Tracked) -> None:
    found: list[Person] = []
    second = threading.Thread(
        target=lambda: found.append(
            tracked.database.write(lambda c: people.create(c, address("new"), "Second", NOW))
        )
    )
    with tracked.database.engine.connect() as connection, connection.begin() as transaction:
        people.create(connection, address("new"), "First", NOW)
        second.start()
        second.join(0.2)
        transaction.rollback()
    second.join(20)
    assert [person.name for person in found] == ["Second"]
    assert tracked.database.read(people.everybody) == tuple(found)


def test_staff_are_the_members_of_a_center_and_its_own_address(tracked: Tracked) -> None:
    ann, bob, desk = tracked.person("ann"), tracked.person("bob"), tracked.person("desk")

    def appoint(connection: Connection) -> None:
        center = centers.create(connection, "USCMS", desk.address, Wants.OPENINGS, NOW)
        centers.add_member(connection, center.id, ann.id)

    tracked.database.write(appoint)

    def is_staff(person: Person) -> bool:
        found = tracked.database.read(lambda connection: people.find_sender(connection, person.address))
        return found is not None and found.staff

    assert [is_staff(one) for one in (ann, bob, desk)] == [True, False, True]


def test_a_person_made_in_vain_leaves_no_row(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    same = tracked.database.write(lambda c: people.create(c, address("ann"), "Twice", NOW))
    assert same == ann
    ids = tracked.database.read(lambda c: list(c.execute(select(t.person.c.id)).scalars()))
    assert ids == [ann.id]


def test_who_was_known_by_an_address_becomes_the_person_it_now_belongs_to(tracked: Tracked) -> None:
    ann, bob = tracked.person("ann"), tracked.person("bob")
    mine, both = tracked.open(bob), tracked.open(ann)
    tracked.answer(both, bob)

    def merge(connection: Connection) -> None:
        for person in (ann, bob):
            queues.subscribe(connection, tracked.queue.id, person.id, Delivery.NEW, NOW)
            centers.add_member(connection, uscms.id, person.id)
        people.adopt(connection, ann, bob.address)

    uscms = tracked.database.write(lambda c: centers.create(c, "USCMS", None, Wants.ALL, NOW))
    tracked.database.write(merge)
    assert tracked.database.read(people.everybody) == (ann,)
    assert tracked.database.read(lambda c: people.find(c, bob.address)) == ann
    assert [one.person for one in tracked.database.read(queues.subscribers)] == [ann]
    assert tracked.database.read(lambda c: centers.members(c, uscms.id)) == (ann,)
    found = tracked.database.read(lambda c: tickets.by_ids(c, (mine, both)))
    assert {ticket.requester_id for ticket in found.values()} == {ann.id}
    members = tracked.database.read(lambda c: tickets.memberships(c, (mine, both)))
    assert sorted((one.ticket_id, one.person.id) for one in members) == [(mine, ann.id), (both, ann.id)]
