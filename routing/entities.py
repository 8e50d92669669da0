"""What a mail names of the grid: entities of the registry, each with where it stands in the mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class EntityKind(StrEnum):
    """What is named."""

    RESOURCE = "resource"
    GROUP = "group"
    SITE = "site"
    FACILITY = "facility"
    VO = "vo"
    CENTER = "center"
    SERVICE = "service"
    COMPONENT = "component"


class Where(StrEnum):
    """In what part of a mail it stands: the first three may route, the others never do."""

    SUBJECT = "subject"
    PROSE = "prose"
    LOG = "log"
    QUOTED = "quoted"
    SIGNATURE = "signature"
    RECEIVED = "received"


class How(StrEnum):
    """By what it is known. `domain`: a host the registry does not know, in the domain of what it does."""

    FQDN = "fqdn"
    NAME = "name"
    ALIAS = "alias"
    SHORT_HOST = "short_host"
    DOMAIN = "domain"


@dataclass(frozen=True, slots=True)
class Entity:
    """Something of the registry named in a mail; `name` as the registry has it, `text` as the mail has it."""

    kind: EntityKind
    name: str
    where: Where
    how: How
    text: str


@dataclass(frozen=True, slots=True)
class MailTexts:
    """The parts of a mail that are looked through."""

    subject: str = ""
    new_text: str = ""
    quoted_text: str = ""
    signature: str = ""


def names_of(entities: Sequence[Entity], kind: EntityKind) -> tuple[str, ...]:
    """The names of one kind, each once, in order."""
    return tuple(dict.fromkeys(one.name for one in entities if one.kind is kind))
