"""New tickets offered, once, to those who asked for such."""

from __future__ import annotations

import logging
from functools import lru_cache

from routing.facts import Facts, Reading
from routing.faults import Fault, place
from routing.query import Query, parse_query
from tracker import tickets
from tracker.events import Actor, Event, Kind
from tracker.model import BadValue, TicketId
from tracker.storage import interests
from tracker.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

_CAUSE = "an interest"


def read_interest(text: str) -> str:
    """A query in its one form; raises BadValue that says where it goes wrong."""
    query = " ".join(text.split())
    try:
        if not query or parse_query(query).unconditional:
            raise BadValue("say of what, as in: interest xrootd")
    except Fault as fault:
        raise BadValue(f"{place(query, fault.offset)}: {fault}") from None
    return query


def offer(uow: UnitOfWork, ticket_id: TicketId, facts: Facts) -> int:
    """Note for whom a new ticket is of interest, if it is public; the notifier tells them, unless they hear
    anyway.
    """
    known = interests.everybodys(uow.connection)
    ticket = tickets.find(uow, ticket_id) if known else None
    if ticket is None or ticket.private:
        return 0
    reading = Reading(facts)
    wanted = {}
    for one in known:
        if (
            one.person_id != ticket.requester_id
            and one.person_id not in wanted
            and _meets(one.query, reading)
        ):
            wanted[one.person_id] = one
    people = interests.holders(uow.connection, tuple(wanted.values()))
    for person_id, one in wanted.items():
        event = Event(
            ticket_id,
            Kind.OFFERED,
            Actor(None, _CAUSE),
            uow.now,
            after=people[person_id].address,
            detail=one.query,
        )
        uow.record_event(event)
    return len(wanted)


def _meets(text: str, reading: Reading) -> bool:
    try:
        return _parsed(text).test(reading)[0]
    # A shell by decision (house rule: total): one bad query costs its owner an offer, never the mail.
    except Exception:
        log.exception("interest=%r failed", text)
        return False


@lru_cache(maxsize=1000)
def _parsed(text: str) -> Query:
    return parse_query(text)
