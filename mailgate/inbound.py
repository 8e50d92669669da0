"""The durable spool: what was answered 250 and what became of it (table `inbound`)."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

from sqlalchemy import Connection, Row, bindparam, func, insert, not_, select, update

from mailgate.auth.authentication import Authentication, from_json
from mailgate.envelope import Client, Envelope
from mailgate.tables import inbound
from tracker.model import Address, PostId, TicketId, Trust
from tracker.storage import posts

InboundId = NewType("InboundId", int)


class State(StrEnum):
    """Where a mail stands."""

    WAITING = "waiting"
    DONE = "done"
    HELD = "held"
    PARKED = "parked"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as accepted; `raw` begins with the fields that we added.

    `authentication` is what was found to speak for its author, None where nobody looked. `released`: a
    moderator let it in.
    """

    id: InboundId
    uid: str
    envelope: Envelope
    raw: bytes
    received_at: datetime
    trust: Trust
    attempts: int = 0
    authentication: Authentication | None = None
    released: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the spool as an operator sees it."""

    id: InboundId
    uid: str
    state: State
    received_at: datetime
    due_at: datetime
    attempts: int
    reverse_path: str
    recipients: tuple[str, ...]
    size: int
    raw_sha256: str
    disposition: str | None
    ticket_id: TicketId | None
    post_id: PostId | None
    verdict: str | None
    error: str | None
    author: Address | None = None
    decided_by: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mail; `verdict` is JSON for `explain`, `revision` is of the rules that decided.

    `author` is its From.
    """

    state: State
    disposition: str
    ticket_id: TicketId | None
    post_id: PostId | None
    message_key: str | None
    verdict: str
    revision: int | None = None
    author: Address | None = None


class AlreadyDone(Exception):
    """Somebody else has dealt with this mail: nothing of ours may be written."""


_INSERT = insert(inbound).returning(inbound.c.id)
_IS_DUE = (inbound.c.state == State.WAITING.value) & (inbound.c.due_at <= bindparam("now"))
_IS_QUICK = (inbound.c.size <= bindparam("small")) & (inbound.c.attempts == 0)
_DUE = {
    quick: select(inbound)
    .where(_IS_DUE, _IS_QUICK if quick else not_(_IS_QUICK))
    .order_by(inbound.c.due_at, inbound.c.id)
    .limit(bindparam("limit"))
    for quick in (True, False)
}
_FINISH = (
    update(inbound)
    .where(inbound.c.id == bindparam("row"), inbound.c.state == State.WAITING.value)
    .values(
        state=bindparam("new_state"),
        disposition=bindparam("new_disposition"),
        ticket_id=bindparam("new_ticket"),
        post_id=bindparam("new_post"),
        message_key=bindparam("new_key"),
        verdict=bindparam("new_verdict"),
        revision=bindparam("new_revision"),
        author=bindparam("new_author"),
        error=None,
    )
)


def new_uid() -> str:
    """A short random id: twelve characters that can be read out over a phone."""
    return base64.b32encode(secrets.token_bytes(8)).decode("ascii").lower()[:12]


def accept(connection: Connection, mail: Mail, due_at: datetime) -> InboundId:
    """Make `mail` durable (its id is ignored); nobody else works on it before `due_at`."""
    digest = posts.put_blob(connection, mail.raw)
    client = mail.envelope.client
    values = {
        "uid": mail.uid,
        "state": State.WAITING.value,
        "due_at": due_at,
        "received_at": mail.received_at,
        "client_address": client.address,
        "helo": client.helo,
        "protocol": client.protocol,
        "session": client.session,
        "via": client.via,
        "reverse_path": mail.envelope.reverse_path,
        "recipients": json.dumps(mail.envelope.recipients),
        "raw_sha256": digest,
        "size": len(mail.raw),
        "trust": mail.trust.value,
        "authentication": None if mail.authentication is None else mail.authentication.to_json(),
    }
    return InboundId(connection.execute(_INSERT, values).scalar_one())


def due(connection: Connection, now: datetime, limit: int, small: int, *, quick: bool) -> tuple[Mail, ...]:
    """Mails that wait for work, in order of arrival.

    The `quick` ones have at most `small` bytes and made no trouble so far.
    """
    rows = connection.execute(_DUE[quick], {"now": now, "limit": limit, "small": small}).all()
    return tuple(_mail(connection, row) for row in rows)


def get(connection: Connection, inbound_id: InboundId) -> Mail | None:
    """A mail of the spool, whatever its state."""
    row = connection.execute(select(inbound).where(inbound.c.id == inbound_id)).first()
    return None if row is None else _mail(connection, row)


