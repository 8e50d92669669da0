"""Blocks in, the mail out: the same whatever the blocks, and in linear time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.datablock import DataBlocks
from mailgate.errors import Smuggling
from tests.support.costs import cpu_s

PIECES = st.lists(
    st.sampled_from([b"\r\n", b".", b"a", b"\r", b"\n", b"\0", b"\r\n.\r\n", b".."]), max_size=12
)


def read(blocks: DataBlocks, octets: bytes, step: int) -> tuple[bytes, bytes] | None:
    """The mail and what came after it, fed `step` bytes at a time; None when it is refused."""
    try:
        for start in range(0, len(octets), step):
            rest = blocks.feed(octets[start : start + step])
            if blocks.ended:
                return blocks.take(), rest + octets[start + step :]
    except Smuggling:
        return None
    raise AssertionError("the mail did not end")


def plain_reading(octets: bytes) -> tuple[bytes, bytes] | None:
    """RFC 5321 4.5.2, line by line."""
    text, _, rest = (b"\r\n" + octets).partition(b"\r\n.\r\n")
    lines = text[2:].split(b"\r\n") if text else []
    if any(b"\r" in line or b"\n" in line for line in lines):
        return None
    return b"".join((line[1:] if line[:1] == b"." else line) + b"\r\n" for line in lines), rest


@given(PIECES, st.integers(1, 9))
def test_the_mail_is_the_same_whatever_the_blocks(pieces: list[bytes], step: int) -> None:
    octets = b"".join(pieces) + b"\r\n.\r\n"
    assert read(DataBlocks(1000), octets, step) == plain_reading(octets)


@pytest.mark.parametrize("step", [1, 2, 3, 5, 1000])
def test_a11_dots_are_unstuffed_exactly(step: int) -> None:
    octets = b"..a\r\n..\r\n...\r\n.b\r\na.\r\n.\r\nNOOP\r\n"
    assert read(DataBlocks(1000), octets, step) == (b".a\r\n.\r\n..\r\nb\r\na.\r\n", b"NOOP\r\n")


def test_what_is_beyond_the_limit_is_counted_and_not_kept() -> None:
    blocks = DataBlocks(10)
    blocks.feed(b"123456789\r\nx")
    assert blocks.too_large
    assert blocks.held == 0
    assert blocks.feed(b"ore\r\n.\r\n") == b""
    assert blocks.ended
    assert blocks.size == 17


def test_the_limit_counts_neither_stuffed_dots_nor_the_end() -> None:
    blocks = DataBlocks(10)
    blocks.feed(b"..2345678\r\n.\r\n")
    assert not blocks.too_large
    assert blocks.take() == b".2345678\r\n"


def test_one_byte_at_a_time_costs_the_same_for_the_last_as_for_the_first() -> None:
    blocks = DataBlocks(10**7)

    def feed_bytes() -> None:
        for _ in range(20_000):
            blocks.feed(b"x")

    first = cpu_s(feed_bytes)
    blocks.feed(b"y" * 5_000_000)
    assert cpu_s(feed_bytes) < 5 * first + 0.05
