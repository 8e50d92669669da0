"""Fixtures of the storage tests."""

from __future__ import annotations

import pytest

from tests.support.tracked import Tracked
from tracker.storage.database import Database


@pytest.fixture
def tracked(database: Database) -> Tracked:
    """A tracker with one list, on each kind of database in turn."""
    return Tracked.begin(database)
