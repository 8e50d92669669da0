"""Posts that a machine wrote, though nothing says so: the same text again, or an answer within a minute.

They are kept with the ticket, and tell nobody: two responders would go on for ever.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from mailgate import deliveries
from mailgate.commandwords import has_only_commands
from mailgate.kinds.automaticwords import AWAY_TEXT
from mailgate.threads.match import Question
from tracker.model import Ticket
from tracker.storage import posts
from tracker.unit_of_work import UnitOfWork

_AT_ONCE: Final = timedelta(minutes=1)
# Of the last posts of somebody in a ticket.
_LOOK_BACK: Final = 3
_BEGINNING: Final = 1000


def why(uow: UnitOfWork, question: Question, ticket: Ticket | None) -> str:
    """Why a post is an echo, half a sentence; "" where it is none."""
    sender = question.writer.sender
    text = _plain(question.message.new_text)
    if ticket is None or sender is None or not text or has_only_commands(question.message.new_text):
        return ""
    if question.message.attachments:
        return ""
    said = posts.latest_texts(uow.connection, ticket.id, sender.person.id, _LOOK_BACK)
    if any(_plain(one) == text for one in said):
        return "its author said the very same before"
    if AWAY_TEXT.search(text[:_BEGINNING]) and _was_just_told(uow.connection, question, ticket, uow):
        return "it answers a copy of ours within a minute, as a responder does"
    return ""


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _was_just_told(connection: Connection, question: Question, ticket: Ticket, uow: UnitOfWork) -> bool:
    sender = question.writer.sender
    return sender is not None and deliveries.had_of_ticket(
        connection, sender.person.address, ticket.id, uow.now - _AT_ONCE
    )
