"""What contacts were not told of at once, in one mail a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection

from mailgate import notices
from mailgate.addresses import ticket_address
from mailgate.compose import Composer
from mailgate.notices import Notice
from tracker.model import Address, ContactState, Queue, Ticket
from tracker.nosy import Role
from tracker.storage import contacts, queues
from tracker.storage import tickets as store
from tracker.storage.contacts import TicketContact

_REASON = "you are a contact of the grid's registry, and were told of some tickets already"


@dataclass(frozen=True, slots=True)
class _Item:
    number: int
    title: str
    why: str
    follow: str


def send_all(connection: Connection, composer: Composer, now: datetime) -> int:
    """One mail to each contact for whom something waits; gives how many."""
    waiting = contacts.waiting(connection)
    unwilling = contacts.suppressed(connection, (one.address for one in waiting))
    lists = {queue.id: queue for queue in queues.everyone(connection)}
    tickets = store.resolve(connection, {one.ticket_id for one in waiting})
    sent = 0
    for address, group in groupby(waiting, key=lambda one: one.address):
        mine = list(group)
        for one in mine:
            contacts.set_state(connection, one.ticket_id, address, ContactState.TOLD)
        shown = [(one, tickets[one.ticket_id]) for one in mine if not tickets[one.ticket_id].private]
        if shown and address not in unwilling:
            queue = lists[shown[0][1].queue_id]
            notices.send(connection, composer, _notice(composer, queue, address, shown, now), now)
            sent += 1
    return sent


def _notice(
    composer: Composer,
    queue: Queue,
    address: Address,
    shown: Sequence[tuple[TicketContact, Ticket]],
    now: datetime,
) -> Notice:
    items = [
        _Item(
            ticket.id,
            ticket.title,
            one.why or "the routing rules name you for it",
            ticket_address(queue, ticket.id, "follow", composer.keys.reply(ticket.id, address)),
        )
        for one, ticket in shown
    ]
    never_again = f"{queue.local_part}+unsubscribe.{composer.keys.contact(address)}@{queue.domain}"
    body = composer.render("digest/contact.txt.j2", items=items, tag=queue.tag, never_again=never_again)
    count = f"{len(items)} ticket{'' if len(items) == 1 else 's'} that you may know of"
    key = f"contact-digest.{int(now.timestamp())}.{composer.keys.contact(address)[:8]}"
    return Notice(key, queue, address, f"[{queue.tag}] {count}", body, _REASON, Role.CONTACT)
