"""Tickets that bad rules routed, routed anew: what the rules gave goes or stays, what people did stays."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from typing import Final

from sqlalchemy import Connection

from mailgate import inbound
from mailgate.app import App
from mailgate.trying import Route, Trial, opening_of
from mailgate.trying import route_of as outcome_of
from routing.decide import Decision
from routing.rules import RuleSet
from tracker import assign, tickets
from tracker.commands import Brakes, Contact
from tracker.events import Actor, Event, Kind
from tracker.model import Address, Priority, Ticket, TicketId, TrackerError
from tracker.people import read_address
from tracker.storage import centers, contacts, journal
from tracker.storage import tickets as store
from tracker.storage.tickets import TicketCenter
from tracker.unit_of_work import UnitOfWork

_BY_RULES: Final = re.compile(r"rules rev \d+")


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done to a ticket; `centers`, `contacts`, `tags` come in, the rest of the names go."""

    centers: tuple[str, ...] = ()
    no_centers: tuple[str, ...] = ()
    contacts: tuple[Contact, ...] = ()
    no_contacts: tuple[Address, ...] = ()
    tags: tuple[str, ...] = ()
    no_tags: tuple[str, ...] = ()
    priority: Priority | None = None
    private: bool = False

    def __bool__(self) -> bool:
        return any(astuple(self))


@dataclass(frozen=True, slots=True)
class Misrouted:
    """A ticket that would be routed otherwise now. `touched`: people have acted on it since it was opened."""

    ticket_id: TicketId
    title: str
    now: Route
    right: Route
    touched: bool
    change: Change


@dataclass(frozen=True, slots=True)
class _Standing:
    """How a ticket stands, and what happened to it."""

    ticket: Ticket
    centers: tuple[TicketCenter, ...]
    contacts: frozenset[Address]
    tags: tuple[str, ...]
    events: tuple[Event, ...]

    def given(self, kind: Kind) -> set[str]:
        """What rules gave by such events."""
        return {one.after for one in self.events if one.kind is kind and _by_rules(one)}

    def by_people(self, kind: Kind) -> list[Event]:
        return [one for one in self.events if one.kind is kind and not _by_rules(one)]


def _by_rules(event: Event) -> bool:
    return _BY_RULES.match(event.actor.cause) is not None


def find(app: App, revisions: Sequence[int], right: RuleSet) -> Iterator[Misrouted]:
    """The tickets that those revisions opened and that `right` would have routed otherwise."""
    trial = Trial(app)
    compare = partial(_compare, app=app, trial=trial, right=right)
    for ticket_id in sorted(app.read(lambda connection: inbound.tickets_of_revisions(connection, revisions))):
        found = app.read(partial(compare, ticket_id=ticket_id))
        if found is not None:
            yield found


def _compare(
    connection: Connection, app: App, trial: Trial, right: RuleSet, ticket_id: TicketId
) -> Misrouted | None:
    ticket = store.resolve(connection, (ticket_id,)).get(ticket_id)
    if ticket is None or ticket.id != ticket_id:
        return None
    try:
        stored = opening_of(connection, ticket_id)
    except TrackerError:
        return None
    standing = _standing(connection, ticket)
    decision = trial.decide(connection, stored, right)
    change = _change(connection, app, standing, decision)
    if not change:
        return None
    events = standing.events
    touched = any(event.actor.person_id is not None for event in events if event.at > events[0].at)
    return Misrouted(ticket.id, ticket.title, _now(standing), outcome_of(decision), touched, change)


def _standing(connection: Connection, ticket: Ticket) -> _Standing:
    return _Standing(
        ticket,
        tuple(store.centers_of(connection, (ticket.id,))),
        frozenset(one.address for one in contacts.of_tickets(connection, (ticket.id,))),
        tuple(store.tags_of(connection, ticket.id)),
        tuple(row.event for row in journal.history(connection, ticket.id)),
    )


def _now(standing: _Standing) -> Route:
    ticket, priority = standing.ticket, standing.ticket.priority
    return Route(
        centers=tuple(one.name for one in standing.centers),
        cc=tuple(sorted(standing.contacts)),
        fallback=not standing.centers and not standing.contacts,
        tags=tuple(standing.tags),
        priority=None if priority is Priority.NORMAL else priority.value,
        private=ticket.private,
    )


