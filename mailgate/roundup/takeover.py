"""Taking over a Roundup tracker: people, then each issue as a ticket with its posts, then what links them.

It is history: nobody is told, and it can be done again. What is here already is found by its Message-ID; what
a later export has more is added; a ticket that somebody worked on here since keeps what they made of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any, Final
from zoneinfo import available_timezones

from sqlalchemy import Connection

from mailgate import inbound
from mailgate.app import App
from mailgate.envelope import Client, Envelope
from mailgate.importing import IMPORTED_TAG
from mailgate.inbound import Mail, Outcome, State
from mailgate.message import Classified, Disposition
from mailgate.posting import new_post
from mailgate.roundup.export import Change, Export, Issue, Note, User
from mailgate.roundup.mails import Letterhead, made_id, own_id, write_mail
from mailgate.roundup.words import priority_of, status_of, tag_of
from mailgate.threads.identity import Identity
from mailgate.threads.match import Question, Writer
from mailgate.verdict import Verdict
from tracker import assign, nosy, tickets
from tracker.commands import AddPost, NewPost, OpenTicket
from tracker.events import Actor, Kind
from tracker.model import BadValue, Link, NosyState, Person, PostId, Queue, Ticket, TicketId, Trust
from tracker.storage import aliases, journal, keys, people, posts, queues
from tracker.storage import tickets as store
from tracker.storage.keys import KnownKey
from tracker.unit_of_work import UnitOfWork

_CLIENT: Final = Client("", "localhost", "FILE", "roundup")
_CAUSE: Final = "roundup"
_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)
_HOURS: Final = re.compile(r"[+-]?0?[1-9]\d?", re.ASCII)
_NO_TITLE: Final = "(no title)"


@dataclass(frozen=True, slots=True)
class Counts:
    """What was taken over. Of tickets and posts, `new_…` were not here before; `faults` are a line each."""

    tickets: int = 0
    new_tickets: int = 0
    posts: int = 0
    new_posts: int = 0
    files: int = 0
    people: int = 0
    new_people: int = 0
    links: int = 0
    retired: int = 0
    faults: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def plus(self, **more: int) -> Counts:
        return replace(self, **{name: getattr(self, name) + n for name, n in more.items()})


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an issue stands here: its ticket, None before its first post; whether nobody touched it since; up
    to when its history is known.
    """

    ticket_id: TicketId | None
    untouched: bool = True
    until: datetime = _BEFORE_ALL


@dataclass
class Takeover:
    """Brings an export into a list."""

    app: App
    queue: Queue
    export: Export
    counts: Counts = field(default_factory=Counts)

    @cached_property
    def head(self) -> Letterhead:
        return Letterhead(self.queue, self.export.users)

    @cached_property
    def lists(self) -> tuple[Queue, ...]:
        return self.app.queues()

    def check(self) -> None:
        """Raise BadValue when a name in the export is that of a ticket from another tracker."""
        self.app.read(lambda connection: [self._place(connection, issue) for issue in self.export.issues])

    def run(self, progress: Callable[[int], object]) -> Counts:
        """Do all of it, an issue a transaction; `progress` is called after each."""
        self.counts = Counts(retired=self.export.retired)
        self.app.write(self._take_people)
        for issue in self.export.issues:
            self.counts = self.app.write(partial(self._take_issue, issue=issue))
            progress(1)
        self.counts = self.app.write(self._link)
        return self.counts

    def _take_people(self, connection: Connection) -> None:
        counts, now = self.counts, self.app.clock()
        theirs = {user.address: user.id for user in self.export.users.values()}
        for user in self.export.users.values():
            if user.address is None:
                continue
            new = people.find_sender(connection, user.address) is None
            person = people.register(connection, user.address, user.name, now)
            counts = counts.plus(people=1, new_people=new)
            if not person.name:
                people.set_name(connection, person.id, user.name)
            _set_zone(connection, person, user)
            for address in user.others:
                if theirs.get(address, user.id) == user.id:
                    people.adopt(connection, person, address)
        self.counts = counts

    def person(self, connection: Connection, user: int, now: datetime) -> Person:
        return people.register(connection, self.head.address(user), self.head.name(user), now)

    def _take_issue(self, connection: Connection, issue: Issue) -> Counts:
        place = self._place(connection, issue)
        work = _IssueWork(self, connection, issue, self.counts.plus(tickets=1), place.ticket_id)
        changes = [one for one in issue.changes if place.untouched and one.at > place.until]
        work.take_notes(changes if place.ticket_id is not None else [*_first(issue), *changes])
        if place.untouched and work.ticket_id is not None:
            work.settle(work.ticket_id)
        return work.counts

    def _place(self, connection: Connection, issue: Issue) -> _Place:
        named = aliases.find(connection, self.queue.id, (issue.name,)).get(issue.name)
        if named is None:
            return _Place(None)
        wanted = [keys.message_key(one) for note in issue.notes for one in self._ids(issue, note)]
        if not any(entry.stored for entry in keys.lookup(connection, wanted)):
            raise BadValue(
                f"{issue.name} of {self.queue.address} is ticket {named}, of another tracker: "
                "its messages are not these; take a list for each tracker"
            )
        ticket = store.resolve(connection, (named,))[named]
        events = [row.event for row in journal.history(connection, ticket.id)]
        untouched = all(event.quiet for event in events) and ticket.id == named
        return _Place(ticket.id, untouched, max(event.at for event in events))

    def _ids(self, issue: Issue, note: Note) -> Iterator[str]:
        yield made_id(self.head, issue, note)
        if (own := own_id(note)) is not None:
            yield own

    def _link(self, connection: Connection) -> Counts:
        """Which issues another took the place of."""
        counts = self.counts
        wanted = [issue for issue in self.export.issues if issue.superseded_by]
        names = {name for issue in wanted for name in (issue.name, *issue.superseded_by)}
        numbers = aliases.find(connection, self.queue.id, names)
        for issue in wanted:
            uow = UnitOfWork(connection, issue.active, quiet=True)
            for name in issue.superseded_by:
                if issue.name in numbers and name in numbers:
                    with suppress(BadValue):
                        tickets.link(
                            uow, numbers[issue.name], Link.DUPLICATE_OF, numbers[name], Actor(None, _CAUSE)
                        )
                        counts = counts.plus(links=1)
            uow.flush()
        return counts


