"""The frozen values of the tracker, and its typed errors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

TicketId = NewType("TicketId", int)
PostId = NewType("PostId", int)
PersonId = NewType("PersonId", int)
QueueId = NewType("QueueId", int)
CenterId = NewType("CenterId", int)
EventId = NewType("EventId", int)
# An e-mail address as people.normalise_address() gives it: the key of a person.
Address = NewType("Address", str)


class TrackerError(Exception):
    """What was asked makes no sense; the text may be shown."""


class NoSuchTicket(TrackerError):
    """There is no ticket of that number, or not for the one who asks."""


class NoSuchCenter(TrackerError):
    """There is no support center of that name or alias."""


class NoSuchQueue(TrackerError):
    """There is no list of that name."""


class NoSuchPerson(TrackerError):
    """Nobody is known under that address."""


class BadValue(TrackerError):
    """A value that the field does not take."""


class Status(StrEnum):
    """Where a ticket stands."""

    NEW = "new"
    OPEN = "open"
    WAITING = "waiting"
    RESOLVED = "resolved"


class Priority(StrEnum):
    """How urgent a ticket is."""

    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Trust(StrEnum):
    """What speaks for the From of one mail."""

    ALIGNED = "aligned"
    FAILED = "failed"
    NONE = "none"
    UNCHECKED = "unchecked"

    @property
    def believed(self) -> bool:
        """Nothing speaks against the From: it is aligned, or nobody looks (a loopback instance)."""
        return self in (Trust.ALIGNED, Trust.UNCHECKED)


class NosyState(StrEnum):
    """Whether a person is told of a ticket's posts."""

    JOINED = "joined"
    LEFT = "left"
    MUTED = "muted"


class Delivery(StrEnum):
    """What a subscriber of a list gets: every post, openings, or openings of what they chose.

    `interest`: openings that meet an interest of theirs (tracker.storage.interests).
    """

    ALL = "all"
    NEW = "new"
    DIGEST = "digest"
    TOPICS = "topics"
    CENTERS = "centers"
    INTEREST = "interest"
    NONE = "none"


class Wants(StrEnum):
    """What a support center gets of the tickets that are routed to it; `exchange`: see its profile."""

    OPENINGS = "openings"
    ALL = "all"
    EXCHANGE = "exchange"


class CenterState(StrEnum):
    """Whether a support center takes tickets: `away` for a time, `off` for good."""

    AVAILABLE = "available"
    AWAY = "away"
    OFF = "off"


class ContactState(StrEnum):
    """What became of telling a contact of a ticket."""

    TOLD = "told"
    DIGEST = "digest"
    UNREACHED = "unreached"


class Link(StrEnum):
    """How one ticket stands to another."""

    BRANCHED_FROM = "branched-from"
    FOLLOWS = "follows"
    DUPLICATE_OF = "duplicate-of"
    MENTIONS = "mentions"


@dataclass(frozen=True, slots=True)
class Queue:
    """A list: people mail `local_part@domain`, its tickets carry `[tag #n]`.

    `aliases` are its other addresses: those that it had before, and any that it was given. `first_address`
    is the one that it was made with, "" while it has that: names made of it stay. `front` is the list
    manager that its posts come from and that sends the list copies, "" where we do; `front_address` is the
    list there.
    """

    id: QueueId
    local_part: str
    domain: str
    tag: str
    title: str
    aliases: tuple[str, ...] = ()
    first_address: str = ""
    front: str = ""
    front_address: str = ""

    @property
    def address(self) -> str:
        return f"{self.local_part}@{self.domain}"

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address that means this list, its own first."""
        return (self.address, *self.aliases)

    @property
    def names(self) -> tuple[str, ...]:
        """Its addresses, and the one it was made with, which need mean nothing any more."""
        return tuple(filter(None, dict.fromkeys((*self.addresses, self.first_address))))

    @property
    def domains(self) -> tuple[str, ...]:
        """Every domain where its addresses mean this list, its own first."""
        return tuple(dict.fromkeys(address.rpartition("@")[2] for address in self.addresses))

    @property
    def list_id(self) -> str:
        """What List-Id calls it: of its first address, for the name stays when a list moves (RFC 2919 6)."""
        return (self.first_address or self.address).replace("@", ".")

    @property
    def root_domain(self) -> str:
        """The domain in root ids: a ticket keeps its root id, or mail clients would make it two threads."""
        return (self.first_address or self.address).rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody known by one or more addresses; `address` is where mail for them goes.

    `member` says that an address was confirmed: subscribed, or answered a confirm mail.
    """

    id: PersonId
    address: Address
    name: str
    member: bool


@dataclass(frozen=True, slots=True)
class Center:
    """A support center: `address` is None where none is known.

    `away_until` is None for one that is away until it says otherwise; `delegate` takes its tickets while it
    does not. `source` is the source of the registry that name and address follow, "" for an operator's own.
    """

    id: CenterId
    name: str
    address: Address | None
    wants: Wants
    long_name: str = ""
    state: CenterState = CenterState.AVAILABLE
    away_until: datetime | None = None
    delegate: CenterId | None = None
    source: str = ""

    def takes_tickets(self, now: datetime) -> bool:
        """Whether tickets may be routed to it now."""
        if self.state is CenterState.AWAY:
            return self.away_until is not None and self.away_until <= now
        return self.state is CenterState.AVAILABLE


@dataclass(frozen=True, slots=True)
class Ticket:
    """One ticket as stored. `mail_title` stays frozen in mail subjects, `title` may be changed.

    `base` is the title as it is compared (no prefixes, case folded). `active_at` is the time that
    threading windows use: the earlier of Date and arrival of its latest post. `touched_at` is the
    arrival of the latest post or change. `nonce` is part of the root id. `merged_into` makes this
    number an alias.
    """

    id: TicketId
    queue_id: QueueId
    title: str
    mail_title: str
    base: str
    status: Status
    priority: Priority
    requester_id: PersonId
    owner_id: PersonId | None
    topic: str
    private: bool
    provisional: bool
    imported: bool
    nonce: str
    post_count: int
    created_at: datetime
    active_at: datetime
    touched_at: datetime
    resolved_at: datetime | None
    merged_into: TicketId | None
