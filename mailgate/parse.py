"""Read a mail: bytes in, one frozen value out, whatever the bytes are.

mail-parser builds the tree of parts and finds its faults. Around it stands what it cannot do: the fields
are read from the bytes (fieldvalues.py), the text is found by our own walk (mime/mimewalk.py), all text
passes one border (clean.py). What is known to hurt a parser is not handed to it.
"""

from __future__ import annotations

import email
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import mailparser

from mailgate.clean import clean_line, decode_words
from mailgate.errors import HeaderTooLarge, MailError, NoAuthor
from mailgate.fieldvalues import parameter, read_date, read_ids, read_mailboxes
from mailgate.message import Attachment, Forwarded, Mailbox, ParsedMessage
from mailgate.mime.body import Body
from mailgate.mime.mimewalk import read_body
from mailgate.quotes.forwards import find_forwarded
from mailgate.quotes.quoting import separate
from mailgate.scan import Header, ScanLimits, Shape, measure, read_author, read_header

# What the tree may cost. The library makes an object of each line, compares each line with each open
# boundary, and mail-parser copies an attached container once for each container around it.
_MAX_LINES = 500_000
_LONG_LINE = 8 * 1024
_MAX_LINES_TO_SPLIT = 50_000
_MAX_COMPARISONS = 4_000_000
_MAX_COPIED = 64 * 1024 * 1024
_MAX_DEFECTS = 50
_READ_ANYHOW = 1024 * 1024

_Reader: TypeAlias = Callable[[bytes, Header, Shape], tuple[Body, tuple[str, ...]]]


def parse_message(raw: bytes) -> ParsedMessage:
    """Read `raw`; never raises: `defects` say what is wrong, `readable` whether any parser could read it."""
    header, shape, fault = _look(raw)
    message = _read_fields(header)
    defects = [fault] if fault else []
    for read in () if fault else _readers(raw, shape):
        try:
            body, found = read(raw, header, shape)
        except Exception as error:  # the shell of this module: any bytes give a value
            defects.append(clean_line(f"{read.__name__[6:]}: {type(error).__name__}: {error}")[:200])
        else:
            return _with_body(message, body, (*defects, *found, *body.defects))
    return replace(message, readable=False, defects=(*message.defects, *defects))


def parse_header(raw: bytes, defect: str) -> ParsedMessage:
    """What the header of `raw` says, when the rest could not be read for the reason `defect`."""
    message = _read_fields(_look(raw)[0])
    return replace(message, readable=False, defects=(*message.defects, defect))


def attachment_bytes(raw: bytes, parsed: ParsedMessage) -> tuple[tuple[Attachment, bytes], ...]:
    """The attachments of `parsed`, each with its bytes, taken again from the mail it was read from."""
    if not parsed.attachments:
        return ()
    body = read_body(email.message_from_bytes(_for_the_tree(raw, read_header(raw, ScanLimits()))))
    return tuple(
        (attachment, take()) for attachment, take in zip(body.attachments, body.sources, strict=True)
    )


def _look(raw: bytes) -> tuple[Header, Shape, str]:
    """Header and shape of a mail, and why it had better not be parsed ("" when it may be)."""
    limits, shape = ScanLimits(), Shape(0, 1, 0)
    try:
        header = read_header(raw, limits)
    except HeaderTooLarge as error:
        # What is refused at the door is read when a file brings it, as far as is cheap.
        head = raw[:_READ_ANYHOW]
        return read_header(head, ScanLimits(header_bytes=len(head), fields=len(head))), shape, str(error)
    try:
        shape = measure(raw, header, limits)
    except MailError as error:
        return header, shape, str(error)
    lines = _count_lines(raw) if shape.depth else 0
    if lines > _MAX_LINES or lines * shape.depth > _MAX_COMPARISONS:
        return header, shape, f"{lines} lines in {shape.depth} levels: too many to parse"
    return header, shape, ""


def _count_lines(raw: bytes) -> int:
    return raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")


def _readers(raw: bytes, shape: Shape) -> tuple[_Reader, ...]:
    """Who may read a mail of that shape, the best first."""
    if shape.depth == 0 and _count_lines(raw) > _MAX_LINES_TO_SPLIT:
        return (_read_flat,)
    if shape.attached and max(map(len, raw.split(b"\n"))) > _LONG_LINE:
        # mail-parser writes attached messages out again, and folds a long field in quadratic time.
        return (_read_with_library,)
    return (_read_with_mail_parser, _read_with_library)


