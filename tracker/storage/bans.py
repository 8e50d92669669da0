"""Who may neither post on a list nor subscribe to it: addresses, and patterns as Mailman writes them."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Final

import re2
from sqlalchemy import ColumnElement, Connection, delete, insert, select

from tracker.model import Address, BadValue, QueueId
from tracker.people import normalise_address
from tracker.storage import tables as t

_LONGEST: Final = 200
_PATTERN_MEMORY: Final = 1 << 20


def read_pattern(text: str) -> str:
    """A ban as it is kept: an address in small letters, or `^` and a regular expression.

    Raises BadValue that says what is wrong with it.
    """
    wanted = text.strip()
    if len(wanted) > _LONGEST:
        raise BadValue(f"a ban has at most {_LONGEST} characters")
    if not wanted.startswith("^"):
        return normalise_address(wanted).casefold()
    try:
        _compiled(wanted)
    except re2.error as error:
        raise BadValue(f"{wanted!r} is no pattern: {error}") from None
    return wanted


def add(connection: Connection, queue_id: QueueId, pattern: str, now: datetime) -> bool:
    """Ban what read_pattern() gave; False when it is banned already."""
    if pattern in of_list(connection, queue_id):
        return False
    connection.execute(insert(t.ban).values(queue_id=queue_id, pattern=pattern, since=now))
    return True


def remove(connection: Connection, queue_id: QueueId, pattern: str) -> bool:
    """Ban it no more; False when it was not banned, to the letter."""
    return connection.execute(delete(t.ban).where(_of(queue_id), t.ban.c.pattern == pattern)).rowcount > 0


def of_list(connection: Connection, queue_id: QueueId) -> tuple[str, ...]:
    """All that is banned from a list."""
    query = select(t.ban.c.pattern).where(_of(queue_id)).order_by(t.ban.c.pattern)
    return tuple(row.pattern for row in connection.execute(query))


def covering(connection: Connection, queue_id: QueueId, address: Address) -> str | None:
    """What bans an address from a list, or None."""
    return next((one for one in of_list(connection, queue_id) if covers(one, address)), None)


def covers(pattern: str, address: Address) -> bool:
    """Whether a ban is of that address, capital or small."""
    if not pattern.startswith("^"):
        return address.casefold() == pattern
    # Half a surrogate pair has no UTF-8.
    return _compiled(pattern).search(address.encode("utf-8", "replace").decode()) is not None


@lru_cache(maxsize=1000)
def _compiled(pattern: str) -> re2._Regexp[str]:
    """By re2 alone: time linear in the address, whatever an operator wrote and a stranger sends."""
    options = re2.Options()
    options.max_mem = _PATTERN_MEMORY
    options.log_errors = False
    options.case_sensitive = False
    compiled: re2._Regexp[str] = re2.compile(pattern, options)
    return compiled


def _of(queue_id: QueueId) -> ColumnElement[bool]:
    return t.ban.c.queue_id == queue_id
