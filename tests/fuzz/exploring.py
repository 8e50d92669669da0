"""The blind runner: mutates seeds, and goes on from those that took the most CPU for their size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tests.fuzz.judging import Fault, Limits, judge
from tests.fuzz.mutating import Mutator
from tests.fuzz.targets import Target

_MOST_KEPT = 2000


@dataclass(frozen=True, slots=True)
class Tried:
    """An input that was tried: which number it has, and what came of it."""

    number: int
    data: bytes
    cpu_s: float
    fault: Fault | None


def explore(
    target: Target, seeds: Sequence[bytes], rng: Random, limits: Limits, goes_on: Callable[[], bool]
) -> Iterator[Tried]:
    """Try the seeds, then what mutations make of them, for as long as `goes_on` says."""
    mutator, kept = Mutator(seeds), list(seeds)
    slowest: dict[int, float] = {}
    number = 0
    while goes_on():
        fresh = number < len(seeds)
        data = seeds[number] if fresh else mutator.mutate(rng.choice(kept), rng, limits.input_bytes)
        trial = judge(target.run, data, limits)
        number += 1
        yield Tried(number, data, trial.cpu_s, trial.fault)
        # Slow for its size is the way to slower still: the cost of its repetition shows how it grows.
        size = len(data).bit_length()
        if not fresh and trial.cpu_s > slowest.get(size, 0) and len(kept) < _MOST_KEPT:
            kept.append(data)
        slowest[size] = max(trial.cpu_s, slowest.get(size, 0))