def _read_with_mail_parser(raw: bytes, header: Header, shape: Shape) -> tuple[Body, tuple[str, ...]]:
    if shape.attached * len(raw) > _MAX_COPIED:
        raise ValueError("attached containers in attached containers")
    parser = mailparser.parse_from_bytes(_for_the_tree(raw, header))
    return read_body(parser.message), _defects(parser.defects)


def _read_with_library(raw: bytes, header: Header, _: Shape) -> tuple[Body, tuple[str, ...]]:
    """The same tree without mail-parser, which raises on a few mails that the library can read."""
    return read_body(email.message_from_bytes(_for_the_tree(raw, header))), ()


def _read_flat(raw: bytes, header: Header, _: Shape) -> tuple[Body, tuple[str, ...]]:
    """A mail that is one part, however many lines that has: the libraries make an object of each."""
    message = email.message_from_bytes(_mime_header(header))
    message.set_payload(raw[header.end :].decode("ascii", "surrogateescape"))
    return read_body(message), ()


def _for_the_tree(raw: bytes, header: Header) -> bytes:
    return _mime_header(header) + raw[header.end :]


def _mime_header(header: Header) -> bytes:
    """The fields that the tree is built on, as we understand them, and the empty line.

    mail-parser reads every address and every Received, at 7 µs a comma, which we read ourselves.
    """
    fields = b"".join(
        b"%s:%s\r\n" % (name.encode("ascii"), value)
        for name, value in header.fields
        if name.lower().startswith(("content-", "mime-"))
    )
    return fields + b"\r\n"


def _defects(found: list[dict[str, list[str]]]) -> tuple[str, ...]:
    """mail-parser's defects, each as one line."""
    lines = [
        clean_line(f"{kind}: {text}")[:300]
        for each in found
        for kind, texts in each.items()
        for text in texts
    ]
    return tuple(lines[:_MAX_DEFECTS])


def _with_body(message: ParsedMessage, body: Body, defects: tuple[str, ...]) -> ParsedMessage:
    parts = separate(body.text)
    return replace(
        message,
        text=body.text,
        new_text=parts.new,
        quoted_text=parts.quoted,
        signature=parts.signature,
        html=body.html,
        attachments=body.attachments,
        forwarded=_forwarded(message.subject, body),
        signed=body.signed,
        encrypted=body.encrypted,
        bounces=body.bounces,
        returned_message_id=body.returned_message_id,
        complaint=body.complaint,
        defects=(*message.defects, *defects),
    )


def _forwarded(subject: str, body: Body) -> Forwarded | None:
    """What a mail forwards: in its text, else attached; a report forwards nothing."""
    return (None if body.bounces else find_forwarded(body.text, subject)) or body.forwarded


def _read_fields(header: Header) -> ParsedMessage:
    """All that the header says."""
    author, defects = _author(header)
    to, cc, reply_to = (_mailboxes(header, name) for name in ("to", "cc", "reply-to"))
    people = frozenset(box.address.casefold() for box in (author, *to, *cc))
    message_id = next(iter(read_ids(header.first("message-id"))), None)
    itself = {message_id}
    return ParsedMessage(
        message_id=message_id,
        in_reply_to=tuple(each for each in _ids(header, "in-reply-to", people) if each not in itself),
        references=tuple(each for each in _ids(header, "references", people) if each not in itself),
        subject=_subject(header),
        header_from=author,
        sender=author,
        to=to,
        cc=cc,
        reply_to=reply_to,
        original_from=_mailboxes(header, "x-original-from"),
        date=read_date(header.first("date")),
        thread_index="".join(clean_line(header.first("thread-index").decode("ascii", "ignore")).split()),
        headers=tuple((name, clean_line(decode_words(value))) for name, value in header.fields),
        defects=defects,
    )


def _subject(header: Header) -> str:
    """The first Subject that is not empty; raw bytes in it may be in the charset of the text."""
    charset = parameter(header.first("content-type"), "charset")
    lines = (clean_line(decode_words(value, charset)) for value in header.values("subject"))
    return next((line for line in lines if line), "")


def _author(header: Header) -> tuple[Mailbox, tuple[str, ...]]:
    try:
        return read_author(header), ()
    except NoAuthor as error:
        return Mailbox(""), (str(error),)


def _mailboxes(header: Header, name: str) -> tuple[Mailbox, ...]:
    values = header.values(name)
    return read_mailboxes(b",".join(values)).good if values else ()


def _ids(header: Header, name: str, people: frozenset[str]) -> tuple[str, ...]:
    return read_ids(b" ".join(header.values(name)), people)
