"""Mail from machines: it is kept with the ticket it speaks of, and changes, opens and tells nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from mailgate import addressed, bouncing, complaints, deliveries
from mailgate.addresses import Role
from mailgate.bouncing import Limits
from mailgate.exchange.hearing import Heard
from mailgate.message import Disposition
from mailgate.posting import new_post
from mailgate.reading import Reading
from mailgate.threads import identity
from mailgate.threads.match import OUT_OF_SIGHT, Evidence, Question, Writer
from mailgate.tokens import Keys
from mailgate.verdict import Verdict
from tracker import tickets
from tracker.commands import AddPost
from tracker.model import Address, PostId, Ticket, TicketId
from tracker.storage import keys as key_store
from tracker.storage import people
from tracker.storage import tickets as store
from tracker.storage.keys import KnownKey
from tracker.unit_of_work import UnitOfWork

_MOST_REPORTED: Final = 5


@dataclass(frozen=True, slots=True)
class Proofs:
    """What tells a bounce of ours from any other, and what it counts."""

    keys: Keys
    bounces: Limits


def attach(
    uow: UnitOfWork, reading: Reading, known: tuple[KnownKey, ...], heard: Heard | None, proofs: Proofs
) -> tuple[Verdict, PostId | None]:
    """Put a bounce, an automatic answer or the like to the ticket that its token or ids name, if any."""
    disposition = reading.classified.disposition.value
    keys = proofs.keys
    bounced = _note_bounces(uow, reading, keys, proofs.bounces)
    if (twin := identity.stored_under(known, reading.identity.key)) is not None:
        return Verdict(Disposition.DUPLICATE.value, "the same mail came before", twin.ticket_id), None
    numbers, evidence = _named(uow.connection, reading, known, keys, bounced)
    if not numbers and heard is not None and heard.ticket_id is not None:
        numbers, evidence = (heard.ticket_id,), Evidence.ADDRESS.value
    ticket = next(iter(store.resolve(uow.connection, numbers[:1]).values()), None)
    if ticket is None:
        return Verdict(disposition, reading.classified.reason, why="names no ticket of ours"), None
    if ticket.private and evidence in (Evidence.REFERENCE.value, Evidence.ADDRESS.value):
        # An id may be known to strangers; a token or root id was in a copy of ours.
        return Verdict(disposition, OUT_OF_SIGHT, held=True, why=OUT_OF_SIGHT), None
    why = f"{reading.classified.reason}; kept with ticket {ticket.id}, nobody is told"
    verdict = Verdict(disposition, reading.classified.reason, ticket.id, evidence=evidence, why=why)
    return verdict, _add(uow, reading, known, ticket)


def _note_bounces(uow: UnitOfWork, reading: Reading, keys: Keys, bounces: Limits) -> tuple[TicketId, ...]:
    """The tickets of deliveries that are spoken of, known by the MAC in our reverse-path alone.

    A delivery is written down as bounced when a bounce came to its address, and not only of a delay; its
    address gets its points once. A complaint about it takes its reader off what it was about.
    """
    bounced = _has_bounced(reading)
    numbers: list[TicketId] = []
    for target in (*reading.targets_of(Role.BOUNCES), *reading.reported):
        if target.number is None or not target.token or not keys.is_bounce(target.token, target.number):
            continue
        sent = deliveries.find(uow.connection, target.number)
        if sent is None:
            continue
        if bounced and target in reading.targets:
            report = _report(reading)
            if sent.state is not deliveries.State.BOUNCED:
                bouncing.count(uow.connection, sent.address, report, uow.now, bounces)
            deliveries.note_bounce(uow.connection, target.number, report)
        elif reading.classified.disposition is Disposition.FEEDBACK and target in reading.reported:
            complaints.heed(uow, sent)
        if sent.ticket_id is not None:
            numbers.append(sent.ticket_id)
    return tuple(numbers)


def _has_bounced(reading: Reading) -> bool:
    if reading.classified.disposition is not Disposition.BOUNCE:
        return False
    told = reading.message.bounces
    return not told or any(each.failed for each in told)


def _report(reading: Reading) -> str:
    """What is kept with a delivery that bounced."""
    told = [f"{each.action} {each.status}" for each in reading.message.bounces]
    return "; ".join(told[:_MOST_REPORTED]) or "bounced"


def _named(
    connection: Connection,
    reading: Reading,
    known: tuple[KnownKey, ...],
    keys: Keys,
    bounced: tuple[TicketId, ...],
) -> tuple[tuple[TicketId, ...], str]:
    """The tickets it names, by proof first, then by the ids of posts that it answers or returns."""
    proven = (*bounced, *addressed.proven_tickets(connection, reading, keys))
    if proven:
        return proven, Evidence.TOKEN.value
    if reading.rooted:
        return reading.rooted, Evidence.ROOT.value
    returned = reading.message.returned_message_id
    more = key_store.lookup(connection, [key_store.message_key(returned)]) if returned else ()
    return tuple(entry.ticket_id for entry in (*more, *known) if entry.stored), Evidence.REFERENCE.value


def _add(uow: UnitOfWork, reading: Reading, known: tuple[KnownKey, ...], ticket: Ticket) -> PostId:
    address = reading.sender or Address(f"mailer-daemon@{reading.queue.domain}")
    author = people.register(uow.connection, address, reading.message.sender.name, uow.now)
    writer = Writer(None, reading.mail.trust)
    question = Question(
        reading.message, reading.subject, reading.identity, reading.queue, writer, reading.time
    )
    post = new_post(reading, question, known, author.id)
    return tickets.add_post(uow, AddPost(ticket.id, post, automatic=True), author)
