"""A load generator: hands in mails over several connections at once, one command at a time, no pipelining.

`python -m tests.bench.load HOST PORT FILE [--connections 8]`; FILE has a JSON object a line: `from`, `to`,
`content` (Latin-1, CRLF). Prints one JSON object: the replies counted by code, the seconds it took, and the
first refusals. It is a process of its own, so that its CPU is not counted with that of the server.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
# A server may close a connection that carried a thousand; we come back before it does.
_MOST_A_CONNECTION = 900
_SHOWN_REFUSALS = 5


@dataclass(frozen=True)
class Letter:
    """A mail and its envelope; `content` has CRLF line ends."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


@dataclass(frozen=True)
class Handed:
    """What a server answered: how many mails by reply code, how long all took, the first refusals."""

    replies: dict[str, int]
    seconds: float
    refusals: list[str]


def hand_in(address: tuple[str, int], letters: Iterable[Letter], work: Path, connections: int = 8) -> Handed:
    """Hand in `letters` from a process of its own, over so many connections; `work` is a folder to use."""
    file = work / "letters.jsonl"
    with file.open("w") as out:
        for letter in letters:
            content = letter.content.decode("latin-1")
            out.write(json.dumps({"from": letter.sender, "to": letter.recipients, "content": content}) + "\n")
    host, port = address
    program = [sys.executable, "-m", "tests.bench.load", host, str(port), str(file)]
    options = ["--connections", str(connections)]
    done = subprocess.run([*program, *options], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the load generator failed:\n{done.stderr}")
    return Handed(**json.loads(done.stdout))


class _Connection:
    """A dialogue of commands and replies."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, timeout=120)
        self._file = self._socket.makefile("rb")
        self.carried = 0
        self._reply()
        self._ask(b"EHLO load.example\r\n")

    def send(self, letter: Letter) -> str:
        """The last reply to `letter`: the one to its content, or the one that refused it before."""
        self.carried += 1
        recipients = [f"RCPT TO:<{recipient}>\r\n" for recipient in letter.recipients]
        for command in (f"MAIL FROM:<{letter.sender}>\r\n", *recipients, "DATA\r\n"):
            reply = self._ask(command.encode())
            if reply[0] not in "23":
                self._ask(b"RSET\r\n")
                return reply
        return self._ask(_LEADING_DOT.sub(b"..", letter.content) + b".\r\n")

    def close(self) -> None:
        self._ask(b"QUIT\r\n")
        self._file.close()
        self._socket.close()

    def _ask(self, octets: bytes) -> str:
        self._socket.sendall(octets)
        return self._reply()

    def _reply(self) -> str:
        while (line := self._file.readline())[3:4] == b"-":
            pass
        if not line:
            raise ConnectionError("the server hung up")
        return line.decode("ascii", "replace").rstrip()


def _send_all(address: tuple[str, int], waiting: deque[Letter], replies: list[str]) -> None:
    connection = _Connection(address)
    while True:
        try:
            letter = waiting.popleft()
        except IndexError:
            break
        if connection.carried >= _MOST_A_CONNECTION:
            connection.close()
            connection = _Connection(address)
        replies.append(connection.send(letter))
    connection.close()


def _read(file: Path) -> deque[Letter]:
    found = (json.loads(line) for line in file.open())
    return deque(Letter(each["from"], tuple(each["to"]), each["content"].encode("latin-1")) for each in found)


def main() -> None:
    parser = argparse.ArgumentParser(description="Hand in mails by SMTP.")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("file", type=Path)
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    waiting, replies = _read(options.file), list[str]()
    threads = [
        threading.Thread(target=_send_all, args=((options.host, options.port), waiting, replies))
        for _ in range(options.connections)
    ]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refusals = [reply for reply in replies if not reply.startswith("250")]
    result = {
        "replies": Counter(reply[:3] for reply in replies),
        "seconds": time.monotonic() - begin,
        "refusals": refusals[:_SHOWN_REFUSALS],
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
