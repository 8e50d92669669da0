"""What goes out: rendered mails and one row a person (tables `outgoing` and `delivery`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from mailgate import bouncing
from mailgate.tables import delivery, outgoing
from tracker.model import Address, EventId, PostId, QueueId, TicketId
from tracker.nosy import Face, Role, Told
from tracker.people import is_erased
from tracker.storage import tables as t

OutgoingId = NewType("OutgoingId", int)
DeliveryId = NewType("DeliveryId", int)


class State(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    BOUNCED = "bounced"
    DROPPED = "dropped"
    # Written while the daemon ran as a shadow, for somebody who is not on its list.
    SHADOWED = "shadowed"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One rendered mail. `body` None: it is what `raw_sha256` holds from `body_offset` on.

    `event_id` and `ticket_id` are None for mail that is about no one ticket: a digest, a word to the owner.
    """

    event_id: EventId | None
    ticket_id: TicketId | None
    post_id: PostId | None
    queue_id: QueueId
    face: Face
    message_id: str
    head: bytes
    body: bytes | None
    raw_sha256: str | None = None
    body_offset: int | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that is to be made now."""

    id: DeliveryId
    outgoing_id: OutgoingId
    ticket_id: TicketId | None
    address: Address
    attempts: int
    created_at: datetime
    role: Role = Role.MEMBER


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one attempt: the state it leads to, when to try again, what the remote said."""

    id: DeliveryId
    state: State
    due_at: datetime
    reply: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A delivery as an operator sees it."""

    id: DeliveryId
    ticket_id: TicketId | None
    post_id: PostId | None
    address: Address
    face: Face
    reason: str
    state: State
    attempts: int
    due_at: datetime
    reply: str


_INSERT_OUTGOING = insert(outgoing).returning(outgoing.c.id)
_INSERT_DELIVERY = insert(delivery)
_DUE = (
    select(
        delivery.c.id,
        delivery.c.outgoing_id,
        delivery.c.ticket_id,
        delivery.c.address,
        delivery.c.attempts,
        delivery.c.created_at,
        delivery.c.role,
    )
    .where(delivery.c.state == State.WAITING.value, delivery.c.due_at <= bindparam("now"))
    .order_by(delivery.c.due_at, delivery.c.id)
    .limit(bindparam("limit"))
)
_LOAD = select(outgoing).where(outgoing.c.id.in_(bindparam("ids", expanding=True)))
_SETTLE = (
    update(delivery)
    .where(delivery.c.id == bindparam("row"), delivery.c.state == State.WAITING.value)
    .values(
        state=bindparam("new_state"),
        due_at=bindparam("new_due"),
        done_at=bindparam("new_done"),
        reply=bindparam("new_reply"),
        attempts=delivery.c.attempts + 1,
    )
)
_TOLD = select(delivery.c.address).where(delivery.c.ticket_id == bindparam("ticket")).distinct()
_ENTRIES = select(delivery, outgoing.c.face, outgoing.c.post_id).join(
    outgoing, outgoing.c.id == delivery.c.outgoing_id
)


def add(
    connection: Connection, mail: Outgoing, told: Sequence[Told], now: datetime, *, probe: bool = False
) -> OutgoingId | None:
    """Keep a rendered mail and a delivery for each of `told`, less those whose mail comes back.

    None where that is nobody. `probe`: whether it still comes back, is what this mail is to find out.
    """
    told = [one for one in told if not is_erased(one.address)]
    if not probe:
        dead = bouncing.suspended(connection, {one.address for one in told})
        told = [one for one in told if one.address not in dead]
    if not told:
        return None
    values = {
        "event_id": mail.event_id,
        "ticket_id": mail.ticket_id,
        "post_id": mail.post_id,
        "queue_id": mail.queue_id,
        "face": mail.face.value,
        "message_id": mail.message_id,
        "head": mail.head,
        "body": mail.body,
        "raw_sha256": mail.raw_sha256,
        "body_offset": mail.body_offset,
        "created_at": now,
    }
    outgoing_id = OutgoingId(connection.execute(_INSERT_OUTGOING, values).scalar_one())
    common = {
        "outgoing_id": outgoing_id,
        "ticket_id": mail.ticket_id,
        "state": State.WAITING.value,
        "created_at": now,
        "due_at": now,
    }
    people = (
        {"person_id": one.person_id, "address": one.address, "reason": one.reason, "role": one.role.value}
        for one in told
    )
    connection.execute(_INSERT_DELIVERY, [common | person for person in people])
    return outgoing_id


def due(connection: Connection, now: datetime, limit: int) -> tuple[Due, ...]:
    """Deliveries to make now, the longest due first."""
    rows = connection.execute(_DUE, {"now": now, "limit": limit})
    return tuple(
        Due(
            DeliveryId(row.id),
            OutgoingId(row.outgoing_id),
            _ticket_id(row),
            Address(row.address),
            row.attempts,
            row.created_at,
            Role(row.role) if row.role else Role.MEMBER,
        )
        for row in rows
    )


def load(connection: Connection, ids: Iterable[OutgoingId]) -> dict[OutgoingId, Outgoing]:
    """The rendered mails of `ids`, their bodies with them."""
    rows = connection.execute(_LOAD, {"ids": sorted(set(ids))})
    return {OutgoingId(row.id): _outgoing(connection, row) for row in rows}


def _outgoing(connection: Connection, row: Row[Any]) -> Outgoing:
    body = row.body
    if body is None:
        # SUBSTR counts from one; the database cuts, so that the head is not read in vain.
        cut = func.substr(t.blob.c.content, row.body_offset + 1)
        body = connection.execute(select(cut).where(t.blob.c.sha256 == row.raw_sha256)).scalar_one()
    return Outgoing(
        None if row.event_id is None else EventId(row.event_id),
        _ticket_id(row),
        None if row.post_id is None else PostId(row.post_id),
        QueueId(row.queue_id),
        Face(row.face),
        row.message_id,
        row.head,
        bytes(body),
        row.raw_sha256,
        row.body_offset,
    )


def settle(connection: Connection, results: Sequence[Result], now: datetime) -> None:
    """Write down what became of attempts."""
    rows = [
        {
            "row": result.id,
            "new_state": result.state.value,
            "new_due": result.due_at,
            "new_done": None if result.state is State.WAITING else now,
            "new_reply": result.reply,
        }
        for result in results
    ]
    if rows:
        connection.execute(_SETTLE, rows)


def told_addresses(connection: Connection, ticket_id: TicketId) -> tuple[Address, ...]:
    """Everybody who was ever sent something of a ticket."""
    return tuple(Address(row.address) for row in connection.execute(_TOLD, {"ticket": ticket_id}))


@dataclass(frozen=True, slots=True)
class Had:
    """What an address was sent of one ticket; `as_participant`: a ticket copy of it."""

    posts: frozenset[PostId]
    as_participant: bool


def posts_sent(
    connection: Connection, ticket_id: TicketId, addresses: Iterable[Address]
) -> dict[Address, Had]:
    """What those of `addresses` were sent of a ticket who were sent anything."""
    query = (
        select(delivery.c.address, outgoing.c.post_id, outgoing.c.face)
        .join(outgoing, outgoing.c.id == delivery.c.outgoing_id)
        .where(delivery.c.ticket_id == ticket_id, delivery.c.address.in_(sorted(addresses)))
    )
    found: dict[Address, Had] = {}
    for row in connection.execute(query):
        had = found.get(Address(row.address), Had(frozenset(), False))
        known = had.posts if row.post_id is None else had.posts | {PostId(row.post_id)}
        as_participant = had.as_participant or (row.face == Face.TICKET.value and row.post_id is not None)
        found[Address(row.address)] = Had(known, as_participant)
    return found


def recipients_of(connection: Connection, ids: Sequence[PostId]) -> dict[PostId, frozenset[Address]]:
    """To whom copies of each of these posts were written."""
    query = (
        select(outgoing.c.post_id, delivery.c.address)
        .join(delivery, delivery.c.outgoing_id == outgoing.c.id)
        .where(outgoing.c.post_id.in_(ids))
    )
    found: dict[PostId, set[Address]] = {one: set() for one in ids}
    for row in connection.execute(query):
        found[PostId(row.post_id)].add(Address(row.address))
    return {one: frozenset(addresses) for one, addresses in found.items()}


@dataclass(frozen=True, slots=True)
class Sent:
    """A delivery that something is said of: to whom, as what, of which list and ticket."""

    address: Address
    role: Role
    queue_id: QueueId
    ticket_id: TicketId | None
    state: State


def find(connection: Connection, number: int) -> Sent | None:
    """The delivery of that number."""
    columns = (delivery.c.address, delivery.c.role, delivery.c.ticket_id, delivery.c.state)
    query = select(*columns, outgoing.c.queue_id).join(outgoing, outgoing.c.id == delivery.c.outgoing_id)
    row = connection.execute(query.where(delivery.c.id == number)).first()
    if row is None:
        return None
    role = Role(row.role) if row.role else Role.MEMBER
    return Sent(Address(row.address), role, QueueId(row.queue_id), _ticket_id(row), State(row.state))


def note_bounce(connection: Connection, number: int, report: str) -> None:
    """A delivery came back."""
    change = update(delivery).where(delivery.c.id == number)
    connection.execute(change.values(state=State.BOUNCED.value, reply=report))


@dataclass(frozen=True, slots=True)
class Lost:
    """A copy to a contact or a center that failed for good."""

    ticket_id: TicketId
    address: Address


def lost(connection: Connection, since: datetime) -> tuple[Lost, ...]:
    """The copies of tickets to contacts and centers, written since a time, that failed or came back."""
    query = select(delivery.c.ticket_id, delivery.c.address).where(
        delivery.c.created_at > since,
        delivery.c.role.in_([Role.CONTACT.value, Role.CENTER.value, Role.EXCHANGE.value]),
        delivery.c.state.in_([State.FAILED.value, State.BOUNCED.value]),
        delivery.c.ticket_id.is_not(None),
    )
    rows = connection.execute(query.distinct())
    return tuple(Lost(TicketId(row.ticket_id), Address(row.address)) for row in rows)


def count_since(connection: Connection, since: datetime) -> int:
    """How many copies were written since a time."""
    query = select(func.count()).select_from(delivery).where(delivery.c.created_at > since)
    return connection.execute(query).scalar_one()


def count_to(connection: Connection, address: Address, ticket_id: TicketId, since: datetime) -> int:
    """How many copies about a ticket were written to an address since a time."""
    mine = (delivery.c.ticket_id == ticket_id) & (delivery.c.address == address)
    query = select(func.count()).select_from(delivery).where(mine, delivery.c.created_at > since)
    return connection.execute(query).scalar_one()


def had(connection: Connection, address: Address, reason: str, since: datetime) -> bool:
    """Whether a copy was written to an address for that reason since a time."""
    mine = (delivery.c.address == address) & (delivery.c.reason == reason)
    query = select(delivery.c.id).where(mine, delivery.c.created_at > since).limit(1)
    return connection.execute(query).first() is not None


def had_of_ticket(connection: Connection, address: Address, ticket_id: TicketId, since: datetime) -> bool:
    """Whether a copy about a ticket was written to an address since a time."""
    query = (
        select(delivery.c.id)
        .join(outgoing, outgoing.c.id == delivery.c.outgoing_id)
        .where(delivery.c.address == address, delivery.c.created_at >= since)
        .where(outgoing.c.ticket_id == ticket_id)
    )
    return connection.execute(query.limit(1)).first() is not None


def count_for(connection: Connection, address: Address, reason: str, since: datetime) -> int:
    """How many copies were written to an address for that reason since a time."""
    mine = (delivery.c.address == address) & (delivery.c.reason == reason)
    query = select(func.count()).select_from(delivery).where(mine, delivery.c.created_at > since)
    return connection.execute(query).scalar_one()


def first_since(connection: Connection, since: datetime) -> datetime | None:
    """When the first copy after a time was written."""
    return connection.execute(
        select(func.min(delivery.c.created_at)).where(delivery.c.created_at > since)
    ).scalar()


def of_post(connection: Connection, post_id: PostId) -> tuple[Entry, ...]:
    """All deliveries of one post, in the order in which people were found."""
    query = _ENTRIES.where(outgoing.c.post_id == post_id).order_by(delivery.c.id)
    return tuple(_entry(row) for row in connection.execute(query))


def entries(connection: Connection, states: Iterable[State], limit: int = 1000) -> tuple[Entry, ...]:
    """Deliveries in those states, oldest first."""
    wanted = delivery.c.state.in_([state.value for state in states])
    query = _ENTRIES.where(wanted).order_by(delivery.c.id).limit(limit)
    return tuple(_entry(row) for row in connection.execute(query))


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        DeliveryId(row.id),
        _ticket_id(row),
        None if row.post_id is None else PostId(row.post_id),
        Address(row.address),
        Face(row.face),
        row.reason,
        State(row.state),
        row.attempts,
        row.due_at,
        row.reply,
    )


def _ticket_id(row: Row[*tuple[Any, ...]]) -> TicketId | None:
    return None if row.ticket_id is None else TicketId(row.ticket_id)


def retry(connection: Connection, ids: Sequence[int], now: datetime) -> int:
    """Let waiting or failed deliveries go now; gives how many."""
    query = update(delivery).where(delivery.c.state.in_((State.WAITING.value, State.FAILED.value)))
    if ids:
        query = query.where(delivery.c.id.in_(ids))
    return connection.execute(query.values(state=State.WAITING.value, due_at=now)).rowcount


def drop(connection: Connection, ids: Sequence[int], now: datetime) -> int:
    """Give up waiting deliveries; gives how many."""
    query = update(delivery).where(delivery.c.state == State.WAITING.value, delivery.c.id.in_(ids))
    return connection.execute(query.values(state=State.DROPPED.value, done_at=now)).rowcount


def counts(connection: Connection) -> dict[str, int]:
    """How many deliveries stand in each state."""
    query = select(delivery.c.state, func.count()).group_by(delivery.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}
