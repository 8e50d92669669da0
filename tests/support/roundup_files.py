"""An export of Roundup written by hand, for what a real tracker seldom has."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

T0 = (2024, 1, 8, 9, 0, 0.0, 0, 0, 0)
_ISSUE = {
    "id": "1",
    "title": "Disk full",
    "creator": "3",
    "creation": T0,
    "activity": T0,
    "messages": ["1"],
    "files": [],
    "nosy": ["3"],
    "superseder": [],
    "status": "1",
    "priority": "1",
    "assignedto": None,
    "keyword": [],
}
_MESSAGE = {
    "id": "1",
    "author": "3",
    "creator": "3",
    "creation": T0,
    "date": T0,
    "recipients": [],
    "files": [],
    "messageid": None,
    "inreplyto": None,
    "type": None,
}
_USER = {"id": "3", "username": "ann", "address": "ann@x.example", "realname": "Ann", "timezone": None}
_USER |= {"alternate_addresses": None}
_FILE = {"id": "1", "name": "a.log", "type": "text/plain", "creator": "3", "creation": T0}
_STATUSES = [{"id": "1", "name": "unread"}, {"id": "3", "name": "chatting"}, {"id": "8", "name": "resolved"}]


def later(seconds: float) -> tuple[Any, ...]:
    """A time some seconds after the beginning, as Roundup writes it."""
    minute, second = divmod(seconds, 60)
    return (2024, 1, 8, 9 + int(minute) // 60, int(minute) % 60, second, 0, 0, 0)


def write_export(folder: Path, **tables: Sequence[Mapping[str, Any]]) -> Path:
    """Write an export; `tables` has what is special in each row of issue, msg, user and file.

    A message says "Words of msgN" unless its row has `content`, None for no file; the same holds for files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, plain in {"issue": _ISSUE, "msg": _MESSAGE, "user": _USER, "file": _FILE}.items():
        rows = [plain | row for row in tables.get(name, () if name == "file" else ({},))]
        if name in ("msg", "file"):
            for row in rows:
                _write_content(folder, name, row)
        _write(folder / f"{name}.csv", rows or [plain], empty=not rows)
    _write(folder / "status.csv", _STATUSES)
    _write(folder / "priority.csv", [{"id": "1", "name": "bug"}, {"id": "2", "name": "urgent"}])
    _write(folder / "keyword.csv", [{"id": "1", "name": "glide in"}])
    with (folder / "issue-journals.csv").open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, delimiter=":").writerows(
            [_cell(value) for value in row] for row in tables.get("journal", ())
        )
    return folder


def _write_content(folder: Path, name: str, row: dict[str, Any]) -> None:
    content = row.pop("content", f"Words of {name}{row['id']}.")
    path = folder / f"{name}-files" / "0" / f"{name}{row['id']}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is not None:
        path.write_bytes(content.encode())


def _write(file: Path, rows: Sequence[Mapping[str, Any]], *, empty: bool = False) -> None:
    names = [*(name for name in rows[0] if name not in ("content", "is retired")), "is retired"]
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter=":", lineterminator="\n")
        writer.writerow(names)
        for row in () if empty else rows:
            writer.writerow([_cell(row.get(name, False)) for name in names])


def _cell(value: Any) -> str:
    """As Roundup writes it: the bytes of UTF-8, escaped."""
    return repr(value.encode())[1:] if isinstance(value, str) else repr(value)
