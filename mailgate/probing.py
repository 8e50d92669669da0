"""The errand that looks after bouncing addresses: probes them, takes them back, or off the lists."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from mailgate import bouncing, deliveries, notices
from mailgate.bouncing import Bouncing, Limits
from mailgate.compose import Composer
from mailgate.notices import Notice
from tracker.model import Address
from tracker.nosy import Face, Role, Told
from tracker.storage import people, queues

_REASON: Final = "mail to you came back"
_OWNER: Final = "you are the owner of this instance"


class Probing:
    """Looks after each suspended address in its turn."""

    def __init__(self, composer: Composer, owners: Sequence[Address], limits: Limits) -> None:
        self._composer = composer
        self._owners = owners
        self._limits = limits

    def look(self, connection: Connection, now: datetime) -> int:
        """Probe what is due, end what is over; gives how many addresses something was done for."""
        bouncing.drop_faded(connection, now, self._limits)
        known = bouncing.everybody(connection)
        return sum(self._look_at(connection, one, now) for one in known if one.suspended_at is not None)

    def _look_at(self, connection: Connection, one: Bouncing, now: datetime) -> bool:
        since = one.suspended_at or now
        if one.probed_at is not None:
            if now - one.probed_at < self._limits.silence:
                return False
            bouncing.forget(connection, one.address)
            bouncing.for_owner(connection, f"{one.address} gets mail again: a probe did not come back", now)
            return True
        if one.probes >= len(self._limits.probes):
            return self._give_up(connection, one, now)
        if now - since < self._limits.probes[one.probes]:
            return False
        self._probe(connection, one, now)
        bouncing.probed(connection, one, now)
        return True

    def _probe(self, connection: Connection, one: Bouncing, now: datetime) -> None:
        queue = queues.everyone(connection)[0]
        body = self._composer.render(
            "bounces/probe.txt.j2",
            list=queue.address,
            report=one.report,
            request=f"{queue.local_part}-request@{queue.domain}",
        )
        whose = hashlib.sha256(one.address.encode()).hexdigest()[:12]
        key = f"probe.{one.probes}.{int(now.timestamp())}.{whose}"
        notice = Notice(key, queue, one.address, f"[{queue.tag}] Mail to you came back", body, _REASON)
        told = Told(one.address, None, Face.NOTICE, _REASON, Role.OPERATOR)
        outgoing = notices.compose_notice(self._composer, notice, now)
        deliveries.add(connection, outgoing, [told], now, probe=True)

    def _give_up(self, connection: Connection, one: Bouncing, now: datetime) -> bool:
        """Take an address off all lists; it stays suspended, for tickets it takes part in."""
        sender = people.find_sender(connection, one.address)
        every = () if sender is None else queues.everyone(connection)
        left = [
            queue.address
            for queue in every
            if sender is not None and queues.unsubscribe(connection, queue.id, sender.person.id)
        ]
        if left:
            names = ", ".join(left)
            bouncing.for_owner(connection, f"{one.address} is off {names}: three probes came back", now)
        return bool(left)

    def tell_owners(self, connection: Connection, now: datetime) -> int:
        """One mail to the owners with what happened since the last; gives how many lines it has."""
        lines = bouncing.take_for_owner(connection)
        if not lines:
            return 0
        queue = queues.everyone(connection)[0]
        body = self._composer.render("bounces/owner.txt.j2", lines=lines)
        for owner in self._owners:
            key = f"bounces.{int(now.timestamp())}.{owner.partition('@')[0]}"
            subject = f"[{queue.tag}] Mail that came back"
            notices.send(connection, self._composer, Notice(key, queue, owner, subject, body, _OWNER), now)
        return len(lines)
