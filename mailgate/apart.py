"""Read a mail that may cost much in a process of its own, under limits: it costs itself, never the daemon.

A small mail is read here and now: caps and linear code bound what it can cost. A large one goes to a process
that ends with it; when that runs out of time or memory, the mail is one that could not be read, kept whole.
"""

from __future__ import annotations

import io
import os
import pickle
import resource
import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from mailgate import message as values
from mailgate.message import Attachment, ParsedMessage
from mailgate.parse import attachment_bytes, parse_header, parse_message

# Up to this size reading takes milliseconds, at the worst a second.
LARGEST_READ_HERE: Final = 128 * 1024
_CPU_S: Final = 10
# Files are wanted inside a transaction, and can be named instead of sent.
_FILES_CPU_S: Final = 2
# The machine may have other things to do.
_WALL_FOR_CPU: Final = 4
_MEMORY: Final = 96 * 2**20
_MEMORY_FOR_A_BYTE: Final = 12
_MESSAGE: Final = "message"
_FILES: Final = "files"
_PROGRAM: Final = "from mailgate.apart import main; main()"


def is_costly(raw: bytes) -> bool:
    """Whether a mail is to be read in a process of its own."""
    return len(raw) > LARGEST_READ_HERE


def read_message(raw: bytes, *, doubtful: bool = False) -> ParsedMessage:
    """As parse.parse_message, whatever the mail costs; `doubtful`: it made trouble before."""
    if not (doubtful or is_costly(raw)):
        return parse_message(raw)
    answer = _ask(raw, _CPU_S, _MESSAGE)
    return answer if isinstance(answer, ParsedMessage) else parse_header(raw, str(answer))


def read_attachments(raw: bytes) -> tuple[tuple[Attachment, bytes], ...]:
    """The attachments of a mail with their bytes, whatever it costs; none where they cannot be had."""
    answer = _ask(raw, _FILES_CPU_S, _FILES) if is_costly(raw) else _files(raw)
    return answer if isinstance(answer, tuple) else ()


def _files(raw: bytes) -> tuple[tuple[Attachment, bytes], ...]:
    return attachment_bytes(raw, parse_message(raw))


def _ask(raw: bytes, cpu_s: int, wanted: str) -> Any:
    """What a process of its own reads in `raw`, or a sentence that says why there is nothing."""
    command = [sys.executable, "-P", "-c", _PROGRAM, str(cpu_s), wanted]
    wall_s = cpu_s * _WALL_FOR_CPU
    try:
        done = subprocess.run(command, input=raw, capture_output=True, timeout=wall_s, check=False)
    except subprocess.TimeoutExpired:
        return f"took more than {wall_s} s to read"
    if done.returncode == -signal.SIGXCPU:
        return f"took more than {cpu_s} s of CPU to read"
    if done.returncode:
        last = done.stderr.decode("ascii", "replace").strip().rpartition("\n")[2]
        return f"could not be read within its limits: {last[:100] or f'ended with {done.returncode}'}"
    return _Answer(io.BytesIO(done.stdout)).load()


class _Answer(pickle.Unpickler):
    """Reads what the process wrote: values of ours and times, nothing that acts."""

    _TIMES: Final = {kind.__name__: kind for kind in (datetime, timedelta, timezone)}

    def find_class(self, module: str, name: str) -> Any:
        found = self._TIMES.get(name) if module == "datetime" else None
        if module == values.__name__:
            found = getattr(values, name, None)
        if not isinstance(found, type):
            raise pickle.UnpicklingError(f"{module}.{name} is no value of a mail")
        return found


def main() -> None:
    """The process: what is wanted stands in the arguments, the mail on stdin, the answer goes to stdout."""
    cpu_s, wanted = sys.argv[1:]
    # What a parser prints must not stand in the answer.
    answer_fd = os.dup(1)
    os.dup2(2, 1)
    raw = sys.stdin.buffer.read()
    _limit(int(cpu_s), len(raw))
    answer = _files(raw) if wanted == _FILES else parse_message(raw)
    with os.fdopen(answer_fd, "wb") as out:
        pickle.dump(answer, out, protocol=pickle.HIGHEST_PROTOCOL)
    # To take such a tree apart piece by piece would cost as much again.
    os._exit(0)


def _limit(cpu_s: int, size: int) -> None:
    """Bound what this process may use; over it a signal or a MemoryError ends the reading."""
    memory = _MEMORY + _MEMORY_FOR_A_BYTE * size
    # The signal comes at the first figure; at the second the kernel kills without a word.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    for what, most in ((resource.RLIMIT_DATA, memory), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        resource.setrlimit(what, (most, most))
