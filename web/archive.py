"""Public tickets as anybody may read them: names, no addresses, no raw mail."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from mailgate.kinds.classify import AUTOMATIC
from mailgate.redaction import redacted
from tracker.model import Ticket, TicketId
from tracker.storage import posts
from tracker.storage import tickets as store
from tracker.storage.posts import Post

_PROGRAMS: Final = frozenset(kind.value for kind in AUTOMATIC)
# The last character before @ ends the part that is hidden; bounded, so that it is linear.
_ADDRESS: Final = re.compile(r"[\w.%+=~!#$&'*/?^`{|}-]{1,64}(?:@|%40)(?=[\w-]{1,63}\.\w)", re.IGNORECASE)
_MOST_POSTS: Final = 1000
# Of one post, where it stands alone, and where it is one of many; and of all of them together.
_MOST_ALONE: Final = 200_000
_MOST_OF_ONE: Final = 20_000
_MOST_CHARACTERS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class PostPage:
    """One post as strangers see it; `n` is its number, `last` that of the latest."""

    ticket: Ticket
    n: int
    last: int
    author: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class TicketPage:
    """A ticket as strangers see it."""

    ticket: Ticket
    posts: tuple[PostPage, ...]


def ticket_of(connection: Connection, number: int) -> TicketPage | None:
    """The page of a ticket; None where there is none, or not for everybody."""
    ticket = _public(connection, number)
    if ticket is None:
        return None
    shown, left = [], _MOST_CHARACTERS
    for post in _shown(connection, ticket, _MOST_OF_ONE)[:_MOST_POSTS]:
        left -= len(post.text)
        shown.append(_page(ticket, post if left > 0 else replace(post, text=""), _MOST_OF_ONE))
    return TicketPage(_masked_title(ticket), tuple(shown))


def post_of(connection: Connection, number: int, n: int) -> PostPage | None:
    """The page of one post; None where there is none, or not for everybody."""
    ticket = _public(connection, number)
    if ticket is None:
        return None
    found = _shown(connection, ticket, _MOST_ALONE, n)
    return _page(ticket, found[0], _MOST_ALONE) if found else None


def _public(connection: Connection, number: int) -> Ticket | None:
    ticket = store.resolve(connection, (TicketId(number),)).get(TicketId(number))
    return None if ticket is None or ticket.private else ticket


def _shown(connection: Connection, ticket: Ticket, most: int, n: int | None = None) -> list[Post]:
    """Its posts, or that of number `n`; of each one character more than is shown."""
    found = posts.beginnings(connection, ticket.id, most + 1, n)
    return [post for post in found if post.disposition not in _PROGRAMS]


def _page(ticket: Ticket, post: Post, most: int) -> PostPage:
    author = masked(post.author_name) or post.author_address.partition("@")[0]
    return PostPage(
        _masked_title(ticket),
        post.n,
        ticket.post_count,
        author,
        post.date or post.received,
        masked(post.text[:most]) + ("\n[... cut here]" if len(post.text) > most else ""),
    )


def _masked_title(ticket: Ticket) -> Ticket:
    return replace(ticket, title=masked(ticket.title))


def masked(text: str) -> str:
    """A text in which no address can be read, nor a reply token."""
    return _ADDRESS.sub("...@", redacted(text))
