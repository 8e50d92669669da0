"""Tickets told by mail to who asks for them: only what they may see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from sqlalchemy import Connection, select

from mailgate.addresses import ticket_address
from mailgate.ticketsearch import check_asks_tickets, search
from routing.faults import Fault, RoutingError, place
from routing.grid import Grid
from routing.query import Query, parse_query
from tracker import rights
from tracker.model import BadValue, Queue, Status, Ticket
from tracker.rights import Proof
from tracker.storage import tables as t
from tracker.storage import tickets as store
from tracker.storage import topics
from tracker.storage.people import Sender

_MOST: Final = 25
_LOOKED_AT: Final = 2000


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks, and when; not `believed`: what is public, whoever they say they are."""

    sender: Sender | None
    believed: bool
    now: datetime

    def may_see(self, connection: Connection, ticket: Ticket) -> bool:
        proof = Proof.ALIGNED if self.believed else Proof.NOTHING
        return rights.may_see(connection, self.sender, ticket, proof)


def found(connection: Connection, queue: Queue, query: str, reader: Reader, grid: Grid | None) -> str:
    """The tickets that meet a query, or the open ones of a list where it is "", as lines of text.

    Raises BadValue where the query is none.
    """
    asked = _parsed(query) if query else None
    known = (one for one in _newest(connection, None if asked else queue) if reader.may_see(connection, one))
    tickets = known if asked is None else search(connection, asked, known, grid, reader.now)
    seen = list(islice(tickets, _MOST + 1))
    if not seen:
        return "No ticket that you may see meets this." if query else "No ticket is open."
    lines = [line for ticket in seen[:_MOST] for line in _lines(ticket, queue)]
    if len(seen) > _MOST:
        lines.append(f"... and more; these are the {_MOST} that something happened on last.")
    return "\n".join(lines)


def _parsed(text: str) -> Query:
    try:
        query = parse_query(text)
        check_asks_tickets(query)
    except Fault as fault:
        raise BadValue(f"{place(text, fault.offset)}: {fault}") from None
    except RoutingError as error:
        raise BadValue(str(error)) from None
    return query


def _newest(connection: Connection, queue: Queue | None) -> Iterator[Ticket]:
    """Tickets, newest activity first: the open ones of a list, or with None all of them."""
    ticket = t.ticket.c
    query = select(t.ticket).where(ticket.merged_into.is_(None))
    if queue is not None:
        query = query.where(ticket.queue_id == queue.id, ticket.status != Status.RESOLVED.value)
    query = query.order_by(ticket.touched_at.desc(), ticket.id.desc()).limit(_LOOKED_AT)
    return (store.ticket_of(row) for row in connection.execute(query).all())


def _lines(ticket: Ticket, queue: Queue) -> Iterator[str]:
    yield f"#{ticket.id} {ticket.status.value:8} {ticket.title[:60]}"
    yield f"    {ticket_address(queue, ticket.id, 'show')}"


def topics_of(connection: Connection, queue: Queue) -> str:
    """The topics of a list, a line each."""
    known = topics.of_list(connection, queue.id)
    if not known:
        address = f"{queue.local_part}+topic.NAME@{queue.domain}"
        return f"There are no topics yet; the first mail to {address} makes one."
    return "\n".join(
        f"{one.name}: {one.tickets} tickets{'' if one.closed_at is None else ', closed'}" for one in known
    )
