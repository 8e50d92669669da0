"""Tickets as JSON lines or as mbox."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, select

from mailgate.app import App
from mailgate.redaction import redacted, redacted_bytes
from tracker.events import JournalRow
from tracker.model import NosyState, PersonId, Ticket, TicketId
from tracker.storage import aliases, journal, people, posts, queues
from tracker.storage import tables as t
from tracker.storage import tickets as store
from tracker.storage.posts import Post
from tracker.tickets import must_exist

_FROM_LINE: Final = re.compile(rb"^(>*From )", re.MULTILINE)


def export(app: App, number: int | None, *, mbox: bool) -> Iterator[bytes]:
    """The tickets, or one, piece by piece: a line of JSON each, or a mail of an mbox each."""
    for ticket_id in app.read(lambda connection: _numbers(connection, number)):
        yield from app.read(partial(_mbox_of if mbox else _json_of, ticket_id=ticket_id))


def _mbox_of(connection: Connection, ticket_id: TicketId) -> list[bytes]:
    return [_mbox_entry(connection, post) for post in posts.of_ticket(connection, ticket_id)]


def _json_of(connection: Connection, ticket_id: TicketId) -> list[bytes]:
    return [json.dumps(ticket_json(connection, ticket_id), ensure_ascii=False).encode() + b"\n"]


def _numbers(connection: Connection, number: int | None) -> list[TicketId]:
    if number is not None:
        wanted = TicketId(number)
        return [must_exist(store.resolve(connection, (wanted,)).get(wanted), number).id]
    query = select(t.ticket.c.id).where(t.ticket.c.merged_into.is_(None)).order_by(t.ticket.c.id)
    return [TicketId(row.id) for row in connection.execute(query)]


def ticket_json(connection: Connection, ticket_id: TicketId) -> dict[str, Any]:
    """A ticket with all that hangs on it, as `export` and `ticket show --json` print it."""
    ticket = store.by_ids(connection, (ticket_id,))[ticket_id]
    queue = next(q for q in queues.everyone(connection) if q.id == ticket.queue_id)
    opening = posts.opening_of(connection, ticket_id)
    history = [_event_json(connection, row) for row in journal.history(connection, ticket_id)]
    return {
        "ticket": ticket.id,
        "title": ticket.title,
        "status": ticket.status.value,
        "priority": ticket.priority.value,
        "queue": queue.local_part,
        "topic": ticket.topic or None,
        "tags": list(store.tags_of(connection, ticket_id)),
        "requester": _address(connection, ticket.requester_id),
        "opener": None if opening is None else _address(connection, opening.author_id),
        "owner": _address(connection, ticket.owner_id),
        "centers": [center.name for center in store.centers_of(connection, (ticket_id,))],
        "nosy": _nosy(connection, ticket),
        "private": ticket.private,
        "links": [{"kind": kind.value, "ticket": n} for kind, n in store.links_of(connection, ticket_id)],
        "aliases": _aliases(connection, ticket_id),
        "posts": [_post_json(connection, post) for post in posts.of_ticket(connection, ticket_id)],
        "history": history,
    }


def _nosy(connection: Connection, ticket: Ticket) -> list[str]:
    members = store.memberships(connection, (ticket.id,))
    return sorted(member.person.address for member in members if member.state is NosyState.JOINED)


def _aliases(connection: Connection, ticket_id: TicketId) -> list[TicketId | str]:
    """The numbers that mean it since a merge, and what it, or one of those, was called elsewhere."""
    merged = store.aliases_of(connection, ticket_id)
    return [*merged, *aliases.of_tickets(connection, (ticket_id, *merged))]


def _address(connection: Connection, person_id: PersonId | None) -> str | None:
    if person_id is None:
        return None
    return people.by_ids(connection, frozenset({person_id}))[person_id].address


def _post_json(connection: Connection, post: Post) -> dict[str, Any]:
    return {
        "n": post.n,
        "message_id": post.message_id,
        "author": post.author_address,
        "author_name": post.author_name,
        "date": None if post.date is None else iso(post.date),
        "received": iso(post.received),
        "subject": redacted(post.subject),
        "text": redacted(post.text),
        "new_text": redacted(post.new_text),
        "trust": post.trust.value,
        "disposition": post.disposition,
        "attachments": [
            {"name": file.name, "type": file.type, "size": file.size, "sha256": file.sha256}
            for file in posts.attachments_of(connection, post.id)
        ],
    }


def _event_json(connection: Connection, row: JournalRow) -> dict[str, Any]:
    event = row.event
    actor = _address(connection, event.actor.person_id)
    return {
        "event": row.id,
        "kind": event.kind.value,
        "at": iso(event.at),
        "actor": actor,
        "cause": event.actor.cause,
        "before": event.before,
        "after": event.after,
        "part_of": event.part_of,
        "undoes": event.undoes,
    }


def iso(at: datetime) -> str:
    """ISO 8601 in UTC."""
    return at.isoformat().replace("+00:00", "Z")


def _mbox_entry(connection: Connection, post: Post) -> bytes:
    """One mail of an mbox, mboxrd quoting, LF line ends."""
    raw = redacted_bytes(posts.get_blob(connection, post.raw_sha256).replace(b"\r\n", b"\n"))
    at = post.received.strftime("%a %b %d %H:%M:%S %Y")
    head = f"From {post.author_address or 'MAILER-DAEMON'} {at}\n".encode("utf-8", "replace")
    return head + _FROM_LINE.sub(rb">\1", raw) + (b"" if raw.endswith(b"\n") else b"\n") + b"\n"
