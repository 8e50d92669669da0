"""A person taken out of all that an instance keeps; their tickets stay, and go on threading.

What they wrote is gone: texts, raw mail, files. Where others name them, address and full name are taken out
of texts, raw mail and history. Message-IDs are found by their digests, so replies still find their ticket.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, Connection, Table, Text, delete, func, insert, or_, select, union, update

from mailgate.deliveries import State
from mailgate.headers import split_message
from mailgate.instance import METADATAS
from mailgate.tables import delivery, inbound, outgoing
from tracker.model import Address, Person, PersonId
from tracker.storage import people, posts
from tracker.storage import tables as t

_GONE: Final = "[erased]"
# "Ann" alone would take a word out of everybody's mail.
_SHORTEST_NAME: Final = 6


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done: the name that stands in their place, and how much of each was rewritten."""

    stands: Address
    posts: int
    mails: int
    mentions: int


def erase(connection: Connection, person: Person) -> Erased:
    """Take a person out, in the caller's transaction."""
    addresses = people.addresses_of(connection, person.id)
    stands = Address(f"erased-{person.id}@erased.invalid")
    words = _Words(addresses, _names_of(connection, person), stands)
    touched = _tickets_of(connection, person.id, words)
    written = _erase_posts(connection, person.id, stands)
    mails = _erase_mails(connection, addresses, stands)
    _erase_wishes(connection, person.id, addresses, stands)
    mentions = _rewrite_raw(connection, touched, words) + _rewrite_texts(connection, words)
    _rewrite_outgoing(connection, words)
    _drop_orphans(connection)
    return Erased(stands, written, mails, mentions)


class _Words:
    """What is taken out, and what stands there then."""

    def __init__(self, addresses: Sequence[Address], names: Iterable[str], stands: Address) -> None:
        self.stands = stands
        self.needles = [*addresses, *(one for one in names if len(one) >= _SHORTEST_NAME and " " in one)]
        found = "|".join(
            rf"(?<![\w.+-]){re.escape(one)}(?![\w-]|\.\w)" if "@" in one else rf"\b{re.escape(one)}\b"
            for one in self.needles
        )
        self._text = re.compile(found, re.IGNORECASE)
        self._bytes = re.compile(found.encode(), re.IGNORECASE)

    def out_of(self, text: str) -> str:
        return self._text.sub(lambda one: self.stands if "@" in one[0] else _GONE, text)

    def out_of_bytes(self, raw: bytes) -> bytes:
        stands = self.stands.encode()
        return self._bytes.sub(lambda one: stands if b"@" in one[0] else _GONE.encode(), raw)

    def are_in(self, text: str) -> bool:
        return self._text.search(text) is not None

    def some_in(self, column: Column[Any]) -> Any:
        """The rows in whose column one of them stands."""
        return or_(*(func.lower(column).contains(one.lower(), autoescape=True) for one in self.needles))


def _names_of(connection: Connection, person: Person) -> list[str]:
    """What they are called, and what stood beside their address in what they wrote."""
    wrote = select(t.post.c.author_name).where(t.post.c.author_id == person.id).distinct()
    return sorted({person.name, *(row.author_name for row in connection.execute(wrote))})


def _tickets_of(connection: Connection, person_id: PersonId, words: _Words) -> list[int]:
    """Where they wrote, took part, or are named."""
    wrote = select(t.post.c.ticket_id).where(t.post.c.author_id == person_id)
    joined = select(t.membership.c.ticket_id).where(t.membership.c.person_id == person_id)
    named = select(t.post.c.ticket_id).where(
        or_(words.some_in(t.post.c.text), words.some_in(t.post.c.copied_to))
    )
    found = {row.ticket_id for query in (wrote, joined, named) for row in connection.execute(query)}
    return sorted(found)


def _stub(connection: Connection, stands: Address, number: int) -> str:
    """What is kept in place of a mail."""
    raw = f"From: {stands}\r\nSubject: {_GONE}\r\nX-Erased: {number}\r\n\r\n{_GONE}\r\n"
    return posts.put_blob(connection, raw.encode())


def _erase_posts(connection: Connection, person_id: PersonId, stands: Address) -> int:
    """Their own posts: numbers, places and keys stay."""
    query = select(t.post.c.id).where(t.post.c.author_id == person_id)
    ids = [row.id for row in connection.execute(query)]
    for post_id in ids:
        values = {
            "text": _GONE,
            "new_text": _GONE,
            "author_name": "",
            "author_address": stands,
            "copied_to": "[]",
            "raw_sha256": _stub(connection, stands, post_id),
        }
        connection.execute(update(t.post).where(t.post.c.id == post_id).values(values))
        connection.execute(delete(t.attachment).where(t.attachment.c.post_id == post_id))
        mine = outgoing.c.post_id == post_id
        waiting = delivery.c.outgoing_id.in_(select(outgoing.c.id).where(mine))
        undelivered = (delivery.c.state == State.WAITING.value) & waiting
        connection.execute(update(delivery).where(undelivered).values(state=State.DROPPED.value))
        blank = {
            "head": b"Subject: [erased]\r\n",
            "body": _GONE.encode(),
            "raw_sha256": None,
            "body_offset": None,
        }
        connection.execute(update(outgoing).where(mine).values(blank))
    return len(ids)


