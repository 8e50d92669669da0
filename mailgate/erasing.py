"""A person taken out of all that an instance keeps; their tickets stay, and go on threading.

What they wrote is gone: texts, raw mail, files. Where others name them, address and full name are taken out
of texts, raw mail and history. Message-IDs are found by their digests, so replies still find their ticket.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Column, Connection, Table, Text, delete, func, insert, or_, select, union, update

from mailgate.deliveries import State
from mailgate.headers import split_message
from mailgate.instance import METADATAS
from mailgate.scrubbing import GONE, Words, scrubbed, words_of
from mailgate.tables import bouncing, delivery, digest_item, held_back, inbound, introduction, outgoing
from mailgate.verdict import verdict_from_json
from routing.tables import pins
from tracker.events import Actor
from tracker.model import Address, Person, PersonId, PostId
from tracker.people import erased_address, is_erased
from tracker.storage import people, posts
from tracker.storage import tables as t
from tracker.storage import tickets as store
from tracker.tickets import set_owner
from tracker.unit_of_work import UnitOfWork

# In one reading: of the mails of an archive, which are looked through one by one.
_BLOBS_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done: the name that stands in their place, and how much of each was rewritten."""

    stands: Address
    posts: int
    mails: int
    mentions: int


def erase(uow: UnitOfWork, person: Person) -> Erased:
    """Take a person out, in the caller's transaction."""
    connection = uow.connection
    addresses = people.addresses_of(connection, person.id)
    stands = erased_address(person.id)
    words = words_of(
        stands,
        addresses,
        _names_of(connection, person),
        _texts_of(connection, person.id),
        _files_of(person, connection),
    )
    touched = _tickets_of(connection, person.id, words)
    _give_up(uow, person)
    written = _erase_posts(connection, person.id, stands)
    mails = _erase_mails(connection, person.id, addresses, stands)
    _erase_wishes(connection, person.id, addresses, stands)
    mentions = _rewrite_quotes(connection, touched, words) + _rewrite_raw(connection, touched, words)
    mentions += _rewrite_texts(connection, words)
    _rewrite_outgoing(connection, touched, words)
    drop_orphans(connection)
    return Erased(stands, written, mails, mentions)


def forget_again(connection: Connection, inbound_id: int, post_id: int) -> None:
    """An old copy came of a post whose author was erased: nothing of it is kept."""
    post = posts.by_ids(connection, (PostId(post_id),)).get(PostId(post_id))
    if post is not None and is_erased(post.author_address):
        _forget_mails(connection, inbound.c.id == inbound_id, post.author_address)
        drop_orphans(connection)


def _give_up(uow: UnitOfWork, person: Person) -> None:
    """What they owned is nobody's: a ticket whose owner never answers could not be claimed."""
    owned = select(t.ticket.c.id).where(t.ticket.c.owner_id == person.id)
    ids = tuple(row.id for row in uow.connection.execute(owned))
    for ticket in store.by_ids(uow.connection, ids).values():
        set_owner(uow, ticket, None, Actor(None, "erased"))
    uow.flush()


def _names_of(connection: Connection, person: Person) -> list[str]:
    """What they are called, and what stood beside their address in what they wrote."""
    wrote = select(t.post.c.author_name).where(t.post.c.author_id == person.id).distinct()
    return sorted({person.name, *(row.author_name for row in connection.execute(wrote))})


def _texts_of(connection: Connection, person_id: PersonId) -> list[str]:
    wrote = select(t.post.c.new_text).where(t.post.c.author_id == person_id)
    return [row.new_text for row in connection.execute(wrote)]


def _files_of(person: Person, connection: Connection) -> list[str]:
    mine = select(t.post.c.id).where(t.post.c.author_id == person.id)
    query = select(t.attachment.c.sha256).where(t.attachment.c.post_id.in_(mine))
    return [row.sha256 for row in connection.execute(query)]


def _tickets_of(connection: Connection, person_id: PersonId, words: Words) -> list[int]:
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
    raw = f"From: {stands}\r\nSubject: {GONE}\r\nX-Erased: {number}\r\n\r\n{GONE}\r\n"
    return posts.put_blob(connection, raw.encode())


def _erase_posts(connection: Connection, person_id: PersonId, stands: Address) -> int:
    """Their own posts: numbers, places and keys stay."""
    query = select(t.post.c.id).where(t.post.c.author_id == person_id)
    ids = [row.id for row in connection.execute(query)]
    for post_id in ids:
        values = {
            "text": GONE,
            "new_text": GONE,
            "author_name": "",
            "author_address": stands,
            "copied_to": "",
            "original_message_id": None,
            "raw_sha256": _stub(connection, stands, post_id),
        }
        connection.execute(update(t.post).where(t.post.c.id == post_id).values(values))
        connection.execute(delete(t.attachment).where(t.attachment.c.post_id == post_id))
        connection.execute(delete(held_back).where(held_back.c.post_id == post_id))
        mine = outgoing.c.post_id == post_id
        waiting = delivery.c.outgoing_id.in_(select(outgoing.c.id).where(mine))
        undelivered = (delivery.c.state == State.WAITING.value) & waiting
        connection.execute(update(delivery).where(undelivered).values(state=State.DROPPED.value))
        blank = {
            "head": b"Subject: [erased]\r\n",
            "body": GONE.encode(),
            "raw_sha256": None,
            "body_offset": None,
        }
        connection.execute(update(outgoing).where(mine).values(blank))
    return len(ids)


def _erase_mails(
    connection: Connection, person_id: PersonId, addresses: Sequence[Address], stands: Address
) -> int:
    """What they sent, whatever became of it; old copies of their posts, whoever sent these."""
    wrote = inbound.c.post_id.in_(select(t.post.c.id).where(t.post.c.author_id == person_id))
    sent = func.lower(inbound.c.reverse_path).in_([one.lower() for one in addresses])
    return _forget_mails(connection, inbound.c.author.in_(addresses) | sent | wrote, stands)


