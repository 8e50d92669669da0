"""Repair of wrong threading: posts go to another ticket with all that leads to them, and may come back.

The posts of a ticket are numbered from 1 without gaps: what stays is numbered anew when others leave, for the
next number follows from the count, and the opening is number 1. What lasts of a post is its Message-ID.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tracker import assign, nosy, tickets
from tracker.events import Actor, Event, JournalRow, Kind
from tracker.model import (
    BadValue,
    Center,
    EventId,
    Link,
    NosyState,
    PostId,
    Priority,
    Queue,
    Status,
    Ticket,
    TicketId,
)
from tracker.storage import posts, queues
from tracker.storage import tickets as store
from tracker.storage.posts import Post
from tracker.unit_of_work import UnitOfWork

# As the post before one that was the first.
_FRONT: Final = PostId(0)


@dataclass(frozen=True, slots=True)
class _Moved:
    """Posts that went from one ticket to another, as the event keeps them.

    `behind` are for each of `posts` the one before it in the ticket that they left, or _FRONT. `newest` is
    the latest post that either ticket had: later ones came after. `aliases` are the numbers that went along.
    """

    posts: tuple[PostId, ...]
    behind: tuple[PostId, ...]
    newest: PostId
    aliases: tuple[TicketId, ...] = ()

    def to_text(self) -> str:
        return json.dumps([self.posts, self.behind, self.newest, self.aliases])


@dataclass(frozen=True, slots=True)
class Reversal:
    """That posts go back: which event is undone, and what restores the rest, given the act that does it."""

    row: JournalRow
    restore: Callable[[EventId], None]

    @property
    def ends(self) -> tuple[TicketId, TicketId]:
        """The ticket that posts left, and the one they went to."""
        return TicketId(int(self.row.event.before)), TicketId(int(self.row.event.after))


def split(
    uow: UnitOfWork, number: int, wanted: Sequence[int], title: str, actor: Actor
) -> tuple[TicketId, EventId]:
    """Give the posts of those numbers a ticket of their own; gives its number and the event's.

    Who wrote them takes part there, and no longer in the old one if nothing they wrote stays. Raises BadValue
    when there is no such post, or when none would stay.
    """
    old = tickets.find(uow, number)
    stay, go = _parted(posts.of_ticket(uow.connection, old.id), wanted, old)
    going = [post.id for post in go]
    new_id = _insert_branch(uow, old, go, title)
    act = _record_split(uow, old.id, new_id, _moved(uow, going, old.id), actor)
    posts.place(uow.connection, new_id, going)
    posts.place(uow.connection, old.id, [post.id for post in stay])
    with uow.parts_of(act):
        _join_writers(uow, old, new_id, go, actor)
        tickets.link(uow, new_id, Link.BRANCHED_FROM, old.id, actor)
        _new_requester(uow, old, stay, actor)
        _writers_leave(uow, old.id, stay, go, actor)
    with uow.parts_of(act, quiet=True):
        # They got these posts when they came.
        _copy_centers(uow, old.id, new_id, actor)
    _touched_by_people(uow, old.id, new_id)
    return new_id, act


def _parted(present: Sequence[Post], wanted: Sequence[int], ticket: Ticket) -> tuple[list[Post], list[Post]]:
    """The posts that stay, and those of the numbers `wanted`."""
    for number in wanted:
        if not 1 <= number <= len(present):
            raise BadValue(f"ticket {ticket.id} has no post {number}: its posts are 1 to {len(present)}")
    go = [post for post in present if post.n in set(wanted)]
    stay = [post for post in present if post.n not in set(wanted)]
    if not go:
        raise BadValue("say which posts are to go")
    if not stay:
        raise BadValue(f"these are all posts of ticket {ticket.id}: nothing would stay in it")
    return stay, go


def _insert_branch(uow: UnitOfWork, old: Ticket, go: Sequence[Post], title: str) -> TicketId:
    shown = " ".join(title.split())[:900]
    if not shown:
        raise BadValue("a title needs words")
    first = go[0]
    status = Status.NEW if all(post.author_id == first.author_id for post in go) else Status.OPEN
    return store.insert_ticket(
        uow.connection,
        {
            "queue_id": old.queue_id,
            "title": shown,
            "mail_title": shown,
            "base": first.base,
            "status": status.value,
            "priority": Priority.NORMAL.value,
            "requester_id": first.author_id,
            "topic": old.topic,
            "private": old.private,
            "provisional": False,
            "imported": old.imported,
            "nonce": tickets.new_nonce(),
            "post_count": len(go),
            "created_at": uow.now,
            "active_at": uow.now,
            "touched_at": uow.now,
        },
    )


def _moved(
    uow: UnitOfWork, going: Sequence[PostId], source: TicketId, aliases: tuple[TicketId, ...] = ()
) -> _Moved:
    """What to keep of posts that are about to leave `source`."""
    present = posts.ids_of(uow.connection, source)
    before = dict(zip(present, (_FRONT, *present), strict=False))
    return _Moved(tuple(going), tuple(before[one] for one in going), max(present), aliases)


def _record_split(
    uow: UnitOfWork,
    old: TicketId,
    new: TicketId,
    moved: _Moved,
    actor: Actor,
    undone: JournalRow | None = None,
) -> EventId:
    """The act stands in the history of the ticket that posts left, its other end in the other's."""
    event = Event(old, Kind.SPLIT, actor, uow.now, before=str(old), after=str(new), detail=moved.to_text())
    act = uow.record_act(replace(event, undoes=None if undone is None else undone.id))
    with uow.parts_of(act):
        uow.record(new, Kind.SPLIT, actor, before=str(old), after=str(new))
    return act


