"""What a mail's addresses prove and ask: reply tokens, verbs, the unsubscribe address, guests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from mailgate import deliveries
from mailgate.addresses import Role, Target, Verb
from mailgate.message import Disposition, Mailbox
from mailgate.reading import Reading
from mailgate.thread import Writer
from mailgate.tokens import Keys
from mailgate.verdict import Verdict
from tracker import nosy, tickets
from tracker.events import Actor
from tracker.model import Address, BadValue, Person, Status, Ticket, TicketId
from tracker.people import normalise_address
from tracker.storage import queues
from tracker.storage import tickets as store
from tracker.unit_of_work import UnitOfWork

# Addresses that no person reads; they are not made guests.
_NOBODY: Final = re.compile(
    r"(?:no-?reply|do-?not-?reply|mailer-daemon|postmaster|bounces?|notifications?|root|daemon"
    r"|.*-(?:request|owner|bounces|subscribe|unsubscribe|admin)|owner-.*|.*\+.*)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody in the Cc of a member's mail."""

    address: Address
    name: str


def proven_tickets(connection: Connection, reading: Reading, keys: Keys) -> tuple[TicketId, ...]:
    """Tickets that a valid token in an address names: those of the envelope first, then To and Cc."""
    proven: dict[TicketId, None] = {}
    for target in (*reading.targets, *reading.mentioned):
        if target.ticket_id is not None and target.token and _holder(connection, reading, target, keys):
            proven[target.ticket_id] = None
    return tuple(proven)


def _holder(connection: Connection, reading: Reading, target: Target, keys: Keys) -> Address | None:
    """Whose token it is: the sender's own, or that of somebody who showed it to him."""
    if target.ticket_id is None or not target.token:
        return None
    if reading.sender is not None and keys.is_reply(target.token, target.ticket_id, reading.sender):
        return reading.sender
    for address in deliveries.told_addresses(connection, target.ticket_id):
        if keys.is_reply(target.token, target.ticket_id, address):
            return address
    return None


def unsubscribe(uow: UnitOfWork, reading: Reading, keys: Keys) -> Verdict:
    """Take off the list whom the token names, or without one the sender, if nothing speaks against it."""
    target = reading.targets_of(Role.UNSUBSCRIBE)[0]
    disposition = Disposition.COMMAND.value
    if target.queue is None:
        return Verdict(disposition, "names no list", held=True)
    for subscriber in queues.subscribers(uow.connection, target.queue.id):
        address = subscriber.person.address
        if _may_unsubscribe(reading, target, address, keys):
            queues.unsubscribe(uow.connection, target.queue.id, subscriber.person.id)
            return Verdict(disposition, "unsubscribed", notes=(f"{address} left {target.queue.address}",))
    return Verdict(disposition, "unsubscribe", notes=("nobody to take off the list",))


def _may_unsubscribe(reading: Reading, target: Target, address: Address, keys: Keys) -> bool:
    if target.token is not None and target.queue is not None:
        return keys.is_unsubscribe(target.token, target.queue.id, address)
    return reading.sender == address and Writer(None, reading.mail.trust).trusted


def is_command_only(reading: Reading) -> bool:
    """A mail to a verb's address without a word in it: no post."""
    return bool(verbs(reading)) and not reading.message.new_text.strip() and not reading.message.attachments


def verbs(reading: Reading) -> tuple[Target, ...]:
    """The recipients of the envelope that ask something of a ticket; Cc repeats are not asked again."""
    return tuple(target for target in reading.targets if target.verb is not None)


def carry_out(
    uow: UnitOfWork, reading: Reading, writer: Writer, ticket_id: TicketId, author: Person
) -> tuple[str, ...]:
    """Do what the verbs in the addresses ask of this ticket; what was not done comes back, and why."""
    notes: list[str] = []
    for target in verbs(reading):
        ticket = store.resolve(uow.connection, [ticket_id])[ticket_id]
        notes.append(_carry_out_one(uow, target, _Asker(author, writer, ticket)))
    return tuple(note for note in notes if note)


@dataclass(frozen=True, slots=True)
class _Asker:
    """Who asks what of which ticket."""

    person: Person
    writer: Writer
    ticket: Ticket

    @property
    def may_change(self) -> bool:
        """Status and claim: requester, owner, staff, and members who take part (product.md, rights)."""
        at_home = self.writer.staff or nosy.is_requester_or_owner(self.ticket, self.person.id)
        return self.writer.trusted and (at_home or self.person.member)


def _carry_out_one(uow: UnitOfWork, target: Target, asker: _Asker) -> str:
    actor = Actor(asker.person.id, "mail")
    own: dict[Verb, Callable[..., bool]] = {Verb.UNFOLLOW: nosy.leave, Verb.MUTE: nosy.mute}
    if target.verb in own:
        own[target.verb](uow, asker.ticket.id, asker.person, actor)
        return ""
    if target.verb is Verb.FOLLOW:
        nosy.join(uow, asker.ticket.id, asker.person, "followed", actor)
        return ""
    if target.verb is Verb.SHOW:
        return "show is not answered yet"
    if not asker.may_change:
        return f"{asker.person.address} may not {target.verb} ticket {asker.ticket.id}"
    _change(uow, target, asker, actor)
    return ""


def _change(uow: UnitOfWork, target: Target, asker: _Asker, actor: Actor) -> None:
    match target.verb:
        case Verb.DONE:
            tickets.set_status(uow, asker.ticket, Status.RESOLVED, actor)
        case Verb.REOPEN:
            tickets.set_status(uow, asker.ticket, Status.OPEN, actor)
        case Verb.CLAIM:
            tickets.set_owner(uow, asker.ticket, asker.person, actor)
        case _:
            pass


def guests(reading: Reading) -> tuple[Guest, ...]:
    """The people in Cc that a member may bring along: no machines, no lists, none of ours."""
    copied = set(reading.copied_to)
    return tuple(guest for guest in _people(reading.message.cc) if guest.address in copied)


def _people(boxes: Iterable[Mailbox]) -> Iterable[Guest]:
    for box in boxes:
        try:
            address = normalise_address(box.address)
        except BadValue:
            continue
        if not _NOBODY.fullmatch(address.rpartition("@")[0]):
            yield Guest(address, box.name)
