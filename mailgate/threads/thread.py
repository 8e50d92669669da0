"""Which ticket a mail continues, and why: the order of evidence and what outranks what.

The strongest first: token, root id, ticket address, references, tag, ghosts, conversation, quoted
address, subject. Precision before recall: text in the wrong ticket reaches the wrong people, while a
ticket too many is merged by one command.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from mailgate.threads.anothermatter import unless_another_matter
from mailgate.threads.digests import out_of_digest
from mailgate.threads.guessing import clue_of, guess
from mailgate.threads.identity import stored_under
from mailgate.threads.known import Known
from mailgate.threads.match import OUT_OF_SIGHT, Evidence, Match, Question
from mailgate.threads.signs import signs_of
from mailgate.threads.subjects import read_subject
from mailgate.threads.titles import alike
from tracker import rights
from tracker.model import Link, Status, Ticket, TicketId
from tracker.rights import Proof
from tracker.storage import posts, queues
from tracker.storage import tickets as store
from tracker.storage.keys import KnownKey, is_series_key
from tracker.tickets import REOPEN_WINDOW


def find_ticket(
    connection: Connection, question: Question, known: tuple[KnownKey, ...], *, released: bool = False
) -> Match:
    """Find the ticket that a mail continues. `known` is what its own key and those it names met.

    `released`: a moderator let it in, and what it may not see by itself gets it.
    """
    question, known = out_of_digest(connection, question, known)
    facts = _look_up(connection, question, known)
    match = _decide(connection, question, facts, released=released)
    return replace(match, signs=signs_of(question, facts.tickets, facts.keys, match))


def _decide(connection: Connection, question: Question, facts: Known, *, released: bool) -> Match:
    barred = _barred(connection, question, facts)
    if barred is not None and released:
        return Match(barred, Evidence.REFERENCE, f"names ticket {barred.id}, and a moderator let it in")
    if not released and (barred is not None or _names_nothing(question, facts)):
        return Match(None, Evidence.NEW, OUT_OF_SIGHT, held=OUT_OF_SIGHT)
    match = _by_evidence(connection, question, facts) or _by_subject(connection, question)
    match = unless_another_matter(connection, question, facts, match)
    match = _unless_long_resolved(question, match)
    return _kept_private(question, facts, _with_waiting(question, facts, match), released=released)


def _kept_private(question: Question, facts: Known, match: Match, *, released: bool) -> Match:
    """What shows any sign of a private ticket is never published: a ticket it opens is private too."""
    signs = facts.named(_signs(question, facts.keys))
    if not any(ticket.private for ticket in signs.values()):
        return match
    if match.ticket is None:
        return replace(match, private=True)
    if match.ticket.private:
        return match
    held = "it names a private ticket, and would go to a public one"
    if not released:
        return Match(None, Evidence.NEW, held, held=held)
    return Match(None, Evidence.NEW, held, links=((Link.MENTIONS, match.ticket.id),), private=True)


def _look_up(connection: Connection, question: Question, known: tuple[KnownKey, ...]) -> Known:
    numbers = _signs(question, known) | {entry.ticket_id for entry in known}
    return Known(store.resolve(connection, numbers) if numbers else {}, known)


def _signs(question: Question, known: tuple[KnownKey, ...]) -> set[TicketId]:
    """The tickets it points at. One that waits for it is none: that its author need not know."""
    return {
        *question.proven,
        *question.addressed,
        *question.rooted,
        *question.quoted,
        *question.claimed,
        *_tags(question),
        *question.aliased,
        *(entry.ticket_id for entry in known if entry.stored),
    }


def _tags(question: Question) -> tuple[TicketId, ...]:
    return tuple(TicketId(number) for number in question.subject.tag_numbers)


def _barred(connection: Connection, question: Question, facts: Known) -> Ticket | None:
    """A private ticket that it points at, and whose posts its author may not add to."""
    for ticket in facts.named(_signs(question, facts.keys)).values():
        if ticket.private and not _may_post_on_private(connection, question, facts, ticket):
            return ticket
    return None


def _names_nothing(question: Question, facts: Known) -> bool:
    """Whether a number in it is that of no ticket: whatever else it names, so looks a private one to it."""
    numbers = (*question.addressed, *question.claimed, *question.quoted, *_tags(question))
    return question.misnamed or any(number not in facts.tickets for number in numbers)


def _may_post_on_private(connection: Connection, question: Question, facts: Known, ticket: Ticket) -> bool:
    own = facts.named(question.own)
    # The token that came with a post stands for the ticket that the post is in by now.
    came_along = _by_reference(question, facts) == ticket and any(
        _went_on(connection, question, facts, one) for one in own.values()
    )
    proof = question.proof_of_post(ticket.id)
    if proof is Proof.NOTHING and (ticket.id in own or came_along):
        proof = Proof.TOKEN
    return rights.may_see(connection, question.writer.sender, ticket, proof)


def _by_evidence(connection: Connection, question: Question, facts: Known) -> Match | None:
    """The strongest evidence short of a guess by subject."""
    proven, rooted, addressed = map(facts.first, (question.proven, question.rooted, question.addressed))
    pointed, referred = proven or rooted or addressed, _by_reference(question, facts)
    if pointed is not None and referred is not None and _went_on(connection, question, facts, pointed):
        why = f"names a post that went from ticket {pointed.id} to ticket {referred.id}"
        return Match(referred, Evidence.REFERENCE, why)
    if proven is not None:
        return _by_token(question, facts, proven)
    if rooted is not None and (referred is None or referred.id <= rooted.id):
        return Match(rooted, Evidence.ROOT, f"names the root id of ticket {rooted.id}")
    if addressed is not None:
        return Match(addressed, Evidence.ADDRESS, f"is addressed to ticket {addressed.id}")
    tagged = facts.first(_tags(question))
    if referred is not None:
        if tagged is not None and _tag_was_edited(connection, question, facts, referred, tagged):
            return Match(tagged, Evidence.TAG, f"its author wrote the tag of ticket {tagged.id} into it")
        return Match(referred, Evidence.REFERENCE, f"names a post of ticket {referred.id}")
    named = tagged or facts.first(question.aliased)
    if named is not None:
        return _by_tag(connection, question, named)
    return _by_ghost(question, facts) or _by_weak_sign(connection, question, facts)


def _by_token(question: Question, facts: Known, ticket: Ticket) -> Match:
    subject = question.subject
    renewed = not question.has_references and not subject.is_reply and not question.commands
    if renewed and _differs(subject.base, ticket):
        why = f"an old address of ticket {ticket.id} under another subject: a new question"
        return Match(None, Evidence.NEW, why, links=((Link.BRANCHED_FROM, ticket.id),))
    others = facts.named(question.proven)
    links = tuple((Link.MENTIONS, n) for n, other in others.items() if n != ticket.id and not other.private)
    return Match(ticket, Evidence.TOKEN, f"was sent to a reply address of ticket {ticket.id}", links=links)


def _by_reference(question: Question, facts: Known) -> Ticket | None:
    """The ticket of the nearest message named that is stored."""
    nearest = _nearest(question, facts)
    return None if nearest is None else facts.tickets[nearest.ticket_id]


def _nearest(question: Question, facts: Known) -> KnownKey | None:
    for key in question.named:
        if meetings := facts.meetings(key, stored=True):
            return meetings[-1]
    return None


def _went_on(connection: Connection, question: Question, facts: Known, ticket: Ticket) -> bool:
    """Whether what it answers stood in `ticket` once, and was split off: then what else names that ticket,
    a reply address or the root id, does so for mails that went out before.
    """
    nearest = _nearest(question, facts)
    if nearest is None or question.commands or facts.tickets[nearest.ticket_id].id == ticket.id:
        return False
    former = posts.former_places(connection, nearest.post_id)
    return bool(former) and ticket.id in {one.id for one in store.resolve(connection, former).values()}


def _tag_was_edited(
    connection: Connection, question: Question, facts: Known, referred: Ticket, tagged: Ticket
) -> bool:
    """The reply's author moved it by hand: the tag is not the parent's, and they are at home there."""
    if tagged.id == referred.id or not rights.is_at_home(connection, question.writer.sender, tagged):
        return False
    if _went_on(connection, question, facts, tagged):
        return False
    ids = [entry.post_id for entry in facts.keys if entry.stored and entry.key in question.named]
    subjects = [post.subject for post in posts.by_ids(connection, ids).values()]
    tags = [queue.tag for queue in queues.everyone(connection)]
    return not any(tagged.id in read_subject(one, *tags).tag_numbers for one in subjects)


def _by_tag(connection: Connection, question: Question, ticket: Ticket) -> Match:
    writer = question.writer
    known_member = writer.sender is not None and writer.sender.person.member
    if writer.trusted or known_member or rights.is_at_home(connection, writer.sender, ticket):
        return Match(ticket, Evidence.TAG, f"carries the tag of ticket {ticket.id}")
    why = f"carries the tag of ticket {ticket.id}, but nothing speaks for its sender"
    return Match(None, Evidence.NEW, why, links=((Link.MENTIONS, ticket.id),))


def _by_ghost(question: Question, facts: Known) -> Match | None:
    """Meets a ticket on a message nobody has seen: a sibling's parent, or this very mail."""
    if question.subject.is_reply and not question.subject.digest:
        for key in question.named:
            for ghost in facts.meetings(key, stored=False):
                ticket = facts.tickets[ghost.ticket_id]
                if ticket.base == question.subject.base and not ticket.private:
                    return Match(ticket, Evidence.GHOST, f"answers what ticket {ticket.id} answers, unseen")
    for ghost in facts.waiting_for(question):
        ticket = facts.tickets[ghost.ticket_id]
        if ticket.private:
            continue
        # What is no reply opened its thread, also where the post that named it is not the first.
        opens = ticket.provisional and (ghost.n == 1 or not question.subject.is_reply)
        return Match(ticket, Evidence.GHOST, f"ticket {ticket.id} answers it", late_opening=opens)
    return None


