"""One target for a given time in this process: guided by coverage where atheris is, else blind."""

from __future__ import annotations

import hashlib
import mmap
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.findings import Findings
from tests.fuzz.judging import ROOT, Fault, Limits, cap_memory, judge

# The process of a fuzzer may take this much; an input may take Limits.memory_bytes.
_MOST_MEMORY = 4 * 1024 * 1024 * 1024
_EVERY_S = 10.0
_GUIDED_PACKAGES = ["mailgate", "routing", "mailparser"]


@dataclass(slots=True)
class Work:
    """What is to be done: a target by name, for how long, in which folder."""

    name: str
    seconds: float
    folder: Path
    seed: int = 0
    limits: Limits = field(default_factory=Limits)
    plain: bool = False

    @property
    def corpus(self) -> Path:
        return self.folder / "corpus" / self.name

    @property
    def seeds(self) -> Path:
        """What the mutations begin with, as files for libFuzzer."""
        return self.folder / "seeds" / self.name

    @property
    def last_input(self) -> Path:
        """Where the input under trial stands, for whoever finds this process dead."""
        return self.folder / f"last-{self.name}"

    @property
    def slowest_input(self) -> Path:
        """The input that took most CPU in the last run: it may be near a finding."""
        return self.folder / f"slowest-{self.name}"


class _Ledger:
    """Counts, shows progress, keeps findings."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._findings = Findings(work.folder / "findings")
        self._start = self._shown = time.monotonic()
        self.tried = self.faults = 0
        self._finished = False
        self.slowest = 0.0

    def note(self, data: bytes, cpu_s: float, fault: Fault | None) -> None:
        self.tried += 1
        if cpu_s > self.slowest:
            self.slowest = cpu_s
            self._work.slowest_input.write_bytes(data)
        if fault is not None and not self._findings.is_known(self._work.name, fault):
            self._keep(data, fault)
        if time.monotonic() - self._shown > _EVERY_S:
            self.show()

    def _keep(self, data: bytes, fault: Fault) -> None:
        if fault.kind in ("cpu", "memory") and not _is_confirmed(self._work, data):
            return
        self.faults += 1
        path = self._findings.keep(self._work.name, fault, data)
        print(f"{self._work.name}: FOUND {fault.key}: {fault.detail}\n  {path}", flush=True)

    def finish(self) -> None:
        """Show the end, once."""
        if not self._finished:
            self._finished = True
            self.show()

    def show(self) -> None:
        self._shown = time.monotonic()
        spent = self._shown - self._start
        print(
            f"{self._work.name}: {spent:.0f} s, {time.process_time():.0f} s CPU, {self.tried} inputs, "
            f"{self.tried / max(spent, 0.01):.0f}/s, "
            f"slowest {self.slowest:.2f} s, {self.faults} found",
            flush=True,
        )


class LastInput:
    """Keeps the input under trial in a file, which outlives this process."""

    def __init__(self, path: Path, most: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(8 + most))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8 + most)

    def put(self, data: bytes) -> None:
        self._map[:8] = len(data).to_bytes(8, "big")
        self._map[8 : 8 + len(data)] = data

    @staticmethod
    def get(path: Path) -> bytes:
        """The input that stood there last; b"" when the process did not come so far."""
        if not path.exists():
            return b""
        content = path.read_bytes()
        return content[8 : 8 + int.from_bytes(content[:8], "big")]


def _is_confirmed(work: Work, data: bytes) -> bool:
    """Whether a process of its own, without the instruments of the fuzzer, finds it too costly too."""
    path = work.folder / f"suspect-{work.name}"
    path.write_bytes(data)
    command = [sys.executable, "-m", "tests.fuzz", "try", work.name, str(path)]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode == 1


def work_blind(work: Work) -> int:
    """Run without guidance; gives how many faults were found."""
    from tests.fuzz.exploring import explore
    from tests.fuzz.seeding import seeds
    from tests.fuzz.targets import TARGETS

    cap_memory(_MOST_MEMORY)
    target, rng = TARGETS[work.name], Random(work.seed)
    found = seeds(target, Random(0), shared=True)
    rng.shuffle(found)
    ledger, last = _Ledger(work), LastInput(work.last_input, work.limits.input_bytes)
    end = time.monotonic() + work.seconds

    def shown(data: bytes) -> None:
        last.put(data)
        target.run(data)

    for tried in explore(replace(target, run=shown), found, rng, work.limits, lambda: time.monotonic() < end):
        ledger.note(tried.data, tried.cpu_s, tried.fault)
    ledger.finish()
    return ledger.faults


def work_guided(work: Work) -> None:
    """Run under atheris, which ends the process."""
    import atheris

    with atheris.instrument_imports(include=_GUIDED_PACKAGES):
        from tests.fuzz.targets import TARGETS
    from tests.fuzz.seeding import seeds

    cap_memory(_MOST_MEMORY)
    target = TARGETS[work.name]
    first = seeds(target, Random(0), shared=True)
    _fill(work.seeds, first)
    work.corpus.mkdir(parents=True, exist_ok=True)
    ledger, last = _Ledger(work), LastInput(work.last_input, work.limits.input_bytes)
    end = time.monotonic() + work.seconds

    def one_input(data: bytes) -> None:
        if time.monotonic() > end:
            # libFuzzer looks at the time only when it is through with the seeds.
            ledger.finish()
            return
        data = data[: work.limits.input_bytes]
        last.put(data)
        trial = judge(target.run, data, work.limits)
        ledger.note(data, trial.cpu_s, trial.fault)

    atheris.Setup(_libfuzzer_arguments(work), one_input, custom_mutator=_mutation(atheris, first))
    atheris.Fuzz()


def _libfuzzer_arguments(work: Work) -> list[str]:
    return [
        sys.argv[0],
        f"-max_total_time={int(work.seconds) + 2}",
        f"-max_len={work.limits.input_bytes}",
        "-timeout=120",
        "-rss_limit_mb=0",
        "-len_control=0",
        "-verbosity=0",
        f"-seed={work.seed + 1}",
        f"-artifact_prefix={work.folder}/",
        str(work.corpus),
        str(work.seeds),
    ]


def _mutation(atheris: Any, pool: Sequence[bytes]) -> Callable[[bytes, int, int], bytes]:
    """Our mutations three times out of four, those of libFuzzer else."""
    from tests.fuzz.mutating import Mutator

    mutator = Mutator(pool)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        if seed % 4 == 0:
            return bytes(atheris.Mutate(data, most))
        return mutator.mutate(data, Random(seed), most)

    return mutate


def _fill(folder: Path, inputs: Sequence[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for data in inputs:
        path = folder / hashlib.sha256(data).hexdigest()[:20]
        if not path.exists():
            path.write_bytes(data)
