"""What a mail from a center's tracker says: its number for the ticket, where the matter stands there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from mailgate.addresses import Role
from mailgate.exchange import store
from mailgate.exchange.profiles import usual_number
from mailgate.exchange.store import Pair, Partner
from mailgate.message import Classified, Disposition, ParsedMessage
from mailgate.reading import Reading
from mailgate.threads.match import Evidence, Match
from mailgate.tokens import Keys
from tracker import assign, tickets
from tracker.events import Actor, Event, Kind
from tracker.model import PostId, Status, Ticket, TicketId
from tracker.storage import centers, journal, queues
from tracker.storage import tickets as ticket_store
from tracker.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Heard:
    """A mail of a center, or of its tracker.

    `number` is what that calls the matter, `ticket_id` the ticket that has the number already. `vouched`: it
    came to the secret address, or something speaks for its sender. `word` is theirs for the status.
    """

    partner: Partner
    message_id: str
    number: str | None
    pair: Pair | None
    vouched: bool
    secret: bool = False
    acknowledges: bool = False
    word: str = ""
    status: Status | None = None

    @property
    def ticket_id(self) -> TicketId | None:
        return None if self.pair is None else self.pair.ticket_id

    @property
    def has_profile(self) -> bool:
        return self.partner.exchange is not None

    @property
    def cause(self) -> str:
        """Who acted, in the history."""
        return cause_of(self.partner.name)


def cause_of(center: str) -> str:
    """What the history calls an act of a center's tracker."""
    return f"exchange {center}"


def listen(connection: Connection, reading: Reading, keys: Keys) -> Heard | None:
    """What a mail says if it is a center's or came to the secret address of one's tracker, else None."""
    known = store.partners(connection, reading.sender)
    partner = _by_secret(known, reading, keys) or _by_sender(known, reading)
    if partner is None:
        return None
    secret = _by_secret((partner,), reading, keys) is not None
    vouched = secret or reading.trust.believed
    message = _without_our_tags(connection, reading.message)
    number = _number(partner, message)
    pair = None if number is None else store.pair(connection, partner.center_id, number)
    heard = Heard(partner, reading.identity.message_id, number, pair, vouched, secret)
    if partner.exchange is None:
        # What people of a center call something teaches nothing; what answers by itself does.
        return replace(heard, acknowledges=reading.classified.disposition is Disposition.AUTO_REPLY)
    profile = partner.exchange.profile
    word, status = profile.read_status(message)
    acknowledges = profile.is_acknowledgement(message)
    return replace(heard, acknowledges=acknowledges, word=word, status=status)


def _without_our_tags(connection: Connection, message: ParsedMessage) -> ParsedMessage:
    """The mail without `[OSG #1]` of our lists in its subject: trackers repeat it, and it is not theirs."""
    tags = "|".join(re.escape(queue.tag) for queue in queues.everyone(connection))
    subject = re.sub(rf"\[(?:{tags}) #\d{{1,18}}\]", "", message.subject, flags=re.IGNORECASE)
    return message if subject == message.subject else replace(message, subject=subject)


def _number(partner: Partner, message: ParsedMessage) -> str | None:
    """What it calls the matter: of a center without a profile, what the usual trackers write."""
    if partner.exchange is None:
        return usual_number(message)
    return partner.exchange.profile.read_number(message)


def _by_secret(known: Iterable[Partner], reading: Reading, keys: Keys) -> Partner | None:
    tokens = [target.token for target in reading.targets_of(Role.EXCHANGE) if target.token]
    for partner in known if tokens else ():
        exchange = partner.exchange
        if exchange is not None and any(
            keys.is_exchange(one, exchange.name, exchange.epoch) for one in tokens
        ):
            return partner
    return None


def _by_sender(known: Iterable[Partner], reading: Reading) -> Partner | None:
    sender = reading.sender
    if sender is None:
        return None
    by_address = {one.address: one for one in reversed(tuple(known))}
    named = (one for one in known if one.exchange is not None and sender in one.exchange.addresses)
    return next(named, None) or by_address.get(sender)


def as_post(reading: Reading, heard: Heard | None) -> Reading:
    """What a tracker sends is written by people, though a program says it sent it; but acknowledgements."""
    if heard is None or not heard.has_profile or not heard.vouched or heard.acknowledges:
        return reading
    if reading.classified.disposition is not Disposition.AUTO_REPLY:
        return reading
    return replace(
        reading, classified=Classified(Disposition.POST, f"from the tracker of {heard.partner.name}")
    )


