"""Mails with the route that a person who knows the grid would give them, and how far ours agrees.

Each mail NAME.eml has a NAME.toml: `grid` ("public": the real registry, "small": that of unit tests,
"inland": that of routing/registry, made up for these mails), `centers`, `cc` (names of resources, whose
contact is told), `fallback`, `tags` that must be among those given, and `why`. What we get wrong and know of
is `known`, with the reason.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mailgate.explaining import envelope_for, explain
from mailgate.scan import to_crlf
from routing.importing import neutral
from routing.registry import Registry
from routing.registry_store import merge
from tests.support.community import Community
from tests.support.grid import GRID
from tests.support.put_grid import put_grid
from tests.support.shared import shared_folder
from tracker.model import Trust

FOLDER = Path(__file__).parents[1] / "corpus" / "routing"


@dataclass(frozen=True)
class Route:
    """Where a mail goes; `cc` are addresses."""

    centers: frozenset[str]
    cc: frozenset[str]
    fallback: bool
    tags: frozenset[str] = frozenset()

    def __str__(self) -> str:
        told = [*sorted(self.centers), *sorted(self.cc), *(["the community"] if self.fallback else [])]
        return ", ".join(told) or "nobody"


@dataclass(frozen=True)
class Case:
    """A mail and its right route; `cc` are names of resources."""

    file: Path
    grid: str
    centers: frozenset[str]
    cc: frozenset[str]
    fallback: bool
    tags: frozenset[str]
    why: str
    known: str

    def expected(self, registry: Registry) -> Route:
        contacts = {one.name: one.contact for one in registry.resources}
        addresses = frozenset(str(contacts[name]) for name in self.cc)
        return Route(self.centers, addresses, self.fallback, self.tags)


def cases(folder: Path = FOLDER) -> Iterator[Case]:
    for file in sorted(folder.glob("*.eml")):
        said = tomllib.loads(file.with_suffix(".toml").read_text(encoding="utf-8"))
        yield Case(
            file=file,
            grid=said["grid"],
            centers=frozenset(said["centers"]),
            cc=frozenset(said["cc"]),
            fallback=said["fallback"],
            tags=frozenset(said.get("tags", ())),
            why=said["why"],
            known=said.get("known", ""),
        )


def public_grid() -> Registry | None:
    """The real registry and the proposal's own world; None where they are not at hand."""
    folder = shared_folder() / "data" / "registry"
    if not (folder / "resource_groups.json").is_file():
        return None
    return merge((neutral.read(folder).registry, neutral.read(folder / "overlay_2005.json").registry))


def inland_grid() -> Registry:
    """A grid that nobody has tuned the matcher on."""
    return neutral.read(FOLDER / "registry").registry


def grid_of(name: str) -> Registry | None:
    """A registry by the name that mails give it; None for the public one where it is not at hand."""
    return {"small": lambda: GRID, "inland": inland_grid, "public": public_grid}[name]()


def settle(community: Community, registry: Registry) -> Community:
    """A community that routes by a registry."""
    put_grid(community, registry)
    return community


def route(community: Community, case: Case) -> Route:
    """Where a community would send a mail; nothing of it stays."""
    raw = to_crlf(case.file.read_bytes())
    said = explain(
        community.app, case.file.name, envelope_for(community.app, raw, "", ()), raw, Trust.UNCHECKED
    )
    return Route(frozenset(said["centers"]), frozenset(said["cc"]), said["fallback"], frozenset(said["tags"]))


def is_right(found: Route, expected: Route) -> bool:
    same = (found.centers, found.cc, found.fallback) == (expected.centers, expected.cc, expected.fallback)
    return same and expected.tags <= found.tags


def wrongly_told(found: Route, expected: Route) -> frozenset[str]:
    """Whom it would write to that it should not."""
    return (found.centers - expected.centers) | (found.cc - expected.cc)
