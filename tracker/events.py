"""What happened to a ticket: the rows of the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tracker.model import EventId, PersonId, PostId, TicketId


class Kind(StrEnum):
    """The kinds of event; `before` and `after` of each are texts, "" where there is nothing."""

    OPENED = "opened"  # after: title; detail: numbers of other lists that it was mailed to
    POSTED = "posted"  # detail: the same
    ATTACHED = "attached"  # automatic mail put to a ticket; nobody is told
    JOINED = "joined"  # after: address
    LEFT = "left"  # before: address
    MUTED = "muted"  # after: address
    STATUS = "status"
    PRIORITY = "priority"
    TITLE = "title"
    TOPIC = "topic"
    OWNER = "owner"  # addresses
    QUEUE = "queue"  # addresses of lists
    PRIVATE = "private"  # "yes", "no"
    CENTER_ADDED = "center_added"  # after: name; detail: why
    CENTER_REMOVED = "center_removed"  # before: name
    CONTACT_ADDED = "contact_added"  # after: address, told of the opening; detail: why
    CONTACT_REMOVED = "contact_removed"  # before: address; detail: why it was there
    UNREACHED = "unreached"  # before: the address of a contact or center whose copy came back
    REMINDED = "reminded"  # after: who was told again, as "center USCMS" or "list"
    OFFERED = "offered"  # after: address, whose interest it met
    EXCHANGED = "exchanged"  # after: center and its number for the ticket, as "BNL 4711"
    TAG_ADDED = "tag_added"
    TAG_REMOVED = "tag_removed"
    LINKED = "linked"  # after: "follows 17"
    UNLINKED = "unlinked"  # before: "follows 17"
    REQUESTER = "requester"  # addresses; when it is opened: who opened it, for whom
    MERGED = "merged"  # before: the number that became an alias; after: of which
    SPLIT = "split"  # before: the number that posts left; after: the one they went to
    NOTE = "note"  # after: a text for people; detail: "contact ADDRESS", of one that hears in a digest


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: a person by mail, or, in `cause`, what: "rules rev 3", "operator ann"."""

    person_id: PersonId | None
    cause: str


@dataclass(frozen=True, slots=True)
class Event:
    """One change; `before` and `detail` are the means to undo it. `quiet`: nobody is told.

    `detail` is what the kind of event keeps there. `part_of` is the event that this one is a consequence
    of, `undoes` the one whose undoing it is.
    """

    ticket_id: TicketId
    kind: Kind
    actor: Actor
    at: datetime
    post_id: PostId | None = None
    before: str = ""
    after: str = ""
    quiet: bool = False
    detail: str = ""
    part_of: EventId | None = None
    undoes: EventId | None = None


@dataclass(frozen=True, slots=True)
class JournalRow:
    """An event as it stands in the journal, with its number."""

    id: EventId
    event: Event
