"""What carries copies out of the house: the words of that seam.

The couriers are courier_smtp.py and courier_maildir.py, and courier_shadow.py before them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

_UNSAFE = frozenset(" <>")


@dataclass(frozen=True, slots=True)
class Copy:
    """One message to one recipient.

    `reverse_path` is "" for the null sender; `content` the complete message. Line ends other than CRLF
    are made CRLF on the way.
    """

    delivery: int
    reverse_path: str
    recipient: str
    content: bytes


class Result(Enum):
    """What became of a copy: taken over by the other side, to be tried again, or refused for good.

    `SHADOWED`: it was not handed over, for we are a shadow. `WITHHELD`: nor ever will be.
    """

    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    SHADOWED = "shadowed"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one copy, and the words of the other side on one line of printable ASCII."""

    delivery: int
    result: Result
    reply: str


class Courier(Protocol):
    """A way out. Used by one thread at a time."""

    def send(self, copies: Sequence[Copy]) -> Iterator[Outcome]:
        """One outcome for every copy, in order, as it is known; no trouble of the other side is raised.

        Whoever stops reading before the end loses what was under way: those copies may or may not arrive.
        """
        ...

    def close(self) -> None:
        """Let go of what is held open; the courier may be used again."""
        ...


def is_sendable(copy: Copy) -> bool:
    """Whether both addresses of `copy` can stand between < and >, and be read there as what they are."""
    return (copy.reverse_path == "" or _is_safe_path(copy.reverse_path)) and _is_safe_path(copy.recipient)


def _is_safe_path(path: str) -> bool:
    # Narrower than RFC 5321 4.1.2: no blanks in quoted local parts. Letters beyond ASCII pass (RFC 6531).
    local, at, domain = path.rpartition("@")
    return (
        bool(local and at and domain) and len(path) <= 320 and path.isprintable() and not _UNSAFE & set(path)
    )
