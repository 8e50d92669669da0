"""Fixtures for all tests: a fresh database of each kind, a fresh community."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import databases
from tests.support.community import Community, communities
from tests.support.databases import Postgresql
from tracker.storage.database import Database

KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """A PostgreSQL for this process of the run; tests that need it are skipped where there is none."""
    try:
        with databases.postgresql() as server:
            yield server
    except databases.Unavailable as error:
        pytest.skip(f"no PostgreSQL: {error}")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return databases.sqlite_template(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated database with nothing in it, of each kind in turn; its tables must stay."""
    if request.param == "sqlite":
        copy = tmp_path / "mailgate.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), copy)
        yield f"sqlite:///{copy}"
        return
    server: Postgresql = request.getfixturevalue("postgresql")
    yield databases.text_of(server.emptied())


@pytest.fixture(params=KINDS)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any table, of each kind in turn."""
    if request.param == "sqlite":
        database = Database.open(f"sqlite:///{tmp_path / 'empty.db'}")
        yield database
        database.close()
        return
    server: Postgresql = request.getfixturevalue("postgresql")
    url = server.fresh(migrated=False)
    database = Database.open(databases.text_of(url))
    yield database
    database.close()
    server.drop(url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database with nothing in it, of each kind in turn."""
    opened = Database.open(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def instance_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("template") / "home"


@pytest.fixture(scope="session")
def settle(instance_template: Path) -> Callable[[Path], Community]:
    """Makes a fresh instance in a folder, for a test that needs several."""
    return communities(instance_template)


@pytest.fixture
def community(settle: Callable[[Path], Community], tmp_path: Path) -> Iterator[Community]:
    """A fresh instance with one list and the shipped rules."""
    made = settle(tmp_path / "home")
    yield made
    made.app.close()
