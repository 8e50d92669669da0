"""The fields of the query language that ask what a mail names of the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from routing.entities import Entity, EntityKind, How, Where
from routing.facts import Reading, Text
from routing.registry import Resource, name_key

Texts = Callable[[Reading], tuple[Text, ...]]

# Where something must stand to be meant; `quoted` and the rest only `.where` can ask for.
_MEANT: Final = (Where.SUBJECT, Where.PROSE, Where.LOG)
_ABOVE: Final = {
    EntityKind.RESOURCE: ("group", "site", "facility"),
    EntityKind.GROUP: ("site", "facility"),
    EntityKind.SITE: ("facility",),
}


def named(kind: EntityKind) -> Texts:
    """The names of a kind; a resource stands for its group, that for its site, that for its facility."""
    return lambda reading: _texts(_names(reading, kind))


def where(kind: EntityKind) -> Texts:
    """In what parts of the mail something of a kind stands."""
    return lambda reading: _texts(one.where.value for one in reading.entities if one.kind is kind)


def hosts(reading: Reading) -> tuple[Text, ...]:
    """The hosts that are named, as the mail has them."""
    by_host = (How.FQDN, How.SHORT_HOST, How.DOMAIN)
    return _texts(
        one.text.lower().strip(".") for one in reading.entities if one.how in by_host and one.where in _MEANT
    )


def active(reading: Reading) -> tuple[Text, ...]:
    """`yes` and `no`, for the resources that are named."""
    return _texts("yes" if resource.active else "no" for resource in named_resources(reading))


def downtime(reading: Reading) -> tuple[Text, ...]:
    """`now` where a named resource is down as the mail comes, `planned` where it will be."""
    grid, at = reading.facts.grid, reading.facts.received
    if grid is None or at is None:
        return ()
    names = {resource.name for resource in named_resources(reading)}
    downs = [down for down in grid.registry.downtimes if down.resource in names]
    return _texts("now" if down.lasts(at) else "planned" for down in downs if down.end > at)


def sender_is_contact(reading: Reading) -> tuple[Text, ...]:
    """`yes` where the sender is a contact of a resource that the mail names, else `no`."""
    sender = reading.facts.sender.casefold()
    known = (
        address for one in named_resources(reading) for address in (one.contact, *one.admin, *one.security)
    )
    return _texts(["yes" if sender and sender in known else "no"])


def same_name(name: str, wanted: str) -> bool:
    """Whether two spellings are one name."""
    return name_key(name) == name_key(wanted)


def _names(reading: Reading, kind: EntityKind) -> Iterable[str]:
    for one in reading.entities:
        if one.where not in _MEANT:
            continue
        if one.kind is kind:
            yield one.name
        elif kind.value in _ABOVE.get(one.kind, ()) and reading.facts.grid is not None:
            yield reading.facts.grid.directory.above(one.kind, one.name).get(kind, "")


def named_resources(reading: Reading) -> Iterable[Resource]:
    """The resources that the mail names where it means them."""
    grid = reading.facts.grid
    names: dict[str, Entity] = {one.name: one for one in reading.entities if one.where in _MEANT}
    return (
        [] if grid is None else [r for name in names if (r := grid.directory.resources.get(name)) is not None]
    )


def _texts(values: Iterable[str]) -> tuple[Text, ...]:
    return tuple(Text(value) for value in dict.fromkeys(values) if value)
