"""For every value there is: what the writer writes is read as the very same fields and text."""

from __future__ import annotations

from email import message_from_bytes
from email.header import decode_header

from hypothesis import given, settings
from hypothesis import strategies as st

from mailgate.headers import mailboxes, one_line, split_message, strip_fields, text, tokens, write_header
from mailgate.message import Mailbox

# Characters of every kind that hurts: blanks, controls, specials of the grammar, several widths of UTF-8.
NASTY = st.text(
    st.sampled_from(' \t\r\n\0=?_"\\<>,:;.@aé\xa0\u202e\u2028\u3000答👩\u200d\ud800') | st.characters()
)
LINES = st.lists(st.sampled_from([b"List-Id: a", b"X: b", b" c", b"\td", b"", b"\xff:", b":", b"e"]))


def read(raw: bytes, name: str) -> str:
    value = message_from_bytes(raw + b"\r\n")[name].replace("\r\n", "")
    return "".join(
        p if isinstance(p, str) else p.decode(charset or "ascii") for p, charset in decode_header(value)
    )


@settings(max_examples=300, deadline=None)
@given(NASTY)
def test_text_is_read_as_its_one_line(value: str) -> None:
    raw = write_header([text("Subject", value), text("X-End", "x")])
    assert message_from_bytes(raw + b"\r\n").keys() == (
        ["Subject", "X-End"] if one_line(value) else ["X-End"]
    )
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    if one_line(value):
        assert read(raw, "Subject") == one_line(value)


@settings(max_examples=200, deadline=None)
@given(st.lists(NASTY, max_size=4))
def test_names_and_tokens_of_any_kind_add_no_field(values: list[str]) -> None:
    boxes = [Mailbox("a@x.example", value) for value in values]
    raw = write_header([mailboxes("To", boxes), tokens("References", values), text("X-End", "x")])
    parsed = message_from_bytes(raw + b"\r\n")
    assert [name for name in parsed if name not in ("To", "References")] == ["X-End"]
    assert parsed.defects == []
    assert raw.count(b"<a@x.example>") + raw.count(b"a@x.example") >= len(boxes)


@settings(max_examples=200, deadline=None)
@given(LINES, st.sampled_from([b"\r\n", b"\n", b"\r"]), st.binary(max_size=40))
def test_stripping_and_cutting_lose_no_byte_of_the_rest(lines: list[bytes], end: bytes, body: bytes) -> None:
    raw = b"".join(line + end for line in lines) + body
    header, rest = split_message(raw)
    assert raw.startswith(header)
    assert raw.endswith(rest)
    assert len(raw) - len(header) - len(rest) in (0, 1, 2)
    assert strip_fields(header, frozenset()) == header
    assert b"List-Id" not in strip_fields(header, frozenset({b"list-id"}))
