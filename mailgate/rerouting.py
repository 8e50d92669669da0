"""Tickets that bad rules routed, routed anew: what the rules gave goes or stays, what people did stays."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from tracker.commands import Contact
from tracker.events import Actor, Kind
from tracker.model import Address, Ticket, TicketId, TrackerError
from tracker.people import read_address
from tracker.storage import centers, contacts, journal
from tracker.storage import tickets as store
from tracker.unit_of_work import UnitOfWork

_BY_RULES: Final = re.compile(r"rules rev \d+")


@dataclass(frozen=True, slots=True)
class Misrouted:
    """A ticket that would be routed otherwise now. `touched`: people have acted on it since it was opened."""

    ticket_id: TicketId
    title: str
    now: Route
    right: Route
    touched: bool
    add: tuple[str, ...]
    drop: tuple[str, ...]
    tell: tuple[Contact, ...]
    forget: tuple[Address, ...]


def find(app: App, revisions: Sequence[int], right: RuleSet) -> Iterator[Misrouted]:
    """The tickets that those revisions opened and that `right` would have routed otherwise."""
    trial = Trial(app)

    for ticket_id in sorted(app.read(lambda connection: inbound.tickets_of_revisions(connection, revisions))):
        found = app.read(partial(_compare, trial=trial, ticket_id=ticket_id, right=right))
        if found is not None:
            yield found


def _compare(connection: Connection, trial: Trial, ticket_id: TicketId, right: RuleSet) -> Misrouted | None:
    ticket = store.resolve(connection, (ticket_id,)).get(ticket_id)
    if ticket is None or ticket.id != ticket_id:
        return None
    try:
        stored = opening_of(connection, ticket_id)
    except TrackerError:
        return None
    return _differences(connection, ticket, trial.decide(connection, stored, right))


def _differences(connection: Connection, ticket: Ticket, decision: Decision) -> Misrouted | None:
    present = store.centers_of(connection, (ticket.id,))
    known = contacts.of_tickets(connection, (ticket.id,))
    names = {center.name for center in centers.lookup(connection, decision.centers).values()}
    wanted = () if ticket.private else _contacts(decision)
    events = [row.event for row in journal.history(connection, ticket.id)]
    by_rules = {e.after for e in events if e.kind is Kind.CONTACT_ADDED and _BY_RULES.match(e.actor.cause)}
    found = Misrouted(
        ticket.id,
        ticket.title,
        now=Route(tuple(c.name for c in present), tuple(c.address for c in known), not present and not known),
        right=outcome_of(decision),
        touched=any(event.actor.person_id is not None for event in events if event.at > events[0].at),
        add=tuple(sorted(names - {c.name for c in present})),
        # What people brought in stays, whatever the rules say.
        drop=tuple(c.name for c in present if _BY_RULES.match(c.why) and c.name not in names),
        tell=tuple(one for one in wanted if one.address not in {c.address for c in known}),
        forget=tuple(
            c.address for c in known if c.address in by_rules - {str(one.address) for one in wanted}
        ),
    )
    return found if found.add or found.drop or found.tell or found.forget else None


def _contacts(decision: Decision) -> tuple[Contact, ...]:
    read = ((read_address(text), decision.reason_for(text).why) for text in decision.cc)
    return tuple(Contact(address, why) for address, why in read if address is not None)


def repair(uow: UnitOfWork, found: Misrouted, cause: str) -> None:
    """Route one ticket anew, in one transaction; done twice it is done once."""
    actor = Actor(None, cause)
    ticket = tickets.find(uow, found.ticket_id)
    present = {one.name for one in store.centers_of(uow.connection, (ticket.id,))}
    for name in found.drop:
        if name in present:
            assign.remove_center(uow, ticket.id, centers.find(uow.connection, name), actor)
    known = {one.address for one in contacts.of_tickets(uow.connection, (ticket.id,))}
    for address in found.forget:
        if address in known:
            assign.remove_contact(uow, ticket.id, address, actor)
    for name in found.add:
        assign.add_center(
            uow, ticket.id, centers.find(uow.connection, name), actor, "it was routed wrongly before"
        )
    assign.add_contacts(uow, ticket.id, found.tell, actor)
