"""Handing a ticket over: to a support center, or to whoever looks after a resource or group."""

from __future__ import annotations

from contextlib import suppress

from routing.grid import Grid
from routing.registry import Resource, ResourceGroup, name_key
from tracker import assign
from tracker.commands import Contact
from tracker.events import Actor
from tracker.model import BadValue, Center, NoSuchCenter, Person, Ticket
from tracker.people import read_address
from tracker.storage import centers
from tracker.unit_of_work import UnitOfWork
from tracker.words import nearest


def hand_over(uow: UnitOfWork, ticket: Ticket, name: str, author: Person, grid: Grid | None) -> str:
    """Bring in the one called `name`, or take them off where a minus stands before.

    Who had the ticket before keeps it: each hop is an event, and earlier ones stay informed. A resource or
    group goes to its support center, else to its contact. Gives what became of it, for people; raises
    TrackerError where the name is none.
    """
    actor, bare = Actor(author.id, "mail"), name.lstrip("+- ")
    if not bare:
        raise BadValue("name a support center, as in !center USCMS")
    if name.startswith("-"):
        former = centers.find(uow.connection, bare)
        assign.remove_center(uow, ticket.id, former, actor)
        return f"{former.name} has it no more"
    center = _center(uow, bare, grid)
    if center is not None:
        reason = f"{author.name or 'somebody who takes part'} handed it over"
        assign.add_center(uow, ticket.id, center, actor, reason)
        return f"{center.name} has it now"
    contact = _contact(bare, grid)
    if contact is None:
        raise NoSuchCenter(f"there is no support center {bare!r}{_hint(uow, bare, grid)}")
    if ticket.private:
        raise BadValue(f"{bare} has no support center, and a private ticket goes to no contact")
    assign.add_contacts(uow, ticket.id, (contact,), actor)
    return f"the contact of {bare} has it now"


def _center(uow: UnitOfWork, name: str, grid: Grid | None) -> Center | None:
    """The center of that name; else the one that supports the group of that name, or that resource's."""
    with suppress(NoSuchCenter):
        return centers.find(uow.connection, name)
    group = _group(name, grid)
    if group is None or group.center is None:
        return None
    found = centers.lookup(uow.connection, (group.center,)).get(group.center)
    return found if found is not None and found.address is not None and found.takes_tickets(uow.now) else None


def _contact(name: str, grid: Grid | None) -> Contact | None:
    """The contact of a resource, or the one whom all active resources of a group have."""
    address = next(iter(_primaries(name, grid)), None)
    read = None if address is None else read_address(address)
    return (
        None if read is None else Contact(read, f"you are the contact of {name}, to which it was handed over")
    )


def _primaries(name: str, grid: Grid | None) -> tuple[str, ...]:
    resource = _resource(name, grid)
    if resource is not None:
        return () if resource.contact is None else (resource.contact,)
    group = _group(name, grid)
    if grid is None or group is None:
        return ()
    known = {r.contact for r in grid.registry.resources if r.group == group.name and r.active and r.contact}
    return tuple(known) if len(known) == 1 else ()


def _resource(name: str, grid: Grid | None) -> Resource | None:
    key = name_key(name)
    every = () if grid is None else grid.registry.resources
    return next((r for r in every if name_key(r.name) == key or r.fqdn == name.lower()), None)


def _group(name: str, grid: Grid | None) -> ResourceGroup | None:
    if grid is None:
        return None
    resource = _resource(name, grid)
    key = name_key(resource.group if resource is not None else name)
    return next((g for g in grid.registry.groups if name_key(g.name) == key), None)


def _hint(uow: UnitOfWork, name: str, grid: Grid | None) -> str:
    known = [center.name for center in centers.everyone(uow.connection)]
    if grid is not None:
        known += [group.name for group in grid.registry.groups]
    return nearest(name, known)