def _forget_mails(connection: Connection, condition: Any, stands: Address) -> int:
    """Of these mails there stays when they came, and what became of them."""
    rows = connection.execute(select(inbound).where(condition)).all()
    for row in rows:
        values: dict[str, object] = {
            "raw_sha256": _stub(connection, stands, -row.id),
            "author": stands,
            "reverse_path": "",
            "client_address": "",
            "helo": "",
            "session": "",
            "via": "",
            "authentication": None,
            "error": None,
            "lesson": None,
            "verdict": None if row.verdict is None else _plain_verdict(row.verdict),
        }
        if row.state in ("held", "waiting", "parked"):
            values |= {"state": "dropped", "error": "its author was erased"}
        connection.execute(update(inbound).where(inbound.c.id == row.id).values(values))
        _unpin(connection, row.raw_sha256)
    return len(rows)


def _unpin(connection: Connection, sha256: str) -> None:
    """A case of the rules that is gone."""
    connection.execute(delete(pins).where(pins.c.raw_sha256 == sha256))


def _plain_verdict(text: str) -> str:
    """What became of a mail, without what in it spoke for that."""
    found = verdict_from_json(text)
    kept = replace(found, reason="", why="", notes=(), trace=(), signs=(), entities=(), cc=())
    return kept.to_json()


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
    for table in (introduction, bouncing, t.ticket_contact):
        connection.execute(delete(table).where(table.c.address.in_(addresses)))
    audiences = [f"contact {one}" for one in addresses]
    connection.execute(delete(digest_item).where(digest_item.c.audience.in_(audiences)))
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


def _rewrite_texts(connection: Connection, words: Words) -> int:
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


def _rewrite_quotes(connection: Connection, tickets: Sequence[int], words: Words) -> int:
    """What others quoted of them, in the tickets where they were."""
    count = 0
    query = select(t.post.c.id, t.post.c.text, t.post.c.new_text)
    for row in connection.execute(query.where(t.post.c.ticket_id.in_(tickets))).all():
        text, new_text = words.out_of_post(row.text), words.out_of_post(row.new_text)
        if (text, new_text) != (row.text, row.new_text):
            change = update(t.post).where(t.post.c.id == row.id)
            connection.execute(change.values(text=text, new_text=new_text))
            count += 1
    return count


def _rewrite_raw(connection: Connection, tickets: Sequence[int], words: Words) -> int:
    """The raw mail of others: all of it in the tickets where they were, elsewhere where bytes name them."""
    suspects = set(_naming(connection, words))
    there = select(t.post.c.raw_sha256).where(t.post.c.ticket_id.in_(tickets))
    suspects |= {row.raw_sha256 for row in connection.execute(there)}
    count = 0
    for sha256 in sorted(suspects):
        raw = posts.get_blob(connection, sha256)
        fresh = scrubbed(raw, words)
        if fresh != raw:
            _replace_raw(connection, sha256, fresh)
            count += 1
    return count


def _naming(connection: Connection, words: Words) -> Iterator[str]:
    """The raw mails in whose bytes they are named."""
    after = ""
    while True:
        query = select(t.blob).where(t.blob.c.sha256 > after).order_by(t.blob.c.sha256)
        rows = connection.execute(query.limit(_BLOBS_AT_ONCE)).all()
        if not rows:
            return
        yield from (row.sha256 for row in rows if words.are_in_bytes(bytes(row.content)))
        after = rows[-1].sha256


def _replace_raw(connection: Connection, old: str, fresh: bytes) -> None:
    digest = posts.put_blob(connection, fresh)
    offset = len(fresh) - len(split_message(fresh)[1])
    connection.execute(update(t.post).where(t.post.c.raw_sha256 == old).values(raw_sha256=digest))
    came = update(inbound).where(inbound.c.raw_sha256 == old)
    connection.execute(came.values(raw_sha256=digest, size=len(fresh)))
    sent = update(outgoing).where(outgoing.c.raw_sha256 == old)
    connection.execute(sent.values(raw_sha256=digest, body_offset=offset))
    # Two mails may be the same now.
    if connection.execute(select(pins.c.id).where(pins.c.raw_sha256 == digest)).first() is not None:
        _unpin(connection, old)
    connection.execute(update(pins).where(pins.c.raw_sha256 == old).values(raw_sha256=digest))


def _rewrite_outgoing(connection: Connection, tickets: Sequence[int], words: Words) -> None:
    """What was rendered of others' posts, as far as it is kept."""
    there = set(tickets)
    columns = (outgoing.c.id, outgoing.c.ticket_id, outgoing.c.head, outgoing.c.body)
    for row in connection.execute(select(*columns)).all():
        if row.ticket_id not in there and not words.are_in_bytes(row.head + (row.body or b"")):
            continue
        fresh = scrubbed(row.head + b"\r\n" + (row.body or b""), words)
        header, body = split_message(fresh)
        mine = outgoing.c.id == row.id
        values = {"head": header, "body": None if row.body is None else body}
        connection.execute(update(outgoing).where(mine).values(values))


def drop_orphans(connection: Connection) -> int:
    """Delete raw mail that nothing refers to any more; gives how many."""
    sent = select(outgoing.c.raw_sha256).where(outgoing.c.raw_sha256.is_not(None))
    kept = union(select(t.post.c.raw_sha256), select(inbound.c.raw_sha256), sent, select(pins.c.raw_sha256))
    return connection.execute(delete(t.blob).where(t.blob.c.sha256.not_in(kept))).rowcount
