"""From the journal to outgoing mail: who is told of what, each once, in the commit that moves the cursor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from mailgate import deliveries, introductions, pauses, sofar
from mailgate.addresses import is_ours
from mailgate.apart import read_attachments
from mailgate.brake import Brake
from mailgate.compose import ChangeMail, Composer, PostMail, proofs_of_copies
from mailgate.exchange import sharing, telling
from mailgate.exchange.sharing import Sharing
from mailgate.exchange.telling import Trackers
from mailgate.fronts import is_of_front
from mailgate.mimeout import OutPart
from mailgate.pauses import Paused
from mailgate.posting import RAW_NAME, RAW_TYPE
from tracker import nosy
from tracker.commands import Contact
from tracker.events import Event, JournalRow, Kind
from tracker.model import Address, Delivery, EventId, PersonId, PostId, Queue, QueueId, Ticket, TicketId
from tracker.nosy import Audience, Face, Occasion, Role, Told
from tracker.storage import journal, people, posts, queues
from tracker.storage import tickets as store
from tracker.storage.posts import Post
from tracker.storage.queues import Subscriber
from tracker.storage.tickets import Membership, TicketCenter

# Names in the journal's cursors: posts never wait, changes without text do, to become one mail.
POSTS: Final = "mail of posts"
CHANGES: Final = "mail of changes"
CHANGES_WAIT: Final = timedelta(seconds=60)

_BATCH: Final = 100
# As much of a mail as holds its header, of any that a program writes.
_HEADER_BYTES: Final = 64 * 1024
_TOLD_OF: Final = (
    *(Kind.OPENED, Kind.POSTED, Kind.CENTER_ADDED, Kind.CONTACT_ADDED, Kind.OFFERED, Kind.TOPIC),
)
_ONLY_OF_PUBLIC: Final = (Kind.CONTACT_ADDED, Kind.OFFERED)
_BY_HAND: Final = ("mail", "operator")
_CHANGES: Final = {
    Kind.STATUS: "status",
    Kind.PRIORITY: "priority",
    Kind.TITLE: "title",
    Kind.OWNER: "owner",
    Kind.QUEUE: "list",
    Kind.MERGED: "merged",
    Kind.SPLIT: "split",
}


@dataclass(frozen=True, slots=True)
class _World:
    """All that the mails of one batch need, read in a few statements."""

    queues: dict[QueueId, Queue]
    tickets: dict[TicketId, Ticket]
    members: dict[TicketId, tuple[Membership, ...]]
    centers: dict[TicketId, tuple[TicketCenter, ...]]
    subscribers: dict[QueueId, tuple[Subscriber, ...]]
    posts: dict[PostId, Post]
    trackers: Trackers

    def others(self, told: Iterable[Told]) -> tuple[Told, ...]:
        """Those of `told` who are neither ourselves nor a list in front: anybody may have written under
        such an address.
        """
        queues = tuple(self.queues.values())
        return tuple(
            one
            for one in told
            if not is_ours(one.address, queues) and not any(is_of_front(one.address, q) for q in queues)
        )

    def holders(self, ticket: Ticket, post: Post) -> frozenset[Address]:
        """Who gets a post from the list manager in front: those on the list who get all there."""
        if not post.on_list or not self.queues[ticket.queue_id].front:
            return frozenset()
        on_it = self.subscribers.get(ticket.queue_id, ())
        return frozenset(one.person.address for one in on_it if one.delivery is Delivery.ALL)


class Notifier:
    """The subscriber of the journal that writes mail."""

    def __init__(self, composer: Composer, attach_bytes: int, brake: Brake) -> None:
        self._composer = composer
        self._brake = brake
        self._attach_bytes = attach_bytes
        self._sharing = Sharing(composer, brake)

    def advance(self, connection: Connection, now: datetime) -> int:
        """Tell of the next events about posts; gives how many events were read, 0 when all were."""
        if pauses.is_paused(connection, Paused.NOTIFY):
            return 0
        cursor = journal.read_cursor(connection, POSTS)
        rows = journal.after(connection, cursor, _BATCH)
        if not rows:
            return 0
        telling = [row for row in rows if row.event.kind in _TOLD_OF and not row.event.quiet]
        stopped_at = self._tell_posts(connection, telling, now) if telling else None
        done = rows if stopped_at is None else [row for row in rows if row.id < stopped_at]
        if done:
            journal.advance(connection, POSTS, done[-1].id)
        return len(done)

    def advance_changes(self, connection: Connection, now: datetime) -> int:
        """Tell of changes without text, once the first of them is a minute old; gives how many events
        were read.
        """
        if pauses.is_paused(connection, Paused.NOTIFY):
            return 0
        cursor = journal.read_cursor(connection, CHANGES)
        rows = journal.after(connection, cursor, _BATCH)
        first = next((n for n, row in enumerate(rows) if _is_change(row)), len(rows))
        if first < len(rows) and rows[first].event.at <= now - CHANGES_WAIT:
            self._tell_changes(connection, [row for row in rows if _is_change(row)], now)
            first = len(rows)
        if first:
            journal.advance(connection, CHANGES, rows[first - 1].id)
        return first

    def _tell_posts(
        self, connection: Connection, rows: Sequence[JournalRow], now: datetime
    ) -> EventId | None:
        """Tell of posts; gives the event before which the brake stopped, if it did."""
        world = _read_world(connection, rows)
        contacts = _contacts(rows)
        reached: dict[TicketId, set[Address]] = defaultdict(set)
        for row in rows:
            post = _post_of(connection, row, world)
            # Where the post is by now: it may have been split off since.
            ticket = None if post is None else world.tickets.get(post.ticket_id)
            if ticket is None or post is None:
                continue
            audience = _audience(world, ticket, contacts, row.event)
            shared = sharing.told_of(connection, row, ticket, post, (world.trackers, reached[ticket.id]))
            told = _told(connection, row, post, (audience, ticket.private), reached[ticket.id])
            holders = world.holders(ticket, post)
            told = tuple(one for one in told if one.address not in holders)
            told = world.others(_each_once((*shared, *told)))
            if told and self._brake.stops(connection, len(told), row.event.at, now):
                return row.id
            if told:
                mail = _post_mail(connection, row.id, world, post)
                by_us = [one for one in told if one.role is not Role.EXCHANGE]
                self._write(connection, mail, by_us, world.queues, now)
                trackers = [one for one in told if one.role is Role.EXCHANGE]
                if trackers:
                    whole = self._with_header(connection, self._with_files(connection, mail))
                    self._sharing.share_post(connection, whole, trackers, world.trackers, now)
                reached[ticket.id].update(one.address for one in told)
        return None

    def _write(
        self,
        connection: Connection,
        mail: PostMail,
        told: Sequence[Told],
        lists: dict[QueueId, Queue],
        now: datetime,
    ) -> None:
        """One rendered mail for each face and reason, a delivery for each person."""
        ticketed = [one for one in told if one.face is Face.TICKET]
        for queue_id, listed in _by_list(told):
            raw = posts.get_blob(connection, mail.post.raw_sha256)
            of_list = replace(mail, queue=lists[queue_id])
            deliveries.add(connection, self._composer.list_copy(of_list, raw), listed, now)
        if ticketed:
            mail = self._with_header(connection, self._with_files(connection, mail))
        missed = _missed(connection, mail, ticketed, now)
        routed = [one for one in ticketed if one.role in (Role.CENTER, Role.CONTACT)]
        strangers = introductions.strangers(connection, (one.address for one in routed))
        for one in routed:
            if one.address in strangers:
                theirs = replace(mail, before=missed.get(one.address, ""))
                outgoing = self._composer.ticket_copy(theirs, one.reason, first=one)
                deliveries.add(connection, outgoing, [one], now)
        introductions.introduce(connection, sorted(strangers), now)
        known = [one for one in ticketed if one.address not in strangers]
        in_html = _who_wants_html(connection, known)
        for (reason, before, html), group in _alike(known, missed, in_html):
            outgoing = self._composer.ticket_copy(replace(mail, before=before, html=html), reason)
            deliveries.add(connection, outgoing, group, now)

    def _with_header(self, connection: Connection, mail: PostMail) -> PostMail:
        """With what its header proves of the lists it has been to."""
        start = posts.get_blob_start(connection, mail.post.raw_sha256, _HEADER_BYTES)
        return replace(mail, copy_of=proofs_of_copies(start))

    def _with_files(self, connection: Connection, mail: PostMail) -> PostMail:
        """The post's files, when together they are small enough; else their names."""
        files = posts.attachments_of(connection, mail.post.id)
        if not files:
            return mail
        names = tuple(file.name for file in files)
        if sum(file.size for file in files) > self._attach_bytes:
            return replace(mail, left_out=names)
        raw = posts.get_blob(connection, mail.post.raw_sha256)
        if (files[0].name, files[0].type, files[0].size) == (RAW_NAME, RAW_TYPE, len(raw)):
            return replace(mail, files=(OutPart(RAW_NAME, RAW_TYPE, raw),))
        found = read_attachments(raw)
        if not found:
            return replace(mail, left_out=names)
        return replace(mail, files=tuple(OutPart(file.name, file.type, data) for file, data in found))

    def _tell_changes(self, connection: Connection, rows: Sequence[JournalRow], now: datetime) -> None:
        groups: dict[tuple[TicketId, PersonId | None, str], list[JournalRow]] = defaultdict(list)
        for row in rows:
            event = row.event
            groups[event.ticket_id, event.actor.person_id, event.actor.cause].append(row)
        world = _read_world(connection, rows)
        for group in groups.values():
            self._tell_change(connection, group, world, now)

    def _tell_change(
        self, connection: Connection, group: Sequence[JournalRow], world: _World, now: datetime
    ) -> None:
        event = group[0].event
        ticket = world.tickets.get(event.ticket_id)
        if ticket is None:
            return
        told = nosy.told_of_change(event.actor.person_id, Audience(members=world.members.get(ticket.id, ())))
        mail = ChangeMail(
            event_id=group[-1].id,
            ticket=ticket,
            queue=world.queues[ticket.queue_id],
            actor=_actor_name(connection, group[0]),
            at=group[-1].event.at,
            changes=tuple(_change_line(row) for row in group),
            earlier=posts.recent_message_ids(connection, ticket.id),
        )
        for reason, group_told in _by_reason(world.others(told)):
            deliveries.add(connection, self._composer.change_copy(mail, reason), group_told, now)
        if any(row.event.kind is Kind.STATUS for row in group):
            self._sharing.share_change(connection, mail, world.trackers, event.actor.cause, now)


