"""The group-commit writer: one commit for all that wait, and each answered for itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import Connection, event, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.support.tracked import NOW, address
from tests.support.waiting import wait_until
from tracker.storage import people
from tracker.storage import tables as t
from tracker.storage.database import Database, Writer, WriterStopped

_PATIENCE_S = 20.0


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    made = Writer(database)
    made.start()
    yield made
    made.stop()


def add(name: str) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        people.create(connection, address(name), name, NOW)
        return name

    return work


def clash(connection: Connection) -> None:
    """Take an address that is somebody's."""
    person = people.create(connection, address("half"), "half", NOW)
    people.add_address(connection, person.id, address("ann"))


def fail(connection: Connection) -> None:
    people.create(connection, address("half"), "half", NOW)
    raise RuntimeError("a bug")


def names(database: Database) -> set[str]:
    return database.read(lambda connection: set(connection.execute(select(t.person.c.name)).scalars()))


@contextmanager
def held_back(writer: Writer) -> Iterator[None]:
    """Keep the writer busy, so that all that is written meanwhile waits, and becomes the next group."""
    busy, go_on = threading.Event(), threading.Event()

    def wait(_connection: Connection) -> None:
        busy.set()
        go_on.wait(_PATIENCE_S)

    blocker = writer.write(wait)
    assert busy.wait(_PATIENCE_S)
    try:
        yield
    finally:
        go_on.set()
        blocker.result(_PATIENCE_S)


class Commits:
    """Counts the commits that reach the driver."""

    def __init__(self, database: Database) -> None:
        self.count = 0
        event.listen(database.engine, "commit", self._note)

    def _note(self, _connection: Connection) -> None:
        self.count += 1


def test_work_that_is_answered_is_there_for_others(writer: Writer, database: Database) -> None:
    assert writer.write(add("ann")).result(_PATIENCE_S) == "ann"
    assert names(database) == {"ann"}


def test_all_that_waits_is_one_commit(writer: Writer, database: Database) -> None:
    with held_back(writer):
        commits = Commits(database)
        futures = [writer.write(add(f"p{n}")) for n in range(50)]
    assert [future.result(_PATIENCE_S) for future in futures] == [f"p{n}" for n in range(50)]
    # The one that held them back, and the one for all of them.
    assert commits.count == 2


def test_nobody_is_answered_before_the_commit(writer: Writer, database: Database) -> None:
    seen: list[bool] = []
    with held_back(writer):
        futures = [writer.write(add("ann")), writer.write(add("bob"))]
        event.listen(database.engine, "commit", lambda _: seen.append(any(f.done() for f in futures)))
    for future in futures:
        future.result(_PATIENCE_S)
    assert seen == [False, False]


def test_one_that_fails_fails_alone_and_leaves_nothing(writer: Writer, database: Database) -> None:
    with held_back(writer):
        before, bad, after = writer.write(add("ann")), writer.write(fail), writer.write(add("bob"))
    assert (before.result(_PATIENCE_S), after.result(_PATIENCE_S)) == ("ann", "bob")
    with pytest.raises(RuntimeError, match="a bug"):
        bad.result(_PATIENCE_S)
    assert names(database) == {"ann", "bob"}


def test_one_that_the_database_refuses_fails_alone(writer: Writer, database: Database) -> None:
    with held_back(writer):
        first, second, third = writer.write(add("ann")), writer.write(clash), writer.write(add("bob"))
    assert (first.result(_PATIENCE_S), third.result(_PATIENCE_S)) == ("ann", "bob")
    with pytest.raises(IntegrityError):
        second.result(_PATIENCE_S)
    assert names(database) == {"ann", "bob"}


def test_one_that_catches_its_own_savepoint_goes_on(writer: Writer, database: Database) -> None:
    def twice(connection: Connection) -> int:
        first = people.register(connection, address("ann"), "ann", NOW)
        with pytest.raises(IntegrityError), connection.begin_nested():
            clash(connection)
        return people.register(connection, address("ann"), "ann", NOW).id - first.id

    assert writer.write(twice).result(_PATIENCE_S) == 0
    assert names(database) == {"ann"}


