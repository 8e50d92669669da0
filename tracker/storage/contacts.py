"""Contacts of tickets, and the addresses that never want to be one again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select, update

from tracker.model import Address, ContactState, TicketId
from tracker.storage import tables as t


@dataclass(frozen=True, slots=True)
class TicketContact:
    """An address that a ticket was or will be told to, and why (half a sentence after "because")."""

    ticket_id: TicketId
    address: Address
    why: str
    state: ContactState
    at: datetime


_OF_TICKETS: Final = (
    select(t.ticket_contact)
    .where(t.ticket_contact.c.ticket_id.in_(bindparam("ids", expanding=True)))
    .order_by(t.ticket_contact.c.ticket_id, t.ticket_contact.c.at, t.ticket_contact.c.address)
)
_SUPPRESSED: Final = select(t.suppression.c.address).where(
    t.suppression.c.address.in_(bindparam("addresses", expanding=True))
)


def of_tickets(connection: Connection, ids: Iterable[TicketId]) -> tuple[TicketContact, ...]:
    """The contacts of those tickets."""
    wanted = sorted(set(ids))
    rows = connection.execute(_OF_TICKETS, {"ids": wanted}) if wanted else ()
    return tuple(
        TicketContact(TicketId(row.ticket_id), Address(row.address), row.why, ContactState(row.state), row.at)
        for row in rows
    )


def add(connection: Connection, contacts: Iterable[TicketContact]) -> None:
    """Keep contacts that their tickets do not have yet."""
    rows = [
        {"ticket_id": c.ticket_id, "address": c.address, "why": c.why, "state": c.state.value, "at": c.at}
        for c in contacts
    ]
    if rows:
        connection.execute(insert(t.ticket_contact), rows)


def told_since(connection: Connection, address: Address, since: datetime) -> int:
    """Of how many tickets a contact was told since a time."""
    mine = t.ticket_contact.c.address == address
    late = (t.ticket_contact.c.at > since) & (t.ticket_contact.c.state == ContactState.TOLD.value)
    return connection.execute(
        select(func.count()).select_from(t.ticket_contact).where(mine & late)
    ).scalar_one()


def waiting(connection: Connection) -> tuple[TicketContact, ...]:
    """What contacts have not been told of yet: it waits for their digest."""
    query = (
        select(t.ticket_contact)
        .where(t.ticket_contact.c.state == ContactState.DIGEST.value)
        .order_by(t.ticket_contact.c.address, t.ticket_contact.c.at)
    )
    return tuple(
        TicketContact(TicketId(row.ticket_id), Address(row.address), row.why, ContactState(row.state), row.at)
        for row in connection.execute(query)
    )


def set_state(connection: Connection, ticket_id: TicketId, address: Address, state: ContactState) -> None:
    connection.execute(update(t.ticket_contact).where(_one(ticket_id, address)).values(state=state.value))


def remove(connection: Connection, ticket_id: TicketId, address: Address) -> None:
    connection.execute(delete(t.ticket_contact).where(_one(ticket_id, address)))


def _one(ticket_id: TicketId, address: Address) -> ColumnElement[bool]:
    return (t.ticket_contact.c.ticket_id == ticket_id) & (t.ticket_contact.c.address == address)


def suppressed(connection: Connection, addresses: Iterable[Address]) -> frozenset[Address]:
    """Those of `addresses` that want no mail as contacts."""
    wanted = sorted(set(addresses))
    rows = connection.execute(_SUPPRESSED, {"addresses": wanted}) if wanted else ()
    return frozenset(Address(row.address) for row in rows)


@dataclass(frozen=True, slots=True)
class Suppressed:
    """An address that wants no mail as a contact, why, and since when."""

    address: Address
    cause: str
    at: datetime


def unwilling(connection: Connection) -> tuple[Suppressed, ...]:
    """All that want no mail as contacts."""
    rows = connection.execute(select(t.suppression).order_by(t.suppression.c.address))
    return tuple(Suppressed(Address(row.address), row.cause, row.at) for row in rows)


def suppress(connection: Connection, address: Address, cause: str, now: datetime) -> bool:
    """Never again write to an address as a contact; False when that is so already."""
    if suppressed(connection, (address,)):
        return False
    connection.execute(insert(t.suppression).values(address=address, cause=cause, at=now))
    return True


def allow(connection: Connection, address: Address) -> bool:
    """Write to an address as a contact again; False when nothing kept us from it."""
    return connection.execute(delete(t.suppression).where(t.suppression.c.address == address)).rowcount > 0
