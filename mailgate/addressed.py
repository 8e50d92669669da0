"""What a mail's addresses prove and ask: reply tokens, verbs, the unsubscribe address, guests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from mailgate import deliveries, introductions
from mailgate.addresses import Role, Target, Verb, is_nobody, target_tickets
from mailgate.commandwords import Command, Word
from mailgate.message import Disposition, Mailbox
from mailgate.reading import Reading
from mailgate.saying import Said
from mailgate.threads.match import Question
from mailgate.tokens import Keys
from mailgate.verdict import Verdict
from tracker import nosy, rights, tickets
from tracker.events import Actor
from tracker.model import Address, BadValue, Person, Status, Ticket, TicketId, TrackerError
from tracker.people import normalise_address
from tracker.rights import Act, Ruling
from tracker.storage import contacts, people, posts, queues
from tracker.storage import tickets as store
from tracker.storage.people import Sender
from tracker.unit_of_work import UnitOfWork

# As much of a mail as holds its header, of any that a program writes.
_HEADER_BYTES: Final = 64 * 1024
_MOST_ADDRESSES: Final = 20
# What anybody may ask for themselves, and `show`, which reads only.
_AS_COMMANDS: Final = {
    Verb.DONE: (Word.STATUS, Status.RESOLVED.value),
    Verb.REOPEN: (Word.STATUS, Status.OPEN.value),
    Verb.CLAIM: (Word.CLAIM, ""),
}
_FOR_ONESELF: Final = frozenset({Verb.FOLLOW, Verb.UNFOLLOW, Verb.MUTE, Verb.SHOW})


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody in the Cc of a member's mail."""

    address: Address
    name: str


def proven_tickets(connection: Connection, reading: Reading, keys: Keys) -> tuple[TicketId, ...]:
    """Tickets that a valid token in an address names: those of the envelope first, then To and Cc."""
    proven: dict[TicketId, None] = {}
    with_token = [one for one in (*reading.targets, *reading.mentioned) if one.ticket_id and one.token]
    # Each costs as much as its ticket has recipients; nobody writes to more.
    for target in list(dict.fromkeys(with_token))[:_MOST_ADDRESSES]:
        if target.ticket_id is not None and _holder(connection, reading, target, keys):
            proven[target.ticket_id] = None
    return tuple(proven)


def own_tickets(reading: Reading, sender: Sender | None, keys: Keys) -> tuple[TicketId, ...]:
    """Tickets that a token of the sender's own names: it was in a copy for one of their addresses."""
    mine = {reading.sender, sender.person.address if sender is not None else None} - {None}
    return tuple(
        target.ticket_id
        for target in (*reading.targets, *reading.mentioned)
        if target.ticket_id is not None
        and target.token
        and any(keys.is_reply(target.token, target.ticket_id, one) for one in mine if one is not None)
    )


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
    """Take off the list whom the token names, or make that a contact or center is never written to again."""
    target = next(one for one in reading.targets_of(Role.UNSUBSCRIBE) if one.token is not None)
    disposition = Disposition.COMMAND.value
    if target.queue is None or target.token is None:
        return Verdict(disposition, "names no list", held=True)
    for subscriber in queues.subscribers(uow.connection, target.queue.id):
        address = subscriber.person.address
        if keys.is_unsubscribe(target.token, target.queue.id, address):
            queues.unsubscribe(uow.connection, target.queue.id, subscriber.person.id)
            return Verdict(disposition, "unsubscribed", notes=(f"{address} left {target.queue.address}",))
    contact = _contact_of(uow, reading, target.token, keys)
    if contact is not None:
        contacts.suppress(uow.connection, contact, "asked for it by mail", uow.now)
        return Verdict(disposition, "suppressed", notes=(f"{contact} gets no more mail as a contact",))
    return Verdict(disposition, "unsubscribe", notes=("nobody to take off the list",))


def _contact_of(uow: UnitOfWork, reading: Reading, token: str, keys: Keys) -> Address | None:
    """Whose token of a contact it is: the sender's, or that of somebody who was told once."""
    known = introductions.everybody(uow.connection)
    candidates = (*(() if reading.sender is None else (reading.sender,)), *known)
    return next((one for one in candidates if keys.is_contact(token, one)), None)


def is_command_only(reading: Reading) -> bool:
    """A mail to a verb's address without a word in it: no post."""
    return bool(verbs(reading)) and not reading.message.new_text.strip() and not reading.message.attachments


def verbs(reading: Reading) -> tuple[Target, ...]:
    """The recipients of the envelope that ask something of a ticket; Cc repeats are not asked again."""
    return tuple(target for target in reading.targets if target.verb is not None)


@dataclass(frozen=True, slots=True)
class Asked:
    """What one address asks of which ticket (None: there is none), and whether its author may ask it.

    `on_behalf_of`: whose token it carries, who may be another than its author.
    """

    target: Target
    ticket_id: TicketId | None
    ruling: Ruling
    on_behalf_of: Address | None = None

    @property
    def allowed(self) -> bool:
        return self.ruling is Ruling.YES


def asked(connection: Connection, reading: Reading, question: Question, keys: Keys) -> tuple[Asked, ...]:
    """What the verbs in the addresses ask; rights are as they stand before the mail itself counts.

    A token stands for its person where it can only quieten: who forwards a copy to another address of
    theirs and presses its unsubscribe there, leaves.
    """
    wanted = _not_repeated(connection, reading, verbs(reading))[:_MOST_ADDRESSES]
    numbers = target_tickets(wanted)
    named = store.resolve(connection, numbers) if numbers else {}
    found = (_ask(connection, target, _named_by(target, named), question) for target in wanted)
    return tuple(replace(one, on_behalf_of=_holder_of(connection, reading, one, keys)) for one in found)


