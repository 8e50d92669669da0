"""What `make fuzz` found and was mended: made small, each against the target that found it."""

from __future__ import annotations

import pytest

from tests.fuzz.judging import Limits, judge
from tests.fuzz.targets import TARGETS

FOUND = {
    "a control character in the type of a part": (
        "parse",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/\0\r\n\r\n",
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_is_mended(name: str) -> None:
    target, data = FOUND[name]
    assert judge(TARGETS[target].run, data, Limits()).fault is None
