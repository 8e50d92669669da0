"""Who is to help with a ticket: support centers and contacts, given and taken away; and its tags."""

from __future__ import annotations

from collections.abc import Sequence

from tracker.commands import ChosenCenter, Contact, Route, Routed
from tracker.events import Actor, Event, Kind
from tracker.model import Address, BadValue, Center, CenterId, ContactState, Priority, TicketId
from tracker.storage import centers
from tracker.storage import contacts as contact_store
from tracker.storage import tickets as store
from tracker.storage.contacts import TicketContact
from tracker.storage.tickets import TicketCenter
from tracker.unit_of_work import UnitOfWork


def route(uow: UnitOfWork, command: Route) -> Routed:
    """Give a ticket what the rules decided."""
    actor = Actor(None, command.cause)
    names = tuple(chosen.name for chosen in command.centers)
    known = centers.lookup(uow.connection, names)
    chosen = _each_once(command.centers, known)
    _add_centers(uow, command.ticket_id, chosen, actor, fresh=command.fresh)
    add_contacts(uow, command.ticket_id, command.contacts, actor, fresh=command.fresh)
    if command.tags:
        add_tags(uow, command.ticket_id, command.tags, actor)
    if command.priority is not None and command.priority is not Priority.NORMAL:
        store.change(uow.connection, command.ticket_id, priority=command.priority.value)
        before, after = Priority.NORMAL.value, command.priority.value
        uow.record(command.ticket_id, Kind.PRIORITY, actor, before=before, after=after)
    for note in command.notes:
        uow.record(command.ticket_id, Kind.NOTE, actor, after=note)
    unknown = tuple(name for name in names if name not in known)
    return Routed(tuple(center for center, _ in chosen), unknown)


def _each_once(wanted: Sequence[ChosenCenter], known: dict[str, Center]) -> list[tuple[Center, str]]:
    """The centers that are known, each with its first reason: two names may mean one."""
    found: dict[CenterId, tuple[Center, str]] = {}
    for one in wanted:
        if (center := known.get(one.name)) is not None:
            found.setdefault(center.id, (center, one.why))
    return list(found.values())


def add_center(uow: UnitOfWork, ticket_id: TicketId, center: Center, actor: Actor, reason: str = "") -> None:
    """Bring a support center in, unless it is there."""
    _add_centers(uow, ticket_id, ((center, reason),), actor, fresh=False)


def _add_centers(
    uow: UnitOfWork, ticket_id: TicketId, added: Sequence[tuple[Center, str]], actor: Actor, *, fresh: bool
) -> None:
    """`fresh`: the ticket was opened just now and has none."""
    present: set[CenterId] = set()
    if added and not fresh:
        present = {center.center_id for center in store.centers_of(uow.connection, (ticket_id,))}
    rows = [
        TicketCenter(ticket_id, center.id, center.name, center.address, center.wants, actor.cause, reason)
        for center, reason in added
        if center.id not in present
    ]
    store.add_centers(uow.connection, rows)
    for row in rows:
        uow.record_event(
            Event(ticket_id, Kind.CENTER_ADDED, actor, uow.now, after=row.name, detail=row.reason)
        )


def remove_center(uow: UnitOfWork, ticket_id: TicketId, center: Center, actor: Actor) -> None:
    """Take a support center off a ticket; raises BadValue when it is not there."""
    there = {one.center_id: one for one in store.centers_of(uow.connection, (ticket_id,))}
    if center.id not in there:
        raise BadValue(f"ticket {ticket_id} is not with {center.name}")
    store.remove_center(uow.connection, ticket_id, center.id)
    why = there[center.id].why
    uow.record_event(Event(ticket_id, Kind.CENTER_REMOVED, actor, uow.now, before=center.name, detail=why))


def add_contacts(
    uow: UnitOfWork, ticket_id: TicketId, added: Sequence[Contact], actor: Actor, *, fresh: bool = False
) -> None:
    """Have contacts told of a ticket, each once; `fresh`: it was opened just now and has none."""
    if not added:
        return
    known = () if fresh else contact_store.of_tickets(uow.connection, (ticket_id,))
    present = {contact.address for contact in known}
    unique = {contact.address: contact for contact in reversed(added) if contact.address not in present}
    rows = [
        TicketContact(ticket_id, address, unique[address].why, ContactState.TOLD, uow.now)
        for address in dict.fromkeys(contact.address for contact in added)
        if address in unique
    ]
    contact_store.add(uow.connection, rows)
    for row in rows:
        uow.record_event(
            Event(ticket_id, Kind.CONTACT_ADDED, actor, uow.now, after=row.address, detail=row.why)
        )


def remove_contact(uow: UnitOfWork, ticket_id: TicketId, address: Address, actor: Actor) -> None:
    """Forget that a contact was to be told; raises BadValue when none was."""
    known = {one.address: one for one in contact_store.of_tickets(uow.connection, (ticket_id,))}
    if address not in known:
        raise BadValue(f"{address} is no contact of ticket {ticket_id}")
    contact_store.remove(uow.connection, ticket_id, address)
    detail = known[address].why
    uow.record_event(Event(ticket_id, Kind.CONTACT_REMOVED, actor, uow.now, before=address, detail=detail))


def add_tags(uow: UnitOfWork, ticket_id: TicketId, tags: tuple[str, ...], actor: Actor) -> None:
    present = store.tags_of(uow.connection, ticket_id)
    fresh = [tag for tag in dict.fromkeys(tags) if tag not in present]
    store.add_tags(uow.connection, ticket_id, fresh)
    for tag in fresh:
        uow.record(ticket_id, Kind.TAG_ADDED, actor, after=tag)


def remove_tag(uow: UnitOfWork, ticket_id: TicketId, tag: str, actor: Actor) -> None:
    """Take a tag off; one that is not there is no change."""
    if tag not in store.tags_of(uow.connection, ticket_id):
        return
    store.remove_tag(uow.connection, ticket_id, tag)
    uow.record(ticket_id, Kind.TAG_REMOVED, actor, before=tag)