def _by_weak_sign(connection: Connection, question: Question, facts: Known) -> Match | None:
    base = question.subject.base
    if question.thread_key is not None:
        for meeting in facts.meetings(question.thread_key, stored=True):
            ticket = facts.tickets[meeting.ticket_id]
            same = base in (ticket.base, meeting.base) or is_series_key(meeting.key)
            if same and not ticket.private:
                return Match(
                    ticket, Evidence.THREAD_INDEX, f"is of the same conversation as ticket {ticket.id}"
                )
    quoted = facts.first(question.quoted)
    if quoted is None or quoted.private or not question.subject.is_reply:
        return None
    if quoted.base == base or rights.is_at_home(connection, question.writer.sender, quoted):
        return Match(quoted, Evidence.QUOTED_TOKEN, f"quotes a mail of ticket {quoted.id}")
    return None


def _by_subject(connection: Connection, question: Question) -> Match:
    """The last resort: exactly one ticket it can be, or none. Never the newest of several."""
    found = guess(connection, clue_of(question))
    if found.ticket is not None:
        late = found.late_opening
        return Match(found.ticket, Evidence.SUBJECT, found.why, late_opening=late, asked=found.why)
    links = tuple((Link.MENTIONS, ticket.id) for ticket in found.candidates[-3:])
    # Where several may be meant, its opening is among them: it waits for none.
    provisional = bool(question.named) or (question.subject.is_reply and not found.candidates)
    return Match(None, Evidence.NEW, found.why, links=links, provisional=provisional, asked=found.why)


