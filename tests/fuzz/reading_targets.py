"""What must hold of a mail that is read, for any bytes: each target takes bytes and asserts."""

from __future__ import annotations

import hashlib
import re
from collections import Counter

from mailgate.clean import clean_text, decode
from mailgate.envelope import Client, Envelope
from mailgate.errors import MailError, reply_to
from mailgate.kinds.bounces import MAX_RECIPIENTS
from mailgate.kinds.classify import classify, understood
from mailgate.message import Disposition, Mailbox, ParsedMessage
from mailgate.mime.htmltext import to_text
from mailgate.parse import attachment_bytes, parse_message
from mailgate.quotes.quoting import separate
from mailgate.scan import ScanLimits, scan, to_crlf

# What no text of a mail may hold: NUL, controls, halves of surrogate pairs.
DIRTY = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# Signs of UTF-16, UTF-32 and escapes, declared or guessed, also in quoted-printable.
_WIDE = re.compile(rb"(?:utf|u).?(?:16|32)|=F[EF]|[\0\x1b]|=00|=1b", re.IGNORECASE)
_CLIENT = Client("192.0.2.1", "mx.example", "ESMTP", "s1")
_LIST = ("help@lists.example",)


def check_scan(raw: bytes) -> None:
    """The scan accepts or refuses with a reply of its own; what it accepts is read as it was scanned."""
    try:
        scanned = scan(raw, ScanLimits())
    except MailError as refusal:
        assert 400 <= reply_to(refusal).code < 600
        return
    assert 0 <= scanned.header.start <= scanned.header_end <= len(raw)
    message = parse_message(raw)
    assert message.header_from.address == scanned.from_address
    assert message.readable or message.defects, "accepted, unreadable, and nothing says why"


def check_parse(raw: bytes) -> None:
    """Parsing is total; all text is clean, and nothing of it is lost; attachments are found again."""
    message = parse_message(raw)
    _check_texts(message)
    for ids in (message.references, message.in_reply_to):
        assert len(set(ids)) == len(ids)
    assert message.message_id not in (*message.references, *message.in_reply_to)
    assert message.readable or message.defects
    files = attachment_bytes(raw, message)
    assert tuple(attachment for attachment, _ in files) == message.attachments
    for attachment, content in files:
        assert (len(content), hashlib.sha256(content).hexdigest()) == (attachment.size, attachment.sha256)


def _check_texts(message: ParsedMessage) -> None:
    boxes = (message.header_from, message.sender, *message.to, *message.cc, *message.reply_to)
    lines = [message.subject, message.thread_index, message.message_id or "", *message.defects]
    lines += [
        *message.references,
        *message.in_reply_to,
        *(text for field in message.headers for text in field),
    ]
    lines += [text for box in boxes for text in _texts_of(box)]
    lines += [text for file in message.attachments for text in (file.name, file.type)]
    lines += [text for each in message.bounces for text in (each.address, each.status, each.action)]
    forwarded = message.forwarded
    while forwarded is not None:
        lines += [*_texts_of(forwarded.sender), forwarded.subject, forwarded.date, forwarded.message_id or ""]
        forwarded = forwarded.inner
    assert not [line for line in lines if DIRTY.search(line) or "\n" in line]
    assert not DIRTY.search(message.text)
    assert all(file.name and not set(file.name) & set("/\\") for file in message.attachments)
    _check_parts(message.text, (message.new_text, message.quoted_text, message.signature))


def _texts_of(box: Mailbox) -> tuple[str, str]:
    return box.address, box.name


def check_quoting(raw: bytes) -> None:
    """Nothing of a text is cut, and each part keeps the order of its lines."""
    text = clean_text(decode(raw))
    parts = separate(text)
    _check_parts(text, (parts.new, parts.quoted, parts.signature))
    for part in (parts.new, parts.quoted, parts.signature):
        lines = iter(text.split("\n"))
        assert all(line in lines for line in part.split("\n") if line), "lines out of order"


def _check_parts(text: str, parts: tuple[str, ...]) -> None:
    """Every line with text of `text` stands in one of `parts`, as often as it was written."""
    kept = Counter(line for part in parts for line in part.split("\n") if line.strip())
    assert kept == Counter(line for line in text.split("\n") if line.strip())


def check_html(raw: bytes) -> None:
    """HTML becomes clean text, of a size in proportion."""
    html = clean_text(decode(raw))
    text = to_text(html)
    assert not DIRTY.search(clean_text(text))
    # Fifty marks of quotes and a blank before each line, and the lines that tags end.
    assert len(text) <= 60 * len(html) + 1000
    assert to_text(html) == text


def check_classify(raw: bytes) -> None:
    """Any mail is something, for a reason; by a null reverse-path no mail becomes more of a person's."""
    message = parse_message(raw)
    by_person = classify(Envelope(_CLIENT, "ann@x.example", _LIST), message)
    by_nobody = classify(Envelope(_CLIENT, "", _LIST), message)
    for each in (by_person, by_nobody):
        assert each.disposition in Disposition
        assert each.reason
        assert not DIRTY.search(each.reason)
        assert "\n" not in each.reason
    assert by_nobody.disposition is not Disposition.POST
    whole, found = understood(Envelope(_CLIENT, "", _LIST), message, returned=True)
    assert (found.disposition is Disposition.BOUNCE) or whole.bounces == message.bounces
    assert len(whole.bounces) <= MAX_RECIPIENTS
    told = [found.reason, *(text for each in whole.bounces for text in (each.address, each.status))]
    assert not any(DIRTY.search(text) or "\n" in text for text in told)


def check_line_ends(raw: bytes) -> None:
    """A mail from a file is read as from the wire, whatever ends its lines.

    Its text only where that is UTF-8: in wider charsets the bytes of line ends mean other things.
    """
    text = raw.decode("utf-8", "ignore").encode()
    raw = re.sub(rb"\r\n|\r", b"\n", text)
    ready = to_crlf(b"X-First: 1\n" + raw)
    assert ready.count(b"\r\n") == ready.count(b"\r") == ready.count(b"\n")
    assert to_crlf(ready) == ready
    one, other = parse_message(b"X-First: 1\n" + raw), parse_message(ready)
    assert (one.subject, one.sender, one.to, one.message_id) == (
        other.subject,
        other.sender,
        other.to,
        other.message_id,
    )
    assert (one.references, one.date, one.readable) == (other.references, other.date, other.readable)
    assert _WIDE.search(raw) or one.text.split() == other.text.split()
