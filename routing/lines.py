"""What each line of a text is: prose, a log or other output of a program, or a pasted mail header."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final

_LONGEST: Final = 500


class LineKind(Enum):
    """Whether people wrote it, a program did, or it is the trace of a mail."""

    PROSE = auto()
    LOG = auto()
    TRACE = auto()


# Header fields that tell of a mail's way; what follows indented belongs to them (RFC 5322 2.2.3).
_TRACE: Final = re.compile(
    r"\s{0,8}(?:received|return-path|delivered-to|dkim-signature|authentication-results|message-id|references"
    r"|in-reply-to|x-[a-z-]{1,40}|arc-[a-z-]{1,30}|list-[a-z]{1,20}):",
    re.IGNORECASE,
)
_MONTH: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_TIME: Final = re.compile(
    rf"\W{{0,8}}(?:\d{{1,4}}[-/.]\d{{1,2}}[-/.]\d{{1,4}}[ t,]+\d{{1,2}}:\d\d"
    rf"|(?:[a-z]{{3}},? )?{_MONTH} {{1,2}}\d{{1,2}}[ ,]+(?:\d{{4}} )?\d\d:\d\d"
    rf"|\d{{1,2}} ?/?{_MONTH}/?.{{0,7}}\d\d:\d\d"
    r"|\d\d:\d\d:\d\d\b|\d{9,10}[. ])",
    re.IGNORECASE,
)
_PROMPT: Final = re.compile(
    r"\s{0,8}(?:[$%#]|>>>|\[[\w.@~ /-]{2,60}\][$%#]|[\w.-]{1,40}[@:][\w.:~/-]{1,60}[$%#])\s\S"
)
_LEVEL: Final = re.compile(
    r"\b(?:ERROR|WARN|WARNING|INFO|DEBUG|FATAL|CRITICAL|NOTICE|TRACE|SEVERE)\b\W"
    r"|^\W{0,3}(?:Error|Warning):"
)
_TRACEBACK: Final = re.compile(
    r"\s{0,12}(?:Traceback \(most|File \"|at [\w$.<>]{3,120}\(|Caused by: |\.\.\. \d+ more|Exception in |"
    r"[\w.]{3,80}(?:Error|Exception)\b:?)"
)
_WORD: Final = re.compile(r"[^\W\d_]{2,}(?:['’][a-z]{1,3})?[,.;:!?)]*")


def classify(text: str) -> Iterator[tuple[LineKind, str]]:
    """Each line with what it is. Linear in the text."""
    before = LineKind.PROSE
    for line in text.split("\n"):
        before = _kind(line[:_LONGEST], before)
        yield before, line


def log_lines(text: str) -> str:
    """The lines of a text that a program wrote."""
    return "\n".join(line for kind, line in classify(text) if kind is LineKind.LOG)


def _kind(line: str, before: LineKind) -> LineKind:
    if _TRACE.match(line):
        return LineKind.TRACE
    if before is LineKind.TRACE and line[:1] in (" ", "\t") and line.strip():
        return LineKind.TRACE
    if _TIME.match(line) or _PROMPT.match(line) or _LEVEL.search(line) or _TRACEBACK.match(line):
        return LineKind.LOG
    return LineKind.LOG if _is_output(line) else LineKind.PROSE


def _is_output(line: str) -> bool:
    """Whether a line has more of symbols, numbers and paths than of words, as programs write."""
    tokens = line.split()
    if not tokens:
        return False
    words = sum(1 for token in tokens if _WORD.fullmatch(token.strip("\"'()[]<>*")))
    marks = sum(1 for token in tokens if any(mark in token for mark in "=/{}|\\;<>") or token.count(":") > 1)
    if len(tokens) <= 2:
        # A line with nothing but a host or a path may be what the writer asks about.
        return marks > 0 and words == 0 and any(mark in line for mark in "={}|;")
    return words * 2 < len(tokens) and (marks * 4 >= len(tokens) or _columns(tokens))


def _columns(tokens: list[str]) -> bool:
    """Whether it looks like a row of a table: mostly numbers."""
    return sum(1 for token in tokens if any(c.isdigit() for c in token)) * 2 >= len(tokens)
