"""What was found: the input as a file, and beside it in words what is wrong and how to see it again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz.judging import Fault, Limits, judge

if TYPE_CHECKING:
    # The modules under test are imported when atheris is ready to instrument them.
    from tests.fuzz.targets import Target


@dataclass(slots=True)
class Findings:
    """The findings in a folder; each fault of a target is kept once."""

    folder: Path
    known: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.known.update(path.read_text().partition("\n")[0] for path in self.folder.glob("*.txt"))

    def is_known(self, target: str, fault: Fault) -> bool:
        return f"{target}: {fault.key}" in self.known

    def keep(self, target: str, fault: Fault, data: bytes) -> Path:
        """Write a finding down, unless its fault is known; gives the file of the input."""
        name = f"{target}-{fault.kind}-{hashlib.sha256(data).hexdigest()[:10]}"
        path = self.folder / f"{name}.input"
        if self.is_known(target, fault):
            return path
        self.known.add(f"{target}: {fault.key}")
        path.write_bytes(data)
        again = f".venv/bin/python -m tests.fuzz try {target} {path}"
        path.with_suffix(".txt").write_text(f"{target}: {fault.key}\n{fault.detail}\nsee it again: {again}\n")
        return path


def shrink(target: Target, data: bytes, limits: Limits, tries: int = 2000) -> bytes:
    """A smaller input with the same fault: without lines, then without bytes, as long as that goes on."""
    wanted = judge(target.run, data, limits).fault
    if wanted is None:
        return data
    for split in (lambda each: each.splitlines(keepends=True), lambda each: [bytes((b,)) for b in each]):
        pieces = split(data)
        size = len(pieces)
        while size and tries > 0:
            size //= 2
            at = 0
            while size and at < len(pieces) and tries > 0:
                tries -= 1
                fewer = pieces[:at] + pieces[at + size :]
                fault = judge(target.run, b"".join(fewer), limits).fault
                if fault is not None and fault.key == wanted.key:
                    pieces = fewer
                else:
                    at += size
        data = b"".join(pieces)
    return data
