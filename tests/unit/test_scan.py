"""The look at the bytes before we say 250: what is refused, and how it is named."""

from __future__ import annotations

import pytest

from mailgate.errors import HeaderTooLarge, LoopDetected, NoAuthor, Smuggling, TooComplex
from mailgate.parse import parse_message
from mailgate.scan import ScanLimits, Scanned, measure, read_header, scan, to_crlf

FROM = b"From: Ann Lee <ann@x.example>\r\n"
TO = b"To: help@lists.example\r\n"
PLAIN = FROM + TO + b"\r\nHello\r\n"


def look(raw: bytes) -> Scanned:
    return scan(raw, ScanLimits())


def learnt(scanned: Scanned) -> tuple[int, int, str]:
    return scanned.header_end, scanned.received_count, scanned.from_address


def test_an_ordinary_mail_gives_its_author_and_where_its_body_begins() -> None:
    raw = b"Received: from a by b\r\nReceived: from c\r\n by d\r\n" + PLAIN
    assert learnt(look(raw)) == (raw.index(b"Hello"), 2, "ann@x.example")


def test_a_mail_without_body_ends_with_its_header() -> None:
    assert learnt(look(FROM + TO)) == (len(FROM + TO), 0, "ann@x.example")


def test_a_line_that_is_no_field_begins_the_body() -> None:
    raw = FROM + b"this is no field\r\nSubject: text\r\n"
    assert look(raw).header_end == len(FROM)


def test_an_mbox_line_before_the_header_is_passed_over() -> None:
    assert look(b"From ann@x.example Sun Nov 22 10:00:00 2026\r\n" + PLAIN).from_address == "ann@x.example"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"", "No From field"),
        (b"From: a@x.example\r\nFrom: b@x.example\r\n", "2 From fields"),
        (b"From: a@x.example\r\nfrom: b@x.example\r\n", "2 From fields"),
        (b"From: a@x.example, b@x.example\r\n", "2 addresses"),
        (b"From:\r\n", "0 addresses"),
        (b"From: undisclosed:;\r\n", "0 addresses"),
        (b"From: =?utf-8?b?YWRtaW5AeS5leGFtcGxl?=\r\n", "0 addresses"),
        (b"From: <>\r\n", "no address"),
        (b"From: <admin@y.example\0@x.example>\r\n", "no address"),
        (b"From: <ann@x.example<admin@y.example>>\r\n", "no address"),
        (b"From: alice@example.org)bob@x.example\r\n", "no address"),
        (b"From: <@a.example:admin@y.example>\r\n", "no address"),
        (b"From: a@x.example <b@y.example> c@z.example\r\n", "no address"),
        (b"From: ann@x..example\r\n", "no address"),
        (b"From: ann lee@x.example\r\n", "no address"),
        ("From: ann@x\uff20y.example\r\n".encode(), "no address"),
        (b"From: " + b"a" * 9000 + b" <ann@x.example>\r\n", "no address"),
        (b"From : ann@x.example\r\n", "blank before the colon"),
        (b"From: ann@x.example\r\nFrom\t: bob@x.example\r\n", "blank before the colon"),
    ],
)
def test_a_mail_without_exactly_one_author_is_refused(line: bytes, fault: str) -> None:
    with pytest.raises(NoAuthor, match=fault):
        look(line + TO + b"\r\nHello\r\n")


@pytest.mark.parametrize(
    ("value", "address"),
    [
        (b"admin@y.example(<evil@x.example>)", "admin@y.example"),
        (b"admin@y.example <evil@x.example>", "evil@x.example"),
        (b'"admin@y.example" <evil@x.example>', "evil@x.example"),
        (b"Doe, John <jd@x.example>", "jd@x.example"),
        (b"Pete(A nice \\) chap) <pete(his account)@silly.example(his host)>", "pete@silly.example"),
        (b"Ann <ann@X.Example>,", "ann@x.example"),
        (b'"ann"@x.example', "ann@x.example"),
        (b'"ann lee"@x.example', '"ann lee"@x.example'),
        (b"ann@b\xc3\xbccher.example", "ann@xn--bcher-kva.example"),
        (b"Ann\r\n <ann@x.example>", "ann@x.example"),
        (b"=?utf-8?Q?Doe,_John?= <jd@x.example>", "jd@x.example"),
        (b"g: ann@x.example;", "ann@x.example"),
        (b"root@localhost", "root@localhost"),
        (b"\x81@\xff <ann@x.example>", "ann@x.example"),
    ],
)
def test_scan_and_parse_read_the_same_author(value: bytes, address: str) -> None:
    raw = b"From: " + value + b"\r\n" + TO + b"\r\nHello\r\n"
    assert (look(raw).from_address, parse_message(raw).header_from.address) == (address, address)


@pytest.mark.parametrize("break_", [b"\n", b"\r", b"\n\r", b"\r\r\n"])
def test_a_bare_cr_or_lf_is_refused(break_: bytes) -> None:
    with pytest.raises(Smuggling):
        look(PLAIN + break_ + b".\r\n")


