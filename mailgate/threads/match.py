"""What threading is asked, and what it answers: frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from mailgate.message import ParsedMessage
from mailgate.threads.identity import Identity
from mailgate.threads.subjects import SubjectReading
from tracker.model import Link, Queue, Ticket, TicketId, Trust
from tracker.rights import Proof
from tracker.storage.people import Sender

# Why a mail is held, in one sentence for both: it must not tell which numbers there are.
OUT_OF_SIGHT: Final = "it names a ticket that its sender may not see, or that is not there"


class Evidence(StrEnum):
    """What a match rests on."""

    TOKEN = "token"  # noqa: S105  (no password)
    ADDRESS = "address"
    ROOT = "root"
    REFERENCE = "reference"
    GHOST = "ghost"
    TAG = "tag"
    THREAD_INDEX = "thread_index"
    QUOTED_TOKEN = "quoted_token"  # noqa: S105
    SUBJECT = "subject"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: known or not, and what speaks for it; `may_command`: also for what the mail asks, now."""

    sender: Sender | None
    trust: Trust
    may_command: bool = False

    @property
    def trusted(self) -> bool:
        return self.trust.believed

    @property
    def staff(self) -> bool:
        return self.sender is not None and self.sender.staff


@dataclass(frozen=True, slots=True)
class Question:
    """A mail as threading sees it.

    `queue` is the list it came to; `time` the earlier of Date and arrival, which is `received`. `proven`
    are tickets that a valid token names, `own` those whose token is its author's, `addressed` those of plain
    ticket addresses, `rooted` those of root ids, `claimed` those of root ids that are not ours, `quoted`
    those of ticket addresses in quoted text, `aliased` those that another tracker called as its subject has
    it in brackets; each in order, without doubles. `named` are the keys of the messages it names, nearest
    first; `parent_key` the one it answers. `commands` says that its address asks
    something of a ticket, `misnamed` that a name of another tracker's in its subject means none here, where a
    private ticket has such a one.
    """

    message: ParsedMessage
    subject: SubjectReading
    identity: Identity
    queue: Queue
    writer: Writer
    time: datetime
    proven: tuple[TicketId, ...] = ()
    addressed: tuple[TicketId, ...] = ()
    rooted: tuple[TicketId, ...] = ()
    quoted: tuple[TicketId, ...] = ()
    aliased: tuple[TicketId, ...] = ()
    claimed: tuple[TicketId, ...] = ()
    named: tuple[str, ...] = ()
    parent_key: str | None = None
    thread_key: str | None = None
    received: datetime | None = None
    own: tuple[TicketId, ...] = ()
    commands: bool = False
    misnamed: bool = False

    @property
    def has_references(self) -> bool:
        return bool(self.named or self.rooted)

    def proof_of_post(self, ticket_id: TicketId) -> Proof:
        """What proves that its author posts on a ticket."""
        return self._proof(ticket_id, aligned=self.writer.trusted)

    def proof_of_command(self, ticket_id: TicketId | None) -> Proof:
        """What proves that its author asks something of a ticket, None: of the one that it opens."""
        return self._proof(ticket_id, aligned=self.writer.may_command)

    def _proof(self, ticket_id: TicketId | None, *, aligned: bool) -> Proof:
        if aligned:
            return Proof.ALIGNED
        return Proof.TOKEN if ticket_id in self.own else Proof.NOTHING


class Outcome(StrEnum):
    """What came of a sign. `AGREES`: it names the ticket that a stronger one decided on already."""

    DECIDED = "decided"
    AGREES = "agrees"
    SET_ASIDE = "set aside"
    FAILED = "failed"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing in a mail that may tell its ticket: what it says, for people, and what came of that."""

    evidence: Evidence
    says: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Match:
    """The answer. `ticket` None: a new one, linked to others by `links`.

    `why` is a sentence for people. `held`: why no ticket may have it before a moderator saw it.
    `private`: the ticket it opens is.
    `waiting` are provisional tickets that waited for this very mail and are merged into its ticket;
    `late_opening` says that it is the opening `ticket` lacked. `asked` is what its subject gave, "" when that
    was not looked at; `signs` are all that were, the strongest first.
    """

    ticket: Ticket | None
    evidence: Evidence
    why: str
    links: tuple[tuple[Link, TicketId], ...] = ()
    held: str | None = None
    private: bool = False
    waiting: tuple[TicketId, ...] = ()
    late_opening: bool = False
    provisional: bool = False
    asked: str = ""
    signs: tuple[Sign, ...] = ()
