"""A front door in a process of its own, whose memory and CPU can be told from the test's.

`python measured_door.py MESSAGE_BYTES FILES` prints its port, serves until its input ends, and prints the
kibibytes its memory has grown by, the CPU seconds it has used, and the mails it has taken.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mailgate.gate import Limits
from tests.support.smtp import RecordingIntake, front_door


@dataclass
class Measured:
    """A running door; the figures are there when it has ended."""

    port: int
    grown_kib: int = 0
    cpu_s: float = 0.0
    mails: int = 0


@contextmanager
def measured_door(message_bytes: int, files: int = 1024) -> Iterator[Measured]:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.support.measured_door", str(message_bytes), str(files)]
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


def main(message_bytes: int, files: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    intake = RecordingIntake()
    with front_door(Limits(message_bytes=message_bytes, connections_per_client=1000), intake=intake) as door:
        before = resource.getrusage(resource.RUSAGE_SELF)
        print(door.port, flush=True)
        sys.stdin.read()
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(after.ru_maxrss - before.ru_maxrss, cpu, len(intake.mails))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
