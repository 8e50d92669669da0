"""Who was erased, so that a restored database is cleaned again: digests in a file beside it, no addresses.

The file is not part of the database: a backup from before an erasure knows nothing of it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from mailgate.erasing import Erased, erase
from tracker.model import Address
from tracker.storage import people

FILE: Final = "erased.jsonl"
_SALT_BYTES: Final = 16


def note(home: Path, addresses: Iterable[Address], at: datetime) -> None:
    """Write down that these were erased."""
    salt = secrets.token_hex(_SALT_BYTES)
    line = {"at": at.isoformat(), "salt": salt, "digests": [_digest(salt, one) for one in addresses]}
    path = home / FILE
    if not path.exists():
        path.touch(mode=0o600)
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


def replay(connection: Connection, home: Path) -> tuple[Erased, ...]:
    """Erase again who is in the database, and was erased before."""
    path = home / FILE
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    if not lines:
        return ()
    found = []
    for person in people.everybody(connection):
        known = people.addresses_of(connection, person.id)
        if any(_digest(line["salt"], one) in line["digests"] for line in lines for one in known):
            found.append(erase(connection, person))
    return tuple(found)


def _digest(salt: str, address: Address) -> str:
    return hashlib.sha256(f"{salt} {address}".encode()).hexdigest()
