"""Changes to a set of rules, each giving a new set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from routing.faults import RoutingError
from routing.rules import Rule, RuleSet, ruleset


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule goes within its phase: before or after another, or at the end."""

    before: str | None = None
    after: str | None = None


def add(rules: RuleSet, rule: Rule, place: Place) -> RuleSet:
    """With `rule`, which is new, at that place."""
    if any(known.name == rule.name for known in rules.rules):
        raise RoutingError(f'there is a rule "{rule.name}" already; change it with `rules edit {rule.name}`')
    return ruleset(_put(list(rules.rules), rule, place))


def move(rules: RuleSet, name: str, place: Place) -> RuleSet:
    """With the rule of that name elsewhere in its phase."""
    rule = rules.rule(name)
    return ruleset(_put([other for other in rules.rules if other.name != name], rule, place))


def remove(rules: RuleSet, name: str) -> RuleSet:
    """Without the rule of that name."""
    gone = rules.rule(name)
    return RuleSet(tuple(rule for rule in rules.rules if rule is not gone))


def change(rules: RuleSet, name: str, changed: Rule) -> RuleSet:
    """With `changed`, which may have another name and phase, where the rule of that name was."""
    old = rules.rule(name)
    return ruleset(changed if rule is old else rule for rule in rules.rules)


def enable(rules: RuleSet, name: str) -> RuleSet:
    """With the rule of that name asked again."""
    return change(rules, name, replace(rules.rule(name), enabled=True, until=None))


def disable(rules: RuleSet, name: str, until: date | None) -> RuleSet:
    """With the rule of that name passed over, until that day begins or for good."""
    return change(rules, name, replace(rules.rule(name), enabled=False, until=until))


def _put(others: list[Rule], rule: Rule, place: Place) -> list[Rule]:
    beside = place.before or place.after
    if beside is None:
        return [*others, rule]
    other = RuleSet(tuple(others)).rule(beside)
    if other.phase is not rule.phase:
        raise RoutingError(
            f'"{rule.name}" is of phase {rule.phase} and "{beside}" of phase {other.phase}:'
            " order counts within a phase only"
        )
    at = others.index(other) + (0 if place.before else 1)
    return [*others[:at], rule, *others[at:]]
