"""`mailgate rules edit`: rules in $EDITOR, again until they hold. What was written is never lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import click

from mailgate.cli_rules_base import Refusal, RulesApp, change_draft, refuse_unknown_centers, utf8, viewed
from routing import editing
from routing.faults import LostUpdate, RoutingError
from routing.rules import Rule, RuleSet, emit_rule, emit_rules, parse_rules

T = TypeVar("T")

# What TOML takes for a comment: a text that is kept can be read with them.
_MARK: Final = b"#! "
_HOW: Final = (
    "Mend it and save. Leave the text as it is, or empty, to give up: what you wrote is kept.",
    "(Lines that begin so are no part of it.)",
)
# A program that stands for an editor might come back without end.
_MOST_ROUNDS: Final = 50


@click.command()
@click.argument("name", required=False)
@click.pass_obj
def edit(app: RulesApp, name: str | None) -> None:
    """Edit a rule of the draft in $EDITOR, or without NAME all of them.

    Rules that do not hold come back to the editor, with what is wrong on top. Left there as it is, the text
    is given up, and kept in a file beside the configuration.

    \b
    mailgate rules edit vdt
    EDITOR=nano mailgate rules edit
    """
    before = viewed(app, in_force=False).rules
    if name is None:
        _edit_all(app, before)
    else:
        _edit_one(app, before, name)


def _edit_all(app: RulesApp, before: RuleSet) -> None:
    def save(found: RuleSet) -> None:
        def replace(now: RuleSet) -> RuleSet:
            if now != before:
                raise LostUpdate("somebody else changed the draft meanwhile; nothing is saved")
            return found

        change_draft(app, replace, f"changed all to {len(found.rules)} rules")

    def read(text: str) -> RuleSet:
        return _checked(app, parse_rules(text))

    _edited(app, emit_rules(before), read, save)


def _edit_one(app: RulesApp, before: RuleSet, name: str) -> None:
    old = before.rule(name)

    def save(new: Rule) -> None:
        def replace(now: RuleSet) -> RuleSet:
            if now.rule(name) != old:
                raise LostUpdate(f'somebody else changed "{name}" meanwhile; nothing is saved')
            return editing.change(now, name, new)

        change_draft(app, replace, f"changed {new.name}")

    def read(text: str) -> Rule:
        found = _checked(app, parse_rules(text)).rules
        if len(found) != 1:
            raise RoutingError(f"{len(found)} rules; expected one")
        # Another rule may have that name.
        editing.change(before, name, found[0])
        return found[0]

    _edited(app, emit_rule(old), read, save)


def _checked(app: RulesApp, found: RuleSet) -> RuleSet:
    refuse_unknown_centers(app, found)
    return found


def _edited(app: RulesApp, text: str, read: Callable[[str], T], save: Callable[[T], None]) -> None:
    """Have `text` edited until `read` takes it, and save what it made of it."""
    with _file_that_outlives_trouble(app, text.encode()) as file:
        written = text.encode()
        for _ in range(_MOST_ROUNDS):
            click.edit(filename=str(file))
            came = _without_marks(file.read_bytes())
            given_up = came == written or not came.strip()
            written = written if given_up else came
            # What stands there is what is kept.
            file.write_bytes(written)
            if given_up:
                break
            try:
                found = read(utf8(written))
            except (RoutingError, Refusal) as error:
                click.echo(f"Error: {_said(error)}", err=True)
                file.write_bytes(_marked(written, read, error))
            else:
                save(found)
                file.unlink()
                return
        raise Refusal("nothing was changed")


@contextmanager
def _file_that_outlives_trouble(app: RulesApp, text: bytes) -> Iterator[Path]:
    """A file with that text, which stays where it says something else when trouble comes.

    It is there from the first: the editor may fail, the database not answer, the process be killed.
    """
    file = app.new_text_file("rules-edited")
    file.write_bytes(text)
    try:
        yield file
    except click.ClickException as error:
        raise Refusal(f"{error.message}{_kept(file, text)}") from error
    except RoutingError as error:
        raise Refusal(f"{error}{_kept(file, text)}") from error
    except BaseException:
        if kept := _kept(file, text):
            click.echo(kept.removeprefix("; "), err=True)
        raise


def _kept(file: Path, text: bytes) -> str:
    """Where the text is; "" and the file gone when it is what it was in the beginning."""
    if not file.exists():
        return ""
    if _without_marks(file.read_bytes()) == text:
        file.unlink()
        return ""
    return f"; what you wrote is in {file}"


def _without_marks(data: bytes) -> bytes:
    return b"".join(line for line in data.splitlines(keepends=True) if not line.startswith(_MARK))


def _marked(written: bytes, read: Callable[[str], T], error: Exception) -> bytes:
    """The text under what is wrong with it; lines of it are counted as they stand there."""
    above = len(_lines_above(error))
    try:
        read("\n" * above + utf8(written))
    except (RoutingError, Refusal) as same:
        error = same
    return b"".join(_MARK + line.encode() + b"\n" for line in _lines_above(error)) + written


def _lines_above(error: Exception) -> tuple[str, ...]:
    return (*(line for line in _said(error).splitlines() if line), *_HOW)


def _said(error: Exception) -> str:
    return error.message if isinstance(error, click.ClickException) else str(error)
