"""Rules as TOML: the flat schema needs no library to write it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

_ESCAPES = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}

Cell = str | bool | date | tuple[str, ...]


def emit_tables(name: str, tables: Iterable[tuple[tuple[str, Cell], ...]]) -> str:
    """An array of tables called `name`, each given as its keys and values in order."""
    return "\n".join(
        f"[[{name}]]\n" + "".join(f"{key:5} = {_cell(cell)}\n" for key, cell in table) for table in tables
    )


def _cell(cell: Cell) -> str:
    match cell:
        case bool():
            return "true" if cell else "false"
        case date():
            return cell.isoformat()
        case str():
            return _string(cell)
        case _:
            return "[" + ", ".join(_string(text) for text in cell) + "]"


def _string(text: str) -> str:
    """Literal where that can be (patterns stay readable), over several lines where the text has them."""
    plain = all(c.isprintable() or c in "\n\t" for c in text)
    if plain and "\n" not in text and "'" not in text:
        return f"'{text}'"
    if plain and "'''" not in text and not text.endswith("'"):
        return f"'''\n{text}'''"
    return '"' + "".join(_escaped(c) for c in text) + '"'


def _escaped(c: str) -> str:
    if c in _ESCAPES:
        return _ESCAPES[c]
    return c if c.isprintable() else f"\\U{ord(c):08x}"
