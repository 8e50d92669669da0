"""What stands in the files of a Roundup export: tables separated by colons, each cell a Python value."""

from __future__ import annotations

import ast
import csv
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tracker.model import BadValue

_LARGEST_CELL: Final = 2**30


@dataclass(frozen=True, slots=True)
class Row:
    """One item of a table: its cells by the names of their columns, and where it stands."""

    place: str
    cells: Mapping[str, Any]

    def text(self, name: str) -> str:
        """ "" where there is none."""
        value = self.cells.get(name)
        return "" if value is None else str(value)

    def id(self, name: str = "id") -> int:
        """A number; 0 where there is none. Raises BadValue for a cell that is no number."""
        text = self.text(name)
        if text and not (text.isascii() and text.isdigit()):
            raise BadValue(f"{self.place}: {name} is {text[:40]!r}, and no number")
        return int(text or 0)

    def ids(self, name: str) -> tuple[int, ...]:
        value = self.cells.get(name)
        found = value if isinstance(value, list) else []
        return tuple(int(one) for one in found if str(one).isascii() and str(one).isdigit())

    def time(self, name: str) -> datetime | None:
        return time_of(self.cells.get(name))

    @property
    def retired(self) -> bool:
        return bool(self.cells.get("is retired"))


def time_of(value: Any) -> datetime | None:
    """A time as Roundup writes it, (2020, 1, 2, 3, 4, 5.0, 0, 0, 0), in UTC; None for what is none."""
    if not isinstance(value, tuple) or len(value) < 6:
        return None
    with suppress(ValueError, TypeError, OverflowError):
        year, month, day, hour, minute = (int(one) for one in value[:5])
        at = datetime(year, month, day, hour, minute, tzinfo=UTC)
        return at + timedelta(seconds=round(float(value[5]), 3))
    return None


def tables(folder: Path) -> dict[str, Path]:
    """The tables of an export by the names of their classes. Raises BadValue where there are none."""
    found = {file.stem: file for file in sorted(folder.glob("*.csv")) if not file.stem.endswith("-journals")}
    if not {"user", "msg", "file"} <= found.keys():
        raise BadValue(
            f"{folder} is no export of Roundup: it has no user.csv, msg.csv and file.csv "
            "(roundup-admin -i TRACKER export DIR)"
        )
    return found


def columns(file: Path) -> tuple[str, ...]:
    with file.open(encoding="utf-8", errors="replace", newline="") as lines:
        return tuple(next(csv.reader(lines, delimiter=":"), ()))


def rows(file: Path) -> Iterator[Row]:
    """The items of a table. Raises BadValue that names the line that is none."""
    for place, cells in _lines(file):
        if place.endswith(" 1"):
            names = cells
        elif len(cells) != len(names):
            raise BadValue(f"{place}: {len(cells)} cells, and {len(names)} columns")
        else:
            yield Row(place, dict(zip(names, (_value(place, cell) for cell in cells), strict=True)))


def journal(file: Path) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The lines of a journal, which has no heading: item, time, user, action, what was before."""
    if file.exists():
        for place, cells in _lines(file):
            values = tuple(_value(place, cell) for cell in cells)
            if len(values) == 5:
                yield place, values


def _lines(file: Path) -> Iterator[tuple[str, list[str]]]:
    csv.field_size_limit(_LARGEST_CELL)
    with file.open(encoding="utf-8", errors="replace", newline="") as lines:
        reader = csv.reader(lines, delimiter=":")
        try:
            for n, cells in enumerate(reader, 1):
                yield f"{file.name}, line {n}", cells
        except csv.Error as error:
            raise BadValue(f"{file.name}, line {reader.line_num}: {error}") from None


def _value(place: str, cell: str) -> Any:
    try:
        return _decoded(ast.literal_eval(cell))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise BadValue(f"{place}: {cell[:40]!r} is no value that Roundup writes") from None


def _decoded(value: Any) -> Any:
    """Text is written as the bytes of its UTF-8, each a character: Roundup does so for Python 2's sake."""
    if isinstance(value, str):
        with suppress(UnicodeError):
            return value.encode("latin-1").decode("utf-8")
        return value
    if isinstance(value, tuple):
        return tuple(map(_decoded, value))
    if isinstance(value, list):
        return list(map(_decoded, value))
    return {key: _decoded(one) for key, one in value.items()} if isinstance(value, dict) else value
