"""Any bytes give a value, clean, and the same one each time."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailgate.clean import clean_line, clean_text, decode, decode_words, safe_name
from mailgate.envelope import Client, Envelope
from mailgate.errors import MailError
from mailgate.fieldvalues import parameter, read_date, read_ids, read_mailboxes
from mailgate.kinds.classify import classify
from mailgate.parse import attachment_bytes, parse_message
from mailgate.quotes.quoting import separate
from mailgate.scan import ScanLimits, scan, to_crlf
from mailgate.threads.subjects import read_subject

DIRTY = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
ENVELOPE = Envelope(Client("", "", "FILE", "s"), "", ())

# What a mail is made of, so that chance finds the places where readers break.
WORDS = [
    *(b"From: ", b"To: ", b"Subject: ", b"Message-ID: ", b"References: ", b"Date: ", b"Content-Type: "),
    *(b"Content-Disposition: ", b"Content-Transfer-Encoding: ", b"Reply-To: ", b"Auto-Submitted: no"),
    *(
        b"ann@x.example",
        b"<ann@x.example>",
        b"<",
        b">",
        b'"',
        b"(",
        b")",
        b"\\",
        b",",
        b";",
        b":",
        b"@",
        b".",
    ),
    *(b"=?utf-8?q?=C3?=", b"=?utf-8?b?w7w=?=", b"=?x?q?a?=", b"=?utf-8?b?a?=", b"=?", b"?=", b"\xff\xfe"),
    *(b"text/plain", b"text/html", b"multipart/mixed; boundary=b", b"multipart/alternative; boundary=c"),
    *(b"multipart/report; report-type=delivery-status; boundary=b", b"message/rfc822", b"multipart/mixed"),
    *(b"message/delivery-status", b"multipart/related; boundary=d", b"Final-Recipient: rfc822; a@b.example"),
    *(
        b"; charset=",
        b"utf-8\0",
        b"utf-16",
        b"utf-7",
        b"idna",
        b"; filename*1=a",
        b"; filename*=b",
        b"; a*1*=x'y'z",
    ),
    *(
        b"; format=flowed; delsp=yes",
        b"attachment",
        b"base64",
        b"quoted-printable",
        b"=3D",
        b"=\r\n",
        b"x-uuencode",
    ),
    *(
        b"--b",
        b"--b--",
        b"--c",
        b"--c--",
        b"--d",
        b"\r\n",
        b"\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\r",
        b"\0",
        b" ",
    ),
    *(b"> quoted", b"On 1.1.2020 a@b wrote:", b"-- ", b"<blockquote>", b"<pre>", b"</div>", b"&#0;", b"<!--"),
    *(b"Fri, 31 Dec 9999 23:59:59 -9999", b"begin 644 a\r\n", b"YQ==", b"\xe2\x80\xae", b"Re: ", b"[OSG #1]"),
]
mails = st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=8)), max_size=60).map(b"".join)
few = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@few
@given(mails)
def test_any_bytes_are_read_into_clean_values(raw: bytes) -> None:
    message = parse_message(raw)
    lines = [message.subject, message.thread_index, *message.defects, *message.references]
    lines += [text for field in message.headers for text in field]
    lines += [text for box in (message.sender, *message.to, *message.cc) for text in (box.address, box.name)]
    lines += [attachment.name for attachment in message.attachments]
    assert not [line for line in lines if DIRTY.search(line) or "\n" in line]
    assert not DIRTY.search(message.text)
    assert all(attachment.name for attachment in message.attachments)


@few
@given(mails)
def test_reading_is_a_function_of_the_bytes(raw: bytes) -> None:
    assert parse_message(raw) == parse_message(raw)


@few
@given(mails)
def test_every_attachment_is_found_again_with_its_size(raw: bytes) -> None:
    message = parse_message(raw)
    again = attachment_bytes(raw, message)
    assert [(each, len(content)) for each, content in again] == [
        (each, each.size) for each in message.attachments
    ]


@few
@given(mails)
def test_what_the_scan_lets_in_has_the_author_that_parse_reads(raw: bytes) -> None:
    try:
        scanned = scan(raw, ScanLimits())
    except MailError:
        return
    assert parse_message(raw).header_from.address == scanned.from_address


@few
@given(mails)
def test_any_message_is_classified_for_a_reason(raw: bytes) -> None:
    assert classify(ENVELOPE, parse_message(raw)).reason


@few
@given(mails)
def test_the_parts_of_a_text_hold_every_line(raw: bytes) -> None:
    text = clean_text(decode(raw))
    parts = separate(text)
    kept = [line for part in (parts.new, parts.quoted, parts.signature) for line in part.split("\n")]
    assert sorted(line for line in kept if line) == sorted(line for line in text.split("\n") if line)


@few
@given(mails, st.text(max_size=12))
def test_any_subject_is_read(raw: bytes, tag: str) -> None:
    reading = read_subject(clean_line(decode_words(raw)), tag)
    assert all(0 <= number < 2**63 for number in reading.tag_numbers)
    assert reading.base == reading.base.casefold()


@few
@given(mails, st.text(max_size=20))
def test_any_field_value_is_read(raw: bytes, charset: str) -> None:
    assert all(box.address.count("@") >= 1 for box in read_mailboxes(raw).good)
    assert all(each.startswith("<") and each.endswith(">") for each in read_ids(raw))
    assert not DIRTY.search(parameter(raw, "filename") + clean_text(decode(raw, charset)))
    date = read_date(raw)
    assert date is None or date.utcoffset() is not None


@few
@given(mails)
def test_a_file_name_is_a_label_and_no_path(raw: bytes) -> None:
    name = safe_name(decode(raw), "attachment.bin")
    assert name
    assert not set(name) & set("/\\\0\r\n")
    assert name not in (".", "..")


@few
@given(mails)
def test_a_file_made_ready_for_the_wire_has_one_kind_of_line_end(raw: bytes) -> None:
    ready = to_crlf(b"X: y\n" + raw)
    assert ready.count(b"\r\n") == ready.count(b"\r") == ready.count(b"\n")
    assert to_crlf(ready) == ready
