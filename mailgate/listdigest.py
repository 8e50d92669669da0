"""Digests of a list: the posts of a day, or as soon as they are many, in one mail to who chose that.

Two forms: MIME, each post a message of its own that can be answered (RFC 2046 5.1.5), and one plain text
(RFC 1153). Nobody finds in it what they wrote, or were sent as one who takes part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Final

from sqlalchemy import Connection, select, update

from mailgate import deliveries
from mailgate.addresses import ticket_address
from mailgate.compose import Composer, copy_proof
from mailgate.deliveries import Outgoing
from mailgate.headers import Field, is_address, mailboxes, text, tokens, verbatim, write_header
from mailgate.message import Mailbox
from mailgate.mimeout import Entity, digest_of, text_part
from mailgate.redaction import redacted
from tracker.events import Kind
from tracker.model import Address, Delivery, EventId, NosyState, PostId, Queue, Ticket
from tracker.nosy import Face, Role, Told
from tracker.storage import posts, queues
from tracker.storage import tables as t
from tracker.storage import tickets as store
from tracker.storage.posts import Post
from tracker.storage.queues import Subscriber

_REASON: Final = "you are subscribed to this list, and chose digests"
_MOST_POSTS: Final = 200
_MOST_OF_ONE: Final = 20_000


@dataclass(frozen=True, slots=True)
class When:
    """How long posts wait at most, and how many characters of text send them at once."""

    every: timedelta
    characters: int


@dataclass(frozen=True, slots=True)
class Issue:
    """One digest: its number in the year, and the posts in it, with their tickets, by ticket."""

    queue: Queue
    number: int
    at: datetime
    posts: tuple[Post, ...]
    tickets: dict[int, Ticket]

    @property
    def subject(self) -> str:
        """As list managers have it, so that answers to it are known as such."""
        return f"{self.queue.tag} Digest, Vol {self.at.year}, Issue {self.number}"


@dataclass(frozen=True, slots=True)
class _State:
    number: int
    event_id: EventId
    sent_at: datetime


class ListDigests:
    """The errand that sends them."""

    def __init__(self, composer: Composer, when: When) -> None:
        self._composer = composer
        self._when = when

    def send(self, connection: Connection, now: datetime) -> int:
        """Send what is due; gives to how many people."""
        readers: dict[int, list[Subscriber]] = defaultdict(list)
        for one in queues.subscribers(connection):
            if one.delivery is Delivery.DIGEST:
                readers[one.queue_id].append(one)
        sent = 0
        for queue in queues.everyone(connection):
            state = _state(connection, queue)
            # Where a list manager stands in front, digests are its own.
            if state is not None and not queue.front:
                sent += self._send(connection, queue, state, readers[queue.id], now)
        return sent

    def _send(
        self,
        connection: Connection,
        queue: Queue,
        state: _State,
        readers: Sequence[Subscriber],
        now: datetime,
    ) -> int:
        found, last = _new_posts(connection, queue, state.event_id)
        waited = now - state.sent_at
        many = sum(len(post.new_text) for post in found) >= self._when.characters
        if last is None or (waited < self._when.every and not many):
            return 0
        number = state.number + 1 if state.sent_at.year == now.year else 1
        tickets = store.by_ids(connection, {post.ticket_id for post in found})
        issue = Issue(queue, number, now, found, {ticket.id: ticket for ticket in tickets.values()})
        told = [one for one in readers if not one.is_away(now)] if found else []
        sent = sum(self._write(connection, issue, group) for group in _alike(connection, issue, told))
        _remember(connection, queue, _State(number if sent else state.number, last, now))
        return sent

    def _write(
        self, connection: Connection, issue: Issue, group: tuple[tuple[Post, ...], list[Subscriber]]
    ) -> int:
        shown, readers = group
        for plain in (True, False):
            told = [_told(one) for one in readers if one.plain_digest is plain]
            if told:
                deliveries.add(connection, self.compose(issue, shown, plain=plain), told, issue.at)
        return len(readers)

    def compose(self, issue: Issue, shown: Sequence[Post], *, plain: bool) -> Outgoing:
        """The mail, in one of its forms."""
        queue = issue.queue
        message_id = f"<digest.{queue.id}.{issue.at.year}.{issue.number}@{queue.domain}>"
        head = self._composer.render(
            "digest/head.txt.j2",
            subject=issue.subject,
            request=f"{queue.local_part}-request@{queue.domain}",
            lines=[_line(issue, post) for post in shown],
            plain=plain,
        )
        entity = _plain(issue, shown, head) if plain else _mime(issue, shown, head)
        fields = [
            mailboxes("From", [Mailbox(queue.address, f"{queue.tag} digest")]),
            mailboxes("To", [Mailbox(queue.address, queue.title)]),
            text("Subject", issue.subject),
            verbatim("Date", format_datetime(issue.at)),
            tokens("Message-ID", [message_id]),
            *self._composer.list_wide_fields(queue),
            text("Auto-Submitted", "auto-generated"),
            text("X-Mailgate-Reason", _REASON),
            copy_proof(self._composer.keys, message_id),
        ]
        head_bytes = write_header([*fields, *entity.fields])
        return Outgoing(None, None, None, queue.id, Face.NOTICE, message_id, head_bytes, entity.body)


def _told(one: Subscriber) -> Told:
    return Told(one.person.address, one.person.id, Face.NOTICE, _REASON, Role.SUBSCRIBER)


def _state(connection: Connection, queue: Queue) -> _State | None:
    """How far a list's digests have come; None where nobody ever chose them."""
    row = connection.execute(select(t.list_digest).where(t.list_digest.c.queue_id == queue.id)).first()
    return None if row is None else _State(row.number, EventId(row.event_id), row.sent_at)