def _first(issue: Issue) -> Iterator[Change]:
    """How it stood when it was opened: as before the first change of each, or as now."""
    now = {"status": issue.status, "priority": issue.priority, "owner": str(issue.owner or "")}
    for what, value in now.items():
        before = next((change.before for change in issue.changes if change.what == what), value)
        if before:
            at = max(issue.created, issue.notes[0].entered)
            yield Change(at, issue.creator, what, "", before)


def _set_zone(connection: Connection, person: Person, user: User) -> None:
    """The zone of somebody who has none here; an offset of hours as the zone that has it all year."""
    zone = user.timezone
    if _HOURS.fullmatch(zone):
        # POSIX signs: what is two hours ahead of UTC is called GMT-2.
        zone = f"Etc/GMT{-int(zone):+d}"
    wishes = people.wishes_of(connection, (person.id,)).get(person.id, people.Wishes())
    if not wishes.timezone and zone in available_timezones():
        people.set_wishes(connection, person.id, replace(wishes, timezone=zone))


@dataclass
class _IssueWork:
    """One issue on its way in, inside its transaction."""

    takeover: Takeover
    connection: Connection
    issue: Issue
    counts: Counts
    ticket_id: TicketId | None

    def take_notes(self, changes: Sequence[Change]) -> None:
        """Add what is not here yet, in the order of time, with what was changed in between."""
        steps: list[tuple[datetime, int, Note | Change]] = [
            *((note.entered, 0, note) for note in self.issue.notes),
            *((change.at, 1, change) for change in changes),
        ]
        for _, _, step in sorted(steps, key=lambda one: one[:2]):
            if isinstance(step, Note):
                self._take_note(step)
            elif self.ticket_id is not None:
                self._change(step)

    def _take_note(self, note: Note) -> None:
        self.counts = self.counts.plus(posts=1, files=len(note.files))
        message_id, original = self._free_id(note)
        if message_id is None:
            return
        try:
            raw = write_mail(self.takeover.head, self.issue, note, message_id)
        except OSError as error:
            fault = f"{self.issue.name} {note.source}: {error.filename or 'its text'}: {error.strerror}"
            self.counts = replace(self.counts, faults=(*self.counts.faults, fault))
            return
        self._store(note, raw, Identity(message_id, keys.message_key(message_id), original))
        self.counts = self.counts.plus(new_posts=1)

    def _free_id(self, note: Note) -> tuple[str | None, str | None]:
        """The id that a note is to have, and its own where that is another's here; None when it is here."""
        made, own = made_id(self.takeover.head, self.issue, note), own_id(note)
        ids = {keys.message_key(one): one for one in (made, own) if one is not None}
        stored = [entry for entry in keys.lookup(self.connection, ids) if entry.stored]
        if any(ids[entry.key] == made or self._is_mine(entry) for entry in stored):
            return None, None
        return (made, own) if stored or own is None else (own, None)

    def _is_mine(self, entry: KnownKey) -> bool:
        """Whether that post came in with this issue; it may have gone to another ticket since."""
        if self.ticket_id is None:
            return False
        known = (entry.ticket_id, *posts.former_places(self.connection, entry.post_id))
        return self.ticket_id in {one.id for one in store.resolve(self.connection, known).values()}

    def _store(self, note: Note, raw: bytes, identity: Identity) -> None:
        takeover, connection = self.takeover, self.connection
        arrived = min(note.entered, takeover.app.clock())
        author = takeover.person(connection, note.author, arrived)
        envelope = Envelope(_CLIENT, author.address, (takeover.queue.address,))
        mail = Mail(inbound.InboundId(0), inbound.new_uid(), envelope, raw, arrived, Trust.UNCHECKED)
        row = inbound.accept(connection, mail, arrived)
        uow = UnitOfWork(connection, arrived, quiet=True)
        post = self._post(mail, identity, author)
        if self.ticket_id is None:
            post_id = self._open(uow, post, author)
        else:
            post_id = tickets.add_post(uow, AddPost(self.ticket_id, post, joins=False, reopens=False), author)
        tickets.forget_ghost(uow, identity.key)
        uow.flush()
        verdict = Verdict(
            Disposition.POST.value,
            f"{note.source} of an imported Roundup",
            ticket=self.ticket_id,
            why=f"it belongs to what was {self.issue.name}",
        )
        outcome = Outcome(
            State.DONE, verdict.disposition, self.ticket_id, post_id, identity.key, verdict.to_json()
        )
        inbound.finish(connection, row, outcome)

    def _post(self, mail: Mail, identity: Identity, author: Person) -> NewPost:
        takeover = self.takeover
        reading = takeover.app.read_mail(mail, takeover.lists)
        # Roundup let it in: whatever its words look like, it is something that a person wrote.
        reading = replace(reading, classified=Classified(Disposition.POST))
        question = Question(
            message=reading.message,
            subject=reading.subject,
            identity=identity,
            queue=takeover.queue,
            writer=Writer(None, reading.trust),
            time=reading.time,
            named=reading.named,
            parent_key=reading.parent_key,
        )
        return new_post(reading, question, keys.lookup(self.connection, reading.named), author.id)

    def _open(self, uow: UnitOfWork, post: NewPost, author: Person) -> PostId:
        title = self.issue.title or _NO_TITLE
        command = OpenTicket(self.takeover.queue.id, title, post, imported=True)
        self.ticket_id, post_id = tickets.open_ticket(uow, command, author)
        aliases.add(uow.connection, self.takeover.queue.id, self.issue.name, self.ticket_id)
        self.counts = self.counts.plus(new_tickets=1)
        return post_id

    def _change(self, change: Change) -> None:
        """Do what somebody did there; the ticket bears its last title from the first."""
        uow = UnitOfWork(self.connection, change.at, quiet=True)
        actor = Actor(self.takeover.person(self.connection, change.by, change.at).id, _CAUSE)
        ticket = self._ticket(uow)
        if change.what == "title":
            uow.record(ticket.id, Kind.TITLE, actor, before=change.before, after=change.after)
        elif change.what == "status":
            tickets.set_status(uow, ticket, status_of(change.after), actor)
        elif change.what == "priority":
            tickets.set_priority(uow, ticket, priority_of(change.after), actor)
        else:
            tickets.set_owner(uow, ticket, self._owner(int(change.after or 0)), actor)
        uow.flush()

    def _ticket(self, uow: UnitOfWork) -> Ticket:
        if self.ticket_id is None:
            raise ValueError("nothing was opened yet")
        return tickets.find(uow, self.ticket_id)

    def _owner(self, user: int) -> Person | None:
        """Somebody who can be reached, else nobody: an owner is written to."""
        head = self.takeover.head
        return people.find(self.connection, head.address(user)) if head.is_reached(user) else None

    def settle(self, ticket_id: TicketId) -> None:
        """Let the ticket stand as the issue does now; where it does, nothing is recorded."""
        uow = UnitOfWork(self.connection, self.issue.active, quiet=True)
        actor, issue = Actor(None, _CAUSE), self.issue
        if issue.status:
            tickets.set_status(uow, self._ticket(uow), status_of(issue.status), actor)
        if issue.priority:
            tickets.set_priority(uow, self._ticket(uow), priority_of(issue.priority), actor)
        tickets.set_owner(uow, self._ticket(uow), self._owner(issue.owner), actor)
        if issue.title:
            tickets.set_title(uow, self._ticket(uow), issue.title, actor)
        assign.add_tags(uow, ticket_id, (IMPORTED_TAG, *filter(None, map(tag_of, issue.keywords))), actor)
        self._settle_nosy(uow, ticket_id, actor)
        uow.flush()

    def _settle_nosy(self, uow: UnitOfWork, ticket_id: TicketId, actor: Actor) -> None:
        """On the nosy list is who was on it there and can be reached, and nobody else."""
        head = self.takeover.head
        reached = [user for user in self.issue.nosy if head.is_reached(user)]
        wanted = [people.find(uow.connection, head.address(user)) for user in reached]
        for person in wanted:
            nosy.join(uow, ticket_id, person, "followed", actor)
        ids = {person.id for person in wanted}
        for member in store.memberships(uow.connection, (ticket_id,)):
            if member.state is NosyState.JOINED and member.person.id not in ids:
                nosy.leave(uow, ticket_id, member.person, actor)


def list_of(app: App, name: str | None) -> Queue:
    """The list called `name`, or the only one. Raises BadValue where that is not said."""
    known = app.queues()
    if name is not None:
        return app.read(lambda connection: queues.find(connection, name))
    if len(known) != 1:
        names = ", ".join(queue.local_part for queue in known)
        raise BadValue(f"which list? Give --queue, one of {names}")
    return known[0]
