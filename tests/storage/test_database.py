"""What a transaction promises, on both databases: atomic, read-only when it reads, times in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import DBAPIError, StatementError

from tests.support.tracked import NOW, Tracked, address
from tracker.model import Address
from tracker.storage import people
from tracker.storage import tables as t
from tracker.storage.database import Database


def names(database: Database) -> list[str]:
    query = select(t.person.c.name).order_by(t.person.c.id)
    return database.read(lambda connection: list(connection.execute(query).scalars()))


def add(connection: Connection, name: str) -> None:
    people.create(connection, address(name), name, NOW)


def test_what_fails_leaves_nothing(database: Database) -> None:
    def half(connection: Connection) -> None:
        add(connection, "ann")
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        database.write(half)
    assert names(database) == []


def test_a_savepoint_that_comes_first_is_no_commit(database: Database) -> None:
    """The SQLite driver by itself would commit it when it is released."""
    with database.engine.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql("SAVEPOINT first")
        add(connection, "ann")
        connection.exec_driver_sql("RELEASE SAVEPOINT first")
        assert names(database) == []
        transaction.rollback()
    assert names(database) == []


def test_a_nested_transaction_that_comes_first_is_no_commit(database: Database) -> None:
    with database.engine.connect() as connection, connection.begin() as transaction:
        with connection.begin_nested():
            add(connection, "ann")
        assert names(database) == []
        transaction.rollback()
    assert names(database) == []


def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(DBAPIError, match=r"read-?only"):
        database.read(lambda connection: add(connection, "ann"))
    assert names(database) == []


def test_after_a_reader_the_same_connection_writes_again(database: Database) -> None:
    with pytest.raises(DBAPIError):
        database.read(lambda connection: add(connection, "ann"))
    assert names(database) == []
    for name in ("bob", "cid", "dan"):
        database.write(lambda connection, name=name: add(connection, name))  # type: ignore[misc]
    assert names(database) == ["bob", "cid", "dan"]


def test_a_reader_sees_one_moment(database: Database) -> None:
    database.write(lambda connection: add(connection, "ann"))

    def look_twice(connection: Connection) -> tuple[int, int]:
        counted = text("SELECT count(*) FROM person")
        before = connection.execute(counted).scalar_one()
        database.write(lambda other: add(other, "bob"))
        return before, connection.execute(counted).scalar_one()

    assert database.read(look_twice) == (1, 1)
    assert names(database) == ["ann", "bob"]


def test_a_writer_does_not_wait_for_a_reader_nor_it_for_the_writer(database: Database) -> None:
    with database.engine.begin() as connection:
        add(connection, "ann")
        assert names(database) == []
    assert names(database) == ["ann"]


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 3, 29, 1, 30, 0, 1, tzinfo=timezone(timedelta(hours=2))),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1, 1, 2, tzinfo=timezone(timedelta(hours=14))),
        datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=timezone(timedelta(hours=-12))),
    ],
)
def test_a_time_comes_back_the_same_in_utc(tracked: Tracked, moment: datetime) -> None:
    ann = tracked.person("ann")
    ticket_id = tracked.open(ann, date=moment, received=moment)
    (post,) = tracked.posts(ticket_id)
    assert post.date == moment
    assert post.received.tzinfo is not None
    assert post.received.utcoffset() == timedelta(0)


def test_times_sort_as_times_whatever_zone_they_came_in(database: Database) -> None:
    early = datetime(2026, 1, 1, 12, 0, tzinfo=timezone(timedelta(hours=11)))
    late = datetime(2026, 1, 1, 1, 0, 0, 1, tzinfo=UTC)

    def work(connection: Connection) -> list[str]:
        people.create(connection, address("late"), "late", late)
        people.create(connection, address("early"), "early", early)
        return list(connection.execute(select(t.person.c.name).order_by(t.person.c.created_at)).scalars())

    assert database.write(work) == ["early", "late"]


def test_a_time_without_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    with pytest.raises(StatementError, match="naive"):
        database.write(lambda connection: people.create(connection, address("ann"), "Ann", naive))
    assert names(database) == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_nul_in_text_is_refused_by_postgresql_and_nothing_is_left(database: Database) -> None:
    with pytest.raises((DBAPIError, ValueError), match="NUL"):
        database.write(lambda connection: people.create(connection, address("ann"), "A\0nn", NOW))
    assert names(database) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nul_in_text_comes_back_whole_from_sqlite(database: Database) -> None:
    database.write(lambda connection: people.create(connection, address("ann"), "A\0nn", NOW))
    assert names(database) == ["A\0nn"]


def test_half_a_surrogate_pair_is_refused_and_nothing_is_left(database: Database) -> None:
    with pytest.raises(UnicodeEncodeError):
        database.write(lambda connection: people.create(connection, address("ann"), "A\ud800nn", NOW))
    assert names(database) == []
    database.write(lambda connection: add(connection, "bob"))
    assert names(database) == ["bob"]


def test_any_other_text_comes_back_to_the_letter(database: Database) -> None:
    odd = "\u0001\t\r\n'\"\\%s :x ? \u202e \U0001f4ec e\u0301 \ufffe\uffff"
    database.write(lambda connection: people.create(connection, address("ann"), odd, NOW))
    assert names(database) == [odd]


def test_a_row_that_names_nothing_is_refused(database: Database) -> None:
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"):
        database.write(
            lambda c: c.execute(insert(t.address).values(address=Address("a@x.example"), person_id=99))
        )


def test_a_closed_database_opens_again(database: Database) -> None:
    database.close()
    assert database.read(lambda connection: connection.execute(text("SELECT 1")).scalar()) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_sqlite_connection_is_durable_and_patient(database: Database) -> None:
    def pragma(name: str) -> object:
        return database.read(lambda connection: connection.exec_driver_sql(f"PRAGMA {name}").scalar())

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2
    assert pragma("foreign_keys") == 1
    assert int(str(pragma("busy_timeout"))) >= 10_000