def _is_change(row: JournalRow) -> bool:
    """Made by hand and without text: what a post caused stands in its copy, what the rules did, in the
    opening's.
    """
    event = row.event
    by_hand = event.post_id is None and event.actor.cause.startswith(_BY_HAND)
    # A merge stands in both histories; those of the alias hear of it as those of the ticket that it is now.
    twice = event.kind is Kind.MERGED and event.part_of is not None
    return event.kind in _CHANGES and by_hand and not event.quiet and not twice


def _read_world(connection: Connection, rows: Sequence[JournalRow]) -> _World:
    found = posts.by_ids(connection, {r.event.post_id for r in rows if r.event.post_id is not None})
    ticket_ids = {row.event.ticket_id for row in rows} | {post.ticket_id for post in found.values()}
    tickets = store.resolve(connection, ticket_ids)
    ids = {ticket.id for ticket in tickets.values()}
    members, centers, subscribers = defaultdict(list), defaultdict(list), defaultdict(list)
    for member in store.memberships(connection, ids):
        members[member.ticket_id].append(member)
    for center in store.centers_of(connection, ids):
        centers[center.ticket_id].append(center)
    for subscriber in queues.subscribers(connection):
        subscribers[subscriber.queue_id].append(subscriber)
    trackers = telling.read_trackers(connection, [c for some in centers.values() for c in some], found)
    return _World(
        trackers=trackers,
        queues={queue.id: queue for queue in queues.everyone(connection)},
        tickets=tickets,
        members={key: tuple(value) for key, value in members.items()},
        centers={key: tuple(value) for key, value in centers.items()},
        subscribers={key: tuple(value) for key, value in subscribers.items()},
        posts=found,
    )


