"""Undoing: every change has an inverse, which is a change itself, stands in the history, and can be undone.

An event is undone when things still stand as it left them; else it is said what changed them since. Posts are
not undone: what was written was written, and mail that went out cannot be called back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from tracker import nosy, repair, tickets
from tracker.events import Actor, Event, JournalRow, Kind
from tracker.model import (
    Address,
    BadValue,
    EventId,
    Link,
    NosyState,
    Person,
    Status,
    Ticket,
    TicketId,
    TrackerError,
)
from tracker.repair import Reversal
from tracker.storage import centers, contacts, journal, people, posts, queues
from tracker.storage import tickets as store
from tracker.storage.tickets import Standing, TicketCenter
from tracker.unit_of_work import UnitOfWork

_POSTS: Final = (Kind.OPENED, Kind.POSTED, Kind.ATTACHED)
_MOVES: Final = (Kind.MERGED, Kind.SPLIT)
_STANDINGS: Final = {
    Kind.JOINED: NosyState.JOINED,
    Kind.LEFT: NosyState.LEFT,
    Kind.MUTED: NosyState.MUTED,
}
_STANDING_KINDS: Final = {state: kind for kind, state in _STANDINGS.items()}


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of the wish to undo one event: `by` is the event that did it, or `refused` says why not."""

    row: JournalRow
    by: EventId | None = None
    refused: str = ""


def undo(uow: UnitOfWork, number: int, actor: Actor) -> Undone:
    """Undo an event; a consequence of a merge or split stands for the whole. Raises BadValue."""
    row = journal.find(uow.connection, EventId(number))
    if row is None:
        raise BadValue(f"there is no event {number}; `mailgate ticket show` lists those of a ticket")
    if row.event.kind in _MOVES and row.event.part_of is not None:
        row = journal.find(uow.connection, row.event.part_of) or row
    return Undone(row, _undo(uow, row, actor))


def undo_all(uow: UnitOfWork, rows: Iterable[JournalRow], actor: Actor) -> tuple[Undone, ...]:
    """Undo events in that order, and go on where one cannot be; what is undone already is left out."""
    # Asked of each in its turn: to undo an undoing brings back what that undid.
    return tuple(_try(uow, row, actor) for row in rows if journal.undone_by(uow.connection, row.id) is None)


def _try(uow: UnitOfWork, row: JournalRow, actor: Actor) -> Undone:
    try:
        with uow.attempt():
            return Undone(row, _undo(uow, row, actor))
    except TrackerError as refusal:
        return Undone(row, refused=str(refusal))


def _undo(uow: UnitOfWork, row: JournalRow, actor: Actor) -> EventId:
    event = row.event
    if event.kind in _POSTS:
        raise BadValue(
            f"event {row.id}: a post is not undone; `mailgate ticket split {event.ticket_id}` gives it a "
            "ticket of its own, `mailgate hold` is for what should not come in"
        )
    inverse = _INVERSES.get(event.kind)
    if inverse is None:
        raise BadValue(f"event {row.id}: a {event.kind.value.replace('_', ' ')} changed nothing to undo")
    by = journal.undone_by(uow.connection, row.id)
    if by is not None:
        raise BadValue(f"event {row.id} was undone by event {by}; `mailgate ticket undo {by}` does it again")
    ticket = tickets.must_exist(store.lock(uow.connection, event.ticket_id), event.ticket_id)
    if ticket.merged_into is not None and event.kind is not Kind.MERGED:
        raise BadValue(
            f"event {row.id}: ticket {ticket.id} is part of ticket {ticket.merged_into} now; undo that first"
        )
    return inverse(uow, ticket, row, actor)


def _record(uow: UnitOfWork, row: JournalRow, change: Event) -> EventId:
    return uow.record_act(replace(change, undoes=row.id))


