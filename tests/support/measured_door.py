"""A front door in a process of its own, whose memory and CPU can be told from the test's.

`python measured_door.py MESSAGE_BYTES FILES KIND` prints its port, serves until its input ends, and prints
the kibibytes its memory has grown by, the CPU seconds it has used, and the mails it has taken. KIND is
"ours", or "naive" for aiosmtpd's own session.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mailgate.gate import Limits
from tests.support.daemon import usage_of
from tests.support.naive_door import Keeper, naive_door
from tests.support.smtp import RecordingIntake, front_door


@dataclass
class Measured:
    """A running door; the figures are there when it has ended."""

    port: int
    grown_kib: int = 0
    cpu_s: float = 0.0
    mails: int = 0


@contextmanager
def measured_door(message_bytes: int, files: int = 1024, kind: str = "ours") -> Iterator[Measured]:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.support.measured_door", str(message_bytes), str(files), kind]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        measured = Measured(int(process.stdout.readline()))
        try:
            yield measured
        finally:
            grown, cpu, mails = process.communicate(timeout=30)[0].split()
        measured.grown_kib, measured.cpu_s, measured.mails = int(grown), float(cpu), int(mails)


@contextmanager
def our_door(message_bytes: int) -> Iterator[tuple[int, Sized]]:
    limits, intake = Limits(message_bytes=message_bytes, connections_per_client=1000), RecordingIntake()
    with front_door(limits, intake=intake) as door:
        yield door.port, intake.mails


@contextmanager
def library_door(message_bytes: int) -> Iterator[tuple[int, Sized]]:
    keeper = Keeper()
    with naive_door(keeper, data_size_limit=message_bytes) as port:
        yield port, keeper.mails


def main(message_bytes: int, files: int, kind: str) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    with (our_door if kind == "ours" else library_door)(message_bytes) as (port, mails):
        # Not ru_maxrss: a new program inherits that of the process that started it.
        before = usage_of(os.getpid())
        print(port, flush=True)
        sys.stdin.read()
    after = usage_of(os.getpid())
    print((after.peak_bytes - before.peak_bytes) // 1024, after.cpu_s - before.cpu_s, len(mails))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
