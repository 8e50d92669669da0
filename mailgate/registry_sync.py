"""The registry's support centers made known to the tracker, which gives tickets to them by name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from routing.registry import CenterKind, Registry, SupportCenter
from tracker.model import BadValue, Center, CenterState, Wants
from tracker.people import read_address
from tracker.storage import centers

# What `source` says of centers that came by a registry, and of those that it has no more.
_REGISTRY = "registry"
_VANISHED = "vanished"


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of the tracker's centers, by name; `kept` are the operator's own, left as they are."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def sync(connection: Connection, registry: Registry, now: datetime) -> Synced:
    """Bring the tracker's centers up to what the registry says, in its transaction.

    Of a center the registry owns name, address and aliases; the operator owns its state, delegate, staff and
    what it wants. One that vanished keeps its tickets and gets no more.
    """
    known = {one.name: one for one in centers.everyone(connection)}
    wanted = {one.name: one for one in registry.centers if one.kind is CenterKind.REAL}
    added, changed, kept, notes = [], [], [], []
    for name, said in wanted.items():
        found = known.get(name) or centers.lookup(connection, (name,)).get(name)
        if found is None:
            found = _create(connection, said, now)
            added.append(name)
        elif not found.source:
            kept.append(found.name)
            continue
        elif _update(connection, found, said):
            changed.append(name)
        notes += _add_aliases(connection, found, said)
    vanished = _switch_off(connection, [one for name, one in known.items() if name not in wanted])
    return Synced(tuple(added), tuple(changed), vanished, tuple(kept), tuple(notes))


def _create(connection: Connection, said: SupportCenter, now: datetime) -> Center:
    address = None if said.address is None else read_address(said.address)
    made = replace(
        centers.create(connection, said.name, address, Wants.OPENINGS, now),
        long_name=said.long_name,
        source=_REGISTRY,
    )
    centers.describe(connection, made)
    return made


def _update(connection: Connection, found: Center, said: SupportCenter) -> bool:
    """Whether there was something to change."""
    address = None if said.address is None else read_address(said.address)
    now_so = replace(found, address=address, long_name=said.long_name, source=_REGISTRY)
    if now_so == found:
        return False
    centers.describe(connection, now_so)
    if found.source == _VANISHED:
        centers.set_state(connection, found, CenterState.AVAILABLE)
    return True


def _add_aliases(connection: Connection, center: Center, said: SupportCenter) -> list[str]:
    notes = []
    for alias in said.aliases:
        try:
            centers.add_alias(connection, center.id, alias)
        except BadValue as error:
            notes.append(f"{center.name}: {error}")
    return notes


def _switch_off(connection: Connection, missing: list[Center]) -> tuple[str, ...]:
    gone = [one for one in missing if one.source == _REGISTRY]
    for one in gone:
        centers.describe(connection, replace(one, source=_VANISHED))
        centers.set_state(connection, one, CenterState.OFF)
    return tuple(one.name for one in gone)
