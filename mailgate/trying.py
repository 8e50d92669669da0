"""Rules tried on mails that came: whose route they change, and which pinned cases they break.

Everything is asked as of today: old and new rules see the same facts, by the registry and the people that are
known now.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from mailgate import inbound
from mailgate.app import App
from mailgate.inbound import Entry, InboundId, Mail
from mailgate.threads.match import Writer
from mailgate.ticketfacts import ticket_facts
from mailgate.verdict import verdict_from_json
from mailgate.viewpoint import facts_of
from routing.decide import Decision, decide
from routing.facts import Facts
from routing.grid import Grid
from routing.rules import RuleSet
from routing.tables import pins as pin_table
from tracker.model import BadValue, Queue, Ticket, TicketId
from tracker.storage import people, posts
from tracker.storage import tickets as store

_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Route:
    """Where a decision sends a mail, and what it does to it; lists in the order of the rules."""

    centers: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    fallback: bool = False
    tags: tuple[str, ...] = ()
    priority: str | None = None
    hold: str | None = None
    reject: str | None = None
    private: bool = False
    queue: str | None = None
    topic: str | None = None

    def __str__(self) -> str:
        found = [*self.centers, *(f"cc {one}" for one in self.cc)]
        found += ["the community"] if self.fallback else []
        found += [f"#{tag}" for tag in self.tags]
        found += [f"{word} {text!r}" for word, text in (("hold", self.hold), ("reject", self.reject)) if text]
        pairs = (("priority", self.priority), ("queue", self.queue), ("topic", self.topic))
        found += [f"{word}={text}" for word, text in pairs if text]
        return ", ".join([*found, *(["private"] if self.private else [])]) or "nothing"


def route_of(decision: Decision) -> Route:
    return Route(
        decision.centers,
        decision.cc,
        decision.fallback,
        decision.tags,
        decision.priority,
        decision.hold,
        decision.reject,
        decision.private,
        decision.queue,
        decision.topic,
    )


@dataclass(frozen=True, slots=True)
class Stored:
    """A mail that came, and what became of it."""

    mail: Mail
    raw_sha256: str
    ticket_id: TicketId | None
    opened: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """A mail that other rules would treat otherwise."""

    ticket_id: TicketId | None
    subject: str
    before: Route
    after: Route


@dataclass(frozen=True, slots=True)
class Expected:
    """The right route of a pinned mail."""

    centers: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    fallback: bool = False

    def __str__(self) -> str:
        return str(Route(self.centers, self.cc, self.fallback))

    def holds(self, route: Route) -> bool:
        """Whether a route is the right one; names in any case, in any order."""
        same = _folded(route.centers) == _folded(self.centers) and _folded(route.cc) == _folded(self.cc)
        return same and route.fallback == self.fallback


@dataclass(frozen=True, slots=True)
class Pin:
    """A mail and where it must go: a regression case of the rules to come."""

    id: int
    raw_sha256: str
    ticket_id: TicketId | None
    note: str
    expected: Expected
    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Broken:
    """A pinned case that rules get wrong."""

    pin: Pin
    found: Route


class Trial:
    """Asks rules about stored mails."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._lists: Sequence[Queue] = app.queues()
        self._grid: Grid | None = app.read(app.registry.read)

    def decide(self, connection: Connection, stored: Stored, rules: RuleSet) -> Decision:
        """What `rules` say of a mail."""
        return decide(rules, self.facts(connection, stored))

    def facts(self, connection: Connection, stored: Stored) -> Facts:
        """A mail as rules see it; one that continued a ticket with that as it is now."""
        reading = self._app.read_mail(stored.mail, self._lists)
        sender = None if reading.sender is None else people.find_sender(connection, reading.sender)
        ticket = None if stored.opened else _ticket(connection, stored.ticket_id)
        standing = None if ticket is None else ticket_facts(connection, ticket)
        staff_of = people.staff_of(connection, sender)
        return facts_of(reading, Writer(sender, reading.trust), standing, self._grid, staff_of)

    def compare(
        self, connection: Connection, batch: Sequence[Stored], old: RuleSet, new: RuleSet
    ) -> list[Changed]:
        """How `new` rules treat mails otherwise than the `old`."""
        found = []
        for stored in batch:
            facts = self.facts(connection, stored)
            before, after = route_of(decide(old, facts)), route_of(decide(new, facts))
            if before != after:
                found.append(Changed(stored.ticket_id, facts.subject, before, after))
        return found

    def broken(self, connection: Connection, rules: RuleSet) -> tuple[Broken, ...]:
        """The pinned cases that `rules` get wrong."""
        found = []
        for pin in pins(connection):
            stored = of_raw(connection, pin.raw_sha256)
            route = route_of(self.decide(connection, stored, rules)) if stored is not None else None
            if route is not None and not pin.expected.holds(route):
                found.append(Broken(pin, route))
        return tuple(found)


