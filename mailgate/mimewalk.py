"""From the tree of parts to what a person reads: the text, the attachments, the reports inside.

The walk recurses; scan.measure has bounded depth and parts before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from email.generator import BytesGenerator
from email.message import Message
from email.policy import compat32
from io import BytesIO
from typing import TypeAlias

from mailgate import htmltext
from mailgate.clean import clean_line, clean_text, decode, decode_words, safe_name
from mailgate.fieldvalues import mime_type, parameter, read_ids, read_mailboxes
from mailgate.message import Attachment, BouncedRecipient, Forwarded

# Parts that a program wrote for a program: read, and not shown as files.
_MACHINE_PARTS = frozenset(
    {
        "message/delivery-status",
        "message/global-delivery-status",
        "message/disposition-notification",
        "message/global-disposition-notification",
        "message/feedback-report",
    }
)
_MESSAGES = frozenset({"message/rfc822", "message/global", "message/news"})
_RETURNED_HEADERS = frozenset({"text/rfc822-headers", "message/global-headers"})
_SHOWN_TEXT = frozenset({"text/plain", "text/html", "text/enriched", "text/richtext", "text/markdown"})
_EXTENSIONS = {
    "text/plain": "txt",
    "text/html": "html",
    "text/calendar": "ics",
    "application/pdf": "pdf",
    "message/rfc822": "eml",
}
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_ID_FIELD = re.compile(rb"(?mi)^message-id:((?:[^\r\n]|\r?\n[ \t])*+)")
_MAX_BOUNCES = 100

_Part: TypeAlias = "Message[str, str]"


@dataclass(frozen=True, slots=True)
class Body:
    """What a tree of parts holds; `files` are the parts of `attachments`, in the same order."""

    text: str = ""
    html: bool = False
    attachments: tuple[Attachment, ...] = ()
    files: tuple[_Part, ...] = ()
    forwarded: Forwarded | None = None
    signed: bool = False
    encrypted: bool = False
    bounces: tuple[BouncedRecipient, ...] = ()
    returned_message_id: str | None = None


def read_body(message: _Part) -> Body:
    """The text of a mail, with its attachments and reports, each once."""
    kind = mime_type(_field(message, "content-type"))
    if kind in _SHOWN_TEXT and not _is_attached(message):
        # A name alone makes no file of a mail that is nothing else.
        return _text(message, kind)
    return _walk(message)


def payload(part: _Part) -> bytes:
    """The bytes of an attachment, its transfer encoding undone; those of a message as it was attached."""
    if part.is_multipart():
        out = BytesIO()
        generator = BytesGenerator(
            out, mangle_from_=False, policy=compat32.clone(linesep="\r\n", max_line_length=0)
        )
        for inner in _children(part):
            generator.flatten(inner)
        return out.getvalue()
    encoding = _field(part, "content-transfer-encoding").split(b"(")[0].strip(b' \t\r\n";')
    if "content-transfer-encoding" in part:
        # The library compares the whole value: "base64 (why not)" would stay encoded.
        part.replace_header("Content-Transfer-Encoding", encoding.decode("ascii", "replace"))
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _walk(part: _Part) -> Body:
    kind = mime_type(_field(part, "content-type"))
    if kind.startswith("multipart/") and part.is_multipart():
        return _containers().get(kind, _mixed)(part)
    if kind in ("message/delivery-status", "message/global-delivery-status"):
        return Body(bounces=tuple(_bounces(part)))
    if kind in _MACHINE_PARTS:
        return Body()
    if kind in _MESSAGES:
        return _attached_message(part)
    if _is_text(part, kind):
        return _text(part, kind)
    return _smime(_file(part, kind), part, kind)


def _containers() -> dict[str, Callable[[_Part], Body]]:
    return {
        "multipart/alternative": _alternative,
        "multipart/related": _related,
        "multipart/signed": lambda part: replace(_mixed(part), signed=True),
        "multipart/encrypted": lambda part: replace(_mixed(part), encrypted=True),
        "multipart/report": _report,
    }


def _children(part: _Part) -> list[_Part]:
    inside: object = part.get_payload()
    return [each for each in inside if isinstance(each, Message)] if isinstance(inside, list) else []


def _mixed(part: _Part) -> Body:
    """Every text of the parts, in order."""
    bodies = [_walk(child) for child in _children(part)]
    texts = [body.text for body in bodies if body.text.strip()]
    text = texts[0] if len(texts) == 1 else "\n\n".join(each.strip("\n") for each in texts)
    return replace(_union(bodies), text=text, html=any(body.html for body in bodies))


def _alternative(part: _Part) -> Body:
    """The plain one of the texts unless it is empty; the files of all, for some clients put them in one."""
    bodies: list[Body] = []
    plain = False
    for child in _children(part):
        # The HTML beside a plain text says the same: not worth its conversion.
        if not (plain and mime_type(_field(child, "content-type")) == "text/html"):
            bodies.append(_walk(child))
            plain = plain or bool(bodies[-1].text.strip() and not bodies[-1].html)
    full = [body for body in bodies if body.text.strip()]
    chosen = min(full, key=lambda body: body.html, default=Body())
    return replace(_union(bodies), text=chosen.text, html=chosen.html)


def _related(part: _Part) -> Body:
    """The text of the root, the first part (RFC 2387 3.2); what it refers to are files."""
    bodies = [_walk(child) for child in _children(part)]
    root = next((body for body in bodies if body.text.strip()), Body())
    return replace(_union(bodies), text=root.text, html=root.html)


def _report(part: _Part) -> Body:
    """A report (RFC 6522): what it returns is not forwarded by anybody."""
    body = _mixed(part)
    returned = next((found for child in _children(part) if (found := _returned_id(child))), None)
    bounces = tuple(replace(each, message_id=returned) for each in body.bounces)
    return replace(body, bounces=bounces, returned_message_id=returned, forwarded=None)


def _returned_id(part: _Part) -> str | None:
    """The Message-ID in the message or headers that `part` of a report returns."""
    kind = mime_type(_field(part, "content-type"))
    if kind in _MESSAGES:
        return next(
            (found for inner in _children(part) for found in read_ids(_field(inner, "message-id"))), None
        )
    match = _ID_FIELD.search(payload(part)[: 256 * 1024]) if kind in _RETURNED_HEADERS else None
    return next(iter(read_ids(match[1])), None) if match else None


def _union(bodies: list[Body]) -> Body:
    """All but the text of `bodies`."""
    return Body(
        attachments=tuple(each for body in bodies for each in body.attachments),
        files=tuple(each for body in bodies for each in body.files),
        forwarded=next((body.forwarded for body in bodies if body.forwarded), None),
        signed=any(body.signed for body in bodies),
        encrypted=any(body.encrypted for body in bodies),
        bounces=tuple(each for body in bodies for each in body.bounces),
        returned_message_id=next(
            (body.returned_message_id for body in bodies if body.returned_message_id), None
        ),
    )


def _is_text(part: _Part, kind: str) -> bool:
    """Whether a leaf is to be read, not saved."""
    if kind.startswith("multipart/"):
        return True
    return kind in _SHOWN_TEXT and not _is_attached(part) and not _file_name(part)


def _is_attached(part: _Part) -> bool:
    return _field(part, "content-disposition").strip()[:10].lower() == b"attachment"


def _file_name(part: _Part) -> str:
    """The name of a part, as it is written (RFC 2183 2.3); "" where it has none."""
    name = parameter(_field(part, "content-disposition"), "filename")
    return name or parameter(_field(part, "content-type"), "name")


def _text(part: _Part, kind: str) -> Body:
    content = _field(part, "content-type")
    text = clean_text(decode(payload(part), parameter(content, "charset")))
    if kind == "text/html":
        return Body(text=clean_text(htmltext.to_text(text)), html=True)
    if parameter(content, "format").lower() == "flowed":
        text = _unflow(text, parameter(content, "delsp").lower() == "yes")
    return Body(text=text)


def _unflow(text: str, delete_space: bool) -> str:
    """`text` of format=flowed with its paragraphs on one line each (RFC 3676 4)."""
    lines: list[str] = []
    flowing, depth = False, 0
    for line in text.split("\n"):
        content = line.lstrip(">")
        level = len(line) - len(content)
        content = content.removeprefix(" ")
        # Section 4.3: a signature separator never flows, though it ends in a blank.
        flows = content.endswith(" ") and content != "-- "
        shown = content[:-1] if flows and delete_space else content
        if flowing and level == depth and content != "-- ":
            lines[-1] += shown
        else:
            lines.append(f"{'>' * level} {shown}" if level else shown)
        flowing, depth = flows, level
    return "\n".join(lines)


def _smime(body: Body, part: _Part, kind: str) -> Body:
    if kind not in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
        return body
    signed = parameter(_field(part, "content-type"), "smime-type").lower() == "signed-data"
    return replace(body, signed=signed, encrypted=not signed)


def _file(part: _Part, kind: str) -> Body:
    """A part that is an attachment."""
    content = payload(part)
    name = safe_name(_file_name(part), f"attachment.{_EXTENSIONS.get(kind, 'bin')}")
    file = Attachment(name, kind, len(content), hashlib.sha256(content).hexdigest())
    return Body(attachments=(file,), files=(part,))


def _attached_message(part: _Part) -> Body:
    """A message in a mail: a file of its own; its text is not the text of this one."""
    body = _file(part, "message/rfc822")
    inner = next(iter(_children(part)), None)
    if inner is None:
        return body
    senders = read_mailboxes(_field(inner, "from")).good
    subject = clean_line(decode_words(_field(inner, "subject")))
    return replace(body, forwarded=Forwarded(senders[0].address if senders else "", subject))


def _bounces(part: _Part) -> Iterator[BouncedRecipient]:
    """The recipients of a delivery report; the first block is about the message (RFC 3464 2.1)."""
    for block in _children(part)[: _MAX_BOUNCES + 1]:
        address = _recipient(_field(block, "final-recipient")) or _recipient(
            _field(block, "original-recipient")
        )
        status = _STATUS.search(clean_line(decode_words(_field(block, "status"))))
        action = clean_line(decode_words(_field(block, "action"))).lower()
        if address:
            yield BouncedRecipient(address, status[0] if status else "", action, None)


def _recipient(value: bytes) -> str:
    """The address of a Final-Recipient field, as `rfc822; ann@x.example` (RFC 3464 2.3.2)."""
    found = read_mailboxes(value.partition(b";")[2] or value).good
    return found[0].address if found else ""


def _field(part: _Part, name: str) -> bytes:
    """The first field called `name`, as bytes, or b""."""
    for key, value in part.raw_items():
        if key.lower() == name:
            return str(value).encode("utf-8", "surrogateescape")
    return b""
