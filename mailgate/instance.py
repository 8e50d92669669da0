"""An instance: a folder with a configuration, a key and (by default) the database."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import MetaData, text

from mailgate import tables as mail_tables
from mailgate.settings import CONFIG_NAME, BadConfig, Settings, load
from mailgate.signing.signer import BadKey, Signer, load_key
from mailgate.tokens import Keys, load_keys
from routing import tables as routing_tables
from tracker.storage import migrate
from tracker.storage import tables as tracker_tables
from tracker.storage.database import Database

# Every table there is; alembic sees their union.
METADATAS: Final[tuple[MetaData, ...]] = (
    tracker_tables.metadata,
    routing_tables.metadata,
    mail_tables.metadata,
)
_LOCK_NAME: Final = "daemon.lock"
_DAEMON_LOCK: Final = 0x6D67_6461
_TRY_LOCK: Final = text("SELECT pg_try_advisory_lock(:key)")


class InstanceError(Exception):
    """The instance is not as it should be; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Instance:
    """The folder `home`, and the settings in it."""

    home: Path
    settings: Settings

    @property
    def database_url(self) -> str:
        chosen = self.settings.database
        if chosen.url_file:
            return (self.home / chosen.url_file).read_text().strip()
        return chosen.url or f"sqlite:///{self.home / 'mailgate.db'}"

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def maildir(self) -> Path:
        return self.home / self.settings.outgoing.maildir

    def keys(self) -> Keys:
        path = self.home / self.settings.instance.key_file
        try:
            return load_keys(path)
        except FileNotFoundError:
            raise InstanceError(
                f"{path} is missing; `mailgate init` makes one, a backup has the old"
            ) from None
        except ValueError as error:
            raise InstanceError(str(error)) from None

    def signer(self) -> Signer | None:
        """What signs the mail that goes out; None where none is wished."""
        chosen = self.settings.signing
        if not chosen.key_file:
            return None
        path = self.home / chosen.key_file
        try:
            return Signer(load_key(path), chosen.selector)
        except FileNotFoundError:
            raise InstanceError(f"{path} is missing: `mailgate key create-dkim` makes one") from None
        except BadKey as error:
            raise InstanceError(str(error)) from None

    def open_database(self) -> Database:
        """The database, at the schema of this code; InstanceError when it is behind or ahead."""
        database = Database.open(self.database_url)
        if self.is_sqlite and not Path(self.database_url.removeprefix("sqlite:///")).exists():
            raise InstanceError(
                f"there is no database in {self.home}; run `mailgate init --home {self.home} …`"
            )
        found, wanted = migrate.current(database), migrate.head()
        if found != wanted:
            raise InstanceError(
                f"the database is at schema {found}, this code wants {wanted}: `mailgate db upgrade`"
            )
        return database


def load_instance(home: Path) -> Instance:
    """The instance in `home`; raises InstanceError or BadConfig."""
    path = home / CONFIG_NAME
    if not path.exists():
        raise InstanceError(
            f"no instance in {home}; run `mailgate init --home {home} --list osg-general@DOMAIN`"
        )
    return Instance(home, load(path))


def check(home: Path) -> list[str]:
    """Every mistake in the configuration of `home`, a line each."""
    try:
        load(home / CONFIG_NAME)
    except BadConfig as error:
        return error.mistakes
    return []


@contextmanager
def sole_daemon(home: Path) -> Iterator[bool]:
    """Hold the lock that keeps a second daemon off an SQLite instance; gives whether we hold it."""
    handle = os.open(home / _LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)


@contextmanager
def sole_on_server(database: Database) -> Iterator[bool]:
    """The same on PostgreSQL, whatever hosts the daemons run on: a lock that goes with its connection.

    Deliveries are not claimed yet, so two daemons would send every copy twice.
    """
    # AUTOCOMMIT: a transaction as long as the daemon would keep the server from cleaning up.
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield bool(connection.execute(_TRY_LOCK, {"key": _DAEMON_LOCK}).scalar())
