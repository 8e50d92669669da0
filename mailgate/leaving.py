"""What one click on the way out of a mail leaves (RFC 8058): it depends on why the mail came."""

from __future__ import annotations

from typing import Final

from mailgate import centerleaves
from mailgate.compose import Composer
from mailgate.waysout import Leave, What
from tracker import nosy
from tracker.events import Actor
from tracker.model import NoSuchTicket, TicketId
from tracker.storage import contacts, people, queues
from tracker.storage import tickets as store
from tracker.unit_of_work import UnitOfWork

_CAUSE: Final = "mail (one click)"


def carry_out(uow: UnitOfWork, composer: Composer, leave: Leave) -> None:
    """Leave. The same again changes nothing. Raises NoSuchTicket for a ticket that is gone."""
    connection = uow.connection
    if leave.what is What.CONTACT:
        contacts.suppress(connection, leave.address, "asked for it by one click", uow.now)
        return
    if leave.what is What.TICKET:
        person = people.register(connection, leave.address, "", uow.now)
        ticket = store.resolve(connection, (TicketId(leave.number),)).get(TicketId(leave.number))
        if ticket is None:
            raise NoSuchTicket(f"there is no ticket {leave.number}")
        left = nosy.leave(uow, ticket.id, person, Actor(person.id, _CAUSE))
        if left:
            centerleaves.tell_of(uow, composer, ticket, leave.address)
        return
    sender = people.find_sender(connection, leave.address)
    if sender is not None:
        queues.unsubscribe(connection, leave.queue.id, sender.person.id)
