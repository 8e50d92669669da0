"""All that a mail says of its ticket, the strongest first, and what came of each: what `explain` tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mailgate.threads.match import Evidence, Match, Outcome, Question, Sign
from tracker.model import Ticket, TicketId
from tracker.storage.keys import KnownKey


def signs_of(
    question: Question, tickets: Mapping[TicketId, Ticket], keys: tuple[KnownKey, ...], match: Match
) -> tuple[Sign, ...]:
    """The signs in a mail that `match` was found for; `tickets` by number, aliases followed."""
    judge = _Judge(tickets, match)
    tags = map(TicketId, question.subject.tag_numbers)
    return (
        *judge.each(Evidence.TOKEN, question.proven, "a valid one of ticket {}"),
        *judge.each(Evidence.ROOT, question.rooted, "that of ticket {}"),
        *_forged(question),
        *judge.each(Evidence.ADDRESS, question.addressed, "that of ticket {}"),
        *_references(judge, question, keys),
        *judge.each(Evidence.TAG, tags, "that of ticket {}"),
        *judge.each(Evidence.TAG, question.aliased, "what ticket {} was called elsewhere"),
        *_ghosts(judge, question, keys),
        *_conversation(judge, question, keys),
        *judge.each(Evidence.QUOTED_TOKEN, question.quoted, "one of ticket {}"),
        _subject(question, match),
    )


class _Judge:
    """Knows what was decided."""

    def __init__(self, tickets: Mapping[TicketId, Ticket], match: Match) -> None:
        self._tickets = tickets
        self._match = match

    def each(self, evidence: Evidence, numbers: Iterable[TicketId], says: str) -> Iterator[Sign]:
        for number in dict.fromkeys(numbers):
            yield self.sign(evidence, number, says)

    def sign(self, evidence: Evidence, number: TicketId, says: str) -> Sign:
        """`says` has a place for the ticket."""
        ticket = self._tickets.get(number)
        if ticket is None:
            return Sign(evidence, says.format(f"{number}, which is not there"), Outcome.FAILED)
        named = str(number) if ticket.id == number else f"{number}, now {ticket.id}"
        chosen = self._match.ticket
        if chosen is None or chosen.id != ticket.id:
            return Sign(evidence, says.format(named), Outcome.SET_ASIDE)
        decided = evidence is self._match.evidence
        return Sign(evidence, says.format(named), Outcome.DECIDED if decided else Outcome.AGREES)


def _forged(question: Question) -> Iterator[Sign]:
    for number in dict.fromkeys(question.claimed):
        says = f"one of ticket {number} that we did not make"
        yield Sign(Evidence.ROOT, says, Outcome.FAILED)


def _references(judge: _Judge, question: Question, keys: tuple[KnownKey, ...]) -> Iterator[Sign]:
    met = {entry.key: entry.ticket_id for entry in keys if entry.stored and entry.key in question.named}
    nearest_first = (met[key] for key in question.named if key in met)
    yield from judge.each(Evidence.REFERENCE, nearest_first, "a mail of ticket {}")
    # A root id is named like a mail, is none, and has a sign of its own.
    roots = len({*question.rooted, *question.claimed})
    unseen = sum(key not in met for key in question.named) - roots
    if unseen > 0:
        mails = "one mail" if unseen == 1 else f"{unseen} mails"
        yield Sign(Evidence.REFERENCE, f"{mails} that never came here", Outcome.FAILED)


def _ghosts(judge: _Judge, question: Question, keys: tuple[KnownKey, ...]) -> Iterator[Sign]:
    ghosts = [entry for entry in keys if not entry.stored]
    siblings = (entry.ticket_id for entry in ghosts if entry.key in question.named)
    yield from judge.each(Evidence.GHOST, siblings, "ticket {} answers the same one")
    waiting = (entry.ticket_id for entry in ghosts if entry.key == question.identity.key)
    yield from judge.each(Evidence.GHOST, waiting, "ticket {} answers this very mail")


def _conversation(judge: _Judge, question: Question, keys: tuple[KnownKey, ...]) -> Iterator[Sign]:
    met = (entry.ticket_id for entry in keys if entry.stored and entry.key == question.thread_key)
    yield from judge.each(Evidence.THREAD_INDEX, met, "that of ticket {}, by its Thread-Index")


def _subject(question: Question, match: Match) -> Sign:
    subject = question.subject
    marked = "" if subject.is_reply or subject.is_forward else "not "
    marked += "marked as " + ("a forward" if subject.is_forward and not subject.is_reply else "an answer")
    says = f"\u201c{subject.base}\u201d, {marked}" if subject.base else "none"
    if not match.asked:
        return Sign(Evidence.SUBJECT, says, Outcome.NOT_ASKED)
    by_it = match.ticket is not None and match.evidence is Evidence.SUBJECT
    return Sign(Evidence.SUBJECT, f"{says}: {match.asked}", Outcome.DECIDED if by_it else Outcome.FAILED)
