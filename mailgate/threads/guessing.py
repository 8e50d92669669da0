"""The last resort of threading: a mail that names nothing is placed by its subject, or not at all.

Only ever into the one ticket it can be. Of several with its subject it is the one whose words it quotes;
else it opens another, linked to them. What it quotes also speaks against: an answer to a mail that is in none
of the tickets belongs to none. What is not even marked as an answer needs a second sign besides the subject.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from sqlalchemy import Connection

from mailgate.threads.likeness import MOST_ROWS, common_numbers, containment, rows_of_words
from mailgate.threads.match import Question
from mailgate.threads.subjects import SubjectReading
from tracker.model import PersonId, QueueId, Ticket, TicketId
from tracker.storage import posts
from tracker.storage import tickets as store
from tracker.storage.posts import Said

_WINDOW: Final = timedelta(days=30)
# For an answer that shows that it is one: it quotes, or its author took part.
_LONG_WINDOW: Final = timedelta(days=90)
_MISSING_OPENING: Final = timedelta(days=14)
# A question is dated before its answers, but for what clocks differ.
_CLOCKS: Final = timedelta(hours=1)
# Notices that come every week under one title are not one matter.
_UNDER_A_WEEK: Final = timedelta(days=6)
_SAME_TEXT: Final = 0.7
_SAME_NUMBERS: Final = 0.9
# Signatures, links and addresses do not come back as they were.
_QUOTED_NUMBERS: Final = 0.5
# Among more there is no telling; the newest are read.
_MOST_CANDIDATES: Final = 20
_MOST_READ: Final = 40
# Rows of four words: so many in common, and such a part, are a quote; of so many hardly any, and it is the
# quote of another mail. Measured on answers whose parent is known: two of a hundred lie between.
_QUOTE: Final = 3
_OWN: Final = 0.25
_TELLING_QUOTE: Final = 20
_FOREIGN: Final = 0.1


@dataclass(frozen=True, slots=True)
class Clue:
    """What a mail that names no other says of itself.

    `time` is the earlier of Date and arrival, `dated` says that it has a Date; `quoted` is the text it
    quotes, `names_unseen` says that it names mails nobody has seen.
    """

    queue_id: QueueId
    subject: SubjectReading
    time: datetime
    dated: bool
    author_id: PersonId | None
    text: str
    quoted: str
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
_FOREIGN_QUOTE: Final = Guess(None, "it quotes a mail that is in no ticket of its subject")


def clue_of(question: Question) -> Clue:
    """What a mail says of itself to whom can only guess."""
    sender = question.writer.sender
    return Clue(
        queue_id=question.queue.id,
        subject=question.subject,
        time=question.time,
        dated=question.message.date is not None,
        author_id=None if sender is None else sender.person.id,
        text=question.message.text,
        quoted=question.message.quoted_text,
        names_unseen=bool(question.named),
    )


def guess(connection: Connection, clue: Clue) -> Guess:
    """The one ticket that a mail can belong to by its subject, if any."""
    subject = clue.subject
    if not subject.base or subject.digest:
        return _NOTHING
    field = _Field(connection, clue, subject.base)
    if subject.is_reply:
        return _answer(field)
    if not field.recent and subject.letter_base != subject.base:
        # "R: printer" is an answer where there is a ticket "printer", a title where there is none.
        return _only(_Field(connection, clue, subject.letter_base).recent)
    if subject.is_forward:
        return _forward(field)
    return _NOTHING if clue.names_unseen else _unmarked(field)


class _Field:
    """The tickets that a mail can be about, and what was said in them under its subject: two look-ups."""

    def __init__(self, connection: Connection, clue: Clue, base: str) -> None:
        self.clue = clue
        self._connection = connection
        self._base = base
        self._since = clue.time - _LONG_WINDOW
        found = store.by_base(connection, clue.queue_id, base, self._since, _MOST_CANDIDATES)
        # Public ones with a post of that subject, there already at the time of the mail.
        self.all = tuple(ticket for ticket in found if ticket.created_at <= clue.time + _WINDOW)
        self.recent = tuple(ticket for ticket in self.all if ticket.active_at >= clue.time - _WINDOW)

    @cached_property
    def said(self) -> dict[TicketId, list[Said]]:
        """By ticket, newest first."""
        found: dict[TicketId, list[Said]] = defaultdict(list)
        if self.all:
            for post in posts.said_under(self._connection, self._base, self._since, _MOST_READ):
                found[post.ticket_id].append(post)
        return found

    @cached_property
    def quote(self) -> frozenset[tuple[str, ...]]:
        return rows_of_words(self.clue.quoted)

    @cached_property
    def quoted(self) -> dict[TicketId, int]:
        """How much of what the mail quotes stands in each ticket, in rows of words."""
        if len(self.quote) < _QUOTE:
            return {}
        return {
            ticket.id: max((len(self.quote & rows_of_words(p.text)) for p in self.said[ticket.id]), default=0)
            for ticket in self.all
        }

    def by_quote(self) -> Ticket | None:
        """The one ticket that it quotes; of two that hold the same words, that whose own they are."""
        ranked = sorted(self.all, key=lambda ticket: self.quoted.get(ticket.id, 0), reverse=True)
        scores = [self.quoted.get(ticket.id, 0) for ticket in ranked[:2]]
        if not scores or scores[0] < max(_QUOTE, _OWN * len(self.quote)):
            return None
        if len(scores) == 1 or scores[0] >= 2 * scores[1]:
            return ranked[0]
        close = [ticket for ticket in ranked if 2 * self.quoted.get(ticket.id, 0) > scores[0]]
        own = [ticket for ticket in close if self._own(ticket) >= _QUOTE]
        return own[0] if len(own) == 1 else None

    def _own(self, ticket: Ticket) -> int:
        return max((len(self.quote & rows_of_words(post.own)) for post in self.said[ticket.id]), default=0)

    def by_name(self) -> Ticket | None:
        """The one ticket in which somebody wrote whom it quotes by name."""
        if not self.clue.quoted:
            return None
        named = [ticket for ticket in self.recent if any(map(self._names, self.said[ticket.id]))]
        return named[0] if len(named) == 1 else None

    def _names(self, post: Said) -> bool:
        return " " in post.author_name and post.author_name in self.clue.quoted

    def quotes_another(self) -> bool:
        """It quotes much, and nothing of it stands in any of these tickets, of which all was read."""
        if not self.all or not _TELLING_QUOTE <= len(self.quote) < MOST_ROWS or not self._read_all():
            return False
        return max(self.quoted.values(), default=0) < _FOREIGN * len(self.quote)

    def _read_all(self) -> bool:
        read = [post for said in self.said.values() for post in said]
        return len(read) < _MOST_READ and all(map(_was_read, read))

    def took_part(self, ticket: Ticket) -> bool:
        return any(post.author_id == self.clue.author_id for post in self.said[ticket.id])

    def opening(self, ticket: Ticket) -> Said | None:
        return next((post for post in self.said[ticket.id] if post.n == 1), None)


def _was_read(post: Said) -> bool:
    return post.whole and len(rows_of_words(post.text)) < MOST_ROWS


def _answer(field: _Field) -> Guess:
    if (ticket := field.by_quote()) is not None:
        return Guess(ticket, f"a reply that quotes ticket {ticket.id}, and has its subject")
    if field.clue.subject.generic:
        return _NOTHING
    if field.quotes_another():
        return _FOREIGN_QUOTE
    if len(field.recent) > 1 and (ticket := field.by_name()) is not None:
        return Guess(ticket, f"a reply to somebody who wrote in ticket {ticket.id}, and has its subject")
    if field.recent:
        return _only(field.recent)
    if len(field.all) == 1 and field.took_part(field.all[0]):
        return _only(field.all)
    return _NOTHING


def _only(found: tuple[Ticket, ...]) -> Guess:
    if len(found) == 1:
        return Guess(found[0], f"a reply, and only ticket {found[0].id} has its subject")
    if found:
        return Guess(None, f"a reply, but {len(found)} tickets have its subject", candidates=found)
    return _NOTHING


def _forward(field: _Field) -> Guess:
    """A mail of the ticket comes back as a forward: from one who takes part, or with its text quoted."""
    if field.clue.subject.generic or len(field.recent) != 1:
        return _NOTHING
    ticket = field.recent[0]
    if field.by_quote() == ticket or field.took_part(ticket):
        return Guess(ticket, f"a forward, and only ticket {ticket.id} has its subject")
    return _NOTHING


def _unmarked(field: _Field) -> Guess:
    """No prefix, no reference: a new question, unless more than the title is that of a ticket."""
    # A patch sent once more is another patch.
    if field.clue.subject.series or not field.recent:
        return _NOTHING
    if (ticket := field.by_quote()) is not None:
        return Guess(ticket, f"quotes ticket {ticket.id}, and has its subject")
    again = [ticket for ticket in field.recent if _has_its_text(field, ticket)]
    if len(again) == 1:
        return Guess(again[0], f"has the text of ticket {again[0].id}, and its subject")
    waiting = [ticket for ticket in field.recent if _waits(field.clue, ticket)]
    quoted = [ticket for ticket in waiting if _quoted_in(field, ticket) is True]
    if len(quoted) == 1:
        return Guess(quoted[0], f"the opening of ticket {quoted[0].id}, whose replies quote it", True)
    if field.clue.subject.generic or len(field.recent) != 1:
        return _NOTHING
    ticket = field.recent[0]
    if waiting and _quoted_in(field, ticket) is None:
        return Guess(ticket, f"the opening of ticket {ticket.id}, whose replies came first", True)
    if _goes_on(field, ticket):
        return Guess(ticket, f"its author answers under the subject of ticket {ticket.id}")
    return _NOTHING


def _waits(clue: Clue, ticket: Ticket) -> bool:
    """The ticket was opened by an answer, and this may be what that answers: it is older."""
    if not ticket.provisional or abs(ticket.created_at - clue.time) > _MISSING_OPENING:
        return False
    return not clue.dated or clue.time <= ticket.created_at + _CLOCKS


def _quoted_in(field: _Field, ticket: Ticket) -> bool | None:
    """Whether the first answer of the ticket quotes this mail; None when it quotes too little to tell."""
    first = field.opening(ticket)
    if first is None:
        return None
    quote = rows_of_words(first.text) - rows_of_words(first.own)
    common = len(quote & rows_of_words(field.clue.text))
    if common >= max(_QUOTE, _OWN * len(quote)):
        return True
    return False if len(quote) >= _TELLING_QUOTE and common < _FOREIGN * len(quote) else None


def _goes_on(field: _Field, ticket: Ticket) -> bool:
    """Who asked writes after somebody answered: an answer from a client that marks none."""
    clue = field.clue
    if clue.time - ticket.active_at > _UNDER_A_WEEK or clue.author_id != ticket.requester_id:
        return False
    return bool(field.said[ticket.id]) and field.said[ticket.id][0].author_id != clue.author_id


def _has_its_text(field: _Field, ticket: Ticket) -> bool:
    """The question once more, from whatever address, or an answer that quotes a post without any mark."""
    return any(_holds(field.clue, post, ticket) for post in field.said[ticket.id])


def _holds(clue: Clue, post: Said, ticket: Ticket) -> bool:
    if containment(post.own, clue.text) < _SAME_TEXT:
        return False
    numbers = common_numbers(post.own, clue.text)
    if post.author_id != clue.author_id and numbers >= _QUOTED_NUMBERS:
        return True
    return post.n == 1 and abs(clue.time - ticket.created_at) <= _UNDER_A_WEEK and numbers >= _SAME_NUMBERS
