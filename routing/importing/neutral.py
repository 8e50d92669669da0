"""The neutral JSON: a folder with a file for each kind, or one file with several kinds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from routing.importing.reading import Entry, Faults, Found, Unreadable, entry_of, kind_of, read_bytes
from routing.registry import (
    CenterKind,
    Component,
    Downtime,
    Facility,
    Registry,
    Resource,
    ResourceGroup,
    Service,
    Site,
    SupportCenter,
    VirtualOrganization,
)

_KINDS: Final = (
    "support_centers",
    "virtual_organizations",
    "facilities",
    "resource_groups",
    "services",
    "components",
    "downtimes",
)


def looks_neutral(path: Path) -> bool:
    """Whether a folder or file is of this kind."""
    return path.is_file() or (path / "resource_groups.json").is_file()


def read(path: Path) -> Found:
    """What a folder or file says. Never raises; what cannot be read is a fault."""
    faults = Faults()
    files = [path] if path.is_file() else [path / f"{kind}.json" for kind in _KINDS]
    lists: dict[str, list[tuple[str, Any]]] = {kind: [] for kind in _KINDS}
    for file in files:
        if path.is_file() or file.exists():
            _collect(file, lists, faults)
    if not any(lists.values()) and not faults.found:
        faults.add(path.name, "", f"holds none of {', '.join(_KINDS)}")
    return Found(_registry(lists, faults), tuple(faults.found))


def _collect(file: Path, lists: dict[str, list[tuple[str, Any]]], faults: Faults) -> None:
    try:
        content = json.loads(read_bytes(file, file.name))
    except Unreadable as error:
        faults.add(file.name, "", str(error).removeprefix(f"{file.name}: "))
    except (ValueError, RecursionError) as error:
        at = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else "no JSON"
        faults.add(file.name, "", f"cannot be read: {at}")
    else:
        # A file of one kind holds a list; one of several a mapping from kinds to lists.
        found = {file.stem: content} if isinstance(content, list) else content
        if not isinstance(found, dict):
            faults.add(file.name, "", f"is {kind_of(content)}, not a list or a mapping")
            return
        for kind in _KINDS:
            value = found.get(kind, [])
            if not isinstance(value, list):
                faults.add(file.name, kind, f"is {kind_of(value)}, not a list")
            else:
                lists[kind] += [(file.name, one) for one in value]


def _registry(lists: dict[str, list[tuple[str, Any]]], faults: Faults) -> Registry:
    def entries(kind: str, word: str = "name") -> Iterator[Entry]:
        for number, (file, value) in enumerate(lists[kind]):
            yield from entry_of(file, value, word, f"{kind} {number + 1}", faults)

    places = list(entries("facilities"))
    groups = list(entries("resource_groups"))
    return Registry(
        centers=tuple(map(_center, entries("support_centers"))),
        vos=tuple(map(_vo, entries("virtual_organizations"))),
        facilities=_facilities(places, groups),
        sites=_sites(places, groups),
        groups=tuple(map(_group, groups)),
        resources=tuple(
            _resource(one, group.name) for group in groups for one in group.entries("resources", "name")
        ),
        services=tuple(Service(one.name) for one in entries("services")),
        components=tuple(map(_component, entries("components"))),
        downtimes=tuple(down for one in entries("downtimes", "resource") for down in _downtime(one)),
    )


def _center(entry: Entry) -> SupportCenter:
    kind = entry.text("kind", "real")
    if kind not in set(CenterKind):
        entry.fault(f"kind {kind!r} is none of {', '.join(CenterKind)}")
        kind = "real"
    return SupportCenter(
        name=entry.name,
        kind=CenterKind(kind),
        address=entry.optional("address"),
        long_name=entry.text("long_name"),
        aliases=entry.texts("aliases"),
        security=entry.texts("security"),
    )


def _vo(entry: Entry) -> VirtualOrganization:
    return VirtualOrganization(
        name=entry.name,
        long_name=entry.text("long_name"),
        aliases=entry.texts("aliases"),
        parent=entry.optional("parent"),
        center=entry.optional("support_center"),
        active=entry.flag("active", default=True),
        word=entry.flag("word", default=False),
        admin=entry.texts("admin"),
        security=entry.texts("security"),
    )


def _facilities(places: list[Entry], groups: list[Entry]) -> tuple[Facility, ...]:
    """Those listed, and those that groups name: an overlay lists none."""
    named = [group.text("facility") for group in groups]
    return tuple(Facility(name) for name in dict.fromkeys([*(p.name for p in places), *named]) if name)


def _sites(places: list[Entry], groups: list[Entry]) -> tuple[Site, ...]:
    found = {
        site.name: Site(site.name, place.name, site.text("long_name"))
        for place in places
        for site in place.entries("sites", "name")
    }
    for group in groups:
        name, facility = group.text("site"), group.text("facility")
        if name:
            found.setdefault(name, Site(name, facility))
    return tuple(found.values())


def _group(entry: Entry) -> ResourceGroup:
    return ResourceGroup(
        name=entry.name,
        site=entry.text("site"),
        facility=entry.text("facility"),
        center=entry.optional("support_center"),
        description=entry.text("description"),
        production=entry.flag("production", default=True),
        aliases=entry.texts("aliases"),
    )


def _resource(entry: Entry, group: str) -> Resource:
    return Resource(
        name=entry.name,
        group=group,
        fqdn=entry.text("fqdn").lower() or None,
        fqdn_aliases=tuple(name.lower() for name in entry.texts("fqdn_aliases")),
        active=entry.flag("active", default=True),
        services=entry.texts("services"),
        owners=_owners(entry),
        contact=entry.optional("contact"),
        admin=entry.texts("admin"),
        security=entry.texts("security"),
        description=entry.text("description"),
        aliases=entry.texts("aliases"),
    )


def _owners(entry: Entry) -> tuple[tuple[str, int], ...]:
    shares = entry.mapping("vo_ownership")
    if not all(isinstance(share, int | float) for share in shares.values()):
        entry.fault("vo_ownership has a share that is no number")
        return ()
    return tuple((name, int(share)) for name, share in shares.items())


def _component(entry: Entry) -> Component:
    return Component(entry.name, entry.optional("support_center"), entry.texts("aliases"))


def _downtime(entry: Entry) -> Iterator[Downtime]:
    start, end = _time(entry, "start"), _time(entry, "end")
    if start is not None and end is not None:
        yield Downtime(
            resource=entry.name,
            start=start,
            end=end,
            severity=entry.text("severity"),
            klass=entry.text("klass"),
            description=entry.text("description"),
            services=entry.texts("services"),
        )


def _time(entry: Entry, key: str) -> datetime | None:
    text = entry.text(key)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        entry.fault(f"{key} {text!r} is no time; write it as 2026-03-01T08:00Z")
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