def _changed_since(uow: UnitOfWork, row: JournalRow, is_now: str, *kinds: Kind) -> BadValue:
    """Why an event cannot be undone: the state is another by now."""
    event = row.event
    later = journal.latest(uow.connection, event.ticket_id, kinds or (event.kind,))
    since = f", changed by event {later.id}" if later is not None and later.id > row.id else ""
    return BadValue(f"event {row.id}: ticket {event.ticket_id} {is_now} now{since}")


# Fields of a ticket: an event has the value before and after.


def _owner_of(uow: UnitOfWork, text: str) -> object:
    return people.find(uow.connection, Address(text)).id if text else None


def _queue_of(uow: UnitOfWork, text: str) -> object:
    return queues.find(uow.connection, text).id


def _as_written(_: UnitOfWork, text: str) -> object:
    return text


@dataclass(frozen=True, slots=True)
class _Field:
    """A column of a ticket: how an event writes it, and how that is read back."""

    column: str
    shown: Callable[[UnitOfWork, Ticket], str]
    read: Callable[[UnitOfWork, str], object] = _as_written


_FIELDS: Final[dict[Kind, _Field]] = {
    Kind.STATUS: _Field("status", lambda _, ticket: ticket.status.value),
    Kind.PRIORITY: _Field("priority", lambda _, ticket: ticket.priority.value),
    Kind.TITLE: _Field("title", lambda _, ticket: ticket.title),
    Kind.TOPIC: _Field("topic", lambda _, ticket: ticket.topic),
    Kind.OWNER: _Field("owner_id", lambda uow, one: tickets.address_of(uow, one.owner_id), _owner_of),
    Kind.REQUESTER: _Field(
        "requester_id", lambda uow, one: tickets.address_of(uow, one.requester_id), _owner_of
    ),
    Kind.QUEUE: _Field("queue_id", lambda uow, one: repair.queue_of(uow, one).address, _queue_of),
    Kind.PRIVATE: _Field(
        "private", lambda _, ticket: "yes" if ticket.private else "no", lambda _, text: text == "yes"
    ),
}


def _undo_field(uow: UnitOfWork, ticket: Ticket, row: JournalRow, actor: Actor) -> EventId:
    event, one = row.event, _FIELDS[row.event.kind]
    present = one.shown(uow, ticket)
    if present != event.after:
        raise _changed_since(uow, row, f"has {event.kind.value} {present or '(none)'!r}")
    values: dict[str, Any] = {one.column: one.read(uow, event.before)}
    if event.kind is Kind.STATUS:
        values["resolved_at"] = _resolved_at(uow, event)
    store.change(uow.connection, ticket.id, touched_at=uow.now, provisional=False, **values)
    detail = tickets.resolution_text(ticket) if event.kind is Kind.STATUS else ""
    change = Event(ticket.id, event.kind, actor, uow.now, before=event.after, after=event.before)
    return _record(uow, row, replace(change, detail=detail))


def _resolved_at(uow: UnitOfWork, event: Event) -> datetime | None:
    if event.before != Status.RESOLVED.value:
        return None
    return datetime.fromisoformat(event.detail) if event.detail else uow.now


def _undo_private(uow: UnitOfWork, ticket: Ticket, row: JournalRow, actor: Actor) -> EventId:
    """Publishes nothing that was written in the belief that it is private."""
    kept = [post for post in posts.of_ticket(uow.connection, ticket.id) if post.received > row.event.at]
    if row.event.after == "yes" and kept:
        raise BadValue(f"event {row.id}: {len(kept)} posts came to ticket {ticket.id} since it is private")
    return _undo_field(uow, ticket, row, actor)


# The nosy list.


def _undo_standing(uow: UnitOfWork, ticket: Ticket, row: JournalRow, actor: Actor) -> EventId:
    """Let a person stand as before: an event keeps how that was, nothing for one who was not there."""
    event = row.event
    person = people.find(uow.connection, Address(event.after or event.before))
    present = store.standing_of(uow.connection, ticket.id, person.id)
    state = NosyState.LEFT if present is None else present.state
    if state is not _STANDINGS[event.kind]:
        raise _changed_since(uow, row, f"has {person.address} as {state.value}", *_STANDINGS)
    return _stand(uow, row, person, present, actor)


