"""Which ticket a mail continues, and why: the order of evidence and what outranks what.

The strongest first: token, root id, ticket address, references, tag, ghosts, conversation, quoted
address, subject. Precision before recall: text in the wrong ticket reaches the wrong people, while a
ticket too many is merged by one command.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection

from mailgate.addresses import Target
from mailgate.identity import Identity, stored_under
from mailgate.message import ParsedMessage
from mailgate.subjects import SubjectReading
from tracker.model import Link, Queue, Status, Ticket, TicketId, Trust
from tracker.nosy import is_requester_or_owner, takes_part
from tracker.storage import keys as key_store
from tracker.storage import tickets as store
from tracker.storage.keys import KnownKey
from tracker.storage.people import Sender
from tracker.tickets import REOPEN_WINDOW

_SUBJECT_WINDOW: Final = timedelta(days=30)
_GHOST_WINDOW: Final = timedelta(days=14)
_MOST_CANDIDATES: Final = 100
# How alike two titles must be to be one: a typo mended, a word added, not another question.
_SAME_TITLE: Final = 0.85
_COMPARED_CHARACTERS: Final = 200
_SERIES: Final = re.compile(r"\[[^\]]*\b(?:PATCH|RFC)\b[^\]]*\]|\b\d{1,3}/\d{1,3}\b", re.IGNORECASE)


class Evidence(StrEnum):
    """What a match rests on."""

    TOKEN = "token"  # noqa: S105  (no password)
    ADDRESS = "address"
    ROOT = "root"
    REFERENCE = "reference"
    GHOST = "ghost"
    TAG = "tag"
    THREAD_INDEX = "thread_index"
    QUOTED_TOKEN = "quoted_token"  # noqa: S105
    SUBJECT = "subject"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: known or not, and what speaks for it."""

    sender: Sender | None
    trust: Trust

    @property
    def trusted(self) -> bool:
        """Nothing speaks against the From: it is aligned, or nobody looks (a loopback instance)."""
        return self.trust in (Trust.ALIGNED, Trust.UNCHECKED)

    @property
    def staff(self) -> bool:
        return self.sender is not None and self.sender.staff


@dataclass(frozen=True, slots=True)
class Question:
    """A mail as threading sees it.

    `queue` is the list it came to; `time` the earlier of Date and arrival. `proven` are tickets that a
    valid token names, `addressed` those of plain ticket addresses, `rooted` those of root ids, `quoted`
    those of ticket addresses in quoted text; each in order, without doubles. `named` are the keys of the
    messages it names, nearest first; `parent_key` the one it answers.
    """

    message: ParsedMessage
    subject: SubjectReading
    identity: Identity
    queue: Queue
    writer: Writer
    time: datetime
    proven: tuple[TicketId, ...] = ()
    addressed: tuple[TicketId, ...] = ()
    rooted: tuple[TicketId, ...] = ()
    quoted: tuple[TicketId, ...] = ()
    named: tuple[str, ...] = ()
    parent_key: str | None = None
    thread_key: str | None = None

    @property
    def has_references(self) -> bool:
        return bool(self.named or self.rooted)