def _mail(connection: Connection, row: Row[Any]) -> Mail:
    client = Client(row.client_address, row.helo, row.protocol, row.session, row.via)
    envelope = Envelope(client, row.reverse_path, tuple(json.loads(row.recipients)))
    raw = posts.get_blob(connection, row.raw_sha256)
    found = None if row.authentication is None else from_json(row.authentication)
    return Mail(
        id=InboundId(row.id),
        uid=row.uid,
        envelope=envelope,
        raw=raw,
        received_at=row.received_at,
        trust=Trust(row.trust),
        attempts=row.attempts,
        authentication=found,
        released=row.decided_by is not None,
    )


def finish(connection: Connection, inbound_id: InboundId, outcome: Outcome) -> None:
    """Take a mail off the spool, in the transaction of what follows from it. Raises AlreadyDone."""
    values = {
        "row": inbound_id,
        "new_state": outcome.state.value,
        "new_disposition": outcome.disposition,
        "new_ticket": outcome.ticket_id,
        "new_post": outcome.post_id,
        "new_key": outcome.message_key,
        "new_verdict": outcome.verdict,
        "new_revision": outcome.revision,
        "new_author": outcome.author,
    }
    if connection.execute(_FINISH, values).rowcount != 1:
        raise AlreadyDone(inbound_id)


def postpone(connection: Connection, mail: Mail, error: str, until: datetime, *, park: bool) -> None:
    """Our own trouble with a mail: it is tried again at `until`, or parked."""
    state = State.PARKED if park else State.WAITING
    connection.execute(
        update(inbound)
        .where(inbound.c.id == mail.id, inbound.c.state == State.WAITING.value)
        .values(state=state.value, attempts=mail.attempts + 1, due_at=until, error=error)
    )


def requeue(connection: Connection, inbound_id: InboundId, now: datetime) -> bool:
    """Let a parked, held or waiting mail be worked on now; False when it is none of these."""
    again = (State.PARKED.value, State.HELD.value, State.WAITING.value)
    changed = connection.execute(
        update(inbound)
        .where(inbound.c.id == inbound_id, inbound.c.state.in_(again))
        .values(state=State.WAITING.value, due_at=now, attempts=0)
    )
    return changed.rowcount == 1


def release(connection: Connection, inbound_id: InboundId, by: str, now: datetime) -> bool:
    """Let a held mail in: it is worked on now, and no rule holds it again; False when it is not held."""
    changed = connection.execute(
        update(inbound)
        .where(inbound.c.id == inbound_id, inbound.c.state == State.HELD.value)
        .values(state=State.WAITING.value, due_at=now, attempts=0, decided_by=by)
    )
    return changed.rowcount == 1


def refuse(connection: Connection, inbound_id: InboundId, by: str) -> bool:
    """Keep a held mail out; its raw bytes stay for a while. False when it is not held."""
    changed = connection.execute(
        update(inbound)
        .where(inbound.c.id == inbound_id, inbound.c.state == State.HELD.value)
        .values(state=State.DROPPED.value, decided_by=by, error=f"rejected by {by}")
    )
    return changed.rowcount == 1


def held_by(connection: Connection, author: Address) -> tuple[Entry, ...]:
    """The held mails of an author, in order of arrival."""
    mine = (inbound.c.author == author) & (inbound.c.state == State.HELD.value)
    return tuple(
        _entry(row) for row in connection.execute(select(inbound).where(mine).order_by(inbound.c.id))
    )


def untold(connection: Connection, limit: int) -> tuple[Entry, ...]:
    """Held mails that no moderator was told of, in order of arrival."""
    waiting = (inbound.c.state == State.HELD.value) & inbound.c.told_at.is_(None)
    rows = connection.execute(select(inbound).where(waiting).order_by(inbound.c.id).limit(limit))
    return tuple(_entry(row) for row in rows)


def set_told(connection: Connection, ids: Iterable[InboundId], now: datetime) -> None:
    """Moderators were told of these."""
    connection.execute(update(inbound).where(inbound.c.id.in_(list(ids))).values(told_at=now))


def set_lesson(connection: Connection, inbound_id: InboundId, lesson: str | None) -> None:
    """What a filter is to learn of a mail, "spam" or "ham"; None once it has."""
    connection.execute(update(inbound).where(inbound.c.id == inbound_id).values(lesson=lesson))


def lessons(connection: Connection, limit: int) -> tuple[tuple[Mail, str], ...]:
    """Mails that a filter is to learn of, and what."""
    query = select(inbound).where(inbound.c.lesson.is_not(None)).order_by(inbound.c.id).limit(limit)
    return tuple((_mail(connection, row), row.lesson) for row in connection.execute(query).all())


def drop(connection: Connection, inbound_id: InboundId, why: str) -> bool:
    """Set a parked, held or waiting mail aside for good; its raw bytes stay."""
    open_states = (State.PARKED.value, State.HELD.value, State.WAITING.value)
    changed = connection.execute(
        update(inbound)
        .where(inbound.c.id == inbound_id, inbound.c.state.in_(open_states))
        .values(state=State.DROPPED.value, error=why)
    )
    return changed.rowcount == 1


