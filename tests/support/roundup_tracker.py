"""A Roundup tracker made for a test, its export, and what it says is in it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.environments import programs

# pytz: without it a user of Roundup has no zone but a number of hours.
_WANTED = ("roundup==2.6.0", "pytz")
_MAKER = Path(__file__).with_name("roundup_maker.py")
_MOST_S = 300


@dataclass
class Roundup:
    """A tracker in a folder; raises environments.Unavailable where Roundup cannot be installed."""

    base: Path

    def make(self, issues: int, seed: int) -> dict[str, Any]:
        """Make it; gives what is in it: `people` by number, `issues` by name."""
        return self._told(str(issues), str(seed))

    def go_on(self) -> dict[str, Any]:
        """Let people say and do more in it."""
        return self._told("more")

    def _told(self, *words: str) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(
            self._run("python", "-P", str(_MAKER), str(self.base / "home"), *words)
        )
        return said

    def export(self, name: str) -> Path:
        """What `roundup-admin export` writes."""
        folder = self.base / name
        self._run("roundup-admin", "-i", str(self.base / "home"), "export", str(folder))
        return folder

    def _run(self, program: str, *words: str) -> str:
        command = [str(programs(*_WANTED) / program), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_MOST_S, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout
