"""What follows from a mail once it is decided about: its ticket, and all that goes with it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from mailgate import addressed
from mailgate.addressed import Asked
from mailgate.addresses import Role
from mailgate.commands.acts import Asking
from mailgate.commandwords import has_only_commands
from mailgate.exchange.hearing import Heard
from mailgate.message import Disposition
from mailgate.posting import new_post, route_of
from mailgate.reading import Reading
from mailgate.requesters import Opening, requester_of
from mailgate.threads.match import Match, Question
from mailgate.verdict import Verdict, entity_rows, failed_rules, sign_rows, trace_lines
from routing.decide import Decision
from routing.facts import Facts
from tracker import assign, nosy, repair, tickets
from tracker.commands import AddPost, Brakes, OpenTicket, Routed
from tracker.events import Actor, Kind
from tracker.model import Address, NoSuchQueue, Person, PostId, Queue, QueueId, Ticket, TicketId
from tracker.people import read_address
from tracker.storage import journal, people, queues
from tracker.storage import tickets as store
from tracker.storage.keys import KnownKey
from tracker.unit_of_work import UnitOfWork

_MOST_GUESTS = 10


@dataclass(frozen=True, slots=True)
class Case:
    """A mail and all that was decided about it."""

    reading: Reading
    question: Question
    known: tuple[KnownKey, ...]
    match: Match
    asked: tuple[Asked, ...]
    asking: Asking
    revision: int
    facts: Facts
    decision: Decision
    released: bool
    brakes: Brakes
    heard: Heard | None = None
    # One of too many in an hour: it is told of with others.
    flooded: bool = False
    # Why it is what a machine wrote, half a sentence; "" where a person did.
    echo: str = ""

    @property
    def by_tracker(self) -> bool:
        """Whether a center's tracker wrote it: that hears of tickets as such, and says where they stand."""
        return self.heard is not None and self.heard.has_profile


def carry_out(uow: UnitOfWork, case: Case) -> tuple[Verdict, PostId | None]:
    """Open or continue the ticket, and give it what the rules decided."""
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
    routed = assign.route(uow, route_of(ticket_id, case.decision, case.revision, case.brakes, fresh=opened))
    for kind, other in case.match.links:
        tickets.link(uow, ticket_id, kind, other, Actor(author.id, "mail"))
    _late_merges(uow, case, ticket_id)
    if case.decision.private and case.match.ticket is not None:
        # After the merges: what comes in is as public as the ticket was.
        tickets.make_private(uow, case.match.ticket, Actor(None, f"rules rev {case.revision}"))
    _invite_guests(uow, case, ticket_id, author)
    _bring_in(uow, case, ticket_id)
    verdict = _verdict(case, ticket_id, routed)
    said = (*verdict.notes, *said, *_unknown_centers(routed.unknown))
    return replace(verdict, notes=said), post_id


def _author(uow: UnitOfWork, case: Case) -> Person:
    sender = case.question.writer.sender
    if sender is not None:
        return sender.person
    return people.create(
        uow.connection, author_address(case.reading), case.reading.message.sender.name, uow.now
    )


def _open(uow: UnitOfWork, case: Case, author: Person) -> tuple[TicketId, PostId, tuple[str, ...]]:
    """The ticket, its first post, and what there is to say of who asked."""
    reading = case.reading
    topic = next((target.topic for target in reading.targets_of(Role.TOPIC)), case.decision.topic or "")
    private = case.decision.private or case.match.private or reading.opens_private
    opening = Opening(case.question.writer, author, private)
    asked = requester_of(uow, reading.asked_by, opening)
    queue = _queue(uow, case)
    command = OpenTicket(
        queue_id=queue.id,
        title=reading.title,
        post=new_post(reading, case.question, case.known, author.id),
        private=private,
        provisional=case.match.provisional,
        imported=uow.quiet,
        topic=topic,
        requester=asked.person,
        quiet=case.asking.quiet or case.flooded,
        also_on=_other_lists(case, queue.id),
    )
    ticket_id, post_id = tickets.open_ticket(uow, command, author)
    return ticket_id, post_id, (asked.note,) if asked.note else ()


