"""Who is to help with a ticket: support centers and contacts, given and taken away; and its tags."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from tracker.commands import NORMAL, Brakes, ChosenCenter, Contact, Remind, Route, Routed
from tracker.events import Actor, Event, Kind
from tracker.model import (
    Address,
    BadValue,
    Center,
    CenterId,
    CenterState,
    ContactState,
    Priority,
    TicketId,
)
from tracker.storage import centers, reminders
from tracker.storage import contacts as contact_store
from tracker.storage import tickets as store
from tracker.storage.contacts import TicketContact
from tracker.storage.reminders import Reminder
from tracker.storage.tickets import TicketCenter
from tracker.unit_of_work import UnitOfWork


def route(uow: UnitOfWork, command: Route) -> Routed:
    """Give a ticket what the rules decided, within the brakes.

    A center that takes no tickets now is stood in for by its delegate; a contact that wants none is left out.
    """
    actor = Actor(None, command.cause)
    names = tuple(chosen.name for chosen in command.centers)
    known = centers.lookup(uow.connection, names)
    chosen = _each_once(command.centers, known)
    chosen = [
        one for center, why in chosen if (one := _in_charge(uow, command.ticket_id, center, why, actor))
    ]
    _add_centers(uow, command.ticket_id, _unique(chosen), actor, fresh=command.fresh)
    told = command.contacts[: command.brakes.contacts_a_mail]
    contacts = add_contacts(uow, command.ticket_id, told, actor, command.brakes)
    if command.tags:
        add_tags(uow, command.ticket_id, command.tags, actor)
    if command.priority is not None and command.priority is not Priority.NORMAL:
        store.change(uow.connection, command.ticket_id, priority=command.priority.value)
        before, after = Priority.NORMAL.value, command.priority.value
        uow.record(command.ticket_id, Kind.PRIORITY, actor, before=before, after=after)
    for note in command.notes:
        uow.record(command.ticket_id, Kind.NOTE, actor, after=note)
    for wanted in command.reminders:
        remind(uow, command.ticket_id, wanted, actor)
    unknown = tuple(name for name in names if name not in known)
    return Routed(tuple(center for center, _ in _unique(chosen)), unknown, contacts)


def in_charge(connection: Connection, center: Center, now: datetime) -> Center | None:
    """The center, or who stands in for it while it takes no tickets; None when nobody does."""
    last = _stand_ins(connection, center, now)[-1]
    return last if _takes_tickets(connection, last, now) else None


def _in_charge(
    uow: UnitOfWork, ticket_id: TicketId, center: Center, why: str, actor: Actor
) -> tuple[Center, str] | None:
    """Who is in charge, and why; None, with a note, when nobody is."""
    *away, last = _stand_ins(uow.connection, center, uow.now)
    if not _takes_tickets(uow.connection, last, uow.now):
        uow.record(ticket_id, Kind.NOTE, actor, after=f"not routed to {center.name}: {_absence(last)}")
        return None
    for one in away:
        why = f"you stand in for {one.name}, which is away" + (f": {why}" if why else "")
    return last, why


def _stand_ins(connection: Connection, center: Center, now: datetime) -> list[Center]:
    """The center, its delegate while it takes no tickets, and so on; the last takes them, or nobody does."""
    line, seen = [center], {center.id}
    while not _takes_tickets(connection, line[-1], now):
        delegate = line[-1].delegate
        following = None if delegate is None else centers.by_id(connection, delegate)
        if following is None or following.id in seen:
            break
        line.append(following)
        seen.add(following.id)
    return line


def _takes_tickets(connection: Connection, center: Center, now: datetime) -> bool:
    unwilling = center.address is not None and contact_store.suppressed(connection, (center.address,))
    return center.takes_tickets(now) and not unwilling


def _absence(center: Center) -> str:
    if center.state is CenterState.AWAY:
        until = "" if center.away_until is None else f" until {center.away_until.date().isoformat()}"
        return f"{center.name} is away{until}"
    if center.state is CenterState.OFF:
        return f"{center.name} takes no tickets"
    return f"{center.name} wants no mail of us"


def _unique(chosen: Sequence[tuple[Center, str]]) -> list[tuple[Center, str]]:
    """Each center once: one may stand in for several."""
    found: dict[CenterId, tuple[Center, str]] = {}
    for center, why in chosen:
        found.setdefault(center.id, (center, why))
    return list(found.values())


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
    uow: UnitOfWork,
    ticket_id: TicketId,
    added: Sequence[Contact],
    actor: Actor,
    brakes: Brakes = NORMAL,
) -> tuple[Contact, ...]:
    """Have contacts told of a ticket, each once; gives those who are, now or in a digest.

    Who wants no mail as a contact is left out. Who was told of enough openings today hears in a digest. A
    private ticket goes to no contact: it is for those who take part and its centers.
    """
    if not added or _is_private(uow, ticket_id):
        return ()
    present = {contact.address for contact in contact_store.of_tickets(uow.connection, (ticket_id,))}
    unwilling = contact_store.suppressed(uow.connection, (one.address for one in added))
    wanted = {one.address: one for one in reversed(added) if one.address not in present}
    rows = []
    for address in dict.fromkeys(one.address for one in added if one.address in wanted):
        if address in unwilling:
            uow.record(ticket_id, Kind.NOTE, actor, after=f"not told: {address} wants no mail as a contact")
            continue
        state = _contact_state(uow, address, brakes)
        rows.append(TicketContact(ticket_id, address, wanted[address].why, state, uow.now))
    contact_store.add(uow.connection, rows)
    for row in rows:
        _record_contact(uow, row, actor)
    return tuple(wanted[row.address] for row in rows)


def _is_private(uow: UnitOfWork, ticket_id: TicketId) -> bool:
    ticket = store.by_ids(uow.connection, (ticket_id,)).get(ticket_id)
    return ticket is not None and ticket.private


def _contact_state(uow: UnitOfWork, address: Address, brakes: Brakes) -> ContactState:
    since = uow.now - timedelta(days=1)
    told = contact_store.told_since(uow.connection, address, since)
    return ContactState.TOLD if told < brakes.openings_a_day else ContactState.DIGEST


def _record_contact(uow: UnitOfWork, row: TicketContact, actor: Actor) -> None:
    if row.state is ContactState.DIGEST:
        note = f"{row.address} hears of it in a digest: enough openings for a day"
        uow.record_event(
            Event(row.ticket_id, Kind.NOTE, actor, uow.now, after=note, detail=f"contact {row.address}")
        )
        return
    event = Event(row.ticket_id, Kind.CONTACT_ADDED, actor, uow.now, after=row.address, detail=row.why)
    uow.record_event(event)


def remind(uow: UnitOfWork, ticket_id: TicketId, wanted: Remind, actor: Actor) -> None:
    """Have people told again when a ticket is silent. What comes out of an archive is silent by nature."""
    if not uow.quiet:
        due_at = uow.now + wanted.wait
        made = Reminder(0, ticket_id, actor.cause, wanted.steps, 0, wanted.wait, due_at)
        reminders.add(uow.connection, made)


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
