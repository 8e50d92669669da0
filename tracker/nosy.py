"""Who joins a ticket by acting, and who is told of what happens to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from tracker.commands import Contact
from tracker.events import Actor, Event, Kind
from tracker.model import (
    Address,
    Delivery,
    NosyState,
    Person,
    PersonId,
    QueueId,
    Ticket,
    TicketId,
    Wants,
)
from tracker.storage import tickets as store
from tracker.storage.queues import Subscriber
from tracker.storage.tickets import Membership, Standing, TicketCenter
from tracker.unit_of_work import UnitOfWork


class Face(StrEnum):
    """The two faces of one post: the author's mail as it was, or ours about a ticket.

    A notice is about no one ticket: a digest, a word to the owner.
    """

    LIST = "list"
    TICKET = "ticket"
    NOTICE = "notice"


class Role(StrEnum):
    """As what somebody gets a copy; what one click on its way out leaves depends on it."""

    MEMBER = "member"
    CENTER = "center"
    CONTACT = "contact"
    SUBSCRIBER = "subscriber"
    OFFERED = "offered"
    REMINDED = "reminded"
    EXCHANGE = "exchange"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody who gets a copy, which, and why (half a sentence: "you take part in this ticket").

    `queue_id`: of which list they get it, where they get it for being on one.
    """

    address: Address
    person_id: PersonId | None
    face: Face
    reason: str
    role: Role = Role.MEMBER
    queue_id: QueueId | None = None


