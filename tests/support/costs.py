"""What a piece of work costs, measured so that other work on the machine does not count."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable


def cpu_s(work: Callable[[], object], times: int = 3) -> float:
    """The CPU seconds of `work()`, the least of some times."""

    def once() -> float:
        begin = time.thread_time()
        work()
        return time.thread_time() - begin

    return min(once() for _ in range(times))


def growth(work: Callable[[int], object], size: int, times: int = 3) -> float:
    """What `work` costs for four times the size, as against the size: 4 if it is linear, 16 if quadratic."""
    return cpu_s(lambda: work(4 * size), times) / cpu_s(lambda: work(size), times)


def memory(work: Callable[[], object]) -> int:
    """The most bytes that Python objects made in `work()` held at one time."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
