"""The life of a ticket: each function carries out one thing that was asked, and records what happened."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tracker import nosy
from tracker.commands import AddPost, NewPost, OpenTicket
from tracker.events import Actor, Event, Kind
from tracker.model import (
    BadValue,
    Link,
    NoSuchTicket,
    NosyState,
    Person,
    PersonId,
    PostId,
    Priority,
    Status,
    Ticket,
    TicketId,
)
from tracker.storage import keys, people, posts, topics
from tracker.storage import tickets as store
from tracker.storage.tickets import Membership
from tracker.unit_of_work import UnitOfWork

# A post on a ticket resolved for longer opens a new one that follows it.
REOPEN_WINDOW: Final = timedelta(days=30)
_NONCE_CHARACTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
_SHORT_THANKS: Final = re.compile(
    r"\b(thanks?|thank you|thx|cheers|merci|danke|gracias|grazie|obrigad[oa]|works? now|solved)\b",
    re.IGNORECASE,
)
# "This is not solved", "thanks, but it still fails".
_NOT_THANKS: Final = re.compile(
    r"\?|n['\u2019]t\b|\b(not|cannot|still|again|but|however|nicht|noch|aber|pas|mais|pero|non|ma)\b",
    re.IGNORECASE,
)
_THANKS_LENGTH: Final = 200


def open_ticket(uow: UnitOfWork, command: OpenTicket, opener: Person) -> tuple[TicketId, PostId]:
    """Open a ticket with its first post; its author `opener` joins, and so does another who asked."""
    post = command.post
    requester = command.requester or opener
    actor = Actor(opener.id, "mail")
    ticket_id = store.insert_ticket(
        uow.connection,
        {
            "queue_id": command.queue_id,
            "title": command.title,
            "mail_title": command.title,
            "base": post.base,
            "status": Status.NEW.value,
            "priority": Priority.NORMAL.value,
            "requester_id": requester.id,
            "topic": _topic(uow, command),
            "private": command.private,
            "provisional": command.provisional,
            "imported": command.imported,
            "nonce": new_nonce(),
            "post_count": 1,
            "created_at": post.time,
            "active_at": post.time,
            "touched_at": uow.now,
        },
    )
    post_id = posts.insert_post(uow.connection, ticket_id, 1, post)
    place = Membership(ticket_id, opener, NosyState.JOINED, "requester")
    store.set_state(uow.connection, place, uow.now, known=False)
    opened = Event(ticket_id, Kind.OPENED, actor, uow.now, post_id, after=command.title)
    uow.record_event(_told_widely(opened, command))
    uow.record(ticket_id, Kind.JOINED, actor, after=opener.address)
    if requester.id != opener.id:
        uow.record(ticket_id, Kind.REQUESTER, actor, before=opener.address, after=requester.address)
        nosy.join(uow, ticket_id, requester, nosy.ASKED, actor)
    return ticket_id, post_id


def _told_widely(event: Event, command: OpenTicket | AddPost) -> Event:
    """An event of a post that says on which other lists it is told of, or that nobody is."""
    return replace(event, quiet=command.quiet, detail=" ".join(map(str, command.also_on)))


def _topic(uow: UnitOfWork, command: OpenTicket) -> str:
    """The topic of a new ticket, made at its first use; none where that was closed."""
    if not command.topic or command.private:
        return command.topic
    with suppress(BadValue):
        name = topics.read_name(command.topic)
        topics.use(uow.connection, command.queue_id, name, uow.now)
        return name
    return ""


def new_nonce() -> str:
    """What nobody can guess in the root id of a ticket."""
    return "".join(secrets.choice(_NONCE_CHARACTERS) for _ in range(8))


def add_post(uow: UnitOfWork, command: AddPost, author: Person) -> PostId:
    """Add a post; its author joins, and the ticket opens or reopens as the post's author may cause."""
    ticket = must_exist(store.lock(uow.connection, command.ticket_id), command.ticket_id)
    if ticket.merged_into is not None:
        ticket = find(uow, ticket.id)
    n = ticket.post_count + 1
    if command.late_opening is not None:
        posts.make_room_at_the_front(uow.connection, ticket.id)
        n = 1
    post_id = posts.insert_post(uow.connection, ticket.id, n, command.post)
    actor = Actor(author.id, "mail")
    if command.automatic:
        store.change(uow.connection, ticket.id, post_count=ticket.post_count + 1)
        uow.record(ticket.id, Kind.ATTACHED, actor, post_id=post_id)
        return post_id
    status = status_after(ticket, command.post, author, staff=command.staff)
    if ticket.status is Status.RESOLVED and not command.reopens:
        status = ticket.status
    _touch(uow, ticket, command, author, status)
    uow.record_event(_told_widely(Event(ticket.id, Kind.POSTED, actor, uow.now, post_id), command))
    if status is not ticket.status:
        _record_status(uow, ticket, status, actor, post_id)
    if command.joins:
        nosy.join(uow, ticket.id, author, "posted", actor)
    return post_id


