"""What can be asked of the tracker."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tracker.model import Address, Center, Person, PersonId, Priority, QueueId, TicketId, Trust


@dataclass(frozen=True, slots=True)
class NewAttachment:
    """A file of a post; its bytes stay in the raw mail."""

    name: str
    type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class NewPost:
    """A message about to become a post.

    `message_id` is unique in the tracker (the sender's, or ours with the sender's in
    `original_message_id`); `own_key` its key. `named_keys` are the keys of messages it names that are
    not stored, `parent_key` the one it names as its parent, stored or not. `time` is the earlier of
    Date and arrival. `copied_to` are the people in its To and Cc. `munge`: list copies of it go out
    under the list's name, or they would be refused. `on_list`: a list manager in front gives it to
    those who are on the list.
    """

    author_id: PersonId
    author_address: Address
    author_name: str
    message_id: str
    original_message_id: str | None
    own_key: str
    parent_key: str | None
    named_keys: tuple[str, ...]
    thread_key: str | None
    subject: str
    base: str
    is_reply: bool
    date: datetime | None
    received: datetime
    time: datetime
    text: str
    new_text: str
    trust: Trust
    disposition: str
    raw_sha256: str
    copied_to: tuple[Address, ...]
    attachments: tuple[NewAttachment, ...] = ()
    munge: bool = False
    on_list: bool = False


@dataclass(frozen=True, slots=True)
class OpenTicket:
    """Open a ticket with its first post; `requester`: who asked, where it is not its author.

    `quiet`: nobody is told of the post. `also_on`: lists to which it was mailed, too.
    """

    queue_id: QueueId
    title: str
    post: NewPost
    private: bool = False
    provisional: bool = False
    imported: bool = False
    topic: str = ""
    requester: Person | None = None
    quiet: bool = False
    also_on: tuple[QueueId, ...] = ()


@dataclass(frozen=True, slots=True)
class AddPost:
    """Add a post to a ticket.

    `automatic`: from a machine; it changes nothing, joins nobody, tells nobody. `joins` False: a moderator
    let one post of a stranger into a private ticket, no more. `reopens` False: it says itself where the
    matter stands, or says nothing but commands. `quiet`: nobody is told of
    the post. `late_opening`: the message that a provisional ticket was waiting for; its title
    becomes the ticket's. `also_on`: as of OpenTicket.
    """

    ticket_id: TicketId
    post: NewPost
    staff: bool = False
    automatic: bool = False
    late_opening: str | None = None
    joins: bool = True
    reopens: bool = True
    quiet: bool = False
    also_on: tuple[QueueId, ...] = ()


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody to be told of a ticket, and why: half a sentence that follows "because", "" for a rule."""

    address: Address
    why: str = ""


@dataclass(frozen=True, slots=True)
class ChosenCenter:
    """A support center by its name, and why: half a sentence that follows "because", "" for a rule."""

    name: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Brakes:
    """How many contacts a mail may bring in, and of how many openings one contact is told in a day."""

    contacts_a_mail: int = 3
    openings_a_day: int = 3


NORMAL: Final = Brakes()


@dataclass(frozen=True, slots=True)
class Remind:
    """Tell again of a ticket that was silent for `wait`: first one of `steps`, then the next.

    A step is `center`, `list` or `owner`.
    """

    wait: timedelta
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """What the rules said of a ticket. `fresh`: it was opened just now."""

    ticket_id: TicketId
    cause: str
    fresh: bool = False
    centers: tuple[ChosenCenter, ...] = ()
    contacts: tuple[Contact, ...] = ()
    tags: tuple[str, ...] = ()
    priority: Priority | None = None
    notes: tuple[str, ...] = field(default=())
    brakes: Brakes = NORMAL
    reminders: tuple[Remind, ...] = ()


@dataclass(frozen=True, slots=True)
class Routed:
    """The centers and contacts that a ticket was given, and the names that no center has."""

    centers: tuple[Center, ...]
    unknown: tuple[str, ...]
    contacts: tuple[Contact, ...] = ()