def _join_writers(uow: UnitOfWork, old: Ticket, new_id: TicketId, go: Sequence[Post], actor: Actor) -> None:
    """Who wrote what goes comes along, and stays as silent as they were: who left or never joined does not
    join by it, such as a robot, or a stranger whose one post a moderator let in.
    """
    writers = {post.author_id for post in go}
    requester = store.by_ids(uow.connection, (new_id,))[new_id].requester_id
    there = {m.person.id: m for m in store.memberships(uow.connection, (new_id,))}
    for member in store.memberships(uow.connection, (old.id,)):
        if member.person.id not in writers or member.person.id in there:
            continue
        reason = "requester" if member.person.id == requester else "posted"
        if member.state is NosyState.JOINED:
            nosy.join(uow, new_id, member.person, reason, actor)
        elif member.state is NosyState.MUTED:
            nosy.mute(uow, new_id, member.person, actor)


def _new_requester(uow: UnitOfWork, old: Ticket, stay: Sequence[Post], actor: Actor) -> None:
    """When all that the requester wrote has gone, the ticket is that of who opens it now."""
    if any(post.author_id == old.requester_id for post in stay):
        return
    store.change(uow.connection, old.id, requester_id=stay[0].author_id)
    before, after = tickets.address_of(uow, old.requester_id), tickets.address_of(uow, stay[0].author_id)
    uow.record(old.id, Kind.REQUESTER, actor, before=before, after=after)


def _writers_leave(
    uow: UnitOfWork, old_id: TicketId, stay: Iterable[Post], go: Iterable[Post], actor: Actor
) -> None:
    """Who took part only by what has gone is told of what has gone only."""
    ticket = store.by_ids(uow.connection, (old_id,))[old_id]
    gone = {post.author_id for post in go} - {post.author_id for post in stay}
    for member in store.memberships(uow.connection, (old_id,)):
        joined = member.state is NosyState.JOINED and member.reason == "posted"
        if joined and member.person.id in gone and not nosy.is_requester_or_owner(ticket, member.person.id):
            nosy.leave(uow, old_id, member.person, actor)


def _copy_centers(uow: UnitOfWork, source: TicketId, target: TicketId, actor: Actor) -> None:
    for center in store.centers_of(uow.connection, (source,)):
        known = Center(center.center_id, center.name, center.address, center.wants)
        assign.add_center(uow, target, known, actor)


def _touched_by_people(uow: UnitOfWork, *numbers: TicketId) -> None:
    """No late parent takes over what people have parted."""
    for number in numbers:
        store.change(uow.connection, number, provisional=False)
        store.count_again(uow.connection, number, uow.now)