def _touch(uow: UnitOfWork, ticket: Ticket, command: AddPost, author: Person, status: Status) -> None:
    values: dict[str, object] = {
        "post_count": ticket.post_count + 1,
        "active_at": max(ticket.active_at, command.post.time),
        "touched_at": uow.now,
    }
    if status is not ticket.status:
        values |= {"status": status.value, "resolved_at": None}
    if command.late_opening is not None:
        # An opening that answers something unseen itself is not the first; else there is no other to come.
        waits = command.post.is_reply or bool(command.post.named_keys)
        values |= {"title": command.late_opening, "base": command.post.base, "requester_id": author.id}
        values |= {"provisional": waits}
    store.change(uow.connection, ticket.id, **values)


def status_after(ticket: Ticket, post: NewPost, author: Person, *, staff: bool) -> Status:
    """The status a person's post leads to."""
    is_requester = author.id == ticket.requester_id
    match ticket.status:
        case Status.NEW:
            return Status.NEW if is_requester else Status.OPEN
        case Status.WAITING:
            return Status.OPEN if is_requester else Status.WAITING
        case Status.RESOLVED:
            may_reopen = staff or nosy.is_requester_or_owner(ticket, author.id)
            return Status.OPEN if may_reopen and not is_short_thanks(post.new_text) else Status.RESOLVED
        case Status.OPEN:
            return Status.OPEN


def is_short_thanks(text: str) -> bool:
    """A few words of thanks that ask nothing: no reason to reopen a ticket."""
    short = len(text) <= _THANKS_LENGTH and _NOT_THANKS.search(text) is None
    return short and _SHORT_THANKS.search(text) is not None


def set_status(uow: UnitOfWork, ticket: Ticket, status: Status, actor: Actor) -> None:
    """Change where a ticket stands."""
    if status is ticket.status:
        return
    resolved_at = uow.now if status is Status.RESOLVED else None
    _change(uow, ticket, status=status.value, resolved_at=resolved_at)
    _record_status(uow, ticket, status, actor)


def _record_status(
    uow: UnitOfWork, ticket: Ticket, status: Status, actor: Actor, post_id: PostId | None = None
) -> None:
    before, after, detail = ticket.status.value, status.value, resolution_text(ticket)
    uow.record_event(Event(ticket.id, Kind.STATUS, actor, uow.now, post_id, before, after, detail=detail))


def resolution_text(ticket: Ticket) -> str:
    """What an event that changes the status keeps: since when it was resolved."""
    return "" if ticket.resolved_at is None else ticket.resolved_at.isoformat()


def resolve_silently(uow: UnitOfWork, ticket: Ticket, at: datetime, actor: Actor) -> None:
    """End a ticket as of `at`, a time that has passed: history is brought in."""
    store.change(uow.connection, ticket.id, status=Status.RESOLVED.value, resolved_at=at)
    uow.record(ticket.id, Kind.STATUS, actor, before=ticket.status.value, after=Status.RESOLVED.value)


def set_priority(uow: UnitOfWork, ticket: Ticket, priority: Priority, actor: Actor) -> None:
    if priority is not ticket.priority:
        _change(uow, ticket, priority=priority.value)
        uow.record(ticket.id, Kind.PRIORITY, actor, before=ticket.priority.value, after=priority.value)


