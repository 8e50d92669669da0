"""The database behind a URL, and the group-commit writer that all durable work goes through."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor

T = TypeVar("T")
Work = Callable[[Connection], T]

# Enough to make one fsync serve all who wait, small enough to keep the wait short.
_LARGEST_GROUP: Final = 64
_BUSY_TIMEOUT_MS: Final = 20_000
_READ_ONLY: Final = "tracker_read_only"
# What makes a transaction one snapshot, read only.
_READING: Final[dict[str, dict[str, Any]]] = {
    "sqlite": {_READ_ONLY: True},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}

log = logging.getLogger(__name__)


class Database:
    """One database: a connection to write at a time on SQLite, any number to read."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._reading = _READING.get(self.dialect, {})

    @classmethod
    def open(cls, url: str) -> Database:
        """Open the database at `url`, e.g. `sqlite:////srv/mailgate/mailgate.db`, `postgresql://…`."""
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            engine = create_engine(parsed, connect_args={"check_same_thread": False}, hide_parameters=True)
            event.listen(engine, "connect", _set_sqlite_pragmas)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            if parsed.drivername == "postgresql":
                parsed = parsed.set(drivername="postgresql+psycopg")
            engine = create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
        return cls(engine)

    @property
    def dialect(self) -> str:
        return self.engine.dialect.name

    def write(self, work: Work[T]) -> T:
        """Run `work` in one transaction of its own."""
        with self.engine.begin() as connection:
            return work(connection)

    def read(self, work: Work[T]) -> T:
        """Run `work` on one snapshot; the database refuses what it writes."""
        with self.engine.connect() as connection:
            reader = connection.execution_options(**self._reading)
            try:
                return work(reader)
            finally:
                reader.rollback()

    def forget_deleted(self) -> bool:
        """Let what was deleted leave the files, too; False where a reader or writer kept some of it there.

        SQLite overwrites what is deleted (secure_delete), but the log beside the database has older pages
        until it is begun anew. PostgreSQL keeps old rows until they are vacuumed.
        """
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if self.dialect != "sqlite":
                connection.exec_driver_sql("VACUUM")
                return True
            # Not in a transaction, which _begin_sqlite would open.
            busy = connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy[0]

    def close(self) -> None:
        self.engine.dispose()


def _set_sqlite_pragmas(connection: DBAPIConnection, _record: object) -> None:
    # The driver's own transaction control commits a SAVEPOINT that comes first when it is released:
    # it is switched off, and _begin_sqlite says BEGIN.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    # Overwrite what is deleted: some builds of SQLite do so anyway, others leave it in free pages.
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    # KiB for each connection: what a large mail brings in stays there. The system caches the file as well.
    cursor.execute("PRAGMA cache_size = -4000")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE: two that read first and write later would deadlock into SQLITE_BUSY without waiting.
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.connection.cursor().execute(f"PRAGMA query_only = {int(read_only)}")
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


class WriterStopped(Exception):
    """The writer takes no more work."""


class Writer:
    """Runs all that waits in one transaction: one commit, one fsync, then everybody is answered.

    Each piece of work has its own savepoint: one that fails, fails alone. When the commit fails, all of
    the group fail.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: queue.SimpleQueue[tuple[Work[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._lock = threading.Lock()
        self._stopped = False

    def start(self) -> None:
        self._thread.start()

    def write(self, work: Work[T]) -> Future[T]:
        """Queue `work`; the future is done when it is durable, or holds why it is not."""
        future: Future[T] = Future()
        with self._lock:
            if self._stopped:
                raise WriterStopped
            self._queue.put((work, future))
        return future

    def stop(self) -> None:
        """Finish what waits, then end."""
        with self._lock:
            if not self._stopped:
                self._stopped = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            group, last = self._next_group()
            if group:
                self._commit(group)
            if last:
                return

    def _next_group(self) -> tuple[list[tuple[Work[Any], Future[Any]]], bool]:
        group: list[tuple[Work[Any], Future[Any]]] = []
        item = self._queue.get()
        while item is not None:
            work, future = item
            # A session that went away cancelled its future; to set a result on it would end this thread.
            if future.set_running_or_notify_cancel():
                group.append((work, future))
            if len(group) >= _LARGEST_GROUP:
                return group, False
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _commit(self, group: list[tuple[Work[Any], Future[Any]]]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        try:
            with self._database.engine.begin() as connection:
                cursor = connection.connection.cursor()
                for work, future in group:
                    _run_in_savepoint(_Savepoint(connection, cursor), work, future, done)
        except Exception as error:
            # The second shell: whatever the database did, everybody who waits is told, and we go on.
            log.exception("commit failed, group of %d", len(group))
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        for future, result in done:
            future.set_result(result)


@dataclass(frozen=True, slots=True)
class _Savepoint:
    """The connection, and a cursor of the driver's own: a savepoint needs nothing of SQLAlchemy's."""

    connection: Connection
    cursor: DBAPICursor


def _run_in_savepoint(
    savepoint: _Savepoint, work: Work[Any], future: Future[Any], done: list[tuple[Future[Any], Any]]
) -> None:
    """Run one piece of work; its own error goes to its own future, a lost connection to all."""
    savepoint.cursor.execute("SAVEPOINT work")
    try:
        result = work(savepoint.connection)
    except Exception as error:
        if savepoint.connection.invalidated:
            raise
        savepoint.cursor.execute("ROLLBACK TO SAVEPOINT work")
        savepoint.cursor.execute("RELEASE SAVEPOINT work")
        future.set_exception(error)
        return
    savepoint.cursor.execute("RELEASE SAVEPOINT work")
    done.append((future, result))
