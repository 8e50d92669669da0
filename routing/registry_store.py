"""The registry in the database: what each source said at a time, whole, and which version is in force.

Every function works on the connection of the running unit of work and never commits.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from routing.entities import Grid, Matcher
from routing.registry import Registry
from routing.tables import registry_versions as versions


class ActiveRegistry:
    """The registry in force, read and indexed once a version; another process may import at any time."""

    def __init__(self) -> None:
        self._known: Grid | None = None

    def read(self, connection: Connection) -> Grid | None:
        """The registry in force; None while nothing was ever imported."""
        number = connection.scalar(select(func.max(versions.c.number)))
        if number is None:
            return None
        if self._known is None or self._known.version != number:
            registry = in_force(connection)
            self._known = Grid(number, registry, Matcher(registry))
        return self._known


def in_force(connection: Connection) -> Registry:
    """What the sources say together."""
    return Registry()
