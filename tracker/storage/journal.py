"""The journal: appended to in the transaction of the change, read by subscribers with a cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, func, insert, literal, or_, select, text, update
from sqlalchemy.exc import IntegrityError

from tracker.events import Actor, Event, JournalRow, Kind
from tracker.model import EventId, PersonId, PostId, TicketId
from tracker.storage import tables as t

_LARGEST_ID: Final = 2**63 - 1
# PostgreSQL gives numbers out before the commit: without a lock a lower number could become visible after
# a subscriber has gone past it. The lock is held to the end of the transaction, so numbers appear in order.
_JOURNAL_LOCK: Final = 0x6D61696C
_LOCK_POSTGRESQL = text("SELECT pg_advisory_xact_lock(:key)")

_INSERT = insert(t.event)
_INSERT_ONE = insert(t.event).returning(t.event.c.id)
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


def append_one(connection: Connection, event: Event) -> EventId:
    """Write an event; gives its number. The caller holds the lock."""
    return EventId(connection.execute(_INSERT_ONE, _row(event)).scalar_one())


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
        "detail": event.detail or None,
        "part_of": event.part_of,
        "undoes": event.undoes,
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
        ticket_id=TicketId(row.ticket_id),
        kind=Kind(row.kind),
        actor=actor,
        at=row.at,
        post_id=post_id,
        before=row.before or "",
        after=row.after or "",
        quiet=row.quiet,
        detail=row.detail or "",
        part_of=_event_id(row.part_of),
        undoes=_event_id(row.undoes),
    )
    return JournalRow(EventId(row.id), event)


def _event_id(number: int | None) -> EventId | None:
    return None if number is None else EventId(number)


def find(connection: Connection, event_id: EventId) -> JournalRow | None:
    """The event of that number."""
    if not 0 < event_id <= _LARGEST_ID:
        return None
    row = connection.execute(select(t.event).where(t.event.c.id == event_id)).first()
    return None if row is None else _event(row)


def parts_of(connection: Connection, event_id: EventId) -> tuple[JournalRow, ...]:
    """The consequences of an event, in order."""
    query = select(t.event).where(t.event.c.part_of == event_id).order_by(t.event.c.id)
    return tuple(_event(row) for row in connection.execute(query))


def undone_by(connection: Connection, event_id: EventId) -> EventId | None:
    """The event that undid another, unless that was undone itself."""
    query = select(t.event.c.id).where(t.event.c.undoes == event_id).order_by(t.event.c.id.desc())
    found = (EventId(row.id) for row in connection.execute(query))
    return next((one for one in found if undone_by(connection, one) is None), None)


def latest(connection: Connection, ticket_id: TicketId, kinds: Sequence[Kind]) -> JournalRow | None:
    """The latest event of these kinds in a ticket."""
    query = select(t.event).where(
        t.event.c.ticket_id == ticket_id, t.event.c.kind.in_([kind.value for kind in kinds])
    )
    row = connection.execute(query.order_by(t.event.c.id.desc()).limit(1)).first()
    return None if row is None else _event(row)


def before_of(connection: Connection, ticket_id: TicketId, kind: Kind) -> frozenset[str]:
    """What stood before each event of a kind in a ticket."""
    query = select(t.event.c.before).where(t.event.c.ticket_id == ticket_id, t.event.c.kind == kind.value)
    return frozenset(row.before or "" for row in connection.execute(query))


def exchanged_posts(connection: Connection, post_ids: Iterable[PostId]) -> tuple[tuple[PostId, str], ...]:
    """Which of these posts another tracker wrote, and its cause in the history."""
    ids = list(post_ids)
    wanted = (t.event.c.kind == Kind.EXCHANGED.value) & t.event.c.post_id.in_(ids)
    query = select(t.event.c.post_id, t.event.c.cause).join(t.post, t.post.c.ticket_id == t.event.c.ticket_id)
    rows = connection.execute(query.where(wanted, t.post.c.id == t.event.c.post_id)) if ids else ()
    return tuple((PostId(row.post_id), row.cause) for row in rows)


def of_actor(connection: Connection, actor: PersonId | str, since: datetime) -> tuple[JournalRow, ...]:
    """What a person has done since then, or a cause ("rules rev 3", which rule be it), newest first.

    The consequences of an act are left out: they are undone with it.
    """
    by_cause = or_(t.event.c.cause == actor, t.event.c.cause.startswith(f"{actor} (", autoescape=True))
    who = by_cause if isinstance(actor, str) else t.event.c.actor_id == actor
    query = select(t.event).where(who, t.event.c.at >= since, t.event.c.part_of.is_(None))
    return tuple(_event(row) for row in connection.execute(query.order_by(t.event.c.id.desc())))


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
