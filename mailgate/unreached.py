"""Contacts and centers whose copy came back: the community hears of it, of a private ticket the owner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from mailgate import deliveries, digests, notices
from mailgate.compose import Composer
from mailgate.notices import Notice
from tracker.events import Actor, Kind
from tracker.model import Address, ContactState, Ticket
from tracker.storage import contacts, journal, queues
from tracker.storage import tickets as store
from tracker.unit_of_work import UnitOfWork

_LOOK_BACK: Final = timedelta(days=7)
_CAUSE: Final = "its copy came back"


class Unreached:
    """The errand that looks for copies that came back."""

    def __init__(self, composer: Composer, owners: Sequence[Address]) -> None:
        self._composer = composer
        self._owners = owners

    def look(self, connection: Connection, now: datetime) -> int:
        """Deal with each copy to a contact or center that failed for good, once; gives how many."""
        uow = UnitOfWork(connection, now)
        lost = deliveries.lost(connection, now - _LOOK_BACK)
        tickets = store.resolve(connection, {one.ticket_id for one in lost})
        found = 0
        for one in lost:
            ticket = tickets[one.ticket_id]
            if not _is_known(connection, ticket, one.address):
                self._deal_with(uow, ticket, one.address)
                found += 1
        uow.flush()
        return found

    def _deal_with(self, uow: UnitOfWork, ticket: Ticket, address: Address) -> None:
        contacts.set_state(uow.connection, ticket.id, address, ContactState.UNREACHED)
        uow.record(ticket.id, Kind.UNREACHED, Actor(None, _CAUSE), before=address)
        uow.flush()
        if ticket.private:
            self._tell_owners(uow, ticket)
            return
        # Who it was for is not the list's to know.
        text = "whom it was routed to could not be reached"
        digests.add(uow.connection, digests.of_list(ticket.queue_id), ticket.id, text, uow.now)

    def _tell_owners(self, uow: UnitOfWork, ticket: Ticket) -> None:
        queue = next(one for one in queues.everyone(uow.connection) if one.id == ticket.queue_id)
        text = "whom it was routed to could not be reached"
        body = self._composer.render("owner/silent.txt.j2", number=ticket.id, text=text)
        for owner in self._owners:
            key = f"unreached.{ticket.id}.{int(uow.now.timestamp())}.{owner.partition('@')[0]}"
            subject = f"[{queue.tag}] Ticket {ticket.id} reached nobody"
            reason = "you are the owner of this instance"
            notices.send(
                uow.connection, self._composer, Notice(key, queue, owner, subject, body, reason), uow.now
            )


def _is_known(connection: Connection, ticket: Ticket, address: Address) -> bool:
    events = (row.event for row in journal.history(connection, ticket.id))
    return any(event.kind is Kind.UNREACHED and event.before == address for event in events)
