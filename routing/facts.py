"""What a rule may see of a mail and its ticket, and nothing else."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from routing.entities import Entity, MailTexts
from routing.grid import Grid
from routing.lines import log_lines
from routing.registry_route import Asked, Proposal, propose

# routing.md: a pattern runs over at most this much text; words and phrases as well.
TEXT_LIMIT = 64 * 1024


class Kind(StrEnum):
    """What a mail is; it may be several at once."""

    NEW = "new"
    REPLY = "reply"
    FORWARD = "forward"
    AUTO = "auto"
    BOUNCE = "bounce"
    PRIVATE = "private"


class SenderClass(StrEnum):
    """How well we know the sender; each is all those before it as well, but for `first`."""

    FIRST = "first"
    KNOWN = "known"
    MEMBER = "member"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """An attachment as rules see it; `size` in bytes after decoding."""

    name: str
    type: str
    size: int


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """The ticket that a mail continues, before the mail; `requester` and `owner` ("": none) are addresses."""

    tags: frozenset[str] = frozenset()
    status: str = ""
    priority: str = ""
    opened_at: datetime | None = None
    touched_at: datetime | None = None
    private: bool = False
    centers: tuple[str, ...] = ()
    requester: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """A mail and its ticket, as rules see them.

    `sender` is an address, `sender_centers` are those whose staff they are, `recipients` those of the
    envelope and of To and Cc; `queue` is the list it came to. `new_text` is what its author wrote,
    `quoted_text` what he quoted. `ticket` is None when the mail opens one. `received` (aware) decides whether
    a rule is still disabled. `grid` is the registry that entities are looked up in, None where there is none.
    """

    sender: str = ""
    sender_name: str = ""
    sender_class: SenderClass = SenderClass.FIRST
    sender_centers: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    queue: str = ""
    topic: str = ""
    subject: str = ""
    new_text: str = ""
    quoted_text: str = ""
    signature: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[AttachedFile, ...] = ()
    kinds: frozenset[Kind] = frozenset({Kind.NEW})
    ticket: TicketFacts | None = None
    received: datetime | None = None
    grid: Grid | None = None


class Text:
    """A text made ready to be searched, once, and only as far as a rule asks."""

    def __init__(self, text: str) -> None:
        self._text = text[:TEXT_LIMIT]

    @cached_property
    def folded(self) -> str:
        """For words and phrases: case folded, each run of white space one blank (a line may be wrapped)."""
        return fold(self._text)

    @cached_property
    def encoded(self) -> bytes:
        """For patterns: as written, in UTF-8, which re2 would make of it again for each pattern."""
        return self._text.encode("utf-8", "replace")[:TEXT_LIMIT]


class Reading:
    """The texts of one mail, by field; made for one decision and thrown away with it."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._headers: dict[str, tuple[Text, ...]] = {}

    @property
    def facts(self) -> Facts:
        return self._facts

    @cached_property
    def entities(self) -> tuple[Entity, ...]:
        """What the mail names of the grid; looked for when the first rule asks."""
        facts = self._facts
        if facts.grid is None:
            return ()
        texts = MailTexts(facts.subject, facts.new_text, facts.quoted_text, facts.signature)
        return facts.grid.matcher.find(texts)

    @property
    def entities_so_far(self) -> tuple[Entity, ...]:
        """The entities, where a rule asked for them; nothing is looked for."""
        found: tuple[Entity, ...] = self.__dict__.get("entities", ())
        return found

    @cached_property
    def proposal(self) -> Proposal:
        """Whom the registry names for the mail; asked for when the first rule does."""
        facts = self._facts
        if facts.grid is None:
            return Proposal()
        asked = Asked(facts.sender, facts.subject, facts.new_text, facts.received)
        return propose(facts.grid.directory, self.entities, asked)

    @cached_property
    def subject(self) -> tuple[Text, ...]:
        return _texts(self._facts.subject)

    @cached_property
    def body(self) -> tuple[Text, ...]:
        return _texts(self._facts.new_text)

    @cached_property
    def log(self) -> tuple[Text, ...]:
        """What a program wrote, as far as the new text shows it."""
        return _texts(log_lines(self._facts.new_text[:TEXT_LIMIT]))

    @cached_property
    def quoted(self) -> tuple[Text, ...]:
        return _texts(self._facts.quoted_text)

    @cached_property
    def prose(self) -> tuple[Text, ...]:
        return self.subject + self.body

    @cached_property
    def sender(self) -> tuple[Text, ...]:
        return _texts(self._facts.sender)

    @cached_property
    def sender_name(self) -> tuple[Text, ...]:
        return _texts(self._facts.sender_name)

    @cached_property
    def sender_domain(self) -> tuple[Text, ...]:
        return _texts(self._facts.sender.rpartition("@")[2])

    @cached_property
    def sender_classes(self) -> tuple[Text, ...]:
        """Staff are members, and members are known."""
        order = list(SenderClass)
        rank = order.index(self._facts.sender_class)
        return _texts(*order[1 : rank + 1]) if rank else _texts(SenderClass.FIRST)

    @cached_property
    def sender_centers(self) -> tuple[Text, ...]:
        return _texts(*self._facts.sender_centers)

    @cached_property
    def recipients(self) -> tuple[Text, ...]:
        return _texts(*self._facts.recipients)

    @cached_property
    def queue(self) -> tuple[Text, ...]:
        return _texts(self._facts.queue)

    @cached_property
    def topic(self) -> tuple[Text, ...]:
        return _texts(self._facts.topic)

    @cached_property
    def kinds(self) -> tuple[Text, ...]:
        return _texts(*sorted(self._facts.kinds))

    @cached_property
    def attachments(self) -> tuple[Text, ...]:
        """Names and types of all attachments."""
        return _texts(*(word for file in self._facts.attachments for word in (file.name, file.type)))

    @cached_property
    def tags(self) -> tuple[Text, ...]:
        ticket = self._facts.ticket
        return _texts(*sorted(ticket.tags)) if ticket else ()

    @cached_property
    def status(self) -> tuple[Text, ...]:
        return _texts(self._facts.ticket.status) if self._facts.ticket else ()

    @cached_property
    def priority(self) -> tuple[Text, ...]:
        return _texts(self._facts.ticket.priority) if self._facts.ticket else ()

    @cached_property
    def assigned(self) -> tuple[Text, ...]:
        """The centers that its ticket is with."""
        return _texts(*self._facts.ticket.centers) if self._facts.ticket else ()

    @cached_property
    def requester(self) -> tuple[Text, ...]:
        return _texts(self._facts.ticket.requester) if self._facts.ticket else ()

    @cached_property
    def owner(self) -> tuple[Text, ...]:
        return _texts(self._facts.ticket.owner) if self._facts.ticket else ()

    def header(self, name: str) -> tuple[Text, ...]:
        """Every field called `name` (lower case), in order."""
        if name not in self._headers:
            values = (value for key, value in self._facts.headers if key.lower() == name)
            self._headers[name] = tuple(Text(value) for value in values)
        return self._headers[name]


def fold(text: str) -> str:
    """`text` as words are compared: composed, case folded, each run of white space one blank."""
    composed = text if text.isascii() else unicodedata.normalize("NFC", text)
    return " ".join(composed.casefold().split())


def _texts(*values: str) -> tuple[Text, ...]:
    return tuple(Text(value) for value in values if value)
