"""What is allowed in a set of rules and hardly meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from routing.actions import BY_REGISTRY, Action, Verb, read_contacts
from routing.facts import Kind, Text
from routing.query import Always, Either, Every, Node, Term
from routing.rules import Phase, Rule, RuleSet

# How a finding begins that rules are refused for.
UNKNOWN_CENTER: Final = "unknown center"

# Phases that only openings pass: there `is:new` says nothing.
_OF_OPENINGS: Final = (Phase.ROUTE, Phase.FALLBACK)
_NAMES_CENTER: Final = (Verb.ADD_CENTER, Verb.SET_CENTER)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a rule that is allowed and hardly meant."""

    rule: str
    text: str


def lint(rules: RuleSet, centers: frozenset[str]) -> tuple[Finding, ...]:
    """Unknown centers, rules that do nothing or are never asked, and rules that take the mail of others."""
    awake = [rule for rule in rules.rules if rule.enabled]
    found = (
        *(Finding(rule.name, text) for rule in rules.rules for text in _alone(rule, centers)),
        *(Finding(rule.name, text) for rule in awake for text in _takes_all(rule, awake)),
        *_never_asked(rules),
    )
    order = {rule.name: n for n, rule in enumerate(rules.rules)}
    return tuple(sorted(found, key=lambda one: order[one.rule]))


def _alone(rule: Rule, centers: frozenset[str]) -> Iterator[str]:
    """What is wrong with a rule whatever the others are."""
    yield from _unknown_centers(rule, centers)
    if not rule.then:
        yield "does nothing: its list of actions is empty"
    if not rule.when.text.strip():
        yield "has an empty condition, which always holds: write * if meant"


def _unknown_centers(rule: Rule, centers: frozenset[str]) -> Iterator[str]:
    known = {center.casefold(): center for center in centers}
    for action in rule.then:
        word = action.argument.casefold()
        if action.verb in _NAMES_CENTER and word not in (*known, BY_REGISTRY):
            near = [f'"{known[one]}"' for one in get_close_matches(word[:100], known, n=3)]
            said = f"; the nearest {'is' if len(near) == 1 else 'are'} {', '.join(near)}" if near else ""
            yield f'{UNKNOWN_CENTER} "{action.argument}"{said}'


def _takes_all(rule: Rule, awake: Sequence[Rule]) -> Iterator[str]:
    """How a rule that always holds takes the mail of others, rules of its phase."""
    if not always_holds(rule):
        return
    peers = [one for one in awake if one.phase is rule.phase]
    at = peers.index(rule)
    before, after = peers[:at], peers[at + 1 :]
    verbs = {action.verb for action in rule.then}
    routed = [one for one in before if any(_routes(action) for action in one.then)]
    if Verb.SET_CENTER in verbs and routed:
        yield f"always holds, and takes all mail from {_listed(routed)} before it; center+= would add to them"
    if not after:
        return
    if Verb.STOP in verbs:
        yield f'always holds, and takes all mail from {_listed(after)}: move it behind "{after[-1].name}"'
    elif blocking := verbs & {Verb.HOLD, Verb.REJECT}:
        yield f"always holds, and stands before {_listed(after)}: their mail too is {_PAST[min(blocking)]}"
    elif gets := [action.argument for action in rule.then if _routes(action)]:
        them = ", ".join(gets)
        yield (
            f"always holds, and stands before {_listed(after)}: all their mail goes to {them} as well;"
            " if it is for what no other rule takes, put it into phase fallback"
        )


_PAST: Final = {Verb.HOLD: "held", Verb.REJECT: "rejected"}


def _never_asked(rules: RuleSet) -> Iterator[Finding]:
    """Rules behind one that stops their phase on all their mail, or that gives each opening somebody."""
    stops: list[Rule] = []
    for rule in rules.rules:
        stop = next((one for one in stops if one.phase is rule.phase and _covers(one, rule)), None)
        giver = _gives_all(rules) if rule.phase is Phase.FALLBACK else None
        if stop is not None:
            how = "always" if always_holds(stop) else "holds of the same mail and"
            yield Finding(rule.name, f'is never reached: "{stop.name}" {how} stops the phase before it')
        elif giver is not None:
            yield Finding(rule.name, f'is never asked: "{giver.name}" gives every opening to somebody')
        elif rule.enabled and any(action.verb is Verb.STOP for action in rule.then):
            stops.append(rule)


def _covers(stop: Rule, rule: Rule) -> bool:
    """Whether a rule holds of all mail that another does: it always does, or asks the same."""
    return always_holds(stop) or stop.when.text.split() == rule.when.text.split()


def _gives_all(rules: RuleSet) -> Rule | None:
    """The rule that routes every opening, if there is one."""
    for rule in rules.rules:
        if rule.phase is Phase.ROUTE and rule.enabled:
            if always_holds(rule) and any(_routes(action) for action in rule.then):
                return rule
            if any(action.verb is Verb.STOP for action in rule.then):
                # It may end the phase before one that would.
                return None
    return None


def _routes(action: Action) -> bool:
    """Whether an action gives a mail to somebody, whatever the mail says."""
    if action.verb in _NAMES_CENTER:
        return action.argument.casefold() != BY_REGISTRY
    return action.verb is Verb.ADD_CC and read_contacts(action.argument) is None


def always_holds(rule: Rule) -> bool:
    """Whether a rule holds of every mail it is asked of, as far as the form of its condition tells."""
    return _always(rule.when.node, rule.phase)


def _always(node: Node, phase: Phase) -> bool:
    if isinstance(node, Every):
        return all(_always(one, phase) for one in node.nodes)
    if isinstance(node, Either):
        return any(_always(one, phase) for one in node.nodes)
    if isinstance(node, Term):
        kind = Text(Kind.NEW.value)
        return phase in _OF_OPENINGS and node.field.name == "is" and any(s(kind) for s in node.searches)
    return isinstance(node, Always)


def _listed(rules: Sequence[Rule]) -> str:
    first = f'"{rules[0].name}"'
    if len(rules) == 1:
        return first
    return f'{first} and "{rules[1].name}"' if len(rules) == 2 else f"{first} and {len(rules) - 1} others"
