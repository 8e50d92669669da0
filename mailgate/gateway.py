"""From an accepted mail to what follows from it, in one transaction."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from mailgate import addressed, automatic, inbound
from mailgate.addressed import Asked
from mailgate.addresses import Role, target_tickets
from mailgate.inbound import Outcome, State
from mailgate.kinds.classify import AUTOMATIC
from mailgate.message import Disposition
from mailgate.posting import new_post, route_of
from mailgate.reading import Reading, is_for_people, office_name
from mailgate.requesters import Opening, requester_of
from mailgate.threads import identity, thread
from mailgate.threads.identity import Identity
from mailgate.threads.match import Evidence, Match, Question, Writer
from mailgate.tokens import Keys
from mailgate.verdict import Verdict, sign_rows, trace_lines
from mailgate.viewpoint import facts_of
from routing.decide import Decision, decide
from routing.registry_store import ActiveRegistry
from routing.store import ActiveRules
from tracker import assign, nosy, repair, tickets
from tracker.commands import AddPost, OpenTicket, Routed
from tracker.events import Actor
from tracker.model import Address, Link, NoSuchQueue, Person, PostId, Queue, Ticket, TicketId
from tracker.storage import keys, people, posts, queues
from tracker.storage import tickets as store
from tracker.storage.keys import KnownKey
from tracker.unit_of_work import UnitOfWork

_POSTING = (Role.POST, Role.PRIVATE, Role.TOPIC, Role.TICKET)
_MOST_GUESTS = 10


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which a mail is dealt with.

    `quiet`: nobody is told (an import). `imported` marks the tickets. `released`: a moderator let it in,
    so no rule holds it again.
    """

    now: datetime
    quiet: bool = False
    released: bool = False