def in_words(heard: Heard | None, match: Match) -> Match:
    """The match, with what it rests on where that is a number of theirs."""
    if (
        heard is None
        or heard.number is None
        or match.ticket is None
        or match.evidence is not Evidence.ADDRESS
    ):
        return match
    return replace(match, why=f"{heard.partner.name} calls ticket {match.ticket.id} {heard.number}")


def follow(
    uow: UnitOfWork, heard: Heard, ticket_id: TicketId, post_id: PostId, written_at: datetime
) -> tuple[str, ...]:
    """Do what follows from a mail of a center beside its post; what was not done comes back, and why.

    Its number is learned in the transaction that brought it: otherwise a mail that comes between would open a
    second ticket, and that one a third over there.
    """
    ticket = tickets.find(uow, ticket_id)
    if heard.secret and ticket.post_count == 1 and not ticket.private:
        _bring_in(uow, heard, ticket)
    heard = _learned(uow, heard, ticket)
    if heard.vouched and (heard.pair is not None or heard.has_profile):
        after = heard.partner.name if heard.number is None else f"{heard.partner.name} {heard.number}"
        actor = Actor(None, heard.cause)
        uow.record_event(Event(ticket.id, Kind.EXCHANGED, actor, uow.now, post_id, after=after, quiet=True))
    return _take_status(uow, heard, ticket, written_at) if heard.has_profile and heard.word else ()


def _bring_in(uow: UnitOfWork, heard: Heard, ticket: Ticket) -> None:
    """A ticket that its tracker opened here is with the center."""
    center = centers.by_id(uow.connection, heard.partner.center_id)
    if center is not None:
        assign.add_center(uow, ticket.id, center, Actor(None, heard.cause), "its tracker opened it")


def _is_with(uow: UnitOfWork, heard: Heard, ticket: Ticket) -> bool:
    """A center that the ticket was taken from has no say in it."""
    there = ticket_store.centers_of(uow.connection, (ticket.id,))
    return any(one.center_id == heard.partner.center_id for one in there)


def _learned(uow: UnitOfWork, heard: Heard, ticket: Ticket) -> Heard:
    """What was heard, with its number known from now on, if it may be believed and is new."""
    teaches = heard.vouched and (heard.has_profile or heard.acknowledges)
    if heard.number is None or heard.pair is not None or not teaches or not _is_with(uow, heard, ticket):
        return heard
    pair = Pair(heard.partner.center_id, heard.number, ticket.id, heard.message_id, uow.now)
    store.learn(uow.connection, pair)
    return replace(heard, pair=pair)


def _take_status(uow: UnitOfWork, heard: Heard, ticket: Ticket, written_at: datetime) -> tuple[str, ...]:
    """Follow a change of the status over there; a line for people where that is not done."""
    says = f"{heard.partner.name} says the status is {heard.word!r}"
    if heard.status is None:
        return (f"{says}, which its profile does not know",)
    if objection := _objection(uow, heard, ticket, written_at):
        return (f"{says}: {objection}",)
    if heard.pair is None:
        return ()
    changed = heard.pair.foreign_status != heard.word
    store.heard(uow.connection, heard.pair, heard.word, written_at)
    if changed and not _means_the_same(heard.status, ticket.status):
        tickets.set_status(uow, ticket, heard.status, Actor(None, heard.cause))
    return ()


def _objection(uow: UnitOfWork, heard: Heard, ticket: Ticket, written_at: datetime) -> str:
    """Why a status is not taken over, or ""."""
    if not heard.vouched:
        return "nothing proves that the mail is from there"
    if ticket.private or not _is_with(uow, heard, ticket):
        return "the ticket is not with it"
    if heard.pair is not None and heard.pair.heard_at is not None and written_at < heard.pair.heard_at:
        return "a later mail of its was here before"
    # Where both changed it, and they had not heard of ours: an older word undoes no newer one.
    ours = journal.latest(uow.connection, ticket.id, (Kind.STATUS,))
    if ours is not None and ours.event.at > written_at:
        return "it was changed here after that"
    return ""


def _means_the_same(theirs: Status, ours: Status) -> bool:
    """`new` here and `open` there are both: nobody has ended it."""
    unfinished = (Status.NEW, Status.OPEN)
    return theirs is ours or (theirs in unfinished and ours in unfinished)
