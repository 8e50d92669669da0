"""The lines of a text, each with what it is: new, quoted, or signature."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from mailgate.message import SeparatedText

# What a line is, one byte a line: so runs of a kind are found without a step for each line. What
# programs and habits put around a text counts as signature.
NEW: Final = 0
QUOTED: Final = 1
SIGNATURE: Final = 2

# Longer lines are text: no client writes such an attribution, header, or footer.
MAX_LINE: Final = 400
# Nobody writes more lines than these: what comes after them stays one piece, of one kind.
_MAX_LINES: Final = 50_000

_RUN: Final = re.compile(rb"\x00+|\x01+|\x02+")
_NEW_RUN: Final = re.compile(rb"\x00+")
_QUOTED_RUN: Final = re.compile(rb"\x01+")


@dataclass(slots=True)
class Page:
    """Lines and their kinds, index by index; `notes` say what was found."""

    text: str
    lines: list[str]
    kinds: bytearray
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, text: str) -> Page:
        """The lines of `text`, all new."""
        lines = text.split("\n", _MAX_LINES)
        return cls(text, lines, bytearray(len(lines)))

    def mark(self, start: int, end: int, kind: int) -> None:
        """Make the lines from `start` up to `end` of one kind."""
        self.kinds[start:end] = bytes((kind,)) * (end - start)

    def is_new(self, index: int) -> bool:
        """Whether a line is new and not blank."""
        return self.kinds[index] == NEW and bool(self.lines[index].strip())

    def text_below(self, index: int, reach: int = 5) -> int | None:
        """The first line with text of the `reach` lines from `index` on."""
        for at in range(index, min(len(self.lines), index + reach)):
            if self.lines[at].strip():
                return at
        return None

    def text_above(self, index: int, reach: int = 5) -> int | None:
        """The first line with text of the `reach` lines above `index`."""
        for at in range(index - 1, max(-1, index - 1 - reach), -1):
            if self.lines[at].strip():
                return at
        return None

    def stretches(self) -> list[tuple[int, int]]:
        """Where new text begins and ends, blank lines included."""
        return [match.span() for match in _NEW_RUN.finditer(bytes(self.kinds))]

    def quotes(self) -> list[tuple[int, int]]:
        """Where quoted text begins and ends."""
        return [match.span() for match in _QUOTED_RUN.finditer(bytes(self.kinds))]

    def separated(self) -> SeparatedText:
        """The text of each kind, its lines in order, without the blank ones at the edges."""
        if not any(self.kinds):
            return SeparatedText(self.text.strip("\n"))
        self._fill_blank()
        parts: tuple[list[str], list[str], list[str]] = ([], [], [])
        for match in _RUN.finditer(bytes(self.kinds)):
            start, end = match.span()
            parts[self.kinds[start]].extend(self.lines[start:end])
        new, quoted, signature = ("\n".join(part).strip("\n") for part in parts)
        return SeparatedText(new, quoted, signature, tuple(self.notes))

    def _fill_blank(self) -> None:
        """Give blank lines to what stands below them: so paragraphs stay apart without a quote."""
        for start, end in self.stretches():
            text = end
            while text > start and not self.lines[text - 1].strip():
                text -= 1
            if end < len(self.lines):
                self.mark(text, end, self.kinds[end])
