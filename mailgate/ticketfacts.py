"""How tickets stand, as rules and searches see it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, select

from routing.facts import TicketFacts
from tracker.model import Ticket, TicketId
from tracker.storage import people
from tracker.storage import tables as t
from tracker.storage import tickets as store

_TAGS: Final = select(t.ticket_tag.c.ticket_id, t.ticket_tag.c.tag).where(
    t.ticket_tag.c.ticket_id.in_(bindparam("ids", expanding=True))
)


def ticket_facts(connection: Connection, ticket: Ticket) -> TicketFacts:
    """How a ticket stands, as rules see it."""
    return standing(connection, (ticket,))[ticket.id]


def standing(connection: Connection, tickets: Sequence[Ticket]) -> dict[TicketId, TicketFacts]:
    """How each of some tickets stands."""
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