def _differs(base: str, ticket: Ticket) -> bool:
    return bool(base) and not alike(base, ticket.base) and not alike(base, ticket.title.casefold())


def _unless_long_resolved(question: Question, match: Match) -> Match:
    """A ticket resolved for a month stays so; what comes is a new one that follows it."""
    ticket = match.ticket
    if ticket is None or ticket.status is not Status.RESOLVED or ticket.resolved_at is None:
        return match
    if question.commands:
        return match
    # Windows of threading use `time`, the life of a ticket uses arrival: clocks are wrong, archives replayed.
    if (question.received or question.time) - ticket.resolved_at <= REOPEN_WINDOW:
        return match
    why = f"{match.why}, which is resolved for over 30 days"
    return Match(None, match.evidence, why, links=((Link.FOLLOWS, ticket.id),))


def _with_waiting(question: Question, facts: Known, match: Match) -> Match:
    """Provisional tickets that waited for this mail become one with its ticket."""
    ghosts = facts.waiting_for(question)
    if not ghosts or match.ticket is None:
        return match
    waiting = {
        ticket.id
        for ghost in ghosts
        if (ticket := facts.tickets[ghost.ticket_id]).provisional
        and ghost.n == 1
        and ticket.private is match.ticket.private
    }
    return replace(match, waiting=tuple(sorted(waiting - {match.ticket.id})))


def unresolved(question: Question, known: tuple[KnownKey, ...]) -> tuple[str, ...]:
    """The keys it names under which nothing is stored: its ghosts."""
    return tuple(key for key in question.named if stored_under(known, key) is None)