def _contacts(rows: Iterable[JournalRow]) -> dict[TicketId, tuple[Contact, ...]]:
    """The contacts that the rules named for openings of this batch, where they came with the opening."""
    opened = {(row.event.ticket_id, row.event.at) for row in rows if row.event.kind is Kind.OPENED}
    found: dict[TicketId, list[Contact]] = defaultdict(list)
    for row in rows:
        event = row.event
        if event.kind is Kind.CONTACT_ADDED and (event.ticket_id, event.at) in opened:
            found[event.ticket_id].append(Contact(Address(event.after), event.detail))
    return {key: tuple(value) for key, value in found.items()}


def _post_of(connection: Connection, row: JournalRow, world: _World) -> Post | None:
    """The post that an event is about; for a center or contact that comes, the opening."""
    if row.event.post_id is not None:
        return world.posts.get(row.event.post_id)
    ticket = world.tickets.get(row.event.ticket_id)
    return None if ticket is None else posts.opening_of(connection, ticket.id)


def _audience(
    world: _World, ticket: Ticket, contacts: dict[TicketId, tuple[Contact, ...]], event: Event
) -> Audience:
    # A private ticket is for those who take part and its centers, never for the list; and where a list
    # manager stands in front, that writes to subscribers.
    lists = [] if ticket.private else [one for one in _lists_of(ticket, event) if not world.queues[one].front]
    subscribers = [one for queue_id in lists for one in world.subscribers.get(queue_id, ())]
    members, at = world.members.get(ticket.id, ()), event.at
    return Audience(
        # Who joined after a post is told of it with their first copy, not twice.
        members=tuple(one for one in members if one.since is None or one.since <= at),
        centers=world.trackers.apart(ticket, world.centers.get(ticket.id, ())),
        contacts=() if ticket.private else contacts.get(ticket.id, ()),
        subscribers=tuple(one for one in subscribers if not one.is_away(at)),
        topic=ticket.topic,
    )


