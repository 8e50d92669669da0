"""Runs what a page of the documentation shows, and compares: a page that lies is a failing test.

In a block of `console`, lines after `$ ` are commands (`> ` continues one), what follows is what they print,
on both streams. Times, numbers of events and ids of mails are as they come; `...` stands for anything, as a
line of its own for any lines.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_AS_IT_COMES = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|\+00:00)?"), "TIME"),
    (re.compile(r"operator [\w-]+"), "operator NAME"),
    (re.compile(r"(?m)^ {2,}\d+(?=  TIME)"), "EVENT"),
    (re.compile(r"[a-z2-7]{12}(?= accepted|\")"), "ID"),
    (re.compile(r"[ \t]+"), " "),
)


@dataclass
class Step:
    """One command, and what it prints."""

    command: str
    expected: list[str] = field(default_factory=list)


def steps(page: Path) -> Iterator[Step]:
    """All commands of a page, in order."""
    for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        step: Step | None = None
        for line in block.splitlines():
            if line.startswith("$ "):
                if step is not None:
                    yield step
                step = Step(line[2:])
            elif step is not None and line.startswith("> ") and not step.expected:
                step.command += "\n" + line[2:]
            elif step is not None:
                step.expected.append(line)
        if step is not None:
            yield step


def run(step: Step, folder: Path) -> str:
    """What a command prints in `folder`; the instance is in its `home`."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": programs, "MAILGATE_HOME": str(folder / "home"), "COLUMNS": "110"}
    done = subprocess.run(
        ["bash", "-c", step.command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout


def agrees(step: Step, printed: str) -> bool:
    """Whether a command printed what the page says."""
    lines = _normal("\n".join(step.expected)).splitlines()
    patterns = (r"(?:.*\n)*?" if line == "..." else _of_line(line) for line in lines)
    return (
        re.fullmatch("".join(patterns), "".join(f"{line}\n" for line in _normal(printed).splitlines()))
        is not None
    )


def _of_line(line: str) -> str:
    """A pattern for one line; `...` in it stands for anything."""
    return ".*".join(map(re.escape, line.split("..."))) + r"\n"


def _normal(text: str) -> str:
    for pattern, word in _AS_IT_COMES:
        text = pattern.sub(word, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
