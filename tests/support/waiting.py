"""Waiting for something to become true, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable

_STEP_S = 0.005


def wait_until(condition: Callable[[], object], deadline_s: float = 5.0) -> None:
    """Return as soon as `condition()` is true; fail the test when it is not within `deadline_s`."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            what = getattr(condition, "__qualname__", repr(condition))
            raise AssertionError(f"not true within {deadline_s} s: {what}")
        time.sleep(_STEP_S)
