"""Persons and their addresses."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
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
from tracker.storage import roles
from tracker.storage import tables as t
from tracker.storage.roles import NONE, Roles


@dataclass(frozen=True, slots=True)
class Sender:
    """Somebody who writes: the person, whether a support center names them as staff, and their roles."""

    person: Person
    staff: bool
    roles: Roles = NONE


@dataclass(frozen=True, slots=True)
class Wishes:
    """How somebody wants their mail.

    `timezone`: the zone that times are told in, "" for UTC. `html`: ticket copies with an HTML part.
    `always_copy`: the ticket copy also of what they have from To or Cc.
    """

    timezone: str = ""
    html: bool = False
    always_copy: bool = False


_STAFF: ColumnElement[bool] = or_(
    exists().where(t.center_member.c.person_id == t.person.c.id),
    exists().where(t.center.c.address == t.person.c.address),
)
_HAS_ROLE: ColumnElement[bool] = exists().where(t.role.c.person_id == t.person.c.id)
_COLUMNS: Final[tuple[Column[Any], ...]] = (
    t.person.c.id,
    t.person.c.address,
    t.person.c.name,
    t.person.c.member,
)
_SENDER: Select[*tuple[Any, ...]] = (
    select(*_COLUMNS, _STAFF.label("staff"), _HAS_ROLE.label("has_role"))
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
    if row is None:
        return None
    person = _person(row)
    return Sender(person, bool(row.staff), roles.of(connection, person.id) if row.has_role else NONE)


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


def wishes_of(connection: Connection, ids: Collection[PersonId]) -> dict[PersonId, Wishes]:
    """How those of `ids` want their mail who want it otherwise than everybody."""
    if not ids:
        return {}
    person = t.person.c
    special = (person.timezone != "") | person.html | person.always_copy
    query = select(person.id, person.timezone, person.html, person.always_copy)
    rows = connection.execute(query.where(special, person.id.in_(sorted(set(ids)))))
    return {PersonId(row.id): Wishes(row.timezone, row.html, row.always_copy) for row in rows}


def set_wishes(connection: Connection, person_id: PersonId, wishes: Wishes) -> None:
    values = {"timezone": wishes.timezone, "html": wishes.html, "always_copy": wishes.always_copy}
    connection.execute(update(t.person).where(t.person.c.id == person_id).values(values))


def add_address(connection: Connection, person_id: PersonId, address: Address) -> None:
    """Another address of the same person; IntegrityError when it is somebody's already."""
    connection.execute(_INSERT_ADDRESS, {"address": address, "person_id": person_id})


def adopt(connection: Connection, person: Person, address: Address) -> None:
    """Make an address one of a person's; who was known by it becomes that person, with all they did."""
    other = find_sender(connection, address)
    if other is None:
        add_address(connection, person.id, address)
    elif other.person.id != person.id:
        _become(connection, other.person.id, person.id)


def _become(connection: Connection, old: PersonId, new: PersonId) -> None:
    """Let all rows of one person be another's. Where both have one, as on a nosy list, the other's stays."""
    for table, column in _named_once():
        rest = [one for one in table.primary_key.columns if one is not column]
        has = table.alias()
        same = [has.c[one.name] == one for one in rest]
        both = exists().where(has.c[column.name] == new, *same)
        connection.execute(delete(table).where(column == old, both))
    for table, column in _named():
        connection.execute(update(table).where(column == old).values({column: new}))
    connection.execute(delete(t.person).where(t.person.c.id == old))


def _named() -> Iterator[tuple[Table, Column[Any]]]:
    """Every column that names a person."""
    for table in t.metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.column is t.person.c.id:
                yield table, key.parent


def _named_once() -> Iterator[tuple[Table, Column[Any]]]:
    return ((table, column) for table, column in _named() if column.primary_key)


def addresses_of(connection: Connection, person_id: PersonId) -> tuple[Address, ...]:
    rows = connection.execute(
        select(t.address.c.address).where(t.address.c.person_id == person_id).order_by(t.address.c.address)
    )
    return tuple(Address(row.address) for row in rows)


def everybody(connection: Connection) -> tuple[Person, ...]:
    return tuple(_person(row) for row in connection.execute(select(*_COLUMNS).order_by(t.person.c.id)))
