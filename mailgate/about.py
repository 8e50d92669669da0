"""All that is kept about one person, row by row, for themselves to read."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Table, select

from mailgate.tables import delivery, inbound
from tracker.model import Person
from tracker.storage import people, posts
from tracker.storage import tables as t

_BY_PERSON: Final = (t.role, t.subscription, t.interest, t.center_member, t.membership)


def everything(connection: Connection, person: Person) -> Iterator[dict[str, Any]]:
    """Their row, what hangs on it, what they wrote with its raw mail, did, and were sent."""
    addresses = people.addresses_of(connection, person.id)
    yield from _rows(connection, t.person, t.person.c.id == person.id)
    yield {"table": "addresses", "addresses": list(addresses)}
    for table in _BY_PERSON:
        yield from _rows(connection, table, table.c.person_id == person.id)
    for row in _rows(connection, t.post, t.post.c.author_id == person.id):
        raw = posts.get_blob(connection, row["raw_sha256"])
        yield row | {"raw": base64.b64encode(raw).decode("ascii")}
    yield from _rows(connection, t.event, t.event.c.actor_id == person.id)
    yield from _rows(connection, inbound, inbound.c.author.in_(addresses))
    yield from _rows(connection, delivery, delivery.c.address.in_(addresses))


def _rows(connection: Connection, table: Table, condition: Any) -> Iterator[dict[str, Any]]:
    for row in connection.execute(select(table).where(condition)):
        yield {"table": table.name, **_plain(row)}


def _plain(row: Row[Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in row._mapping.items()}


def _value(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool | None) else json.dumps(str(value))
