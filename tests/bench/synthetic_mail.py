"""The mails of the made-up support list: who wrote them, how they look, to which thread they belong."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from typing import Any, Final

from tests.support.daemon import LIST

TAG: Final = "[osg-general]"


@dataclass(frozen=True)
class Person:
    """Somebody on the list, with the client they use; some come through a list that rewrites From."""

    name: str
    address: str
    client: str
    munged: bool


@dataclass(frozen=True)
class Mail:
    """One mail. `thread` is the id of its thread's first mail; `chain` what a full References would hold."""

    message_id: str
    thread: str
    who: Person
    at: datetime
    arrival: datetime
    subject: str
    body: str
    chain: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    index: bytes = b""

    def raw(self) -> bytes:
        """The mail as it comes from the list manager."""
        sender = f"{self.who.name} <{self.who.address}>"
        reply_to = []
        if self.who.munged:
            sender, reply_to = f"{self.who.name} via osg-general <{LIST}>", [("Reply-To", self.who.address)]
        head = [
            ("Received", f"from mx.example by lists.example.org; {format_datetime(self.arrival)}"),
            ("From", sender),
            *reply_to,
            ("To", LIST),
            (
                "Subject",
                Header(f"{self.subject}", "utf-8").encode() if not self.subject.isascii() else self.subject,
            ),
            ("Date", format_datetime(self.at)),
            ("Message-ID", f"<{self.message_id}>"),
            *self.fields,
            ("List-Id", "<osg-general.lists.example.org>"),
            ("Content-Type", "text/plain; charset=utf-8"),
        ]
        lines = [f"{name}: {value}" for name, value in head]
        return ("\n".join([*lines, "", self.body, ""])).encode()


@dataclass(frozen=True)
class Label:
    """A mail that is a trap of class `kind`; `anchor` is a mail of the thread it must be with, if any."""

    msg: str
    kind: str
    anchor: str | None = None


@dataclass
class Made:
    """An archive: its mails in the order they come, and what is known of them."""

    mails: list[Mail] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)

    def truth(self) -> dict[str, str]:
        return {mail.message_id: mail.thread for mail in self.mails}


def thread_index(index: bytes) -> tuple[str, str]:
    return "Thread-Index", base64.b64encode(index).decode()


def section(mail: Mail) -> str:
    """A mail as it stands in a digest."""
    head = f"Date: {format_datetime(mail.at)}\nFrom: {mail.who.name} <{mail.who.address}>\nTo: {LIST}"
    return f"Message: 3\n{head}\nSubject: {mail.subject}\nMessage-ID: <{mail.message_id}>\n\n{mail.body}\n"


def labels_of(made: Made) -> list[dict[str, Any]]:
    """The labels as the scorer reads them."""
    return [{"msg": each.msg, "class": each.kind} | _anchor(each) for each in made.labels]


def _anchor(label: Label) -> dict[str, str]:
    return {} if label.anchor is None else {"anchor": label.anchor}
