"""Tickets from the point of view of rules and searches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from sqlalchemy import Connection, bindparam, select

from routing.facts import TEXT_LIMIT, Facts, Kind, Reading, TicketFacts
from routing.grid import Grid
from routing.query import Query
from tracker.model import Ticket, TicketId
from tracker.storage import people, queues
from tracker.storage import tables as t
from tracker.storage import tickets as store

_BATCH: Final = 100
_TAGS: Final = select(t.ticket_tag.c.ticket_id, t.ticket_tag.c.tag).where(
    t.ticket_tag.c.ticket_id.in_(bindparam("ids", expanding=True))
)


def ticket_facts(connection: Connection, ticket: Ticket) -> TicketFacts:
    """How a ticket stands, as rules see it."""
    return _standing(connection, (ticket,))[ticket.id]


def _standing(connection: Connection, tickets: Sequence[Ticket]) -> dict[TicketId, TicketFacts]:
    ids = [ticket.id for ticket in tickets]
    with_centers: dict[TicketId, list[str]] = defaultdict(list)
    for center in store.centers_of(connection, ids):
        with_centers[center.ticket_id].append(center.name)
    tags: dict[TicketId, list[str]] = defaultdict(list)
    for row in connection.execute(_TAGS, {"ids": ids}):
        tags[TicketId(row.ticket_id)].append(row.tag)
    persons = frozenset(p for one in tickets for p in (one.requester_id, one.owner_id) if p is not None)
    known = people.by_ids(connection, persons)
    return {
        one.id: TicketFacts(
            tags=frozenset(tags[one.id]),
            status=one.status.value,
            priority=one.priority.value,
            opened_at=one.created_at,
            touched_at=one.touched_at,
            private=one.private,
            centers=tuple(with_centers[one.id]),
            requester=known[one.requester_id].address,
            owner=known[one.owner_id].address if one.owner_id is not None else "",
        )
        for one in tickets
    }


def search(
    connection: Connection, query: Query, tickets: Iterable[Ticket], grid: Grid | None, now: datetime
) -> Iterator[Ticket]:
    """Those of `tickets` that meet a query: asked of title, all that was written, and how it stands.

    What can be asked of a mail alone, as its header, no ticket has.
    """
    names = {queue.id: queue.local_part for queue in queues.everyone(connection)}
    waiting = iter(tickets)
    while batch := list(islice(waiting, _BATCH)):
        standing, texts = _standing(connection, batch), _texts(connection, batch)
        for one in batch:
            state = standing[one.id]
            facts = Facts(
                sender=state.requester,
                queue=names.get(one.queue_id, ""),
                topic=one.topic,
                subject=one.title,
                new_text=texts[one.id],
                kinds=frozenset({Kind.PRIVATE} if one.private else ()),
                ticket=state,
                received=now,
                grid=grid,
            )
            if query.test(Reading(facts))[0]:
                yield one


def _texts(connection: Connection, tickets: Sequence[Ticket]) -> dict[TicketId, str]:
    """What was written in each ticket, as far as rules look."""
    found: dict[TicketId, str] = defaultdict(str)
    query = (
        select(t.post.c.ticket_id, t.post.c.new_text)
        .where(t.post.c.ticket_id.in_([one.id for one in tickets]))
        .order_by(t.post.c.ticket_id, t.post.c.n)
    )
    for row in connection.execute(query):
        number = TicketId(row.ticket_id)
        if len(found[number]) < TEXT_LIMIT:
            found[number] += f"{row.new_text}\n"
    return found
