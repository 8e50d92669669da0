"""A center that presses its way out of a ticket: its staff hear of it, for one of them may want to know."""

from __future__ import annotations

from collections.abc import Iterable

from mailgate import notices
from mailgate.addressed import Asked
from mailgate.addresses import Verb, ticket_address
from mailgate.compose import Composer
from mailgate.notices import Notice
from tracker.model import Address, Ticket
from tracker.nosy import Role
from tracker.storage import centers, queues
from tracker.storage import tickets as store
from tracker.storage.tickets import TicketCenter
from tracker.unit_of_work import UnitOfWork


def tell_staff(uow: UnitOfWork, composer: Composer, asked: Iterable[Asked]) -> None:
    """Tell the staff of each center that left a ticket by a token of its own (product.md, two copies)."""
    for one in asked:
        if one.target.verb in (Verb.UNFOLLOW, Verb.MUTE) and one.ticket_id is not None and one.on_behalf_of:
            ticket = store.resolve(uow.connection, (one.ticket_id,)).get(one.ticket_id)
            if ticket is not None:
                tell_of(uow, composer, ticket, one.on_behalf_of)


def tell_of(uow: UnitOfWork, composer: Composer, ticket: Ticket, address: Address) -> None:
    """Tell the staff of a center that its address left a ticket; nothing where it is none's."""
    center = _center_at(uow, ticket, address)
    if center is not None:
        _tell(uow, composer, ticket, center)


def _center_at(uow: UnitOfWork, ticket: Ticket, address: Address) -> TicketCenter | None:
    there = store.centers_of(uow.connection, (ticket.id,))
    return next((center for center in there if center.address == address), None)


def _tell(uow: UnitOfWork, composer: Composer, ticket: Ticket, center: TicketCenter) -> None:
    queue = next(one for one in queues.everyone(uow.connection) if one.id == ticket.queue_id)
    reason = f"you are staff of {center.name}"
    for person in centers.members(uow.connection, center.center_id):
        if person.address == center.address:
            continue
        follow = ticket_address(queue, ticket.id, "follow", composer.keys.reply(ticket.id, person.address))
        body = composer.render(
            "center/left.txt.j2",
            center=center.name,
            number=ticket.id,
            title=ticket.title,
            follow=follow,
            reason=reason,
            unfollow=ticket_address(queue, ticket.id, "unfollow"),
        )
        key = f"{ticket.id}.left.{center.center_id}.{person.id}.{int(uow.now.timestamp())}"
        notice = Notice(key, queue, person.address, "", body, reason, role=Role.CENTER, about=ticket)
        notices.send(uow.connection, composer, notice, uow.now)
