"""Reading whole mails: what is refused to a parser, what is repaired, what is found again."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

import pytest

from mailgate.parse import attachment_bytes, parse_message
from tests.support.costs import cpu_s

HEAD = b"From: Ann Lee <ann@x.example>\r\nTo: help@lists.example\r\nSubject: Site down\r\n"


def test_an_empty_mail_is_read() -> None:
    message = parse_message(b"")
    assert (message.readable, message.text, message.header_from.address) == (True, "", "")


def test_a_file_with_bare_line_feeds_is_read_like_one_from_the_wire() -> None:
    raw = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nText.\r\n--b--\r\n"
    assert parse_message(raw.replace(b"\r\n", b"\n")) == parse_message(raw)


def test_a_header_over_the_cap_is_still_read_as_far_as_the_cap() -> None:
    message = parse_message(HEAD + b"X: a\r\n" + b" b\r\n" * 100_000 + b"\r\nText.\r\n")
    assert (message.readable, message.subject, message.header_from.address) == (
        False,
        "Site down",
        "ann@x.example",
    )
    assert "bytes of header" in message.defects[0]


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"Content-Type: text/plain; " + b'"' + b";" * 60_000 + b"\r\n\r\nText.\r\n",
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + b"\r\n" * 600_000,
        HEAD + b"Content-Type: message/delivery-status\r\n\r\n" + b"A: b\r\n\r\n" * 20_000,
        HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 300,
    ],
    ids=["quadratic parameters", "empty lines", "report", "messages"],
)
def test_what_would_hurt_a_parser_is_not_given_to_it(raw: bytes) -> None:
    message = parse_message(raw)
    assert (message.readable, message.subject, message.text) == (False, "Site down", "")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (HEAD + b"\r\n" + b"\r\n" * 600_000, "\n" * 600_000),
        (HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=\r\n" * 600_000, ""),
    ],
    ids=["empty lines", "soft breaks"],
)
def test_a_mail_that_is_one_part_may_have_any_number_of_lines(raw: bytes, text: str) -> None:
    message = parse_message(raw)
    assert (message.readable, message.text) == (True, text)


def test_attached_containers_in_one_another_are_read_without_copying_them_for_each() -> None:
    levels = 40
    opening = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\nContent-Disposition: attachment\r\n\r\n--b%d\r\n"
        % (i, i)
        for i in range(levels)
    )
    message = parse_message(HEAD + opening + b"\r\n" + (b"x" * 70 + b"\r\n") * 30_000)
    assert any("attached containers" in defect for defect in message.defects)
    assert (message.readable, len(message.text)) == (True, 30_000 * 71 - 1)


@pytest.mark.parametrize(
    ("field", "date"),
    [
        (b"Sun, 22 Nov 2026 10:00:00 +0100", datetime(2026, 11, 22, 9, tzinfo=UTC)),
        (b"22 Nov 2026 10:00 -0000", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        (b"Sun, 22 Nov 2026 10:00:00 EST (winter)", datetime(2026, 11, 22, 15, tzinfo=UTC)),
        (b"Fri, 31 Dec 9999 23:59:59 -9999", None),
        (b"Fri, 31 Dec 10000 23:59:59 +0000", None),
        (b"Mon, 32 Nov 2026 10:00:00 +0000", None),
        (b"yesterday", None),
        (b"", None),
        (b"1 " * 100_000, None),
    ],
)
def test_a_date_is_a_moment_or_none(field: bytes, date: datetime | None) -> None:
    assert parse_message(HEAD + b"Date: " + field + b"\r\n\r\nText.\r\n").date == date


def test_at_most_some_hundreds_of_addresses_are_read() -> None:
    many = b",\r\n ".join(b"u%d@y.example" % i for i in range(5000))
    assert len(parse_message(HEAD + b"Cc: " + many + b"\r\n\r\nText.\r\n").cc) == 500


def test_of_many_references_the_first_and_the_last_are_kept() -> None:
    many = b" ".join(b"<m%d@x.example>" % i for i in range(500))
    references = parse_message(HEAD + b"References: " + many + b"\r\n\r\nText.\r\n").references
    assert (len(references), references[0], references[1]) == (100, "<m0@x.example>", "<m401@x.example>")


def test_an_id_longer_than_a_line_is_none() -> None:
    raw = HEAD + b"Message-ID: <" + b"a" * 1000 + b"@x.example>\r\n\r\nText.\r\n"
    assert parse_message(raw).message_id is None


def test_an_attachment_is_found_again_byte_by_byte() -> None:
    content = bytes(range(256)) * 40
    encoded = base64.encodebytes(content).replace(b"\n", b"\r\n")
    raw = (
        HEAD
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nText.\r\n--b\r\n"
        + b"Content-Type: application/octet-stream; name=core\r\nContent-Transfer-Encoding: BASE64\r\n\r\n"
        + encoded
        + b"--b--\r\n"
    )
    message = parse_message(raw)
    ((attachment, found),) = attachment_bytes(raw, message)
    assert (attachment.name, attachment.size, found) == ("core", len(content), content)
    assert attachment.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "html",
    [
        b"<div>" * 200_000,
        b"&" * 500_000,
        b"<!--" * 100_000,
        b"<" * 500_000,
        b"<blockquote>x" * 50_000,
        b"<pre>\r\n" * 50_000,
        b"\xee\x80\x80" * 1000,
        b"",
    ],
)
def test_hostile_html_is_text_in_the_end(html: bytes) -> None:
    message = parse_message(HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + html)
    assert (message.readable, message.html) == (True, True)
    assert len(message.text) <= 60 * len(html)


INNER = (
    b"Subject: a folded\r\n one, \xff\r\nX-Long: " + b"a, " * 500 + b"\r\n"
    b'Content-Type: multipart/mixed; boundary="in ner"\r\n\r\nBefore.\r\n--in ner\r\n\r\nOne.\r\n\r\n'
    b"--in ner\r\nContent-Type: message/rfc822\r\n\r\nSubject: innermost\r\n\r\nTwo.\xe9\r\n"
    b"--in ner--\r\nBehind.\r\n"
)


@pytest.mark.parametrize("fields", [b"", b"Content-Disposition: attachment; filename=a.eml\r\n"])
def test_a_message_inside_is_kept_as_it_was_sent(fields: bytes) -> None:
    raw = HEAD + b"Content-Type: message/rfc822\r\n" + fields + b"\r\n" + INNER
    ((_, found),) = attachment_bytes(raw, parse_message(raw))
    assert found == INNER


@pytest.mark.parametrize("fields", [b"", b"Content-Disposition: attachment; filename=a.eml\r\n"])
def test_a_long_field_of_a_message_inside_costs_no_more_than_its_length(fields: bytes) -> None:
    inner = b"From: " + b"a@b.example, " * 18_000 + b"\r\n\r\nText."
    raw = HEAD + b"Content-Type: message/rfc822\r\n" + fields + b"\r\n" + inner
    assert cpu_s(lambda: parse_message(raw)) < 1
    assert [each.size for each in parse_message(raw).attachments] == [len(inner)]


def test_of_html_that_is_too_long_the_whole_is_kept_beside_the_text() -> None:
    html = b"<p>Text.</p>" * 100_000
    message = parse_message(HEAD + b"Content-Type: text/html\r\n\r\n" + html)
    assert message.text.startswith("Text.")
    assert [(each.name, each.type, each.size) for each in message.attachments] == [
        ("attachment.html", "text/html", len(html))
    ]
    assert any("first million characters" in defect for defect in message.defects)


def test_a_flowing_paragraph_of_any_length_is_read_in_linear_time() -> None:
    raw = HEAD + b"Content-Type: text/plain; format=flowed\r\n\r\n" + b"word \r\n" * 200_000
    assert len(parse_message(raw).text) == 5 * 200_000
    assert cpu_s(lambda: parse_message(raw)) < 2


def test_a_message_inside_a_file_has_the_line_ends_of_the_wire() -> None:
    raw = HEAD + b"Content-Type: message/rfc822\r\n\r\n" + INNER
    bare = raw.replace(b"\r\n", b"\n")
    assert attachment_bytes(bare, parse_message(bare))[0][1] == INNER
