"""A registry as JSON and back: what its tables keep of each version."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields
from datetime import datetime
from enum import Enum
from typing import Any, Final

from routing import registry as r
from routing.registry import Registry

_KINDS: Final[dict[str, type[Any]]] = {
    "centers": r.SupportCenter,
    "vos": r.VirtualOrganization,
    "facilities": r.Facility,
    "sites": r.Site,
    "groups": r.ResourceGroup,
    "resources": r.Resource,
    "services": r.Service,
    "components": r.Component,
    "downtimes": r.Downtime,
}
# What JSON has no word for.
_READ: Final[dict[str, Callable[[Any], Any]]] = {
    "kind": r.CenterKind,
    "start": datetime.fromisoformat,
    "end": datetime.fromisoformat,
    "owners": lambda pairs: tuple((name, share) for name, share in pairs),
}


def to_json(registry: Registry) -> str:
    """The same registry gives the same text; what is as it is by default is left out."""
    entries = {kind: [_plain(one) for one in getattr(registry, kind)] for kind in _KINDS}
    return json.dumps(entries, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def from_json(text: str) -> Registry:
    """What to_json() wrote."""
    entries = json.loads(text)
    return Registry(**{kind: _values(made, entries.get(kind, ())) for kind, made in _KINDS.items()})


def _plain(value: Any) -> dict[str, Any]:
    found = {}
    for field in fields(value):
        one = getattr(value, field.name)
        if field.default is MISSING or one != field.default:
            found[field.name] = _word(one)
    return found


def _word(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, datetime) else value


def _values(made: type[Any], entries: Iterable[dict[str, Any]]) -> tuple[Any, ...]:
    return tuple(made(**{name: _value(name, value) for name, value in one.items()}) for one in entries)


def _value(name: str, value: Any) -> Any:
    if name in _READ:
        return _READ[name](value)
    return tuple(value) if isinstance(value, list) else value
