"""The leaves of the tree of parts: a text that is read, a file that is kept, a message in the mail."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from mailgate.clean import clean_line, clean_text, decode, decode_words, safe_name
from mailgate.errors import HeaderTooLarge
from mailgate.fieldvalues import mime_type, parameter, read_ids, read_mailboxes
from mailgate.message import Attachment, Forwarded, Mailbox
from mailgate.mime import htmltext, rtf
from mailgate.mime.armor import read_armor
from mailgate.mime.body import Body, file, union
from mailgate.mime.flowed import unflow
from mailgate.mime.inlinefiles import take_files
from mailgate.mime.invitation import read_invitation
from mailgate.mime.partcontent import content, payload
from mailgate.mime.parts import (
    Part,
    content_id,
    declared_kind,
    field,
    file_name,
    is_attached,
    is_inline,
)
from mailgate.mime.sniff import extension, media_type
from mailgate.mime.tnef import Tnef, TnefFile, read_tnef
from mailgate.scan import Header, ScanLimits, read_header

SHOWN_TEXT = frozenset({"text/plain", "text/html", "text/enriched", "text/richtext", "text/markdown"})
_ENRICHED = frozenset({"text/enriched", "text/richtext"})
_SMIME = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_TNEF = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_RTF = frozenset({"text/rtf", "application/rtf"})

# As much HTML as is made text; of what is longer, the whole is kept as a file too.
_MAX_HTML = 1024 * 1024
_WHOLE_HTML = re.compile(r"\s*+(?:<!doctype html\b|<html[\s>])", re.IGNORECASE)
_ENRICHED_COMMAND = re.compile(r"<param>[^<]*+</param>|</?[A-Za-z0-9-]{1,60}>", re.IGNORECASE)
_ENRICHED_BREAKS = re.compile(r"\n+")
# The object identifiers of signed and enveloped data (RFC 5652 5.1, 6.1), as they stand in DER.
_SIGNED_DATA = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
_MAX_INVITATION = 256 * 1024
_MAX_FROM = 8 * 1024


def read_text(part: Part, kind: str) -> Body:
    """A text to be read, with the files that stand in it."""
    undone = content(part)
    content_type = field(part, "content-type")
    charset = parameter(content_type, "charset")
    data, rest = undone.data, undone.rest
    defects = (f"{undone.fault} in a text part",) if undone.fault else ()
    data, files = take_files(data) if kind == "text/plain" else (data, ())
    text = clean_text(decode(data, charset))
    after = f"\n{clean_text(decode(rest))}" if rest.strip() else ""
    if kind == "text/html" or _is_html(text):
        body = _html(part, text)
        body = replace(body, text=body.text + after)
    else:
        body = _plain(content_type, kind, text + after)
    if not files and not defects:
        return body
    inside = union([file(_label(each.name, "", each.content), each.content) for each in files])
    return replace(body, defects=body.defects + defects).with_files(inside)


def _is_html(text: str) -> bool:
    """Whether a plain text is a page of HTML from its first word to its last."""
    return text[:400].lstrip()[:1] == "<" and bool(
        _WHOLE_HTML.match(text) and text[-400:].rstrip().lower().endswith("</html>")
    )


def _html(part: Part, text: str) -> Body:
    body = Body(text=clean_text(htmltext.to_text(text[:_MAX_HTML])), html=True)
    if len(text) <= _MAX_HTML:
        return body
    whole = read_file(part, "text/html")
    return replace(body, defects=("the text is that of the first million characters of HTML",)).with_files(
        whole
    )


def _plain(content_type: bytes, kind: str, text: str) -> Body:
    if kind in _ENRICHED:
        return Body(text=_unenriched(text))
    armored = read_armor(text)
    text = armored.text
    if parameter(content_type, "format").lower() == "flowed":
        text = unflow(text, parameter(content_type, "delsp").lower() == "yes")
    body = Body(text=text, signed=armored.signed, encrypted=armored.encrypted)
    signatures = [
        file(Attachment("signature.asc", "application/pgp-signature", 0, ""), each.encode())
        for each in armored.signatures
    ]
    return body.with_files(union(signatures)) if signatures else body


def _unenriched(text: str) -> str:
    """The text of text/enriched (RFC 1896): one line break is a blank, of more one is too many."""
    lines = _ENRICHED_BREAKS.sub(lambda match: "\n" * (len(match[0]) - 1) or " ", text.strip("\n"))
    return "<".join(_ENRICHED_COMMAND.sub("", each) for each in lines.split("<<")) + "\n"


def read_file(part: Part, kind: str) -> Body:
    """A part that is an attachment; of a winmail.dat, what is in it."""
    data = payload(part)
    name = file_name(part)
    tnef = read_tnef(data) if kind in _TNEF or name.lower() == "winmail.dat" else None
    if tnef is not None and (tnef.files or tnef.text().strip() or tnef.html):
        return _tnef(tnef)
    label = _label(name, kind if _says_more(part, kind) else "", data)
    label = replace(label, content_id=content_id(part), inline=is_inline(part))
    body = file(label, data, partial(payload, part))
    return replace(_smime(body, part, kind, data), spare=_spare(part, kind, data))


def _says_more(part: Part, kind: str) -> bool:
    return kind != "text/plain" or bool(declared_kind(part))


def _label(name: str, declared: str, data: bytes) -> Attachment:
    """A file's label, without size and digest. `name` and `declared` are as written, or ""."""
    kind = media_type(declared, data, safe_name(name, ""))
    fallback = "invite.ics" if kind == "text/calendar" else f"attachment.{extension(kind)}"
    return Attachment(safe_name(name, fallback), kind, 0, "")


