"""Rules: ordered conditions with typed actions, from and to TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar

from routing.actions import Action, parse_action
from routing.faults import Fault, NoSuchRule, RuleError, nearest, one_of, place
from routing.query import Query, parse_query
from routing.toml_out import Cell, emit_tables

TEXT_LIMIT = 1 << 20
RULES_LIMIT = 2000
ACTIONS_LIMIT = 50

_KEYS = ("name", "phase", "when", "then", "enabled", "until")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

T = TypeVar("T")


class Phase(StrEnum):
    """When a rule is asked, in this order. Replies pass guard and enrich only."""

    GUARD = "guard"
    ROUTE = "route"
    ENRICH = "enrich"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True)
class Rule:
    """A saved search with typed actions.

    A rule that is not `enabled` is passed over: for good, or `until` that day (UTC) begins.
    """

    name: str
    phase: Phase
    when: Query
    then: tuple[Action, ...]
    enabled: bool = True
    until: date | None = None

    def sleeps(self, at: datetime | None) -> bool:
        """Whether the rule is passed over by a mail received then."""
        if self.enabled:
            return False
        return self.until is None or at is None or at.astimezone(UTC).date() < self.until


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules of different names, in the order they are asked. Make one with `ruleset`."""

    rules: tuple[Rule, ...] = ()

    def rule(self, name: str) -> Rule:
        """The rule called `name`; NoSuchRule names the nearest when there is none."""
        for rule in self.rules:
            if rule.name == name:
                return rule
        near = nearest((rule.name for rule in self.rules), name)
        raise NoSuchRule(f'no rule "{name}"' + (f'; the nearest is "{near}"' if near else ""))


def ruleset(rules: Iterable[Rule]) -> RuleSet:
    """The rules, phase by phase, else in the order given; RuleError when a name stands twice."""
    ordered = list(rules)
    if len(ordered) > RULES_LIMIT:
        raise RuleError(
            ordered[RULES_LIMIT].name, "name", "column 1", f"expected at most {RULES_LIMIT} rules"
        )
    seen: set[str] = set()
    for rule in ordered:
        if rule.name in seen:
            raise RuleError(rule.name, "name", "column 1", "stands twice; expected a name of its own")
        seen.add(rule.name)
    order = {phase: n for n, phase in enumerate(Phase)}
    return RuleSet(tuple(sorted(ordered, key=lambda rule: order[rule.phase])))


@lru_cache(maxsize=32)
def parse_rules(text: str) -> RuleSet:
    """Read a set of rules from TOML; RuleError names rule, key and column of the first fault."""
    if len(text) > TEXT_LIMIT:
        raise RuleError("?", "?", "column 1", f"expected at most {TEXT_LIMIT} characters")
    try:
        tables = tomllib.loads(text)
    except ValueError as error:
        raise RuleError("?", "?", "TOML", str(error)) from error
    except RecursionError as error:
        raise RuleError("?", "?", "TOML", "nested too deep; expected [[rule]] tables") from error
    for key in tables:
        if key != "rule":
            raise RuleError("?", key, "column 1", "unknown; expected [[rule]] tables only")
    found = tables.get("rule", [])
    if not isinstance(found, list):
        raise RuleError("?", "rule", "column 1", "expected [[rule]], with two brackets")
    return ruleset(_rule(table, n) for n, table in enumerate(found, 1))


def emit_rules(rules: RuleSet) -> str:
    """The rules as TOML that parse_rules reads back to equal rules."""
    return emit_tables("rule", (_cells(rule) for rule in rules.rules))


def emit_rule(rule: Rule) -> str:
    """One rule as TOML."""
    return emit_rules(RuleSet((rule,)))


def make_rule(name: str, phase: str, when: str, then: Iterable[str]) -> Rule:
    """A rule from its texts; RuleError when one does not parse."""
    if not _NAME.fullmatch(name):
        raise RuleError(_label(name), "name", "column 1", "expected letters, digits, . _ -, at most 64")
    if phase not in tuple(Phase):
        raise RuleError(
            name, "phase", "column 1", f'unknown "{_label(phase)}"; expected {one_of(Phase, phase)}'
        )
    actions = tuple(_actions(name, then))
    return Rule(name, Phase(phase), _read(parse_query, when, name, "when"), actions)


def _rule(table: object, number: int) -> Rule:
    """The rule in a TOML table. Mapping's values are checked here and nowhere else."""
    if not isinstance(table, Mapping):
        raise RuleError(f"#{number}", "rule", "column 1", "expected a [[rule]] table")
    name = table.get("name")
    label = _label(name) if isinstance(name, str) else f"#{number}"
    for key in table:
        if key not in _KEYS:
            raise RuleError(label, str(key), "column 1", f"unknown key; expected {one_of(_KEYS, str(key))}")
    then = _typed(table, "then", label, list)
    if not all(isinstance(action, str) for action in then):
        raise RuleError(label, "then", "column 1", 'expected a list of texts, as in ["center+=VDT", "stop"]')
    texts = [_typed(table, key, label, str) for key in ("name", "phase", "when")]
    rule = make_rule(texts[0], texts[1], texts[2], then)
    return _with_sleep(rule, table)


def _with_sleep(rule: Rule, table: Mapping[str, object]) -> Rule:
    enabled = _typed(table, "enabled", rule.name, bool) if "enabled" in table else True
    until = _typed(table, "until", rule.name, date) if "until" in table else None
    if isinstance(until, datetime):
        raise RuleError(rule.name, "until", "column 1", "a time; expected a day, as in 2030-09-01")
    if enabled and until:
        raise RuleError(
            rule.name, "until", "column 1", "the rule is enabled; expected enabled = false beside it"
        )
    return Rule(rule.name, rule.phase, rule.when, rule.then, enabled, until)


def _typed(table: Mapping[str, object], key: str, rule: str, kind: type[T]) -> T:
    value = table.get(key)
    if isinstance(value, kind):
        return value
    found = "missing" if key not in table else f"a {type(value).__name__}"
    raise RuleError(rule, key, "column 1", f"{found}; expected {_KINDS[key]}")


def _actions(rule: str, then: Iterable[str]) -> Iterable[Action]:
    for number, text in enumerate(then, 1):
        if number > ACTIONS_LIMIT:
            raise RuleError(rule, "then", "column 1", f"expected at most {ACTIONS_LIMIT} actions")
        yield _read(parse_action, text, rule, f"then, action {number}")


def _read(parse: Callable[[str], T], text: str, rule: str, key: str) -> T:
    try:
        return parse(text)
    except Fault as fault:
        raise RuleError(rule, key, place(text, fault.offset), str(fault)) from fault


def _cells(rule: Rule) -> tuple[tuple[str, Cell], ...]:
    cells: list[tuple[str, Cell]] = [
        ("name", rule.name),
        ("phase", rule.phase.value),
        ("when", rule.when.text),
        ("then", tuple(str(action) for action in rule.then)),
    ]
    if not rule.enabled:
        cells.append(("enabled", False))
    if rule.until:
        cells.append(("until", rule.until))
    return tuple(cells)


def _label(name: str) -> str:
    """A name that may be anything, fit for one line."""
    return "".join(c if c.isprintable() else "?" for c in name[:64])


_KINDS = {
    "name": "a text",
    "phase": "a text",
    "when": "a text",
    "then": "a list of texts",
    "enabled": "true or false",
    "until": "a day, as in 2030-09-01",
}
