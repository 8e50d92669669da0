"""Lists, and who is subscribed to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from tracker.model import Address, Delivery, NoSuchQueue, Person, PersonId, Queue, QueueId
from tracker.storage import journal
from tracker.storage import tables as t
from tracker.words import nearest

# From so many subscribers on, those who come get openings only, unless they choose otherwise.
_SMALL_LIST: Final = 50
_SEPARATOR: Final = "\n"

_EVERYONE: Final = (
    select(
        t.queue,
        t.queue_alias.c.local_part.label("alias_local"),
        t.queue_alias.c.domain.label("alias_domain"),
    )
    .outerjoin(t.queue_alias, t.queue_alias.c.queue_id == t.queue.c.id)
    .order_by(t.queue.c.id, t.queue_alias.c.domain, t.queue_alias.c.local_part)
)
_SUBSCRIBERS: Final = (
    select(t.subscription, t.person.c.id, t.person.c.address, t.person.c.name, t.person.c.member)
    .join(t.person, t.person.c.id == t.subscription.c.person_id)
    .order_by(t.subscription.c.since, t.person.c.id)
)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One person on one list, and what they chose to get.

    `words`: the topics or centers, case folded, where `delivery` asks for such. `away_until`: on vacation,
    nothing of the list reaches them before. `plain_digest`: digests as one text (RFC 1153), not MIME.
    """

    queue_id: QueueId
    person: Person
    delivery: Delivery
    words: tuple[str, ...] = ()
    away_until: datetime | None = None
    plain_digest: bool = False

    def is_away(self, now: datetime) -> bool:
        return self.away_until is not None and now < self.away_until


def everyone(connection: Connection) -> tuple[Queue, ...]:
    """All lists, oldest first."""
    found: dict[QueueId, Queue] = {}
    for row in connection.execute(_EVERYONE):
        queue = found.get(QueueId(row.id)) or _queue(row)
        alias = () if row.alias_local is None else (f"{row.alias_local}@{row.alias_domain}",)
        found[queue.id] = replace(queue, aliases=(*queue.aliases, *alias))
    return tuple(found.values())


def _queue(row: Row[Any]) -> Queue:
    return Queue(
        QueueId(row.id),
        row.local_part,
        row.domain,
        row.tag,
        row.title,
        first_address=row.first_address,
        front=row.front,
        front_address=row.front_address,
    )


def find(connection: Connection, name: str) -> Queue:
    """The list called `name`: its local part, its address, or its tag in any case; else another of its
    addresses, or what stood before the @ in one.
    """
    wanted = name.casefold()
    known = everyone(connection)
    for queue in known:
        if wanted in (queue.local_part.casefold(), queue.address.casefold(), queue.tag.casefold()):
            return queue
    for queue in known:
        if any(wanted in (alias.casefold(), alias.partition("@")[0].casefold()) for alias in queue.aliases):
            return queue
    hint = nearest(name, [queue.local_part for queue in known])
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


def rename(connection: Connection, queue: Queue, title: str) -> None:
    """Let List-Id say something else of a list."""
    connection.execute(update(t.queue).where(t.queue.c.id == queue.id).values(title=title))


def set_front(connection: Connection, queue: Queue, front: str, address: str) -> None:
    """Put a list manager in front of a list, or with "" none."""
    values = {"front": front, "front_address": address}
    connection.execute(update(t.queue).where(t.queue.c.id == queue.id).values(values))


def move(connection: Connection, queue: Queue, address: str) -> None:
    """Give a list another address; that of before goes on meaning it. IntegrityError when it is taken."""
    local, _, domain = address.rpartition("@")
    remove_alias(connection, queue, address)
    values = {
        "local_part": local,
        "domain": domain,
        "first_address": queue.first_address or queue.address,
    }
    connection.execute(update(t.queue).where(t.queue.c.id == queue.id).values(values))
    add_alias(connection, queue, queue.address)


def add_alias(connection: Connection, queue: Queue, address: str) -> None:
    """Let another address mean a list. IntegrityError when it means one already."""
    local, _, domain = address.rpartition("@")
    values = {"queue_id": queue.id, "local_part": local, "domain": domain}
    connection.execute(insert(t.queue_alias), values)


