"""However tickets are split, merged, moved, undone: each post stands in one, and the way back leads home."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from tests.support.tracked import NOW, OPERATOR, Tracked
from tracker import assign, repair, tickets, undo
from tracker.events import Actor
from tracker.model import Queue, QueueId, Status, TicketId, TrackerError
from tracker.storage import journal, keys, posts, queues
from tracker.storage import tables as t
from tracker.storage import tickets as store
from tracker.storage.database import Database
from tracker.unit_of_work import UnitOfWork

PEOPLE = ("ann", "bob", "cid")
few = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

Step = tuple[str, int, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(("split", "split one", "merge", "undo", "move", "status", "tag")),
        st.integers(0, 50),
        st.integers(0, 50),
    ),
    max_size=12,
)


@contextmanager
def three_tickets(template: Path, folder: Path) -> Iterator[Tracked]:
    """Tickets of three, two and four posts, which answer one another and an unseen mail."""
    copy = folder / "property.db"
    shutil.copyfile(template, copy)
    database = Database.open(f"sqlite:///{copy}")
    try:
        tracked = Tracked.begin(database)
        other = Queue(QueueId(0), "osg-int", "lists.example.org", "INT", "Integration")
        database.write(lambda connection: queues.create(connection, other, NOW))
        for size in (3, 2, 4):
            _thread(tracked, size)
        yield tracked
    finally:
        database.close()
        copy.unlink()


def _thread(tracked: Tracked, size: int) -> None:
    ghost = keys.message_key("<unseen@x.example>")
    ticket_id = tracked.open(tracked.person(PEOPLE[size % 3]), named_keys=(ghost,))
    for n in range(1, size):
        tracked.pass_by(minutes=1)
        parent = keys.message_key(tracked.posts(ticket_id)[-1].message_id)
        author = tracked.person(PEOPLE[(size + n) % 3])
        times = {"date": tracked.now, "received": tracked.now, "time": tracked.now}
        tracked.answer(ticket_id, author, parent_key=parent, named_keys=(ghost,), base=f"base {n}", **times)


def do(uow: UnitOfWork, step: Step) -> None:
    """One thing that an operator does; what is refused does nothing."""
    what, one, other = step
    newest = store.newest(uow.connection)
    number = TicketId(one % newest + 1)
    found = tickets.find(uow, number)
    if what.startswith("split"):
        first = other % found.post_count + 1
        last = first if what == "split one" else found.post_count
        repair.split(uow, found.id, range(first, last + 1), "Split off", OPERATOR)
    elif what == "merge":
        repair.merge(uow, found.id, TicketId(other % newest + 1), OPERATOR)
    elif what == "undo":
        undo.undo(uow, journal.newest(uow.connection) - one, OPERATOR)
    elif what == "move":
        lists = queues.everyone(uow.connection)
        repair.move(uow, found, lists[other % len(lists)], OPERATOR)
    elif what == "status":
        tickets.set_status(uow, found, list(Status)[other % 4], OPERATOR)
    else:
        assign.add_tags(uow, found.id, (f"tag{other % 3}",), OPERATOR)


def play(tracked: Tracked, story: list[Step]) -> None:
    for step in story:
        tracked.pass_by(minutes=1)
        try:
            tracked.do(lambda uow, s=step: do(uow, s))  # type: ignore[misc]
        except TrackerError:
            continue


def ticket_state(connection: Connection, number: TicketId) -> object:
    """All of a ticket but its aliases and when it was touched."""
    one = store.by_ids(connection, (number,))[number]
    return (
        (one.title, one.base, one.status, one.requester_id, one.post_count, one.queue_id, one.merged_into),
        (one.created_at, one.active_at),
        posts.ids_of(connection, number),
        store.tags_of(connection, number),
        {(m.person.address, m.state, m.reason) for m in store.memberships(connection, (number,))},
    )


def everything(connection: Connection) -> dict[TicketId, object]:
    return {TicketId(n): ticket_state(connection, TicketId(n)) for n in (1, 2, 3)}


def check_whole(connection: Connection) -> None:
    """Nine posts, each in a ticket that is no alias, numbered without gaps, found by its keys."""
    rows = connection.execute(select(t.post.c.id, t.post.c.ticket_id, t.post.c.n, t.post.c.message_id)).all()
    assert len(rows) == 9
    places = {row.id: row.ticket_id for row in rows}
    for number in set(places.values()):
        one = store.by_ids(connection, (TicketId(number),))[TicketId(number)]
        mine = sorted(row.n for row in rows if row.ticket_id == number)
        assert (one.merged_into, mine) == (None, list(range(1, one.post_count + 1)))
    for key in connection.execute(select(t.message_key)):
        assert key.ticket_id == places[key.post_id]
    for row in rows:
        (entry,) = keys.lookup(connection, [keys.message_key(row.message_id)])
        assert entry.post_id == row.id
    for number in range(1, store.newest(connection) + 1):
        assert store.resolve(connection, (TicketId(number),)), f"{number} leads nowhere"


@given(steps)
@few
def test_each_post_stands_in_one_ticket(sqlite_template: Path, tmp_path: Path, story: list[Step]) -> None:
    with three_tickets(sqlite_template, tmp_path) as tracked:
        play(tracked, story)
        tracked.database.read(check_whole)


@example([("split", 0, 1), ("undo", 0, 0), ("merge", 1, 0)])
@example([("undo", 8, 0), ("merge", 0, 1)])
@example([("undo", 11, 0), ("merge", 0, 1)])
@example([("undo", 11, 0), ("merge", 1, 0)])
@given(steps)
@few
def test_to_undo_everything_restores_the_start(
    sqlite_template: Path, tmp_path: Path, story: list[Step]
) -> None:
    with three_tickets(sqlite_template, tmp_path) as tracked:
        start = tracked.database.read(everything)
        begin = tracked.database.read(journal.newest)
        play(tracked, story)

        def undo_all(uow: UnitOfWork) -> list[str]:
            rows = journal.of_actor(uow.connection, OPERATOR.cause, NOW)
            mine = [row for row in rows if row.id > begin]
            return [one.refused for one in undo.undo_all(uow, mine, Actor(None, "another")) if one.refused]

        assert tracked.do(undo_all) == []
        assert tracked.database.read(everything) == start
        tracked.database.read(check_whole)
