"""Programs of others that tests meet: from the index, each in an environment outside the repository."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path

_INSTALL_S = 600


class Unavailable(Exception):
    """It cannot be installed here; the text says why."""


def programs(*wanted: str) -> Path:
    """Where the programs of packages are, which are installed now if they were not; raises Unavailable.

    The first of `wanted` is the one that this is about.
    """
    cache = Path(os.environ.get("MAILGATE_TEST_CACHE") or Path.home() / ".cache" / "mailgate-tests")
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    folder = cache / re.sub(r"[^a-z0-9.]+", "-", "-".join((*wanted, version)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            # Several processes run tests: one installs, the others wait.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "installed").exists():
                _install(folder, wanted)
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"{wanted[0]} cannot be installed: {_reason(error)}") from None
    return folder / "bin"


def _install(folder: Path, wanted: tuple[str, ...]) -> None:
    pip = (folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *wanted)
    for command in ((sys.executable, "-m", "venv", folder), pip):
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_INSTALL_S)
    (folder / "installed").touch()


def _reason(error: Exception) -> str:
    said = getattr(error, "stderr", "") or str(error)
    return (said.strip().splitlines() or [type(error).__name__])[-1]
