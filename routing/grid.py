"""The registry in force together with what finds its entities in a mail."""

from __future__ import annotations

from dataclasses import dataclass

from routing.directory import Directory
from routing.matcher import Matcher
from routing.registry import Registry


@dataclass(frozen=True, slots=True)
class Grid:
    """The registry in force: its version, what it says, by name, and what finds its entities in a mail."""

    version: int
    registry: Registry
    directory: Directory
    matcher: Matcher


def make_grid(version: int, registry: Registry) -> Grid:
    """Index a registry."""
    return Grid(version, registry, Directory(registry), Matcher(registry))
