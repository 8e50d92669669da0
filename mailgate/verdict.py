"""What became of one mail and why: kept with it, shown by `explain` and `inject`."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Final

from mailgate.threads.match import Match
from routing.decide import Decision
from tracker.model import TicketId


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decisions on one mail, each with what it rests on.

    `rule` is the first routing rule that matched, `trace` has a line for each that did. `signs` are what in
    the mail may tell its ticket, the strongest first: evidence, what it says, what came of that. `entities`
    are what it names of the registry: kind, name, where, by what, and as the mail has it. `failed` are rules
    that could not be asked. `revision`: of the rules.
    """

    disposition: str
    reason: str = ""
    ticket: TicketId | None = None
    created: bool = False
    evidence: str | None = None
    why: str = ""
    rule: str | None = None
    centers: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    fallback: bool = False
    tags: tuple[str, ...] = ()
    held: bool = False
    notes: tuple[str, ...] = ()
    trace: tuple[str, ...] = ()
    signs: tuple[tuple[str, str, str], ...] = ()
    entities: tuple[tuple[str, str, str, str, str], ...] = ()
    failed: tuple[str, ...] = ()
    revision: int | None = None

    def to_json(self) -> str:
        return json.dumps({name: getattr(self, name) for name in _NAMES}, ensure_ascii=False)


# Of a mail that names half the grid, the first tell enough.
_MOST_ENTITIES: Final = 50
_NAMES: Final = tuple(each.name for each in fields(Verdict))


def verdict_from_json(text: str) -> Verdict:
    """The verdict that `to_json` wrote."""
    values = json.loads(text)
    for key, value in values.items():
        if isinstance(value, list):
            values[key] = tuple(tuple(each) if isinstance(each, list) else each for each in value)
    return Verdict(**values)


def sign_rows(match: Match) -> tuple[tuple[str, str, str], ...]:
    """The signs that were looked at, as a verdict keeps them."""
    return tuple((sign.evidence.value, sign.says, sign.outcome.value) for sign in match.signs)


def trace_lines(decision: Decision) -> tuple[str, ...]:
    """A line for people for each rule that matched."""
    return tuple(f"{line.rule}: {line.why}" for line in decision.trace if line.matched)


def entity_rows(decision: Decision) -> tuple[tuple[str, str, str, str, str], ...]:
    """What the mail names of the registry, as a verdict keeps it."""
    found = decision.entities[:_MOST_ENTITIES]
    return tuple((e.kind.value, e.name, e.where.value, e.how.value, e.text[:100]) for e in found)


def failed_rules(decision: Decision) -> tuple[str, ...]:
    """The rules that broke on this mail, and were passed over."""
    return tuple(line.rule for line in decision.trace if line.failed)
