"""Persons and their addresses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from tracker.model import Address, NoSuchPerson, Person, PersonId
from tracker.storage import tables as t


@dataclass(frozen=True, slots=True)
class Sender:
    """Somebody who writes: the person, and whether a support center names them as staff."""

    person: Person
    staff: bool


_STAFF: ColumnElement[bool] = or_(
    exists().where(t.center_member.c.person_id == t.person.c.id),
    exists().where(t.center.c.address == t.person.c.address),
)
_COLUMNS: Final[tuple[Column[Any], ...]] = (
    t.person.c.id,
    t.person.c.address,
    t.person.c.name,
    t.person.c.member,
)
_SENDER: Select[*tuple[Any, ...]] = (
    select(*_COLUMNS, _STAFF.label("staff"))
    .join(t.address, t.address.c.person_id == t.person.c.id)
    .where(t.address.c.address == bindparam("address"))
)
_BY_IDS = select(*_COLUMNS).where(t.person.c.id.in_(bindparam("ids", expanding=True)))
_INSERT_PERSON = insert(t.person).returning(t.person.c.id)
_INSERT_ADDRESS = insert(t.address)
_CLAIM_ADDRESS = {
    "sqlite": sqlite.insert(t.address).on_conflict_do_nothing().returning(t.address.c.person_id),
    "postgresql": postgresql.insert(t.address).on_conflict_do_nothing().returning(t.address.c.person_id),
}


def find_sender(connection: Connection, address: Address) -> Sender | None:
    """Who writes from `address`, or None when nobody has written from it before."""
    row = connection.execute(_SENDER, {"address": address}).first()
    return None if row is None else Sender(_person(row), bool(row.staff))


def staff_of(connection: Connection, sender: Sender | None) -> tuple[str, ...]:
    """The names of the centers whose staff somebody is, or as which they write."""
    if sender is None or not sender.staff:
        return ()
    member = exists().where(
        t.center_member.c.center_id == t.center.c.id, t.center_member.c.person_id == sender.person.id
    )
    query = select(t.center.c.name).where(or_(member, t.center.c.address == sender.person.address))
    return tuple(row.name for row in connection.execute(query.order_by(t.center.c.name)))


def _person(row: Row[Any]) -> Person:
    return Person(PersonId(row.id), Address(row.address), row.name, row.member)


def find(connection: Connection, address: Address) -> Person:
    """The person of `address`; raises NoSuchPerson."""
    sender = find_sender(connection, address)
    if sender is None:
        raise NoSuchPerson(f"nobody is known as {address}")
    return sender.person


def by_ids(connection: Connection, ids: frozenset[PersonId]) -> dict[PersonId, Person]:
    """The persons of `ids`."""
    rows = connection.execute(_BY_IDS, {"ids": sorted(ids)}) if ids else ()
    return {PersonId(row.id): _person(row) for row in rows}


def register(connection: Connection, address: Address, name: str, now: datetime) -> Person:
    """The person of `address`, made now if there is none."""
    known = find_sender(connection, address)
    return known.person if known is not None else create(connection, address, name, now)


def create(connection: Connection, address: Address, name: str, now: datetime) -> Person:
    """A new person; or the one whom another process made of the same address a moment ago."""
    values = {"address": address, "name": name, "member": False, "created_at": now}
    person_id = connection.execute(_INSERT_PERSON, values).scalar_one()
    claim = _CLAIM_ADDRESS[connection.dialect.name]
    if connection.execute(claim, {"address": address, "person_id": person_id}).first() is not None:
        return Person(PersonId(person_id), address, name, member=False)
    connection.execute(delete(t.person).where(t.person.c.id == person_id))
    return find(connection, address)


def set_member(connection: Connection, person_id: PersonId, member: bool) -> None:
    connection.execute(update(t.person).where(t.person.c.id == person_id).values(member=member))


def set_name(connection: Connection, person_id: PersonId, name: str) -> None:
    connection.execute(update(t.person).where(t.person.c.id == person_id).values(name=name))


def add_address(connection: Connection, person_id: PersonId, address: Address) -> None:
    """Another address of the same person; IntegrityError when it is somebody's already."""
    connection.execute(_INSERT_ADDRESS, {"address": address, "person_id": person_id})


def addresses_of(connection: Connection, person_id: PersonId) -> tuple[Address, ...]:
    rows = connection.execute(
        select(t.address.c.address).where(t.address.c.person_id == person_id).order_by(t.address.c.address)
    )
    return tuple(Address(row.address) for row in rows)


def everybody(connection: Connection) -> tuple[Person, ...]:
    return tuple(_person(row) for row in connection.execute(select(*_COLUMNS).order_by(t.person.c.id)))
