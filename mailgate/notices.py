"""Mail that we write ourselves: an answer to a command, a digest, a word to the owner."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from sqlalchemy import Connection

from mailgate import deliveries
from mailgate.compose import Composer, copy_proof
from mailgate.deliveries import Outgoing
from mailgate.headers import Field, is_address, mailboxes, text, tokens, verbatim, write_header
from mailgate.message import Mailbox
from mailgate.mimeout import text_part
from tracker.model import Address, EventId, PostId, Queue, Ticket
from tracker.nosy import Face, Role, Told

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail of our own to one address.

    `key` is what makes it this mail and no other: made again after a crash it has the same Message-ID.
    `about`: the ticket in whose thread it stands; its subject is then the ticket's. `answers`: the Message-ID
    it answers; it is then an automatic reply (RFC 3834 5). `event_id`: what caused it, if anything.
    `post_id`: the post up to which it tells a ticket.
    `reason`: why they get it, kept with the delivery.
    """

    key: str
    queue: Queue
    to: Address
    subject: str
    body: str
    reason: str
    role: Role = Role.OPERATOR
    about: Ticket | None = None
    answers: str | None = None
    event_id: EventId | None = None
    extra: tuple[Field, ...] = ()
    post_id: PostId | None = None


def send(connection: Connection, composer: Composer, notice: Notice, now: datetime) -> None:
    """Have a notice delivered: in the transaction of what it tells of.

    An address beyond ASCII (RFC 6531) cannot be written to: who has such a one hears nothing.
    """
    if not is_address(notice.to):
        log.info("notice=%s to=%a not sent: no address that we can write to", notice.key, notice.to)
        return
    face = Face.NOTICE if notice.about is None else Face.TICKET
    told = Told(notice.to, None, face, notice.reason, notice.role)
    deliveries.add(connection, compose_notice(composer, notice, now), [told], now)


def compose_notice(composer: Composer, notice: Notice, now: datetime) -> Outgoing:
    """The mail, whole but for what is personal."""
    queue, ticket = notice.queue, notice.about
    message_id = f"<{notice.key}@{queue.domain}>"
    entity = text_part(notice.body)
    fields = [
        mailboxes("From", [Mailbox(queue.address, f"{queue.tag} support")]),
        *_thread_fields(composer, notice),
        verbatim("Date", format_datetime(now)),
        tokens("Message-ID", [message_id]),
        *(() if ticket is None else composer.list_fields(ticket, queue)),
        text("Auto-Submitted", "auto-generated" if notice.answers is None else "auto-replied"),
        text("X-Mailgate-Reason", notice.reason),
        copy_proof(composer.keys, message_id),
        *notice.extra,
    ]
    return Outgoing(
        event_id=notice.event_id,
        ticket_id=None if ticket is None else ticket.id,
        post_id=notice.post_id,
        queue_id=queue.id,
        face=Face.NOTICE if ticket is None else Face.TICKET,
        message_id=message_id,
        head=write_header([*fields, *entity.fields]),
        body=entity.body,
    )


def _thread_fields(composer: Composer, notice: Notice) -> list[Field]:
    if notice.about is not None:
        earlier = () if notice.answers is None else (notice.answers,)
        return composer.thread_fields(notice.about, notice.queue, earlier, reply=True)
    fields = [
        mailboxes("To", [Mailbox(notice.to, "")]),
        text("Subject", notice.subject),
        text("X-Auto-Response-Suppress", "All"),
    ]
    if notice.answers is not None:
        fields += [tokens("In-Reply-To", [notice.answers]), tokens("References", [notice.answers])]
    return fields