@dataclass(frozen=True, slots=True)
class Match:
    """The answer. `ticket` None: a new one, linked to others by `links`.

    `why` is a sentence for people. `held`: why no ticket may have it before a moderator saw it.
    `waiting` are provisional tickets that waited for this very mail and are merged into its ticket;
    `late_opening` says that it is the opening `ticket` lacked.
    """

    ticket: Ticket | None
    evidence: Evidence
    why: str
    links: tuple[tuple[Link, TicketId], ...] = ()
    held: str | None = None
    waiting: tuple[TicketId, ...] = ()
    late_opening: bool = False
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database says to a question: tickets by number, aliases resolved, and known keys."""

    tickets: dict[TicketId, Ticket]
    keys: tuple[KnownKey, ...]

    def first(self, numbers: Sequence[TicketId]) -> Ticket | None:
        return next((self.tickets[n] for n in numbers if n in self.tickets), None)

    def meetings(self, key: str, *, stored: bool) -> list[KnownKey]:
        return [k for k in self.keys if k.key == key and k.stored is stored and k.ticket_id in self.tickets]


def find_ticket(connection: Connection, question: Question, known: tuple[KnownKey, ...]) -> Match:
    """Find the ticket that a mail continues. `known` is what its own key and those it names met."""
    facts = _look_up(connection, question, known)
    held = _held(connection, question, facts)
    if held is not None:
        return Match(None, Evidence.NEW, held, held=held)
    match = _by_evidence(connection, question, facts) or _by_subject(connection, question)
    match = _unless_hijacked(question, facts, match)
    match = _unless_long_resolved(question, match)
    return _with_waiting(question, facts, match)


def _look_up(connection: Connection, question: Question, known: tuple[KnownKey, ...]) -> _Known:
    numbers = {
        *question.proven,
        *question.addressed,
        *question.rooted,
        *question.quoted,
        *_tags(question),
        *(entry.ticket_id for entry in known),
    }
    return _Known(store.resolve(connection, numbers) if numbers else {}, known)


def _tags(question: Question) -> tuple[TicketId, ...]:
    return tuple(TicketId(number) for number in question.subject.tag_numbers)


def _held(connection: Connection, question: Question, facts: _Known) -> str | None:
    """Why the mail must wait for a moderator: it points at what it may not see, or what is not there."""
    for ticket in {ticket.id: ticket for ticket in facts.tickets.values() if ticket.private}.values():
        if not _may_post_on_private(connection, question, ticket):
            return "it names a ticket that its sender may not see, or that is not there"
    stronger = facts.first((*question.proven, *question.rooted)) or _by_reference(question, facts)
    if stronger is None and any(n not in facts.tickets for n in (*question.addressed, *_tags(question))):
        return "it names a ticket that its sender may not see, or that is not there"
    return None


def _may_post_on_private(connection: Connection, question: Question, ticket: Ticket) -> bool:
    writer = question.writer
    if writer.sender is None or not (writer.trusted or ticket.id in question.proven):
        return False
    members = store.memberships(connection, (ticket.id,))
    person_id = writer.sender.person.id
    return writer.staff or is_requester_or_owner(ticket, person_id) or takes_part(members, person_id)


def _by_evidence(connection: Connection, question: Question, facts: _Known) -> Match | None:
    """The strongest evidence short of a guess by subject."""
    if (ticket := facts.first(question.proven)) is not None:
        return _by_token(question, ticket)
    rooted, referred = facts.first(question.rooted), _by_reference(question, facts)
    if rooted is not None and (referred is None or referred.id <= rooted.id):
        return Match(rooted, Evidence.ROOT, f"names the root id of ticket {rooted.id}")
    if (ticket := facts.first(question.addressed)) is not None and referred is None:
        return Match(ticket, Evidence.ADDRESS, f"is addressed to ticket {ticket.id}")
    tagged = facts.first(_tags(question))
    if referred is not None:
        if tagged is not None and _tag_was_edited(connection, question, referred, tagged):
            return Match(tagged, Evidence.TAG, f"its author wrote the tag of ticket {tagged.id} into it")
        return Match(referred, Evidence.REFERENCE, f"names a post of ticket {referred.id}")
    if tagged is not None:
        return _by_tag(connection, question, tagged)
    return _by_ghost(question, facts) or _by_weak_sign(connection, question, facts)


def _by_token(question: Question, ticket: Ticket) -> Match:
    subject = question.subject
    if not question.has_references and not subject.is_reply and _differs(subject.base, ticket):
        why = f"an old address of ticket {ticket.id} under another subject: a new question"
        return Match(None, Evidence.NEW, why, links=((Link.BRANCHED_FROM, ticket.id),))
    return Match(ticket, Evidence.TOKEN, f"was sent to a reply address of ticket {ticket.id}")


def _by_reference(question: Question, facts: _Known) -> Ticket | None:
    """The ticket of the nearest message named that is stored."""
    for key in question.named:
        if meetings := facts.meetings(key, stored=True):
            return facts.tickets[meetings[-1].ticket_id]
    return None


def _tag_was_edited(connection: Connection, question: Question, referred: Ticket, tagged: Ticket) -> bool:
    """The reply's author moved it by hand: the tag is not the parent's, and they are at home there."""
    return tagged.id != referred.id and _is_at_home(connection, question.writer, tagged)


def _is_at_home(connection: Connection, writer: Writer, ticket: Ticket) -> bool:
    if writer.sender is None:
        return False
    if writer.staff or is_requester_or_owner(ticket, writer.sender.person.id):
        return True
    return takes_part(store.memberships(connection, (ticket.id,)), writer.sender.person.id)


def _by_tag(connection: Connection, question: Question, ticket: Ticket) -> Match:
    writer = question.writer
    known_member = writer.sender is not None and writer.sender.person.member
    if writer.trusted or known_member or _is_at_home(connection, writer, ticket):
        return Match(ticket, Evidence.TAG, f"carries the tag of ticket {ticket.id}")
    why = f"carries the tag of ticket {ticket.id}, but nothing speaks for its sender"
    return Match(None, Evidence.NEW, why, links=((Link.MENTIONS, ticket.id),))


def _by_ghost(question: Question, facts: _Known) -> Match | None:
    """Meets a ticket on a message nobody has seen: a sibling's parent, or this very mail."""
    if question.subject.is_reply:
        for key in question.named:
            for ghost in facts.meetings(key, stored=False):
                ticket = facts.tickets[ghost.ticket_id]
                if ticket.base == question.subject.base and not ticket.private:
                    return Match(
                        ticket, Evidence.GHOST, f"answers the same unseen mail as ticket {ticket.id}"
                    )
    for ghost in _waiting_for(question, facts):
        ticket = facts.tickets[ghost.ticket_id]
        opens = ghost.n == 1 and ticket.provisional
        return Match(ticket, Evidence.GHOST, f"ticket {ticket.id} answers it", late_opening=opens)
    return None


