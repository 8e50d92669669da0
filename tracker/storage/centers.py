"""Support centers, the names they go by, and their staff."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, exists, insert, or_, select, update

from tracker.model import (
    Address,
    BadValue,
    Center,
    CenterId,
    CenterState,
    NoSuchCenter,
    Person,
    PersonId,
    TicketId,
    Wants,
)
from tracker.storage import tables as t
from tracker.words import nearest

_BY_KEYS = (
    select(t.center_alias.c.key, t.center)
    .join(t.center, t.center.c.id == t.center_alias.c.center_id)
    .where(t.center_alias.c.key.in_(bindparam("keys", expanding=True)))
)


def has_address(connection: Connection, address: Address) -> bool:
    """Whether an address is a support center's."""
    return connection.execute(select(t.center.c.id).where(t.center.c.address == address)).first() is not None


def everyone(connection: Connection) -> tuple[Center, ...]:
    """All centers by name."""
    return tuple(_center(row) for row in connection.execute(select(t.center).order_by(t.center.c.name)))


def _center(row: Row[Any]) -> Center:
    return Center(
        id=CenterId(row.id),
        name=row.name,
        address=None if row.address is None else Address(row.address),
        wants=Wants(row.wants),
        long_name=row.long_name,
        state=CenterState(row.state),
        away_until=row.away_until,
        delegate=None if row.delegate_id is None else CenterId(row.delegate_id),
        source=row.source,
    )


def name_key(name: str) -> str:
    """How names are compared: case folded, without blanks, `-` and `_`."""
    return "".join(c for c in name.casefold() if c not in "-_ ")


def lookup(connection: Connection, names: tuple[str, ...]) -> dict[str, Center]:
    """The centers of those `names` (or aliases) that are known."""
    if not names:
        return {}
    keys = {name: name_key(name) for name in names}
    rows = connection.execute(_BY_KEYS, {"keys": list(set(keys.values()))})
    found = {row.key: _center(row) for row in rows}
    return {name: found[key] for name, key in keys.items() if key in found}


def find(connection: Connection, name: str) -> Center:
    """The center called `name` or so aliased; raises NoSuchCenter with the nearest name."""
    found = lookup(connection, (name,)).get(name)
    if found is None:
        hint = nearest(name, [center.name for center in everyone(connection)])
        raise NoSuchCenter(f"there is no support center {name!r}{hint}")
    return found


def by_id(connection: Connection, center_id: CenterId) -> Center | None:
    """The center of that id."""
    row = connection.execute(select(t.center).where(t.center.c.id == center_id)).first()
    return None if row is None else _center(row)


def create(connection: Connection, name: str, address: Address | None, wants: Wants, now: datetime) -> Center:
    """Make a center known by `name`; raises BadValue when the name is taken."""
    if not name_key(name) or not name.isprintable():
        raise BadValue("a support center needs a name, on one line")
    if lookup(connection, (name,)):
        raise BadValue(f"there is a support center {name!r} already")
    values = {"name": name, "address": address, "wants": wants.value, "created_at": now}
    made = CenterId(connection.execute(insert(t.center).returning(t.center.c.id), values).scalar_one())
    add_alias(connection, made, name)
    return Center(made, name, address, wants)


def add_alias(connection: Connection, center_id: CenterId, alias: str) -> None:
    """Let a center be found as `alias`; raises BadValue when that is another's."""
    key = name_key(alias)
    owner = connection.execute(select(t.center_alias.c.center_id).where(t.center_alias.c.key == key)).scalar()
    if owner == center_id:
        return
    if owner is not None:
        raise BadValue(f"{alias!r} is the name of another support center")
    connection.execute(insert(t.center_alias).values(key=key, alias=alias, center_id=center_id))


def change(connection: Connection, center_id: CenterId, address: Address | None, wants: Wants) -> None:
    connection.execute(
        update(t.center).where(t.center.c.id == center_id).values(address=address, wants=wants.value)
    )


def describe(connection: Connection, center: Center) -> None:
    """Keep what its registry says of a center: address, long name, and which registry (`source`)."""
    values = {"address": center.address, "long_name": center.long_name, "source": center.source}
    connection.execute(update(t.center).where(t.center.c.id == center.id).values(values))


def set_state(
    connection: Connection, center: Center, state: CenterState, until: datetime | None = None
) -> None:
    """Say whether tickets may be routed to a center; `until`: when it is back, None for not known."""
    values = {"state": state.value, "away_until": until}
    connection.execute(update(t.center).where(t.center.c.id == center.id).values(values))


def set_delegate(connection: Connection, center: Center, delegate: Center | None) -> None:
    """Who takes the tickets of a center that is away; raises BadValue for the center itself."""
    if delegate is not None and delegate.id == center.id:
        raise BadValue("a center cannot be its own delegate")
    chosen = None if delegate is None else delegate.id
    connection.execute(update(t.center).where(t.center.c.id == center.id).values(delegate_id=chosen))


def remove(connection: Connection, center_id: CenterId) -> None:
    """Forget a center; raises BadValue while a ticket is with it."""
    routed = select(t.ticket_center.c.ticket_id).where(t.ticket_center.c.center_id == center_id).limit(1)
    if connection.execute(routed).first() is not None:
        raise BadValue("tickets are with this center; give them to another first")
    for table in (t.center_alias, t.center_member):
        connection.execute(delete(table).where(table.c.center_id == center_id))
    connection.execute(delete(t.center).where(t.center.c.id == center_id))


def add_member(connection: Connection, center_id: CenterId, person_id: PersonId) -> None:
    """Make a person staff of a center."""
    if person_id not in {person.id for person in members(connection, center_id)}:
        connection.execute(insert(t.center_member).values(center_id=center_id, person_id=person_id))


def is_staff_of(connection: Connection, ticket_id: TicketId, person: Person) -> bool:
    """Whether a person is staff of a center that a ticket is with, or writes as the center itself."""
    member = exists().where(
        t.center_member.c.center_id == t.center.c.id, t.center_member.c.person_id == person.id
    )
    query = (
        select(t.center.c.id)
        .join(t.ticket_center, t.ticket_center.c.center_id == t.center.c.id)
        .where(t.ticket_center.c.ticket_id == ticket_id, or_(member, t.center.c.address == person.address))
    )
    return connection.execute(query.limit(1)).first() is not None


def remove_member(connection: Connection, center_id: CenterId, person_id: PersonId) -> None:
    mine = (t.center_member.c.center_id == center_id) & (t.center_member.c.person_id == person_id)
    connection.execute(delete(t.center_member).where(mine))


def members(connection: Connection, center_id: CenterId) -> tuple[Person, ...]:
    """The staff of a center."""
    query = (
        select(t.person)
        .join(t.center_member, t.center_member.c.person_id == t.person.c.id)
        .where(t.center_member.c.center_id == center_id)
        .order_by(t.person.c.address)
    )
    return tuple(
        Person(PersonId(row.id), Address(row.address), row.name, row.member)
        for row in connection.execute(query)
    )


def aliases(connection: Connection, center_id: CenterId) -> tuple[str, ...]:
    query = select(t.center_alias.c.alias).where(t.center_alias.c.center_id == center_id)
    return tuple(sorted(row.alias for row in connection.execute(query)))
