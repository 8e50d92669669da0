"""Putting a registry in force, for tests that route by it."""

from __future__ import annotations

from mailgate import registering
from routing.registry import Registry
from routing.registry_store import Import
from tests.support.community import Community
from tests.support.grid import GRID


def put_grid(community: Community, registry: Registry = GRID) -> None:
    """Import a registry, its support centers too."""
    by = Import("grid", "", "operator", community.clock())
    community.app.write(lambda connection: registering.put(connection, registry, by))
