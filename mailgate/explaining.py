"""One mail through the whole house from the command line: done for good, or done and taken back."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mailgate import deliveries, inbound
from mailgate.admission import accepted_reply
from mailgate.apart import read_message
from mailgate.app import App
from mailgate.envelope import Client, Envelope
from mailgate.errors import MailError, reply_to
from mailgate.gateway import Conditions
from mailgate.inbound import AlreadyDone, Entry, Mail
from mailgate.instance import sole_daemon
from mailgate.message import Forwarded, Mailbox, ParsedMessage
from mailgate.verdict import Verdict, verdict_from_json
from tracker.model import PostId, Trust
from tracker.storage import keys, posts, queues

_CLIENT = Client("", "localhost", "FILE", "-")


class _TakeBack(Exception):
    """Carries a result out of a transaction that is to be rolled back."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__()
        self.result = result


def envelope_for(app: App, raw: bytes, mail_from: str, recipients: tuple[str, ...]) -> Envelope:
    """The envelope of a mail from a file: by default its From, and the first list."""
    sender = mail_from or read_message(raw).header_from.address
    reverse_path = "" if sender == "<>" else sender
    return Envelope(_CLIENT, reverse_path, recipients or (app.queues()[0].address,))


def inject(app: App, file: str, envelope: Envelope, raw: bytes, trust: Trust) -> dict[str, Any]:
    """Accept and process a mail; what became of it, as `mailgate inject` prints it."""
    try:
        mail = app.accept_now(envelope, raw, trust)
    except MailError as error:
        return _result(file, None, Verdict("refused"), str(reply_to(error)), [])
    reading = app.read_mail(mail, app.queues())
    with suppress(AlreadyDone):
        app.write(lambda connection: app.gateway.receive(connection, reading, Conditions(app.clock())))
    while app.write(lambda connection: app.notifier.advance(connection, app.clock())):
        pass
    return app.read(lambda connection: _of_stored(connection, file, mail))


def _of_stored(connection: Connection, file: str, mail: Mail) -> dict[str, Any]:
    entry = inbound.find(connection, mail.uid)
    if entry is None or entry.verdict is None:
        return _result(file, mail.uid, Verdict("waiting"), str(accepted_reply(mail)), [])
    recipients = [] if entry.disposition == "duplicate" else _recipients(connection, entry.post_id)
    return _result(file, mail.uid, verdict_from_json(entry.verdict), str(accepted_reply(mail)), recipients)


def explain(app: App, file: str, envelope: Envelope, raw: bytes, trust: Trust) -> dict[str, Any]:
    """What `inject` would do, and how the mail was read; the database stays as it was."""
    try:
        mail = app.examine(envelope, raw, trust)
    except MailError as error:
        refused = _result(file, None, Verdict("refused"), str(reply_to(error)), [])
        return refused | {"trust": trust.value, "reading": reading_of(read_message(raw))}
    try:
        app.write(lambda connection: _try(app, connection, file, mail))
    except _TakeBack as done:
        return done.result
    raise AssertionError("a trial always takes back what it did")


def _try(app: App, connection: Connection, file: str, mail: Mail) -> None:
    """Everything in one transaction, which the exception rolls back."""
    while app.notifier.advance(connection, app.clock()):
        pass
    inbound_id = inbound.accept(connection, mail, mail.received_at)
    known = inbound.get(connection, inbound_id)
    if known is None:
        raise AssertionError("a row just written is there")
    reading = app.read_mail(known, queues.everyone(connection))
    verdict = app.gateway.receive(connection, reading, Conditions(app.clock()))
    app.notifier.advance(connection, app.clock())
    entry = inbound.find(connection, mail.uid)
    post_id = entry.post_id if entry is not None and verdict.disposition != "duplicate" else None
    result = _result(file, None, verdict, str(accepted_reply(mail)), _recipients(connection, post_id))
    shown = {"title": reading.title, **trust_of(mail), "reading": reading_of(reading.message)}
    raise _TakeBack(result | _reasons(verdict) | shown)


def _reasons(verdict: Verdict) -> dict[str, Any]:
    """What the decisions rest on."""
    return {
        "why": verdict.why,
        "reason": verdict.reason,
        "trace": list(verdict.trace),
        "notes": list(verdict.notes),
        "signs": [{"evidence": e, "says": says, "outcome": outcome} for e, says, outcome in verdict.signs],
    }


def explain_stored(app: App, message_id: str) -> list[dict[str, Any]]:
    """What became of every mail that came under `message_id`."""
    wrapped = message_id if message_id.startswith("<") else f"<{message_id}>"
    key = keys.message_key(wrapped)
    return app.read(lambda c: [_stored(app, c, entry) for entry in inbound.by_message_key(c, key)])


