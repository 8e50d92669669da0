"""One part of the tree that the library builds: what its fields say, and its parts."""

from __future__ import annotations

from email.message import Message
from typing import TypeAlias

from mailgate.clean import clean_line
from mailgate.fieldvalues import file_parameter, mime_type

Part: TypeAlias = "Message[str, str]"

MESSAGES = frozenset({"message/rfc822", "message/global", "message/news"})
_MAX_CONTENT_ID = 300


def field(part: Part, name: str) -> bytes:
    """The first field called `name`, as bytes, or b""."""
    for key, value in part.raw_items():
        if key.lower() == name:
            return str(value).encode("utf-8", "surrogateescape")
    return b""


def children(part: Part) -> list[Part]:
    """The parts in a part; none in a leaf."""
    inside: object = part.get_payload() if part.is_multipart() else None
    return [each for each in inside if isinstance(each, Message)] if isinstance(inside, list) else []


def kind_of(part: Part) -> str:
    """The type of a part, in lower case; what none is declared for is text, or a message in a digest."""
    return mime_type(field(part, "content-type"), part.get_default_type())


def declared_kind(part: Part) -> str:
    """The type that a part is declared to be, in lower case; "" where there is none, or a broken one."""
    return mime_type(field(part, "content-type"), "")


def is_attached(part: Part) -> bool:
    """Whether a part is to be saved, not read (RFC 2183 2.2)."""
    return field(part, "content-disposition").strip()[:10].lower() == b"attachment"


def is_inline(part: Part) -> bool:
    """Whether a part is to be shown in its place: it says so, or the text can refer to it."""
    disposition = field(part, "content-disposition").strip()[:6].lower()
    return disposition == b"inline" or (not disposition and bool(content_id(part)))


def content_id(part: Part) -> str:
    """The Content-ID (RFC 2392) without its brackets, or ""."""
    return clean_line(field(part, "content-id").decode("utf-8", "replace")).strip("<> ")[:_MAX_CONTENT_ID]


def file_name(part: Part) -> str:
    """The name of a part, as it is written (RFC 2183 2.3); "" where it has none."""
    name = file_parameter(field(part, "content-disposition"), "filename")
    return name or file_parameter(field(part, "content-type"), "name")
