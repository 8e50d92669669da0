"""One connection: lines in, replies out, deadlines, and an orderly end.

aiosmtpd gives the plumbing between transport and streams and the change to TLS; all that is said is ours.
What of its inside this leans on is written down in tests/unit/test_aiosmtpd_contract.py.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import ssl
from abc import ABC, abstractmethod
from asyncio import StreamReaderProtocol
from collections.abc import Callable
from contextlib import suppress

from aiosmtpd.smtp import SMTP, TLSSetupException

from mailgate.errors import Reply, printable
from mailgate.gate import Gate, Limits
from mailgate.smtpreplies import (
    BARE_LINE_END,
    CONTROL_CHARACTER,
    ENDLESS_LINE,
    LINE_TOO_LONG,
    READY_FOR_TLS,
    SHUTTING_DOWN,
    TOO_SLOW,
    CommandRefused,
)

log = logging.getLogger(__name__)

# RFC 5321 4.5.3.1.4, and what SIZE (RFC 1870), BODY (RFC 6152) and SMTPUTF8 (RFC 6531) add to MAIL.
_LINE_BYTES = 512
_MAIL_LINE_BYTES = _LINE_BYTES + 26 + 17 + 10
_ENDLESS_LINE_BYTES = 64 * 2**10
_BLOCK_BYTES = 64 * 2**10
# How long, and for how many bytes, a connection that we end stays open for the peer to read why.
_FAREWELL_S = 2.0
_FAREWELL_BYTES = 2**20
_UNREAD_S = 5.0


class PeerGone(Exception):
    """The peer has closed the connection, or we have closed it on the peer."""


class Watch:
    """Calls `expire` when a deadline passes; to move the deadline costs next to nothing."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, lifetime_s: float, expire: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._end = loop.time() + lifetime_s
        self._deadline = math.inf
        self._expire = expire
        self._timer: asyncio.TimerHandle | None = None

    def allow(self, seconds: float) -> None:
        """Expire after `seconds`, or at the end of the lifetime if that is sooner."""
        self._deadline = min(self._loop.time() + seconds, self._end)
        if self._timer is None or self._deadline < self._timer.when():
            self._set()

    def suspend(self) -> None:
        """Never expire, until `allow` is called again."""
        self._deadline = math.inf

    def stop(self) -> None:
        self.suspend()
        if self._timer is not None:
            self._timer.cancel()

    def _set(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._loop.time() >= self._deadline:
            self._expire()
        elif self._deadline < math.inf:
            self._set()


class Conversation(SMTP, ABC):
    """A connection that the peer can neither keep, nor fill, nor end in the middle of our work."""

    # The reader stops the transport at twice this: lines of DATA have no limit of their own.
    line_length_limit = 128 * 2**10

    def __init__(
        self,
        limits: Limits,
        gate: Gate,
        tls: ssl.SSLContext | None,
        ended: Callable[[Conversation], None],
    ) -> None:
        # The hostname given here is never shown; without one aiosmtpd would ask the DNS.
        super().__init__(None, hostname="localhost", tls_context=tls, loop=asyncio.get_running_loop())
        self.name = secrets.token_hex(6)
        self.client_address = ""
        self.leaving = False
        self.busy = False
        self.limits = limits
        self.gate = gate
        self.watch = Watch(self.loop, limits.connection_s, self._expire)
        self.stopping = False
        self._ended = ended
        self._plain: asyncio.WriteTransport | None = None
        self._handshaking = False
        self._pending = bytearray()
        self._unsent = bytearray()

    @abstractmethod
    async def converse(self) -> None:
        """Greet, then answer commands until `leaving`."""

    @property
    def secure(self) -> bool:
        return self._tls_protocol is not None

    @property
    def work(self) -> asyncio.Task[None] | None:
        """The task that serves this connection, once it is made."""
        return self._handler_coroutine

    # What the loop tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        self.client_address = str(peer[0]).partition("%")[0] if peer else ""
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        # Not aiosmtpd's own, which cancels the work under way: what was begun for a peer that went away
        # is finished, and the end of the stream is found by the next read.
        if self._original_transport is not None:
            self._original_transport.close()
        StreamReaderProtocol.connection_lost(self, error)

    def eof_received(self) -> bool:
        StreamReaderProtocol.eof_received(self)
        return not self.secure

    def _reset_timeout(self, duration: float | None = None) -> None:
        """The watch does this."""

    async def _handle_client(self) -> None:
        """Serve the connection; the shell of the session."""
        refusal = SHUTTING_DOWN if self.stopping else self.gate.enter(self.client_address)
        if refusal is not None:
            log.info('session=%s turned-away client=%s reply="%s"', self.name, self.client_address, refusal)
            self._dismiss(refusal)
            self._ended(self)
            return
        try:
            await self.converse()
            await self._farewell()
        except PeerGone:
            if not self.leaving:
                log.info("session=%s lost", self.name)
        finally:
            log.info("session=%s end", self.name)
            self.gate.leave(self.client_address)
            self.watch.stop()
            self._close()
            self._ended(self)

    # Ends.

    def shut_down(self) -> None:
        """End the connection with 421: now, or after the mail that is under way."""
        self.stopping = True
        if self._handler_coroutine is not None and not self.busy and not self.leaving:
            self._dismiss(SHUTTING_DOWN)

    def abort(self) -> None:
        """End the connection without a word."""
        (self._plain or self._writer.transport).abort()

    def _expire(self) -> None:
        log.info("session=%s expired", self.name)
        if self._handshaking or self.leaving:
            self.abort()
        else:
            self._dismiss(TOO_SLOW)

    def _dismiss(self, reply: Reply) -> None:
        self.leaving = True
        if self._handshaking:
            self.abort()
            return
        self._writer.write(f"{reply}\r\n".encode("ascii"))
        self._close()

    def _close(self) -> None:
        transport = self._writer.transport
        if not transport.is_closing():
            transport.close()
            # A peer that does not read its reply, or does not end its TLS, would keep the connection.
            if self.secure or transport.get_write_buffer_size():
                self.loop.call_later(_UNREAD_S, self.abort)

    async def _farewell(self) -> None:
        """Let the peer read the last reply: closing with input unread would reset it (RFC 1122 4.2.2.13)."""
        await self._flush()
        transport = self._writer.transport
        if not transport.can_write_eof():
            return
        with suppress(OSError):
            # It may be gone already.
            transport.write_eof()
        self.watch.allow(_FAREWELL_S)
        left = _FAREWELL_BYTES
        with suppress(PeerGone):
            while left > 0:
                left -= len(await self.read_block())

    # Input.

    async def read_line(self) -> bytes:
        """The next command, without its CR LF. Raises CommandRefused when it is none."""
        self.watch.allow(self.limits.command_s)
        dropped = 0
        while (end := self._pending.find(b"\n")) < 0:
            if len(self._pending) > _MAIL_LINE_BYTES:
                dropped += len(self._pending)
                self._pending.clear()
            if dropped > _ENDLESS_LINE_BYTES:
                raise CommandRefused(ENDLESS_LINE)
            self._pending += await self._more()
        line = self._cut(end)
        if dropped or len(line) > _MAIL_LINE_BYTES - 2 or not _fits(line):
            raise CommandRefused(LINE_TOO_LONG)
        if b"\r" in line or b"\0" in line:
            raise CommandRefused(CONTROL_CHARACTER)
        return line

    async def read_block(self) -> bytes:
        """Whatever comes next, as it comes."""
        if self._pending:
            return self._take_pending()
        return await self._more()

    def unread(self, rest: bytes) -> None:
        """Give back what was read too much."""
        self._pending[:0] = rest

    def _cut(self, end: int) -> bytes:
        """Take the line whose LF is at `end` out of the input."""
        if end == 0 or self._pending[end - 1] != 0x0D:
            # Nothing that came behind a bare LF may pass for a command of its own (RFC 5321 2.3.8).
            real_end = self._pending.find(b"\r\n", end)
            del self._pending[: real_end + 2 if real_end >= 0 else len(self._pending)]
            raise CommandRefused(BARE_LINE_END)
        line = bytes(self._pending[: end - 1])
        del self._pending[: end + 1]
        return line

    def _take_pending(self) -> bytes:
        block = bytes(self._pending)
        self._pending.clear()
        return block

    async def _more(self) -> bytes:
        await self._flush()
        try:
            block = await self._reader.read(_BLOCK_BYTES)
        except OSError as error:
            raise PeerGone from error
        if not block:
            raise PeerGone
        return block

    # Output.

    def say(self, *lines: str) -> None:
        """Put lines of printable ASCII in line for sending: they go out together (RFC 2920 3.2)."""
        for line in lines:
            clean = line if line.isascii() and line.isprintable() else printable(line)
            self._unsent += clean.encode("ascii") + b"\r\n"

    async def push(self, status: object) -> None:
        """What the base class says by itself: the 220 that begins TLS, which lacks its enhanced code."""
        self.say(str(READY_FOR_TLS))
        await self._flush()

    async def _flush(self) -> None:
        if self._writer.is_closing():
            raise PeerGone
        try:
            if self._unsent:
                self._writer.write(bytes(self._unsent))
                self._unsent.clear()
                await self._writer.drain()
        except OSError as error:
            raise PeerGone from error

    async def start_tls(self) -> None:
        """Change to TLS; nothing that came before the handshake is obeyed (RFC 3207 5)."""
        self._handshaking = True
        self._plain = self._writer.transport
        self.watch.allow(self.limits.handshake_s)
        try:
            await self.smtp_STARTTLS("")
        except (TLSSetupException, OSError) as error:
            raise PeerGone from error
        finally:
            self._handshaking = False
        if self.session is None or self.session.ssl is None:
            raise PeerGone
        self._pending.clear()


def _fits(line: bytes) -> bool:
    """Only MAIL has parameters that make the line longer."""
    return len(line) <= _LINE_BYTES - 2 or line[:5].upper() == b"MAIL "