def _change(connection: Connection, app: App, standing: _Standing, decision: Decision) -> Change:
    names = _centers(connection, app, decision)
    wanted = () if standing.ticket.private or decision.private else _contacts(connection, app, decision)
    return Change(
        centers=tuple(name for name in names if name not in {one.name for one in standing.centers}),
        # What people brought in stays, whatever the rules say.
        no_centers=tuple(
            one.name for one in standing.centers if _BY_RULES.match(one.why) and one.name not in names
        ),
        contacts=tuple(one for one in wanted if one.address not in standing.contacts),
        no_contacts=_not_contacts(standing, {one.address for one in wanted}),
        tags=_new_tags(standing, decision),
        no_tags=tuple(
            tag
            for tag in standing.tags
            if tag in standing.given(Kind.TAG_ADDED)
            and tag not in decision.tags
            and tag not in {one.after for one in standing.by_people(Kind.TAG_ADDED)}
        ),
        priority=_priority(standing, decision),
        # Only into the dark: what rules made private stays so until a moderator has looked.
        private=decision.private and not standing.ticket.private and not standing.by_people(Kind.PRIVATE),
    )


def _centers(connection: Connection, app: App, decision: Decision) -> tuple[str, ...]:
    """The centers that are meant, or who stands in for them."""
    known = centers.lookup(connection, decision.centers)
    meant = (known[name] for name in decision.centers if name in known)
    found = (assign.in_charge(connection, one, app.clock()) for one in meant)
    return tuple(dict.fromkeys(one.name for one in found if one is not None))


def _contacts(connection: Connection, app: App, decision: Decision) -> tuple[Contact, ...]:
    """Those that would be told: no more than a mail may bring in, and who wants it."""
    read = ((read_address(text), decision.reason_for(text).why) for text in decision.cc)
    meant = [Contact(address, why) for address, why in read if address is not None]
    told = meant[: app.brakes.contacts_a_mail]
    unwilling = contacts.suppressed(connection, (one.address for one in told))
    return tuple(one for one in told if one.address not in unwilling)


def _not_contacts(standing: _Standing, wanted: set[Address]) -> tuple[Address, ...]:
    notes = (one.detail for one in standing.events if one.kind is Kind.NOTE and _by_rules(one))
    digested = {note.removeprefix("contact ") for note in notes if note.startswith("contact ")}
    given = standing.given(Kind.CONTACT_ADDED) | digested
    return tuple(sorted(one for one in standing.contacts if one in given and one not in wanted))


def _new_tags(standing: _Standing, decision: Decision) -> tuple[str, ...]:
    taken_off = {one.before for one in standing.by_people(Kind.TAG_REMOVED)}
    return tuple(tag for tag in decision.tags if tag not in standing.tags and tag not in taken_off)


def _priority(standing: _Standing, decision: Decision) -> Priority | None:
    """The priority that it should have, or None where it has that, or people have chosen."""
    right = Priority(decision.priority or Priority.NORMAL)
    return None if right is standing.ticket.priority or standing.by_people(Kind.PRIORITY) else right


def repair(uow: UnitOfWork, found: Misrouted, cause: str, brakes: Brakes) -> None:
    """Route one ticket anew, in one transaction; done twice it is done once."""
    actor, change = Actor(None, cause), found.change
    ticket = tickets.find(uow, found.ticket_id)
    if change.private:
        # First: whoever is told now is told of a private ticket.
        tickets.make_private(uow, ticket, actor)
    _take_away(uow, ticket, change, actor)
    for name in change.centers:
        center = centers.find(uow.connection, name)
        assign.add_center(uow, ticket.id, center, actor, "it was routed wrongly before")
    assign.add_contacts(uow, ticket.id, change.contacts, actor, brakes)
    assign.add_tags(uow, ticket.id, change.tags, actor)
    if change.priority is not None:
        tickets.set_priority(uow, tickets.find(uow, ticket.id), change.priority, actor)


def _take_away(uow: UnitOfWork, ticket: Ticket, change: Change, actor: Actor) -> None:
    """What is there still: somebody else may have taken some of it away."""
    present = {one.name for one in store.centers_of(uow.connection, (ticket.id,))}
    for name in present.intersection(change.no_centers):
        assign.remove_center(uow, ticket.id, centers.find(uow.connection, name), actor)
    known = {one.address for one in contacts.of_tickets(uow.connection, (ticket.id,))}
    for address in known.intersection(change.no_contacts):
        assign.remove_contact(uow, ticket.id, address, actor)
    for tag in change.no_tags:
        assign.remove_tag(uow, ticket.id, tag, actor)
