"""Profiles of exchanges, and what other trackers call our tickets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, delete, func, insert, or_, select, update

from mailgate.exchange.profiles import Profile, read_profile
from mailgate.tables import exchange_pair as p
from mailgate.tables import exchange_profile as t
from tracker.model import Address, BadValue, Center, CenterId, TicketId
from tracker.storage.tables import center as center_table
from tracker.storage.tables import ticket as ticket_table
from tracker.words import nearest


@dataclass(frozen=True, slots=True)
class Exchange:
    """A center whose tracker we speak with: under which name, how, and what its secret address is made of."""

    name: str
    center_id: CenterId
    center: str
    center_address: Address | None
    epoch: int
    enabled: bool
    content: str

    @property
    def profile(self) -> Profile:
        return read_profile(self.content)

    @property
    def address(self) -> Address | None:
        """Where mail to its tracker goes."""
        return self.profile.address or self.center_address

    @property
    def addresses(self) -> frozenset[Address]:
        """Whatever its tracker may write from."""
        known = (self.center_address, self.profile.address, self.profile.comment, *self.profile.senders)
        return frozenset(one for one in known if one is not None)


@dataclass(frozen=True, slots=True)
class Pair:
    """A ticket of ours, and its number in the tracker of a center.

    `foreign_status` is the last word for it that they said, or were told; `heard_at` when they wrote that,
    `told_at` when we wrote last.
    """

    center_id: CenterId
    foreign_id: str
    ticket_id: TicketId
    learned_from: str
    created_at: datetime
    heard_at: datetime | None = None
    told_at: datetime | None = None
    foreign_status: str = ""


@dataclass(frozen=True, slots=True)
class Partner:
    """A center that a mail may be from, with how its tracker is spoken with, if it is."""

    center_id: CenterId
    name: str
    address: Address | None
    exchange: Exchange | None


_EXCHANGES = select(
    t, center_table.c.name.label("center"), center_table.c.address.label("center_address")
).join(center_table, center_table.c.id == t.c.center_id)


# Asked of every mail.
_PARTNERS = (
    select(t, center_table.c.id.label("id"), center_table.c.name.label("center"))
    .add_columns(center_table.c.address.label("center_address"))
    .select_from(center_table.outerjoin(t, and_(t.c.center_id == center_table.c.id, t.c.enabled)))
    .where(or_(center_table.c.address == bindparam("sender"), t.c.name.is_not(None)))
    .order_by(center_table.c.id)
)
_OF_CENTERS = _EXCHANGES.where(t.c.center_id.in_(bindparam("ids", expanding=True)), t.c.enabled)


def _exchange(row: Row[Any]) -> Exchange:
    address = None if row.center_address is None else Address(row.center_address)
    name, center_id = row._mapping[t.c.name], CenterId(row.center_id)
    return Exchange(name, center_id, row.center, address, row.epoch, row.enabled, row.content)


def everyone(connection: Connection) -> tuple[Exchange, ...]:
    """All exchanges, by name."""
    return tuple(_exchange(row) for row in connection.execute(_EXCHANGES.order_by(t.c.name)))


def find(connection: Connection, name: str) -> Exchange:
    """The exchange of that name; raises BadValue with the nearest one."""
    row = connection.execute(_EXCHANGES.where(t.c.name == name)).first()
    if row is None:
        hint = nearest(name, [one.name for one in everyone(connection)])
        raise BadValue(f"there is no exchange {name!r}{hint}")
    return _exchange(row)


def of_centers(connection: Connection, center_ids: Iterable[CenterId]) -> dict[CenterId, Exchange]:
    """The exchanges that are on, of those centers."""
    ids = set(center_ids)
    if not ids:
        return {}
    rows = connection.execute(_OF_CENTERS, {"ids": sorted(ids)})
    return {(found := _exchange(row)).center_id: found for row in rows}


def partners(connection: Connection, sender: Address | None) -> tuple[Partner, ...]:
    """The center that has the address of a mail's sender, and all whose trackers we speak with."""
    return tuple(_partner(row) for row in connection.execute(_PARTNERS, {"sender": sender}))


def _partner(row: Row[Any]) -> Partner:
    address = None if row.center_address is None else Address(row.center_address)
    exchange = None if row.content is None else _exchange(row)
    return Partner(CenterId(row.id), row.center, address, exchange)


