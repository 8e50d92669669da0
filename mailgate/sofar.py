"""What was said in a ticket before somebody came to it: the question and all posts, as a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from mailgate import deliveries
from mailgate.kinds.classify import AUTOMATIC
from mailgate.quotes.quoting import stands_alone
from mailgate.redaction import redacted
from tracker.model import Address, TicketId
from tracker.nosy import Told
from tracker.storage import posts
from tracker.storage.posts import Post

# Of one mail; the question and the latest posts are what nobody should miss.
_MOST_CHARACTERS: Final = 200_000
_MOST_OF_ONE: Final = 40_000
_SIGNATURE_LINE: Final = re.compile(r"^-- $", re.MULTILINE)
_PROGRAMS: Final = frozenset(kind.value for kind in AUTOMATIC)


@dataclass(frozen=True, slots=True)
class Telling:
    """A post about to be told. `posts_before`: those that a newcomer may not know, oldest first."""

    ticket_id: TicketId
    post: Post
    posts_before: tuple[Post, ...]


def telling(connection: Connection, ticket_id: TicketId, post: Post, until: datetime) -> Telling:
    """A post and what was said before it; of an opening told late, what was said after it until then."""
    present = told_posts(connection, ticket_id)
    before = [one for one in present if one.n < post.n or (post.n == 1 < one.n and one.received <= until)]
    return Telling(ticket_id, post, tuple(before))


def told_posts(connection: Connection, ticket_id: TicketId) -> list[Post]:
    """The posts of people in a ticket, each as far as as_text() tells it."""
    found = posts.beginnings(connection, ticket_id, _MOST_OF_ONE + 1)
    return [one for one in found if one.disposition not in _PROGRAMS]


def missed(connection: Connection, told_of: Telling, told: Sequence[Told]) -> dict[Address, tuple[Post, ...]]:
    """For each of `told` who now gets a first copy as one who takes part: the posts they were never sent.

    Who wrote a post, or had it as a list copy, knows it.
    """
    if not told_of.posts_before or not told:
        return {}
    addresses = {one.address: one.person_id for one in told}
    sent = deliveries.posts_sent(connection, told_of.ticket_id, addresses)
    found = {}
    for address, person_id in addresses.items():
        known = sent.get(address)
        if known is not None and known.as_participant:
            continue
        had = frozenset() if known is None else known.posts
        left = tuple(one for one in told_of.posts_before if one.id not in had and one.author_id != person_id)
        if left:
            found[address] = left
    return found


def as_text(wanted: Iterable[Post], timezone: str = "") -> str:
    """Posts below each other; where they are too long, the first and the last ones, and how many are not."""
    zone: tzinfo = ZoneInfo(timezone) if timezone else UTC
    shown = [_one(post, zone) for post in wanted]
    size = len(shown[0]) if shown else 0
    first = len(shown)
    while first > 1 and size + len(shown[first - 1]) <= _MOST_CHARACTERS:
        first -= 1
        size += len(shown[first])
    left_out = first - 1 if shown else 0
    gap = [f"[{left_out} posts left out, kept with the ticket]"] if left_out > 0 else []
    return "\n\n".join([*shown[:1], *gap, *shown[max(first, 1) :]])


def _one(post: Post, zone: tzinfo) -> str:
    at = (post.date or post.received).astimezone(zone)
    author = post.author_name or post.author_address.partition("@")[0]
    said = post.new_text if post.n > 1 and stands_alone(post.new_text, post.text) else post.text
    text = redacted(said).strip("\n")
    if len(text) > _MOST_OF_ONE:
        text = f"{text[:_MOST_OF_ONE]}\n[... cut here, kept with the ticket]"
    # Below the first of these a mail client takes all for a signature, and quotes none of it.
    text = _SIGNATURE_LINE.sub("--", text)
    head = f"Post {post.n}, {author}, {at:%Y-%m-%d %H:%M} {at.tzname()}:"
    return f"{head}\n\n{text or '(no text)'}"
