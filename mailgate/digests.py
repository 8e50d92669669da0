"""Lines that wait for one mail a day: for a list, or for the owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from mailgate import deliveries, notices
from mailgate.addresses import ticket_address
from mailgate.compose import Composer
from mailgate.notices import Notice
from mailgate.tables import digest_item as t
from tracker.model import Address, Delivery, Queue, QueueId, TicketId
from tracker.nosy import Face, Role, Told
from tracker.storage import queues
from tracker.storage import tickets as store

_REASON = "you are subscribed to this list"


@dataclass(frozen=True, slots=True)
class Item:
    """One line: of which ticket, and what there is to say."""

    id: int
    ticket_id: TicketId
    text: str


def of_list(queue_id: QueueId) -> str:
    """The audience of a list."""
    return f"list {queue_id}"


def add(connection: Connection, audience: str, ticket_id: TicketId, text: str, now: datetime) -> None:
    connection.execute(insert(t).values(audience=audience, ticket_id=ticket_id, text=text, created_at=now))


def waiting(connection: Connection, audience: str) -> tuple[Item, ...]:
    """What waits for an audience, oldest first."""
    rows = connection.execute(select(t).where(t.c.audience == audience).order_by(t.c.id))
    return tuple(Item(row.id, TicketId(row.ticket_id), row.text) for row in rows)


def send_to_lists(connection: Connection, composer: Composer, now: datetime) -> int:
    """One mail to the subscribers of each list for which something waits; gives to how many lists."""
    sent = 0
    for queue in queues.everyone(connection):
        items = waiting(connection, of_list(queue.id))
        if items:
            sent += _send(connection, composer, queue, items, now)
            connection.execute(delete(t).where(t.c.id.in_([item.id for item in items])))
    return sent


def _send(
    connection: Connection, composer: Composer, queue: Queue, items: Sequence[Item], now: datetime
) -> int:
    tickets = store.resolve(connection, {item.ticket_id for item in items})
    lines = [
        {
            "number": tickets[item.ticket_id].id,
            "title": tickets[item.ticket_id].title,
            "text": item.text,
            "address": ticket_address(queue, tickets[item.ticket_id].id),
        }
        for item in items
        if item.ticket_id in tickets and not tickets[item.ticket_id].private
    ]
    told = [
        Told(one.person.address, one.person.id, Face.NOTICE, _REASON, Role.SUBSCRIBER)
        for one in queues.subscribers(connection, queue.id)
        # Where a list manager stands in front, its list gets nothing from us.
        if one.delivery is not Delivery.NONE and not queue.front
    ]
    if not lines or not told:
        return 0
    way_out = f"{queue.local_part}-unsubscribe@{queue.domain}"
    body = composer.render("digest/list.txt.j2", items=lines, tag=queue.tag, way_out=way_out)
    count = f"Tickets that wait for somebody: {len(lines)}"
    key = f"list-digest.{queue.id}.{int(now.timestamp())}"
    notice = Notice(
        key, queue, Address(queue.address), f"[{queue.tag}] {count}", body, _REASON, Role.SUBSCRIBER
    )
    deliveries.add(connection, notices.compose_notice(composer, notice, now), told, now)
    return 1
