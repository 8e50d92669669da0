"""One transaction's worth of changes and the events they cause."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from tracker.events import Actor, Event, Kind
from tracker.model import EventId, PostId, TicketId
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
        self._part_of: EventId | None = None
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
        self.record_event(Event(ticket_id, kind, actor, self.now, post_id, before, after))

    def record_event(self, event: Event) -> None:
        """The same, of an event that keeps more."""
        self._events.append(self._placed(event))

    def record_act(self, event: Event) -> EventId:
        """Note an event that others are going to refer to by its number."""
        self.flush()
        return journal.append_one(self.connection, self._placed(event))

    def _placed(self, event: Event) -> Event:
        if self._part_of is None and not self.quiet:
            return event
        return replace(event, part_of=self._part_of, quiet=event.quiet or self.quiet)

    @contextmanager
    def parts_of(self, act: EventId, *, quiet: bool = False) -> Iterator[None]:
        """What is recorded in the block are consequences of `act`; `quiet`: of which nobody is told."""
        before = self._part_of, self.quiet
        self._part_of, self.quiet = act, quiet or self.quiet
        try:
            yield
        finally:
            self._part_of, self.quiet = before

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What is done in the block is taken back when it fails, and nothing else."""
        self.flush()
        try:
            with self.connection.begin_nested():
                yield
                self.flush()
        finally:
            self._events.clear()

    def flush(self) -> None:
        """Append the events to the journal."""
        journal.append(self.connection, self._events)
        self._events.clear()
