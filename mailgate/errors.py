"""What may go wrong with a mail, and the one table that says what the sender is told.

Two questions: whose fault is it, and will a retry help?

    MailError
     ├── Refused          theirs, no retry helps: 5yz
     │    ├── NoSuchList, RelayDenied, LoopDetected, TooLarge, HeaderTooLarge, TooComplex,
     │    │   NoAuthor, Forged, BadAddress, Smuggling
     └── TryLater         ours, a retry helps: 4yz
          └── TooManyRecipients, DiskFull, CannotTell, TooManyConnections, ShuttingDown
"""

from __future__ import annotations

from dataclasses import dataclass


class MailError(Exception):
    """A message or command that we answer with something else than 250; its text may be shown."""


class Refused(MailError):
    """The sender's fault, and final."""


class NoSuchList(Refused):
    """No list, ticket address or role of that name here."""


class RelayDenied(Refused):
    """The recipient is not ours to deliver."""


class BadAddress(Refused):
    """An address that is none by RFC 5321 4.1.2."""


class LoopDetected(Refused):
    """Our own mail come back, or a mail that has travelled too far."""


class TooLarge(Refused):
    """More bytes than we take."""


class HeaderTooLarge(Refused):
    """More header bytes or fields than we take."""


class TooComplex(Refused):
    """Deeper, or of more parts or parameters, than we take."""


class NoAuthor(Refused):
    """Not exactly one From field with exactly one mailbox (RFC 5322 3.6.2, and our own rule)."""


class Forged(Refused):
    """The domain in From wants mail refused that it neither signed nor sent (DMARC, RFC 7489 6.6.2)."""


class Smuggling(Refused):
    """A bare CR or LF: what one server takes for two messages another takes for one."""


class TryLater(MailError):
    """Our fault, or a matter of time: the sender keeps the mail and comes again."""


class TooManyRecipients(TryLater):
    """More recipients than one transaction takes; those accepted so far stand (RFC 5321 4.5.3.1.10)."""


class DiskFull(TryLater):
    """Too little space left to promise anything."""


class CannotTell(TryLater):
    """The DNS does not answer, and without it nobody knows whose mail it is."""


class TooManyConnections(TryLater):
    """More connections than we serve at once."""


class ShuttingDown(TryLater):
    """The daemon is stopping."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply: `code` and enhanced code (RFC 3463) as in `250 2.6.0 text`.

    `close` says that the session ends after it.
    """

    code: int
    enhanced: str
    text: str
    close: bool = False

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {printable(self.text)}"


_REPLIES: tuple[tuple[type[MailError], int, str, bool], ...] = (
    (NoSuchList, 550, "5.1.1", False),
    (RelayDenied, 550, "5.7.1", False),
    (BadAddress, 501, "5.1.3", False),
    (LoopDetected, 554, "5.4.6", False),
    (TooLarge, 552, "5.3.4", False),
    (HeaderTooLarge, 552, "5.3.4", False),
    (TooComplex, 554, "5.6.0", False),
    (NoAuthor, 550, "5.6.0", False),
    # RFC 7372 3.3
    (Forged, 550, "5.7.26", False),
    (Smuggling, 521, "5.5.2", True),
    (Refused, 550, "5.7.1", False),
    (TooManyRecipients, 452, "4.5.3", False),
    (DiskFull, 452, "4.3.1", False),
    (CannotTell, 451, "4.4.3", False),
    (TooManyConnections, 421, "4.7.0", True),
    (ShuttingDown, 421, "4.3.2", True),
    (TryLater, 451, "4.3.0", False),
)


def reply_to(error: MailError) -> Reply:
    """The reply that tells a client of `error`."""
    for kind, code, enhanced, close in _REPLIES:
        if isinstance(error, kind):
            return Reply(code, enhanced, str(error) or kind.__doc__ or "", close)
    raise TypeError(f"no reply for {type(error).__name__}")


def our_fault(incident: str) -> Reply:
    """The reply to a bug or a passing trouble of ours; `incident` finds it again in our log."""
    return Reply(451, "4.3.0", f"Our own trouble, please try again later ({incident})")


def printable(text: str, limit: int = 200) -> str:
    """`text` as one line of printable ASCII, at most `limit` characters: fit for a reply or a log."""
    plain = text.isascii() and text.isprintable()
    line = text if plain else "".join(c if " " <= c <= "~" else "?" for c in text)
    return line if len(line) <= limit else line[: limit - 3] + "..."