def set_title(uow: UnitOfWork, ticket: Ticket, title: str, actor: Actor) -> None:
    """Change the title that people see; mail subjects keep theirs, or clients would split the thread."""
    cleaned = " ".join(title.split())[:900]
    if not cleaned:
        raise BadValue("a title needs words")
    if cleaned != ticket.title:
        _change(uow, ticket, title=cleaned)
        uow.record(ticket.id, Kind.TITLE, actor, before=ticket.title, after=cleaned)


def make_private(uow: UnitOfWork, ticket: Ticket, actor: Actor) -> None:
    """From now on only for those who take part and its centers."""
    if not ticket.private:
        _change(uow, ticket, private=True)
        uow.record(ticket.id, Kind.PRIVATE, actor, before="no", after="yes")


def lift_private(uow: UnitOfWork, ticket: Ticket, actor: Actor) -> None:
    """Let everybody read it."""
    if ticket.private:
        _change(uow, ticket, private=False)
        uow.record(ticket.id, Kind.PRIVATE, actor, before="yes", after="no")


def set_topic(uow: UnitOfWork, ticket: Ticket, topic: str, actor: Actor) -> None:
    """Put a ticket under a topic, or "" for none; raises BadValue for what is no name, or closed."""
    topic = topics.read_name(topic) if topic else ""
    if topic and not ticket.private:
        topics.use(uow.connection, ticket.queue_id, topic, uow.now)
    if topic != ticket.topic:
        _change(uow, ticket, topic=topic)
        uow.record(ticket.id, Kind.TOPIC, actor, before=ticket.topic, after=topic)


def set_owner(uow: UnitOfWork, ticket: Ticket, owner: Person | None, actor: Actor) -> None:
    """Give a ticket to somebody, who joins it, or to nobody."""
    new_id = None if owner is None else owner.id
    if new_id == ticket.owner_id:
        return
    was = address_of(uow, ticket.owner_id)
    _change(uow, ticket, owner_id=new_id)
    uow.record(ticket.id, Kind.OWNER, actor, before=was, after="" if owner is None else owner.address)
    if owner is not None:
        nosy.join(uow, ticket.id, owner, "claimed", actor)


def claim(uow: UnitOfWork, ticket: Ticket, claimant: Person, actor: Actor) -> Person:
    """Make somebody its owner who wants to be, unless another is; gives who owns it now.

    Of two who claim it both stand in the history and take part; the first has it.
    """
    if ticket.owner_id is None or ticket.owner_id == claimant.id:
        set_owner(uow, ticket, claimant, actor)
        return claimant
    owner = people.by_ids(uow.connection, frozenset({ticket.owner_id}))[ticket.owner_id]
    uow.record(ticket.id, Kind.NOTE, actor, after=f"claimed it too; it is {owner.address}'s")
    nosy.join(uow, ticket.id, claimant, "followed", actor)
    return owner


def address_of(uow: UnitOfWork, person_id: PersonId | None) -> str:
    """As events write a person; "" for nobody."""
    if person_id is None:
        return ""
    return people.by_ids(uow.connection, frozenset({person_id}))[person_id].address


def _change(uow: UnitOfWork, ticket: Ticket, **values: object) -> None:
    # A person has touched it: no longer may a late parent take it over.
    store.change(uow.connection, ticket.id, touched_at=uow.now, provisional=False, **values)


def link(uow: UnitOfWork, ticket_id: TicketId, kind: Link, other_id: TicketId, actor: Actor) -> None:
    if ticket_id == other_id:
        raise BadValue("a ticket cannot be linked to itself")
    if store.add_link(uow.connection, ticket_id, kind, other_id):
        uow.record(ticket_id, Kind.LINKED, actor, after=f"{kind.value} {other_id}")


def forget_ghost(uow: UnitOfWork, key: str) -> None:
    """The message that tickets waited for has come."""
    keys.forget_ghost(uow.connection, key)


def must_exist(ticket: Ticket | None, number: int) -> Ticket:
    """`ticket`; raises NoSuchTicket when there is none."""
    if ticket is None:
        raise NoSuchTicket(f"there is no ticket {number}")
    return ticket


def find(uow: UnitOfWork, number: int) -> Ticket:
    """The ticket a number means, aliases followed, locked; raises NoSuchTicket."""
    wanted = TicketId(number)
    meant = must_exist(store.resolve(uow.connection, (wanted,)).get(wanted), number)
    return must_exist(store.lock(uow.connection, meant.id), number)
