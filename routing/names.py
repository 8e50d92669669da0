"""The names of a registry, made ready to be found: how each is compared, and how plainly it must be meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from routing.entities import EntityKind, How
from routing.everyday import EVERYDAY
from routing.registry import Registry

ATOM: Final = re.compile(r"[^\W_]+")
_LONGEST_KEY: Final = 100


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class _Aliased(_Named, Protocol):
    @property
    def aliases(self) -> tuple[str, ...]: ...


class Clarity(Enum):
    """How a name must be written to be meant.

    CLEAR: in any case. ACRONYM: as it is, or a long one in any case. EXACT: as it is. PLAIN: as it is, and
    with a qualifier.
    """

    CLEAR = auto()
    ACRONYM = auto()
    EXACT = auto()
    PLAIN = auto()


@dataclass(frozen=True, slots=True)
class Name:
    """One name of one entity; `spelled` are its atoms, joined, in their case."""

    kind: EntityKind
    entity: str
    how: How
    spelled: str
    clarity: Clarity


def all_names(registry: Registry) -> Iterator[tuple[str, Name]]:
    """Every name and alias with the key that it is found under."""
    # What is a word as a VO's name is one as a site's, too.
    words = {_key(vo.name) for vo in registry.vos if vo.word}
    for kind, entity, aliases, word in _entities(registry):
        for how, text in ((How.NAME, entity), *((How.ALIAS, alias) for alias in aliases)):
            atoms = ATOM.findall(text)
            spelled = "".join(atoms)
            if spelled and len(spelled) <= _LONGEST_KEY:
                plain = word or spelled.casefold() in words
                yield spelled.casefold(), Name(kind, entity, how, spelled, _clarity(kind, atoms, plain))


def _key(name: str) -> str:
    return "".join(ATOM.findall(name)).casefold()


def _entities(registry: Registry) -> Iterator[tuple[EntityKind, str, Iterable[str], bool]]:
    for vo in registry.vos:
        yield EntityKind.VO, vo.name, vo.aliases, vo.word
    aliased: dict[EntityKind, Sequence[_Aliased]] = {
        EntityKind.CENTER: registry.centers,
        EntityKind.GROUP: registry.groups,
        EntityKind.RESOURCE: registry.resources,
        EntityKind.COMPONENT: registry.components,
    }
    for kind, entries in aliased.items():
        yield from ((kind, one.name, one.aliases, False) for one in entries)
    bare: dict[EntityKind, Sequence[_Named]] = {
        EntityKind.FACILITY: registry.facilities,
        EntityKind.SITE: registry.sites,
        EntityKind.SERVICE: registry.services,
    }
    for kind, places in bare.items():
        yield from ((kind, one.name, (), False) for one in places)


def _clarity(kind: EntityKind, atoms: list[str], word: bool) -> Clarity:
    if word:
        return Clarity.PLAIN
    if len(atoms) == 1 and len(atoms[0]) > 3 and atoms[0].isupper() and atoms[0].casefold() in EVERYDAY:
        # ALICE in capitals is no first name.
        return Clarity.EXACT
    if all(atom.casefold() in EVERYDAY or len(atom) < 2 for atom in atoms):
        return Clarity.PLAIN
    if len(atoms) > 1 or any(c.isdigit() for c in atoms[0]):
        # "A1" is too short to be told from anything else.
        return Clarity.CLEAR if sum(map(len, atoms)) > 3 else Clarity.ACRONYM
    capitals = sum(1 for c in atoms[0] if c.isupper())
    if len(atoms[0]) < 3 or (kind in _PLACES and capitals < 2):
        # Swan, Purdue, Nebraska: people, towns and universities are called so too.
        return Clarity.PLAIN
    return Clarity.ACRONYM


_PLACES: Final = frozenset(
    {EntityKind.RESOURCE, EntityKind.GROUP, EntityKind.SITE, EntityKind.FACILITY, EntityKind.SERVICE}
)
