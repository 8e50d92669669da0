"""A front door on a free port with a house that only records, and a peer that speaks raw bytes to it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mailgate.envelope import Client, Envelope
from mailgate.errors import NoSuchList, RelayDenied, Reply
from mailgate.gate import Gate, Limits
from mailgate.listener import Listener
from mailgate.smtpd import Dialect, House

Accept = Callable[[Envelope, bytes], Awaitable[tuple[Reply, ...]]]


@dataclass
class RecordingIntake:
    """Takes mail for any name at lists.example but `nobody`, and for the postmaster; relays nothing.

    The recipient `broken@lists.example` finds a bug; `accepting`, when given, is done instead of
    recording.
    """

    mails: list[tuple[Envelope, bytes]] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    accepting: Accept | None = None

    def check_sender(self, client: Client, reverse_path: str, size: int | None) -> None:
        self.senders.append(reverse_path)

    def check_recipient(self, client: Client, reverse_path: str, address: str) -> None:
        self.asked.append(address)
        local, _, domain = address.rpartition("@")
        if local == "broken":
            raise RuntimeError("postgresql://user:SECRET@db/x is down")
        if domain.lower() != "lists.example" and address != "postmaster":
            raise RelayDenied(f"No relaying to {address}")
        if local == "nobody":
            raise NoSuchList(f"No list {address} here")

    async def accept(self, envelope: Envelope, raw: bytes) -> tuple[Reply, ...]:
        if self.accepting is not None:
            return await self.accepting(envelope, raw)
        self.mails.append((envelope, raw))
        return (Reply(250, "2.6.0", f"mail {len(self.mails)}"),) * len(envelope.recipients)


@dataclass
class FrontDoor:
    """A running listener; `loop` is the one it runs on."""

    listener: Listener
    intake: RecordingIntake
    gate: Gate
    loop: asyncio.AbstractEventLoop

    @property
    def port(self) -> int:
        return int(self.listener.address.rpartition(":")[2])

    def stop(self, grace_s: float = 5.0) -> None:
        asyncio.run_coroutine_threadsafe(self.listener.stop(grace_s), self.loop).result(grace_s + 10)


@contextmanager
def front_door(
    limits: Limits | None = None,
    dialect: Dialect = Dialect.SMTP,
    tls: ssl.SSLContext | None = None,
    intake: RecordingIntake | None = None,
) -> Iterator[FrontDoor]:
    """Run a listener on a loop in a thread of its own."""
    limits, intake = limits or Limits(), intake or RecordingIntake()
    house = House("mx.lists.example", intake, limits, Gate(limits), tls)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="front-door")
    thread.start()
    try:
        start = Listener.start(house, dialect, "127.0.0.1", 0)
        door = FrontDoor(asyncio.run_coroutine_threadsafe(start, loop).result(5), intake, house.gate, loop)
        try:
            yield door
        finally:
            door.stop()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


class Peer:
    """A client that sends exactly what it is told."""

    def __init__(self, port: int, greeting: str = "220") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._file = self.socket.makefile("rb")
        self.greeting = self.reply()
        assert self.greeting.startswith(greeting), self.greeting

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def reply(self) -> str:
        """One whole reply, its lines joined by newlines; "" when the connection is closed."""
        lines = []
        while True:
            try:
                line = self._file.readline()
            except ConnectionError:
                line = b""
            lines.append(line.decode("ascii").rstrip("\r\n"))
            if line[3:4] != b"-":
                return "\n".join(lines)

    def ask(self, line: bytes | str) -> str:
        """Send a command line, and return its reply."""
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.reply()

    def begin(self, recipients: tuple[str, ...] = ("all@lists.example",), hello: str = "EHLO") -> str:
        """Come as far as the 354."""
        self.ask(f"{hello} client.example")
        self.ask("MAIL FROM:<ann@x.example>")
        for recipient in recipients:
            self.ask(f"RCPT TO:<{recipient}>")
        return self.ask("DATA")

    def deliver(self, raw: bytes, recipients: tuple[str, ...] = ("all@lists.example",)) -> str:
        assert self.begin(recipients).startswith("354")
        self.send(raw + b"\r\n.\r\n")
        return self.reply()

    def start_tls(self) -> None:
        """Change to TLS, without looking at the certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._file.close()
        self.socket = context.wrap_socket(self.socket)
        self._file = self.socket.makefile("rb")
