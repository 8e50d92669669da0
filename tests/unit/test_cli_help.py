"""The help of the commands on rules and the registry teaches by examples, and what it shows can be typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import dropwhile, takewhile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mailgate.cli import main

GROUPS = ("rules", "registry", "hold")
SINGLE = (("centers", "list"), ("ticket", "list"), ("queue", "list"))
# What an admin is promised, as it would be typed.
PROMISED = """
rules list --phase route --all --hits 30d
rules show vdt
rules add vdt --phase route --when VDT --then center+=VDT --before registry
rules add vdt --phase route --when VDT --then center+=VDT --after registry
rules edit vdt
rules edit
rules move vdt --before registry
rules disable vdt --until 2030-09-01
rules enable vdt
rules rm vdt
rules lint
rules test mail.eml --explain
rules test -
rules test --ticket 7
rules test --mbox year.mbox
rules try --since 90d
rules pin 4711 "must go to USATLAS"
rules diff
rules diff 1
rules diff 1 2
rules history -n 3
rules rollback 1 -m WHY --repair
rules blame vdt
rules apply -m WHY --if-rev 3
rules export --rev 2
rules import rules.toml --dry-run
rules import rules.toml --apply -m WHY
registry import topology/ --dry-run
registry check
registry show NU
registry where "a text"
ticket list 'assigned:USCMS' --limit 5
hold list subject:pills
hold list --like 7
hold approve 7 8
hold approve --like 7
hold reject --like 7
"""


def commands() -> Iterator[tuple[str, ...]]:
    for group in GROUPS:
        found = main.commands[group]
        assert isinstance(found, click.Group)
        yield from ((group, name) for name in found.commands)
    yield from SINGLE


def understood(line: str) -> None:
    """Have a line read as the command line would, without doing it; raises click.UsageError."""
    # What is set off by blanks explains; variables stand before the program, redirections behind.
    words = shlex.split(re.split(r" {3,}", line)[0])
    words = list(takewhile(lambda word: word not in "|<>", words))
    words = list(dropwhile(lambda word: "=" in word or word == "mailgate", words))
    command: click.Command | None = main
    context: click.Context | None = None
    with ExitStack() as opened:
        while command is not None:
            context = opened.enter_context(command.make_context(command.name, words, parent=context))
            words = [*context._protected_args, *context.args]
            _, command, words = (
                command.resolve_command(context, words)
                if isinstance(command, click.Group)
                else (None, None, [])
            )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that examples speak of."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAILGATE_HOME", str(tmp_path))
    for name in ("mail.eml", "year.mbox", "last-year.mbox", "rules.toml", "extra.json"):
        (tmp_path / name).touch()
    (tmp_path / "topology").mkdir()
    return tmp_path


@pytest.mark.parametrize("command", list(commands()), ids=" ".join)
def test_help_has_examples_that_can_be_typed(command: tuple[str, ...], folder: Path) -> None:
    shown = CliRunner().invoke(main, [*command, "--help"], terminal_width=110).output
    begin = f"mailgate {' '.join(command)}"
    lines = [line.strip() for line in shown.splitlines()]
    examples = [line for line in lines if begin in line and not line.startswith("Usage:")]
    assert examples, shown
    for example in examples:
        understood(example)


@pytest.mark.parametrize("line", PROMISED.strip().splitlines())
def test_what_is_promised_can_be_typed(line: str, folder: Path) -> None:
    understood(line)


@pytest.mark.parametrize("line", ["rules lst", "rules list --fase route", "registry show", "rules diff a"])
def test_what_is_not_can_not(line: str, folder: Path) -> None:
    with pytest.raises(click.UsageError):
        understood(line)


def test_a_mistyped_command_names_the_nearest() -> None:
    said = CliRunner().invoke(main, ["rules", "aply"])
    assert said.exit_code == 2
    assert "apply" in said.stderr
