"""Which trackers are told of a post or a change, each as its profile wants it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from mailgate import deliveries
from mailgate.addresses import exchange_address
from mailgate.exchange import store
from mailgate.exchange.copies import Wording
from mailgate.exchange.hearing import cause_of
from mailgate.exchange.store import Exchange
from mailgate.tokens import Keys
from tracker.model import Address, CenterId, PostId, Queue, Status, Ticket, TicketId
from tracker.nosy import Face, Role, Told
from tracker.storage import centers as center_store
from tracker.storage import journal
from tracker.storage.tickets import TicketCenter

# Two trackers that answer each other are stopped by this, whatever else fails to.
MOST_AN_HOUR: Final = 20


@dataclass(frozen=True, slots=True)
class Tracker:
    """The tracker of a center that a ticket is with; `pair`: what it calls that, None: not known yet.

    `ended`: over there the matter is resolved.
    """

    exchange: Exchange
    pair: store.Pair | None

    @property
    def number(self) -> str | None:
        return None if self.pair is None else self.pair.foreign_id

    @property
    def ended(self) -> bool:
        word = "" if self.pair is None else self.pair.foreign_status
        return dict(self.exchange.profile.theirs).get(word) is Status.RESOLVED

    @property
    def address(self) -> Address | None:
        """Where what is to be told of the ticket goes."""
        comment = self.exchange.profile.comment
        return comment if self.ended and comment is not None else self.exchange.address

    @property
    def told(self) -> Told | None:
        if self.address is None:
            return None
        known = f", where it is {self.number}" if self.number is not None else ""
        reason = f"the ticket is shared with the tracker of {self.exchange.center}{known}"
        return Told(self.address, None, Face.TICKET, reason, Role.EXCHANGE)


@dataclass(frozen=True, slots=True)
class Trackers:
    """Those of the centers of some tickets, the staff of these, and which of them wrote which post."""

    by_ticket: dict[TicketId, tuple[Tracker, ...]]
    staff: dict[CenterId, tuple[Address, ...]]
    authors: dict[PostId, frozenset[str]]

    def of(self, ticket: Ticket) -> tuple[Tracker, ...]:
        """Whom a ticket is shared with: nobody while it is private."""
        return () if ticket.private else self.by_ticket.get(ticket.id, ())

    def told_of_post(self, ticket: Ticket, post_id: PostId, author: Address) -> tuple[Told, ...]:
        """The trackers that a post goes to: not to the one that wrote it."""
        wrote = self.authors.get(post_id, frozenset())
        return tuple(
            told
            for one in self.of(ticket)
            if one.exchange.center not in wrote and author not in one.exchange.addresses
            if (told := one.told) is not None
        )

    def told_of_change(self, ticket: Ticket, cause: str) -> tuple[Told, ...]:
        """The trackers that a change of the status goes to: not to the one that caused it."""
        others = (one for one in self.of(ticket) if cause_of(one.exchange.center) != cause)
        return tuple(told for one in others if (told := one.told) is not None)

    def at(self, ticket: Ticket, address: Address) -> Tracker:
        """The one that is told of a ticket at an address of its."""
        return next(one for one in self.of(ticket) if one.address == address)

    def apart(self, ticket: Ticket, centers: Iterable[TicketCenter]) -> tuple[TicketCenter, ...]:
        """The centers as they are told beside their trackers: who has one is not told at its own address.

        A private ticket is kept from trackers; people of the center may read it.
        """
        shared = {one.exchange.center_id for one in self.by_ticket.get(ticket.id, ())}
        others = tuple(center for center in centers if center.center_id not in shared)
        if not ticket.private or not shared:
            return others
        kept = (center for center in centers if center.center_id in shared)
        return (
            *others,
            *(replace(one, address=address) for one in kept for address in self.staff[one.center_id]),
        )


def read_trackers(
    connection: Connection, centers: Sequence[TicketCenter], post_ids: Iterable[PostId]
) -> Trackers:
    """The trackers of the `centers` of tickets, and those that wrote the posts."""
    exchanges = store.of_centers(connection, {center.center_id for center in centers})
    if not exchanges:
        return Trackers({}, {}, {})
    shared = [center for center in centers if center.center_id in exchanges]
    numbers: dict[tuple[TicketId, CenterId], store.Pair] = {}
    for pair in store.pairs(connection, {center.ticket_id for center in shared}):
        # What it called the ticket first is what people there know it by.
        numbers.setdefault((pair.ticket_id, pair.center_id), pair)
    found: dict[TicketId, list[Tracker]] = defaultdict(list)
    for center in shared:
        exchange = exchanges[center.center_id]
        found[center.ticket_id].append(Tracker(exchange, numbers.get((center.ticket_id, center.center_id))))
    staff = {
        center_id: tuple(person.address for person in center_store.members(connection, center_id))
        for center_id in exchanges
    }
    return Trackers(
        {key: tuple(value) for key, value in found.items()}, staff, _authors(connection, exchanges, post_ids)
    )


def _authors(
    connection: Connection, exchanges: dict[CenterId, Exchange], post_ids: Iterable[PostId]
) -> dict[PostId, frozenset[str]]:
    centers = {cause_of(one.center): one.center for one in exchanges.values()}
    wrote: dict[PostId, set[str]] = defaultdict(set)
    for post_id, cause in journal.exchanged_posts(connection, post_ids):
        if cause in centers:
            wrote[post_id].add(centers[cause])
    return {post_id: frozenset(names) for post_id, names in wrote.items()}


def wording(tracker: Tracker, to: Address, ticket: Ticket, queue: Queue, keys: Keys) -> Wording:
    """How a mail of a ticket to a tracker says what that must find in it."""
    exchange, profile = tracker.exchange, tracker.exchange.profile
    sender = exchange_address(queue, keys.exchange(exchange.name, exchange.epoch))
    status = profile.status_words(ticket.status, tracker.number)
    return Wording(to, sender, profile.subject_tag(tracker.number), status)


def talks_too_much(connection: Connection, tracker: Tracker, ticket: Ticket, now: datetime) -> bool:
    """Whether so much went to a tracker about one ticket within an hour that two programs must be at it."""
    if tracker.address is None:
        return True
    since = now - timedelta(hours=1)
    return deliveries.count_to(connection, tracker.address, ticket.id, since) >= MOST_AN_HOUR


def note_told(connection: Connection, tracker: Tracker, ticket: Ticket, now: datetime) -> None:
    """Keep that a tracker was written to of a ticket: where it takes our status, it has that now."""
    word = dict(tracker.exchange.profile.ours).get(ticket.status)
    if tracker.pair is not None:
        store.told(connection, tracker.pair, None if word is None else word.lower(), now)
