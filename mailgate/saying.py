"""What became of something that was asked, for who asked it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """What became of one line ("" for what an address asks): done, or why not."""

    line: str
    done: bool
    text: str

    def __str__(self) -> str:
        return f"{self.line}: {self.text}" if self.line else self.text
