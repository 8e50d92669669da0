"""A message of Roundup as a mail: what was written, by whom, when, in answer to what, with its files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Final

from mailgate import headers
from mailgate.headers import Field
from mailgate.message import Mailbox
from mailgate.mime.htmltext import to_text
from mailgate.mimeout import OutPart, alternative, mixed, text_part
from mailgate.roundup.export import Issue, Note, User
from tracker.model import Address, Queue

# Addresses that no mail reaches (RFC 2606): of people of whom Roundup knows none.
_NOWHERE: Final = "roundup.invalid"
_ID: Final = re.compile(r"<[^<>\s]{1,240}@[^<>\s]{1,240}>", re.ASCII)
_OPAQUE: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What all mails of one export share: the list they are of, and who people are."""

    queue: Queue
    users: Mapping[int, User]

    def address(self, user: int) -> Address:
        """Where somebody writes from; made up where Roundup does not know."""
        known = self.users.get(user)
        if known is not None and known.address is not None and headers.is_address(known.address):
            return known.address
        return Address(f"{self.queue.local_part}.user{user}@{_NOWHERE}")

    def name(self, user: int) -> str:
        return self.users[user].name if user in self.users else f"user{user}"

    def is_reached(self, user: int) -> bool:
        """Whether mail may go to somebody: an address of theirs is known, and they did not leave."""
        known = self.users.get(user)
        return known is not None and not known.gone and self.address(user) == known.address


def own_id(note: Note) -> str | None:
    """The Message-ID that Roundup kept, if it is one."""
    found = _ID.fullmatch(note.message_id)
    return None if found is None else found[0]


def made_id(head: Letterhead, issue: Issue, note: Note) -> str:
    """A Message-ID for a message that has none, or not for itself; the same each time it is exported."""
    stamp = f"{note.entered:%Y%m%d%H%M%S}"
    return f"<{issue.name}.{note.source}.{stamp}@{head.queue.root_domain}>"


def write_mail(head: Letterhead, issue: Issue, note: Note, message_id: str) -> bytes:
    """The mail of a note, CRLF. Raises OSError where its text or a file is missing."""
    text = "" if note.path is None else note.path.read_bytes().decode("utf-8", "replace")
    files = [_part(file.name, file.type, file.path.read_bytes()) for file in note.files]
    html = text if note.html else ""
    plain = to_text(text) if note.html else text
    short = alternative(plain, html) if html else text_part(plain)
    entity = mixed(plain, files, html) if files else short
    return (
        headers.write_header((*_fields(head, issue, note, message_id), *entity.fields))
        + b"\r\n"
        + entity.body
    )


def _fields(head: Letterhead, issue: Issue, note: Note, message_id: str) -> list[Field]:
    opens = note is issue.notes[0]
    people = dict.fromkeys(head.address(user) for user in note.recipients if head.is_reached(user))
    return [
        headers.text("X-Roundup-Message", f"{issue.name} {note.source}"),
        headers.mailboxes("From", [Mailbox(head.address(note.author), head.name(note.author))]),
        headers.mailboxes("To", [Mailbox(head.queue.address)]),
        headers.mailboxes("Cc", [Mailbox(address) for address in people]),
        headers.text("Subject", issue.title if opens else f"Re: {issue.title}"),
        headers.verbatim("Date", format_datetime(note.at.replace(microsecond=0))),
        headers.tokens("Message-ID", [message_id]),
        headers.tokens("In-Reply-To", _ID.findall(note.in_reply_to)[:1]),
    ]


def _part(name: str, kind: str, content: bytes) -> OutPart:
    # A message attached as such leaves with other line ends: bytes that somebody kept stay as they are.
    return OutPart(name, _OPAQUE if kind.lower().startswith("message/") else kind, content)