def _erase_mails(connection: Connection, addresses: Sequence[Address], stands: Address) -> int:
    """What they sent, whatever became of it."""
    theirs = inbound.c.author.in_(addresses) | func.lower(inbound.c.reverse_path).in_(addresses)
    rows = connection.execute(select(inbound.c.id, inbound.c.state).where(theirs)).all()
    for row in rows:
        values: dict[str, object] = {"raw_sha256": _stub(connection, stands, -row.id), "authentication": None}
        if row.state in ("held", "waiting", "parked"):
            values |= {"state": "dropped", "error": "its author was erased"}
        connection.execute(update(inbound).where(inbound.c.id == row.id).values(values))
    return len(rows)


def _erase_wishes(
    connection: Connection, person_id: PersonId, addresses: Sequence[Address], stands: Address
) -> None:
    """Who they are, what they wished, and where they were told."""
    for table in (t.subscription, t.interest, t.role, t.center_member):
        connection.execute(delete(table).where(table.c.person_id == person_id))
    joined = (t.membership.c.person_id == person_id) & (t.membership.c.state == "joined")
    connection.execute(update(t.membership).where(joined).values(state="left"))
    connection.execute(delete(t.ban).where(t.ban.c.pattern.in_(addresses)))
    connection.execute(delete(t.suppression).where(t.suppression.c.address.in_(addresses)))
    connection.execute(delete(t.address).where(t.address.c.person_id == person_id))
    connection.execute(insert(t.address).values(address=stands, person_id=person_id))
    plain = {
        "address": stands,
        "name": "",
        "member": False,
        "timezone": "",
        "html": False,
        "always_copy": False,
    }
    connection.execute(update(t.person).where(t.person.c.id == person_id).values(plain))
    to_them = delivery.c.address.in_(addresses)
    waiting = to_them & (delivery.c.state == State.WAITING.value)
    connection.execute(update(delivery).where(waiting).values(state=State.DROPPED.value))


def _rewrite_texts(connection: Connection, words: _Words) -> int:
    """Every text of every table; gives in how many rows somebody named them."""
    count = 0
    for table, column in _columns(Text):
        keys = list(table.primary_key.columns)
        rows = connection.execute(select(*keys, column).where(words.some_in(column))).all()
        for row in rows:
            same = [key == value for key, value in zip(keys, row, strict=False)]
            connection.execute(update(table).where(*same).values({column: words.out_of(row[-1])}))
        count += len(rows)
    return count


def _columns(kind: type[Any]) -> Iterator[tuple[Table, Column[Any]]]:
    for metadata in METADATAS:
        for table in metadata.sorted_tables:
            yield from ((table, column) for column in table.columns if isinstance(column.type, kind))


def _rewrite_raw(connection: Connection, tickets: Iterable[int], words: _Words) -> int:
    """The raw mail of others in the tickets where they were; what was encoded becomes plain text."""
    count = 0
    query = select(t.post.c.id, t.post.c.raw_sha256, t.post.c.text).where(
        t.post.c.ticket_id.in_(list(tickets))
    )
    for row in connection.execute(query).all():
        raw = posts.get_blob(connection, row.raw_sha256)
        fresh = _without(raw, row.text, words)
        if fresh == raw:
            continue
        digest = posts.put_blob(connection, fresh)
        connection.execute(update(t.post).where(t.post.c.id == row.id).values(raw_sha256=digest))
        sent = outgoing.c.raw_sha256 == row.raw_sha256
        offset = len(fresh) - len(split_message(fresh)[1])
        connection.execute(update(outgoing).where(sent).values(raw_sha256=digest, body_offset=offset))
        came = inbound.c.raw_sha256 == row.raw_sha256
        connection.execute(update(inbound).where(came).values(raw_sha256=digest))
        count += 1
    return count


def _without(raw: bytes, text: str, words: _Words) -> bytes:
    header, body = split_message(raw)
    fresh = words.out_of_bytes(body)
    if fresh == body and words.are_in(text):
        # It stands there as base64 or quoted-printable: the text as it was read takes its place.
        kept = re.sub(rb"(?im)^(?:content-|mime-version)[^:]*:.*\r?\n(?:[ \t].*\r?\n)*", b"", header)
        plain = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        fresh = words.out_of(text).replace("\n", "\r\n").encode()
        header = kept + plain + b"Content-Transfer-Encoding: 8bit\r\n"
    return words.out_of_bytes(header) + b"\r\n" + fresh


def _rewrite_outgoing(connection: Connection, words: _Words) -> None:
    """What was rendered of others' posts, as far as it is kept."""
    for row in connection.execute(select(outgoing.c.id, outgoing.c.head, outgoing.c.body)).all():
        head = words.out_of_bytes(row.head)
        body = None if row.body is None else words.out_of_bytes(row.body)
        if (head, body) != (row.head, row.body):
            mine = outgoing.c.id == row.id
            connection.execute(update(outgoing).where(mine).values(head=head, body=body))


def _drop_orphans(connection: Connection) -> None:
    """Raw mail that nothing refers to any more."""
    sent = select(outgoing.c.raw_sha256).where(outgoing.c.raw_sha256.is_not(None))
    kept = union(select(t.post.c.raw_sha256), select(inbound.c.raw_sha256), sent)
    connection.execute(delete(t.blob).where(t.blob.c.sha256.not_in(kept)))
