"""Tables for people: on a terminal as wide as that is, long cells wrapped; elsewhere plain columns."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click
from rich.cells import cell_len

if TYPE_CHECKING:
    from rich.table import Table

# A longer cell pushes what follows it in its line; no column is made wider for it.
_WIDEST: Final = 60
# What is useless when it is broken over lines.
_NARROW: Final = frozenset(
    {"ticket", "status", "priority", "posts", "id", "n", "#", "phase", "since", "state", "rev", "hits", "pin"}
)


def show(names: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print a table with a heading: drawn on a terminal, else in plain columns.

    Cells are text, whatever brackets and control characters strangers wrote. Nothing is cut.
    """
    cells = [[_printable(cell) for cell in line] for line in lines]
    if sys.stdout.isatty():
        # Costs a tenth of a second, which programs need not wait.
        from rich.console import Console

        Console(highlight=False).print(as_table(names, cells))
        return
    heads = [name.upper() for name in names]
    widths = [
        max(len(head), *(width for line in cells if (width := cell_len(line[i])) <= _WIDEST), 0)
        for i, head in enumerate(heads)
    ]
    for line in [heads, *cells]:
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def as_table(names: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
    """The table as rich draws it."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in names:
        table.add_column(name.upper(), overflow="fold", no_wrap=name in _NARROW)
    for line in lines:
        table.add_row(*(Text(_printable(cell)) for cell in line))
    return table


def _printable(cell: str) -> str:
    """`cell` on one line: what moves a cursor is a blank, what has no width of its own is dropped."""
    if cell.isprintable():
        return cell
    # Cf: marks that turn the direction of all that follows among them.
    seen = (c for c in cell if unicodedata.category(c) != "Cf")
    return "".join(c if c.isprintable() else " " for c in seen)
