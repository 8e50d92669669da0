"""The strict reading of the arguments of MAIL and RCPT."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.mailpath import MailArguments, parse_mail, parse_rcpt
from mailgate.smtpreplies import CommandRefused

ADDRESSES = (
    "a@lists.example",
    "A.B+c=d/e@Lists.Example",
    "#!$%&'*+-/=?^_`{|}~@x.example",
    '"a b"@x.example',
    r'"a\"\\b"@x.example',
    '"<>@,"@x.example',
    "a@[192.0.2.1]",
    "a@[IPv6:2001:db8::1]",
    "a@localhost",
    "a@xn--e1afmkfd.example",
    f"{'a' * 255}@x.example",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_comes_out_as_it_went_in(address: str) -> None:
    assert parse_rcpt(f"TO:<{address}>".encode(), utf8=False) == address
    assert parse_mail(f"FROM:<{address}>".encode(), extended=True) == MailArguments(address)


@pytest.mark.parametrize(
    "argument",
    [
        b"TO:a@y.example",
        b"TO:<a@y.example",
        b"TO:a@y.example>",
        b"TO:<(c)a@y.example>",
        b"TO:<a@y.example\rDATA>",
        b"TO:<a\0b@y.example>",
        b'TO:<"\\>',
        b'TO:<"\\',
        b'TO:<"',
        b"TO:<a@[",
        b"TO:<a@",
        b"TO:<@",
        b"TO:<a@y.example>\r",
        b"TO:<a@y.example>x",
        b"TO:\t<a@y.example>",
        b"TO:<>",
        b"TO",
        b"",
    ],
)
def test_a7_a9_what_is_no_path_is_refused_and_never_repaired(argument: bytes) -> None:
    with pytest.raises(CommandRefused) as refused:
        parse_rcpt(argument, utf8=True)
    assert refused.value.reply.code == 501


def test_a8_the_null_sender_is_the_empty_reverse_path() -> None:
    assert parse_mail(b"FROM:<>", extended=False).reverse_path == ""


def test_a_source_route_is_dropped_and_the_mailbox_behind_it_is_what_counts() -> None:
    assert parse_rcpt(b"TO:<@lists.example,@x.example:user@other.example>", utf8=False) == (
        "user@other.example"
    )


@pytest.mark.parametrize("spelling", [b"postmaster", b"Postmaster", b"POSTMASTER"])
def test_the_postmaster_needs_no_domain(spelling: bytes) -> None:
    assert parse_rcpt(b"TO:<" + spelling + b">", utf8=False) == "postmaster"


def test_the_parameters_of_mail_are_read_in_any_case() -> None:
    said = parse_mail(b"from: <a@x.example> size=42 BODY=8bitmime smtputf8", extended=True)
    assert said == MailArguments("a@x.example", 42, utf8=True)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        (b"SIZE=-1", 501),
        (b"SIZE=\xd9\xa1", 501),
        (b"SIZE=" + b"9" * 21, 501),
        (b"SIZE", 501),
        (b"SIZE=1 size=2", 501),
        (b"BODY=BINARYMIME", 501),
        (b"SMTPUTF8=yes", 501),
        (b"-X", 501),
        (b"RET=HDRS", 555),
        (b"AUTH=<>", 555),
    ],
)
def test_parameters_that_are_wrong_or_unknown_are_refused(parameters: bytes, code: int) -> None:
    with pytest.raises(CommandRefused) as refused:
        parse_mail(b"FROM:<a@x.example> " + parameters, extended=True)
    assert refused.value.reply.code == code
    assert refused.value.reply.enhanced == "5.5.4"


def test_an_address_beyond_ascii_needs_smtputf8() -> None:
    argument = "TO:<ж@пр.example>".encode()
    with pytest.raises(CommandRefused) as refused:
        parse_rcpt(argument, utf8=False)
    assert (refused.value.reply.code, refused.value.reply.enhanced) == (553, "5.6.7")
    assert parse_rcpt(argument, utf8=True) == "ж@пр.example"


@pytest.mark.parametrize("character", ["\u0085", "\u2028", "\u2029"])
def test_even_smtputf8_allows_no_control_characters(character: str) -> None:
    with pytest.raises(CommandRefused):
        parse_rcpt(f"TO:<a{character}b@x.example>".encode(), utf8=True)


@given(st.binary(max_size=80), st.booleans())
def test_any_bytes_are_read_or_refused(octets: bytes, utf8: bool) -> None:
    try:
        address = parse_rcpt(b"TO:<" + octets, utf8)
    except CommandRefused:
        return
    assert address == "postmaster" or address.encode() in octets
    assert address.isprintable() or utf8
