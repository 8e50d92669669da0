"""CPU per mail of our session and of bare aiosmtpd, in one run: `python tests/bench/smtp_session.py`.

Eight connections hand in 500 mails of 1 kB, one command at a time, then pipelined. The client is plain
sockets in a process of its own, so that only the server's CPU is counted.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import time
from typing import Any

from aiosmtpd.smtp import SMTP

from mailgate.envelope import Client, Envelope
from mailgate.errors import Reply
from mailgate.gate import Gate, Limits
from mailgate.listener import Listener
from mailgate.smtpd import Dialect, House

CONNECTIONS = 8
MAILS = 500
BODY = b"Subject: bench\r\n\r\n" + b"x" * 70 + (b"\r\n" + b"y" * 70) * 13 + b"\r\n.\r\n"


class Sink:
    """Takes everything and keeps nothing."""

    def check_sender(self, client: Client, reverse_path: str, size: int | None) -> None:
        pass

    def check_recipient(self, client: Client, reverse_path: str, address: str) -> None:
        pass

    async def accept(self, envelope: Envelope, raw: bytes) -> tuple[Reply, ...]:
        return (Reply(250, "2.6.0", "taken"),) * len(envelope.recipients)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        return "250 2.6.0 taken"


def send(port: int, pipelined: bool) -> None:
    """Hand in the mails over all connections in turn."""
    peers = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    files = [peer.makefile("rb") for peer in peers]
    for peer, file in zip(peers, files, strict=True):
        read_reply(file)
        talk(peer, file, b"EHLO bench.example\r\n")
    commands = (b"MAIL FROM:<ann@x.example>\r\n", b"RCPT TO:<list@y.example>\r\n", b"DATA\r\n")
    for n in range(MAILS):
        peer, file = peers[n % CONNECTIONS], files[n % CONNECTIONS]
        if pipelined:
            peer.sendall(b"".join(commands))
            for _ in commands:
                read_reply(file)
        else:
            for command in commands:
                talk(peer, file, command)
        talk(peer, file, BODY)
    for peer, file in zip(peers, files, strict=True):
        talk(peer, file, b"QUIT\r\n")


def talk(peer: socket.socket, file: Any, line: bytes) -> None:
    peer.sendall(line)
    read_reply(file)


def read_reply(file: Any) -> None:
    while (line := file.readline())[3:4] == b"-":
        pass
    if line[:1] not in b"23":
        raise RuntimeError(line)


async def measure(port: int, pipelined: bool) -> float:
    """Milliseconds of our CPU for each mail that a client process sends to `port`."""
    client = multiprocessing.get_context("spawn").Process(target=send, args=(port, pipelined))
    client.start()
    begin = time.process_time()
    while client.is_alive():
        await asyncio.sleep(0.01)
    return (time.process_time() - begin) / MAILS * 1000


async def main() -> None:
    loop = asyncio.get_running_loop()
    limits = Limits()
    bare = await loop.create_server(lambda: SMTP(Sink(), hostname="mx.example"), "127.0.0.1", 0)
    house = House("mx.example", Sink(), limits, Gate(limits))
    ours = await Listener.start(house, Dialect.SMTP, "127.0.0.1", 0)
    ports = {"aiosmtpd": bare.sockets[0].getsockname()[1], "mailgate": int(ours.address.rpartition(":")[2])}
    for pipelined in (False, True):
        for _ in range(2):
            cost = {name: await measure(port, pipelined) for name, port in ports.items()}
            print(
                f"pipelined={pipelined}",
                {name: round(ms, 3) for name, ms in cost.items()},
                f"ratio={cost['mailgate'] / cost['aiosmtpd']:.2f}",
            )
    await ours.stop(1)


if __name__ == "__main__":
    asyncio.run(main())
