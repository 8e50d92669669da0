"""One entry of the registry and all that hangs on it, for people who look it up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

from routing.importing.differences import KINDS
from routing.registry import Registry, Resource, name_key

_SINGULAR: Final = {
    "support centers": "support center",
    "virtual organizations": "VO",
    "facilities": "facility",
    "sites": "site",
    "resource groups": "resource group",
    "resources": "resource",
    "services": "service",
    "components": "component",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry with its kind in the singular, its own fields, and what it belongs to or has."""

    kind: str
    name: str
    fields: tuple[tuple[str, str], ...]
    related: tuple[tuple[str, str], ...]


def look_up(registry: Registry, wanted: str) -> tuple[Shown, ...]:
    """Every entry that is called so, by name, alias or host; several kinds may share a name."""
    key, host = name_key(wanted), wanted.strip().rstrip(".").lower()
    return tuple(
        _shown(registry, kind, one)
        for kind, attribute in KINDS.items()
        for one in getattr(registry, attribute)
        if key in _keys(one) or host in _hosts(one)
    )


def names(registry: Registry) -> tuple[str, ...]:
    """All names there are, for hints."""
    return tuple(one.name for attribute in KINDS.values() for one in getattr(registry, attribute))


def _keys(one: Any) -> set[str]:
    return {name_key(name) for name in (one.name, *getattr(one, "aliases", ()))}


def _hosts(one: Any) -> tuple[str, ...]:
    return (one.fqdn or "", *one.fqdn_aliases) if isinstance(one, Resource) else ()


def _shown(registry: Registry, kind: str, one: Any) -> Shown:
    own = tuple(
        (field.name.replace("_", " "), _text(value))
        for field in fields(one)
        if field.name != "name" and (value := getattr(one, field.name)) not in (None, "", ())
    )
    return Shown(_SINGULAR[kind], one.name, own, tuple(_RELATED.get(kind, _nothing)(registry, one)))


def _of_resource(registry: Registry, one: Any) -> Iterator[tuple[str, str]]:
    yield from (
        ("its group's support center", each.center or "none")
        for each in registry.groups
        if each.name == one.group
    )
    for down in registry.downtimes:
        if down.resource == one.name:
            lasts = f"{down.start:%Y-%m-%d %H:%M} to {down.end:%Y-%m-%d %H:%M} UTC"
            yield "downtime", f"{lasts}, {down.severity}"


def _of_center(registry: Registry, one: Any) -> Iterator[tuple[str, str]]:
    yield from (("resource group", each.name) for each in registry.groups if each.center == one.name)
    yield from (("VO", each.name) for each in registry.vos if each.center == one.name)


def _of_vo(registry: Registry, one: Any) -> Iterator[tuple[str, str]]:
    for each in registry.resources:
        yield from (("owns", f"{share} % of {each.name}") for vo, share in each.owners if vo == one.name)


def _nothing(_: Registry, __: Any) -> Iterator[tuple[str, str]]:
    return iter(())


_RELATED: Final[dict[str, Callable[[Registry, Any], Iterable[tuple[str, str]]]]] = {
    "resources": _of_resource,
    "resource groups": lambda registry, one: (
        ("resource", each.name) for each in registry.resources if each.group == one.name
    ),
    "support centers": _of_center,
    "sites": lambda registry, one: (
        ("resource group", each.name) for each in registry.groups if each.site == one.name
    ),
    "facilities": lambda registry, one: (
        ("site", each.name) for each in registry.sites if each.facility == one.name
    ),
    "virtual organizations": _of_vo,
}


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"{each[0]} {each[1]} %" if isinstance(each, tuple) else str(each) for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
