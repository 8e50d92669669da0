"""What the database says to a mail that looks for its ticket."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from mailgate.threads.match import Question
from tracker.model import Ticket, TicketId
from tracker.storage.keys import KnownKey

_GHOST_WINDOW: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Known:
    """What the database says to a question: tickets by number, aliases resolved, and known keys."""

    tickets: dict[TicketId, Ticket]
    keys: tuple[KnownKey, ...]

    def named(self, numbers: Iterable[TicketId]) -> dict[TicketId, Ticket]:
        """The tickets that `numbers` mean, in order, each once and by the number it has now."""
        return {self.tickets[n].id: self.tickets[n] for n in numbers if n in self.tickets}

    def first(self, numbers: Iterable[TicketId]) -> Ticket | None:
        return next(iter(self.named(numbers).values()), None)

    def meetings(self, key: str, *, stored: bool) -> list[KnownKey]:
        return [k for k in self.keys if k.key == key and k.stored is stored and k.ticket_id in self.tickets]

    def waiting_for(self, question: Question) -> list[KnownKey]:
        """Posts that answered this very mail before it came."""
        return [
            ghost
            for ghost in self.meetings(question.identity.key, stored=False)
            if ghost.direct
            and (ghost.is_reply or ghost.base == question.subject.base)
            and abs(ghost.seen_at - question.time) <= _GHOST_WINDOW
        ]