def entries(connection: Connection, states: Iterable[State], limit: int = 1000) -> tuple[Entry, ...]:
    """Rows in those states, oldest first."""
    query = (
        select(inbound)
        .where(inbound.c.state.in_([state.value for state in states]))
        .order_by(inbound.c.id)
        .limit(limit)
    )
    return tuple(_entry(row) for row in connection.execute(query))


def find(connection: Connection, name: str) -> Entry | None:
    """The row of that uid, or of that number."""
    query = select(inbound).where(inbound.c.uid == name)
    row = connection.execute(query).first()
    if row is None and name.isascii() and name.isdigit() and len(name) < 19:
        row = connection.execute(select(inbound).where(inbound.c.id == int(name))).first()
    return None if row is None else _entry(row)


def by_message_key(connection: Connection, key: str) -> tuple[Entry, ...]:
    """Every mail that came under a Message-ID, oldest first."""
    query = select(inbound).where(inbound.c.message_key == key).order_by(inbound.c.id).limit(100)
    return tuple(_entry(row) for row in connection.execute(query))


def was_done(connection: Connection, mail: Mail, key: str) -> bool:
    """Whether another mail under that key was dealt with before."""
    same = (inbound.c.message_key == key) & (inbound.c.id != mail.id)
    query = select(inbound.c.id).where(same, inbound.c.state == State.DONE.value).limit(1)
    return connection.execute(query).first() is not None


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        id=InboundId(row.id),
        uid=row.uid,
        state=State(row.state),
        received_at=row.received_at,
        due_at=row.due_at,
        attempts=row.attempts,
        reverse_path=row.reverse_path,
        recipients=tuple(json.loads(row.recipients)),
        size=row.size,
        raw_sha256=row.raw_sha256,
        disposition=row.disposition,
        ticket_id=None if row.ticket_id is None else TicketId(row.ticket_id),
        post_id=None if row.post_id is None else PostId(row.post_id),
        verdict=row.verdict,
        error=row.error,
        author=None if row.author is None else Address(row.author),
        decided_by=row.decided_by,
    )


def is_held(connection: Connection, but: InboundId, key: str) -> bool:
    """Whether another mail under that Message-ID waits for a moderator."""
    query = select(inbound.c.id).where(
        inbound.c.message_key == key, inbound.c.state == State.HELD.value, inbound.c.id != but
    )
    return connection.execute(query.limit(1)).first() is not None


def counts(connection: Connection) -> dict[str, int]:
    """How many mails stand in each state."""
    query = select(inbound.c.state, func.count()).group_by(inbound.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}


def release_leases(connection: Connection, now: datetime) -> int:
    """Let all that waits be worked on now: whoever held it is gone. Gives how many mails wait."""
    waiting = inbound.c.state == State.WAITING.value
    return connection.execute(update(inbound).where(waiting).values(due_at=now)).rowcount


_POSTS = (inbound.c.disposition == "post") & inbound.c.state.in_([State.DONE.value, State.HELD.value])


def count_posts(connection: Connection, since: datetime) -> int:
    """How many posts came since a time, those that are held among them."""
    query = select(func.count()).select_from(inbound).where(_POSTS, inbound.c.received_at >= since)
    return connection.execute(query).scalar_one()


def posts_since(
    connection: Connection, since: datetime, after: InboundId, limit: int
) -> tuple[tuple[Mail, Entry], ...]:
    """The next posts behind row `after` that came since a time, oldest first."""
    query = (
        select(inbound)
        .where(_POSTS, inbound.c.received_at >= since, inbound.c.id > after)
        .order_by(inbound.c.id)
        .limit(limit)
    )
    return tuple((_mail(connection, row), _entry(row)) for row in connection.execute(query).all())


def by_raw(connection: Connection, raw_sha256: str) -> tuple[Mail, Entry] | None:
    """The first mail of those bytes."""
    query = select(inbound).where(inbound.c.raw_sha256 == raw_sha256).order_by(inbound.c.id).limit(1)
    row = connection.execute(query).first()
    return None if row is None else (_mail(connection, row), _entry(row))


def verdicts_since(connection: Connection, since: datetime) -> Iterator[tuple[datetime, str]]:
    """When mails came, and what was decided on each, since a time."""
    query = select(inbound.c.received_at, inbound.c.verdict).where(
        inbound.c.received_at >= since, inbound.c.verdict.is_not(None)
    )
    for row in connection.execute(query):
        yield row.received_at, row.verdict


def tickets_of_revisions(connection: Connection, revisions: Sequence[int]) -> tuple[TicketId, ...]:
    """The tickets of mails that those revisions of the rules decided on."""
    query = select(inbound.c.ticket_id).where(
        inbound.c.revision.in_(revisions), inbound.c.ticket_id.is_not(None)
    )
    return tuple(TicketId(row.ticket_id) for row in connection.execute(query.distinct()))