def _folded(names: Sequence[str]) -> set[str]:
    return {name.casefold() for name in names}


def _ticket(connection: Connection, ticket_id: TicketId | None) -> Ticket | None:
    return None if ticket_id is None else store.resolve(connection, (ticket_id,)).get(ticket_id)


def since(app: App, at: datetime) -> Iterator[Stored]:
    """The posts that came since a time, oldest first, read batch by batch: the daemon writes meanwhile."""
    last = InboundId(0)
    while batch := app.read(partial(inbound.posts_since, since=at, after=last, limit=_BATCH)):
        yield from (_stored(mail, entry) for mail, entry in batch)
        last = batch[-1][1].id


def count(connection: Connection, at: datetime) -> int:
    """How many posts came since a time."""
    return inbound.count_posts(connection, at)


def batches(mails: Iterable[Stored]) -> Iterator[list[Stored]]:
    """As many at a time as are asked about in one transaction."""
    waiting: list[Stored] = []
    for mail in mails:
        waiting.append(mail)
        if len(waiting) == _BATCH:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _stored(mail: Mail, entry: Entry) -> Stored:
    verdict = None if entry.verdict is None else verdict_from_json(entry.verdict)
    opened = verdict is None or verdict.created or verdict.ticket is None
    return Stored(mail, entry.raw_sha256, entry.ticket_id, opened)


def of_raw(connection: Connection, raw_sha256: str) -> Stored | None:
    """The mail of those bytes."""
    found = inbound.by_raw(connection, raw_sha256)
    return None if found is None else _stored(*found)


def opening_of(connection: Connection, number: int) -> Stored:
    """The mail that opened a ticket; raises BadValue where there is none."""
    wanted = TicketId(number)
    ticket = store.resolve(connection, (wanted,)).get(wanted)
    post = None if ticket is None else posts.opening_of(connection, ticket.id)
    found = None if post is None else of_raw(connection, post.raw_sha256)
    if found is None:
        raise BadValue(f"there is no mail that opened ticket {number}")
    return replace(found, ticket_id=None if ticket is None else ticket.id, opened=True)


def pins(connection: Connection) -> tuple[Pin, ...]:
    """The pinned cases, oldest first."""
    rows = connection.execute(select(pin_table).order_by(pin_table.c.id))
    return tuple(
        Pin(
            row.id,
            row.raw_sha256,
            None if row.ticket_id is None else TicketId(row.ticket_id),
            row.note,
            _expected(json.loads(row.expected)),
            row.author,
            row.created_at,
        )
        for row in rows
    )


def _expected(values: dict[str, Any]) -> Expected:
    return Expected(tuple(values["centers"]), tuple(values["cc"]), bool(values["fallback"]))


def pin(connection: Connection, made: Pin) -> None:
    """Keep a pinned case, whose id is ignored, in place of an earlier one of the same mail."""
    connection.execute(pin_table.delete().where(pin_table.c.raw_sha256 == made.raw_sha256))
    connection.execute(
        insert(pin_table).values(
            raw_sha256=made.raw_sha256,
            ticket_id=made.ticket_id,
            note=made.note,
            expected=json.dumps(asdict(made.expected)),
            author=made.author[:254],
            created_at=made.at,
        )
    )


def unpin(connection: Connection, number: int) -> bool:
    return connection.execute(pin_table.delete().where(pin_table.c.id == number)).rowcount > 0


@dataclass(frozen=True, slots=True)
class Hits:
    """How often a rule matched, and when last; `failed`: how often it broke."""

    count: int = 0
    last: datetime | None = None
    failed: int = 0


def hits(connection: Connection, span: timedelta, now: datetime) -> dict[str, Hits]:
    """What became of the rules in the last `span`, by name."""
    found: dict[str, Hits] = {}
    for at, text in inbound.verdicts_since(connection, now - span):
        verdict = verdict_from_json(text)
        for name in {line.partition(": ")[0] for line in verdict.trace}:
            known = found.get(name, Hits())
            last = at if known.last is None else max(at, known.last)
            found[name] = Hits(known.count + 1, last, known.failed)
        for name in verdict.failed:
            known = found.get(name, Hits())
            found[name] = Hits(known.count, known.last, known.failed + 1)
    return found
