"""`mailgate serve` as a process of its own, on free ports, to be stopped, killed and measured."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from mailgate.app import App
from mailgate.instance import load_instance
from mailgate.settings import HostPort
from mailgate.setup import Wishes, initialise

LIST = "osg-general@lists.example.org"
_READY_S = 20.0
_STOP_S = 30.0
# As the console script does it; that need not be on the PATH.
_PROGRAM = "from mailgate.cli import main; main()"


def new_instance(
    home: Path, *, database_url: str | None = None, smarthost: HostPort | None = None, extra: str = ""
) -> App:
    """An instance in `home` that listens on free ports, opened; `extra` is TOML for its configuration.

    Tables that are set here (smtp, lmtp, outgoing, database) can be added to by dotted keys only.
    """
    home.mkdir(parents=True, exist_ok=True)
    lines = ['smtp.listen = "127.0.0.1:0"', 'lmtp.listen = "127.0.0.1:0"']
    if smarthost is not None:
        lines.append(f'outgoing.smarthost = "{smarthost}"')
    if database_url is not None:
        lines.append(f'database.url = "{database_url}"')
    (home / "mailgate.toml").write_text("\n".join((*lines, extra, "")))
    initialise(Wishes(home, LIST, "OSG"))
    return App.open(load_instance(home))


def mailgate(home: Path, *arguments: str) -> str:
    """Run the command line on the instance in `home`; gives what it printed. Raises when it failed."""
    program = [sys.executable, "-c", _PROGRAM, "--home", str(home)]
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"mailgate {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


@dataclass(frozen=True)
class Usage:
    """What a process has used so far: its own CPU, user and system together, and its largest memory."""

    cpu_s: float
    peak_bytes: int


def usage_of(pid: int) -> Usage:
    """What the kernel counts for process `pid` (proc(5): stat fields 14 and 15, status VmHWM)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    status = Path(f"/proc/{pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return Usage(cpu_s, int(peak.split()[1]) * 1024)


class Process:
    """A program that says {"ready": true, ...} on its first line, and ends at SIGTERM."""

    def __init__(self, arguments: list[str], log: Path) -> None:
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self._log = log
        self.ready = self._wait_for_ready_line()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        return self._process.pid

    def usage(self) -> Usage:
        return usage_of(self.pid)

    def stop(self) -> str:
        """Ask it to end, and wait until it has; gives what it printed last. Raises when it failed."""
        self._process.send_signal(signal.SIGTERM)
        printed, _ = self._process.communicate(timeout=_STOP_S)
        if self._process.returncode != 0:
            raise RuntimeError(f"ended with {self._process.returncode}:\n{self._log.read_text()[-4000:]}")
        return printed

    def kill(self) -> None:
        """SIGKILL: no handler of its own runs, nothing is flushed."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _wait_for_ready_line(self) -> dict[str, object]:
        output, end = self._process.stdout, time.monotonic() + _READY_S
        assert output is not None
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            answered = selector.select(end - time.monotonic())
        line = output.readline() if answered else ""
        if not line:
            self.kill()
            raise RuntimeError(f"did not get ready:\n{self._log.read_text()[-4000:]}")
        ready: dict[str, object] = json.loads(line)
        return ready


class Daemon(Process):
    """`mailgate serve` on the instance in `home`; its log is `home`/daemon.log."""

    def __init__(self, home: Path, *options: str) -> None:
        super().__init__(["-c", _PROGRAM, "--home", str(home), "serve", *options], home / "daemon.log")

    @property
    def smtp(self) -> tuple[str, int]:
        return _host_port(self.ready["smtp"])

    @property
    def lmtp(self) -> tuple[str, int]:
        return _host_port(self.ready["lmtp"])


def _host_port(address: object) -> tuple[str, int]:
    host, _, port = str(address).rpartition(":")
    return host, int(port)
