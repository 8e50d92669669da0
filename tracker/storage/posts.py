"""Posts, their attachments, and the raw mails they were read from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Row, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tracker.commands import NewAttachment, NewPost
from tracker.model import Address, PersonId, PostId, TicketId, Trust
from tracker.storage import tables as t


@dataclass(frozen=True, slots=True)
class Post:
    """A post as stored."""

    id: PostId
    ticket_id: TicketId
    n: int
    author_id: PersonId
    author_address: Address
    author_name: str
    message_id: str
    original_message_id: str | None
    parent_key: str | None
    subject: str
    base: str
    is_reply: bool
    date: datetime | None
    received: datetime
    text: str
    new_text: str
    trust: Trust
    disposition: str
    raw_sha256: str
    copied_to: tuple[Address, ...]
    munge: bool = False
    on_list: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """The beginning of a post, and where it stands; `own` is the part that its author wrote.

    `whole` says that the text goes no further.
    """

    ticket_id: TicketId
    n: int
    author_id: PersonId
    author_name: str
    text: str
    own: str

    @property
    def whole(self) -> bool:
        return len(self.text) < _SAID_CHARACTERS


# Of a post whose words are compared; what is quoted stands in its beginning.
_SAID_CHARACTERS: Final = 4000
# As the number of a post: beyond the last.
_END: Final = 1 << 30

_INSERT_POST = insert(t.post).returning(t.post.c.id)
# A conversation's key comes with every one of its posts.
_INSERT_KEY = {
    "sqlite": sqlite.insert(t.message_key).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(t.message_key).on_conflict_do_nothing(),
}
_INSERT_ATTACHMENT = insert(t.attachment)
_BY_IDS = select(t.post).where(t.post.c.id.in_(bindparam("ids", expanding=True)))
_OF_TICKET = select(t.post).where(t.post.c.ticket_id == bindparam("ticket")).order_by(t.post.c.n)
_TEXTS: Final = ("text", "new_text")
_BEGINNINGS = (
    select(
        *(column for column in t.post.c if column.name not in _TEXTS),
        *(func.substr(t.post.c[name], 1, bindparam("characters")).label(name) for name in _TEXTS),
    )
    .where(t.post.c.ticket_id == bindparam("ticket"))
    .order_by(t.post.c.n)
)
_RECENT_IDS = (
    select(t.post.c.message_id)
    .where(
        t.post.c.ticket_id == bindparam("ticket"),
        (t.post.c.n < bindparam("before")) & ((t.post.c.n == 1) | (t.post.c.n >= bindparam("first"))),
    )
    .order_by(t.post.c.n)
)
_IDS = select(t.post.c.id).where(t.post.c.ticket_id == bindparam("ticket")).order_by(t.post.c.n)
_AMONG: BindParameter[Any] = bindparam("ids", expanding=True)
_PLACES = select(t.post.c.id, t.post.c.ticket_id, t.post.c.n).where(t.post.c.id.in_(_AMONG))
_ASIDE = update(t.post).where(t.post.c.id.in_(_AMONG)).values(n=-t.post.c.id)
_PLACE = (
    update(t.post)
    .where(t.post.c.id == bindparam("post"))
    .values(ticket_id=bindparam("new_ticket"), n=bindparam("new_n"))
)
_KEYS_FOLLOW = (
    update(t.message_key).where(t.message_key.c.post_id.in_(_AMONG)).values(ticket_id=bindparam("new_ticket"))
)
_LEFT = {
    "sqlite": sqlite.insert(t.former_place).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(t.former_place).on_conflict_do_nothing(),
}
_STORED_KEYS = select(t.message_key.c.post_id, t.message_key.c.key).where(
    t.message_key.c.post_id.in_(_AMONG), t.message_key.c.stored.is_(True)
)
_OPENING = select(t.post).where(t.post.c.ticket_id == bindparam("ticket"), t.post.c.n == 1)
_SAID = (
    select(
        t.post.c.ticket_id,
        t.post.c.n,
        t.post.c.author_id,
        t.post.c.author_name,
        func.substr(t.post.c.text, 1, _SAID_CHARACTERS).label("text"),
        func.substr(t.post.c.new_text, 1, _SAID_CHARACTERS).label("own"),
    )
    .where(t.post.c.base == bindparam("base"), t.post.c.received >= bindparam("since"))
    .order_by(t.post.c.received.desc(), t.post.c.id.desc())
    .limit(bindparam("limit"))
)
_BLOB = select(t.blob.c.content).where(t.blob.c.sha256 == bindparam("sha256"))
_PUT_BLOB = {
    "sqlite": sqlite.insert(t.blob).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(t.blob).on_conflict_do_nothing(),
}


def post_of(row: Row[Any]) -> Post:
    """The value of a row of the table `post`."""
    return Post(
        id=PostId(row.id),
        ticket_id=TicketId(row.ticket_id),
        n=row.n,
        author_id=PersonId(row.author_id),
        author_address=Address(row.author_address),
        author_name=row.author_name,
        message_id=row.message_id,
        original_message_id=row.original_message_id,
        parent_key=row.parent_key,
        subject=row.subject,
        base=row.base,
        is_reply=row.is_reply,
        date=row.date,
        received=row.received,
        text=row.text,
        new_text=row.new_text,
        trust=Trust(row.trust),
        disposition=row.disposition,
        raw_sha256=row.raw_sha256,
        copied_to=tuple(Address(line) for line in row.copied_to.splitlines()),
        munge=row.munge,
        on_list=row.on_list,
    )


def insert_post(connection: Connection, ticket_id: TicketId, n: int, post: NewPost) -> PostId:
    """Store a post as number `n` of a ticket, with its keys and attachments."""
    values = {
        "ticket_id": ticket_id,
        "n": n,
        "author_id": post.author_id,
        "author_address": post.author_address,
        "author_name": post.author_name,
        "message_id": post.message_id,
        "original_message_id": post.original_message_id,
        "parent_key": post.parent_key,
        "subject": post.subject,
        "base": post.base,
        "is_reply": post.is_reply,
        "date": post.date,
        "received": post.received,
        "text": post.text,
        "new_text": post.new_text,
        "trust": post.trust.value,
        "disposition": post.disposition,
        "raw_sha256": post.raw_sha256,
        "copied_to": "\n".join(post.copied_to),
        "munge": post.munge,
        "on_list": post.on_list,
    }
    post_id = PostId(connection.execute(_INSERT_POST, values).scalar_one())
    connection.execute(_INSERT_KEY[connection.dialect.name], list(_keys(ticket_id, post_id, post)))
    if post.attachments:
        connection.execute(_INSERT_ATTACHMENT, list(_attachments(post_id, post.attachments)))
    return post_id


def _keys(ticket_id: TicketId, post_id: PostId, post: NewPost) -> Iterable[dict[str, Any]]:
    """Rows for the message itself, for its conversation, and for each message it names in vain."""
    row = {"ticket_id": ticket_id, "post_id": post_id, "seen_at": post.time}
    yield row | {"key": post.own_key, "stored": True, "direct": False}
    if post.thread_key is not None:
        yield row | {"key": post.thread_key, "stored": True, "direct": False}
    for key in post.named_keys:
        yield row | {"key": key, "stored": False, "direct": key == post.parent_key}


def _attachments(post_id: PostId, attachments: tuple[NewAttachment, ...]) -> Iterable[dict[str, Any]]:
    for n, file in enumerate(attachments, 1):
        yield {
            "post_id": post_id,
            "n": n,
            "name": file.name,
            "type": file.type,
            "size": file.size,
            "sha256": file.sha256,
        }


def by_ids(connection: Connection, ids: Iterable[PostId]) -> dict[PostId, Post]:
    wanted = sorted(set(ids))
    rows = connection.execute(_BY_IDS, {"ids": wanted}) if wanted else ()
    return {PostId(row.id): post_of(row) for row in rows}


def of_ticket(connection: Connection, ticket_id: TicketId) -> tuple[Post, ...]:
    """The posts of a ticket in order."""
    return tuple(post_of(row) for row in connection.execute(_OF_TICKET, {"ticket": ticket_id}))


def beginnings(
    connection: Connection, ticket_id: TicketId, characters: int, n: int | None = None
) -> tuple[Post, ...]:
    """The posts of a ticket in order, or the one of number `n`; of each so much text as is wanted of any.

    A ticket may hold more text than there is memory.
    """
    query = _BEGINNINGS if n is None else _BEGINNINGS.where(t.post.c.n == n)
    rows = connection.execute(query, {"ticket": ticket_id, "characters": characters})
    return tuple(post_of(row) for row in rows)


def latest_texts(
    connection: Connection, ticket_id: TicketId, author_id: PersonId, most: int
) -> tuple[str, ...]:
    """The new texts of somebody's last posts in a ticket, the latest first."""
    mine = (t.post.c.ticket_id == ticket_id) & (t.post.c.author_id == author_id)
    query = select(t.post.c.new_text).where(mine).order_by(t.post.c.n.desc()).limit(most)
    return tuple(row.new_text for row in connection.execute(query))


