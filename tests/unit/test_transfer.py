"""Transfer encodings as they come: damaged, padded too little, with a footer behind them."""

from __future__ import annotations

import base64
import binascii

import pytest

from mailgate.mime.transfer import Undone, undo, uu_line

SENTENCE = b"The site has been down since noon.\n"
BASE64 = base64.b64encode(SENTENCE)


@pytest.mark.parametrize("encoding", ["", "7bit", "8bit", "binary"])
def test_what_is_not_encoded_stays(encoding: str) -> None:
    assert undo(b"=41 \xff", encoding) == Undone(b"=41 \xff")


def test_an_encoding_that_nobody_knows_is_told_and_changes_nothing() -> None:
    assert undo(b"abc", "x-own") == Undone(b"abc", fault="unknown Content-Transfer-Encoding")


@pytest.mark.parametrize(
    "data",
    [
        BASE64,
        BASE64.rstrip(b"="),
        BASE64[:20] + b"\r\n" + BASE64[20:] + b"\r\n\r\n",
        BASE64[:20] + b" \t" + BASE64[20:],
        BASE64[:20] + b"*" + BASE64[20:],
        BASE64[:20] + b"\xff\r\n" + BASE64[20:],
        BASE64.rstrip(b"=") + b"AA",
    ],
    ids=["as it should be", "no padding", "lines", "blanks", "a star", "8 bit", "one character over"],
)
def test_base64_is_read_whatever_stands_between(data: bytes) -> None:
    assert undo(data, "base64").data.startswith(SENTENCE)


@pytest.mark.parametrize(
    "footer", [b"____________\r\nusers mailing list\r\n", b"-- \r\nWe are many.\r\n", b"Sent by a list\r\n"]
)
def test_what_a_list_wrote_behind_base64_is_not_decoded(footer: bytes) -> None:
    undone = undo(BASE64 + b"\r\n" + footer, "base64")
    assert (undone.data, undone.rest, undone.fault) == (SENTENCE, footer, "text after base64")


def test_a_footer_is_seen_behind_base64_that_needs_no_padding() -> None:
    assert undo(b"QUJDREVG\r\n____\r\nusers", "base64").rest == b"____\r\nusers"


def test_base64_in_several_padded_pieces_is_read_to_its_end() -> None:
    pieces = BASE64 + b"\r\n" + base64.b64encode(b"and another piece of text") + b"\r\n"
    assert undo(pieces, "base64") == Undone(
        SENTENCE + b"and another piece of text", fault="characters that are not base64"
    )


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"=c3=bc", b"\xc3\xbc"),
        (b"a=\r\nb", b"ab"),
        (b"a= \t\r\nb", b"ab"),
        (b"a=", b"a"),
        (b"a==3D", b"a=3D"),
        (b"a=XYb", b"a=XYb"),
    ],
)
def test_quoted_printable_is_read_as_far_as_it_is(data: bytes, text: bytes) -> None:
    assert undo(data, "quoted-printable").data == text


def test_uuencode_is_an_encoding_too() -> None:
    data = b"begin 644 x\r\n" + binascii.b2a_uu(SENTENCE) + b"`\r\nend\r\n"
    assert undo(data, "x-uuencode").data == SENTENCE


@pytest.mark.parametrize("line", [b"", b"a lowercase line", b"#86)C" + b"x" * 9, b"\x7f"])
def test_most_lines_are_not_uuencoded(line: bytes) -> None:
    assert uu_line(line) is None
