"""Memory that a large mail took goes back to the system."""

from __future__ import annotations

import ctypes

import pytest

from mailgate.memory import Memory

_PIECES = 8_000


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library has no malloc_trim")
def test_what_the_allocator_keeps_is_given_back() -> None:
    memory = Memory()
    # Some stay, scattered: the allocator gives back nothing by itself.
    pieces = [bytes(12_000) for _ in range(_PIECES)]
    kept = pieces[::20]
    del pieces
    before = memory._resident()
    memory.give_back()
    assert before - memory._resident() > _PIECES * 12_000 // 2
    assert len(kept) == _PIECES // 20


def test_nothing_is_done_where_nothing_came() -> None:
    memory = Memory()
    calls: list[int] = []
    memory._trim = calls.append
    memory.give_back()
    assert calls == []
