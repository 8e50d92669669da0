"""What is read out of a mail: frozen values, filled by parse.py, quotes/quoting.py and kinds/classify.py.

All text in them has passed the one cleaning border (clean.py): no NUL, no surrogate, no control
character but newline and tab in bodies, one line in header values.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Disposition(StrEnum):
    """What a message is."""

    POST = "post"
    COMMAND = "command"
    BOUNCE = "bounce"
    AUTO_REPLY = "auto_reply"
    CHALLENGE = "challenge"
    FEEDBACK = "feedback"
    RECEIPT = "receipt"
    LOOP = "loop"
    DUPLICATE = "duplicate"
    SPAM = "spam"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name and an address; `address` has its domain in lower case (A-labels), `name` may be ""."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not the text; its bytes stay in the raw mail. `size` in bytes after decoding.

    `name` is a label only: no path, no control characters, never empty. `sha256` in hex. `inline`: its
    place is in the text, which may name it by `content_id` (RFC 2392, without brackets, "" where none).
    """

    name: str
    type: str
    size: int
    sha256: str
    content_id: str = ""
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A message that a mail passes on, as a block of its text or attached (message/rfc822).

    All of it is the claim of whoever forwards it. `sender.address` is "" where not one person is
    named; `date` is as it is written. `inner` is the next that is forwarded inside this one. Of an attached
    message only: `message_id`, and `automatic`, a program wrote it.
    """

    sender: Mailbox
    subject: str = ""
    date: str = ""
    inner: Forwarded | None = None
    attached: bool = False
    message_id: str | None = None
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class BouncedRecipient:
    """One recipient of a delivery report (RFC 3464 2.3); `status` as 5.1.1, `action` as failed."""

    address: str
    status: str
    action: str
    message_id: str | None

    @property
    def failed(self) -> bool:
        """Whether it is given up; a delay is none, nor that it was delivered, relayed or expanded."""
        return self.action == "failed"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a feedback report tells (RFC 5965 3): its kind, as abuse, and the envelope of the mail; or ""."""

    kind: str
    reverse_path: str
    recipient: str


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """A mail as read. Total: any bytes give one; what was wrong with them stands in `defects`.

    `message_id`, `in_reply_to` and `references` keep their angle brackets; `references` is oldest first
    and `in_reply_to` in order; both are clean by threading rules (no addresses, no duplicates).
    `date` is the Date field, aware, or None where there is none or it cannot be. `subject` is decoded
    and on one line. `headers` are all fields in order, names as written, values unfolded and decoded.
    `sender` is the RFC5322.From after sender repair (senders.py; `sender_repaired` says so), `header_from`
    before; `original_from` is what a list manager says was there.
    `text` is the whole decoded text; `new_text`, `quoted_text`, `signature` its parts.
    """

    message_id: str | None = None
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    subject: str = ""
    header_from: Mailbox = Mailbox("")
    sender: Mailbox = Mailbox("")
    sender_repaired: bool = False
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    original_from: tuple[Mailbox, ...] = ()
    date: datetime | None = None
    thread_index: str = ""
    text: str = ""
    new_text: str = ""
    quoted_text: str = ""
    signature: str = ""
    html: bool = False
    attachments: tuple[Attachment, ...] = ()
    forwarded: Forwarded | None = None
    signed: bool = False
    encrypted: bool = False
    bounces: tuple[BouncedRecipient, ...] = ()
    # For a report: the Message-ID in the returned message or headers.
    returned_message_id: str | None = None
    complaint: Complaint | None = None
    headers: tuple[tuple[str, str], ...] = ()
    defects: tuple[str, ...] = ()
    readable: bool = True

    def header(self, name: str) -> str:
        """The first field called `name` (any case), or ""."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")


@dataclass(frozen=True, slots=True)
class Classified:
    """What a message is, and why we think so (one line for a person)."""

    disposition: Disposition
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SeparatedText:
    """The parts of a text; nothing is cut: `new`, `quoted` and `signature` together hold every line."""

    new: str
    quoted: str = ""
    signature: str = ""
    notes: tuple[str, ...] = ()
