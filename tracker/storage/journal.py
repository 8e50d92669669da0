"""The journal: appended to in the transaction of the change, read by subscribers with a cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, func, insert, literal, select, text, update
from sqlalchemy.exc import IntegrityError

from tracker.events import Actor, Event, JournalRow, Kind
from tracker.model import EventId, PersonId, PostId, TicketId
from tracker.storage import tables as t

# PostgreSQL gives numbers out before the commit: without a lock a lower number could become visible after
# a subscriber has gone past it. The lock is held to the end of the transaction, so numbers appear in order.
_JOURNAL_LOCK: Final = 0x6D61696C
_LOCK_POSTGRESQL = text("SELECT pg_advisory_xact_lock(:key)")

_INSERT = insert(t.event)
_AFTER = (
    select(t.event).where(t.event.c.id > bindparam("cursor")).order_by(t.event.c.id).limit(bindparam("limit"))
)
_OF_TICKET = select(t.event).where(t.event.c.ticket_id == bindparam("ticket")).order_by(t.event.c.id)
_CURSOR = select(t.cursor.c.event_id).where(t.cursor.c.subscriber == bindparam("name")).with_for_update()
_ADVANCE = update(t.cursor).where(t.cursor.c.subscriber == bindparam("name")).values(event_id=bindparam("to"))


def lock(connection: Connection) -> None:
    """Wait until nobody else may append before us; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK_POSTGRESQL, {"key": _JOURNAL_LOCK})


def append(connection: Connection, events: Sequence[Event]) -> None:
    """Write `events` in order; the caller holds the lock."""
    if events:
        connection.execute(_INSERT, [_row(event) for event in events])


def _row(event: Event) -> dict[str, Any]:
    return {
        "ticket_id": event.ticket_id,
        "post_id": event.post_id,
        "kind": event.kind.value,
        "actor_id": event.actor.person_id,
        "cause": event.actor.cause,
        "at": event.at,
        "before": event.before,
        "after": event.after,
        "quiet": event.quiet,
    }


def after(connection: Connection, cursor: EventId, limit: int) -> tuple[JournalRow, ...]:
    """At most `limit` events after `cursor`, in order."""
    rows = connection.execute(_AFTER, {"cursor": cursor, "limit": limit})
    return tuple(_event(row) for row in rows)


def history(connection: Connection, ticket_id: TicketId) -> tuple[JournalRow, ...]:
    """All that happened to a ticket, in order."""
    return tuple(_event(row) for row in connection.execute(_OF_TICKET, {"ticket": ticket_id}))


def _event(row: Row[Any]) -> JournalRow:
    actor = Actor(None if row.actor_id is None else PersonId(row.actor_id), row.cause)
    post_id = None if row.post_id is None else PostId(row.post_id)
    event = Event(
        TicketId(row.ticket_id), Kind(row.kind), actor, row.at, post_id, row.before, row.after, row.quiet
    )
    return JournalRow(EventId(row.id), event)


def read_cursor(connection: Connection, subscriber: str) -> EventId:
    """How far `subscriber` has read; its row is locked until the transaction ends."""
    found = connection.execute(_CURSOR, {"name": subscriber}).scalar()
    if found is not None:
        return EventId(found)
    _create_cursor(connection, subscriber)
    return EventId(connection.execute(_CURSOR, {"name": subscriber}).scalar_one())


def _create_cursor(connection: Connection, subscriber: str) -> None:
    try:
        with connection.begin_nested():
            connection.execute(insert(t.cursor).values(subscriber=subscriber, event_id=0))
    except IntegrityError:
        pass  # another process was first: its row is as good


def advance(connection: Connection, subscriber: str, to: EventId) -> None:
    """Say that `subscriber` has done all up to `to`."""
    connection.execute(_ADVANCE, {"name": subscriber, "to": to})


def newest(connection: Connection) -> EventId:
    """The number of the latest event, 0 when there is none."""
    return EventId(connection.execute(select(func.coalesce(func.max(t.event.c.id), literal(0)))).scalar_one())
