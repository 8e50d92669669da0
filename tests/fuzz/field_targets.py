"""What must hold of subjects, ids, addresses and header fields, read and written, for any bytes."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.header import decode_header
from itertools import cycle

from mailgate.addresses import read_target, ticket_address
from mailgate.clean import clean_line, decode, decode_words, safe_name
from mailgate.fieldvalues import mime_type, parameter, read_date, read_ids, read_mailboxes
from mailgate.headers import (
    MAX_VALUE,
    Field,
    is_address,
    mailboxes,
    one_line,
    split_message,
    strip_fields,
    text,
    tokens,
    write_header,
)
from mailgate.mailpath import MailArguments, parse_mail, parse_rcpt
from mailgate.message import Mailbox
from mailgate.mimeout import OutPart, mixed
from mailgate.parse import attachment_bytes, parse_message
from mailgate.scan import ScanLimits, read_header
from mailgate.smtpreplies import CommandRefused
from mailgate.threads.subjects import read_subject
from mailgate.tokens import Keys
from tests.fuzz.reading_targets import DIRTY
from tracker.model import Queue, QueueId, TicketId

QUEUE = Queue(QueueId(1), "osg-general", "lists.example.org", "OSG", "OSG")
KEYS = Keys((b"k" * 32,))


def check_subject(raw: bytes) -> None:
    """A subject is read for good: its base and title have no more prefixes to lose."""
    line = clean_line(decode_words(raw))
    reading = read_subject(line, "OSG")
    assert all(0 <= number < 2**63 for number in reading.tag_numbers)
    for each in (reading.base, reading.title, reading.was_old, reading.letter_base):
        assert not DIRTY.search(each)
        # One that was cut may end in a blank.
        assert len(each) >= 500 or each == " ".join(each.split())
    assert reading.base == reading.base.casefold()
    if len(reading.base) < 500:
        assert read_subject(reading.base, "OSG").base == reading.base
    if len(line) < 900:
        assert read_subject(reading.title, "OSG").title == reading.title


def check_ids(raw: bytes) -> None:
    """Message-IDs that were read are read again as they are, and so are those we write."""
    ids = read_ids(raw)
    assert len(set(ids)) == len(ids) <= 100
    for each in ids:
        assert each.startswith("<") and each.endswith(">") and not DIRTY.search(each)
        KEYS.read_root_id(each)
        KEYS.claimed_root(each, ["lists.example.org"])
    assert read_ids(" ".join(ids).encode()) == ids
    plain = [each for each in ids if each.isascii() and len(each) <= MAX_VALUE]
    written = write_header([tokens("References", ids)])
    assert list(read_ids(_value(written))) == plain


def _value(written: bytes) -> bytes:
    """The value of the one field written, or b"" when there is none."""
    fields = read_header(written, ScanLimits()).fields
    return fields[0][1] if fields else b""


def check_fields(raw: bytes) -> None:
    """Field values of any kind are read into clean values."""
    header, _, value = raw.partition(b"\n")
    charset = header.decode("latin-1")
    assert not DIRTY.search(clean_line(decode_words(value)))
    assert not DIRTY.search(clean_line(decode(value, charset)))
    for name in ("filename", "charset", "boundary"):
        found = parameter(value, name)
        assert not DIRTY.search(found) and "\n" not in found
        label = safe_name(found, "attachment.bin")
        assert 0 < len(label) <= 120 and not set(label) & set("/\\\0\r\n") and label not in (".", "..")
        assert len(label) == 120 or safe_name(label, "attachment.bin") == label
    assert re.fullmatch(r"[a-z0-9.+_-]+/[a-z0-9.+_-]+", mime_type(value))
    date = read_date(value)
    assert date is None or date.utcoffset() is not None


def check_addresses(raw: bytes) -> None:
    """Mailboxes that were read are read again as the same; ours mean the same when we write them."""
    found = read_mailboxes(raw)
    assert len(found.good) + found.broken <= 500
    for box in found.good:
        again = read_mailboxes(b"<" + box.address.encode() + b">").good
        assert [each.address for each in again] == [box.address]
        assert not DIRTY.search(box.name + box.address)
        read_target(box.address, [QUEUE])
    target = read_target(raw.decode("utf-8", "replace"), [QUEUE])
    if target is not None and target.ticket_id is not None:
        written = ticket_address(QUEUE, target.ticket_id)
        again_target = read_target(written, [QUEUE])
        assert again_target is not None and again_target.ticket_id == target.ticket_id


def check_paths(raw: bytes) -> None:
    """An argument of MAIL or RCPT is refused, or gives an address that is read again as it is."""
    for argument in (b"FROM:" + raw, b"FROM:<" + raw, raw):
        arguments = _mail_arguments(argument)
        if arguments is not None and arguments.reverse_path:
            again = _mail_arguments(f"FROM:<{arguments.reverse_path}> SMTPUTF8".encode())
            assert again is not None and again.reverse_path == arguments.reverse_path
    for argument in (b"TO:" + raw, b"TO:<" + raw + b"@lists.example.org>"):
        try:
            address = parse_rcpt(argument, utf8=True)
        except CommandRefused:
            continue
        assert not DIRTY.search(address) and " " not in address.rpartition("@")[2]
        assert parse_rcpt(f"TO:<{address}>".encode(), utf8=True) == address
        read_target(address, [QUEUE])


def _mail_arguments(argument: bytes) -> MailArguments | None:
    try:
        return parse_mail(argument, extended=True)
    except CommandRefused:
        return None


def check_headers(raw: bytes) -> None:
    """What is written is read again: the same fields, words and people, and no line too long."""
    values = [line.decode("utf-8", "surrogateescape") for line in re.split(rb"\r\n|[\r\n]", raw)[:200]]
    boxes = [box for box in read_mailboxes(raw).good if is_address(box.address)][:50]
    fields: list[Field] = []
    for name, value in zip(cycle(("Subject", "X-Note", "List-Archive")), values):
        fields.append(text(name, value))
    fields += [tokens("References", values), mailboxes("To", boxes), text("X-End", "x")]
    written = write_header(fields)
    wanted = [field.name for field in fields if field.words]
    assert [name for name, _ in read_header(written, ScanLimits()).fields] == wanted
    message = message_from_bytes(written + b"\r\n")
    assert message.keys() == wanted
    assert not message.defects
    assert all(len(line) <= 998 for line in written.split(b"\r\n"))
    _check_people(written, boxes)
    shown = [
        _shown(value) for name, value in message.items() if name in ("Subject", "X-Note", "List-Archive")
    ]
    assert shown == [line for value in values if (line := one_line(value))]


def _check_people(written: bytes, boxes: list[Mailbox]) -> None:
    values = read_header(written, ScanLimits()).values("to")
    again = read_mailboxes(values[0]).good if values else ()
    assert [box.address for box in again] == [box.address for box in boxes]


def _shown(value: str) -> str:
    pieces = decode_header(value.replace("\r\n", ""))
    return "".join(p if isinstance(p, str) else p.decode(charset or "ascii") for p, charset in pieces)


def check_cutting(raw: bytes) -> None:
    """Cutting header from body, and fields from a header, loses no byte of the rest."""
    header, body = split_message(raw)
    assert raw.startswith(header)
    assert raw.endswith(body)
    assert len(raw) - len(header) - len(body) <= 2
    stripped = strip_fields(header, frozenset({b"subject", b"list-id"}))
    assert strip_fields(header, frozenset()) == header
    assert b"subject" not in {
        name.lower().encode() for name, _ in read_header(stripped, ScanLimits(fields=10**6)).fields
    }


def check_mimeout(raw: bytes) -> None:
    """Text and attachments that we write are read again as they were."""
    first, _, rest = raw.partition(b"\n")
    name, _, kind = first.partition(b" ")
    words = clean_line(decode(rest[:5000]))
    file = OutPart(clean_line(decode(name)), clean_line(decode(kind)), rest)
    entity = mixed(words, [file])
    mail = write_header([text("Subject", "x"), *entity.fields]) + b"\r\n" + entity.body
    assert all(line.endswith(b"\r\n") for line in mail.splitlines(keepends=True) if b"\n" in line)
    message = parse_message(mail)
    if file.type == "message/rfc822" and not message.readable:
        # Its header is over our caps: no such mail gets in.
        return
    assert message.text.strip() == words.strip()
    assert message.readable
    [(attachment, content)] = attachment_bytes(mail, message)
    if attachment.type != "message/rfc822":
        assert content == rest
        assert attachment.name


def check_keys(raw: bytes) -> None:
    """No token but ours proves anything."""
    word = decode(raw)
    number = TicketId(1)
    root = KEYS.root_id(number, "ab", "lists.example.org")
    assert KEYS.read_root_id(root) == number
    assert KEYS.read_root_id(root.replace("t1.", "t1" + word[:3] + ".")) in (None, number)
    assert not KEYS.is_bounce(word, 7) or word.lower() == KEYS.bounce(7)
    assert not KEYS.is_copy(word, "<a@x.example>") or word.lower() == KEYS.copy("<a@x.example>")
