"""Tables: as wide as the terminal there, plain columns elsewhere, and text is text."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from mailgate.cli_tables import as_table, show

NAMES = ("ticket", "title")
ROWS = (("1", "[bold]CE[/bold] down \x1b[31m since\u202e " + "very " * 20 + "long"), ("12", "short"))


def drawn(width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=True, color_system=None).print(as_table(NAMES, ROWS))
    return out.getvalue()


def test_long_cells_are_wrapped_and_nothing_is_lost() -> None:
    lines = drawn(40).splitlines()
    assert max(map(len, lines)) <= 40
    words = " ".join(drawn(40).split())
    assert words.count("very") == 20
    assert "long" in words


def test_what_strangers_wrote_is_no_markup_and_moves_no_cursor() -> None:
    text = drawn(200)
    assert "[bold]CE[/bold] down" in text
    assert "\x1b[31m" not in text
    assert "\u202e" not in text


def test_elsewhere_columns_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    show(NAMES, (("1", "CE down"), ("12", "short")))
    assert capsys.readouterr().out == "TICKET  TITLE\n1       CE down\n12      short\n"