@pytest.mark.parametrize(
    "header",
    [
        b"X: " + b"a" * 300_000 + b"\r\n",
        b"X: a\r\n" + b" b\r\n" * 80_000,
        b"X: a\r\n" * 2001,
        b"To: " + b",\r\n ".join(b"u%d@y.example" % i for i in range(20_000)) + b"\r\n",
    ],
    ids=["one line", "folds", "fields", "recipients"],
)
def test_a_header_over_the_cap_is_refused(header: bytes) -> None:
    with pytest.raises(HeaderTooLarge):
        look(FROM + header + b"\r\nHello\r\n")


def test_a_header_at_the_cap_is_taken() -> None:
    limits = ScanLimits(header_bytes=200, fields=3)
    filler = b"X: " + b"a" * (200 - len(FROM) - 5) + b"\r\n"
    assert scan(FROM + filler + b"\r\nHello\r\n", limits).header_end == 202
    with pytest.raises(HeaderTooLarge):
        scan(FROM + b"Y" + filler + b"\r\nHello\r\n", limits)


def test_more_than_fifty_received_fields_are_a_loop() -> None:
    hop = b"Received: from a by b; Sun, 22 Nov 2026 10:00:00 +0000\r\n"
    assert look(hop * 50 + PLAIN).received_count == 50
    with pytest.raises(LoopDetected):
        look(hop * 51 + PLAIN)


def nested(levels: int) -> bytes:
    opening = [
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(levels)
    ]
    closing = [b"--b%d--\r\n" % i for i in reversed(range(levels))]
    return FROM + b"".join(opening) + b"\r\nleaf\r\n" + b"".join(closing)


def parted(parts: int) -> bytes:
    head = FROM + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    return head + b"--b\r\n\r\nx\r\n" * parts + b"--b--\r\n"


def wrapped(levels: int) -> bytes:
    return FROM + b"Content-Type: message/rfc822\r\n\r\n" * levels + b"\r\nleaf\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        nested(51),
        wrapped(51),
        parted(1001),
        FROM + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n" * 1001,
        FROM + b'Content-Type: text/plain; "' + b";" * 101 + b"\r\n\r\nx\r\n",
        FROM + b"Content-Disposition: attachment" + b"; a=b" * 101 + b"\r\n\r\nx\r\n",
        parted(1).replace(b"--b\r\n\r\n", b"--b\r\nContent-Type: a/b" + b";c=d" * 101 + b"\r\n\r\n"),
        FROM + b'Content-Type: message/partial; id="a"; number=1; total=2\r\n\r\nx\r\n',
        FROM + b"Content-Type: message/delivery-status\r\n\r\n" + b"A: b\r\n\r\n" * 1001,
    ],
    ids=[
        "depth",
        "messages",
        "parts",
        "empty parts",
        "semicolons",
        "disposition",
        "in a part",
        "partial",
        "report",
    ],
)
def test_a_mail_too_complex_is_refused(raw: bytes) -> None:
    with pytest.raises(TooComplex):
        look(raw)


@pytest.mark.parametrize("raw", [nested(50), wrapped(50), parted(999)], ids=["depth", "messages", "parts"])
def test_a_mail_just_simple_enough_is_taken(raw: bytes) -> None:
    assert look(raw).from_address == "ann@x.example"


def test_parts_are_told_from_lines_that_only_look_like_boundaries() -> None:
    raw = parted(2).replace(b"\r\nx\r\n", b"\r\n" + b"--- a/file\r\n-- \r\n--bb\r\n" * 500)
    shape = measure(raw, read_header(raw, ScanLimits()), ScanLimits())
    assert (shape.depth, shape.parts) == (1, 3)


def test_a_part_beside_a_deep_one_is_not_deep_itself() -> None:
    part = nested(10).removeprefix(FROM)
    raw = FROM + b"Content-Type: multipart/mixed; boundary=top\r\n\r\n" + (b"--top\r\n" + part) * 8
    assert measure(raw, read_header(raw, ScanLimits()), ScanLimits()).depth == 11


def test_lines_like_boundaries_without_end_are_refused() -> None:
    with pytest.raises(TooComplex, match="look like"):
        look(FROM + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--c\r\n" * 200_001)


def test_a_file_with_the_line_ends_of_the_system_gets_those_of_the_wire() -> None:
    assert to_crlf(b"From: a@x.example\n\nline\rline\r\nline\n") == (
        b"From: a@x.example\r\n\r\nline\r\nline\r\nline\r\n"
    )


def test_what_is_bare_in_a_file_from_the_wire_stays_bare() -> None:
    raw = b"From: a@x.example\r\nX: a\rBcc: b@x.example\r\n\r\nbody\n"
    assert to_crlf(raw) is raw


@pytest.mark.parametrize("line", [b":", b" x", b"--", b"\xff: x", b"x" * 2000])
def test_an_author_below_a_line_that_is_no_field_is_in_the_body(line: bytes) -> None:
    with pytest.raises(NoAuthor):
        look(line + b"\r\n" + PLAIN)


def test_a_field_of_parameters_has_a_length() -> None:
    """The library decodes encoded words in the square of their number."""
    name = b"Content-Disposition: attachment; filename=" + b"=??q??=" * 2400 + b"\r\n"
    part = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + name + b"\r\nfile\r\n--b--\r\n"
    with pytest.raises(TooComplex, match="16384 bytes of parameters"):
        look(FROM + part)