def _stand(
    uow: UnitOfWork, row: JournalRow, person: Person, present: Standing | None, actor: Actor
) -> EventId:
    was = nosy.read_standing(row.event.detail)
    if was is None and row.event.kind is Kind.LEFT:
        # Written before events kept it: who left had joined.
        was = Standing(NosyState.JOINED, "posted", uow.now)
    store.restore_standing(uow.connection, row.event.ticket_id, person, was)
    kind = Kind.LEFT if was is None else _STANDING_KINDS[was.state]
    before, after = (person.address, "") if kind is Kind.LEFT else ("", person.address)
    change = Event(row.event.ticket_id, kind, actor, uow.now, before=before, after=after)
    return _record(uow, row, replace(change, detail=nosy.standing_text(present)))


# What hangs on a ticket: centers, tags, links.


def _undo_center_added(uow: UnitOfWork, ticket: Ticket, row: JournalRow, actor: Actor) -> EventId:
    name = row.event.after
    there = next((c for c in store.centers_of(uow.connection, (ticket.id,)) if c.name == name), None)
    if there is None:
        raise _changed_since(uow, row, f"is not with {name}", Kind.CENTER_REMOVED)
    store.remove_center(uow.connection, ticket.id, there.center_id)
    return _record(
        uow, row, Event(ticket.id, Kind.CENTER_REMOVED, actor, uow.now, before=name, detail=there.why)
    )


def _undo_center_removed(uow: UnitOfWork, ticket: Ticket, row: JournalRow, actor: Actor) -> EventId:
    center = centers.find(uow.connection, row.event.before)
    if center.id in {one.center_id for one in store.centers_of(uow.connection, (ticket.id,))}:
        raise _changed_since(uow, row, f"is with {center.name}", Kind.CENTER_ADDED)
    why = row.event.detail or actor.cause
    place = TicketCenter(ticket.id, center.id, row.event.before, center.address, center.wants, why)
    store.add_centers(uow.connection, (place,))
    return _record(uow, row, Event(ticket.id, Kind.CENTER_ADDED, actor, uow.now, after=row.event.before))


def _undo_contact_added(uow: UnitOfWork, ticket: Ticket, row: JournalRow, actor: Actor) -> EventId:
    """Take it off; what it was told already it was told."""
    address = Address(row.event.after)
    there = {one.address: one for one in contacts.of_tickets(uow.connection, (ticket.id,))}
    if address not in there:
        raise _changed_since(uow, row, f"has no contact {address}", Kind.CONTACT_REMOVED)
    contacts.remove(uow.connection, ticket.id, address)
    why = there[address].why
    return _record(
        uow, row, Event(ticket.id, Kind.CONTACT_REMOVED, actor, uow.now, before=address, detail=why)
    )


def _undo_tag_added(uow: UnitOfWork, ticket: Ticket, row: JournalRow, actor: Actor) -> EventId:
    if row.event.after not in store.tags_of(uow.connection, ticket.id):
        raise _changed_since(uow, row, f"has no tag {row.event.after!r}", Kind.TAG_REMOVED)
    store.remove_tag(uow.connection, ticket.id, row.event.after)
    return _record(uow, row, Event(ticket.id, Kind.TAG_REMOVED, actor, uow.now, before=row.event.after))


def _undo_tag_removed(uow: UnitOfWork, ticket: Ticket, row: JournalRow, actor: Actor) -> EventId:
    if row.event.before in store.tags_of(uow.connection, ticket.id):
        raise _changed_since(uow, row, f"has the tag {row.event.before!r}", Kind.TAG_ADDED)
    store.add_tags(uow.connection, ticket.id, (row.event.before,))
    return _record(uow, row, Event(ticket.id, Kind.TAG_ADDED, actor, uow.now, after=row.event.before))


