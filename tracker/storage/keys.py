"""From a Message-ID to the posts and tickets that know it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, exists, select

from tracker.model import PostId, TicketId
from tracker.storage import tables as t

_THREAD_INDEX: Final = "thread-index:"
_SERIES: Final = "series:"


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One meeting of a key with a ticket.

    `stored`: the message is there, `post_id`; else it is a ghost that post `post_id` named, as its parent
    when `direct`. `base`, `is_reply` and `n` are those of that post.
    """

    key: str
    ticket_id: TicketId
    stored: bool
    post_id: PostId
    direct: bool
    seen_at: datetime
    base: str
    is_reply: bool
    n: int


# Of the posts of one ticket that have a key in common, the first: a long conversation is one meeting.
_EARLIER = t.message_key.alias("earlier")
_FIRST = ~exists().where(
    _EARLIER.c.key == t.message_key.c.key,
    _EARLIER.c.ticket_id == t.message_key.c.ticket_id,
    _EARLIER.c.stored == t.message_key.c.stored,
    _EARLIER.c.post_id < t.message_key.c.post_id,
)
_KNOWN = (
    select(t.message_key, t.post.c.base, t.post.c.is_reply, t.post.c.n)
    .join(t.post, t.post.c.id == t.message_key.c.post_id)
    .where(_FIRST)
    .order_by(t.message_key.c.post_id)
)
_LOOKUP = _KNOWN.where(t.message_key.c.key.in_(bindparam("keys", expanding=True)))
# By far the most mails name no other.
_LOOKUP_ONE = _KNOWN.where(t.message_key.c.key == bindparam("key"))


def message_key(message_id: str) -> str:
    """The key of a Message-ID: a digest, for an id may be longer than an index takes.

    The domain's case does not matter, the rest is compared to the letter (RFC 5322 3.6.4).
    """
    left, at, domain = message_id.strip("<>").rpartition("@")
    digest = hashlib.sha256(f"{left}{at}{domain.lower()}".encode("utf-8", "replace")).digest()
    return base64.urlsafe_b64encode(digest[:18]).decode("ascii")


def thread_key(conversation: str) -> str:
    """The key of Outlook's conversation: the first 22 bytes of a Thread-Index."""
    return _THREAD_INDEX + conversation


def series_key(series: str) -> str:
    """The key of mails that one run of a program sent as one series."""
    return _SERIES + series


def is_series_key(key: str) -> bool:
    return key.startswith(_SERIES)


def lookup(connection: Connection, keys: Iterable[str]) -> tuple[KnownKey, ...]:
    """What is known under any of `keys`, oldest post first."""
    wanted = list(keys)
    if len(wanted) == 1:
        rows = connection.execute(_LOOKUP_ONE, {"key": wanted[0]})
    else:
        rows = connection.execute(_LOOKUP, {"keys": wanted})
    return tuple(
        KnownKey(
            row.key,
            TicketId(row.ticket_id),
            row.stored,
            PostId(row.post_id),
            row.direct,
            row.seen_at,
            row.base,
            row.is_reply,
            row.n,
        )
        for row in rows
    )


def forget_ghost(connection: Connection, key: str) -> None:
    """The missing message has come: its ghosts go."""
    gone = (t.message_key.c.key == key) & (t.message_key.c.stored.is_(False))
    connection.execute(delete(t.message_key).where(gone))
