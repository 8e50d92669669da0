"""Changes to a set of rules, each giving a new set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from routing.actions import BY_REGISTRY, Verb
from routing.faults import RoutingError, nearest
from routing.rules import Phase, Rule, RuleSet, ruleset

# How a finding begins that rules are refused for.
UNKNOWN_CENTER: Final = "unknown center"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule goes within its phase: before or after another, or at the end."""

    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a rule that is allowed and hardly meant."""

    rule: str
    text: str


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


def lint(rules: RuleSet, centers: frozenset[str]) -> tuple[Finding, ...]:
    """What is allowed and hardly meant: unknown centers, rules never reached, rules that do nothing."""
    findings: list[Finding] = []
    for rule in rules.rules:
        findings.extend(Finding(rule.name, text) for text in _unknown_centers(rule, centers))
        if not rule.then:
            findings.append(Finding(rule.name, "does nothing: its list of actions is empty"))
        if not rule.when.text.strip():
            findings.append(
                Finding(rule.name, "has an empty condition, which always holds: write * if meant")
            )
    return (*findings, *_shadowed(rules))


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


def _unknown_centers(rule: Rule, centers: frozenset[str]) -> Iterable[str]:
    known = {center.casefold() for center in centers}
    by_name = (one for one in rule.then if one.verb in (Verb.ADD_CENTER, Verb.SET_CENTER))
    for action in by_name:
        if action.argument.casefold() not in (*known, BY_REGISTRY):
            near = nearest(centers, action.argument)
            yield f'{UNKNOWN_CENTER} "{action.argument}"' + (f'; the nearest is "{near}"' if near else "")


def _shadowed(rules: RuleSet) -> Iterable[Finding]:
    """Rules behind one of their phase that always holds and stops."""
    stops: dict[Phase, str] = {}
    for rule in rules.rules:
        if rule.phase in stops:
            yield Finding(
                rule.name, f'is never reached: "{stops[rule.phase]}" always stops the phase before it'
            )
        elif rule.enabled and rule.when.unconditional and any(a.verb is Verb.STOP for a in rule.then):
            stops[rule.phase] = rule.name