def _remember(connection: Connection, queue: Queue, state: _State) -> None:
    values = {"number": state.number, "event_id": state.event_id, "sent_at": state.sent_at}
    mine = t.list_digest.c.queue_id == queue.id
    connection.execute(update(t.list_digest).where(mine).values(values))


def _new_posts(
    connection: Connection, queue: Queue, since: EventId
) -> tuple[tuple[Post, ...], EventId | None]:
    """The posts of a list since an event, in threads, and the last event; what is private is none of it."""
    told = t.event.c.kind.in_([Kind.OPENED.value, Kind.POSTED.value]) & ~t.event.c.quiet
    query = (
        select(t.event.c.id, t.event.c.post_id)
        .join(t.post, t.post.c.id == t.event.c.post_id)
        .join(t.ticket, t.ticket.c.id == t.post.c.ticket_id)
        .where(t.event.c.id > since, told, t.ticket.c.queue_id == queue.id, ~t.ticket.c.private)
        .order_by(t.event.c.id)
        .limit(_MOST_POSTS)
    )
    rows = connection.execute(query).all()
    found = posts.by_ids(connection, [PostId(row.post_id) for row in rows])
    in_threads = sorted(found.values(), key=lambda post: (post.ticket_id, post.n))
    return tuple(in_threads), EventId(rows[-1].id) if rows else None


def _alike(
    connection: Connection, issue: Issue, readers: Iterable[Subscriber]
) -> Iterator[tuple[tuple[Post, ...], list[Subscriber]]]:
    """Those who find the same posts in it: all but what they wrote, or were sent already."""
    knows = _who_knows(connection, issue)
    groups: dict[tuple[PostId, ...], list[Subscriber]] = defaultdict(list)
    for one in readers:
        left = (
            p.id
            for p in issue.posts
            if p.author_id != one.person.id and one.person.address not in knows[p.id]
        )
        groups[tuple(left)].append(one)
    known = {post.id: post for post in issue.posts}
    for ids, group in groups.items():
        if ids:
            yield tuple(known[one] for one in ids), group


def _who_knows(connection: Connection, issue: Issue) -> dict[PostId, frozenset[Address]]:
    """Who was sent each post, or stood in its To or Cc, or wants to hear nothing of its ticket."""
    sent = deliveries.recipients_of(connection, [post.id for post in issue.posts])
    muted: dict[int, set[Address]] = defaultdict(set)
    for member in store.memberships(connection, {post.ticket_id for post in issue.posts}):
        if member.state is NosyState.MUTED:
            muted[member.ticket_id].add(member.person.address)
    return {
        post.id: sent[post.id]
        | muted[post.ticket_id]
        | frozenset(post.copied_to if post.trust.believed else ())
        for post in issue.posts
    }


def _line(issue: Issue, post: Post) -> str:
    ticket = issue.tickets[post.ticket_id]
    return f"#{ticket.id} {ticket.title[:50]} ({_author(post)})"


def _author(post: Post) -> str:
    return post.author_name or post.author_address.partition("@")[0]


def _from(post: Post, ticket: Mailbox) -> Mailbox:
    """Its author; one whose address is beyond ASCII (RFC 6531) by name, at the ticket's."""
    if is_address(post.author_address):
        return Mailbox(post.author_address, post.author_name)
    return Mailbox(ticket.address, _author(post))


def _fields(issue: Issue, post: Post) -> list[Field]:
    """The header of a post in a digest: who answers it answers its ticket."""
    ticket, queue = issue.tickets[post.ticket_id], issue.queue
    here = Mailbox(ticket_address(queue, ticket.id), f"{queue.tag} ticket {ticket.id}")
    return [
        verbatim("Date", format_datetime(post.date or post.received)),
        mailboxes("From", [_from(post, here)]),
        mailboxes("To", [here]),
        mailboxes("Reply-To", [here]),
        text("Subject", f"{'Re: ' if post.n > 1 else ''}[{queue.tag} #{ticket.id}] {ticket.mail_title}"),
        tokens("Message-ID", [post.message_id]),
    ]


def _words(post: Post) -> str:
    words = redacted(post.text if post.n == 1 else post.new_text)
    return (
        words
        if len(words) <= _MOST_OF_ONE
        else f"{words[:_MOST_OF_ONE]}\n[... cut here, kept with the ticket]"
    )


def _mime(issue: Issue, shown: Sequence[Post], head: str) -> Entity:
    messages = []
    for post in shown:
        entity = text_part(_words(post))
        messages.append(write_header([*_fields(issue, post), *entity.fields]) + b"\r\n" + entity.body)
    return digest_of(head, messages)


def _plain(issue: Issue, shown: Sequence[Post], head: str) -> Entity:
    """RFC 1153: a preamble, 70 dashes, the messages between 30 dashes each, and an end that says so."""
    pieces = [head.rstrip(), "\n" + "-" * 70 + "\n"]
    for post in shown:
        header = write_header(_fields(issue, post)).decode("ascii").replace("\r\n", "\n")
        pieces += [header, _words(post).strip("\n"), "\n" + "-" * 30 + "\n"]
    end = f"End of {issue.subject}"
    return text_part("\n".join([*pieces, end, "*" * len(end)]) + "\n")
