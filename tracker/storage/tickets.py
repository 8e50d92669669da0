"""Tickets and what hangs on them: centers, tags, links, nosy list."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from tracker.model import (
    Address,
    CenterId,
    Link,
    NosyState,
    Person,
    PersonId,
    Priority,
    QueueId,
    Status,
    Ticket,
    TicketId,
    Wants,
)
from tracker.storage import tables as t

_MOST_ALIAS_HOPS: Final = 16
_LARGEST_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class TicketCenter:
    """A center a ticket is with: its name then, its address now, who gave it (`why`), what speaks for it."""

    ticket_id: TicketId
    center_id: CenterId
    name: str
    address: Address | None
    wants: Wants
    why: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Membership:
    """A person's place on the nosy list of a ticket, as read: since when."""

    ticket_id: TicketId
    person: Person
    state: NosyState
    reason: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a person stands on a nosy list, and since when."""

    state: NosyState
    reason: str
    since: datetime


_BY_IDS = select(t.ticket).where(t.ticket.c.id.in_(bindparam("ids", expanding=True)))
_ONE_LOCKED = select(t.ticket).where(t.ticket.c.id == bindparam("ticket")).with_for_update()
_BY_BASE = (
    select(t.ticket)
    .where(
        t.ticket.c.id.in_(
            select(t.post.c.ticket_id)
            .where(t.post.c.base == bindparam("base"), t.post.c.received >= bindparam("since"))
            .distinct()
        ),
        t.ticket.c.active_at >= bindparam("since"),
        t.ticket.c.queue_id == bindparam("queue"),
        t.ticket.c.private.is_(False),
        t.ticket.c.merged_into.is_(None),
    )
    .order_by(t.ticket.c.id.desc())
    .limit(bindparam("limit"))
)
# Numbers of tickets that open private begin here, and have nine digits.
_FIRST_PRIVATE: Final = 100_000_000
_HIGHEST = select(func.max(t.ticket.c.id)).where(t.ticket.c.id < _FIRST_PRIVATE)
_INSERT = insert(t.ticket).returning(t.ticket.c.id)
_INSERT_MEMBERSHIP = insert(t.membership)
_INSERT_CENTER = insert(t.ticket_center)
_INSERT_TAG = insert(t.ticket_tag)
_STATE = select(t.membership.c.state).where(
    t.membership.c.ticket_id == bindparam("ticket"), t.membership.c.person_id == bindparam("person")
)
_STANDING = select(t.membership.c.state, t.membership.c.reason, t.membership.c.since).where(
    t.membership.c.ticket_id == bindparam("ticket"), t.membership.c.person_id == bindparam("person")
)
_MEMBERS = (
    select(t.membership, t.person.c.address, t.person.c.name, t.person.c.member)
    .join(t.person, t.person.c.id == t.membership.c.person_id)
    .where(t.membership.c.ticket_id.in_(bindparam("ids", expanding=True)))
    .order_by(t.membership.c.since, t.membership.c.person_id)
)
_CENTERS = (
    select(t.ticket_center, t.center.c.address, t.center.c.wants)
    .join(t.center, t.center.c.id == t.ticket_center.c.center_id)
    .where(t.ticket_center.c.ticket_id.in_(bindparam("ids", expanding=True)))
    .order_by(t.ticket_center.c.ticket_id, t.ticket_center.c.name)
)
_POSTS_BRIEFLY = (
    select(t.post.c.base, t.post.c.date, t.post.c.received)
    .where(t.post.c.ticket_id == bindparam("ticket"))
    .order_by(t.post.c.n)
)
_TAGS = (
    select(t.ticket_tag.c.tag)
    .where(t.ticket_tag.c.ticket_id == bindparam("ticket"))
    .order_by(t.ticket_tag.c.tag)
)


def ticket_of(row: Row[Any]) -> Ticket:
    """The value of a row of the table `ticket`."""
    return Ticket(
        id=TicketId(row.id),
        queue_id=QueueId(row.queue_id),
        title=row.title,
        mail_title=row.mail_title,
        base=row.base,
        status=Status(row.status),
        priority=Priority(row.priority),
        requester_id=PersonId(row.requester_id),
        owner_id=None if row.owner_id is None else PersonId(row.owner_id),
        topic=row.topic,
        private=row.private,
        provisional=row.provisional,
        imported=row.imported,
        nonce=row.nonce,
        post_count=row.post_count,
        created_at=row.created_at,
        active_at=row.active_at,
        touched_at=row.touched_at,
        resolved_at=row.resolved_at,
        merged_into=None if row.merged_into is None else TicketId(row.merged_into),
    )


def insert_ticket(connection: Connection, values: dict[str, Any]) -> TicketId:
    """Insert a row; `values` are those of the table. Gives the number."""
    number = _private_number(connection) if values["private"] else _next_number(connection)
    numbered = values if number is None else {"id": number, **values}
    return TicketId(connection.execute(_INSERT, numbered).scalar_one())


def _private_number(connection: Connection) -> int:
    """A number by chance, far from the public ones: it leaves no gap among them, and is not guessed."""
    while True:
        number = _FIRST_PRIVATE + secrets.randbelow(9 * _FIRST_PRIVATE)
        if not by_ids(connection, (TicketId(number),)):
            return number


def _next_number(connection: Connection) -> int | None:
    """The next public one; None where the database counts by itself, whatever else was inserted."""
    if connection.dialect.name != "sqlite":
        return None
    highest: int | None = connection.execute(_HIGHEST).scalar()
    return (highest or 0) + 1


def by_ids(connection: Connection, ids: Iterable[TicketId]) -> dict[TicketId, Ticket]:
    """The tickets of those numbers as they stand, aliases not followed."""
    # A person may ask for any number; none beyond this can be stored.
    wanted = sorted({number for number in ids if 0 < number <= _LARGEST_ID})
    rows = connection.execute(_BY_IDS, {"ids": wanted}) if wanted else ()
    return {TicketId(row.id): ticket_of(row) for row in rows}


def resolve(connection: Connection, ids: Iterable[TicketId]) -> dict[TicketId, Ticket]:
    """For each number the ticket it now means: aliases are followed, unknown numbers left out."""
    asked = set(ids)
    loaded = by_ids(connection, asked)
    for _ in range(_MOST_ALIAS_HOPS):
        onward = {x.merged_into for x in loaded.values() if x.merged_into is not None} - loaded.keys()
        if not onward:
            break
        loaded.update(by_ids(connection, [number for number in onward if number is not None]))
    return {number: ticket for number in asked if (ticket := _follow(loaded, number)) is not None}


def _follow(loaded: dict[TicketId, Ticket], number: TicketId) -> Ticket | None:
    ticket = loaded.get(number)
    for _ in range(_MOST_ALIAS_HOPS):
        if ticket is None or ticket.merged_into is None:
            return ticket
        ticket = loaded.get(ticket.merged_into)
    return None


def lock(connection: Connection, ticket_id: TicketId) -> Ticket | None:
    """A ticket, its row locked until the transaction ends: its posts come one after another."""
    row = connection.execute(_ONE_LOCKED, {"ticket": ticket_id}).first()
    return None if row is None else ticket_of(row)


def by_base(
    connection: Connection, queue_id: QueueId, base: str, since: datetime, limit: int
) -> tuple[Ticket, ...]:
    """Public tickets, active since then, with a post of that subject since: the newest, in order."""
    values = {"base": base, "since": since, "queue": queue_id, "limit": limit}
    newest_first = [ticket_of(row) for row in connection.execute(_BY_BASE, values)]
    return tuple(reversed(newest_first))


def change(connection: Connection, ticket_id: TicketId, **values: Any) -> None:
    """Set columns of one ticket."""
    connection.execute(update(t.ticket).where(t.ticket.c.id == ticket_id).values(**values))


def state_of(connection: Connection, ticket_id: TicketId, person_id: PersonId) -> NosyState | None:
    """Where a person stands on the nosy list; None: never was on it."""
    found = connection.execute(_STATE, {"ticket": ticket_id, "person": person_id}).scalar()
    return None if found is None else NosyState(found)


def set_state(connection: Connection, membership: Membership, now: datetime, *, known: bool) -> None:
    """Write a place on the nosy list; `known` says that there is a row already."""
    values = {"state": membership.state.value, "reason": membership.reason, "since": now}
    if known:
        mine = (t.membership.c.ticket_id == membership.ticket_id) & (
            t.membership.c.person_id == membership.person.id
        )
        connection.execute(update(t.membership).where(mine).values(**values))
        return
    keys = {"ticket_id": membership.ticket_id, "person_id": membership.person.id}
    connection.execute(_INSERT_MEMBERSHIP, keys | values)


def standing_of(connection: Connection, ticket_id: TicketId, person_id: PersonId) -> Standing | None:
    """How a person stands on the nosy list; None: never was on it."""
    row = connection.execute(_STANDING, {"ticket": ticket_id, "person": person_id}).first()
    return None if row is None else Standing(NosyState(row.state), row.reason, row.since)


def restore_standing(
    connection: Connection, ticket_id: TicketId, person: Person, standing: Standing | None
) -> None:
    """Let a person stand on the nosy list as they once did; None: not at all."""
    mine = (t.membership.c.ticket_id == ticket_id) & (t.membership.c.person_id == person.id)
    if standing is None:
        connection.execute(delete(t.membership).where(mine))
        return
    known = state_of(connection, ticket_id, person.id) is not None
    place = Membership(ticket_id, person, standing.state, standing.reason)
    set_state(connection, place, standing.since, known=known)


def memberships(connection: Connection, ids: Iterable[TicketId]) -> tuple[Membership, ...]:
    """The nosy lists of those tickets, everybody with their state."""
    wanted = sorted(set(ids))
    rows = connection.execute(_MEMBERS, {"ids": wanted}) if wanted else ()
    return tuple(
        Membership(
            TicketId(row.ticket_id),
            Person(PersonId(row.person_id), Address(row.address), row.name, row.member),
            NosyState(row.state),
            row.reason,
            row.since,
        )
        for row in rows
    )


def centers_of(connection: Connection, ids: Iterable[TicketId]) -> tuple[TicketCenter, ...]:
    """The centers those tickets are with."""
    wanted = sorted(set(ids))
    rows = connection.execute(_CENTERS, {"ids": wanted}) if wanted else ()
    return tuple(
        TicketCenter(
            TicketId(row.ticket_id),
            CenterId(row.center_id),
            row.name,
            None if row.address is None else Address(row.address),
            Wants(row.wants),
            row.why,
            row.reason,
        )
        for row in rows
    )


def add_centers(connection: Connection, centers: Iterable[TicketCenter]) -> None:
    rows = [
        {
            "ticket_id": c.ticket_id,
            "center_id": c.center_id,
            "name": c.name,
            "why": c.why,
            "reason": c.reason,
        }
        for c in centers
    ]
    if rows:
        connection.execute(_INSERT_CENTER, rows)


def remove_center(connection: Connection, ticket_id: TicketId, center_id: CenterId) -> None:
    mine = (t.ticket_center.c.ticket_id == ticket_id) & (t.ticket_center.c.center_id == center_id)
    connection.execute(delete(t.ticket_center).where(mine))


def tags_of(connection: Connection, ticket_id: TicketId) -> tuple[str, ...]:
    return tuple(row.tag for row in connection.execute(_TAGS, {"ticket": ticket_id}))


def add_tags(connection: Connection, ticket_id: TicketId, tags: Iterable[str]) -> None:
    rows = [{"ticket_id": ticket_id, "tag": tag} for tag in tags]
    if rows:
        connection.execute(_INSERT_TAG, rows)


def remove_tag(connection: Connection, ticket_id: TicketId, tag: str) -> None:
    mine = (t.ticket_tag.c.ticket_id == ticket_id) & (t.ticket_tag.c.tag == tag)
    connection.execute(delete(t.ticket_tag).where(mine))


def links_of(connection: Connection, ticket_id: TicketId) -> tuple[tuple[Link, TicketId], ...]:
    query = (
        select(t.ticket_link)
        .where(t.ticket_link.c.ticket_id == ticket_id)
        .order_by(t.ticket_link.c.kind, t.ticket_link.c.other_id)
    )
    return tuple((Link(row.kind), TicketId(row.other_id)) for row in connection.execute(query))


def add_link(connection: Connection, ticket_id: TicketId, kind: Link, other_id: TicketId) -> bool:
    """Link two tickets; False when they were linked so already."""
    if (kind, other_id) in links_of(connection, ticket_id):
        return False
    connection.execute(insert(t.ticket_link).values(ticket_id=ticket_id, kind=kind.value, other_id=other_id))
    return True


def remove_link(connection: Connection, ticket_id: TicketId, kind: Link, other_id: TicketId) -> bool:
    """Part two tickets; False when they were not linked so."""
    mine = (t.ticket_link.c.ticket_id == ticket_id) & (t.ticket_link.c.other_id == other_id)
    return (
        connection.execute(delete(t.ticket_link).where(mine, t.ticket_link.c.kind == kind.value)).rowcount > 0
    )


def aliases_of(connection: Connection, ticket_id: TicketId) -> tuple[TicketId, ...]:
    """Numbers that now mean this ticket."""
    query = select(t.ticket.c.id).where(t.ticket.c.merged_into == ticket_id).order_by(t.ticket.c.id)
    return tuple(TicketId(row.id) for row in connection.execute(query))


def repoint_aliases(connection: Connection, source: TicketId, target: TicketId) -> None:
    """Let the aliases of `source`, an alias itself now, mean `target`: chains would grow past all hops."""
    aliases = update(t.ticket).where(t.ticket.c.merged_into == source)
    connection.execute(aliases.values(merged_into=target))


def give_back_aliases(
    connection: Connection, aliases: Iterable[TicketId], source: TicketId, target: TicketId
) -> None:
    """Let those of `aliases` that mean `source` mean `target`."""
    theirs = update(t.ticket).where(t.ticket.c.id.in_(list(aliases)), t.ticket.c.merged_into == source)
    connection.execute(theirs.values(merged_into=target))


def count_again(connection: Connection, ticket_id: TicketId, now: datetime) -> None:
    """Bring up to date what a ticket says of its posts: how many, since when, until when, about what."""
    rows = connection.execute(_POSTS_BRIEFLY, {"ticket": ticket_id}).all()
    times = [min(row.date or row.received, row.received) for row in rows]
    change(
        connection,
        ticket_id,
        post_count=len(rows),
        created_at=min(times),
        active_at=max(times),
        touched_at=now,
        base=rows[0].base,
    )


def newest(connection: Connection) -> int:
    """The highest number given so far, 0 when there is none."""
    return int(connection.execute(select(func.coalesce(func.max(t.ticket.c.id), 0))).scalar_one())


def count(connection: Connection) -> int:
    """How many tickets there are, aliases not counted."""
    query = select(func.count()).select_from(t.ticket).where(t.ticket.c.merged_into.is_(None))
    return int(connection.execute(query).scalar_one())
