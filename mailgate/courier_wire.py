"""One connection to an SMTP server, seen from the client: commands out, answers in, all of it bounded."""

from __future__ import annotations

import re
import select
import socket
import ssl
import time
from dataclasses import dataclass

from mailgate.errors import printable

# RFC 5321 4.5.3.1.5 gives an answer 512 octets a line; a server that needs more than this is none.
_MAX_LINE = 4096
_MAX_LINES = 128
_ANSWER = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_LINE_END = re.compile(rb"\r\n|\r|\n")
# A server that takes our bytes slower than this would hold us for hours.
_MIN_OCTETS_PER_S = 8 * 1024
_ONE_PACKET = 64 * 1024
_QUIT_S = 2.0


class Trouble(Exception):
    """The connection is of no more use. The text is one printable line that says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Patience in seconds (RFC 5321 4.5.3.2), and how many mails one connection carries."""

    connect_s: float = 30.0
    answer_s: float = 300.0
    final_s: float = 600.0
    idle_s: float = 30.0
    mails: int = 100


@dataclass(frozen=True, slots=True)
class Smarthost:
    """The server that takes our mail. With `tls`, STARTTLS is used where it is offered (RFC 3207)."""

    host: str
    port: int
    helo: str
    tls: ssl.SSLContext | None = None
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply of the server, of one or more lines."""

    code: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return printable(f"{self.code} {' '.join(self.lines)}")


@dataclass(frozen=True, slots=True)
class Features:
    """What the server offers (RFC 5321 4.1.1.1); `size` in octets, 0 for no limit told."""

    pipelining: bool = False
    eight_bit: bool = False
    utf8: bool = False
    starttls: bool = False
    size_known: bool = False
    size: int = 0


class Session:
    """A greeted connection. Every method but `quit` and `abandon` raises Trouble when it breaks."""

    def __init__(self, connection: socket.socket, limits: Limits) -> None:
        self.features = Features()
        self.carried = 0
        self._socket = connection
        self._limits = limits
        self._pending = bytearray()
        self._last_answer = time.monotonic()

    @classmethod
    def open(cls, smarthost: Smarthost) -> Session:
        """Connect, greet, and change to TLS where both sides can."""
        try:
            address = (smarthost.host, smarthost.port)
            connection = socket.create_connection(address, smarthost.limits.connect_s)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except (OSError, ValueError) as error:
            raise _trouble("cannot connect", error) from error
        session = cls(connection, smarthost.limits)
        try:
            session._begin(smarthost)
        except Trouble:
            session.abandon()
            raise
        return session

    @property
    def is_open(self) -> bool:
        """Whether this side has not closed the connection."""
        return self._socket.fileno() >= 0

    @property
    def is_full(self) -> bool:
        """Whether this connection has carried as many mails as one should; one it always carries."""
        return self.carried >= max(1, self._limits.mails)

    @property
    def is_on_its_last(self) -> bool:
        """Whether the mail being carried is the last this connection should carry."""
        return self.carried + 1 >= self._limits.mails

    def is_stale(self) -> bool:
        """Whether the connection lay idle too long, or the server has said something unasked (421, end)."""
        if time.monotonic() - self._last_answer > self._limits.idle_s or self._pending:
            return True
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def send(self, *pieces: bytes) -> None:
        """Send `pieces`, in one packet where they are small."""
        size = sum(map(len, pieces))
        if size <= _ONE_PACKET:
            pieces = (b"".join(pieces),)
        try:
            for piece in pieces:
                self._socket.settimeout(self._limits.answer_s + len(piece) / _MIN_OCTETS_PER_S)
                self._socket.sendall(piece)
        except OSError as error:
            raise _trouble("cannot send", error) from error

    def answer(self) -> Answer:
        """The next answer. 421 is Trouble: the server closes after it (RFC 5321 3.8)."""
        return self._answer(self._limits.answer_s)

    def final_answer(self) -> Answer:
        """The answer to a whole message, for which a server may take its time (RFC 5321 4.5.3.2.6)."""
        return self._answer(self._limits.final_s)

    def quit(self) -> None:
        """Take leave, and close."""
        try:
            self.send(b"QUIT\r\n")
            self._answer(_QUIT_S)
        except Trouble:
            pass  # It was to be closed anyway.
        self.abandon()

    def abandon(self) -> None:
        """Close without a word: what was under way is dropped."""
        self._socket.close()

    def _begin(self, smarthost: Smarthost) -> None:
        self._expect(self.answer())
        self._hello(smarthost.helo)
        if smarthost.tls is None or not self.features.starttls:
            return
        self._expect(self._command(b"STARTTLS\r\n"))
        if self._pending:
            # RFC 3207 4.2: what was said in clear text counts for nothing, least of all in advance.
            raise Trouble("the server spoke in clear text after STARTTLS")
        try:
            self._socket = smarthost.tls.wrap_socket(self._socket, server_hostname=smarthost.host)
        except (OSError, ValueError) as error:
            raise _trouble("no TLS", error) from error
        self._hello(smarthost.helo)

    def _hello(self, helo: str) -> None:
        name = printable(helo).encode().replace(b" ", b"")
        answer = self._command(b"EHLO " + name + b"\r\n")
        if answer.code // 100 == 2:
            self.features = _features(answer.lines[1:])
        else:
            self.features = Features()
            self._expect(self._command(b"HELO " + name + b"\r\n"))

    def _command(self, line: bytes) -> Answer:
        self.send(line)
        return self.answer()

    def _expect(self, answer: Answer) -> None:
        if answer.code // 100 != 2:
            raise Trouble(str(answer))

    def _answer(self, within_s: float) -> Answer:
        deadline = time.monotonic() + within_s
        lines: list[str] = []
        for _ in range(_MAX_LINES):
            match = _ANSWER.fullmatch(self._line(deadline))
            if match is None:
                raise Trouble("the server does not speak SMTP")
            lines.append((match[3] or b"").decode("ascii", "replace"))
            if match[2] != b"-":
                return self._ended(Answer(int(match[1]), tuple(lines)))
        raise Trouble("an answer without end")

    def _ended(self, answer: Answer) -> Answer:
        if answer.code == 421:
            raise Trouble(str(answer))
        self._last_answer = time.monotonic()
        return answer

    def _line(self, deadline: float) -> bytes:
        while (end := self._pending.find(b"\n")) < 0:
            if len(self._pending) > _MAX_LINE:
                raise Trouble("a line without end")
            self._pending += self._received(deadline)
        line = bytes(self._pending[:end]).rstrip(b"\r")
        del self._pending[: end + 1]
        return line

    def _received(self, deadline: float) -> bytes:
        left = deadline - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError("timed out")
            self._socket.settimeout(left)
            received = self._socket.recv(_MAX_LINE)
        except OSError as error:
            raise _trouble("no answer", error) from error
        if not received:
            raise Trouble("the server closed the connection")
        return received


def wire_form(content: bytes) -> bytes:
    """`content` as it follows DATA: lines end in CRLF, dots doubled, the last dot set (RFC 5321 4.5.2).

    A bare CR or LF becomes CRLF: some servers take it for a line end, and would see two messages in one.
    """
    pairs = content.count(b"\r\n")
    if content.count(b"\n") != pairs or content.count(b"\r") != pairs:
        content = _LINE_END.sub(b"\r\n", content)
    if b"\r\n." in content:
        content = content.replace(b"\r\n.", b"\r\n..")
    first = b"." if content.startswith(b".") else b""
    last = b".\r\n" if content.endswith(b"\r\n") or not content else b"\r\n.\r\n"
    return b"".join((first, content, last))


def _features(lines: tuple[str, ...]) -> Features:
    offers = {keyword.upper(): rest for keyword, _, rest in (line.partition(" ") for line in lines)}
    size = offers.get("SIZE", "").strip()
    return Features(
        pipelining="PIPELINING" in offers,
        eight_bit="8BITMIME" in offers,
        utf8="SMTPUTF8" in offers,
        starttls="STARTTLS" in offers,
        size_known="SIZE" in offers,
        size=int(size) if size.isdecimal() and len(size) <= 20 else 0,
    )


def _trouble(what: str, error: OSError | ValueError) -> Trouble:
    return Trouble(printable(f"{what}: {error}"))