class Gateway:
    """Decides what a mail does, and does it."""

    def __init__(self, mac_keys: Keys, rules: ActiveRules, registry: ActiveRegistry | None = None) -> None:
        self._keys = mac_keys
        self._rules = rules
        self._registry = registry or ActiveRegistry()

    def receive(self, connection: Connection, reading: Reading, conditions: Conditions) -> Verdict:
        """Do all that follows from a mail, and take it off the spool. Raises inbound.AlreadyDone.

        The caller's transaction makes it one: either all of it is there afterwards, or nothing.
        """
        uow = UnitOfWork(connection, conditions.now, quiet=conditions.quiet)
        known = keys.lookup(connection, _keys_of(reading))
        verdict, post_id = self._decide(uow, reading, known, conditions)
        uow.flush()
        if verdict.held and inbound.is_held(connection, reading.mail.id, reading.identity.key):
            verdict = Verdict(Disposition.DUPLICATE.value, "the same mail is held already")
        state = State.HELD if verdict.held else State.DONE
        inbound.finish(
            connection,
            reading.mail.id,
            Outcome(
                state, verdict.disposition, verdict.ticket, post_id, reading.identity.key, verdict.to_json()
            ),
        )
        return verdict

    def _decide(
        self, uow: UnitOfWork, reading: Reading, known: tuple[KnownKey, ...], conditions: Conditions
    ) -> tuple[Verdict, PostId | None]:
        """What kind of mail it is decides who deals with it."""
        disposition = reading.classified.disposition
        is_post = any(target.role in _POSTING for target in reading.targets)
        returned = bool(reading.targets_of(Role.BOUNCES)) and not is_post
        if disposition in AUTOMATIC or (returned and disposition is not Disposition.POST):
            return automatic.attach(uow, reading, known, self._keys)
        if returned and not conditions.released:
            return _held(reading, "a person, it seems, wrote to an address that is for bounces"), None
        if reading.targets_of(Role.UNSUBSCRIBE):
            verdict = addressed.unsubscribe(uow, reading, self._keys)
            if not is_post:
                return verdict, None
        if is_for_people(reading.targets) and not conditions.released:
            return _held(reading, f"for the {office_name(reading.targets)}, who reads it here"), None
        if disposition is Disposition.SPAM and not conditions.released:
            return _held(reading, reading.classified.reason), None
        if reading.sender is None:
            return _held(reading, "it names no author"), None
        return self._post(uow, reading, known, conditions)

    def _post(
        self, uow: UnitOfWork, reading: Reading, known: tuple[KnownKey, ...], conditions: Conditions
    ) -> tuple[Verdict, PostId | None]:
        """A mail by a person: a post, new or come again, of a ticket, new or known."""
        connection = uow.connection
        writer = Writer(people.find_sender(connection, _sender(reading)), reading.trust)
        question = self._question(connection, reading, writer)
        key = reading.identity.key
        if addressed.is_command_only(reading) and inbound.was_done(connection, reading.mail, key):
            return Verdict(Disposition.DUPLICATE.value, "the same command came before"), None
        twin = _twin(connection, reading, known)
        if twin is not None and _came_again(connection, reading, twin):
            return self._redelivered(uow, question, twin), twin.id
        if twin is not None:
            question, known = _under_an_id_of_ours(connection, reading, question)
            if (same := _stored(connection, known, question.identity.key)) is not None:
                return self._redelivered(uow, question, same), same.id
        match = thread.find_ticket(connection, question, known, released=conditions.released)
        if match.held is not None:
            return replace(_held(reading, match.held), signs=sign_rows(match)), None
        match = _apart_if_private(reading, match)
        revision, decision = self._route(connection, reading, writer, match)
        objection = decision.hold or decision.reject
        if objection is not None and not conditions.released and not conditions.quiet:
            return replace(_held(reading, objection, decision), signs=sign_rows(match)), None
        asked = addressed.asked(connection, reading, question, self._keys)
        case = _Case(reading, question, known, match, asked, revision, decision, conditions.released)
        return _carry_out(uow, case)

    def _question(self, connection: Connection, reading: Reading, writer: Writer) -> Question:
        proven = addressed.proven_tickets(connection, reading, self._keys)
        addresses = target_tickets((*reading.targets, *reading.mentioned))
        return Question(
            message=reading.message,
            subject=reading.subject,
            identity=reading.identity,
            queue=reading.queue,
            writer=writer,
            time=reading.time,
            proven=proven,
            addressed=tuple(number for number in addresses if number not in proven),
            rooted=reading.rooted,
            claimed=reading.claimed,
            quoted=reading.quoted,
            named=reading.named,
            parent_key=reading.parent_key,
            thread_key=reading.thread_key,
            received=reading.mail.received_at,
            own=addressed.own_tickets(reading, writer.sender, self._keys),
            commands=bool(addressed.verbs(reading)),
        )

    def _redelivered(self, uow: UnitOfWork, question: Question, twin: posts.Post) -> Verdict:
        """The same mail again: nothing, unless this copy proves a ticket that the first could not name.

        A mail to the list and to a ticket's address comes twice, and the list's copy may come first.
        """
        ticket = store.resolve(uow.connection, (twin.ticket_id,))[twin.ticket_id]
        verdict = Verdict(Disposition.DUPLICATE.value, "the same mail came before", ticket=ticket.id)
        named = store.resolve(uow.connection, question.proven[:1])
        target = next(iter(named.values()), None)
        if target is None or target.id == ticket.id or ticket.post_count != 1:
            return verdict
        if target.private or ticket.private or posts.former_places(uow.connection, twin.id):
            # Where people put a post, there it stays.
            return verdict
        repair.merge(uow, ticket.id, target.id, Actor(None, "the same mail to a reply address"))
        return replace(
            verdict, ticket=target.id, evidence=Evidence.TOKEN.value, why="merged by its second copy"
        )

    def _route(
        self, connection: Connection, reading: Reading, writer: Writer, match: Match
    ) -> tuple[int, Decision]:
        tags = store.tags_of(connection, match.ticket.id) if match.ticket is not None else ()
        facts = facts_of(reading, writer, match.ticket, tags, self._registry.read(connection))
        revision, rules = self._rules.read(connection)
        return revision, decide(rules, facts)


@dataclass(frozen=True, slots=True)
class _Case:
    """A mail and all that was decided about it."""

    reading: Reading
    question: Question
    known: tuple[KnownKey, ...]
    match: Match
    asked: tuple[Asked, ...]
    revision: int
    decision: Decision
    released: bool


