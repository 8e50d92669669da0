"""Taking over the members of another list manager's list: nobody is welcomed, nor loses what they chose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection

from mailgate.addresses import is_ours
from mailgate.app import App
from mailgate.roster import Fault, Member
from tracker.model import BadValue, Queue
from tracker.storage import bans, people, queues

_GROUP: Final = 200


@dataclass(frozen=True, slots=True)
class Counts:
    """What an import did. `present` were on the list already, and keep what they chose there; `banned` may
    not come on it.
    """

    subscribed: int = 0
    present: int = 0
    banned: int = 0
    bans: int = 0
    faults: tuple[Fault, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class MemberImport:
    """Brings members and bans into a list; with `dry_run` it only counts what it would do.

    `patterns` are the bans of its files, `there` the addresses that were on the list before, in small
    letters: Mailman does not tell Ann@x.example from ann@x.example.
    """

    app: App
    queue: Queue
    dry_run: bool = False
    counts: Counts = field(default_factory=Counts)
    patterns: set[str] = field(default_factory=set)
    there: frozenset[str] = frozenset()

    def take_bans(self, wanted: Sequence[tuple[str, str]]) -> None:
        """Ban what stands in a file, each with its place."""
        self._write(partial(self._ban, wanted=wanted))

    def take_members(self, members: Sequence[Member], progress: Callable[[int], object]) -> None:
        """Subscribe `members`; `progress` is called with how many were done since."""
        self.there = self.app.read(self._addresses)
        for start in range(0, len(members), _GROUP):
            group = members[start : start + _GROUP]
            self._write(partial(self._subscribe, members=group))
            progress(len(group))

    def _write(self, work: Callable[[Connection], Counts]) -> None:
        """Do `work` in a transaction of its own: the daemon's mail waits for the writer in between."""

        def whole(connection: Connection) -> None:
            self.counts = work(connection)
            if self.dry_run:
                raise _TakeBack

        with suppress(_TakeBack):
            self.app.write(whole)

    def _ban(self, connection: Connection, wanted: Sequence[tuple[str, str]]) -> Counts:
        faults, made = list(self.counts.faults), 0
        for place, text in wanted:
            try:
                pattern = bans.read_pattern(text)
            except BadValue as error:
                faults.append(Fault(f"bans, {place}", str(error)))
                continue
            made += bans.add(connection, self.queue.id, pattern, self.app.clock())
            self.patterns.add(pattern)
        return replace(self.counts, bans=made, faults=tuple(faults))

    def _subscribe(self, connection: Connection, members: Sequence[Member]) -> Counts:
        counts, lists = self.counts, queues.everyone(connection)
        banned = self.patterns.union(bans.of_list(connection, self.queue.id))
        for one in members:
            if is_ours(one.address, lists):
                why = f"{one.address} is an address of a list here"
                counts = replace(counts, faults=(*counts.faults, Fault(one.place, why)))
            elif any(bans.covers(pattern, one.address) for pattern in banned):
                counts = replace(counts, banned=counts.banned + 1)
            elif one.address.casefold() in self.there or self._is_there(connection, one):
                counts = replace(counts, present=counts.present + 1)
            else:
                self._take_in(connection, one)
                counts = replace(counts, subscribed=counts.subscribed + 1)
        return counts

    def _addresses(self, connection: Connection) -> frozenset[str]:
        found = queues.subscribers(connection, self.queue.id)
        return frozenset(one.person.address.casefold() for one in found)

    def _is_there(self, connection: Connection, member: Member) -> bool:
        """Whether they are on the list under another address of theirs."""
        known = people.find_sender(connection, member.address)
        return known is not None and queues.subscriber(connection, self.queue.id, known.person.id) is not None

    def _take_in(self, connection: Connection, member: Member) -> None:
        now, queue_id = self.app.clock(), self.queue.id
        person = people.register(connection, member.address, member.name, now)
        if member.name and not person.name:
            people.set_name(connection, person.id, member.name)
        people.set_member(connection, person.id, member=True)
        queues.subscribe(connection, queue_id, person.id, member.delivery, now)
        if member.plain:
            queues.set_plain_digest(connection, queue_id, person.id, plain=True)


class _TakeBack(Exception):
    """Rolls back what was done for show."""
