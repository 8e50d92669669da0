"""Undoing: each kind of change has its inverse, which can be undone itself, and is refused when outdated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from tests.support.tracked import NOW, OPERATOR, Tracked
from tracker import assign, nosy, repair, tickets, undo
from tracker.commands import ChosenCenter, Contact, Route
from tracker.events import Actor, Kind
from tracker.model import (
    BadValue,
    Center,
    EventId,
    Link,
    Priority,
    Queue,
    QueueId,
    Status,
    TicketId,
    Wants,
)
from tracker.storage import centers, contacts, journal, queues
from tracker.storage import tickets as store
from tracker.unit_of_work import UnitOfWork

Change = Callable[[UnitOfWork, TicketId], object]


def undo_one(tracked: Tracked, number: EventId) -> EventId:
    by = tracked.do(lambda uow: undo.undo(uow, number, OPERATOR)).by
    assert by is not None
    return by


def last(tracked: Tracked) -> EventId:
    return tracked.journal()[-1].id


def state(tracked: Tracked, ticket_id: TicketId) -> object:
    def read(connection: Connection) -> object:
        one = store.by_ids(connection, (ticket_id,))[ticket_id]
        return (
            (one.status, one.resolved_at, one.priority, one.title, one.topic, one.owner_id, one.private),
            (one.queue_id, one.requester_id),
            [(m.person.id, m.state, m.reason) for m in store.memberships(connection, (ticket_id,))],
            [(center.name, center.why) for center in store.centers_of(connection, (ticket_id,))],
            store.tags_of(connection, ticket_id),
            store.links_of(connection, ticket_id),
        )

    return tracked.database.read(read)


def found(uow: UnitOfWork, ticket_id: TicketId):  # type: ignore[no-untyped-def]
    return tickets.find(uow, ticket_id)


def the_center(uow: UnitOfWork) -> Center:
    return centers.find(uow.connection, "USCMS")


def other_list(uow: UnitOfWork) -> Queue:
    return queues.find(uow.connection, "osg-int")


def somebody(uow: UnitOfWork, ticket_id: TicketId):  # type: ignore[no-untyped-def]
    members = store.memberships(uow.connection, (ticket_id,))
    return next(m.person for m in members if m.person.address.startswith("bob"))


CHANGES: dict[str, Change] = {
    "status": lambda uow, n: tickets.set_status(uow, found(uow, n), Status.WAITING, OPERATOR),
    "reopened": lambda uow, n: tickets.set_status(uow, found(uow, n), Status.NEW, OPERATOR),
    "priority": lambda uow, n: tickets.set_priority(uow, found(uow, n), Priority.HIGH, OPERATOR),
    "title": lambda uow, n: tickets.set_title(uow, found(uow, n), "Other words", OPERATOR),
    "topic": lambda uow, n: tickets.set_topic(uow, found(uow, n), "upgrade", OPERATOR),
    "private": lambda uow, n: tickets.make_private(uow, found(uow, n), OPERATOR),
    "queue": lambda uow, n: repair.move(uow, found(uow, n), other_list(uow), OPERATOR),
    "left": lambda uow, n: nosy.leave(uow, n, somebody(uow, n), OPERATOR),
    "muted": lambda uow, n: nosy.mute(uow, n, somebody(uow, n), OPERATOR),
    "center_removed": lambda uow, n: assign.remove_center(uow, n, the_center(uow), OPERATOR),
    "tag_added": lambda uow, n: assign.add_tags(uow, n, ("new",), OPERATOR),
    "tag_removed": lambda uow, n: assign.remove_tag(uow, n, "xrootd", OPERATOR),
    "linked": lambda uow, n: tickets.link(uow, n, Link.FOLLOWS, TicketId(2), OPERATOR),
}


@pytest.fixture
def ticket_id(tracked: Tracked) -> TicketId:
    """A ticket with everything on it, resolved, and another beside it."""
    ann, bob = tracked.person("ann"), tracked.person("bob")
    number = tracked.open(ann)
    tracked.answer(number, bob)
    tracked.open(bob)
    tracked.database.write(lambda c: centers.create(c, "USCMS", None, Wants.ALL, NOW))
    wanted = Queue(QueueId(0), "osg-int", "lists.example.org", "INT", "Integration")
    tracked.database.write(lambda c: queues.create(c, wanted, NOW))
    route = Route(number, "rules rev 3 (cms)", centers=(ChosenCenter("USCMS"),), tags=("xrootd",))
    tracked.do(lambda uow: assign.route(uow, route))
    tracked.set_status(number, Status.RESOLVED)
    tracked.pass_by(hours=1)
    return number


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_undone_done_again_and_undone_again(
    tracked: Tracked, ticket_id: TicketId, name: str
) -> None:
    before = state(tracked, ticket_id)
    tracked.do(lambda uow: CHANGES[name](uow, ticket_id))
    after = state(tracked, ticket_id)
    assert before != after
    event = last(tracked)
    for expected in (before, after, before):
        event = undo_one(tracked, event)
        assert state(tracked, ticket_id) == expected


def test_who_joined_for_the_first_time_is_off_the_list_again(tracked: Tracked, ticket_id: TicketId) -> None:
    before = state(tracked, ticket_id)
    zoe = tracked.person("zoe")
    tracked.do(lambda uow: nosy.join(uow, ticket_id, zoe, "followed", OPERATOR))
    undo_one(tracked, last(tracked))
    assert state(tracked, ticket_id) == before
    assert tracked.events(ticket_id)[-1] == "left zoe@x.example>"


def test_an_owner_goes_back_to_the_one_before(tracked: Tracked, ticket_id: TicketId) -> None:
    for name in ("bob", "zoe"):
        owner = tracked.person(name)
        tracked.do(lambda uow, o=owner: tickets.set_owner(uow, found(uow, ticket_id), o, OPERATOR))  # type: ignore[misc]
    event = next(row.id for row in reversed(tracked.journal()) if row.event.kind is Kind.OWNER)
    undo_one(tracked, event)
    assert tracked.ticket(ticket_id).owner_id == tracked.person("bob").id


def test_a_contact_who_was_brought_in_is_forgotten_again(tracked: Tracked, ticket_id: TicketId) -> None:
    told = Route(ticket_id, "rules rev 4", contacts=(Contact(tracked.person("zoe").address),))
    tracked.do(lambda uow: assign.route(uow, told))
    undo_one(tracked, last(tracked))
    assert tracked.database.read(lambda c: contacts.of_tickets(c, (ticket_id,))) == ()
    assert tracked.events(ticket_id)[-1] == "contact_removed zoe@x.example>"


def test_what_the_rules_did_is_undone_too(tracked: Tracked, ticket_id: TicketId) -> None:
    added = next(row.id for row in tracked.journal() if row.event.kind is Kind.CENTER_ADDED)
    undo_one(tracked, added)
    assert tracked.events(ticket_id)[-1] == "center_removed USCMS>"
    # Undone and done again it is there for the same reason.
    undo_one(tracked, last(tracked))
    rows = tracked.database.read(lambda c: store.centers_of(c, (ticket_id,)))
    assert [(center.name, center.why) for center in rows] == [("USCMS", "rules rev 3 (cms)")]


def test_history_says_what_undid_what(tracked: Tracked, ticket_id: TicketId) -> None:
    tracked.do(lambda uow: CHANGES["title"](uow, ticket_id))
    event = last(tracked)
    undo_one(tracked, event)
    row = tracked.journal()[-1].event
    assert (row.kind, row.before, row.after, row.undoes) == (
        Kind.TITLE,
        "Other words",
        "Jobs are held",
        event,
    )
    assert row.actor == OPERATOR


def test_it_is_refused_when_things_changed_since_and_says_by_what(
    tracked: Tracked, ticket_id: TicketId
) -> None:
    first = last(tracked)
    tracked.do(lambda uow: CHANGES["status"](uow, ticket_id))
    second = last(tracked)
    with pytest.raises(BadValue, match=f"ticket 1 has status 'waiting' now, changed by event {second}"):
        undo_one(tracked, first)
    undo_one(tracked, second)
    undo_one(tracked, first)


def test_nothing_is_undone_twice(tracked: Tracked, ticket_id: TicketId) -> None:
    event = last(tracked)
    by = undo_one(tracked, event)
    with pytest.raises(BadValue, match=f"event {event} was undone by event {by}"):
        undo_one(tracked, event)


def test_posts_and_what_changed_nothing_are_not_undone(tracked: Tracked, ticket_id: TicketId) -> None:
    tracked.do(lambda uow: assign.route(uow, Route(ticket_id, "rules rev 4", notes=("look",))))
    rows = {row.event.kind: row.id for row in tracked.journal()}
    for kind, said in (
        (Kind.OPENED, "ticket split"),
        (Kind.POSTED, "ticket split"),
        (Kind.NOTE, "a note changed nothing to undo"),
    ):
        with pytest.raises(BadValue, match=said):
            undo_one(tracked, rows[kind])
    with pytest.raises(BadValue, match="there is no event 9999"):
        undo_one(tracked, EventId(9999))


def test_what_was_written_in_private_is_not_published(tracked: Tracked, ticket_id: TicketId) -> None:
    tracked.do(lambda uow: tickets.make_private(uow, found(uow, ticket_id), OPERATOR))
    event = last(tracked)
    later = tracked.now + timedelta(minutes=1)
    tracked.answer(ticket_id, tracked.person("bob"), received=later, date=later)
    with pytest.raises(BadValue, match="1 posts came to ticket 1 since it is private"):
        undo_one(tracked, event)
    assert tracked.ticket(ticket_id).private


def test_a_change_of_what_is_an_alias_now_waits_for_the_merge(tracked: Tracked, ticket_id: TicketId) -> None:
    event = last(tracked)
    tracked.merge(ticket_id, TicketId(2))
    with pytest.raises(BadValue, match="ticket 1 is part of ticket 2 now; undo that first"):
        undo_one(tracked, event)


def test_all_that_somebody_did_is_undone_newest_first_and_what_cannot_be_is_said(
    tracked: Tracked, ticket_id: TicketId
) -> None:
    mallory = tracked.person("mallory")
    actor = Actor(mallory.id, "mail")
    before, since = state(tracked, ticket_id), tracked.now
    tracked.answer(ticket_id, mallory, is_reply=True)
    for status in (Status.OPEN, Status.WAITING):
        tracked.do(lambda uow, s=status: tickets.set_status(uow, found(uow, ticket_id), s, actor))  # type: ignore[misc]
    tracked.do(lambda uow: tickets.set_title(uow, found(uow, ticket_id), "Buy", actor))
    tracked.do(lambda uow: repair.merge(uow, TicketId(2), ticket_id, actor))
    rows = tracked.database.read(lambda c: journal.of_actor(c, mallory.id, since))
    results = tracked.do(lambda uow: undo.undo_all(uow, rows, OPERATOR))
    assert state(tracked, ticket_id) == before
    assert tracked.ticket(2).merged_into is None
    kinds = [(one.row.event.kind.value, one.by is not None) for one in results]
    assert kinds == [
        ("merged", True),
        ("title", True),
        ("status", True),
        ("status", True),
        ("joined", True),
        ("posted", False),
    ]
    assert "a post is not undone" in results[-1].refused


def test_one_that_cannot_be_undone_leaves_nothing_behind(tracked: Tracked, ticket_id: TicketId) -> None:
    """A merge whose ticket was made private since: refused in the middle, the rest goes on."""
    mallory = Actor(tracked.person("mallory").id, "mail")
    new = tracked.do(lambda uow: repair.split(uow, ticket_id, (2,), "Other", mallory))[0]
    tracked.do(lambda uow: tickets.set_title(uow, found(uow, new), "Third", mallory))
    tracked.do(lambda uow: tickets.make_private(uow, found(uow, new), OPERATOR))
    rows = tracked.database.read(lambda c: journal.of_actor(c, mallory.person_id or 0, NOW))  # type: ignore[arg-type]
    before = tracked.events(ticket_id)
    title, split = tracked.do(lambda uow: undo.undo_all(uow, rows, OPERATOR))
    assert title.by is not None
    assert "merging would publish it" in split.refused
    assert tracked.events(ticket_id) == before
    assert tracked.ticket(new).merged_into is None


def test_a_cause_names_all_of_its_rules(tracked: Tracked, ticket_id: TicketId) -> None:
    rows = tracked.database.read(lambda c: journal.of_actor(c, "rules rev 3", NOW))
    assert [row.event.kind for row in rows] == [Kind.TAG_ADDED, Kind.CENTER_ADDED]
    assert tracked.database.read(lambda c: journal.of_actor(c, "rules rev", NOW)) == ()


def test_who_changed_something_and_took_it_back_has_changed_nothing_in_the_end(
    tracked: Tracked, ticket_id: TicketId
) -> None:
    """The undoing is undone first, and what it had undone next."""
    before = state(tracked, ticket_id)
    new = tracked.do(lambda uow: repair.split(uow, ticket_id, (1,), "Other", OPERATOR))
    undo_one(tracked, new[1])
    rows = tracked.database.read(lambda c: journal.of_actor(c, OPERATOR.cause, tracked.now))
    results = tracked.do(lambda uow: undo.undo_all(uow, rows, Actor(None, "another")))
    assert [(one.row.event.kind, one.refused) for one in results] == [(Kind.MERGED, ""), (Kind.SPLIT, "")]
    assert state(tracked, ticket_id) == before
    assert tracked.ticket(new[0]).merged_into == ticket_id
