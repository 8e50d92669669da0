"""One transaction's worth of changes and the events they cause."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection

from tracker.events import Actor, Event, Kind
from tracker.model import PostId, TicketId
from tracker.storage import journal

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    return datetime.now(UTC)


class UnitOfWork:
    """The connection of the running transaction, its time, and the events so far.

    `quiet`: nobody is told of what happens here (imported history). Whoever opened it calls `flush()`
    once, last, before the transaction commits.
    """

    def __init__(self, connection: Connection, now: datetime, *, quiet: bool = False) -> None:
        self.connection = connection
        self.now = now
        self.quiet = quiet
        self._events: list[Event] = []
        # First of all: who took it after the rows of tickets would wait for one who has it and wants those.
        journal.lock(connection)

    def record(
        self,
        ticket_id: TicketId,
        kind: Kind,
        actor: Actor,
        *,
        post_id: PostId | None = None,
        before: str = "",
        after: str = "",
    ) -> None:
        """Note an event; it becomes durable with the change that caused it."""
        self._events.append(Event(ticket_id, kind, actor, self.now, post_id, before, after, self.quiet))

    def flush(self) -> None:
        """Append the events to the journal."""
        journal.append(self.connection, self._events)
        self._events.clear()
