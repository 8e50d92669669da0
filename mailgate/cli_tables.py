"""Tables for people: on a terminal as wide as that is, long cells wrapped; elsewhere plain columns."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

_LONGEST_CELL = 60


def show(names: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print a table with a heading."""
    if sys.stdout.isatty():
        Console(highlight=False).print(as_table(names, lines))
        return
    cut = [[cell[:_LONGEST_CELL] for cell in line] for line in lines]
    widths = [max(len(line[i]) for line in [names, *cut]) for i in range(len(names))]
    for line in [[name.upper() for name in names], *cut]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def as_table(names: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
    """The table as rich draws it. Cells are text, whatever brackets or control characters strangers wrote."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in names:
        table.add_column(name.upper(), overflow="fold", no_wrap=name in _NARROW)
    for line in lines:
        table.add_row(*(_text(cell) for cell in line))
    return table


# What is useless when it is broken over lines.
_NARROW = frozenset({"ticket", "status", "priority", "posts", "id", "n", "#", "phase", "since", "state"})


def _text(cell: str) -> Text:
    return Text("".join(c if c.isprintable() else " " for c in cell))
