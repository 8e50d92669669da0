"""Who was erased, so that a restored database is cleaned again: digests in a file beside it, no addresses.

The file is not part of the database: a backup from before an erasure knows nothing of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from mailgate.erasing import Erased, erase
from mailgate.tables import erasure
from tracker.model import Address, Person
from tracker.storage import people
from tracker.unit_of_work import UnitOfWork

FILE: Final = "erased.jsonl"
_SALT_BYTES: Final = 16


def note(connection: Connection, home: Path, addresses: Iterable[Address], at: datetime) -> None:
    """Write down that these were erased: in the database, and in the file that a restore leaves alone."""
    salt = secrets.token_hex(_SALT_BYTES)
    digests = [_digest(salt, one) for one in addresses]
    _append(home, {"at": at.isoformat(), "salt": salt, "digests": digests})
    _mark(connection, salt, at, digests)


def replay(uow: UnitOfWork, home: Path) -> tuple[Erased, ...]:
    """Erase again whom the file names and this database, restored from before, does not.

    Who was erased and writes again later is somebody new: what is in the database is done.
    """
    lines = _lines(home)
    done = {row.salt: row for row in uow.connection.execute(select(erasure))}
    for salt in done.keys() - {line["salt"] for line in lines}:
        # The file was lost: the next restore needs it.
        row = done[salt]
        _append(home, {"at": row.at.isoformat(), "salt": salt, "digests": json.loads(row.digests)})
    missing = [line for line in lines if line["salt"] not in done]
    if not missing:
        return ()
    found = [erase(uow, person) for person in _meant(uow.connection, missing)]
    for line in missing:
        _mark(uow.connection, line["salt"], datetime.fromisoformat(line["at"]), line["digests"])
    return tuple(found)


def _meant(connection: Connection, lines: Sequence[dict[str, Any]]) -> list[Person]:
    return [
        person
        for person in people.everybody(connection)
        for known in (people.addresses_of(connection, person.id),)
        if any(_digest(line["salt"], one) in line["digests"] for line in lines for one in known)
    ]


def _lines(home: Path) -> list[dict[str, Any]]:
    path = home / FILE
    return [json.loads(line) for line in path.read_text().splitlines() if line] if path.exists() else []


def _append(home: Path, line: dict[str, Any]) -> None:
    path = home / FILE
    if not path.exists():
        path.touch(mode=0o600)
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _mark(connection: Connection, salt: str, at: datetime, digests: Sequence[str]) -> None:
    connection.execute(insert(erasure).values(salt=salt, at=at, digests=json.dumps(digests)))


def _digest(salt: str, address: Address) -> str:
    return hashlib.sha256(f"{salt} {address}".encode()).hexdigest()
