"""What one registry says otherwise than another, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

from routing.registry import Registry

# The plural of each kind as people say it, and the field that holds it.
KINDS: Final = {
    "support centers": "centers",
    "virtual organizations": "vos",
    "facilities": "facilities",
    "sites": "sites",
    "resource groups": "groups",
    "resources": "resources",
    "services": "services",
    "components": "components",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One entry that came, went, or changed; `what` says in which fields, and from what to what."""

    kind: str
    name: str
    change: str
    what: str = ""

    def __str__(self) -> str:
        return f"{self.change} {self.kind}: {self.name}" + (f" ({self.what})" if self.what else "")


def differences(before: Registry, after: Registry) -> tuple[Difference, ...]:
    """All that differs, kind by kind; downtimes, which come and go by the hundred, as one line."""
    found = [one for kind in KINDS for one in _of_kind(kind, before, after)]
    came = len(set(after.downtimes) - set(before.downtimes))
    went = len(set(before.downtimes) - set(after.downtimes))
    if came or went:
        found.append(Difference("downtimes", f"{came} new, {went} gone", "changed"))
    return tuple(found)


def _of_kind(kind: str, before: Registry, after: Registry) -> Iterator[Difference]:
    old = {one.name: one for one in getattr(before, KINDS[kind])}
    new = {one.name: one for one in getattr(after, KINDS[kind])}
    for name in sorted(new.keys() - old.keys()):
        yield Difference(kind, name, "added")
    for name in sorted(old.keys() - new.keys()):
        yield Difference(kind, name, "removed")
    for name in sorted(old.keys() & new.keys()):
        if old[name] != new[name]:
            yield Difference(kind, name, "changed", _what(old[name], new[name]))


def _what(old: Any, new: Any) -> str:
    pairs = ((field.name, getattr(old, field.name), getattr(new, field.name)) for field in fields(old))
    return "; ".join(f"{name}: {_text(a)} -> {_text(b)}" for name, a, b in pairs if a != b)


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value in (None, "") else str(value)
