"""A week of a public archive, each mail as its author sent it: without what the list of then put on."""

from __future__ import annotations

import email.policy
import email.utils
import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

# What Mailman 2 and the way to the archive added.
_ADDED = re.compile(
    rb"(?:return-path|x-original-to|delivered-to|received|errors-to|sender|precedence|list-[a-z-]+|x-beenthere"
    rb"|x-mailman-[a-z-]+):",
    re.IGNORECASE,
)
_FIELD = re.compile(rb"[^\s:]+:[^\n]*\n(?:[ \t][^\n]*\n)*")
_SEPARATOR = re.compile(rb"^From [^\n]*\n", re.MULTILINE)
_POST = re.compile(r"<mailto:([^>]+)>")


@dataclass(frozen=True)
class ArchivedPost:
    """One mail: `content` with LF, as its author sent it."""

    message_id: str
    author: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    content: bytes


@dataclass(frozen=True)
class ArchiveWeek:
    """The posts of one week in order of delivery, and the address of their list."""

    list_address: str
    posts: tuple[ArchivedPost, ...]


def week_of(shared: Path, year: int, week: int) -> ArchiveWeek:
    """The posts that were written in an ISO week."""
    raw = gzip.decompress((shared / "data" / "mail" / "dev.mbox.gz").read_bytes())
    found: list[ArchivedPost] = []
    list_address = ""
    for one in _mails(raw):
        message = _parsed(one)
        if email.utils.parsedate_to_datetime(str(message["Date"])).isocalendar()[:2] != (year, week):
            continue
        list_address = list_address or _POST.findall(str(message["List-Post"]))[0]
        found.append(_post(message, one))
    return ArchiveWeek(list_address, tuple(found))


def _mails(mbox: bytes) -> Iterator[bytes]:
    for one in _SEPARATOR.split(mbox)[1:]:
        yield re.sub(rb"^>(>*From )", rb"\1", one.removesuffix(b"\n"), flags=re.MULTILINE)


def _parsed(raw: bytes) -> EmailMessage:
    message = BytesParser(policy=email.policy.default).parsebytes(raw, headersonly=True)
    assert isinstance(message, EmailMessage)
    return message


def _post(message: EmailMessage, raw: bytes) -> ArchivedPost:
    header, _, body = raw.partition(b"\n\n")
    fields = _FIELD.findall(header + b"\n")
    kept = b"".join(field for field in fields if not _ADDED.match(field))
    return ArchivedPost(
        str(message["Message-ID"]).strip(),
        email.utils.parseaddr(str(message["From"]))[1],
        _addresses(message, "To"),
        _addresses(message, "Cc"),
        kept + b"\n" + body,
    )


def _addresses(message: EmailMessage, name: str) -> tuple[str, ...]:
    values = [str(value) for value in message.get_all(name, [])]
    return tuple(address for _, address in email.utils.getaddresses(values) if "@" in address)
