"""A small tracker inside a database: one list, people by name, posts with everything a post needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TypeVar

from sqlalchemy import Connection

from tracker import repair, tickets
from tracker.commands import AddPost, NewPost, OpenTicket
from tracker.events import Actor, JournalRow
from tracker.model import Address, EventId, Person, PostId, Queue, QueueId, Status, Ticket, TicketId, Trust
from tracker.storage import journal, keys, people, posts, queues
from tracker.storage import tickets as store
from tracker.storage.database import Database
from tracker.unit_of_work import UnitOfWork

T = TypeVar("T")

NOW = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
OPERATOR = Actor(None, "operator ann")
_numbers = count(1)


def address(name: str) -> Address:
    return Address(f"{name}@x.example")


def some_post(author: Person, raw_sha256: str, **changes: object) -> NewPost:
    """A post with an id of its own; `changes` are fields of NewPost."""
    message_id = f"<post{next(_numbers)}@x.example>"
    post = NewPost(
        author_id=author.id,
        author_address=author.address,
        author_name=author.name,
        message_id=message_id,
        original_message_id=None,
        own_key=keys.message_key(message_id),
        parent_key=None,
        named_keys=(),
        thread_key=None,
        subject="Jobs are held",
        base="jobs are held",
        is_reply=False,
        date=NOW,
        received=NOW,
        time=NOW,
        text="All our jobs are held.",
        new_text="All our jobs are held.",
        trust=Trust.UNCHECKED,
        disposition="post",
        raw_sha256=raw_sha256,
        copied_to=(),
    )
    return replace(post, **changes)  # type: ignore[arg-type]


@dataclass
class Tracked:
    """A database with the list osg-general, and shorthands for what the gateway does to it."""

    database: Database
    queue: Queue
    now: datetime = NOW

    @classmethod
    def begin(cls, database: Database) -> Tracked:
        wanted = Queue(QueueId(0), "osg-general", "lists.example.org", "OSG", "General")
        return cls(database, database.write(lambda connection: queues.create(connection, wanted, NOW)))

    def do(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run `work` as one unit of work."""

        def run(connection: Connection) -> T:
            uow = UnitOfWork(connection, self.now)
            result = work(uow)
            uow.flush()
            return result

        return self.database.write(run)

    @contextmanager
    def unit(self) -> Iterator[UnitOfWork]:
        """A unit of work that stays open as long as the block."""
        with self.database.engine.begin() as connection:
            uow = UnitOfWork(connection, self.now)
            yield uow
            uow.flush()

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)

    def person(self, name: str) -> Person:
        return self.database.write(lambda c: people.register(c, address(name), name.title(), self.now))

    def post_by(self, author: Person, **changes: object) -> NewPost:
        """A post whose raw mail is kept."""
        digest = self.database.write(lambda connection: posts.put_blob(connection, b"Subject: x\r\n\r\ntext"))
        return some_post(author, digest, **changes)

    def open(
        self, author: Person, *, private: bool = False, provisional: bool = False, **changes: object
    ) -> TicketId:
        post = self.post_by(author, **changes)
        command = OpenTicket(self.queue.id, "Jobs are held", post, private=private, provisional=provisional)
        return self.do(lambda uow: tickets.open_ticket(uow, command, author))[0]

    def answer(
        self,
        ticket_id: TicketId,
        author: Person,
        *,
        staff: bool = False,
        automatic: bool = False,
        late_opening: str | None = None,
        **changes: object,
    ) -> PostId:
        command = AddPost(ticket_id, self.post_by(author, **changes), staff, automatic, late_opening)
        return self.do(lambda uow: tickets.add_post(uow, command, author))

    def set_status(self, ticket_id: TicketId, status: Status) -> None:
        self.do(lambda uow: tickets.set_status(uow, tickets.find(uow, ticket_id), status, OPERATOR))

    def merge(self, source: TicketId, target: TicketId) -> None:
        self.do(lambda uow: repair.merge(uow, source, target, OPERATOR))

    def ticket(self, number: int) -> Ticket:
        """The row of that very number, aliases not followed."""
        wanted = TicketId(number)
        return self.database.read(lambda connection: store.by_ids(connection, (wanted,)))[wanted]

    def posts(self, ticket_id: TicketId) -> tuple[posts.Post, ...]:
        return self.database.read(lambda connection: posts.of_ticket(connection, ticket_id))

    def nosy(self, ticket_id: TicketId) -> dict[str, str]:
        """Who is on the nosy list, by first name, and how."""
        found = self.database.read(lambda connection: store.memberships(connection, (ticket_id,)))
        return {m.person.address.partition("@")[0]: m.state.value for m in found}

    def events(self, ticket_id: TicketId) -> list[str]:
        """The history as `kind before>after`."""
        rows = self.database.read(lambda connection: journal.history(connection, ticket_id))
        return [_shown(row) for row in rows]

    def journal(self) -> tuple[JournalRow, ...]:
        return self.database.read(lambda connection: journal.after(connection, EventId(0), 10_000))


def _shown(row: JournalRow) -> str:
    return f"{row.event.kind.value} {row.event.before}>{row.event.after}"