def _undo_linked(uow: UnitOfWork, ticket: Ticket, row: JournalRow, actor: Actor) -> EventId:
    kind, _, other = row.event.after.partition(" ")
    if not store.remove_link(uow.connection, ticket.id, Link(kind), TicketId(int(other))):
        raise _changed_since(uow, row, f"is not linked: {row.event.after}", Kind.UNLINKED)
    return _record(uow, row, Event(ticket.id, Kind.UNLINKED, actor, uow.now, before=row.event.after))


def _undo_unlinked(uow: UnitOfWork, ticket: Ticket, row: JournalRow, actor: Actor) -> EventId:
    kind, _, other = row.event.before.partition(" ")
    if not store.add_link(uow.connection, ticket.id, Link(kind), TicketId(int(other))):
        raise _changed_since(uow, row, f"is linked: {row.event.before}", Kind.LINKED)
    return _record(uow, row, Event(ticket.id, Kind.LINKED, actor, uow.now, after=row.event.before))


# Posts that went from one ticket to another.


def _undo_merge(uow: UnitOfWork, ticket: Ticket, row: JournalRow, actor: Actor) -> EventId:
    return repair.take_apart(uow, _reversal(uow, row, actor), actor)


def _undo_split(uow: UnitOfWork, ticket: Ticket, row: JournalRow, actor: Actor) -> EventId:
    return repair.put_back(uow, _reversal(uow, row, actor), actor)


def _reversal(uow: UnitOfWork, row: JournalRow, actor: Actor) -> Reversal:
    return Reversal(row, lambda act: _undo_parts(uow, row, act, actor))


def _undo_parts(uow: UnitOfWork, row: JournalRow, act: EventId, actor: Actor) -> None:
    """What an act brought to the ticket that it is of goes, where nothing that came since speaks for it."""
    keep = _active_since(uow, row)
    with uow.parts_of(act):
        for part in reversed(journal.parts_of(uow.connection, row.id)):
            stays = part.event.kind is Kind.JOINED and part.event.after in keep
            of_it = part.event.ticket_id == row.event.ticket_id
            if of_it and part.event.kind not in _MOVES and not stays:
                _try(uow, part, actor)


def _active_since(uow: UnitOfWork, row: JournalRow) -> frozenset[str]:
    """Who wrote in the ticket since an event, or became its requester or owner."""
    ticket_id = row.event.ticket_id
    present = posts.of_ticket(uow.connection, ticket_id)
    people_since = {post.author_id for post in present if post.received > row.event.at}
    ticket = store.by_ids(uow.connection, (ticket_id,))[ticket_id]
    for kind, person_id in ((Kind.REQUESTER, ticket.requester_id), (Kind.OWNER, ticket.owner_id)):
        given = journal.latest(uow.connection, ticket_id, (kind,))
        if person_id is not None and given is not None and given.id > row.id:
            people_since.add(person_id)
    return frozenset(tickets.address_of(uow, one) for one in people_since)


_Inverse = Callable[[UnitOfWork, Ticket, JournalRow, Actor], EventId]

_INVERSES: Final[dict[Kind, _Inverse]] = {
    **dict.fromkeys(_FIELDS, _undo_field),
    **dict.fromkeys(_STANDINGS, _undo_standing),
    Kind.PRIVATE: _undo_private,
    Kind.CENTER_ADDED: _undo_center_added,
    Kind.CENTER_REMOVED: _undo_center_removed,
    Kind.CONTACT_ADDED: _undo_contact_added,
    Kind.TAG_ADDED: _undo_tag_added,
    Kind.TAG_REMOVED: _undo_tag_removed,
    Kind.LINKED: _undo_linked,
    Kind.UNLINKED: _undo_unlinked,
    Kind.MERGED: _undo_merge,
    Kind.SPLIT: _undo_split,
}
