"""The SMTP and LMTP session: the commands of RFC 5321 and RFC 2033, and what each is answered.

The mail itself goes to the house behind, through `Intake`. A mail that several recipients answer
differently gets one reply in SMTP: the first 4yz, so that the sender comes again (what was stored is
recognised then); else the first 5yz, because a person sees a false failure and nobody a false success;
else the first. In LMTP each recipient has its own (RFC 2033 4.2).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mailgate.conversation import Conversation, PeerGone
from mailgate.datablock import DataBlocks
from mailgate.envelope import Client, Envelope
from mailgate.errors import Refused, Reply, TooLarge, TryLater, our_fault, printable, reply_to
from mailgate.gate import Gate, Limits
from mailgate.mailpath import parse_mail, parse_rcpt
from mailgate.smtpreplies import (
    ALREADY_TLS,
    ARGUMENT_NEEDED,
    BYE,
    CANNOT_VERIFY,
    FAR_TOO_LARGE,
    HELLO_FIRST,
    MAIL_FIRST,
    MEMORY_FULL,
    NESTED_MAIL,
    NO_ARGUMENT,
    NOT_IMPLEMENTED,
    NOT_SMTP,
    NULL_SENDER_HAS_ONE,
    OK,
    RECIPIENT_FIRST,
    RECIPIENT_OK,
    SENDER_OK,
    SHUTTING_DOWN,
    SIZE_TOO_LARGE,
    TOO_IDLE,
    TOO_MANY_ERRORS,
    TOO_MANY_MAILS,
    TOO_MANY_RECIPIENTS,
    UNKNOWN_COMMAND,
    CommandRefused,
)
from mailgate.xforward import ANNOUNCED, client_of
from mailgate.xforward import read as read_xforward

log = logging.getLogger(__name__)

# Browsers, and scripts that make them talk to us.
_HTTP = frozenset((b"GET", b"POST", b"HEAD", b"PUT", b"CONNECT", b"OPTIONS", b"DELETE", b"TRACE", b"PATCH"))


class Dialect(StrEnum):
    SMTP = "smtp"
    LMTP = "lmtp"


class Intake(Protocol):
    """What a session asks of the house behind it.

    Any MailError raised becomes its reply; anything else is our fault.
    """

    def check_sender(self, client: Client, reverse_path: str, size: int | None) -> None:
        """Raise when no mail is taken from there; `size` is what MAIL declared (RFC 1870)."""

    def check_recipient(self, client: Client, reverse_path: str, address: str) -> None:
        """Raise when no mail is taken for `address`; the bare <Postmaster> comes as "postmaster"."""

    async def accept(self, envelope: Envelope, raw: bytes) -> tuple[Reply, ...]:
        """Make `raw` (CR LF line ends, dots unstuffed) durable; one reply per recipient, in order."""


@dataclass(frozen=True, slots=True)
class House:
    """What all sessions share. `hostname` is what we call ourselves; `tls` is None for no STARTTLS."""

    hostname: str
    intake: Intake
    limits: Limits
    gate: Gate
    tls: ssl.SSLContext | None = None


@dataclass(slots=True)
class _Transaction:
    """The mail under way (RFC 5321 3.3)."""

    client: Client
    reverse_path: str
    utf8: bool
    recipients: list[str]


class Session(Conversation):
    """One client, from greeting to farewell."""

    def __init__(self, house: House, dialect: Dialect, ended: Callable[[Conversation], None]) -> None:
        super().__init__(house.limits, house.gate, house.tls, ended)
        self._house = house
        self._dialect = dialect
        self._helo = ""
        self._extended = False
        self._transaction: _Transaction | None = None
        # What the client told of its own client, for the next mail.
        self._forwarded: dict[str, str] = {}
        self._mails = 0
        self._bad = 0
        self._idle = 0

    async def converse(self) -> None:
        log.info("session=%s begin dialect=%s client=%s", self.name, self._dialect, self.client_address)
        self.say(f"220 {self._house.hostname} {'ESMTP' if self._dialect is Dialect.SMTP else 'LMTP'}")
        while not self.leaving:
            await self._exchange()
            if self.stopping and not self.leaving:
                self._answer("", SHUTTING_DOWN)

    async def _exchange(self) -> None:
        """Carry out one command."""
        verb = ""
        try:
            line = await self.read_line()
            word, _, argument = line.partition(b" ")
            verb = word.upper().decode("ascii", "replace")
            reply = await self._command(word.upper())(self, argument)
        except PeerGone:
            raise
        except Exception as error:
            reply = self._reply_for(error)
        verdict = self._patience(verb, reply or OK)
        # Without a reply the command has answered by itself.
        if reply is not None or verdict is not OK:
            self._answer(verb, verdict)

    def _command(self, verb: bytes) -> _Command:
        if verb in _HTTP or not (verb[:1].isalpha() or not verb):
            raise CommandRefused(NOT_SMTP)
        command = _COMMANDS[self._dialect].get(verb)
        if command is None:
            raise CommandRefused(UNKNOWN_COMMAND)
        return command

    def _reply_for(self, error: Exception) -> Reply:
        if isinstance(error, CommandRefused):
            return error.reply
        if isinstance(error, Refused | TryLater):
            return reply_to(error)
        incident = secrets.token_hex(4)
        log.error("session=%s incident=%s", self.name, incident, exc_info=error)
        return our_fault(incident)

    def _patience(self, verb: str, reply: Reply) -> Reply:
        """`reply`, or the one that ends the session after too many commands that lead nowhere."""
        self._bad = self._bad + 1 if reply.code in {500, 502} else 0
        if self._bad >= self.limits.bad_commands:
            return TOO_MANY_ERRORS
        if reply.code >= 500 or verb not in {"MAIL", "RCPT"}:
            self._idle += 1
        return TOO_IDLE if self._idle > self.limits.idle_commands and not reply.close else reply

    def _answer(self, verb: str, reply: Reply) -> None:
        if reply.code >= 400:
            # A word that is no command is not logged: it may be half of a password.
            known = verb if verb.encode() in _COMMANDS[self._dialect] else "unknown"
            log.info('session=%s refused command=%s reply="%s"', self.name, known, reply)
        self.leaving = self.leaving or reply.close
        self.say(str(reply))

    # Greeting.

    async def _hello(self, argument: bytes) -> None:
        """HELO: no extensions, and no enhanced code."""
        self._begin(argument, extended=False)
        self.say(f"250 {self._house.hostname}")

    async def _extended_hello(self, argument: bytes) -> None:
        """EHLO and LHLO."""
        self._begin(argument, extended=True)
        lines = (self._house.hostname, *self._extensions())
        self.say(*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}")

    def _begin(self, argument: bytes, extended: bool) -> None:
        if not argument.strip():
            raise CommandRefused(ARGUMENT_NEEDED)
        self._transaction, self._forwarded = None, {}
        self._helo = printable(argument.strip().decode("utf-8", "replace"))
        self._extended = extended

    def _extensions(self) -> tuple[str, ...]:
        limits = self.limits
        return (
            "PIPELINING",
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
            f"SIZE {limits.message_bytes}",
            *(("STARTTLS",) if self._house.tls and not self.secure else ()),
            *((ANNOUNCED,) if self._may_forward else ()),
            # RFC 9422
            f"LIMITS RCPTMAX={limits.recipients} MAILMAX={limits.messages}",
        )

    async def _starttls(self, argument: bytes) -> Reply | None:
        if self.secure:
            return ALREADY_TLS
        if self._house.tls is None:
            return NOT_IMPLEMENTED
        if argument.strip():
            return NO_ARGUMENT
        await self.start_tls()
        # RFC 3207 4.2: all that was said before is forgotten.
        self._helo, self._extended, self._transaction, self._forwarded = "", False, None, {}
        return None

    # A mail.

    async def _mail(self, argument: bytes) -> Reply:
        if not self._helo:
            return HELLO_FIRST
        if self._transaction is not None:
            return NESTED_MAIL
        if self._mails >= self.limits.messages and not self.gate.trusts(self.client_address):
            return TOO_MANY_MAILS
        said = parse_mail(argument, self._extended)
        if said.size is not None and said.size > self.limits.message_bytes:
            return SIZE_TOO_LARGE
        client = self._client(said.utf8)
        self._house.intake.check_sender(client, said.reverse_path, said.size)
        self._transaction = _Transaction(client, said.reverse_path, said.utf8, [])
        return SENDER_OK

    def _client(self, utf8: bool) -> Client:
        """The client, with its protocol by RFC 3848, and by RFC 6531 4.3 for SMTPUTF8."""
        base = self._dialect.upper()
        if utf8:
            base = f"UTF8{base}"
        elif self._extended and self._dialect is Dialect.SMTP:
            base = f"E{base}"
        protocol = f"{base}S" if self.secure else base
        return client_of(Client(self.client_address, self._helo, protocol, self.name), self._forwarded)

    @property
    def _may_forward(self) -> bool:
        return self.gate.may_forward(self.client_address)

    async def _xforward(self, argument: bytes) -> Reply:
        if not self._may_forward:
            return NOT_IMPLEMENTED
        if self._transaction is not None:
            return NESTED_MAIL
        self._forwarded |= read_xforward(argument)
        return OK

    async def _rcpt(self, argument: bytes) -> Reply:
        mail = self._transaction
        if mail is None:
            return MAIL_FIRST
        address = parse_rcpt(argument, mail.utf8)
        if len(mail.recipients) >= self.limits.recipients:
            return TOO_MANY_RECIPIENTS
        if mail.recipients and not mail.reverse_path:
            return NULL_SENDER_HAS_ONE
        self._house.intake.check_recipient(mail.client, mail.reverse_path, address)
        mail.recipients.append(address)
        return RECIPIENT_OK

    async def _data(self, argument: bytes) -> Reply | None:
        mail = self._transaction
        if mail is None:
            return MAIL_FIRST
        if not mail.recipients:
            return RECIPIENT_FIRST
        if argument.strip():
            return NO_ARGUMENT
        self.say("354 End the mail with <CR><LF>.<CR><LF>")
        self._transaction, self._forwarded = None, {}
        self.busy = True
        envelope = Envelope(mail.client, mail.reverse_path, tuple(mail.recipients))
        for reply in self._for_dialect(await self._receive(envelope)):
            self._answer("DATA", reply)
        self.busy = False
        return None

    async def _receive(self, envelope: Envelope) -> tuple[Reply, ...]:
        """Read the mail and hand it over; one reply per recipient, also when all goes wrong."""
        blocks = DataBlocks(self.limits.message_bytes)
        try:
            await self._read_mail(blocks)
            return await self._hand_over(envelope, blocks)
        except PeerGone:
            raise
        except Exception as error:
            # What follows in the stream may be the rest of the mail: it must not be taken for commands.
            self.leaving = self.leaving or not blocks.ended
            return (self._reply_for(error),) * len(envelope.recipients)
        finally:
            self.gate.hold(-blocks.held)

    async def _read_mail(self, blocks: DataBlocks) -> None:
        while not blocks.ended:
            self.watch.allow(self.limits.block_s)
            before = blocks.held
            rest = blocks.feed(await self.read_block())
            if not self.gate.hold(blocks.held - before):
                raise CommandRefused(MEMORY_FULL)
            if blocks.received > 2 * self.limits.message_bytes and not blocks.ended:
                raise CommandRefused(FAR_TOO_LARGE)
        self.unread(rest)
        if blocks.too_large:
            raise TooLarge(f"The mail is larger than the {self.limits.message_bytes} bytes we take")

    async def _hand_over(self, envelope: Envelope, blocks: DataBlocks) -> tuple[Reply, ...]:
        """Have the mail made durable, in a task of its own: no end of this session is an end of that."""
        self.watch.suspend()
        raw = blocks.take()
        work = self.loop.create_task(self._house.intake.accept(envelope, raw))
        await asyncio.wait((work,))
        if work.cancelled():
            raise RuntimeError("the intake was cancelled")
        replies = work.result()
        if len(replies) != len(envelope.recipients):
            raise RuntimeError(f"{len(replies)} replies for {len(envelope.recipients)} recipients")
        self._mails, self._idle, self._bad = self._mails + 1, 0, 0
        log.info(
            'session=%s mail from="%s" recipients=%d bytes=%d reply="%s"',
            self.name,
            printable(envelope.reverse_path),
            len(replies),
            len(raw),
            replies[0],
        )
        return replies

    def _for_dialect(self, replies: tuple[Reply, ...]) -> tuple[Reply, ...]:
        if self._dialect is Dialect.LMTP:
            return replies
        for kind in (4, 5):
            for reply in replies:
                if reply.code // 100 == kind:
                    return (reply,)
        return replies[:1]

    # The rest.

    async def _rset(self, argument: bytes) -> Reply:
        if argument.strip():
            return NO_ARGUMENT
        self._transaction, self._forwarded = None, {}
        return OK

    async def _noop(self, argument: bytes) -> Reply:
        return OK

    async def _quit(self, argument: bytes) -> Reply:
        return NO_ARGUMENT if argument.strip() else BYE

    async def _vrfy(self, argument: bytes) -> Reply:
        return CANNOT_VERIFY if argument.strip() else ARGUMENT_NEEDED

    async def _help(self, argument: bytes) -> Reply:
        return Reply(
            214, "2.0.0", "Commands: " + " ".join(verb.decode() for verb in _COMMANDS[self._dialect])
        )

    async def _not_implemented(self, argument: bytes) -> Reply:
        return NOT_IMPLEMENTED


_Command = Callable[[Session, bytes], Awaitable[Reply | None]]

_COMMON: tuple[tuple[bytes, _Command], ...] = (
    (b"MAIL", Session._mail),
    (b"RCPT", Session._rcpt),
    (b"DATA", Session._data),
    (b"RSET", Session._rset),
    (b"NOOP", Session._noop),
    (b"QUIT", Session._quit),
    (b"VRFY", Session._vrfy),
    (b"HELP", Session._help),
    (b"STARTTLS", Session._starttls),
    (b"XFORWARD", Session._xforward),
    (b"EXPN", Session._not_implemented),
    (b"AUTH", Session._not_implemented),
)
_COMMANDS: dict[Dialect, dict[bytes, _Command]] = {
    Dialect.SMTP: {b"EHLO": Session._extended_hello, b"HELO": Session._hello, **dict(_COMMON)},
    Dialect.LMTP: {b"LHLO": Session._extended_hello, **dict(_COMMON)},
}
