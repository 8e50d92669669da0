"""What `mailgate rules` prints: lines for people, one JSON object a line for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import click

from mailgate import cli_tables
from routing.decide import Decision, TraceLine
from routing.lint import Finding
from routing.rules import Rule
from routing.store import Blame, Comparison, Revision

# The one shape of what is printed as JSON: flat, but for the lists and the trace.
Cell = str | int | bool | None
Object = dict[str, Cell | list[str] | list[dict[str, Cell]]]
# How often a rule matched, and when last, by name.
Hits = Mapping[str, tuple[int, datetime | None]]

_LONGEST_WHEN: Final = 200
_COLOURS: Final = {"-": "red", "+": "green"}


def echo_json(found: Object) -> None:
    click.echo(json.dumps(found, ensure_ascii=False))


def echo_drafted(done: str) -> None:
    click.echo(f"{done}, in the draft; `mailgate rules apply -m WHY` puts it in force")


def show_rules(rules: Sequence[tuple[int, Rule]], hits: Hits | None) -> None:
    """A table of rules with their places. A long condition is cut: `rules show NAME` has all of it."""
    names = ["#", "phase", "rule", "when", "then", *(["hits", "last"] if hits is not None else [])]
    cli_tables.show(names, [_cells(position, rule, hits) for position, rule in rules])


def _cells(position: int, rule: Rule, hits: Hits | None) -> list[str]:
    asleep = "" if rule.enabled else f" (disabled{f' until {rule.until}' if rule.until else ''})"
    when = " ".join(rule.when.text.split()) or "*"
    if len(when) > _LONGEST_WHEN:
        when = f"{when[:_LONGEST_WHEN]}…"
    cells = [str(position), rule.phase.value, rule.name + asleep, when, _then(rule)]
    if hits is None:
        return cells
    count, last = hits.get(rule.name, (0, None))
    return [*cells, str(count), _minute(last) if last else "-"]


def _then(rule: Rule) -> str:
    return ", ".join(map(str, rule.then)) or "(nothing)"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}Z"


def echo_rule(rule: Rule, position: int, hits: Hits | None = None) -> None:
    """A rule as one JSON object."""
    whole: Object = {
        "position": position,
        "name": rule.name,
        "phase": rule.phase.value,
        "when": rule.when.text,
        "then": [str(action) for action in rule.then],
        "enabled": rule.enabled,
        "until": rule.until.isoformat() if rule.until else None,
    }
    if hits is not None:
        count, last = hits.get(rule.name, (0, None))
        whole |= {"hits": count, "last_hit": last.isoformat() if last else None}
    echo_json(whole)


def echo_diff(pair: Comparison, as_json: bool) -> None:
    """A unified diff, coloured on a terminal."""
    if as_json:
        echo_json({"from": pair.old_name, "to": pair.new_name, "diff": pair.diff})
        return
    for line in pair.diff.splitlines() or [f"no difference between {pair.old_name} and {pair.new_name}"]:
        click.secho(line, fg=_COLOURS.get(line[:1]))


def finding_line(finding: Finding) -> str:
    return f'rule "{finding.rule}" {finding.text}'


def show_findings(findings: Sequence[Finding], as_json: bool) -> None:
    if as_json:
        for one in findings:
            echo_json({"rule": one.rule, "finding": one.text})
    elif findings:
        cli_tables.show(["rule", "finding"], [[one.rule, one.text] for one in findings])


def revision_object(revision: Revision) -> Object:
    return {
        "revision": revision.number,
        "created": revision.created_at.isoformat(),
        "author": revision.author,
        "message": revision.message,
        "based_on": revision.based_on,
    }


def show_history(revisions: Sequence[Revision], active: int, as_json: bool) -> None:
    """Revisions, that in force with a star."""
    if as_json:
        for one in revisions:
            echo_json({**revision_object(one), "active": one.number == active})
        return
    lines = [["*" if one.number == active else "", *_signed(one)] for one in revisions]
    cli_tables.show(["", "rev", "at", "by", "why"], lines)


def _signed(revision: Revision) -> list[str]:
    return [str(revision.number), _minute(revision.created_at), revision.author, revision.message]


def show_blame(parts: Sequence[Blame], as_json: bool) -> None:
    if as_json:
        for one in parts:
            echo_json({"key": one.key, "value": one.value, **revision_object(one.revision)})
        return
    lines = [[one.key, *_signed(one.revision), one.value] for one in parts]
    cli_tables.show(["part", "rev", "at", "by", "why", "as it is"], lines)


def decision_object(file: str, decision: Decision, explain: bool) -> Object:
    found: Object = {
        "file": file,
        "rules": list(decision.rules),
        "centers": list(decision.centers),
        "cc": list(decision.cc),
        "fallback": decision.fallback,
        "tags": list(decision.tags),
        "priority": decision.priority,
        "hold": decision.hold,
        "reject": decision.reject,
        "private": decision.private,
        "queue": decision.queue,
        "topic": decision.topic,
        "notes": list(decision.notes),
    }
    if explain:
        found["trace"] = [_line_object(line) for line in decision.trace]
    return found


def _line_object(line: TraceLine) -> dict[str, Cell]:
    return {"rule": line.rule, "matched": line.matched, "why": line.why}


def echo_decision(file: str, decision: Decision, explain: bool) -> None:
    """What is decided, one line a thing, with the rules that matched and why; all rules to explain."""
    click.echo(f"{file}:")
    for line in decision.trace:
        if line.matched or explain:
            click.echo(f"  {'+' if line.matched else '-'} {line.rule}: {line.why}")
    for key, value in decision_object(file, decision, explain=False).items():
        if value and key not in ("file", "rules"):
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            click.echo(f"  {key}: {'the whole community' if key == 'fallback' else shown}")