def _waiting_for(question: Question, facts: _Known) -> list[KnownKey]:
    """Posts that answered this very mail before it came."""
    return [
        ghost
        for ghost in facts.meetings(question.identity.key, stored=False)
        if ghost.direct
        and (ghost.is_reply or ghost.base == question.subject.base)
        and abs(ghost.seen_at - question.time) <= _GHOST_WINDOW
    ]


def _by_weak_sign(connection: Connection, question: Question, facts: _Known) -> Match | None:
    base = question.subject.base
    if question.thread_key is not None:
        for meeting in facts.meetings(question.thread_key, stored=True):
            ticket = facts.tickets[meeting.ticket_id]
            if base in (ticket.base, meeting.base) and not ticket.private:
                return Match(
                    ticket, Evidence.THREAD_INDEX, f"is of the same conversation as ticket {ticket.id}"
                )
    quoted = facts.first(question.quoted)
    if quoted is None or quoted.private or not question.subject.is_reply:
        return None
    if quoted.base == base or _is_at_home(connection, question.writer, quoted):
        return Match(quoted, Evidence.QUOTED_TOKEN, f"quotes a mail of ticket {quoted.id}")
    return None


def _by_subject(connection: Connection, question: Question) -> Match:
    """The last resort: exactly one ticket it can be, or none. Never the newest of several."""
    subject, unresolved = question.subject, bool(question.named)
    new = Match(
        None, Evidence.NEW, "nothing in it names a ticket", provisional=unresolved or subject.is_reply
    )
    if subject.generic or subject.is_forward:
        return new
    since = question.time - _SUBJECT_WINDOW
    found = store.by_base(connection, question.queue.id, subject.base, since, _MOST_CANDIDATES)
    candidates = [ticket for ticket in found if ticket.created_at <= question.time + _SUBJECT_WINDOW]
    if subject.is_reply:
        return _only_candidate(candidates, new)
    if unresolved:
        return new
    return _opening_that_was_missing(question, candidates, new)