def merge(uow: UnitOfWork, source_id: TicketId, target_id: TicketId, actor: Actor) -> EventId:
    """Make `source_id` an alias of `target_id`: its posts, people, centers and tags go over."""
    if source_id == target_id:
        raise BadValue("a ticket cannot be merged with itself")
    source, target = _lock_pair(uow, source_id, target_id)
    if source.merged_into is not None or target.merged_into is not None:
        raise BadValue("one of the two is an alias already")
    order = (*posts.ids_of(uow.connection, target.id), *posts.ids_of(uow.connection, source.id))
    return _absorb(uow, source, target, order, actor)


def _lock_pair(uow: UnitOfWork, one: TicketId, other: TicketId) -> tuple[Ticket, Ticket]:
    # Always the lower number first: two merges at once must not wait for each other.
    for number in sorted((one, other)):
        store.lock(uow.connection, number)
    pair = store.by_ids(uow.connection, (one, other))
    return tickets.must_exist(pair.get(one), one), tickets.must_exist(pair.get(other), other)


def _absorb(
    uow: UnitOfWork,
    source: Ticket,
    target: Ticket,
    order: Sequence[PostId],
    actor: Actor,
    reversal: Reversal | None = None,
) -> EventId:
    """Let `source` be an alias of `target`, whose posts then stand in that `order`."""
    if source.private is not target.private:
        raise BadValue("one of the two is private, the other is not: merging would publish it")
    going = posts.ids_of(uow.connection, source.id)
    moved = _moved(uow, going, source.id, store.aliases_of(uow.connection, source.id))
    event = Event(target.id, Kind.MERGED, actor, uow.now, before=str(source.id), after=str(target.id))
    detail = replace(moved, newest=max(order)).to_text()
    act = uow.record_act(replace(event, detail=detail, undoes=reversal.row.id if reversal else None))
    posts.place(uow.connection, target.id, order)
    if reversal is not None:
        reversal.restore(act)
    with uow.parts_of(act):
        uow.record(source.id, Kind.MERGED, actor, after=str(target.id))
        _merge_people(uow, source, target, actor)
        _copy_centers(uow, source.id, target.id, actor)
        assign.add_tags(uow, target.id, store.tags_of(uow.connection, source.id), actor)
    store.change(uow.connection, source.id, merged_into=target.id, touched_at=uow.now, post_count=0)
    store.repoint_aliases(uow.connection, source.id, target.id)
    store.count_again(uow.connection, target.id, uow.now)
    return act


def _merge_people(uow: UnitOfWork, source: Ticket, target: Ticket, actor: Actor) -> None:
    for member in store.memberships(uow.connection, (source.id,)):
        there = store.state_of(uow.connection, target.id, member.person.id)
        if member.state is NosyState.JOINED and there is not NosyState.MUTED:
            nosy.join(uow, target.id, member.person, member.reason, actor)
        if member.state is NosyState.MUTED and there is None:
            nosy.mute(uow, target.id, member.person, actor)


def put_back(uow: UnitOfWork, reversal: Reversal, actor: Actor) -> EventId:
    """Undo a split: the posts go back to where they stood, later ones to the end; the number that they had
    is an alias from now on.
    """
    moved = _kept(reversal.row)
    new, old = _lock_pair(uow, *reversal.ends[::-1])
    _must_be_there(uow, moved, new, old)
    order = list(posts.ids_of(uow.connection, old.id))
    behind = dict(zip(moved.posts, moved.behind, strict=True))
    for post_id in posts.ids_of(uow.connection, new.id):
        order.insert(_place_of(post_id, behind, order), post_id)
    return _absorb(uow, new, old, order, actor, reversal)


def _place_of(post_id: PostId, behind: dict[PostId, PostId], order: Sequence[PostId]) -> int:
    before = behind.get(post_id)
    if before == _FRONT:
        return 0
    return order.index(before) + 1 if before in order else len(order)


