"""An SMTP server that keeps or counts what it gets: in-process for tests, as a process for benches.

In a test:      with Sink() as sink: ...; sink.address; sink.mails
Beside a bench: python tests/support/sink.py --count-only
                prints {"ready": true, "address": "127.0.0.1:40123"}, and a summary in JSON at SIGTERM.

It is meant to cost little: one buffer, one write for each packet, no work for a mail but two searches.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import resource
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import NamedTuple

_PATH = re.compile(rb"<([^>]*)>")
_EVERYTHING = ("PIPELINING", "SIZE 104857600", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")


class Mail(NamedTuple):
    """A mail as it came: `content` with CRLF, dots unstuffed."""

    reverse_path: str
    recipients: tuple[str, ...]
    content: bytes


@dataclass(frozen=True)
class Script:
    """How the sink behaves.

    `refuse` answers RCPT for these recipients (`{"x@y.example": "550 5.1.1 no"}`), `refuse_content` the dot;
    `goodbye_after` mails a connection ends in 421; `drop_after_dot` closes it without an answer once so many
    mails came over it; `delay_s` goes before every answer; `offers` None: EHLO is unknown here.
    """

    offers: tuple[str, ...] | None = _EVERYTHING
    refuse: dict[str, str] = field(default_factory=dict)
    refuse_mail_from: str = ""
    refuse_content: dict[str, str] = field(default_factory=dict)
    says_354_always: bool = False
    goodbye_after: int = 0
    drop_after_dot: int = 0
    delay_s: float = 0.0
    count_only: bool = False


class Sink:
    """The server, in a thread of its own while the context lasts."""

    def __init__(self, script: Script = Script(), port: int = 0) -> None:
        self.script = script
        self.mails: list[Mail] = []
        self.commands: list[bytes] = []
        self.packets = 0
        self.connections = 0
        self.count = 0
        self.octets = 0
        self.first = self.last = 0.0
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="sink", daemon=True)
        self._listening = threading.Event()
        self._open: set[asyncio.Transport] = set()

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self._port

    def __enter__(self) -> Sink:
        self._thread.start()
        if not self._listening.wait(5):
            raise RuntimeError("the sink does not listen")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def hang_up(self) -> None:
        """Close all connections, as a server does that is restarted."""
        done = threading.Event()

        def close_all() -> None:
            for transport in list(self._open):
                transport.close()
            self._loop.call_soon(done.set)

        self._loop.call_soon_threadsafe(close_all)
        done.wait(5)

    async def listen(self) -> asyncio.Server:
        server = await asyncio.get_running_loop().create_server(
            lambda: _Dialogue(self), "127.0.0.1", self._port, backlog=1024
        )
        self._port = server.sockets[0].getsockname()[1]
        return server

    def summary(self) -> dict[str, object]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "mails": self.count,
            "octets": self.octets,
            "connections": self.connections,
            "seconds": round(self.last - self.first, 3),
            "first": self.first,
            "last": self.last,
            "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
        }

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(self.listen())
        self._listening.set()
        self._loop.run_forever()
        server.close()
        for transport in list(self._open):
            transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


class _Dialogue(asyncio.Protocol):
    """One connection."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._script = sink.script
        self._buffer = bytearray()
        self._searched = 0
        self._in_content = False
        self._carried = 0
        self._reverse_path: str | None = None
        self._recipients: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._sink.connections += 1
        self._sink._open.add(transport)
        self._reply(b"220 sink.example ESMTP\r\n")

    def connection_lost(self, _: Exception | None) -> None:
        self._sink._open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._sink.packets += 1
        self._buffer += data
        replies: list[bytes] = []
        while not self._transport.is_closing():
            reply = self._content() if self._in_content else self._command()
            if reply is None:
                break
            replies.append(reply)
            if reply.startswith((b"421", b"221")):
                self._reply(b"".join(replies))
                self._close()
                return
        self._reply(b"".join(replies))

    def _reply(self, reply: bytes) -> None:
        if not reply or self._transport.is_closing():
            return
        if self._script.delay_s:
            asyncio.get_running_loop().call_later(self._script.delay_s, self._transport.write, reply)
        else:
            self._transport.write(reply)

    def _close(self) -> None:
        if self._script.delay_s:
            asyncio.get_running_loop().call_later(self._script.delay_s, self._transport.close)
        else:
            self._transport.close()

    def _command(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        if not self._script.count_only:
            self._sink.commands.append(line)
        match line[:4].upper():
            case b"MAIL":
                return self._mail(line)
            case b"RCPT":
                return self._rcpt(line)
            case b"DATA":
                return self._data()
            case verb:
                return self._other(verb)

    def _other(self, verb: bytes) -> bytes:
        if verb == b"EHLO":
            return self._ehlo()
        if verb == b"QUIT":
            return b"221 2.0.0 bye\r\n"
        if verb in (b"HELO", b"RSET", b"NOOP"):
            self._reset()
            return b"250 2.0.0 ok\r\n"
        return b"500 5.5.2 unknown\r\n"

    def _ehlo(self) -> bytes:
        self._reset()
        if self._script.offers is None:
            return b"502 5.5.1 unknown\r\n"
        lines = ("sink.example", *self._script.offers)
        marks = ["250-"] * (len(lines) - 1) + ["250 "]
        return "".join(f"{mark}{line}\r\n" for mark, line in zip(marks, lines, strict=True)).encode()

    def _mail(self, line: bytes) -> bytes:
        if self._script.goodbye_after and self._carried >= self._script.goodbye_after:
            return b"421 4.3.2 enough for one connection\r\n"
        if self._reverse_path is not None:
            return b"503 5.5.1 nested MAIL\r\n"
        if self._script.refuse_mail_from:
            return self._script.refuse_mail_from.encode() + b"\r\n"
        path = _PATH.search(line)
        self._reverse_path = path[1].decode() if path else ""
        return b"250 2.1.0 ok\r\n"

    def _rcpt(self, line: bytes) -> bytes:
        if self._reverse_path is None:
            return b"503 5.5.1 MAIL first\r\n"
        path = _PATH.search(line)
        recipient = path[1].decode() if path else ""
        if recipient in self._script.refuse:
            return self._script.refuse[recipient].encode() + b"\r\n"
        self._recipients.append(recipient)
        return b"250 2.1.5 ok\r\n"

    def _data(self) -> bytes:
        if not self._recipients and not self._script.says_354_always:
            return b"503 5.5.1 no valid recipients\r\n"
        self._in_content = True
        # The CRLF of the DATA command stands before the first line: a lone dot may follow at once.
        self._buffer[:0] = b"\r\n"
        self._searched = 0
        return b"354 go on\r\n"

    def _content(self) -> bytes | None:
        end = self._buffer.find(b"\r\n.\r\n", self._searched)
        if end < 0:
            self._searched = max(0, len(self._buffer) - 4)
            return None
        content = bytes(self._buffer[2 : end + 2])
        del self._buffer[: end + 5]
        self._in_content = False
        return self._keep(content)

    def _keep(self, content: bytes) -> bytes:
        sink, script, recipients = self._sink, self._script, tuple(self._recipients)
        reverse_path = self._reverse_path or ""
        self._reset()
        if not recipients:
            return b"554 5.5.1 no valid recipients\r\n"
        if refusal := next((script.refuse_content[r] for r in recipients if r in script.refuse_content), ""):
            return refusal.encode() + b"\r\n"
        sink.last = time.time()
        sink.first = sink.first or sink.last
        sink.count += 1
        sink.octets += len(content)
        self._carried += 1
        if not script.count_only:
            unstuffed = content[1:] if content.startswith(b".") else content
            sink.mails.append(Mail(reverse_path, recipients, unstuffed.replace(b"\r\n.", b"\r\n")))
        if script.drop_after_dot and self._carried >= script.drop_after_dot:
            self._transport.close()
            return b""
        return b"250 2.0.0 taken\r\n"

    def _reset(self) -> None:
        self._reverse_path = None
        self._recipients = []


async def _serve(sink: Sink) -> None:
    server = await sink.listen()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host, port = sink.address
    print(json.dumps({"ready": True, "address": f"{host}:{port}"}), flush=True)
    await stop.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="An SMTP server that counts what it gets.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--count-only", action="store_true", help="keep nothing of the mails")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="before every answer")
    options = parser.parse_args()
    sink = Sink(Script(count_only=options.count_only, delay_s=options.delay), options.port)
    asyncio.run(_serve(sink))
    summary = sink.summary()
    if not options.count_only:
        summary["recipients"] = [list(mail.recipients) for mail in sink.mails]
    sys.stdout.write(json.dumps(summary) + "\n")


if __name__ == "__main__":
    main()
