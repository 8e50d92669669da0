"""What is wrong with the registry, told to the owner once a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from mailgate import notices
from mailgate.compose import Composer
from mailgate.notices import Notice
from routing import registry_store
from routing.importing import checks
from routing.importing.reading import Fault
from tracker.model import Address
from tracker.storage import queues

STALE_AFTER: Final = timedelta(days=7)
_MOST_TOLD: Final = 40
_REASON: Final = "you are the owner of this instance"


def problems(connection: Connection, now: datetime) -> tuple[Fault, ...]:
    """What does not fit together, what is odd, and which source is read no more."""
    found = registry_store.in_force(connection)
    return (*_stale(connection, now), *checks.faults(found), *checks.warnings(found))


def _stale(connection: Connection, now: datetime) -> tuple[Fault, ...]:
    """Sources that were read again and again, and now are not: whatever did it has stopped."""
    return tuple(
        Fault("sources", one.source, f"was read last {(now - one.read_at).days} days ago")
        for one in registry_store.newest(connection)
        if one.read_at is not None and not one.removed
        if now - one.read_at > STALE_AFTER and registry_store.was_read_again(connection, one)
    )


class RegistryWatch:
    """The errand that looks the registry over."""

    def __init__(self, composer: Composer, owners: Sequence[Address]) -> None:
        self._composer = composer
        self._owners = owners

    def look(self, connection: Connection, now: datetime) -> int:
        """Tell the owners of what is wrong, if anything is; gives how many things are."""
        found = problems(connection, now)
        if found:
            self._tell(connection, found, now)
        return len(found)

    def _tell(self, connection: Connection, found: Sequence[Fault], now: datetime) -> None:
        queue = queues.everyone(connection)[0]
        shown = [str(one) for one in found[:_MOST_TOLD]]
        body = self._composer.render("owner/registry.txt.j2", problems=shown, more=len(found) - len(shown))
        count = "a thing" if len(found) == 1 else f"{len(found)} things"
        for owner in self._owners:
            key = f"registry.{int(now.timestamp())}.{owner.partition('@')[0]}"
            subject = f"[{queue.tag}] The registry: {count} to look at"
            notices.send(connection, self._composer, Notice(key, queue, owner, subject, body, _REASON), now)
