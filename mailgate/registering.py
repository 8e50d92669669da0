"""Importing a registry: read, checked, compared, and put in force as a whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from mailgate import registry_sync
from mailgate.registry_sync import Synced
from routing import editing, registry_store
from routing import store as rule_store
from routing.actions import Action, Verb
from routing.importing import checks, neutral, topology
from routing.importing.differences import Difference, differences
from routing.importing.reading import Fault, Found, Progress
from routing.registry import Registry
from routing.registry_store import Import
from routing.rules import parse_rules
from tracker.resources import resource_dir


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: version, what differs from before, and the support centers it touched."""

    version: int
    changed: bool
    differences: tuple[Difference, ...]
    synced: Synced
    rules: int | None = None


def read(path: Path, progress: Progress) -> Found:
    """What a folder or file says, with all that is wrong in it."""
    if topology.looks_like_topology(path):
        found = topology.read(path, progress)
    elif neutral.looks_neutral(path):
        found = neutral.read(path)
    else:
        shown = Fault(path.name, "", "is neither a checkout of the topology nor the neutral JSON")
        return Found(Registry(), (shown,))
    return Found(found.registry, found.faults, (*found.warnings, *checks.warnings(found.registry)))


def together(connection: Connection, source: str, registry: Registry) -> Registry:
    """What would be in force if `source` said this."""
    others = [
        (one.source, registry_store.said(connection, one.source))
        for one in registry_store.newest(connection)
        if not one.removed
    ]
    if source not in dict(others):
        others.append((source, registry))
    return registry_store.merge(registry if name == source else said for name, said in others)


def compare(connection: Connection, source: str, registry: Registry) -> tuple[Difference, ...]:
    """What would differ in what is in force."""
    return differences(registry_store.in_force(connection), together(connection, source, registry))


def put(connection: Connection, registry: Registry, by: Import) -> Imported:
    """Put what a source says in force, and make its support centers known."""
    before = registry_store.newest(connection)
    changes = compare(connection, by.source, registry)
    version = registry_store.put(connection, registry, by)
    rules = _route_by_it(connection, by)
    synced = registry_sync.sync(connection, registry_store.in_force(connection), by.now)
    return Imported(version, all(one.number != version for one in before), changes, synced, rules)


def _route_by_it(connection: Connection, by: Import) -> int | None:
    """Have the rules use the registry, where none ever did; gives the revision that was made for it.

    Instances older than the registry have rules without it. Who took the rule away meant it.
    """
    ever = (one.rules for one in rule_store.history(connection) if Verb.REGISTRY.value in one.text)
    if any(Action(Verb.REGISTRY) in rule.then for rules in ever for rule in rules.rules):
        return None
    _, rules = rule_store.active(connection)
    text = (resource_dir("config") / "routing.toml").read_text()
    shipped = next(rule for rule in parse_rules(text).rules if Action(Verb.REGISTRY) in rule.then)
    wanted = editing.add(rules, shipped, editing.Place())
    change = rule_store.Change(by.author, "route by the registry, which was imported", by.now)
    return rule_store.put_in_force(connection, wanted, change).number


def remove(connection: Connection, by: Import) -> Synced:
    """Take a source away."""
    registry_store.remove(connection, by)
    return registry_sync.sync(connection, registry_store.in_force(connection), by.now)
