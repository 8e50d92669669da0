"""Bringing a database to the schema of this code."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import cast

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData

from tracker.model import TrackerError
from tracker.resources import resource_dir
from tracker.storage.database import Database


class UnknownSchema(TrackerError):
    """The database stands at a migration that this code does not have."""


def upgrade(database: Database, metadatas: Sequence[MetaData]) -> None:
    """Run every migration that the database has not seen, in one transaction. Raises UnknownSchema."""
    with database.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Rather fail and be run again than stand in the way of the daemon's own work.
            connection.exec_driver_sql("SET LOCAL lock_timeout = '4s'")
        try:
            command.upgrade(_config(connection, metadatas), "head")
        except CommandError as error:
            raise UnknownSchema(f"this code does not know the database's schema: {error}") from error


def revision(database: Database, message: str, metadatas: Sequence[MetaData]) -> None:
    """Write a new migration: what lies between the database and the tables in the code."""
    with database.engine.begin() as connection:
        command.revision(_config(connection, metadatas), message, autogenerate=True)


def current(database: Database) -> str | None:
    """The migration the database stands at; None when it is empty."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


@cache
def head() -> str | None:
    """The migration this code wants."""
    return ScriptDirectory(str(resource_dir("migrations"))).get_current_head()


def differences(database: Database, metadatas: Sequence[MetaData]) -> list[str]:
    """What differs between the database and the tables in the code; empty when nothing does."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        # alembic takes several, though its annotation speaks of one.
        return [str(entry) for entry in compare_metadata(context, cast(MetaData, list(metadatas)))]


def _config(connection: Connection, metadatas: Sequence[MetaData]) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resource_dir("migrations")))
    config.attributes["connection"] = connection
    config.attributes["metadatas"] = list(metadatas)
    return config