def _other_lists(case: Case, own: QueueId) -> tuple[QueueId, ...]:
    """The lists besides its ticket's that a mail is to, whichever of them its copy came through."""
    reading = case.reading
    to_lists = (one for one in (*reading.targets, *reading.mentioned) if one.role in (Role.POST, Role.TOPIC))
    found = dict.fromkeys(one.queue.id for one in to_lists if one.queue is not None)
    return tuple(queue_id for queue_id in found if queue_id != own)


def _lists_still(uow: UnitOfWork, case: Case, ticket: Ticket) -> tuple[QueueId, ...]:
    """Of a reply: not the lists that its ticket was moved away from, though they stand in To still."""
    others = _other_lists(case, ticket.queue_id)
    if not others:
        return ()
    left = journal.before_of(uow.connection, ticket.id, Kind.QUEUE)
    known = {queue.id: queue.address for queue in queues.everyone(uow.connection)}
    return tuple(queue_id for queue_id in others if known[queue_id] not in left)


def _queue(uow: UnitOfWork, case: Case) -> Queue:
    """The list that the rules move an opening to, else the one it came to."""
    if case.decision.queue is not None:
        with suppress(NoSuchQueue):
            return queues.find(uow.connection, case.decision.queue)
    return case.reading.queue


def _continue(uow: UnitOfWork, case: Case, ticket: Ticket, author: Person) -> PostId:
    reading = case.reading
    command = AddPost(
        ticket.id,
        new_post(reading, case.question, case.known, author.id),
        staff=case.question.writer.staff and not case.by_tracker,
        joins=not (ticket.private and case.released) and not case.by_tracker,
        reopens=not case.by_tracker and not has_only_commands(reading.message.new_text),
        automatic=bool(case.echo),
        quiet=case.asking.quiet or case.flooded,
        also_on=_lists_still(uow, case, ticket),
        late_opening=reading.title if case.match.late_opening else None,
    )
    return tickets.add_post(uow, command, author)


def _late_merges(uow: UnitOfWork, case: Case, ticket_id: TicketId) -> None:
    """Tickets that answered this mail before it came become one with its ticket."""
    for waiting in case.match.waiting:
        repair.merge(uow, waiting, ticket_id, Actor(None, "the mail it answered came"))
    if any(entry.key == case.question.identity.key and not entry.stored for entry in case.known):
        tickets.forget_ghost(uow, case.question.identity.key)


def _invite_guests(uow: UnitOfWork, case: Case, ticket_id: TicketId, author: Person) -> None:
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


def _bring_in(uow: UnitOfWork, case: Case, ticket_id: TicketId) -> None:
    """Those whom rules have take part in a ticket from the first."""
    actor = Actor(None, f"rules rev {case.revision}")
    for name in () if uow.quiet else case.decision.nosy:
        if (address := read_address(name)) is not None:
            nosy.join(uow, ticket_id, people.register(uow.connection, address, "", uow.now), "rule", actor)


def _unknown_centers(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"a rule names the support center {name!r}, which does not exist" for name in names)


def _summary(case: Case) -> Verdict:
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
        entities=entity_rows(decision),
        failed=failed_rules(decision),
        revision=case.revision,
        signs=sign_rows(match),
    )


def _verdict(case: Case, ticket_id: TicketId, routed: Routed) -> Verdict:
    summary = _summary(case)
    mailable = any(center.address is not None for center in routed.centers)
    names = tuple(center.name for center in routed.centers)
    contacts = tuple(contact.address for contact in routed.contacts)
    unrouted = not mailable and not contacts
    fallback = summary.created and (unrouted or case.decision.fallback)
    if not summary.created:
        return replace(summary, ticket=ticket_id)
    return replace(summary, ticket=ticket_id, centers=names, cc=contacts, fallback=fallback)


def _disposition(case: Case) -> str:
    if addressed.is_command_only(case.reading):
        return Disposition.COMMAND.value
    return case.reading.classified.disposition.value


def author_address(reading: Reading) -> Address:
    if reading.sender is None:
        raise ValueError("a mail without author is none of a person")
    return reading.sender
