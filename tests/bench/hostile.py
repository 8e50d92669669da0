"""What hostile mail costs a real daemon: `python -m tests.bench.hostile`.

Each mail goes in by SMTP; printed are its reply, the CPU that the daemon and its processes took until it was
worked and told, and their memory (proportional set size) above rest: the most meanwhile, and what stayed.
Ends with 1 when a reply is wrong or a cost is over what we promise.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from mailgate.app import App
from tests.bench.threading_score import is_idle
from tests.support.daemon import Daemon, new_instance
from tests.support.hostile import NoHostileMail, hand_in, hostile_mails
from tests.support.waiting import wait_until

_MOST_CPU_S = 1.0
_MOST_MEMORY = 4 * 25 * 2**20
_SAMPLED_EVERY_S = 0.005
_NEAR_REST = 16 * 2**20
_SETTLES_S = 3.0
_MIB = 2**20


def cpu_of(pid: int) -> float:
    """CPU of a process and of its children that ended, in seconds (proc(5): stat fields 14 to 17)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> int:
    """The proportional set size of a process and its children, in bytes."""
    children = [
        child
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
    return sum(_own_memory(each) for each in (str(pid), *children))


def _own_memory(pid: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has just ended
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


class Watch:
    """The most memory while the block lasts."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.most = memory_of(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_SAMPLED_EVERY_S):
            self.most = max(self.most, memory_of(self._pid))


def _one(app: App, daemon: Daemon, raw: bytes, rest: int) -> tuple[str, float, int, int]:
    """Reply, CPU in seconds, most memory and memory afterwards above `rest`."""
    before = cpu_of(daemon.pid)
    with Watch(daemon.pid) as watch:
        reply = hand_in(daemon.smtp, raw)
        wait_until(lambda: app.read(is_idle), 60)
    cpu = cpu_of(daemon.pid) - before
    with suppress(AssertionError):
        wait_until(lambda: memory_of(daemon.pid) - rest < _NEAR_REST, _SETTLES_S)
    return reply, cpu, watch.most - rest, memory_of(daemon.pid) - rest


def _measure(work: Path) -> bool:
    """Print a line for each mail; whether all is as promised."""
    mails = hostile_mails(work / "mails")
    app, good = new_instance(work / "instance"), True
    with Daemon(work / "instance") as daemon:
        _one(app, daemon, b"From: ann@x.test\r\nSubject: warm up\r\n\r\nIs it warm?\r\n", 0)
        rest = memory_of(daemon.pid)
        print(f"at rest {rest / _MIB:.0f} MiB\n{'':<44}{'CPU s':>7}{'+MiB':>7}{'stay':>7}  reply")
        for mail in mails:
            reply, cpu, most, stays = _one(app, daemon, mail.raw, rest)
            right = any(reply.startswith(code) for code in mail.codes)
            fine = right and cpu < _MOST_CPU_S and most <= _MOST_MEMORY
            good = good and fine
            print(
                f"{mail.name:<44}{cpu:>7.2f}{most / _MIB:>7.0f}{stays / _MIB:>7.0f}  {reply[:60]}"
                + ("" if fine else f"   <-- wanted {'|'.join(mail.codes)}, {_MOST_CPU_S:.0f} s"),
                flush=True,
            )
        daemon.stop()
    app.close()
    return good


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="mailgate-bench-") as folder:
        try:
            return 0 if _measure(Path(folder)) else 1
        except NoHostileMail as error:
            print(f"hostile: {error}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