def _lists_of(ticket: Ticket, event: Event) -> list[QueueId]:
    """A ticket's list, and the others to which its post was mailed."""
    to_lists = event.kind in (Kind.OPENED, Kind.POSTED)
    others = [QueueId(int(number)) for number in event.detail.split()] if to_lists else []
    return [ticket.queue_id, *others]


def _told(
    connection: Connection,
    row: JournalRow,
    post: Post,
    of_ticket: tuple[Audience, bool],
    reached: set[Address],
) -> tuple[Told, ...]:
    event, (audience, private) = row.event, of_ticket
    if event.kind in (Kind.OPENED, Kind.POSTED):
        already = _who_has_it(connection, post, audience) if post.trust.believed else frozenset()
        opening = event.kind is Kind.OPENED
        return nosy.told_of_post(Occasion(opening, post.author_id, post.author_address, already), audience)
    # Somebody is brought in: they get the opening, unless it reached them in this batch or before.
    if event.kind is Kind.OFFERED and post.ticket_id != event.ticket_id:
        return ()
    if private and event.kind in _ONLY_OF_PUBLIC:
        # It was public when they were to hear of it, and is no more.
        return ()
    told = tuple(one for one in _newcomer(row, audience) if one.address not in reached)
    if not told:
        return ()
    before = frozenset(deliveries.told_addresses(connection, event.ticket_id))
    return tuple(one for one in told if one.address not in before and one.address != post.author_address)


def _who_has_it(connection: Connection, post: Post, audience: Audience) -> frozenset[Address]:
    """Who stands in its To or Cc, less those who want our copy all the same."""
    if not post.copied_to:
        return frozenset()
    persons = {member.person.id: member.person.address for member in audience.members}
    wishes = people.wishes_of(connection, persons)
    always = {persons[person_id] for person_id, wish in wishes.items() if wish.always_copy}
    return frozenset(post.copied_to) - always


def _newcomer(row: JournalRow, audience: Audience) -> Iterable[Told]:
    if row.event.kind is Kind.CONTACT_ADDED:
        contact = Contact(Address(row.event.after), row.event.detail)
        yield Told(contact.address, None, Face.TICKET, nosy.contact_reason(contact), Role.CONTACT)
    if row.event.kind is Kind.OFFERED:
        reason = f"you asked for tickets about {row.event.detail}"
        yield Told(Address(row.event.after), None, Face.TICKET, reason, Role.OFFERED)
    for center in audience.centers:
        if row.event.kind is Kind.CENTER_ADDED and center.name == row.event.after and center.address:
            yield Told(center.address, None, Face.TICKET, nosy.routed_reason(center), Role.CENTER)
    if row.event.kind in (Kind.CENTER_ADDED, Kind.TOPIC):
        # What they chose may come to be said of a ticket only after it was opened.
        for subscriber in audience.subscribers:
            if subscriber.delivery in (Delivery.CENTERS, Delivery.TOPICS):
                reason = nosy.wanted_by(subscriber, audience, opening=True)
                yield from (nosy.as_subscriber(subscriber, reason),) if reason else ()