def take_apart(uow: UnitOfWork, reversal: Reversal, actor: Actor) -> EventId:
    """Undo a merge: the alias is a ticket again, with its posts and what was answered to them since."""
    moved = _kept(reversal.row)
    source, target = _lock_pair(uow, *reversal.ends)
    _must_be_there(uow, moved, target)
    if source.merged_into != target.id:
        raise BadValue(f"ticket {source.id} is no alias of ticket {target.id} now")
    present = posts.of_ticket(uow.connection, target.id)
    going = (*moved.posts, *_answers(uow, moved, present))
    stay = [post for post in present if post.id not in set(going)]
    go = [post for post in present if post.id in set(going)]
    if not stay:
        raise BadValue(f"nothing would stay in ticket {target.id}: the posts it had went elsewhere since")
    gone = _moved(uow, going, target.id, moved.aliases)
    act = _record_split(uow, target.id, source.id, gone, actor, reversal.row)
    if target.private and not source.private:
        # What was said since was said in private.
        with uow.parts_of(act):
            tickets.make_private(uow, source, actor)
    store.change(uow.connection, source.id, merged_into=None)
    store.give_back_aliases(uow.connection, moved.aliases, target.id, source.id)
    posts.place(uow.connection, source.id, going)
    posts.place(uow.connection, target.id, [post.id for post in stay])
    # Who was there at the merge stands as the merge kept it; who came since goes with what they wrote.
    since = [post for post in go if post.id not in set(moved.posts)]
    with uow.parts_of(act):
        _join_writers(uow, target, source.id, since, actor)
    reversal.restore(act)
    with uow.parts_of(act):
        _writers_leave(uow, target.id, stay, since, actor)
    _touched_by_people(uow, source.id, target.id)
    return act


def _kept(row: JournalRow) -> _Moved:
    """What an event keeps of the posts it moved. Raises BadValue for one that an older mailgate wrote."""
    if not row.event.detail:
        raise BadValue(
            f"event {row.id} is older than the means to undo it; `mailgate ticket split` parts posts"
        )
    moved, behind, newest, aliases = json.loads(row.event.detail)
    return _Moved(tuple(moved), tuple(behind), newest, tuple(aliases))


def _must_be_there(uow: UnitOfWork, moved: _Moved, holder: Ticket, *others: Ticket) -> None:
    """Raise BadValue unless all that was moved is in `holder` still, and that and `others` are no aliases."""
    for one in (holder, *others):
        if one.merged_into is not None:
            raise BadValue(f"ticket {one.id} became part of ticket {one.merged_into} since; undo that first")
    found = posts.by_ids(uow.connection, moved.posts)
    away = next((post for post in found.values() if post.ticket_id != holder.id), None)
    if away is not None:
        raise BadValue(f"post {away.message_id} went to ticket {away.ticket_id} since; undo that first")


def _answers(uow: UnitOfWork, moved: _Moved, present: Sequence[Post]) -> Iterable[PostId]:
    """The posts that came later and answer one of those moved, or an answer to one."""
    later = [post for post in present if post.id > moved.newest]
    keys = posts.own_keys(uow.connection, (*moved.posts, *(post.id for post in later)))
    going = {key for one in moved.posts for key in keys.get(one, ())}
    for post in sorted(later, key=lambda post: post.id):
        if post.parent_key is not None and post.parent_key in going:
            going |= keys.get(post.id, frozenset())
            yield post.id


def move(uow: UnitOfWork, ticket: Ticket, queue: Queue, actor: Actor) -> EventId:
    """Let a ticket be one of another list; its number, and every address of it, means it as before."""
    before = queue_of(uow, ticket)
    if before.id == queue.id:
        raise BadValue(f"ticket {ticket.id} is in {queue.address} already")
    store.change(uow.connection, ticket.id, queue_id=queue.id, touched_at=uow.now, provisional=False)
    change = Event(ticket.id, Kind.QUEUE, actor, uow.now, before=before.address, after=queue.address)
    return uow.record_act(change)


def queue_of(uow: UnitOfWork, ticket: Ticket) -> Queue:
    """The list that a ticket is in."""
    return next(queue for queue in queues.everyone(uow.connection) if queue.id == ticket.queue_id)