def test_when_the_commit_fails_all_of_the_group_fail(writer: Writer, database: Database) -> None:
    def no_space(_connection: Connection) -> None:
        raise OSError("no space left on device")

    with held_back(writer):
        futures: list[Future[str]] = [writer.write(add("ann")), writer.write(add("bob"))]
        wrong = writer.write(fail)
        # Once for the group that holds the others back, which is lost too; then for these.
        blocked = Commits(database)
        event.listen(database.engine, "commit", lambda c: no_space(c) if blocked.count > 1 else None)
    for future in futures:
        with pytest.raises(OSError, match="no space left"):
            future.result(_PATIENCE_S)
    with pytest.raises(RuntimeError, match="a bug"):
        wrong.result(_PATIENCE_S)
    assert names(database) == set()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_constraint_that_fails_at_the_commit_fails_all_of_the_group(
    writer: Writer, database: Database
) -> None:
    def orphan(connection: Connection) -> None:
        connection.execute(text("CREATE TEMPORARY TABLE parent (id INT PRIMARY KEY) ON COMMIT DROP"))
        connection.execute(
            text(
                "CREATE TEMPORARY TABLE child (id INT REFERENCES parent DEFERRABLE INITIALLY DEFERRED) "
                "ON COMMIT DROP"
            )
        )
        connection.execute(text("INSERT INTO child VALUES (999)"))

    with held_back(writer):
        good, bad = writer.write(add("ann")), writer.write(orphan)
    for future in (good, bad):
        with pytest.raises(IntegrityError, match="foreign key"):
            future.result(_PATIENCE_S)
    assert names(database) == set()
    assert writer.write(add("bob")).result(_PATIENCE_S) == "bob"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_deferred_key_that_fails_at_the_commit_fails_all_of_the_group(
    writer: Writer, database: Database
) -> None:
    def orphan(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        connection.execute(text("INSERT INTO address (address, person_id) VALUES ('a@x.example', 999)"))

    with held_back(writer):
        good, bad = writer.write(add("ann")), writer.write(orphan)
    for future in (good, bad):
        with pytest.raises(IntegrityError, match="FOREIGN KEY"):
            future.result(_PATIENCE_S)
    assert names(database) == set()
    assert writer.write(add("bob")).result(_PATIENCE_S) == "bob"


def test_after_a_failed_commit_the_writer_goes_on(writer: Writer, database: Database) -> None:
    broken = [True]

    def once(_connection: Connection) -> None:
        if broken.pop() if broken else False:
            raise OSError("no space left on device")

    event.listen(database.engine, "commit", once)
    with pytest.raises(OSError, match="no space"):
        writer.write(add("ann")).result(_PATIENCE_S)
    assert writer.write(add("bob")).result(_PATIENCE_S) == "bob"
    assert names(database) == {"bob"}


def test_a_future_cancelled_while_it_waits_is_not_worked_on(writer: Writer, database: Database) -> None:
    with held_back(writer):
        gone, kept = writer.write(add("ann")), writer.write(add("bob"))
        assert gone.cancel()
    assert kept.result(_PATIENCE_S) == "bob"
    with pytest.raises(CancelledError):
        gone.result(_PATIENCE_S)
    assert names(database) == {"bob"}


def test_a_future_cannot_be_cancelled_under_the_work(writer: Writer, database: Database) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(connection: Connection) -> str:
        begun.set()
        go_on.wait(_PATIENCE_S)
        return add("ann")(connection)

    future = writer.write(slow)
    assert begun.wait(_PATIENCE_S)
    assert not future.cancel()
    go_on.set()
    assert future.result(_PATIENCE_S) == "ann"
    assert writer.write(add("bob")).result(_PATIENCE_S) == "bob"


def test_many_cancelled_futures_do_not_end_the_writer(writer: Writer, database: Database) -> None:
    with held_back(writer):
        for n in range(200):
            writer.write(add(f"p{n}")).cancel()
    assert writer.write(add("ann")).result(_PATIENCE_S) == "ann"
    assert names(database) == {"ann"}


def test_stop_finishes_what_waits_and_takes_no_more(database: Database) -> None:
    writer = Writer(database)
    futures = [writer.write(add(f"p{n}")) for n in range(150)]
    writer.start()
    writer.stop()
    assert all(future.done() for future in futures)
    assert len(names(database)) == 150
    with pytest.raises(WriterStopped):
        writer.write(add("late"))


def test_stop_twice_is_stop(database: Database) -> None:
    writer = Writer(database)
    writer.start()
    writer.stop()
    writer.stop()


def test_many_threads_are_each_answered_with_their_own(writer: Writer, database: Database) -> None:
    answers: list[tuple[str, str]] = []

    def ask(name: str) -> None:
        for n in range(10):
            answers.append((f"{name}{n}", writer.write(add(f"{name}{n}")).result(_PATIENCE_S)))

    threads = [threading.Thread(target=ask, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(asked == answered for asked, answered in answers)
    assert len(names(database)) == 80


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_lost_connection_fails_the_group_and_the_next_one_is_well(
    writer: Writer, database: Database
) -> None:
    def cut_off(connection: Connection) -> None:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with held_back(writer):
        futures = [writer.write(add("ann")), writer.write(cut_off), writer.write(add("bob"))]
    for future in futures:
        with pytest.raises((DBAPIError, psycopg.Error)):
            future.result(_PATIENCE_S)
    wait_until(lambda: writer.write(add("cid")).exception(_PATIENCE_S) is None, _PATIENCE_S)
    assert names(database) == {"cid"}
