"""Writes the mails to the trackers of centers, each as its profile wants it, and not too many."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from mailgate import deliveries
from mailgate.brake import Brake
from mailgate.compose import ChangeMail, Composer, PostMail
from mailgate.exchange import copies, telling
from mailgate.exchange.telling import Tracker, Trackers
from tracker.events import JournalRow, Kind
from tracker.model import Address, Ticket
from tracker.nosy import Told
from tracker.storage.posts import Post

_JUST_BEFORE: Final = timedelta(microseconds=1)


def told_of(
    connection: Connection,
    row: JournalRow,
    ticket: Ticket,
    post: Post,
    known: tuple[Trackers, Collection[Address]],
) -> tuple[Told, ...]:
    """The trackers that an event brings a post to: of all centers, or of one that comes just now.

    `known` are the trackers, and whom this batch reached already.
    """
    (trackers, reached), kind = known, row.event.kind
    told = trackers.told_of_post(ticket, post.id, post.author_address)
    if not told or kind is Kind.OPENED:
        return told
    before = {*reached, *deliveries.told_addresses(connection, ticket.id)}
    if kind is Kind.POSTED:
        # One that comes in with this very mail gets the opening first, as any center.
        return tuple(t for t in told if trackers.at(ticket, t.address).number or t.address in before)
    new = (one for one in told if one.address not in before and kind is Kind.CENTER_ADDED)
    return tuple(one for one in new if trackers.at(ticket, one.address).exchange.center == row.event.after)


class Sharing:
    """The part of the notifier that speaks with trackers."""

    def __init__(self, composer: Composer, brake: Brake) -> None:
        self._composer = composer
        self._brake = brake

    def share_post(
        self, connection: Connection, mail: PostMail, told: Sequence[Told], trackers: Trackers, now: datetime
    ) -> None:
        """A mail for each tracker that a post goes to."""
        for one in told:
            tracker = trackers.at(mail.ticket, one.address)
            if not self._stops(connection, tracker, mail.ticket, now):
                worded = telling.wording(tracker, one.address, mail.ticket, mail.queue, self._composer.keys)
                outgoing = copies.post_copy(self._composer, mail, worded)
                deliveries.add(connection, outgoing, [one], now)
                telling.note_told(connection, tracker, mail.ticket, now)

    def share_change(
        self, connection: Connection, mail: ChangeMail, trackers: Trackers, cause: str, now: datetime
    ) -> None:
        """A mail for each tracker but the one that caused a change of the status.

        A post that went out since said so already.
        """
        for one in trackers.told_of_change(mail.ticket, cause):
            tracker = trackers.at(mail.ticket, one.address)
            if deliveries.count_to(connection, one.address, mail.ticket.id, mail.at - _JUST_BEFORE):
                continue
            if not self._stops(connection, tracker, mail.ticket, now):
                worded = telling.wording(tracker, one.address, mail.ticket, mail.queue, self._composer.keys)
                outgoing = copies.change_copy(self._composer, mail, worded)
                deliveries.add(connection, outgoing, [one], now)
                telling.note_told(connection, tracker, mail.ticket, now)

    def _stops(self, connection: Connection, tracker: Tracker, ticket: Ticket, now: datetime) -> bool:
        """Whether a tracker hears no more of a ticket for now; the owner is told."""
        if not telling.talks_too_much(connection, tracker, ticket, now):
            return False
        exchange = tracker.exchange
        body = self._composer.render(
            "owner/exchange.txt.j2",
            count=telling.MOST_AN_HOUR,
            number=ticket.id,
            center=exchange.center,
            name=exchange.name,
        )
        subject = f"Ticket {ticket.id} is not shared with {exchange.center} for an hour"
        self._brake.warn_once(connection, f"exchange.{exchange.name}.{ticket.id}", subject, body, now)
        return True