def remove_alias(connection: Connection, queue: Queue, address: str) -> bool:
    """Let an address mean a list no more; False when it was none of its aliases."""
    local, _, domain = address.rpartition("@")
    this = (t.queue_alias.c.local_part == local) & (t.queue_alias.c.domain == domain)
    mine = this & (t.queue_alias.c.queue_id == queue.id)
    return connection.execute(delete(t.queue_alias).where(mine)).rowcount > 0


def subscribe(
    connection: Connection, queue_id: QueueId, person_id: PersonId, delivery: Delivery | None, now: datetime
) -> Delivery:
    """Put a person on a list, or change what they get; None means the list's default for newcomers."""
    mine = _mine(queue_id, person_id)
    present = connection.execute(select(t.subscription.c.delivery).where(mine)).scalar()
    if present is not None:
        if delivery is not None:
            set_delivery(connection, queue_id, person_id, delivery, now)
        return delivery or Delivery(present)
    chosen = delivery or _default_delivery(connection, queue_id)
    values = {"queue_id": queue_id, "person_id": person_id, "delivery": chosen.value, "since": now}
    connection.execute(insert(t.subscription), values)
    if chosen is Delivery.DIGEST:
        _begin_digests(connection, queue_id, now)
    return chosen


def _default_delivery(connection: Connection, queue_id: QueueId) -> Delivery:
    on_it = select(func.count()).select_from(t.subscription).where(t.subscription.c.queue_id == queue_id)
    return Delivery.ALL if connection.execute(on_it).scalar_one() < _SMALL_LIST else Delivery.NEW


def set_delivery(
    connection: Connection,
    queue_id: QueueId,
    person_id: PersonId,
    delivery: Delivery,
    now: datetime,
    words: Sequence[str] = (),
) -> None:
    """Change what a subscriber gets; `words`: which topics or centers."""
    values = {"delivery": delivery.value, "words": _SEPARATOR.join(word.casefold() for word in words)}
    connection.execute(update(t.subscription).where(_mine(queue_id, person_id)).values(values))
    if delivery is Delivery.DIGEST:
        _begin_digests(connection, queue_id, now)


def _begin_digests(connection: Connection, queue_id: QueueId, now: datetime) -> None:
    """The first who chooses digests finds in them what comes from now on."""
    known = select(t.list_digest.c.queue_id).where(t.list_digest.c.queue_id == queue_id)
    if connection.execute(known).first() is None:
        values = {"queue_id": queue_id, "number": 0, "event_id": journal.newest(connection), "sent_at": now}
        connection.execute(insert(t.list_digest).values(values))


def set_vacation(
    connection: Connection, queue_id: QueueId, person_id: PersonId, until: datetime | None
) -> None:
    """Let nothing of the list reach a subscriber until then; None ends it."""
    connection.execute(update(t.subscription).where(_mine(queue_id, person_id)).values(away_until=until))


def set_plain_digest(connection: Connection, queue_id: QueueId, person_id: PersonId, *, plain: bool) -> None:
    connection.execute(update(t.subscription).where(_mine(queue_id, person_id)).values(plain_digest=plain))


def subscriber(connection: Connection, queue_id: QueueId, person_id: PersonId) -> Subscriber | None:
    """How somebody is on a list; None when they are not."""
    row = connection.execute(_SUBSCRIBERS.where(_mine(queue_id, person_id))).first()
    return None if row is None else _subscriber(row)


def _mine(queue_id: QueueId, person_id: PersonId) -> ColumnElement[bool]:
    return (t.subscription.c.queue_id == queue_id) & (t.subscription.c.person_id == person_id)


def unsubscribe(connection: Connection, queue_id: QueueId, person_id: PersonId) -> bool:
    """Take a person off a list; False when they were not on it."""
    mine = _mine(queue_id, person_id)
    return connection.execute(delete(t.subscription).where(mine)).rowcount > 0


def subscribers(connection: Connection, queue_id: QueueId | None = None) -> tuple[Subscriber, ...]:
    """Who is on a list, or on any, in the order they came."""
    query = _SUBSCRIBERS
    if queue_id is not None:
        query = query.where(t.subscription.c.queue_id == queue_id)
    return tuple(_subscriber(row) for row in connection.execute(query))


def _subscriber(row: Row[Any]) -> Subscriber:
    person = Person(PersonId(row.id), Address(row.address), row.name, row.member)
    words = tuple(row.words.split(_SEPARATOR)) if row.words else ()
    return Subscriber(
        QueueId(row.queue_id), person, Delivery(row.delivery), words, row.away_until, row.plain_digest
    )
