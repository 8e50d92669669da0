"""`mailgate rules edit`: rules in $EDITOR, again until they hold. What was written is never lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import click

from mailgate.cli_rules_base import Refusal, RulesApp, change_draft, refuse_unknown_centers, viewed
from routing import editing
from routing.faults import LostUpdate, RoutingError
from routing.rules import Rule, RuleSet, emit_rule, emit_rules, parse_rules

T = TypeVar("T")

_MARK: Final = "#! "
_HOW: Final = (
    "mend it and save; leave the text as it is to give up, it is kept",
    "(lines that begin so are not a part of it)",
)


@click.command()
@click.argument("name", required=False)
@click.pass_obj
def edit(app: RulesApp, name: str | None) -> None:
    """Edit a rule of the draft in $EDITOR, or without NAME all of them.

    Rules that do not hold come back to the editor, with what is wrong on top. Left there as it is, the text
    is given up, and kept in a file beside the configuration.
    """
    before = viewed(app, in_force=False).rules
    if name is None:
        _edit_all(app, before)
    else:
        _edit_one(app, before, name)


def _edit_all(app: RulesApp, before: RuleSet) -> None:
    text, found = _edited(app, emit_rules(before), parse_rules)

    def replace(now: RuleSet) -> RuleSet:
        if now != before:
            raise LostUpdate("somebody else changed the draft meanwhile; nothing is saved")
        return found

    _saved(app, text, replace, f"changed {len(found.rules)} rules" if found.rules else "took all rules away")


def _edit_one(app: RulesApp, before: RuleSet, name: str) -> None:
    old = before.rule(name)
    text, new = _edited(app, emit_rule(old), _one_rule)

    def replace(now: RuleSet) -> RuleSet:
        if now.rule(name) != old:
            raise LostUpdate(f'somebody else changed "{name}" meanwhile; nothing is saved')
        return editing.change(now, name, new)

    _saved(app, text, replace, f"changed {new.name}")


def _one_rule(text: str) -> Rule:
    found = parse_rules(text).rules
    if len(found) != 1:
        raise RoutingError(f"{len(found)} rules; expected one")
    return found[0]


def _edited(app: RulesApp, text: str, read: Callable[[str], T]) -> tuple[str, T]:
    """What comes back from the editor, as text and read."""
    written, shown = text, text
    while (came := click.edit(shown, extension=".toml")) is not None:
        came = "".join(line for line in came.splitlines(keepends=True) if not line.startswith(_MARK))
        if came == written:
            break
        written = came
        try:
            found = read(written)
            refuse_unknown_centers(app, found if isinstance(found, RuleSet) else RuleSet((found,)))  # type: ignore[arg-type]
        except (RoutingError, Refusal) as error:
            said = error.message if isinstance(error, Refusal) else str(error)
            click.echo(f"Error: {said}", err=True)
            shown = "".join(f"{_MARK}{line}\n" for line in (*said.splitlines(), *_HOW)) + written
        else:
            return written, found
    raise Refusal("nothing was changed" + (_kept(app, written) if written != text else ""))


def _saved(app: RulesApp, text: str, change: Callable[[RuleSet], RuleSet], done: str) -> None:
    try:
        change_draft(app, change, done)
    except RoutingError as error:
        raise Refusal(f"{error}{_kept(app, text)}") from error


def _kept(app: RulesApp, text: str) -> str:
    return f"; what you wrote is in {app.keep_text(text)}"
