"""Splitting, merging, moving, and the way back of each: nothing is lost, and what was is again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, update

from tests.support.tracked import NOW, OPERATOR, Tracked
from tracker import assign, nosy, repair, tickets, undo
from tracker.events import Kind
from tracker.model import (
    BadValue,
    EventId,
    Link,
    NoSuchTicket,
    Priority,
    Queue,
    QueueId,
    Status,
    TicketId,
    Wants,
)
from tracker.storage import centers, journal, keys, posts, queues
from tracker.storage import tables as t
from tracker.storage import tickets as store
from tracker.unit_of_work import UnitOfWork


def split(tracked: Tracked, ticket_id: TicketId, *wanted: int, title: str = "Another") -> TicketId:
    return tracked.do(lambda uow: repair.split(uow, ticket_id, wanted, title, OPERATOR))[0]


def undo_last(tracked: Tracked, ticket_id: TicketId, kind: Kind) -> EventId:
    """Undo the latest event of that kind in a ticket; gives the event that did it."""

    def work(uow: UnitOfWork) -> EventId:
        row = journal.latest(uow.connection, ticket_id, (kind,))
        assert row is not None
        by = undo.undo(uow, row.id, OPERATOR).by
        assert by is not None
        return by

    return tracked.do(work)


def texts(tracked: Tracked, ticket_id: TicketId) -> list[tuple[int, str]]:
    return [(post.n, post.new_text) for post in tracked.posts(ticket_id)]


def thread_of(tracked: Tracked, *authors: str) -> TicketId:
    """A ticket with a post by each of `authors`, whose texts are 1, 2, 3, ..."""
    ticket_id = tracked.open(tracked.person(authors[0]), new_text="1")
    for n, name in enumerate(authors[1:], 2):
        tracked.pass_by(minutes=1)
        tracked.answer(ticket_id, tracked.person(name), new_text=str(n), base=f"base {n}")
    return ticket_id


def where(tracked: Tracked, *wanted: str) -> set[TicketId]:
    return {e.ticket_id for e in tracked.database.read(lambda c: keys.lookup(c, wanted))}


def whole(tracked: Tracked, ticket_id: TicketId) -> object:
    """All that hangs on a ticket, but the times at which it was touched."""

    def read(connection: Connection) -> object:
        one = store.by_ids(connection, (ticket_id,))[ticket_id]
        present = posts.ids_of(connection, ticket_id)
        return (
            (
                one.title,
                one.base,
                one.status,
                one.requester_id,
                one.post_count,
                one.merged_into,
                one.queue_id,
            ),
            (one.created_at, one.active_at, one.private),
            present,
            store.tags_of(connection, ticket_id),
            [center.name for center in store.centers_of(connection, (ticket_id,))],
            store.aliases_of(connection, ticket_id),
            sorted(
                (m.person.address, m.state, m.reason) for m in store.memberships(connection, (ticket_id,))
            ),
        )

    return tracked.database.read(read)


def test_posts_go_to_a_ticket_of_their_own_and_the_rest_is_numbered_without_gaps(tracked: Tracked) -> None:
    old = thread_of(tracked, "ann", "bob", "cid", "dan")
    new = split(tracked, old, 2, 4)
    assert texts(tracked, old) == [(1, "1"), (2, "3")]
    assert texts(tracked, new) == [(1, "2"), (2, "4")]
    assert (tracked.ticket(old).post_count, tracked.ticket(new).post_count) == (2, 2)
    tracked.answer(old, tracked.person("ann"), new_text="5")
    assert texts(tracked, old)[-1] == (3, "5")


def test_the_new_ticket_is_of_who_wrote_its_first_post_and_those_who_wrote_the_others_take_part(
    tracked: Tracked,
) -> None:
    old = thread_of(tracked, "ann", "bob", "cid", "dan")
    cid, dan = tracked.person("cid"), tracked.person("dan")
    tracked.do(lambda uow: nosy.mute(uow, old, cid, OPERATOR))
    tracked.do(lambda uow: nosy.leave(uow, old, dan, OPERATOR))
    new = split(tracked, old, 2, 3, 4, title="  Disk   full ")
    ticket = tracked.ticket(new)
    assert (ticket.title, ticket.base) == ("Disk full", "base 2")
    assert ticket.requester_id == tracked.person("bob").id
    assert ticket.status is Status.OPEN
    # Who asked not to be told of the one is not told of the other.
    assert tracked.nosy(new) == {"bob": "joined", "cid": "muted"}
    assert tracked.nosy(old) == {"ann": "joined", "bob": "left", "cid": "muted", "dan": "left"}
    assert tracked.database.read(lambda c: store.links_of(c, new)) == ((Link.BRANCHED_FROM, old),)
    assert f"split {old}>{new}" in tracked.events(old)
    assert f"split {old}>{new}" in tracked.events(new)


def test_who_wrote_in_both_or_follows_the_old_one_takes_part_in_both(tracked: Tracked) -> None:
    old = thread_of(tracked, "ann", "bob", "cid", "bob", "cid")
    dan = tracked.person("dan")
    tracked.do(lambda uow: nosy.join(uow, old, dan, "followed", OPERATOR))
    tracked.answer(old, dan)
    new = split(tracked, old, 4, 5, 6)
    assert tracked.nosy(new) == {"bob": "joined", "cid": "joined", "dan": "joined"}
    assert tracked.nosy(old) == {"ann": "joined", "bob": "joined", "cid": "joined", "dan": "joined"}


def test_keys_and_ghosts_go_with_their_post_also_those_that_another_post_named_too(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    own, ghost = keys.message_key("<own@x.example>"), keys.message_key("<ghost@x.example>")
    old = tracked.open(ann, named_keys=(ghost,))
    tracked.answer(old, ann, own_key=own, named_keys=(ghost,))
    assert where(tracked, ghost) == {old}
    new = split(tracked, old, 2)
    assert where(tracked, own) == {new}
    assert where(tracked, ghost) == {old, new}


def test_list_centers_and_privacy_are_those_of_the_old_one_and_nobody_is_told_of_the_centers(
    tracked: Tracked,
) -> None:
    ann = tracked.person("ann")
    old = tracked.open(ann, private=True)
    tracked.answer(old, ann)
    center = tracked.database.write(lambda c: centers.create(c, "USCMS", None, Wants.ALL, NOW))
    tracked.do(lambda uow: assign.add_center(uow, old, center, OPERATOR))
    new = split(tracked, old, 2)
    assert tracked.ticket(new).private
    assert tracked.ticket(new).queue_id == tracked.ticket(old).queue_id
    added = [r.event for r in tracked.journal() if r.event.ticket_id == new and r.event.after == "USCMS"]
    assert [(event.kind, event.quiet) for event in added] == [(Kind.CENTER_ADDED, True)]


def test_when_the_opening_goes_the_ticket_is_that_of_who_opens_it_now(tracked: Tracked) -> None:
    old = thread_of(tracked, "ann", "bob", "cid")
    new = split(tracked, old, 1)
    assert tracked.ticket(old).requester_id == tracked.person("bob").id
    assert tracked.ticket(old).base == "base 2"
    assert tracked.ticket(new).requester_id == tracked.person("ann").id
    undo_last(tracked, old, Kind.SPLIT)
    assert tracked.ticket(old).requester_id == tracked.person("ann").id
    assert texts(tracked, old) == [(1, "1"), (2, "2"), (3, "3")]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ((1, 2, 3), "these are all posts of ticket 1: nothing would stay in it"),
        ((4,), "ticket 1 has no post 4: its posts are 1 to 3"),
        ((0,), "ticket 1 has no post 0"),
        ((), "say which posts are to go"),
    ],
)
def test_what_cannot_be_split_is_refused(tracked: Tracked, wanted: Sequence[int], said: str) -> None:
    old = thread_of(tracked, "ann", "bob", "cid")
    before = whole(tracked, old)
    with pytest.raises(BadValue, match=said):
        split(tracked, old, *wanted)
    assert whole(tracked, old) == before
    with pytest.raises(NoSuchTicket):
        split(tracked, TicketId(99), 1)
    with pytest.raises(BadValue, match="a title needs words"):
        split(tracked, old, 2, title=" ")


def test_an_undone_split_puts_posts_back_where_they_stood_and_its_number_is_an_alias(
    tracked: Tracked,
) -> None:
    old = thread_of(tracked, "ann", "bob", "cid", "dan", "eva")
    before = whole(tracked, old)
    new = split(tracked, old, 2, 4)
    tracked.answer(new, tracked.person("fay"), new_text="later")
    tracked.answer(old, tracked.person("gus"), new_text="later still")
    undo_last(tracked, old, Kind.SPLIT)
    assert [text for _, text in texts(tracked, old)] == ["1", "2", "3", "4", "5", "later still", "later"]
    assert tracked.ticket(new).merged_into == old
    assert tracked.nosy(old)["fay"] == "joined"
    assert texts(tracked, new) == []
    # Without what came later it is as it was.
    again = thread_of(tracked, "ann", "bob", "cid")
    before = whole(tracked, again)
    branch = split(tracked, again, 2)
    undo_last(tracked, again, Kind.SPLIT)
    assert whole(tracked, again) == (*before[:5], (branch,), before[6])  # type: ignore[index]


def test_an_undone_merge_gives_the_number_its_posts_people_centers_and_tags_back(tracked: Tracked) -> None:
    source, target = thread_of(tracked, "ann", "bob"), thread_of(tracked, "cid", "dan")
    alias = tracked.open(tracked.person("eva"))
    tracked.merge(alias, source)
    center = tracked.database.write(lambda c: centers.create(c, "USCMS", None, Wants.ALL, NOW))
    tracked.do(lambda uow: assign.add_center(uow, source, center, OPERATOR))
    tracked.do(lambda uow: assign.add_tags(uow, source, ("xrootd",), OPERATOR))
    before = whole(tracked, source), whole(tracked, target)
    tracked.merge(source, target)
    assert whole(tracked, target) != before[1]
    undo_last(tracked, target, Kind.MERGED)
    assert (whole(tracked, source), whole(tracked, target)) == before
    assert tracked.ticket(alias).merged_into == source


def test_what_came_after_a_merge_stays_unless_it_answered_a_post_that_goes_back(tracked: Tracked) -> None:
    ann, bob = tracked.person("ann"), tracked.person("bob")
    question, answer = keys.message_key("<question@x.example>"), keys.message_key("<answer@x.example>")
    source = tracked.open(ann, own_key=question, new_text="question")
    target = tracked.open(ann, new_text="other")
    tracked.merge(source, target)
    tracked.answer(target, bob, own_key=answer, parent_key=question, new_text="answer")
    tracked.answer(target, ann, parent_key=answer, new_text="thanks")
    tracked.answer(target, bob, new_text="to all")
    undo_last(tracked, target, Kind.MERGED)
    assert [text for _, text in texts(tracked, source)] == ["question", "answer", "thanks"]
    assert [text for _, text in texts(tracked, target)] == ["other", "to all"]
    assert where(tracked, answer) == {source}
    # Both wrote in both.
    assert tracked.nosy(source) == {"ann": "joined", "bob": "joined"}
    assert tracked.nosy(target) == {"ann": "joined", "bob": "joined"}


def test_an_undone_merge_can_be_done_again_and_again_undone(tracked: Tracked) -> None:
    source, target = thread_of(tracked, "ann", "bob"), thread_of(tracked, "cid")
    apart = whole(tracked, source), whole(tracked, target)
    tracked.merge(source, target)
    undo_last(tracked, target, Kind.MERGED)
    undo_last(tracked, target, Kind.SPLIT)
    assert tracked.ticket(source).merged_into == target
    assert [text for _, text in texts(tracked, target)] == ["1", "1", "2"]
    undo_last(tracked, target, Kind.MERGED)
    assert (whole(tracked, source), whole(tracked, target)) == apart


def test_a_merge_is_not_undone_past_a_later_one(tracked: Tracked) -> None:
    one, two, three = (thread_of(tracked, name) for name in ("ann", "bob", "cid"))
    tracked.merge(one, two)
    tracked.merge(two, three)
    first = next(row.id for row in tracked.journal() if row.event.kind is Kind.MERGED)
    with pytest.raises(BadValue, match=f"ticket {two} became part of ticket {three} since"):
        tracked.do(lambda uow: undo.undo(uow, first, OPERATOR))
    undo_last(tracked, three, Kind.MERGED)
    assert tracked.ticket(one).merged_into == two
    tracked.do(lambda uow: undo.undo(uow, first, OPERATOR))
    assert [tracked.ticket(n).merged_into for n in (one, two, three)] == [None, None, None]


def test_a_merge_whose_posts_were_split_off_since_is_not_undone(tracked: Tracked) -> None:
    source, target = thread_of(tracked, "ann", "bob"), thread_of(tracked, "cid")
    tracked.merge(source, target)
    new = split(tracked, target, 3)
    with pytest.raises(BadValue, match=f"went to ticket {new} since"):
        undo_last(tracked, target, Kind.MERGED)


def test_the_alias_end_of_a_merge_stands_for_the_whole(tracked: Tracked) -> None:
    source, target = thread_of(tracked, "ann"), thread_of(tracked, "bob")
    tracked.merge(source, target)
    undo_last(tracked, source, Kind.MERGED)
    assert tracked.ticket(source).merged_into is None


def test_a_moved_ticket_is_in_the_other_list_and_comes_back(tracked: Tracked) -> None:
    wanted = Queue(QueueId(0), "osg-int", "lists.example.org", "INT", "Integration")
    other = tracked.database.write(lambda c: queues.create(c, wanted, NOW))
    number = tracked.open(tracked.person("ann"), private=True)
    tracked.do(lambda uow: repair.move(uow, tickets.find(uow, number), other, OPERATOR))
    assert (tracked.ticket(number).queue_id, tracked.ticket(number).private) == (other.id, True)
    assert tracked.events(number)[-1] == f"queue {tracked.queue.address}>{other.address}"
    with pytest.raises(BadValue, match=r"is in osg-int@.* already"):
        tracked.do(lambda uow: repair.move(uow, tickets.find(uow, number), other, OPERATOR))
    undo_last(tracked, number, Kind.QUEUE)
    assert tracked.ticket(number).queue_id == tracked.queue.id


def test_a_post_remembers_the_tickets_it_stood_in(tracked: Tracked) -> None:
    old = thread_of(tracked, "ann", "bob")
    post_id = tracked.posts(old)[1].id
    new = split(tracked, old, 2)
    newest = thread_of(tracked, "cid")
    tracked.merge(new, newest)
    assert set(tracked.database.read(lambda c: posts.former_places(c, post_id))) == {old, new}


def test_priority_of_a_split_is_normal_and_that_of_the_old_stays(tracked: Tracked) -> None:
    old = thread_of(tracked, "ann", "bob")
    tracked.do(lambda uow: tickets.set_priority(uow, tickets.find(uow, old), Priority.HIGH, OPERATOR))
    new = split(tracked, old, 2)
    assert [tracked.ticket(n).priority for n in (old, new)] == [Priority.HIGH, Priority.NORMAL]


def test_a_merge_that_an_older_mailgate_wrote_is_refused_in_words(tracked: Tracked) -> None:
    source, target = thread_of(tracked, "ann"), thread_of(tracked, "bob")
    tracked.merge(source, target)
    older = update(t.event).where(t.event.c.kind == "merged").values(detail=None, part_of=None)
    tracked.database.write(lambda connection: connection.execute(older) and None)
    for ticket_id in (source, target):
        with pytest.raises(BadValue, match="is older than the means to undo it"):
            undo_last(tracked, ticket_id, Kind.MERGED)


def test_no_late_parent_takes_over_what_people_have_parted(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    source, target = tracked.open(ann, provisional=True), tracked.open(ann, provisional=True)
    tracked.merge(source, target)
    assert tracked.ticket(target).provisional
    undo_last(tracked, target, Kind.MERGED)
    assert not any(tracked.ticket(n).provisional for n in (source, target))
    other = tracked.open(ann, provisional=True)
    tracked.answer(other, ann)
    new = split(tracked, other, 2)
    assert not any(tracked.ticket(n).provisional for n in (other, new))