def put(connection: Connection, name: str, center: Center, content: str, now: datetime) -> bool:
    """Speak with a center's tracker under `name`, as `content` says; True when it is new.

    Raises BadValue when the profile is none, or another name is taken for that center.
    """
    read_profile(content)
    rows = connection.execute(_EXCHANGES.where(or_(t.c.name == name, t.c.center_id == center.id)))
    for other in [_exchange(row) for row in rows]:
        if other.name != name or other.center_id != center.id:
            raise BadValue(f"the exchange with {other.center} is called {other.name!r}; remove that first")
        values = {"content": content, "changed_at": now}
        connection.execute(update(t).where(t.c.name == name).values(values))
        return False
    values = {"name": name, "center_id": center.id, "content": content, "changed_at": now}
    connection.execute(insert(t).values(values))
    return True


def enable(connection: Connection, name: str, now: datetime, *, enabled: bool) -> None:
    connection.execute(update(t).where(t.c.name == name).values(enabled=enabled, changed_at=now))


def rotate(connection: Connection, name: str, now: datetime) -> None:
    """Give it another secret address; the old one is none any more."""
    connection.execute(update(t).where(t.c.name == name).values(epoch=t.c.epoch + 1, changed_at=now))


def remove(connection: Connection, name: str) -> None:
    """Speak with it no more. What it calls our tickets stays known."""
    connection.execute(delete(t).where(t.c.name == name))


def pair(connection: Connection, center_id: CenterId, foreign_id: str) -> Pair | None:
    """Our ticket for a number of a center's tracker."""
    row = connection.execute(
        select(p).where(p.c.center_id == center_id, p.c.foreign_id == foreign_id)
    ).first()
    return None if row is None else _pair(row)


def pairs(connection: Connection, ticket_ids: Iterable[TicketId]) -> tuple[Pair, ...]:
    """What other trackers call tickets, oldest first; what they call an alias, they call its ticket."""
    now = func.coalesce(ticket_table.c.merged_into, p.c.ticket_id)
    query = select(p, now.label("now")).join(ticket_table, ticket_table.c.id == p.c.ticket_id)
    rows = connection.execute(query.where(now.in_(set(ticket_ids))).order_by(p.c.created_at, p.c.foreign_id))
    return tuple(replace(_pair(row), ticket_id=TicketId(row.now)) for row in rows)


def latest_pairs(connection: Connection, limit: int) -> tuple[Pair, ...]:
    """The pairs learned last, newest first."""
    query = select(p).order_by(p.c.created_at.desc(), p.c.foreign_id).limit(limit)
    return tuple(_pair(row) for row in connection.execute(query))


def _pair(row: Row[Any]) -> Pair:
    return Pair(
        center_id=CenterId(row.center_id),
        foreign_id=row.foreign_id,
        ticket_id=TicketId(row.ticket_id),
        learned_from=row.learned_from,
        created_at=row.created_at,
        heard_at=row.heard_at,
        told_at=row.told_at,
        foreign_status=row.foreign_status,
    )


def learn(connection: Connection, new: Pair) -> None:
    """Keep what a center's tracker calls a ticket; the caller has looked that it is not known."""
    values = {"center_id": new.center_id, "foreign_id": new.foreign_id, "ticket_id": new.ticket_id}
    values |= {"learned_from": new.learned_from, "created_at": new.created_at}
    connection.execute(insert(p).values(values))


def heard(connection: Connection, one: Pair, word: str, at: datetime) -> None:
    """Keep their word for the status, and when they wrote it."""
    mine = and_(p.c.center_id == one.center_id, p.c.foreign_id == one.foreign_id)
    connection.execute(update(p).where(mine).values(foreign_status=word, heard_at=at))


def told(connection: Connection, one: Pair, word: str | None, at: datetime) -> None:
    """Keep that they were written to, and in their word the status they were told, if they take any."""
    mine = and_(p.c.center_id == one.center_id, p.c.foreign_id == one.foreign_id)
    values: dict[str, object] = {"told_at": at} | ({} if word is None else {"foreign_status": word})
    connection.execute(update(p).where(mine).values(values))


def count_pairs(connection: Connection) -> dict[CenterId, int]:
    """How many tickets each center's tracker has a number for."""
    query = select(p.c.center_id, func.count()).group_by(p.c.center_id)
    return {CenterId(center): count for center, count in connection.execute(query)}
