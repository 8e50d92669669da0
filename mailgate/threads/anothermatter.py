"""A mail that names a ticket and is of another matter: a new question, or a reference that is wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from mailgate.threads.guessing import Guess, clue_of, guess
from mailgate.threads.known import Known
from mailgate.threads.match import Evidence, Match, Question
from mailgate.threads.titles import alike, refines, share_a_word
from tracker.model import Link, Ticket

_SERIES: Final = re.compile(r"\[[^\]]*\b(?:PATCH|RFC)\b[^\]]*\]|\b\d{1,3}/\d{1,3}\b", re.IGNORECASE)


def unless_another_matter(connection: Connection, question: Question, facts: Known, match: Match) -> Match:
    """`match`, unless the mail is of another matter than the ticket it names.

    no answer, and of another title                       a ticket of its own, branched from that one
    "new (was: old)", whose parent is stored              the same
    an answer under a title that the ticket never had     the one ticket that has that title, if any
    the same, its parent unseen and the title strange     that one, else a ticket of its own
    """
    ticket = match.ticket
    if ticket is None or not _is_in_question(question, match):
        return match
    parents = [entry.base for entry in facts.keys if entry.stored and entry.key in question.named]
    subject, titles = question.subject, (ticket.base, ticket.title.casefold(), *parents)
    # "New (was: old)" says so itself, also behind a Re.
    renamed = bool(subject.was_old) and subject.was_old in (ticket.base, *parents)
    if not renamed and (_SERIES.search(question.message.subject) or subject.digest):
        return match
    if _is_same_matter(question, titles):
        return match
    unseen = question.parent_key is not None and not facts.meetings(question.parent_key, stored=True)
    if not subject.is_reply or (renamed and not unseen):
        return _hijacked(question, facts, ticket)
    found = guess(connection, clue_of(question))
    if found.ticket is not None and _waits_for_it(question, facts, found.ticket):
        return match
    strange = renamed or (unseen and not any(share_a_word(subject.base, title) for title in titles))
    return _by_subject_rather(match, found, strange=strange)


def _is_in_question(question: Question, match: Match) -> bool:
    """Whether a subject may speak against what `match` rests on."""
    weak = match.evidence in (Evidence.REFERENCE, Evidence.GHOST, Evidence.THREAD_INDEX)
    return weak and not match.late_opening and bool(question.subject.base)


def _is_same_matter(question: Question, titles: Sequence[str]) -> bool:
    """Whether the subject is one of `titles`, or one that it says itself to refine."""
    subject = question.subject
    if subject.was_old and refines(subject.base, subject.was_old):
        return True
    return any(alike(mine, title) for title in titles for mine in (subject.base, subject.letter_base))


def _waits_for_it(question: Question, facts: Known, ticket: Ticket) -> bool:
    return any(ghost.ticket_id == ticket.id for ghost in facts.waiting_for(question))


def _hijacked(question: Question, facts: Known, ticket: Ticket) -> Match:
    """A new question asked by answering an old mail: a ticket of its own, linked; its answers may wait."""
    why = f"answers ticket {ticket.id} under another subject: a new question"
    links = ((Link.BRANCHED_FROM, ticket.id),)
    for ghost in facts.waiting_for(question):
        waiting = facts.tickets[ghost.ticket_id]
        if ghost.base == question.subject.base and waiting.provisional and not waiting.private:
            return Match(
                waiting, Evidence.GHOST, f"{why}, which ticket {waiting.id} answers", links, late_opening=True
            )
    return Match(None, Evidence.NEW, why, links=links)


def _by_subject_rather(match: Match, found: Guess, *, strange: bool) -> Match:
    """An answer whose subject the ticket of its reference never had.

    The one ticket that has it is meant: references are copied by programs, and break. Else it stays where
    its parent is; where that is unseen and the subject `strange`, what it answers was another matter.
    """
    if match.ticket is None or match.ticket in (found.ticket, *found.candidates):
        return match
    if found.ticket is not None:
        why = f"{found.why}, which ticket {match.ticket.id}, whose mail it names, never had"
        return Match(found.ticket, Evidence.SUBJECT, why, asked=found.why)
    if not strange:
        return replace(match, asked=found.why)
    why = (
        f"answers an unseen mail of another subject than ticket {match.ticket.id}, whose mails it also names"
    )
    links = ((Link.BRANCHED_FROM, match.ticket.id),)
    return Match(None, Evidence.NEW, why, links=links, provisional=True, asked=found.why)
