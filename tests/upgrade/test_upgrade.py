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


def test_posts_of_older_tickets_get_rows_of_their_own(empty_database: Database) -> None:
    """Two posts of one ticket may both name a mail that has not come: the key takes both."""
    upgrade_to(empty_database, "0001")
    with empty_database.engine.begin() as connection:
        for statement in _A_TICKET_OF_0001:
            connection.execute(text(statement))
    migrate.upgrade(empty_database, METADATAS)
    with empty_database.engine.begin() as connection:
        connection.execute(text(_KEY.format(post=2)))
        rows = connection.execute(text("SELECT post_id, direct FROM message_key ORDER BY post_id")).all()
        assert [(row.post_id, bool(row.direct)) for row in rows] == [(1, True), (2, True)]
        assert connection.execute(text("SELECT kind, detail, part_of FROM event")).all() == [
            ("opened", None, None)
        ]


_WHEN = "'2026-01-01 00:00:00'"
_KEY = f"INSERT INTO message_key VALUES ('ghost', 1, false, {{post}}, true, {_WHEN})"
_POST = (
    "INSERT INTO post (id, ticket_id, n, author_id, author_address, author_name, message_id, subject, base, "
    "is_reply, received, text, new_text, trust, disposition, raw_sha256, copied_to) "
    "VALUES ({post}, 1, {post}, 1, 'a@x.example', '', '<{post}@x.example>', 's', 's', false, "
    f"{_WHEN}, '', '', 'none', 'post', 'd', '')"
)
_A_TICKET_OF_0001 = (
    f"INSERT INTO queue VALUES (1, 'osg', 'lists.example', 'OSG', 'x', {_WHEN})",
    f"INSERT INTO person VALUES (1, 'a@x.example', '', false, {_WHEN})",
    "INSERT INTO blob VALUES ('d', '')",
    "INSERT INTO ticket (id, queue_id, title, mail_title, base, status, priority, requester_id, nonce, "
    "post_count, created_at, active_at, touched_at) VALUES (1, 1, 's', 's', 's', 'new', 'normal', 1, 'n', 2, "
    f"{_WHEN}, {_WHEN}, {_WHEN})",
    _POST.format(post=1),
    _POST.format(post=2),
    _KEY.format(post=1),
    "INSERT INTO event (id, ticket_id, kind, cause, at, quiet) "
    f"VALUES (1, 1, 'opened', 'mail', {_WHEN}, false)",
)


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