def recent_message_ids(
    connection: Connection, ticket_id: TicketId, before: int = _END, most: int = 20
) -> tuple[str, ...]:
    """The Message-IDs of the opening and of the latest posts before number `before`, oldest first."""
    if before == _END:
        before = _last_number(connection, ticket_id) + 1
    values = {"ticket": ticket_id, "before": before, "first": before - most}
    return tuple(row.message_id for row in connection.execute(_RECENT_IDS, values))


def _last_number(connection: Connection, ticket_id: TicketId) -> int:
    newest = select(func.max(t.post.c.n)).where(t.post.c.ticket_id == ticket_id)
    return connection.execute(newest).scalar() or 0


def opening_of(connection: Connection, ticket_id: TicketId) -> Post | None:
    """The first post of a ticket; None for an alias."""
    row = connection.execute(_OPENING, {"ticket": ticket_id}).first()
    return None if row is None else post_of(row)


def said_under(connection: Connection, base: str, since: datetime, limit: int) -> tuple[Said, ...]:
    """The latest posts of that subject, of whatever ticket, newest first."""
    rows = connection.execute(_SAID, {"base": base, "since": since, "limit": limit})
    return tuple(
        Said(TicketId(row.ticket_id), row.n, PersonId(row.author_id), row.author_name, row.text, row.own)
        for row in rows
    )


