"""The migrations make what the code expects, on both databases."""

from __future__ import annotations

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import OperationalError

from mailgate.instance import METADATAS
from tracker.resources import resource_dir
from tracker.storage import migrate
from tracker.storage.database import Database


def tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names())


def test_an_empty_database_stands_at_no_migration(empty_database: Database) -> None:
    assert migrate.current(empty_database) is None
    assert tables(empty_database) == set()


def test_a_fresh_upgrade_makes_the_tables_of_the_code_and_no_others(empty_database: Database) -> None:
    migrate.upgrade(empty_database, METADATAS)
    assert migrate.current(empty_database) == migrate.head()
    assert migrate.differences(empty_database, METADATAS) == []
    of_the_code = {name for metadata in METADATAS for name in metadata.tables}
    assert tables(empty_database) - {"alembic_version"} == of_the_code


def test_a_second_upgrade_changes_nothing(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("INSERT INTO journal_cursor (subscriber, event_id) VALUES ('x', 7)"))
    migrate.upgrade(database, METADATAS)
    assert migrate.current(database) == migrate.head()
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT event_id FROM journal_cursor")).scalar() == 7


def test_a_missing_table_or_column_or_index_is_named(empty_database: Database) -> None:
    migrate.upgrade(empty_database, METADATAS)
    with empty_database.engine.begin() as connection:
        connection.execute(text("DROP TABLE attachment"))
        connection.execute(text("ALTER TABLE center DROP COLUMN wants"))
        connection.execute(text("DROP INDEX ix_delivery_waiting"))
    found = " ".join(migrate.differences(empty_database, METADATAS))
    assert "attachment" in found
    assert "wants" in found
    assert "ix_delivery_waiting" in found


def test_a_failed_upgrade_leaves_nothing(empty_database: Database) -> None:
    with empty_database.engine.begin() as connection:
        # Something of another's stands in the way of a table that comes late in the migration.
        connection.execute(text("CREATE TABLE delivery (id INTEGER)"))
    with pytest.raises(Exception, match="already exists"):
        migrate.upgrade(empty_database, METADATAS)
    assert tables(empty_database) == {"delivery"}


def test_there_is_one_line_of_migrations(empty_database: Database) -> None:
    scripts = ScriptDirectory(str(resource_dir("migrations")))
    assert len(scripts.get_heads()) == 1
    assert len(scripts.get_bases()) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_upgrade_gives_up_soon_when_another_is_under_way(database: Database) -> None:
    """It fails, and can be run again; it does not stand in the way of the daemon's own work."""
    with database.engine.begin() as other:
        other.execute(text("LOCK TABLE alembic_version"))
        with pytest.raises(OperationalError, match="lock timeout"):
            migrate.upgrade(database, METADATAS)
    migrate.upgrade(database, METADATAS)
