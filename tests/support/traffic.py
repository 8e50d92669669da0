"""Mail as an MTA brings it: kept and tried again at 4yz, until it is taken."""

from __future__ import annotations

import smtplib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.daemon import LIST
from tests.support.waiting import wait_until

_PAUSE_S = 0.05
_SENDER = "ann@x.example"


def mail(number: int) -> bytes:
    """One that opens a ticket of its own."""
    return (
        f"From: Ann <{_SENDER}>\r\nTo: {LIST}\r\nSubject: Problem number {number}\r\n"
        f"Message-ID: {message_id(number)}\r\n\r\nThe jobs at site {number} are held.\r\n"
    ).encode()


def message_id(number: int) -> str:
    return f"<problem-{number}@x.example>"


def offer(smtp: tuple[str, int], raw: bytes) -> tuple[int, str]:
    """Offer one mail; gives the reply that ended it."""
    with smtplib.SMTP(*smtp, timeout=60) as session:
        session.ehlo("client.example")
        for command in (f"MAIL FROM:<{_SENDER}>", f"RCPT TO:<{LIST}>", "DATA"):
            code, text = session.docmd(command)
            if code not in (250, 354):
                return code, text.decode("ascii")
        session.send(raw + b".\r\n")
        code, text = session.getreply()
        return code, text.decode("ascii")


@dataclass
class Traffic:
    """Sends mail after mail; `replies` are the codes as they came, `taken` the numbers answered 250."""

    smtp: tuple[str, int]
    taken: list[int] = field(default_factory=list)
    replies: list[int] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="traffic")
        self._thread.start()

    def _run(self) -> None:
        number = 0
        try:
            while not self._stop.is_set():
                number += 1
                while not self._offer(number) and not self._stop.wait(_PAUSE_S):
                    pass
                self._stop.wait(_PAUSE_S)
        except Exception as error:
            self.trouble.append(error)

    def _offer(self, number: int) -> bool:
        code, _ = offer(self.smtp, mail(number))
        self.replies.append(code)
        if code == 250:
            self.taken.append(number)
        return code == 250

    def flows(self, more: int) -> None:
        """Come back when so many more were taken."""
        enough = len(self.taken) + more
        wait_until(lambda: self.trouble or len(self.taken) >= enough, 60)
        assert self.trouble == []

    def stop(self) -> None:
        """Come back when the last one is answered."""
        self._stop.set()
        self._thread.join(90)


@contextmanager
def traffic(smtp: tuple[str, int]) -> Iterator[Traffic]:
    """Mail comes as long as the block lasts."""
    flow = Traffic(smtp)
    try:
        yield flow
    finally:
        flow.stop()
