"""The journal: in order, whole, and read once by each subscriber."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import Connection

from tests.support.tracked import OPERATOR, Tracked
from tests.support.waiting import wait_until
from tracker import tickets
from tracker.events import Kind
from tracker.model import EventId, Priority, TicketId
from tracker.storage import journal
from tracker.storage import tickets as store
from tracker.storage.database import Database
from tracker.unit_of_work import UnitOfWork

_PATIENCE_S = 20.0


def numbers(tracked: Tracked) -> list[int]:
    return [row.id for row in tracked.journal()]


def note(uow: UnitOfWork, ticket_id: TicketId, text: str) -> None:
    uow.record(ticket_id, Kind.NOTE, OPERATOR, after=text)


def test_events_come_back_as_they_were_noted_and_in_their_order(tracked: Tracked) -> None:
    ticket_id = tracked.open(tracked.person("ann"))
    with tracked.unit() as uow:
        for n in range(200):
            note(uow, ticket_id, str(n))
    rows = [row for row in tracked.journal() if row.event.kind is Kind.NOTE]
    assert [row.event.after for row in rows] == [str(n) for n in range(200)]
    assert [row.id for row in rows] == sorted(row.id for row in rows)
    assert {(row.event.actor, row.event.at, row.event.quiet) for row in rows} == {
        (OPERATOR, tracked.now, False)
    }


def test_what_is_rolled_back_leaves_no_event(tracked: Tracked) -> None:
    ticket_id = tracked.open(tracked.person("ann"))
    before = numbers(tracked)

    def fail(uow: UnitOfWork) -> None:
        note(uow, ticket_id, "never")
        uow.flush()
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        tracked.do(fail)
    assert numbers(tracked) == before


def test_after_gives_so_many_beyond_the_cursor(tracked: Tracked) -> None:
    tracked.open(tracked.person("ann"))
    ids = numbers(tracked)
    assert len(ids) == 2
    rows = tracked.database.read(lambda connection: journal.after(connection, EventId(0), 1))
    assert [row.id for row in rows] == ids[:1]
    rows = tracked.database.read(lambda connection: journal.after(connection, rows[0].id, 10))
    assert [row.id for row in rows] == ids[1:]
    assert tracked.database.read(journal.newest) == ids[-1]


def test_a_reader_never_goes_past_an_event_that_is_not_there_yet(tracked: Tracked) -> None:
    """Two transactions append at once, the first commits last: no number may show before a lower one."""
    ticket_id = tracked.open(tracked.person("ann"))
    start = tracked.database.read(journal.newest)
    flushed, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with tracked.unit() as uow:
            note(uow, ticket_id, "first")
            uow.flush()
            flushed.set()
            go_on.wait(_PATIENCE_S)

    def quick() -> None:
        with tracked.unit() as uow:
            note(uow, ticket_id, "second")

    threads = [threading.Thread(target=slow), threading.Thread(target=quick)]
    threads[0].start()
    assert flushed.wait(_PATIENCE_S)
    threads[1].start()
    # The second either waits for the first, or must not be seen before it.
    threads[1].join(0.3)
    seen = tracked.database.read(lambda connection: journal.after(connection, start, 10))
    go_on.set()
    for thread in threads:
        thread.join(_PATIENCE_S)
    assert seen == ()
    rows = tracked.database.read(lambda connection: journal.after(connection, start, 10))
    assert [row.event.after for row in rows] == ["first", "second"]


def test_a_subscriber_beside_many_writers_meets_every_event_once(tracked: Tracked) -> None:
    ticket_id = tracked.open(tracked.person("ann"))
    tracked.database.write(lambda connection: journal.read_cursor(connection, "reader"))

    def append(name: str) -> None:
        for n in range(10):
            with tracked.unit() as uow:
                note(uow, ticket_id, f"{name}{n}")

    writers = [threading.Thread(target=append, args=(name,)) for name in "abcd"]
    for thread in writers:
        thread.start()
    met: list[str] = []

    def advance() -> bool:
        met.extend(tracked.database.write(lambda connection: take(connection, "reader", 3)))
        return len([one for one in met if one]) == 40

    wait_until(advance, _PATIENCE_S)
    for thread in writers:
        thread.join()
    assert sorted(one for one in met if one) == sorted(f"{name}{n}" for name in "abcd" for n in range(10))


def take(connection: Connection, subscriber: str, most: int) -> list[str]:
    """The next events of a subscriber, its cursor moved past them."""
    rows = journal.after(connection, journal.read_cursor(connection, subscriber), most)
    if rows:
        journal.advance(connection, subscriber, rows[-1].id)
    return [row.event.after if row.event.kind is Kind.NOTE else "" for row in rows]


def test_two_threads_of_one_subscriber_share_the_events(tracked: Tracked) -> None:
    ticket_id = tracked.open(tracked.person("ann"))
    with tracked.unit() as uow:
        for n in range(60):
            note(uow, ticket_id, f"n{n}")
    met: list[str] = []
    gate = threading.Barrier(2)

    def read_all() -> None:
        gate.wait(_PATIENCE_S)
        while taken := tracked.database.write(lambda connection: take(connection, "fresh", 4)):
            met.extend(taken)

    threads = [threading.Thread(target=read_all) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_PATIENCE_S)
    assert sorted(one for one in met if one) == sorted(f"n{n}" for n in range(60))


def test_a_cursor_moves_only_with_the_work_of_its_subscriber(tracked: Tracked) -> None:
    tracked.open(tracked.person("ann"))

    def fail(connection: Connection) -> None:
        assert take(connection, "reader", 1) == [""]
        raise RuntimeError("no mail written")

    with pytest.raises(RuntimeError, match="no mail written"):
        tracked.database.write(fail)
    assert len(tracked.database.write(lambda connection: take(connection, "reader", 10))) == 2


def test_cursors_of_two_subscribers_are_apart(tracked: Tracked) -> None:
    tracked.open(tracked.person("ann"))
    first = tracked.database.write(lambda connection: take(connection, "one", 10))
    second = tracked.database.write(lambda connection: take(connection, "two", 10))
    assert len(first) == len(second) == 2


def test_a_group_of_the_writer_and_a_command_beside_it_do_not_lock_each_other_out(
    tracked: Tracked, database: Database
) -> None:
    """One has written events and then wants a ticket, the other has the ticket and then writes events."""
    ann = tracked.person("ann")
    first, second = tracked.open(ann), tracked.open(ann)
    meeting = threading.Barrier(2)

    def group(connection: Connection) -> None:
        for number in (first, second):
            uow = UnitOfWork(connection, tracked.now)
            tickets.set_priority(uow, tickets.find(uow, number), Priority.HIGH, OPERATOR)
            uow.flush()
            meet(meeting)

    def command(connection: Connection) -> None:
        uow = UnitOfWork(connection, tracked.now)
        ticket = tickets.find(uow, second)
        meet(meeting)
        tickets.set_title(uow, ticket, "Another title", OPERATOR)
        uow.flush()

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(database.write, work) for work in (group, command)]
    assert [future.exception() for future in running] == [None, None]
    found = database.read(lambda connection: store.by_ids(connection, (first, second)))
    assert found[second].title == "Another title"
    assert {ticket.priority for ticket in found.values()} == {Priority.HIGH}


def meet(meeting: threading.Barrier) -> None:
    # Where one waits for the other to commit, they do not meet, which is as good.
    with suppress(threading.BrokenBarrierError):
        meeting.wait(0.5)
