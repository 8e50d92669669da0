"""The field Authentication-Results (RFC 8601): read with care, and written of what cannot be misread.

Whoever sends a mail chooses what stands in many of its values, and would have a result of their own seen in
them: so quotes and comments are read as such, and a value that is no name of a host is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

NAME: Final = "Authentication-Results"
_TOKEN: Final = re.compile(
    r"""(?P<space>[ \t\r\n]++)
      | (?P<quoted>"(?:[^"\\]++|\\.)*+")
      | (?P<special>[;=()])
      | (?P<word>[^ \t\r\n";=()]++)""",
    re.VERBOSE | re.DOTALL,
)
_LONGEST: Final = 16 * 1024
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,253}", re.ASCII)
_SAFE: Final = re.compile(r"[A-Za-z0-9._@+=-]{1,320}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one method found: "dkim", "pass", {"header.d": "x.example"}; all in lower case."""

    method: str
    result: str
    properties: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """The property called `name`, or ""."""
        return next((value for key, value in self.properties if key == name), "")


@dataclass(frozen=True, slots=True)
class Results:
    """A field: who found it, and what."""

    by: str
    findings: tuple[Finding, ...]


def read(value: bytes) -> Results | None:
    """The field as written, or None where it is none by RFC 8601 2.2: then nothing in it is believed."""
    tokens = _tokens(value[:_LONGEST].decode("ascii", "replace"))
    if tokens is None or len(value) > _LONGEST:
        return None
    statements = list(_split(tokens))
    who = statements[0][:1]
    if not who or not _ID.fullmatch(who[0]):
        return None
    findings = [_finding(statement) for statement in statements[1:] if statement and statement != ["none"]]
    if any(one is None for one in findings):
        return None
    return Results(who[0].lower(), tuple(one for one in findings if one is not None))


def _tokens(text: str) -> list[str] | None:
    """Words and specials; comments are left out. None where a quote or comment does not end."""
    found: list[str] = []
    at = depth = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            return None
        at = match.end()
        kind, lexeme = match.lastgroup, match[0]
        if lexeme in {"(", ")"}:
            depth += 1 if lexeme == "(" else -1
            if depth < 0:
                return None
        elif not depth and kind != "space":
            found.append(_unquoted(lexeme) if kind == "quoted" else lexeme)
    return None if depth else found


def _unquoted(lexeme: str) -> str:
    # A separator inside quotes is text; what stands for it may be in no name, so nothing is found in it.
    return re.sub(r"[\s;=]", "?", re.sub(r"\\(.)", r"\1", lexeme[1:-1])) or "?"


def _split(tokens: Iterable[str]) -> Iterator[list[str]]:
    statement: list[str] = []
    for lexeme in tokens:
        if lexeme == ";":
            yield statement
            statement = []
        else:
            statement.append(lexeme)
    yield statement


def _finding(statement: list[str]) -> Finding | None:
    """method = result, and properties ptype.name = value; None of anything else."""
    pairs: list[tuple[str, str]] = []
    rest = statement
    while rest:
        if len(rest) < 3 or rest[1] != "=" or "=" in (rest[0], rest[2]):
            return None
        pairs.append((rest[0].lower(), rest[2].lower()))
        rest = rest[3:]
        while rest[:1] == ["="]:
            # What pads base64, as in header.b.
            rest = rest[1:]
    (method, result), *properties = pairs
    return Finding(method.partition("/")[0], result, tuple(properties))


def write(by: str, findings: Iterable[Finding]) -> bytes:
    """The field, with its end of line, one method a line."""
    written = [_written(finding) for finding in findings] or ["none"]
    return f"{NAME}: {by};\r\n\t".encode() + ";\r\n\t".join(written).encode() + b"\r\n"


def _written(finding: Finding) -> str:
    safe = (f" {name}={value}" for name, value in finding.properties if _SAFE.fullmatch(value))
    return f"{finding.method}={finding.result}{''.join(safe)}"
