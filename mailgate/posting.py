"""From what was read and decided to what the tracker is asked to store."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

from mailgate.message import Attachment
from mailgate.reading import Reading
from mailgate.threads.identity import stored_under
from mailgate.threads.match import Question
from mailgate.threads.thread import unresolved
from routing.actions import read_remind
from routing.decide import Decision
from tracker.commands import Brakes, ChosenCenter, Contact, NewAttachment, NewPost, Remind, Route
from tracker.model import Address, PersonId, Priority, TicketId
from tracker.people import read_address
from tracker.storage.keys import KnownKey

UNREADABLE_TEXT: Final = "(This mail could not be read. It is attached as it came.)"
RAW_NAME: Final = "original.eml"
RAW_TYPE: Final = "message/rfc822"


def new_post(
    reading: Reading, question: Question, known: tuple[KnownKey, ...], author_id: PersonId
) -> NewPost:
    """The post that a mail makes."""
    message, mail = reading.message, reading.mail
    readable = message.readable
    return NewPost(
        author_id=author_id,
        author_address=Address(message.sender.address),
        author_name=message.sender.name,
        message_id=question.identity.message_id,
        original_message_id=question.identity.original,
        own_key=question.identity.key,
        parent_key=question.parent_key or reading.passed_on,
        named_keys=(*unresolved(question, known), *_passed_on(reading, known)),
        thread_key=question.thread_key,
        subject=message.subject,
        base=reading.subject.base,
        is_reply=reading.subject.is_reply,
        date=message.date,
        received=mail.received_at,
        time=reading.time,
        text=message.text if readable else UNREADABLE_TEXT,
        new_text=message.new_text if readable else UNREADABLE_TEXT,
        trust=reading.trust,
        disposition=reading.classified.disposition.value,
        raw_sha256=hashlib.sha256(mail.raw).hexdigest(),
        copied_to=reading.copied_to,
        munge=reading.munge,
        on_list=reading.on_list,
        attachments=_attachments(message.attachments if readable else (_whole_mail(mail.raw),)),
    )


def _passed_on(reading: Reading, known: tuple[KnownKey, ...]) -> tuple[str, ...]:
    """A message that it forwards and nobody has seen: who answers that one answers this post."""
    key = reading.passed_on
    new = key is not None and key not in reading.named and stored_under(known, key) is None
    return (key,) if key is not None and new and key != reading.identity.key else ()


def _attachments(files: tuple[Attachment, ...]) -> tuple[NewAttachment, ...]:
    return tuple(NewAttachment(file.name, file.type, file.size, file.sha256) for file in files)


def _whole_mail(raw: bytes) -> Attachment:
    return Attachment(RAW_NAME, RAW_TYPE, len(raw), hashlib.sha256(raw).hexdigest())


def route_of(ticket_id: TicketId, decision: Decision, revision: int, brakes: Brakes, *, fresh: bool) -> Route:
    """What the rules of `revision` give to a ticket, `fresh` when it was opened just now."""
    return Route(
        fresh=fresh,
        ticket_id=ticket_id,
        cause=f"rules rev {revision}" + (f" ({decision.rules[0]})" if decision.rules else ""),
        centers=tuple(ChosenCenter(name, decision.reason_for(name).why) for name in decision.centers),
        contacts=_contacts(decision),
        tags=decision.tags,
        priority=None if decision.priority is None else Priority(decision.priority),
        notes=decision.notes,
        brakes=brakes,
        reminders=tuple(_remind(argument) for argument in decision.reminders),
    )


def _remind(argument: str) -> Remind:
    hours, steps = read_remind(argument)
    return Remind(timedelta(hours=hours), steps)


def _contacts(decision: Decision) -> tuple[Contact, ...]:
    read = ((read_address(text), decision.reason_for(text).why) for text in decision.cc)
    return tuple(Contact(address, why) for address, why in read if address is not None)
