"""The registry's own route: from what a mail names to who can help. Pure.

Resource beats group, group beats site, site beats VO. Prose beats logs. What is only quoted, in a signature,
in a mail's trace or in a distinguished name routes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final

from routing.directory import Directory
from routing.entities import Entity, EntityKind, How, Where
from routing.registry import (
    CenterKind,
    Resource,
    ResourceGroup,
    SupportCenter,
)

# product.md, brakes: of more groups than that one mail goes to nobody in particular.
MOST_GROUPS: Final = 3
MOST_CONTACTS: Final = 3

_SAID: Final = {
    Where.SUBJECT: "named in the subject",
    Where.PROSE: "named in the text",
    Where.LOG: "named in the log in the text",
}
_TROUBLE: Final = re.compile(
    r"\b(?:bugs?|crash(?:e[sd]|ing)?|segfaults?|segmentation|core dump(?:ed|s)?|regression|broken"
    r"|corrupt(?:ed)?|down|unreachable|offline|not responding|out of date|checksum|wrong signature)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A support center or a contact, and why (half a sentence after "because")."""

    recipient: str
    why: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the registry says of a mail. `community`: it is for the whole list, whoever else is told."""

    centers: tuple[Chosen, ...] = ()
    contacts: tuple[Chosen, ...] = ()
    tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    community: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """The mail as far as the route looks at it: its author, its text by line, and when it came."""

    sender: str
    subject: str
    text: str
    at: datetime | None = None


def propose(directory: Directory, entities: Sequence[Entity], asked: Asked) -> Proposal:
    """Who is to help with a mail that names these."""
    return _Route(directory, entities, asked).proposal()


def named(entities: Sequence[Entity], kind: EntityKind) -> tuple[str, ...]:
    """What of a kind is named where it may route."""
    return tuple(dict.fromkeys(one.name for one in entities if one.kind is kind and one.where in _SAID))


@dataclass(slots=True)
class _Target:
    """A group that is meant, by which of its resources (none: itself), and where that is said."""

    group: ResourceGroup
    resources: list[tuple[Resource, Where]] = field(default_factory=list)
    where: Where = Where.PROSE
    by_site: str = ""

    @property
    def subject(self) -> str:
        """What is named, in words, with where."""
        if self.resources:
            resource, where = self.resources[0]
            return f"{resource.name} ({_SAID[where]})"
        name = f"the site {self.by_site}" if self.by_site else self.group.name
        return f"{name} ({_SAID[self.where]})"


# These tell of trouble with what is named, unless it is merely used: "with VDT 1.3 my jobs fail".
_FAILURE: Final = re.compile(
    r"\b(?:fail(?:s|ed|ing|ure|ures)?|errors?|exit (?:status|code)|hangs?|aborts?|tim(?:es|ed|e) ?-?out"
    r"|(?:does|do|did) ?n[o']t (?:work|start|install|build|compile|answer)"
    r"|cannot be (?:installed|downloaded|built)"
    # Statuses of HTTP, but 500, which counts things as often.
    r"|(?:gives?|returns?|answers?|replies|says?)(?: with)?\W{1,3}(?:an? )?(?:HTTP )?"
    r"(?:40[134]|410|50[234]|not found|forbidden))\b",
    re.IGNORECASE,
)
_USED: Final = re.compile(
    r"\b(?:us(?:e|es|ing|ed)|run(?:s|ning)?|with|under|on|ha(?:ve|s)|install(?:ed|ing)?|via|through|by|from|at|in(?:to)?)"
    r"(?: (?:the|a|our|its))?\s+$",
    re.IGNORECASE,
)


class _Route:
    """One mail on its way through the registry."""

    def __init__(self, directory: Directory, entities: Sequence[Entity], asked: Asked) -> None:
        self._directory = directory
        self._asked = asked
        self._all = entities
        self._entities = [one for one in entities if one.where in (Where.SUBJECT, Where.PROSE)]
        self._centers: dict[str, Chosen] = {}
        self._contacts: dict[str, Chosen] = {}
        self._tags: dict[str, None] = {}
        self._notes: list[str] = []
        self._community = False

    def proposal(self) -> Proposal:
        targets = self._targets
        self._tag()
        if len(targets) > MOST_GROUPS:
            tags = [*self._tags, *(_slug(target.group.name) for target in targets)]
            note = f"names {len(targets)} resource groups: for the whole community"
            return Proposal(tags=tuple(tags), notes=(*self._notes, note), community=True)
        for target in targets:
            self._help_with(target)
        self._component_centers()
        if not self._centers:
            self._center_by_name()
        if not self._centers:
            self._vo_centers()
        if targets and not self._centers and not self._contacts:
            self._community = True
        contacts = tuple(self._contacts.values())
        if len(contacts) > MOST_CONTACTS:
            left = ", ".join(one.why.removeprefix("you are ") for one in contacts[MOST_CONTACTS:])
            self._notes.append(f"at most {MOST_CONTACTS} contacts a mail: not told is {left}")
        return Proposal(
            tuple(self._centers.values()),
            contacts[:MOST_CONTACTS],
            tuple(self._tags),
            tuple(self._notes),
            self._community,
        )

    @cached_property
    def _targets(self) -> list[_Target]:
        """The groups that are meant: of named resources, else named themselves, else of a named site."""
        found = self._places(self._entities)
        if not found:
            # A log alone routes only when all in it points to one group.
            in_log = self._places([one for one in self._all if one.where is Where.LOG])
            found = in_log if len(in_log) == 1 else []
        return found

    def _places(self, entities: Sequence[Entity]) -> list[_Target]:
        directory, targets = self._directory, dict[str, _Target]()
        for one in _of(entities, EntityKind.RESOURCE):
            resource = directory.resources.get(one.name)
            group = None if resource is None else directory.groups.get(resource.group)
            if resource is not None and group is not None:
                target = targets.setdefault(group.name, _Target(group, where=one.where))
                if resource not in [known for known, _ in target.resources]:
                    target.resources.append((resource, one.where))
        for one in _of(entities, EntityKind.GROUP):
            if (group := directory.groups.get(one.name)) is not None:
                targets.setdefault(group.name, _Target(group, where=one.where))
        if targets:
            return list(targets.values())
        return self._by_site(entities)

    def _by_site(self, entities: Sequence[Entity]) -> list[_Target]:
        """The groups of a named site where they are as good as one: the same center or the same contact."""
        for one in (*_of(entities, EntityKind.SITE), *_of(entities, EntityKind.FACILITY)):
            if one.kind is EntityKind.FACILITY and one.how is not How.DOMAIN:
                continue
            of_place = self._directory.of_site if one.kind is EntityKind.SITE else self._directory.of_facility
            groups = of_place.get(one.name, [])
            chosen = _as_one(self._directory, groups)
            if chosen is not None:
                return [_Target(chosen, where=one.where, by_site=one.name)]
            if groups:
                self._notes.append(f"{one.name} has {len(groups)} resource groups of several centers")
        return []

    def _help_with(self, target: _Target) -> None:
        group = target.group
        center = self._directory.center(group.center)
        kind = None if center is None else center.kind
        mailable = kind is CenterKind.REAL and center is not None and center.address is not None
        if center is not None and mailable:
            self._choose_center(center, f"{target.subject} is of {group.name}, which you support")
        elif kind in (CenterKind.REAL, CenterKind.GONE):
            self._notes.append(f"{group.name} is supported by {group.center}, which cannot be mailed")
        told = self._tell_contacts(target, mailable=mailable)
        if kind is CenterKind.COMMUNITY or not (mailable or told):
            self._community = True

    def _tell_contacts(self, target: _Target, *, mailable: bool) -> bool:
        """Tell the contacts of what is named; whether somebody is told of it now."""
        if target.resources:
            told = [self._tell(one.contact, f"{one.name}, {_SAID[where]}") for one, where in target.resources]
            return any(told)
        if mailable:
            return False
        contact = self._directory.contact_of(target.group.name)
        name = f"{target.group.name}, {_SAID[target.where]}"
        return self._tell(
            contact, f"{target.group.name} of the site {target.by_site}" if target.by_site else name
        )

    def _tell(self, address: str | None, what: str) -> bool:
        if address is None or address.casefold() == self._asked.sender.casefold():
            return False
        self._contacts.setdefault(address.casefold(), Chosen(address, f"you are the contact of {what}"))
        return True

    def _choose_center(self, center: SupportCenter, why: str) -> None:
        if (center.address or "").casefold() != self._asked.sender.casefold():
            self._centers.setdefault(center.name, Chosen(center.name, why))

    def _component_centers(self) -> None:
        """The center of a component that is in trouble; who merely uses it is helped by everybody."""
        for one in _of(self._entities, EntityKind.COMPONENT):
            component = self._directory.components.get(one.name)
            center = None if component is None else self._directory.center(component.center)
            if center is not None and center.address is not None and self._is_in_trouble(one):
                self._choose_center(center, f"{one.name} ({_SAID[one.where]}) is yours to look after")

    def _is_in_trouble(self, one: Entity) -> bool:
        text = self._asked.subject if one.where is Where.SUBJECT else self._asked.text
        return any(_tells_of_trouble(sentence, one.text) for sentence in _sentences_with(text, one.text))

    def _center_by_name(self) -> None:
        for one in _of(self._entities, EntityKind.CENTER):
            center = self._directory.center(one.name)
            if center is None or center.kind is not CenterKind.REAL:
                continue
            if center.address is None:
                self._notes.append(f"{center.name} ({_SAID[one.where]}) cannot be mailed")
            else:
                self._choose_center(center, f"you are {_SAID[one.where]}")

    def _vo_centers(self) -> None:
        for one in _of(self._entities, EntityKind.VO):
            vo = self._directory.vos.get(one.name)
            center = None if vo is None else self._directory.center(vo.center)
            if center is not None and center.kind is CenterKind.REAL and center.address is not None:
                self._choose_center(center, f"{one.name} ({_SAID[one.where]}) is a VO that you support")

    def _tag(self) -> None:
        if any(one.how is How.DOMAIN for one in self._entities):
            self._tags["unregistered"] = None
        for resource in self._named_resources():
            if not resource.active:
                self._tags["inactive-resource"] = None
            if self._is_down(resource):
                self._tags["known-downtime"] = None
        for target in self._targets:
            if self._directory.center(target.group.center) is None:
                for resource, _ in target.resources:
                    self._tags.update((_slug(vo), None) for vo, _ in resource.owners)

    def _named_resources(self) -> Iterator[Resource]:
        for target in self._targets:
            yield from (resource for resource, _ in target.resources)

    def _is_down(self, resource: Resource) -> bool:
        at = self._asked.at
        downtimes = self._directory.registry.downtimes
        return at is not None and any(d.resource == resource.name and d.lasts(at) for d in downtimes)


def _of(entities: Iterable[Entity], kind: EntityKind) -> list[Entity]:
    return [one for one in entities if one.kind is kind]


def _as_one(directory: Directory, groups: list[ResourceGroup]) -> ResourceGroup | None:
    """The group that stands for several: the only one, or any where all have one mailable center."""
    if len(groups) == 1:
        return groups[0]
    centers = {group.center for group in groups}
    center = directory.center(next(iter(centers))) if len(centers) == 1 else None
    if center is not None and center.kind is CenterKind.REAL and center.address is not None:
        return groups[0]
    contacts = {directory.contact_of(group.name) for group in groups}
    return groups[0] if len(centers) == 1 and len(contacts) == 1 and None not in contacts else None


def _tells_of_trouble(sentence: str, name: str) -> bool:
    """Whether a sentence says that what it names is broken, and not that something else is that uses it."""
    if _TROUBLE.search(sentence):
        return True
    return _FAILURE.search(sentence) is not None and not _USED.search(sentence.partition(name)[0])


def _sentences_with(text: str, wanted: str) -> Iterator[str]:
    """The sentences of a text that hold some words; a line that is wrapped goes on."""
    if not wanted:
        return
    at = text.find(wanted)
    while at >= 0:
        start = max(text.rfind(mark, max(0, at - 400), at) for mark in (". ", ".\n", "\n\n", "? ", "! "))
        ends = [
            end for mark in (". ", ".\n", "\n\n", "? ", "! ") if (end := text.find(mark, at, at + 400)) >= 0
        ]
        yield text[max(start, at - 400, 0) : min(ends, default=at + 400)]
        at = text.find(wanted, at + len(wanted))


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9.+-]+", "-", name.casefold()).strip("-")[:40]