def _keys_of(reading: Reading) -> list[str]:
    own = [reading.identity.key] + ([reading.thread_key] if reading.thread_key else [])
    return [*own, *reading.named, *([reading.passed_on] if reading.passed_on else [])]


def _sender(reading: Reading) -> Address:
    if reading.sender is None:
        raise ValueError("a mail without author is none of a person")
    return reading.sender


def _held(reading: Reading, reason: str, decision: Decision | None = None) -> Verdict:
    trace = trace_lines(decision) if decision is not None else ()
    return Verdict(reading.classified.disposition.value, reason, held=True, why=reason, trace=trace)


def _apart_if_private(reading: Reading, match: Match) -> Match:
    """What its author wants private does not go to a public ticket, but opens one of its own."""
    if not reading.wants_private or match.ticket is None or match.ticket.private:
        return match
    why = "its author wants it private: a ticket of its own"
    links = ((Link.BRANCHED_FROM, match.ticket.id),)
    return Match(None, Evidence.NEW, why, links=links, private=True, signs=match.signs)


def _twin(connection: Connection, reading: Reading, known: tuple[KnownKey, ...]) -> posts.Post | None:
    """The post stored under the mail's id, if any."""
    return _stored(connection, known, reading.identity.key)


def _came_again(connection: Connection, reading: Reading, twin: posts.Post) -> bool:
    files = posts.attachments_of(connection, twin.id)
    return identity.is_redelivery(reading.message, reading.trust, twin, reading.mail.received_at, files)


def _stored(connection: Connection, known: tuple[KnownKey, ...], key: str) -> posts.Post | None:
    entry = identity.stored_under(known, key)
    return None if entry is None else posts.by_ids(connection, (entry.post_id,))[entry.post_id]


def _under_an_id_of_ours(
    connection: Connection, reading: Reading, question: Question
) -> tuple[Question, tuple[KnownKey, ...]]:
    """Another mail under an id that is taken: it gets one of ours, so that neither hides the other."""
    salt = reading.mail.uid if reading.message.message_id is None else ""
    own = identity.minted(reading.message, reading.subject.base, reading.queue.domain, salt)
    if reading.message.message_id is not None:
        own = Identity(own.message_id, own.key, reading.message.message_id)
    return replace(question, identity=own), keys.lookup(connection, [own.key, *_keys_of(reading)[1:]])


def _carry_out(uow: UnitOfWork, case: _Case) -> tuple[Verdict, PostId | None]:
    """Open or continue the ticket, and do what the rules and the addresses ask."""
    author = _author(uow, case)
    post_id: PostId | None = None
    said: tuple[str, ...] = ()
    if case.match.ticket is None:
        ticket_id, post_id, said = _open(uow, case, author)
    else:
        ticket_id = case.match.ticket.id
        if not addressed.is_command_only(case.reading):
            post_id = _continue(uow, case, case.match.ticket, author)
    opened = case.match.ticket is None
    routed = assign.route(uow, route_of(ticket_id, case.decision, case.revision, fresh=opened))
    for kind, other in case.match.links:
        tickets.link(uow, ticket_id, kind, other, Actor(author.id, "mail"))
    _late_merges(uow, case, ticket_id)
    if case.decision.private and case.match.ticket is not None:
        # After the merges: what comes in is as public as the ticket was.
        tickets.make_private(uow, case.match.ticket, Actor(None, f"rules rev {case.revision}"))
    notes = addressed.carry_out(uow, case.asked, author)
    _invite_guests(uow, case, ticket_id, author)
    verdict = _verdict(case, ticket_id, routed)
    said = (*verdict.notes, *said, *notes, *_unknown_centers(routed.unknown))
    return replace(verdict, notes=said), post_id


def _author(uow: UnitOfWork, case: _Case) -> Person:
    sender = case.question.writer.sender
    if sender is not None:
        return sender.person
    return people.create(uow.connection, _sender(case.reading), case.reading.message.sender.name, uow.now)