def _tnef(tnef: Tnef) -> Body:
    return replace(union([_tnef_file(each) for each in tnef.files]), spare=lambda: _tnef_text(tnef))


def _tnef_file(inner: TnefFile) -> Body:
    label = _label(inner.name, inner.kind, inner.content)
    label = replace(label, content_id=inner.content_id, inline=bool(inner.content_id))
    return file(label, inner.content)


def _tnef_text(tnef: Tnef) -> Body:
    text = tnef.text()
    if text.strip() or not tnef.html:
        return Body(text=text)
    html = decode(tnef.html[:_MAX_HTML], tnef.codec)
    return Body(text=clean_text(htmltext.to_text(html)), html=True)


def _spare(part: Part, kind: str, data: bytes) -> Callable[[], Body] | None:
    """How to read a file, where the mail has nothing else to read."""
    charset = parameter(field(part, "content-type"), "charset")
    if is_attached(part) and kind != "text/calendar":
        return None
    if kind == "text/calendar":
        text = data[:_MAX_INVITATION]
        return lambda: Body(text=read_invitation(clean_text(decode(text, charset or "utf-8"))))
    if kind in _RTF:
        return lambda: Body(text=clean_text(rtf.to_text(data)))
    return (lambda: read_text(part, kind)) if kind in SHOWN_TEXT else None


def _smime(body: Body, part: Part, kind: str, data: bytes) -> Body:
    """`body`, flagged as what S/MIME says it is (RFC 8551 3.2.2)."""
    if kind not in _SMIME:
        return body
    said = parameter(field(part, "content-type"), "smime-type").lower()
    signed = said == "signed-data" or (not said and _SIGNED_DATA in data[:64])
    sealed = said in ("enveloped-data", "authenveloped-data") or (not said and not signed)
    return replace(body, signed=signed, encrypted=sealed)


def read_message(part: Part) -> Body:
    """A message in a mail: a file of its own; its text is not the text of this one."""
    data = payload(part)
    label = _label(file_name(part), "message/rfc822", data)
    body = file(replace(label, content_id=content_id(part)), data, partial(payload, part))
    return replace(body, forwarded=_forwarded(_header(data)))


def _forwarded(header: Header) -> Forwarded:
    """What the header of an attached message says of it."""
    senders = read_mailboxes(header.first("from")[:_MAX_FROM]).good
    # RFC 3834 5: a token, then parameters or comments; "no" is a person.
    submitted = header.first("auto-submitted").split(b";")[0].split(b"(")[0].strip().lower()
    report = mime_type(header.first("content-type")) == "multipart/report"
    return Forwarded(
        sender=senders[0] if len(senders) == 1 else Mailbox(""),
        subject=clean_line(decode_words(header.first("subject"))),
        date=clean_line(decode_words(header.first("date"))),
        attached=True,
        message_id=next(iter(read_ids(header.first("message-id"))), None),
        automatic=report or submitted not in (b"", b"no"),
    )


def _header(data: bytes) -> Header:
    try:
        return read_header(data, ScanLimits())
    except HeaderTooLarge:
        return Header((), 0, 0)
