"""What `make fuzz` found and was mended: made small, each against the target that found it."""

from __future__ import annotations

import pytest

from mailgate.fieldvalues import read_ids
from tests.fuzz.judging import Limits, judge
from tests.fuzz.targets import TARGETS

FOUND = {
    "a control character in the type of a part": (
        "parse",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/\0\r\n\r\n",
    ),
    "a template's variable for an attribute": ("html", b"<td {style} class=x>a"),
    "a brace for an attribute": ("html", b"<m\t{>"),
    "braces around nothing": ("html", b'<td {}",>a'),
    "brackets around an id": ("ids", b"<]]]]]]]]]>"),
    "brackets in brackets": ("ids", b"<[[a@x.example]>"),
    "a tag in the midst of a subject": ("subject", b"Disk full [OSG #1] again"),
    "two old titles": ("subject", b"s(was )(was )"),
    "two warnings of a gateway": ("subject", b"[EXTERNAL][EXTERNAL]"),
    "blanks in a field": ("fields", b"\n\xc3\xa9" + b" " * 90_000 + b"x"),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_is_mended(name: str) -> None:
    target, data = FOUND[name]
    assert judge(TARGETS[target].run, data, Limits()).fault is None


def test_a_domain_literal_keeps_its_bracket() -> None:
    assert read_ids(b"<a@[192.0.2.1]> <[b@x.example]>") == ("<a@[192.0.2.1]>", "<b@x.example>")
