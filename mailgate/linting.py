"""What the registry, the centers and the mails of the last months say against a set of rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from mailgate import trying
from routing.actions import Verb
from routing.entities import EntityKind
from routing.faults import nearest
from routing.grid import Grid
from routing.lint import Finding
from routing.names import all_names
from routing.registry import name_key
from routing.rules import Rule, RuleSet
from tracker.storage import centers

_SPAN: Final = timedelta(days=180)
# An instance younger than this, in mails, says nothing of rules that were never asked for.
_ENOUGH_MAILS: Final = 200
_NAMED: Final = re.compile(
    r"(?<![\w.])(resource|group|site|facility|vo|center|sc|component|service):"
    r"(\"[^\"]{1,100}\"|[^\s()|\"]{1,100})",
    re.IGNORECASE,
)


def findings(connection: Connection, rules: RuleSet, grid: Grid | None, now: datetime) -> tuple[Finding, ...]:
    """All of it, rule by rule."""
    hits = trying.hits(connection, _SPAN, now)
    enough = trying.count(connection, now - _SPAN) >= _ENOUGH_MAILS
    silent = {one.name.casefold() for one in centers.everyone(connection) if one.address is None}
    known = {} if grid is None else _names(grid)
    return tuple(
        Finding(rule.name, text)
        for rule in rules.rules
        for text in (
            *_unreachable(rule, silent),
            *(_unknown(rule, known) if grid is not None else ()),
            *_experience(rule, hits, enough=enough),
        )
    )


def _unreachable(rule: Rule, silent: set[str]) -> Iterator[str]:
    for action in rule.then:
        if action.verb in (Verb.ADD_CENTER, Verb.SET_CENTER) and action.argument.casefold() in silent:
            yield f'names the support center "{action.argument}", which has no address'


def _unknown(rule: Rule, known: dict[EntityKind, dict[str, str]]) -> Iterator[str]:
    for kind, word in _NAMED.findall(rule.when.text):
        name = word.strip('"')
        names = known[EntityKind("center" if kind.lower() == "sc" else kind.lower())]
        if not any(mark in name for mark in "*?~/") and name_key(name) not in names:
            near = nearest(frozenset(names.values()), name)
            yield f"asks for {kind}:{name}, which the registry does not know" + (
                f'; the nearest is "{near}"' if near else ""
            )


def _names(grid: Grid) -> dict[EntityKind, dict[str, str]]:
    found: dict[EntityKind, dict[str, str]] = {kind: {} for kind in EntityKind}
    for _, name in all_names(grid.registry):
        found[name.kind].setdefault(name_key(name.entity), name.entity)
        found[name.kind].setdefault(name.spelled.casefold(), name.entity)
    return found


def _experience(rule: Rule, hits: dict[str, trying.Hits], *, enough: bool) -> Iterator[str]:
    known = hits.get(rule.name, trying.Hits())
    if known.failed:
        yield f"broke on {known.failed} mails in the last {_SPAN.days} days, and was passed over"
    if enough and rule.enabled and not known.count:
        yield f"did not match a mail in the last {_SPAN.days} days"
