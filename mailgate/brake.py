"""The brake that pulls itself: too many copies, of one mail or in an hour, wait until a person looks."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from mailgate import deliveries, errands, notices, pauses
from mailgate.compose import Composer
from mailgate.notices import Notice
from mailgate.pauses import Paused
from tracker.model import Address
from tracker.people import read_address
from tracker.storage import queues

log = logging.getLogger(__name__)

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
_OWNER: Final = "you are the owner of this instance"
_LOOK_AGAIN: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """Copies of one mail; times the usual hour, and the least that is too many in an hour."""

    copies_a_mail: int
    usual_hours: int
    least_an_hour: int


class Brake:
    """Asked before mail is written to people."""

    def __init__(self, limits: Limits, owners: Sequence[Address], composer: Composer) -> None:
        self._limits = limits
        self._owners = owners
        self._composer = composer
        self._looked_at: datetime | None = None

    def stops(self, connection: Connection, copies: int, at: datetime, now: datetime) -> bool:
        """Whether a mail, of an event `at`, is not to be written to so many now; then all stands still.

        What happened before an operator let things go on goes through, and is not counted again.
        """
        released = pauses.released_at(connection)
        if released is not None and at <= released:
            return False
        cause = self._cause(connection, copies, released, now)
        if cause:
            self._pull(connection, cause, now)
        return bool(cause)

    def _cause(self, connection: Connection, copies: int, released: datetime | None, now: datetime) -> str:
        if copies > self._limits.copies_a_mail:
            return f"one mail to {copies} people, over brakes.copies_per_mail = {self._limits.copies_a_mail}"
        if self._looked_at is not None and timedelta(0) <= now - self._looked_at < _LOOK_AGAIN:
            return ""
        self._looked_at = now
        since = max(now - _HOUR, released) if released is not None else now - _HOUR
        late = deliveries.count_since(connection, since)
        if late <= self._limits.least_an_hour:
            return ""
        usual = _usual_hour(connection, late, now)
        if usual is None or late <= self._limits.usual_hours * usual:
            return ""
        return f"{late} copies within an hour, where {usual:.0f} are usual"

    def _pull(self, connection: Connection, cause: str, now: datetime) -> None:
        log.error("brake pulled cause=%r", cause)
        pauses.pause(connection, Paused.NOTIFY, f"the brake: {cause}", now)
        body = self._composer.render("owner/brake.txt.j2", cause=cause)
        self._tell_owners(connection, "brake", f"Notifying has stopped: {cause}", body, now)

    def warn_once(self, connection: Connection, what: str, subject: str, body: str, now: datetime) -> None:
        """Tell the owner that something was held back, once an hour for each `what`."""
        if errands.is_due(connection, f"warned {what}", _HOUR, now):
            log.warning("held back what=%s", what)
            self._tell_owners(connection, what, subject, body, now)

    def _tell_owners(self, connection: Connection, what: str, subject: str, body: str, now: datetime) -> None:
        queue = queues.everyone(connection)[0]
        for owner in self._owners:
            key = f"{what}.{int(now.timestamp())}.{owner.partition('@')[0]}"
            notice = Notice(key, queue, owner, f"[{queue.tag}] {subject}", body, _OWNER)
            notices.send(connection, self._composer, notice, now)


def _usual_hour(connection: Connection, late: int, now: datetime) -> float | None:
    """Copies an hour before this one, of a week at most; None before a day has shown what is usual."""
    first = deliveries.first_since(connection, now - _WEEK)
    if first is None or now - first < _DAY:
        return None
    return (deliveries.count_since(connection, first) - late) / ((now - first) / _HOUR)


def owners_of(names: Sequence[str]) -> tuple[Address, ...]:
    """The owner's addresses in the settings."""
    return tuple(address for name in sorted(names) if (address := read_address(name)) is not None)
