"""A database of an older schema: what it holds is kept, and what does not fit is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from mailgate.instance import METADATAS, InstanceError, load_instance
from mailgate.setup import Wishes, initialise
from tests.support.command_line import CommandLine
from tests.support.daemon import LIST
from tracker.resources import resource_dir
from tracker.storage import migrate
from tracker.storage.database import Database

REVISIONS = [script.revision for script in ScriptDirectory(str(resource_dir("migrations"))).walk_revisions()]


def upgrade_to(database: Database, revision: str) -> None:
    with database.engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(resource_dir("migrations")))
        config.attributes["connection"] = connection
        config.attributes["metadatas"] = list(METADATAS)
        command.upgrade(config, revision)


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_older_schema_becomes_that_of_a_fresh_one_and_keeps_its_rows(
    empty_database: Database, revision: str
) -> None:
    upgrade_to(empty_database, revision)
    with empty_database.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO queue (id, local_part, domain, tag, title, created_at) "
                "VALUES (7, 'osg', 'lists.example', 'OSG', 'x', '2026-01-01 00:00:00')"
            )
        )
    migrate.upgrade(empty_database, METADATAS)
    assert migrate.differences(empty_database, METADATAS) == []
    with empty_database.engine.connect() as connection:
        assert connection.execute(text("SELECT id, tag FROM queue")).all() == [(7, "OSG")]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    initialise(Wishes(tmp_path / "home", LIST, "OSG"))
    return tmp_path / "home"


@pytest.mark.parametrize("found", ["0000", "9999"])
def test_another_schema_is_refused_in_one_line_that_names_the_command(home: Path, found: str) -> None:
    database = Database.open(load_instance(home).database_url)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :found"), {"found": found})
    database.close()
    with pytest.raises(InstanceError, match=f"schema {found}.*mailgate db upgrade"):
        load_instance(home).open_database()


def test_db_upgrade_brings_an_empty_database_to_the_schema_and_check_agrees(home: Path) -> None:
    line = CommandLine(home)
    for file in home.glob("mailgate.db*"):
        file.unlink()
    assert re.fullmatch(rf"schema None -> {migrate.head()}\n", line.succeed("db", "upgrade"))
    assert line.succeed("db", "check") == f"schema {migrate.head()}, as it should be\n"
    assert line.succeed("db", "upgrade") == f"schema {migrate.head()} -> {migrate.head()}\n"


def test_db_check_says_what_differs(home: Path) -> None:
    database = Database.open(load_instance(home).database_url)
    with database.engine.begin() as connection:
        connection.execute(text("DROP INDEX ix_delivery_waiting"))
    database.close()
    assert "ix_delivery_waiting" in CommandLine(home).refused("db", "check")


def test_db_upgrade_of_a_schema_it_does_not_know_is_refused_in_one_line(home: Path) -> None:
    database = Database.open(load_instance(home).database_url)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    assert "9999" in CommandLine(home).refused("db", "upgrade")
