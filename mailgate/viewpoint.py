"""A mail from the rules' point of view."""

from __future__ import annotations

from mailgate.addresses import Role
from mailgate.reading import Reading
from mailgate.threads.match import Writer
from routing.facts import AttachedFile, Facts, Kind, SenderClass, TicketFacts
from routing.grid import Grid


def facts_of(
    reading: Reading,
    writer: Writer,
    ticket: TicketFacts | None,
    grid: Grid | None = None,
    staff_of: tuple[str, ...] = (),
) -> Facts:
    """What rules may see of a mail that continues `ticket`, or opens one when that is None.

    `staff_of` are the centers whose staff its writer is.
    """
    message = reading.message
    new_text, quoted_text = _as_meant(reading)
    return Facts(
        sender=message.sender.address,
        sender_name=message.sender.name,
        sender_class=_class_of(writer),
        sender_centers=staff_of,
        recipients=_recipients(reading),
        queue=reading.queue.local_part,
        topic=next((target.topic for target in reading.targets_of(Role.TOPIC)), ""),
        subject=message.subject,
        new_text=new_text,
        quoted_text=quoted_text,
        signature=message.signature,
        headers=message.headers,
        attachments=tuple(AttachedFile(f.name, f.type, f.size) for f in message.attachments),
        kinds=_kinds(reading, ticket),
        ticket=ticket,
        received=reading.mail.received_at,
        grid=grid,
    )


def _as_meant(reading: Reading) -> tuple[str, str]:
    """The new and the quoted text: of a forward, what it passes on is what it says.

    "Original Message" stands above both, and only the subject tells which it is.
    """
    message = reading.message
    inside = message.forwarded
    if not reading.subject.is_forward or inside is None or inside.sender.address not in message.quoted_text:
        return message.new_text, message.quoted_text
    return f"{message.new_text}\n\n{message.quoted_text}", ""


def _class_of(writer: Writer) -> SenderClass:
    if writer.sender is None:
        return SenderClass.FIRST
    if writer.sender.staff:
        return SenderClass.STAFF
    return SenderClass.MEMBER if writer.sender.person.member else SenderClass.KNOWN


def _recipients(reading: Reading) -> tuple[str, ...]:
    boxes = (*reading.message.to, *reading.message.cc)
    return tuple(dict.fromkeys((*reading.mail.envelope.recipients, *(box.address for box in boxes))))


def _kinds(reading: Reading, ticket: TicketFacts | None) -> frozenset[Kind]:
    private = reading.opens_private if ticket is None else ticket.private or reading.wants_private
    signs = {
        Kind.NEW: ticket is None,
        Kind.REPLY: ticket is not None,
        Kind.FORWARD: reading.subject.is_forward,
        Kind.PRIVATE: private,
    }
    return frozenset(kind for kind, present in signs.items() if present)
