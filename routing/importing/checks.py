"""What of a registry does not fit together."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from routing.importing.reading import Fault
from routing.registry import CenterKind, Registry, name_key
from tracker.people import read_address


def faults(registry: Registry) -> tuple[Fault, ...]:
    """What must not be let in: names that lead nowhere, and one name that stands for two."""
    return (*repeated(registry), *_dangling(registry), *_bad_addresses(registry))


def warnings(registry: Registry) -> tuple[Fault, ...]:
    """What is odd, and does not keep the rest from working."""
    return (*_alike(registry), *_duplicate_hosts(registry), *_helpless(registry))


def repeated(registry: Registry) -> Iterator[Fault]:
    """Names that stand for two: of one source, for between two the later counts."""
    for kind, names in _names(registry).items():
        for name, count in Counter(names).items():
            if count > 1:
                yield Fault(kind, name, f"stands there {count} times")


def _alike(registry: Registry) -> Iterator[Fault]:
    """Names that people will not tell apart."""
    for kind, names in _names(registry).items():
        same: dict[str, list[str]] = defaultdict(list)
        for name in dict.fromkeys(names):
            same[name_key(name)].append(name)
        for first, *others in same.values():
            if others:
                yield Fault(kind, first, f"is hardly told from {', '.join(others)}")


def _names(registry: Registry) -> dict[str, tuple[str, ...]]:
    return {
        "support centers": tuple(one.name for one in registry.centers),
        "virtual organizations": tuple(one.name for one in registry.vos),
        "facilities": tuple(one.name for one in registry.facilities),
        "resource groups": tuple(one.name for one in registry.groups),
        "resources": tuple(one.name for one in registry.resources),
        "components": tuple(one.name for one in registry.components),
    }


def _dangling(registry: Registry) -> Iterator[Fault]:
    centers = {name_key(one.name): one.name for one in registry.centers}
    vos = {name_key(one.name): one.name for one in registry.vos}
    for group in registry.groups:
        yield from _missing("resource groups", group.name, "support center", group.center, centers)
    for vo in registry.vos:
        yield from _missing("virtual organizations", vo.name, "support center", vo.center, centers)
        yield from _missing("virtual organizations", vo.name, "parent", vo.parent, vos)
    for component in registry.components:
        yield from _missing("components", component.name, "support center", component.center, centers)


def _missing(kind: str, entry: str, what: str, name: str | None, known: dict[str, str]) -> Iterator[Fault]:
    if name is not None and name_key(name) not in known:
        yield Fault(kind, entry, f"its {what} {name!r} is not there{_nearest(name, known.values())}")


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _bad_addresses(registry: Registry) -> Iterator[Fault]:
    for center in registry.centers:
        yield from _unreadable("support centers", center.name, [center.address, *center.security])
    for vo in registry.vos:
        yield from _unreadable("virtual organizations", vo.name, [*vo.admin, *vo.security])
    for one in registry.resources:
        yield from _unreadable("resources", one.name, [one.contact, *one.admin, *one.security])


def _unreadable(kind: str, entry: str, addresses: Sequence[str | None]) -> Iterator[Fault]:
    for address in dict.fromkeys(one for one in addresses if one is not None):
        if read_address(address) is None:
            yield Fault(kind, entry, f"{address!r} is no address")


def _duplicate_hosts(registry: Registry) -> Iterator[Fault]:
    owners: dict[str, list[str]] = defaultdict(list)
    for one in registry.resources:
        for host in dict.fromkeys(host for host in (one.fqdn, *one.fqdn_aliases) if host):
            owners[host].append(one.name)
    for host, names in owners.items():
        if len(names) > 1:
            yield Fault("resources", names[0], f"{host} is the host of {', '.join(names[1:])} as well")


def _helpless(registry: Registry) -> Iterator[Fault]:
    """Groups of centers that cannot be mailed, and resources that have nobody to ask."""
    silent = {
        name_key(one.name)
        for one in registry.centers
        if one.kind is CenterKind.GONE or (one.kind is CenterKind.REAL and one.address is None)
    }
    for group in registry.groups:
        if group.center is not None and name_key(group.center) in silent:
            yield Fault("resource groups", group.name, f"its support center {group.center} cannot be mailed")
    for one in registry.resources:
        if one.active and one.contact is None:
            yield Fault("resources", one.name, "has no contact")
