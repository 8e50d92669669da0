"""One connection of the web: of how many, and for how long. A slow client must not cost the others theirs.

Without this each that says nothing keeps a file of the process for good, and at a thousand there is none left
for mail.
"""

from __future__ import annotations

import asyncio
import resource
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

# To say all that is asked: a line, some fields, a form of one word.
_TO_ASK_S: Final = 10.0
# From the first word to the last of the last answer.
_IN_ALL_S: Final = 90.0
_MOST: Final = 200


class Connection(H11Protocol):
    """HTTP/1.1 with deadlines and a cap; uvicorn has a deadline between two requests only."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > most_connections():
            transport.abort()
            return
        self._deadline = self.loop.call_later(_TO_ASK_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """End it if it has not asked yet; else let it have its answer, in so much time."""
        if self.cycle is None or self.cycle.more_body:
            self.transport.abort()
            return
        self._deadline = self.loop.call_later(_IN_ALL_S - _TO_ASK_S, self.transport.abort)


def most_connections() -> int:
    """As many at once as leave the files that mail needs (mailgate.gate leaves a quarter to others)."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if soft == resource.RLIM_INFINITY else max(10, min(_MOST, soft // 6))
