"""A reader called a mail of ours unwanted (RFC 5965): they get no more of what it was about."""

from __future__ import annotations

from mailgate import bouncing
from mailgate.deliveries import Sent
from tracker import nosy
from tracker.events import Actor
from tracker.nosy import Role
from tracker.storage import contacts, people, queues
from tracker.storage import tickets as store
from tracker.unit_of_work import UnitOfWork

_CAUSE = "a complaint"


def heed(uow: UnitOfWork, sent: Sent) -> None:
    """Take whom a mail was sent to off its list, or its ticket, or make that they are no contact again."""
    said = _leave(uow, sent)
    if said:
        bouncing.for_owner(uow.connection, f"{sent.address} called our mail unwanted: {said}", uow.now)


def _leave(uow: UnitOfWork, sent: Sent) -> str:
    person = people.register(uow.connection, sent.address, "", uow.now)
    if sent.role is Role.SUBSCRIBER:
        return "it is off the list" if queues.unsubscribe(uow.connection, sent.queue_id, person.id) else ""
    if sent.role is Role.CONTACT:
        contacts.suppress(uow.connection, sent.address, _CAUSE, uow.now)
        return "it is asked as a contact no more"
    ticket = (
        None
        if sent.ticket_id is None
        else store.resolve(uow.connection, (sent.ticket_id,)).get(sent.ticket_id)
    )
    if ticket is None:
        return "nothing was about to follow"
    muted = nosy.mute(uow, ticket.id, person, Actor(person.id, _CAUSE))
    return f"it gets no more of ticket {ticket.id}" if muted else ""
