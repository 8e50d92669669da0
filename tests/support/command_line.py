"""`mailgate` as a program, on one instance."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAILGATE = str(Path(sys.executable).with_name("mailgate"))


@dataclass(frozen=True)
class CommandLine:
    """Runs commands on the instance in `home`."""

    home: Path

    def run(self, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = [MAILGATE, *words, "--home", str(self.home)]
        return subprocess.run(command, input=given, capture_output=True, timeout=60, check=False)

    def succeed(self, *words: str, given: bytes = b"") -> str:
        """What a command prints that must be done."""
        done = self.run(*words, given=given)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout.decode()

    def refused(self, *words: str) -> str:
        """The one line that a refused command says."""
        done = self.run(*words)
        assert done.returncode == 1, (words, done.stdout, done.stderr)
        lines = done.stderr.decode().splitlines()
        assert len(lines) == 1, lines
        return lines[0]

    def rows(self, *words: str) -> list[dict[str, Any]]:
        """The JSON lines that a command prints."""
        return [json.loads(line) for line in self.succeed(*words).splitlines()]

    def tickets_by_message_id(self) -> dict[str, list[int]]:
        """For each Message-ID the tickets it stands in."""
        found: dict[str, list[int]] = {}
        for ticket in self.rows("export"):
            for post in ticket["posts"]:
                found.setdefault(post["message_id"], []).append(ticket["ticket"])
        return found
