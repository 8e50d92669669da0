"""Tables: as wide as the terminal there, plain columns elsewhere, and text is text."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from mailgate.cli_tables import as_table, show

NAMES = ("ticket", "title")
EVIL = "[bold]CE[/bold] :bug: down \x1b[31m since\u202e\x07\x9b2J\n" + "very " * 20 + "long"
ROWS = (("1", EVIL), ("12", "short"))
ON_A_TERMINAL = """
from mailgate.cli_tables import show
show(("ticket", "title"), (("1", {text!r}), ("12", "short")))
"""


def drawn(width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=True, color_system=None).print(as_table(NAMES, ROWS))
    return out.getvalue()


def on_a_terminal(text: str, columns: int, **more: str) -> str:
    """What a table prints on a terminal of that width."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "TERM": "xterm"} | more
    code = ON_A_TERMINAL.format(text=text)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=theirs, env=environment, cwd=root, timeout=30, check=False
    )
    os.close(theirs)
    printed = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert done.returncode == 0
    return printed


def test_long_cells_are_wrapped_and_nothing_is_lost() -> None:
    lines = drawn(40).splitlines()
    assert max(map(len, lines)) <= 40
    words = " ".join(drawn(40).split())
    assert words.count("very") == 20
    assert "long" in words


def test_a_terminal_gives_the_width_and_no_stranger_moves_its_cursor() -> None:
    printed = on_a_terminal(EVIL, 50, NO_COLOR="1")
    assert max(len(line) for line in printed.splitlines() if "\x1b" not in line) <= 50
    assert "[bold]CE[/bold] :bug: down" in printed
    assert not {"\x07", "\x9b", "\u202e"} & set(printed)
    assert "\x1b[31m" not in printed
    assert "very very" in printed


def test_elsewhere_columns_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    show(NAMES, (("1", "CE down"), ("12", "short")))
    assert capsys.readouterr().out == "TICKET  TITLE\n1       CE down\n12      short\n"


def test_elsewhere_too_a_stranger_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    show(NAMES, ROWS)
    printed = capsys.readouterr().out
    assert printed.count("\n") == 3
    assert printed.replace("\n", "").isprintable()
    assert "[bold]CE[/bold] :bug: down  [31m since" in printed


def test_a_long_cell_is_whole_and_widens_no_column(capsys: pytest.CaptureFixture[str]) -> None:
    show(("a", "b"), (("x" * 100, "1"), ("y", "2")))
    assert capsys.readouterr().out == f"A  B\n{'x' * 100}  1\ny  2\n"


def test_columns_stand_below_each_other_in_scripts_of_double_width(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(("a", "b"), (("日本", "1"), ("abcd", "2")))
    assert capsys.readouterr().out == "A     B\n日本  1\nabcd  2\n"