def _open(uow: UnitOfWork, case: _Case, author: Person) -> tuple[TicketId, PostId, tuple[str, ...]]:
    """The ticket, its first post, and what there is to say of who asked."""
    reading = case.reading
    topic = next((target.topic for target in reading.targets_of(Role.TOPIC)), case.decision.topic or "")
    private = case.decision.private or case.match.private or reading.wants_private
    opening = Opening(case.question.writer, author, private)
    asked = requester_of(uow, reading.asked_by, opening)
    command = OpenTicket(
        queue_id=_queue(uow, case).id,
        title=reading.title,
        post=new_post(reading, case.question, case.known, author.id),
        private=private,
        provisional=case.match.provisional,
        imported=uow.quiet,
        topic=topic,
        requester=asked.person,
    )
    ticket_id, post_id = tickets.open_ticket(uow, command, author)
    return ticket_id, post_id, (asked.note,) if asked.note else ()


def _queue(uow: UnitOfWork, case: _Case) -> Queue:
    """The list that the rules move an opening to, else the one it came to."""
    if case.decision.queue is not None:
        with suppress(NoSuchQueue):
            return queues.find(uow.connection, case.decision.queue)
    return case.reading.queue


def _continue(uow: UnitOfWork, case: _Case, ticket: Ticket, author: Person) -> PostId:
    reading = case.reading
    command = AddPost(
        ticket.id,
        new_post(reading, case.question, case.known, author.id),
        staff=case.question.writer.staff,
        joins=not (ticket.private and case.released),
        late_opening=reading.title if case.match.late_opening else None,
    )
    return tickets.add_post(uow, command, author)


def _late_merges(uow: UnitOfWork, case: _Case, ticket_id: TicketId) -> None:
    """Tickets that answered this mail before it came become one with its ticket."""
    for waiting in case.match.waiting:
        repair.merge(uow, waiting, ticket_id, Actor(None, "the mail it answered came"))
    if any(entry.key == case.question.identity.key and not entry.stored for entry in case.known):
        tickets.forget_ghost(uow, case.question.identity.key)


def _invite_guests(uow: UnitOfWork, case: _Case, ticket_id: TicketId, author: Person) -> None:
    """A member's Cc joins a public ticket; a stranger's does nothing."""
    if not (author.member and case.question.writer.trusted) or uow.quiet or not case.reading.message.cc:
        return
    ticket = store.by_ids(uow.connection, (ticket_id,))[ticket_id]
    if ticket.private:
        return
    for guest in addressed.guests(case.reading)[:_MOST_GUESTS]:
        person = people.register(uow.connection, guest.address, guest.name, uow.now)
        if store.state_of(uow.connection, ticket_id, person.id) is None:
            nosy.join(uow, ticket_id, person, "guest", Actor(author.id, "mail"))


def _unknown_centers(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"a rule names the support center {name!r}, which does not exist" for name in names)


def _summary(case: _Case) -> Verdict:
    """The verdict as far as it is known before the ticket has its number."""
    decision, match = case.decision, case.match
    opens = match.ticket is None
    return Verdict(
        disposition=_disposition(case),
        reason=case.reading.classified.reason,
        ticket=None if match.ticket is None else match.ticket.id,
        created=opens,
        evidence=match.evidence.value,
        why=match.why,
        rule=next(iter(decision.rules), None),
        centers=decision.centers if opens else (),
        cc=decision.cc if opens else (),
        fallback=decision.fallback and opens,
        tags=decision.tags,
        notes=(*case.reading.notes, *decision.notes),
        trace=trace_lines(decision),
        signs=sign_rows(match),
    )


def _verdict(case: _Case, ticket_id: TicketId, routed: Routed) -> Verdict:
    summary = _summary(case)
    mailable = any(center.address is not None for center in routed.centers)
    names = tuple(center.name for center in routed.centers)
    fallback = summary.created and not mailable and not summary.cc
    return replace(summary, ticket=ticket_id, centers=names if summary.created else (), fallback=fallback)


def _disposition(case: _Case) -> str:
    if addressed.is_command_only(case.reading):
        return Disposition.COMMAND.value
    return case.reading.classified.disposition.value