def _each_once(told: Iterable[Told]) -> tuple[Told, ...]:
    """Each address with what stands first."""
    return tuple({one.address: one for one in reversed(tuple(told))}.values())[::-1]


def _post_mail(connection: Connection, event_id: EventId, world: _World, post: Post) -> PostMail:
    ticket = world.tickets[post.ticket_id]
    names = tuple(center.name for center in world.centers.get(ticket.id, ()))
    opening = post.n == 1
    why = next((center.why for center in world.centers.get(ticket.id, ())), "")
    return PostMail(
        event_id=event_id,
        ticket=ticket,
        queue=world.queues[ticket.queue_id],
        post=post,
        author=post.author_name or post.author_address.partition("@")[0],
        centers=names,
        routed=f"routed to {', '.join(names)} by {why}" if names and opening else "",
        asked_by=_asked_by(world, ticket) if opening else "",
        earlier=() if opening else posts.recent_message_ids(connection, ticket.id, before=post.n),
    )


def _asked_by(world: _World, ticket: Ticket) -> str:
    """Who asked what another forwarded; "" where the author of the opening did."""
    asked = (member for member in world.members.get(ticket.id, ()) if member.reason == nosy.ASKED)
    return next((m.person.name or m.person.address for m in asked if m.person.id == ticket.requester_id), "")


def _missed(
    connection: Connection, mail: PostMail, told: Sequence[Told], now: datetime
) -> dict[Address, str]:
    """What was said that those do not know who hear of a ticket for the first time, as a text."""
    if mail.ticket.post_count == 1 or not told:
        return {}
    told_of = sofar.telling(connection, mail.ticket.id, mail.post, now)
    texts: dict[tuple[Post, ...], str] = {}
    found = {}
    for address, left in sofar.missed(connection, told_of, told).items():
        if left not in texts:
            texts[left] = sofar.as_text(left)
        found[address] = texts[left]
    return found


def _who_wants_html(connection: Connection, told: Iterable[Told]) -> frozenset[PersonId]:
    ids = {one.person_id for one in told if one.person_id is not None}
    return frozenset(one for one, wish in people.wishes_of(connection, ids).items() if wish.html)


def _alike(
    told: Iterable[Told], missed: dict[Address, str], in_html: frozenset[PersonId]
) -> Iterable[tuple[tuple[str, str, bool], list[Told]]]:
    """Those who get the same mail: for the same reason, with the same of what was said before."""
    groups: dict[tuple[str, str, bool], list[Told]] = defaultdict(list)
    for one in told:
        groups[one.reason, missed.get(one.address, ""), one.person_id in in_html].append(one)
    return groups.items()


def _by_list(told: Iterable[Told]) -> Iterable[tuple[QueueId, list[Told]]]:
    """Those who get list copies, by the list for whose sake they do."""
    groups: dict[QueueId, list[Told]] = defaultdict(list)
    for one in told:
        if one.face is Face.LIST and one.queue_id is not None:
            groups[one.queue_id].append(one)
    return groups.items()


def _by_reason(told: Iterable[Told]) -> Iterable[tuple[str, list[Told]]]:
    groups: dict[str, list[Told]] = defaultdict(list)
    for one in told:
        groups[one.reason].append(one)
    return groups.items()


def _actor_name(connection: Connection, row: JournalRow) -> str:
    person_id = row.event.actor.person_id
    if person_id is None:
        return row.event.actor.cause
    person = people.by_ids(connection, frozenset({person_id}))[person_id]
    return person.name or person.address.partition("@")[0]


def _change_line(row: JournalRow) -> str:
    event = row.event
    if event.kind is Kind.MERGED:
        return f"ticket {event.before} and its posts are part of this one now"
    if event.kind is Kind.SPLIT and event.after == str(event.ticket_id):
        return f"these posts were part of ticket {event.before}, and are a ticket of their own now"
    if event.kind is Kind.SPLIT:
        return f"some posts went to ticket {event.after}, with the replies to them"
    return f"{_CHANGES[event.kind]}: {event.before or '(none)'} -> {event.after or '(none)'}"
