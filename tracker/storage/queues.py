"""Lists, and who is subscribed to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from tracker.model import Address, Delivery, NoSuchQueue, Person, PersonId, Queue, QueueId
from tracker.storage import tables as t
from tracker.words import nearest

# From so many subscribers on, those who come get openings only, unless they choose otherwise.
_SMALL_LIST: Final = 50


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One person on one list, and what they chose to get."""

    queue_id: QueueId
    person: Person
    delivery: Delivery


def everyone(connection: Connection) -> tuple[Queue, ...]:
    """All lists, oldest first."""
    return tuple(_queue(row) for row in connection.execute(select(t.queue).order_by(t.queue.c.id)))


def _queue(row: Row[Any]) -> Queue:
    return Queue(QueueId(row.id), row.local_part, row.domain, row.tag, row.title)


def find(connection: Connection, name: str) -> Queue:
    """The list called `name`: its local part, its address, or its tag in any case."""
    wanted = name.casefold()
    for queue in everyone(connection):
        if wanted in (queue.local_part.casefold(), queue.address.casefold(), queue.tag.casefold()):
            return queue
    hint = nearest(name, [queue.local_part for queue in everyone(connection)])
    raise NoSuchQueue(f"there is no list {name!r}{hint}")


def create(connection: Connection, queue: Queue, now: datetime) -> Queue:
    """Make a list; `queue.id` is ignored. IntegrityError when the address is taken."""
    values = {
        "local_part": queue.local_part,
        "domain": queue.domain,
        "tag": queue.tag,
        "title": queue.title,
        "created_at": now,
    }
    made = connection.execute(insert(t.queue).returning(t.queue.c.id), values).scalar_one()
    return Queue(QueueId(made), queue.local_part, queue.domain, queue.tag, queue.title)


def subscribe(
    connection: Connection, queue_id: QueueId, person_id: PersonId, delivery: Delivery | None, now: datetime
) -> Delivery:
    """Put a person on a list, or change what they get; None means the list's default for newcomers."""
    mine = (t.subscription.c.queue_id == queue_id) & (t.subscription.c.person_id == person_id)
    present = connection.execute(select(t.subscription.c.delivery).where(mine)).scalar()
    if present is not None:
        chosen = delivery or Delivery(present)
        connection.execute(update(t.subscription).where(mine).values(delivery=chosen.value))
        return chosen
    chosen = delivery or _default_delivery(connection, queue_id)
    values = {"queue_id": queue_id, "person_id": person_id, "delivery": chosen.value, "since": now}
    connection.execute(insert(t.subscription), values)
    return chosen


def _default_delivery(connection: Connection, queue_id: QueueId) -> Delivery:
    on_it = select(func.count()).select_from(t.subscription).where(t.subscription.c.queue_id == queue_id)
    return Delivery.ALL if connection.execute(on_it).scalar_one() < _SMALL_LIST else Delivery.NEW


def unsubscribe(connection: Connection, queue_id: QueueId, person_id: PersonId) -> bool:
    """Take a person off a list; False when they were not on it."""
    mine = (t.subscription.c.queue_id == queue_id) & (t.subscription.c.person_id == person_id)
    return connection.execute(delete(t.subscription).where(mine)).rowcount > 0


def subscribers(connection: Connection, queue_id: QueueId | None = None) -> tuple[Subscriber, ...]:
    """Who is on a list, or on any, in the order they came."""
    query = (
        select(t.subscription, t.person.c.id, t.person.c.address, t.person.c.name, t.person.c.member)
        .join(t.person, t.person.c.id == t.subscription.c.person_id)
        .order_by(t.subscription.c.since, t.person.c.id)
    )
    if queue_id is not None:
        query = query.where(t.subscription.c.queue_id == queue_id)
    return tuple(_subscriber(row) for row in connection.execute(query))


def _subscriber(row: Row[Any]) -> Subscriber:
    person = Person(PersonId(row.id), Address(row.address), row.name, row.member)
    return Subscriber(QueueId(row.queue_id), person, Delivery(row.delivery))