def _only_candidate(candidates: list[Ticket], new: Match) -> Match:
    if len(candidates) == 1:
        ticket = candidates[0]
        return Match(ticket, Evidence.SUBJECT, f"a reply, and only ticket {ticket.id} has its subject")
    if len(candidates) > 1:
        links = tuple((Link.MENTIONS, ticket.id) for ticket in candidates[:3])
        return replace(new, why=f"a reply, but {len(candidates)} tickets have its subject", links=links)
    return new


def _opening_that_was_missing(question: Question, candidates: list[Ticket], new: Match) -> Match:
    """A question whose header-less replies came first."""
    waiting = [
        ticket
        for ticket in candidates
        if ticket.provisional and abs(ticket.created_at - question.time) <= _GHOST_WINDOW
    ]
    if len(waiting) == 1:
        why = f"the opening of ticket {waiting[0].id}, whose replies came first"
        return Match(waiting[0], Evidence.SUBJECT, why, late_opening=True)
    return new


def _unless_hijacked(question: Question, facts: _Known, match: Match) -> Match:
    """A new question asked by answering an old mail: a ticket of its own, linked."""
    subject = question.subject
    weak = match.evidence in (Evidence.REFERENCE, Evidence.GHOST, Evidence.THREAD_INDEX)
    if match.ticket is None or match.late_opening or not weak or subject.is_reply or not subject.base:
        return match
    if _SERIES.search(question.message.subject) or subject.was_old == match.ticket.base:
        return match
    parents = [entry.base for entry in facts.keys if entry.stored and entry.key in question.named]
    if not _differs(subject.base, match.ticket) or any(_alike(subject.base, base) for base in parents):
        return match
    why = f"answers ticket {match.ticket.id} under another subject: a new question"
    return Match(None, Evidence.NEW, why, links=((Link.BRANCHED_FROM, match.ticket.id),))


def _differs(base: str, ticket: Ticket) -> bool:
    return bool(base) and not _alike(base, ticket.base) and not _alike(base, ticket.title.casefold())


def _alike(one: str, other: str) -> bool:
    if one == other:
        return True
    matcher = difflib.SequenceMatcher(None, one[:_COMPARED_CHARACTERS], other[:_COMPARED_CHARACTERS], False)
    return matcher.real_quick_ratio() >= _SAME_TITLE and matcher.ratio() >= _SAME_TITLE


def _unless_long_resolved(question: Question, match: Match) -> Match:
    """A ticket resolved for a month stays so; what comes is a new one that follows it."""
    ticket = match.ticket
    if ticket is None or ticket.status is not Status.RESOLVED or ticket.resolved_at is None:
        return match
    if question.time - ticket.resolved_at <= REOPEN_WINDOW:
        return match
    why = f"{match.why}, which is resolved for over 30 days"
    return Match(None, match.evidence, why, links=((Link.FOLLOWS, ticket.id),))


def _with_waiting(question: Question, facts: _Known, match: Match) -> Match:
    """Provisional tickets that waited for this mail become one with its ticket."""
    ghosts = _waiting_for(question, facts)
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


def named_keys(message: ParsedMessage, own_id: str) -> tuple[str, ...]:
    """The keys of what a mail names, nearest first: the first three of In-Reply-To, then References."""
    ids = (*message.in_reply_to[:3], *reversed(message.references))
    return tuple(key_store.message_key(i) for i in dict.fromkeys(ids) if i != own_id)[:_MOST_CANDIDATES]


def unresolved(question: Question, known: tuple[KnownKey, ...]) -> tuple[str, ...]:
    """The keys it names under which nothing is stored: its ghosts."""
    return tuple(key for key in question.named if stored_under(known, key) is None)


def target_tickets(targets: Sequence[Target]) -> tuple[TicketId, ...]:
    """The tickets whose addresses stand among `targets`, in order."""
    return tuple(dict.fromkeys(t.ticket_id for t in targets if t.ticket_id is not None))