@dataclass(frozen=True, slots=True)
class Audience:
    """All who may be told of what happens to one ticket."""

    members: tuple[Membership, ...] = ()
    centers: tuple[TicketCenter, ...] = ()
    contacts: tuple[Contact, ...] = ()
    subscribers: tuple[Subscriber, ...] = ()
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What they are told of. `already` hold the mail: they stand in its To or Cc.

    `author` is the author's address, which differs from that of their person when they have several.
    """

    opening: bool
    author_id: PersonId
    author: Address
    already: frozenset[Address] = frozenset()


# Their mail was forwarded by another, who so opened the ticket for them.
ASKED: Final = "asked"
_MEMBER_REASONS = {
    "requester": "you opened this ticket",
    ASKED: "a mail of yours was forwarded here and opened this ticket",
    "claimed": "you own this ticket",
    "followed": "you follow this ticket",
    "posted": "you take part in this ticket",
    "rule": "a routing rule has you take part in tickets like this one",
}


def told_of_post(occasion: Occasion, audience: Audience) -> tuple[Told, ...]:
    """Who gets a copy of a post, each once, the nearest reason first.

    Participants always; centers and contacts of an opening, even where they stand in To or Cc, for only
    our copy lets them act; subscribers by what they chose. Never the author, nor who muted the ticket.
    """
    silent = _who_is_not_told(occasion, audience.members)
    candidates = [
        *(told for told in _members(audience.members) if told.address not in occasion.already),
        *_routed(occasion, audience),
        *(told for told in _subscribers(occasion, audience) if told.address not in occasion.already),
    ]
    return _each_once(told for told in candidates if told.address not in silent)


def told_of_change(actor_id: PersonId | None, audience: Audience) -> tuple[Told, ...]:
    """Who is told of a change without text: those who take part, less who made it."""
    return _each_once(told for told in _members(audience.members) if told.person_id != actor_id)


def _who_is_not_told(occasion: Occasion, members: tuple[Membership, ...]) -> frozenset[Address]:
    muted = {m.person.address for m in members if m.state is NosyState.MUTED}
    authors = {m.person.address for m in members if m.person.id == occasion.author_id}
    return frozenset(muted | authors | {occasion.author})


def _members(members: tuple[Membership, ...]) -> Iterable[Told]:
    for member in members:
        if member.state is NosyState.JOINED:
            reason = _MEMBER_REASONS.get(member.reason, _MEMBER_REASONS["posted"])
            yield Told(member.person.address, member.person.id, Face.TICKET, reason)


def _routed(occasion: Occasion, audience: Audience) -> Iterable[Told]:
    for center in audience.centers:
        if center.address is not None and (occasion.opening or center.wants is Wants.ALL):
            yield Told(center.address, None, Face.TICKET, routed_reason(center), Role.CENTER)
    if occasion.opening:
        for contact in audience.contacts:
            yield Told(contact.address, None, Face.TICKET, contact_reason(contact), Role.CONTACT)


def routed_reason(center: TicketCenter) -> str:
    """Why a support center gets a copy."""
    reason = f"it was routed to your support center {center.name}"
    return f"{reason}: {center.reason}" if center.reason else reason


def contact_reason(contact: Contact) -> str:
    """Why a contact gets a copy."""
    return contact.why or "the routing rules name you for it"


def _subscribers(occasion: Occasion, audience: Audience) -> Iterable[Told]:
    for subscriber in audience.subscribers:
        reason = wanted_by(subscriber, audience, opening=occasion.opening)
        if reason and subscriber.person.id != occasion.author_id:
            yield as_subscriber(subscriber, reason)


def as_subscriber(subscriber: Subscriber, reason: str) -> Told:
    """Somebody who gets a post for being on the list."""
    person = subscriber.person
    return Told(person.address, person.id, Face.LIST, reason, Role.SUBSCRIBER, subscriber.queue_id)


def wanted_by(subscriber: Subscriber, audience: Audience, *, opening: bool) -> str:
    """Why a subscriber gets a post of a ticket, by what they chose; "" when they do not."""
    topic = audience.topic.casefold()
    chosen = [center.name for center in audience.centers if center.name.casefold() in subscriber.words]
    match subscriber.delivery:
        case Delivery.ALL:
            return "you are subscribed to this list"
        case Delivery.NEW if opening:
            return "you are subscribed to this list, and chose to get what is new"
        case Delivery.TOPICS if opening and topic in subscriber.words:
            return f"you chose to get what is new about {topic}"
        case Delivery.CENTERS if opening and chosen:
            return f"you chose to get what is new for {chosen[0]}"
        case _:
            return ""


def _each_once(candidates: Iterable[Told]) -> tuple[Told, ...]:
    first: dict[Address, Told] = {}
    for told in candidates:
        first.setdefault(told.address, told)
    return tuple(first.values())


def join(uow: UnitOfWork, ticket_id: TicketId, person: Person, reason: str, actor: Actor) -> bool:
    """Put a person on the nosy list; False when they are on it, or muted it and did not ask."""
    was = store.standing_of(uow.connection, ticket_id, person.id)
    state = None if was is None else was.state
    if state is NosyState.JOINED or (state is NosyState.MUTED and reason != "followed"):
        return False
    place = Membership(ticket_id, person, NosyState.JOINED, reason)
    store.set_state(uow.connection, place, uow.now, known=state is not None)
    detail = standing_text(was)
    uow.record_event(Event(ticket_id, Kind.JOINED, actor, uow.now, after=person.address, detail=detail))
    return True


def leave(uow: UnitOfWork, ticket_id: TicketId, person: Person, actor: Actor) -> bool:
    """Take a person off the nosy list; False when they are not on it.

    Who never was on it hears of the ticket for another reason, as a support center or a contact: muted,
    they hear no more.
    """
    was = store.standing_of(uow.connection, ticket_id, person.id)
    if was is None:
        return mute(uow, ticket_id, person, actor)
    if was.state not in (NosyState.JOINED, NosyState.MUTED):
        return False
    place = Membership(ticket_id, person, NosyState.LEFT, "")
    store.set_state(uow.connection, place, uow.now, known=True)
    detail = standing_text(was)
    uow.record_event(Event(ticket_id, Kind.LEFT, actor, uow.now, before=person.address, detail=detail))
    return True


def mute(uow: UnitOfWork, ticket_id: TicketId, person: Person, actor: Actor) -> bool:
    """Let nothing of a ticket reach a person any more, whatever else they chose."""
    was = store.standing_of(uow.connection, ticket_id, person.id)
    if was is not None and was.state is NosyState.MUTED:
        return False
    place = Membership(ticket_id, person, NosyState.MUTED, "")
    store.set_state(uow.connection, place, uow.now, known=was is not None)
    detail = standing_text(was)
    uow.record_event(Event(ticket_id, Kind.MUTED, actor, uow.now, after=person.address, detail=detail))
    return True


def standing_text(standing: Standing | None) -> str:
    """What an event keeps of how somebody stood before it."""
    if standing is None:
        return ""
    return json.dumps([standing.state.value, standing.reason, standing.since.isoformat()])


def read_standing(text: str) -> Standing | None:
    """What standing_text() wrote."""
    if not text:
        return None
    state, reason, since = json.loads(text)
    return Standing(NosyState(state), reason, datetime.fromisoformat(since))


def takes_part(members: tuple[Membership, ...], person_id: PersonId) -> bool:
    """Whether a person is on the nosy list now."""
    return any(m.person.id == person_id and m.state is NosyState.JOINED for m in members)


def is_requester_or_owner(ticket: Ticket, person_id: PersonId) -> bool:
    return person_id in (ticket.requester_id, ticket.owner_id)