def explain_accepted(app: App, uid: str) -> list[dict[str, Any]]:
    """What became of the mail that was accepted as `uid`; it may wait, be held or parked."""

    def read(connection: Connection) -> list[dict[str, Any]]:
        entry = inbound.find(connection, uid)
        return [] if entry is None else [_stored(app, connection, entry)]

    return app.read(read)


def _stored(app: App, connection: Connection, entry: Entry) -> dict[str, Any]:
    verdict = verdict_from_json(entry.verdict) if entry.verdict else Verdict(entry.state.value)
    duplicate = verdict.disposition == "duplicate"
    recipients = [] if duplicate else _recipients(connection, entry.post_id)
    mail = inbound.get(connection, entry.id)
    if mail is None:
        raise AssertionError("a row just read is there")
    message = app.read_mail(mail, queues.everyone(connection)).message
    post = None if entry.post_id is None else posts.by_ids(connection, (entry.post_id,))[entry.post_id]
    result = _result("", entry.uid, verdict, f"250 2.6.0 {entry.uid} accepted", recipients)
    return (
        result
        | _reasons(verdict)
        | {
            "received": _time(entry.received_at),
            "stands_in": None if post is None else post.ticket_id,
            "n": None if post is None else post.n,
            **trust_of(mail),
            "reading": reading_of(message),
        }
    )


def trust_of(mail: Mail) -> dict[str, Any]:
    """What speaks for the author of a mail, and what that rests on; nothing where nobody looked."""
    found = mail.authentication
    return {
        "trust": mail.trust.value,
        "authentication": None if found is None else json.loads(found.to_json()),
    }


def _recipients(connection: Connection, post_id: PostId | None) -> list[dict[str, str]]:
    if post_id is None:
        return []
    found = deliveries.of_post(connection, post_id)
    return [{"address": e.address, "copy": e.face.value, "reason": e.reason} for e in found]


def _result(
    file: str, uid: str | None, verdict: Verdict, reply: str, recipients: list[dict[str, str]]
) -> dict[str, Any]:
    return {
        "file": file,
        "inbound": uid,
        "disposition": verdict.disposition,
        "ticket": verdict.ticket,
        "created": verdict.created,
        "evidence": verdict.evidence,
        "rule": verdict.rule,
        "centers": list(verdict.centers),
        "cc": list(verdict.cc),
        "fallback": verdict.fallback,
        "tags": list(verdict.tags),
        "held": verdict.held,
        "reply": reply,
        "recipients": recipients,
    }


def reading_of(message: ParsedMessage) -> dict[str, Any]:
    """How a mail was read, as JSON shows it."""
    return {
        "message_id": message.message_id,
        "subject": message.subject,
        "from": _box(message.sender),
        "sender_repaired": message.sender_repaired,
        "to": [_box(box) for box in message.to],
        "cc": [_box(box) for box in message.cc],
        "date": None if message.date is None else _time(message.date),
        "references": list(dict.fromkeys((*message.references, *message.in_reply_to))),
        "text": message.text,
        "new_text": message.new_text,
        "quoted_text": message.quoted_text,
        "signature": message.signature,
        "html": message.html,
        "attachments": [
            {
                "name": a.name,
                "type": a.type,
                "size": a.size,
                "sha256": a.sha256,
                "inline": a.inline,
                "content_id": a.content_id,
            }
            for a in message.attachments
        ],
        "forwarded": _forwarded(message.forwarded),
        "signed": message.signed,
        "encrypted": message.encrypted,
        "bounces": [
            {"address": b.address, "status": b.status, "action": b.action, "message_id": b.message_id}
            for b in message.bounces
        ],
        "defects": list(message.defects),
    }


def _forwarded(one: Forwarded | None) -> dict[str, str | None] | None:
    if one is None:
        return None
    sender = one.sender
    return {
        "from": sender.address,
        "subject": one.subject,
        "name": sender.name,
        "date": one.date,
        "message_id": one.message_id,
    }


def _box(box: Mailbox) -> dict[str, str]:
    return {"address": box.address, "name": box.name}


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def deliver_unless_daemon(app: App) -> None:
    """Send what is due now, unless a daemon is there to do it."""
    with sole_daemon(app.instance.home) as alone:
        if not alone:
            return
        deliverer = app.deliverer()
        try:
            while deliverer.run_once(app.write_at_once):
                pass
        finally:
            deliverer.close()