def attachments_of(connection: Connection, post_id: PostId) -> tuple[NewAttachment, ...]:
    query = select(t.attachment).where(t.attachment.c.post_id == post_id).order_by(t.attachment.c.n)
    return tuple(NewAttachment(r.name, r.type, r.size, r.sha256) for r in connection.execute(query))


def place(connection: Connection, ticket_id: TicketId, order: Sequence[PostId]) -> None:
    """Let the posts of a ticket be those of `order`, numbered from 1; what leads to them comes along.

    Posts that stand in the ticket and not in `order` must be placed in another first.
    """
    where = {row.id: (row.ticket_id, row.n) for row in connection.execute(_PLACES, {"ids": list(order)})}
    changed = [(one, n) for n, one in enumerate(order, 1) if where[one] != (ticket_id, n)]
    if not changed:
        return
    # By way of negative numbers: the pair of ticket and number is unique at every moment.
    connection.execute(_ASIDE, {"ids": [one for one, _ in changed]})
    rows = [{"post": one, "new_ticket": ticket_id, "new_n": n} for one, n in changed]
    connection.execute(_PLACE, rows)
    came = [one for one in order if where[one][0] != ticket_id]
    if came:
        left = [{"post_id": one, "ticket_id": where[one][0]} for one in came]
        connection.execute(_LEFT[connection.dialect.name], left)
        connection.execute(_KEYS_FOLLOW, {"ids": came, "new_ticket": ticket_id})


def ids_of(connection: Connection, ticket_id: TicketId) -> tuple[PostId, ...]:
    """The posts of a ticket in order."""
    return tuple(PostId(row.id) for row in connection.execute(_IDS, {"ticket": ticket_id}))


def former_places(connection: Connection, post_id: PostId) -> tuple[TicketId, ...]:
    """The tickets that a post once stood in."""
    query = select(t.former_place.c.ticket_id).where(t.former_place.c.post_id == post_id)
    return tuple(TicketId(row.ticket_id) for row in connection.execute(query))


def own_keys(connection: Connection, ids: Iterable[PostId]) -> dict[PostId, frozenset[str]]:
    """The keys under which posts are found; those of conversations too."""
    found: dict[PostId, set[str]] = {}
    for row in connection.execute(_STORED_KEYS, {"ids": list(ids)}):
        found.setdefault(PostId(row.post_id), set()).add(row.key)
    return {post_id: frozenset(keys) for post_id, keys in found.items()}


def make_room_at_the_front(connection: Connection, ticket_id: TicketId) -> None:
    """Number the posts of a ticket from 2 on: its opening has come late."""
    mine = update(t.post).where(t.post.c.ticket_id == ticket_id)
    # By way of negative numbers: the pair of ticket and number is unique at every moment.
    connection.execute(mine.values(n=-t.post.c.n - 1))
    connection.execute(mine.values(n=-t.post.c.n))


def put_blob(connection: Connection, content: bytes) -> str:
    """Keep raw bytes once; gives their SHA-256 in hex, by which they are found."""
    digest = hashlib.sha256(content).hexdigest()
    connection.execute(_PUT_BLOB[connection.dialect.name], {"sha256": digest, "content": content})
    return digest


def get_blob_start(connection: Connection, sha256: str, size: int) -> bytes:
    """The first `size` of the raw bytes of that digest; none when there are none."""
    start = select(func.substr(t.blob.c.content, 1, size)).where(t.blob.c.sha256 == sha256)
    return bytes(connection.execute(start).scalar() or b"")


def headers_under(connection: Connection, key: str, size: int) -> tuple[bytes, ...]:
    """The beginnings of the raw mails that are stored under the key of a message."""
    mine = (t.message_key.c.key == key) & t.message_key.c.stored
    query = (
        select(t.post.c.raw_sha256)
        .join(t.message_key, t.message_key.c.post_id == t.post.c.id)
        .where(mine)
        .distinct()
        .limit(4)
    )
    return tuple(get_blob_start(connection, row.raw_sha256, size) for row in connection.execute(query))


def get_blob(connection: Connection, sha256: str) -> bytes:
    """The raw bytes of that digest; KeyError when there are none."""
    content = connection.execute(_BLOB, {"sha256": sha256}).scalar()
    if content is None:
        raise KeyError(sha256)
    return bytes(content)