def _not_repeated(connection: Connection, reading: Reading, wanted: tuple[Target, ...]) -> tuple[Target, ...]:
    """Those of the verbs that did not stand in the header of the mail it answers: reply-all repeats them.

    One with a token is its reader's own: a client presses it.
    """
    if not wanted or reading.parent_key is None:
        return wanted
    header = b"".join(posts.headers_under(connection, reading.parent_key, _HEADER_BYTES)).lower()
    return tuple(one for one in wanted if one.token or one.address.lower().encode() not in header)


def _holder_of(connection: Connection, reading: Reading, one: Asked, keys: Keys) -> Address | None:
    if one.target.verb not in (Verb.UNFOLLOW, Verb.MUTE):
        return None
    return _holder(connection, reading, one.target, keys)


def _named_by(target: Target, named: dict[TicketId, Ticket]) -> Ticket | None:
    return None if target.ticket_id is None else named.get(target.ticket_id)


def _ask(connection: Connection, target: Target, ticket: Ticket | None, question: Question) -> Asked:
    if ticket is None or target.verb is None:
        return Asked(target, None, Ruling.NO)
    sender = question.writer.sender
    if target.verb in _FOR_ONESELF:
        open_to = rights.may_see(connection, sender, ticket, question.proof_of_post(ticket.id))
        quietens = target.verb in (Verb.UNFOLLOW, Verb.MUTE)
        return Asked(target, ticket.id, Ruling.YES if open_to or quietens else Ruling.NO)
    standing, proof = rights.standing_of(connection, sender, ticket), question.proof_of_command(ticket.id)
    return Asked(target, ticket.id, rights.ruling(Act.STATUS, standing, proof, private=ticket.private))


def unconfirmed(asked: tuple[Asked, ...], ticket_id: TicketId) -> tuple[Command, ...]:
    """What the verbs of a ticket ask that waits for a word of its author, in the words of commands."""
    waiting = (one for one in asked if one.ruling is Ruling.CONFIRM and one.ticket_id == ticket_id)
    found = (_AS_COMMANDS.get(one.target.verb) for one in waiting if one.target.verb is not None)
    return tuple(Command(word, argument, "") for word, argument in filter(None, found))


def carry_out(uow: UnitOfWork, asked: tuple[Asked, ...], author: Person) -> tuple[Said, ...]:
    """Do what the verbs in the addresses ask, and say what became of each.

    Who leaves by the token of a copy, as clients do at one click, hears no word more.
    """
    return tuple(said for said in (_carry_out_one(uow, one, author) for one in asked) if said.text)


def _carry_out_one(uow: UnitOfWork, asked: Asked, author: Person) -> Said:
    if asked.ticket_id is None:
        return Said("", False, f"there is no ticket {asked.target.number}")
    if not asked.allowed:
        return Said("", False, f"{author.address} may not {asked.target.verb} ticket {asked.ticket_id}")
    try:
        return Said("", True, _do(uow, asked, tickets.find(uow, asked.ticket_id), author))
    except TrackerError as error:
        return Said("", False, str(error))


def _do(uow: UnitOfWork, asked: Asked, ticket: Ticket, author: Person) -> str:
    """Do what one verb asks; gives what is so now, "" where nobody needs to hear it."""
    actor, number = Actor(author.id, "mail"), ticket.id
    quietened = author if asked.on_behalf_of is None else _person_of(uow, asked.on_behalf_of)
    match asked.target.verb:
        case Verb.FOLLOW:
            nosy.join(uow, number, author, "followed", actor)
            return f"you follow ticket {number}"
        case Verb.UNFOLLOW:
            nosy.leave(uow, number, quietened, actor)
            return "" if asked.target.token else f"you get no more of ticket {number}"
        case Verb.MUTE:
            nosy.mute(uow, number, quietened, actor)
            return (
                "" if asked.target.token else f"you get no more of ticket {number}, whatever else you chose"
            )
        case Verb.CLAIM:
            return _claim(uow, ticket, author)
        case Verb.DONE:
            tickets.set_status(uow, ticket, Status.RESOLVED, actor)
            return f"ticket {number} is resolved"
        case Verb.REOPEN:
            tickets.set_status(uow, ticket, Status.OPEN, actor)
            return f"ticket {number} is open"
        case _:
            return ""


def _claim(uow: UnitOfWork, ticket: Ticket, author: Person) -> str:
    owner = tickets.claim(uow, ticket, author, Actor(author.id, "mail"))
    if owner.id == author.id:
        return f"you own ticket {ticket.id} now"
    raise BadValue(f"{owner.name or owner.address} claimed ticket {ticket.id} before")


def _person_of(uow: UnitOfWork, address: Address) -> Person:
    """Whose address it is; a center's becomes a person, for a wish needs one who has it."""
    return people.register(uow.connection, address, "", uow.now)


def guests(reading: Reading) -> tuple[Guest, ...]:
    """The people in Cc that a member may bring along: no machines, no lists, none of ours."""
    copied = {address for address in reading.copied_to if not reading.list_servers.has(address)}
    return tuple(guest for guest in _people(reading.message.cc) if guest.address in copied)


def _people(boxes: Iterable[Mailbox]) -> Iterable[Guest]:
    for box in boxes:
        try:
            address = normalise_address(box.address)
        except BadValue:
            continue
        if not is_nobody(address):
            yield Guest(address, box.name)
