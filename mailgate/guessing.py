"""The last resort of threading: a mail that names nothing is placed by its subject, or not at all.

Only ever into the one ticket it can be: with two of the same subject it opens a third, linked to both.
A mail that is not even marked as an answer needs a second sign besides the subject.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from mailgate.identity import containment
from mailgate.subjects import SubjectReading
from tracker.model import PersonId, QueueId, Ticket
from tracker.storage import posts
from tracker.storage import tickets as store

_WINDOW: Final = timedelta(days=30)
# For an answer that shows that it is one: it quotes, or its author took part.
_LONG_WINDOW: Final = timedelta(days=90)
_MISSING_OPENING: Final = timedelta(days=14)
_CONTINUED: Final = timedelta(days=14)
# Under a week: notices that come every week under one title are not one matter.
_ASKED_AGAIN: Final = timedelta(days=6)
_SAME_TEXT: Final = 0.7
_MOST_CANDIDATES: Final = 100


@dataclass(frozen=True, slots=True)
class Clue:
    """What a mail that names no other says of itself.

    `time` is the earlier of Date and arrival; `quotes` says that it has quoted text, `names_unseen` that
    it names mails nobody has seen.
    """

    queue_id: QueueId
    subject: SubjectReading
    time: datetime
    author_id: PersonId | None
    text: str
    quotes: bool
    names_unseen: bool


@dataclass(frozen=True, slots=True)
class Guess:
    """Where it goes: `ticket`, as the opening that this lacked if `late_opening`; or nowhere.

    `candidates` are the tickets it may be about when there are too many to choose from.
    """

    ticket: Ticket | None
    why: str
    late_opening: bool = False
    candidates: tuple[Ticket, ...] = ()


_NOTHING: Final = Guess(None, "nothing in it names a ticket")


def guess(connection: Connection, clue: Clue) -> Guess:
    """The one ticket that a mail can belong to by its subject, if any."""
    subject = clue.subject
    if subject.generic:
        return _NOTHING
    found = _candidates(connection, clue, subject.base, _WINDOW)
    if subject.is_reply:
        return _answer(connection, clue, found)
    if not found and subject.letter_base != subject.base:
        # "R: printer" is an answer where there is a ticket "printer", a title where there is none.
        return _only(_candidates(connection, clue, subject.letter_base, _WINDOW))
    if subject.is_forward:
        return _forward(connection, clue, found)
    return _NOTHING if clue.names_unseen else _unmarked(connection, clue, found)


def _candidates(connection: Connection, clue: Clue, base: str, window: timedelta) -> tuple[Ticket, ...]:
    """Public tickets with a post of that subject, active at the time of the mail."""
    found = store.by_base(connection, clue.queue_id, base, clue.time - window, _MOST_CANDIDATES)
    return tuple(ticket for ticket in found if ticket.created_at <= clue.time + window)


def _answer(connection: Connection, clue: Clue, found: tuple[Ticket, ...]) -> Guess:
    if found:
        return _only(found)
    older = _candidates(connection, clue, clue.subject.base, _LONG_WINDOW)
    if len(older) == 1 and (clue.quotes or _took_part(connection, clue, older[0])):
        return _only(older)
    return _NOTHING


def _only(found: tuple[Ticket, ...]) -> Guess:
    if len(found) == 1:
        return Guess(found[0], f"a reply, and only ticket {found[0].id} has its subject")
    if found:
        return Guess(None, f"a reply, but {len(found)} tickets have its subject", candidates=found)
    return _NOTHING


def _forward(connection: Connection, clue: Clue, found: tuple[Ticket, ...]) -> Guess:
    """A mail of the ticket comes back as a forward: from one who takes part, or with its text quoted."""
    if len(found) == 1 and (clue.quotes or _took_part(connection, clue, found[0])):
        return Guess(found[0], f"a forward, and only ticket {found[0].id} has its subject")
    return _NOTHING


def _unmarked(connection: Connection, clue: Clue, found: tuple[Ticket, ...]) -> Guess:
    """No prefix, no reference: a new question, unless more than the title is that of a ticket."""
    waiting = [
        ticket
        for ticket in found
        if ticket.provisional and abs(ticket.created_at - clue.time) <= _MISSING_OPENING
    ]
    if len(waiting) == 1:
        return Guess(waiting[0], f"the opening of ticket {waiting[0].id}, whose replies came first", True)
    # A patch sent once more is another patch.
    if len(found) != 1 or clue.subject.series:
        return _NOTHING
    ticket = found[0]
    if clue.quotes:
        return Guess(ticket, f"quotes a mail, and only ticket {ticket.id} has its subject")
    if _goes_on(connection, clue, ticket):
        return Guess(ticket, f"its author answers under the subject of ticket {ticket.id}")
    if _has_its_text(connection, clue, ticket):
        return Guess(ticket, f"has the text of ticket {ticket.id}, and its subject")
    return _NOTHING


def _goes_on(connection: Connection, clue: Clue, ticket: Ticket) -> bool:
    """One who takes part writes after somebody else did: an answer from a client that marks none."""
    if clue.time - ticket.active_at > _CONTINUED or not _took_part(connection, clue, ticket):
        return False
    last = posts.last_of(connection, ticket.id)
    return last is not None and last.author_id != clue.author_id


def _has_its_text(connection: Connection, clue: Clue, ticket: Ticket) -> bool:
    """The question once more, from whatever address, or an answer that quotes it without any mark."""
    opening = posts.opening_of(connection, ticket.id)
    if opening is None:
        return False
    if abs(clue.time - ticket.created_at) <= _ASKED_AGAIN:
        return containment(opening.new_text, clue.text) >= _SAME_TEXT
    return opening.author_id != clue.author_id and containment(opening.new_text, clue.text) >= _SAME_TEXT


def _took_part(connection: Connection, clue: Clue, ticket: Ticket) -> bool:
    return clue.author_id is not None and posts.wrote_in(connection, ticket.id, clue.author_id)
