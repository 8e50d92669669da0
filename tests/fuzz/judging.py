"""One input against one target: does it raise, break an invariant, take too long or too much memory?"""

from __future__ import annotations

import os
import resource
import signal
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).parents[2]
# Whose lines are worth naming, the best first: ours, then the targets, which assert.
_OURS = tuple(str(ROOT / name) + os.sep for name in ("mailgate", "tracker", "routing"))
_OURS_OR_TESTS = (*_OURS, str(ROOT / "tests") + os.sep)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one input of at most `input_bytes` may cost: CPU of the process, and growth of its memory."""

    cpu_s: float = 1.0
    memory_bytes: int = 64 * 1024 * 1024
    input_bytes: int = 100_000
    # What runs on for so long is ended.
    hang_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong. `kind` is exception, invariant, cpu, memory or died; `place` file and function."""

    kind: str
    place: str
    detail: str

    @property
    def key(self) -> str:
        """The same for all inputs that show the same fault."""
        return f"{self.kind} {self.place}"


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one input."""

    cpu_s: float
    fault: Fault | None


class _EndlessInput(BaseException):
    """Ends an input that does not end; not an Exception, which total functions catch."""


class _Watch:
    """Notes where the CPU is spent when the limit is passed; ends what runs on."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.place = ""

    def __enter__(self) -> _Watch:
        signal.signal(signal.SIGPROF, self._tick)
        signal.setitimer(signal.ITIMER_PROF, self.limits.cpu_s, self.limits.hang_s)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _tick(self, _: int, frame: FrameType | None) -> None:
        if self.place:
            raise _EndlessInput
        stack = traceback.walk_stack(frame)
        self.place = _place([(f.f_code.co_filename, f.f_code.co_name, n) for f, n in stack])


class _Peak:
    """The most memory that the process held since `reset`, in bytes; 0 where the system does not tell."""

    def __init__(self) -> None:
        try:
            self._reset = os.open("/proc/self/clear_refs", os.O_WRONLY)
            self._status = os.open("/proc/self/status", os.O_RDONLY)
        except OSError:
            self._reset = self._status = -1

    def reset(self) -> int:
        """Forget the peak; gives what is held now."""
        if self._reset >= 0:
            os.pwrite(self._reset, b"5", 0)
        return self.bytes()

    def bytes(self) -> int:
        if self._status < 0:
            return 0
        status = os.pread(self._status, 4096, 0)
        return int(status.partition(b"VmHWM:")[2].split(maxsplit=1)[0]) * 1024


@cache
def _peak(_: int) -> _Peak:
    """The one of this process."""
    return _Peak()


def judge(run: Callable[[bytes], None], data: bytes, limits: Limits) -> Trial:
    """Run one input in this process, which must be its main thread."""
    fault: Fault | None = None
    peak = _peak(os.getpid())
    before, watch = peak.reset(), _Watch(limits)
    start = time.process_time()
    try:
        with watch:
            run(data)
    except _EndlessInput:
        pass
    except Exception as error:
        fault = _fault_of(error)
    spent = time.process_time() - start
    growth = peak.bytes() - before
    if fault is None and spent > limits.cpu_s:
        fault = Fault("cpu", watch.place or "?", f"{spent:.2f} s of CPU for {len(data)} bytes")
    if fault is None and growth > limits.memory_bytes:
        fault = Fault("memory", "?", f"{growth >> 20} MB for {len(data)} bytes")
    return Trial(spent, fault)


def cap_memory(size_bytes: int) -> None:
    """Let the process end with MemoryError before the machine suffers."""
    resource.setrlimit(resource.RLIMIT_AS, (size_bytes, size_bytes))


def _fault_of(error: Exception) -> Fault:
    stack = traceback.extract_tb(error.__traceback__)
    frames = [(f.filename, f.name, f.lineno or 0) for f in reversed(stack)]
    raised_here = not frames[0][0].startswith(_OURS)
    kind = "invariant" if isinstance(error, AssertionError) and raised_here else "exception"
    line = (stack[-1].line or "").strip() if kind == "invariant" else ""
    detail = f"{type(error).__name__}: {error} {line}".replace("\n", " ")[:300]
    place = _place(frames)
    return Fault(kind, place if kind == "invariant" else f"{type(error).__name__} {place}", detail)


def _place(frames: Iterable[tuple[str, str, int]]) -> str:
    """The innermost line of ours, else that of the test; `frames` from the innermost outwards."""
    known = list(frames)
    for wanted in (_OURS, _OURS_OR_TESTS):
        for file, name, line in known:
            if file.startswith(wanted) and not file.endswith("judging.py"):
                where = f"{Path(file).relative_to(ROOT)}:{name}"
                return where if wanted is _OURS else f"{where}:{line}"
    return f"{Path(known[0][0]).name}:{known[0][1]}" if known else "?"
