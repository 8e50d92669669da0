"""What the standard library's email, smtplib and sqlite3 do by themselves, and what we do instead.

The library is not pinned: where a newer Python is mended, the first half says so and is skipped.
"""

from __future__ import annotations

import re
import smtplib
import sqlite3
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr

import pytest

from mailgate.clean import clean_text
from mailgate.courier import Copy, Result
from mailgate.courier_smtp import SmtpCourier
from mailgate.courier_wire import Limits, Smarthost
from mailgate.headers import text, write_header
from mailgate.message import Mailbox
from mailgate.parse import parse_message
from tests.support.costs import cpu_s
from tests.support.sink import Sink
from tracker.storage.database import Database

INJECTED = (
    b"Subject: =?utf-8?q?hi=0D=0ABcc:_victim=40z.example=0D=0A=0D=0Abody?=\r\nFrom: ann@x.example\r\n\r\nx"
)
MENDED = hasattr(policy.default, "verify_generated_headers")
unmended = pytest.mark.skipif(MENDED, reason="this Python looks over the header it writes (CVE-2024-6923)")


def modern(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


@unmended
def test_c1_a_copied_subject_writes_fields_and_body() -> None:
    copied = EmailMessage(policy=policy.SMTP)
    copied["Subject"] = "Re: " + str(message_from_bytes(INJECTED, policy=policy.compat32)["Subject"])
    assert b"\r\nBcc: victim@z.example\r\n\r\nbody" in copied.as_bytes()


@unmended
def test_c1_a_mail_read_and_written_gains_the_end_of_its_header() -> None:
    raw = b"Subject: " + b"a" * 70 + b" =?utf-8?q?=0A?= " + b"b" * 70 + b"\r\n\r\nx"
    assert b"\n\n" in modern(raw).as_bytes().partition(b"bbb")[0]


def test_c1_a_line_end_in_an_assigned_text_is_an_exception() -> None:
    with pytest.raises(ValueError, match="linefeed"):
        EmailMessage(policy=policy.SMTP)["Subject"] = "hi\r\nBcc: victim@z.example"


def test_c1_ours_writes_the_subject_of_such_a_mail_as_one_field() -> None:
    header = write_header([text("Subject", "Re: " + parse_message(INJECTED).subject)])
    assert message_from_bytes(header + b"\r\n").keys() == ["Subject"]
    assert header.count(b"\r\n") == 1


JUNK = [
    b"From: <",
    b'From: "',
    b"To: \xff@",
    b"Message-ID: <",
    b"Message-ID: < >",
    b"Content-Disposition: a;b*",
]
ENCODED_LINE_END = b"From: =?utf-8?q?a=0D=0Ab?= <a@b.example>"


@pytest.mark.parametrize("field", [*JUNK, ENCODED_LINE_END])
def test_c2_ordinary_junk_crashes_the_reading_of_a_field(field: bytes) -> None:
    raw = field + b"\r\n\r\nText.\r\n"
    with pytest.raises((IndexError, ValueError, AttributeError, TypeError)):
        _ = modern(raw).values()
    assert parse_message(raw).readable


@pytest.mark.parametrize("charset", ["idna", "undefined", "hex", "zlib", "mbcs", "x-nobody-knows"])
def test_c2_a_charset_of_no_text_crashes_the_reading_of_the_body(charset: str) -> None:
    raw = b"Content-Type: text/plain; charset=" + charset.encode() + b"\r\n\r\ncaf\xe9\r\n"
    with pytest.raises((LookupError, UnicodeError)):
        modern(raw).get_content()
    assert parse_message(raw).text == "café\n"


def test_c3_a_long_field_is_slow_to_read_and_write() -> None:
    raw = b"X: " + b"a " * 40_000 + b"\r\n\r\n"
    assert cpu_s(lambda: modern(raw).as_bytes(), times=1) > 10 * cpu_s(lambda: parse_message(raw))
    assert cpu_s(lambda: write_header([text("X-A", "a " * 1_000_000)])) < 0.2


def test_c3_many_parameters_are_slow_to_read() -> None:
    raw = b"Content-Type: a/b" + b";a=b" * 3000 + b"\r\n\r\n"
    assert cpu_s(lambda: modern(raw)["content-type"], times=1) > 10 * cpu_s(lambda: parse_message(raw))


def test_c3_comments_in_comments_recurse() -> None:
    raw = b"To: " + b"(" * 20_000 + b"\r\n\r\n"
    with pytest.raises(RecursionError):
        _ = modern(raw)["to"]
    assert parse_message(raw).to == ()


@pytest.mark.parametrize(
    ("value", "naive", "ours"),
    [
        ("<ann@x.example<admin@y.example>>", "ann@x.example", ()),
        ("alice@x.example)bob@y.example", "alice@x.example", ()),
        ("a\0b@x.example", "a\0b@x.example", ()),
        ("admin@y.example <evil@x.example>", "admin@y.example", ("evil@x.example",)),
    ],
)
def test_c4_parseaddr_takes_an_address_of_the_sender_s_choosing(
    value: str, naive: str, ours: tuple[str, ...]
) -> None:
    if parseaddr(value)[1]:  # from 3.11.10 on it gives nothing for most of these (CVE-2023-27043)
        assert parseaddr(value)[1] == naive
    raw = f"From: ann@x.example\r\nCc: {value}\r\n\r\n".encode()
    assert parse_message(raw).cc == tuple(Mailbox(each, "admin@y.example") for each in ours)


@pytest.mark.parametrize("end", [b"\r.\r\n", b"\n.\n", b"\r\n.\r"])
def test_c5_bare_line_ends_leave_as_they_are(end: bytes) -> None:
    content = b"Subject: one\r\n\r\ntext" + end + b"MAIL FROM:<evil@x.example>\r\n"
    with Sink() as sink:
        with smtplib.SMTP(*sink.address) as session:
            session.sendmail("ann@x.example", ["bob@y.example"], content)
        courier = SmtpCourier(Smarthost(*sink.address, helo="lists.example", limits=Limits(answer_s=5)))
        (outcome,) = courier.send([Copy(1, "ann@x.example", "bob@y.example", content)])
        courier.close()
    assert outcome.result is Result.SENT
    naive, ours = (re.search(rb"(?<!\r)\n|\r(?!\n)", mail.content) for mail in sink.mails)
    assert (naive is not None, ours) == (True, None)


def test_c5_a_sender_is_read_again_and_becomes_another() -> None:
    sender = "a@x.example>\r\nRCPT TO:<victim@z.example"
    with Sink() as sink:
        courier = SmtpCourier(Smarthost(*sink.address, helo="lists.example", limits=Limits(answer_s=5)))
        (outcome,) = courier.send([Copy(1, sender, "bob@y.example", b"text\r\n")])
        courier.close()
        assert (outcome.result, sink.mails) == (Result.FAILED, [])
        with smtplib.SMTP(*sink.address) as session:
            try:
                session.sendmail(sender, ["bob@y.example"], b"text\r\n")
            except ValueError:
                pytest.skip("this Python looks over the addresses it sends (CVE-2023-27043)")
    assert [mail.reverse_path for mail in sink.mails] == ["a@x.example"]


def test_c6_what_was_read_cannot_be_written_and_deeper_not_be_read() -> None:
    def nested(levels: int) -> bytes:
        opening = (
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels)
        )
        return b"Subject: deep\r\n" + b"".join(opening) + b"\r\nText.\r\n"

    shallow = message_from_bytes(nested(400))
    with pytest.raises(RecursionError):
        shallow.as_bytes()
    with pytest.raises(RecursionError):
        message_from_bytes(nested(2000))
    for levels in (400, 2000):
        message = parse_message(nested(levels))
        assert (message.readable, message.subject) == (False, "deep")


def test_c7_sqlite_refuses_half_a_character_and_is_cut_short_by_nul() -> None:
    with sqlite3.connect(":memory:") as connection:
        with pytest.raises(UnicodeEncodeError):
            connection.execute("SELECT ?", ("\ud800",))
        assert connection.execute("SELECT length(?)", ("a\0b",)).fetchone() == (1,)
        with pytest.raises(OverflowError):
            connection.execute("SELECT ?", (2**63,))
    connection.close()


def test_c7_what_passed_our_border_is_stored_to_the_letter(database: Database) -> None:
    cleaned = clean_text("a\0b \ud800 c")
    read = database.read(lambda connection: connection.exec_driver_sql("SELECT '" + cleaned + "'").scalar())
    assert read == cleaned == "a\ufffdb \ufffd c"
