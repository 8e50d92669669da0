"""What `mailgate rules` prints: lines for people, one JSON object a line for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import click

from mailgate import cli_tables
from routing.decide import Decision, TraceLine
from routing.editing import Finding
from routing.rules import Rule
from routing.store import Comparison, Revision

# The one shape of what is printed as JSON: flat, but for the lists and the trace.
Cell = str | int | bool | None
Object = dict[str, Cell | list[str] | list[dict[str, Cell]]]


def echo_json(found: Object) -> None:
    click.echo(json.dumps(found, ensure_ascii=False))


def echo_drafted(done: str) -> None:
    click.echo(f"{done}, in the draft; `mailgate rules apply -m WHY` puts it in force")


def show_rules(
    rules: Sequence[tuple[int, Rule]], hits: dict[str, tuple[int, datetime | None]] | None
) -> None:
    """A table of rules with their places, for a terminal."""
    names = ["#", "phase", "rule", "when", "then", *(["hits"] if hits is not None else [])]
    lines = []
    for position, rule in rules:
        asleep = "" if rule.enabled else f" (disabled{f' until {rule.until}' if rule.until else ''})"
        then = ", ".join(map(str, rule.then)) or "(nothing)"
        line = [str(position), rule.phase.value, rule.name + asleep, " ".join(rule.when.text.split()), then]
        lines.append([*line, *([str(hits.get(rule.name, (0, None))[0])] if hits is not None else [])])
    cli_tables.show(names, lines)


def echo_rule(
    rule: Rule, position: int, as_json: bool, hits: dict[str, tuple[int, datetime | None]] | None = None
) -> None:
    then = [str(action) for action in rule.then]
    if as_json:
        until = rule.until.isoformat() if rule.until else None
        head: Object = {"position": position, "name": rule.name, "phase": rule.phase.value}
        whole: Object = {
            **head,
            "when": rule.when.text,
            "then": then,
            "enabled": rule.enabled,
            "until": until,
        }
        if hits is not None:
            count, last = hits.get(rule.name, (0, None))
            whole |= {"hits": count, "last_hit": last.isoformat() if last else None}
        echo_json(whole)
        return
    asleep = "" if rule.enabled else f"  (disabled{f' until {rule.until}' if rule.until else ''})"
    click.echo(f"{position:3}  {rule.phase:8}  {rule.name}{asleep}")
    click.echo(f"     when      {' '.join(rule.when.text.split()) or '*'}")
    click.echo(f"     then      {'  '.join(then) or '(nothing)'}")
    if hits is not None:
        count, last = hits.get(rule.name, (0, None))
        click.echo(f"     hits      {count}" + (f", the last on {last:%Y-%m-%d %H:%M} UTC" if last else ""))


def echo_diff(pair: Comparison, as_json: bool) -> None:
    if as_json:
        echo_json({"from": pair.old_name, "to": pair.new_name, "diff": pair.diff})
    else:
        click.echo(pair.diff or f"no difference between {pair.old_name} and {pair.new_name}")


def finding_line(finding: Finding) -> str:
    return f'rule "{finding.rule}" {finding.text}'


def revision_object(revision: Revision) -> Object:
    return {
        "revision": revision.number,
        "created": revision.created_at.isoformat(),
        "author": revision.author,
        "message": revision.message,
        "based_on": revision.based_on,
    }


def echo_revision(revision: Revision, active: bool, as_json: bool) -> None:
    if as_json:
        echo_json({**revision_object(revision), "active": active})
        return
    at = f"{revision.created_at:%Y-%m-%d %H:%M}Z"
    click.echo(f"{'*' if active else ' '} {revision.number:4}  {at}  {revision.author}  {revision.message}")


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
