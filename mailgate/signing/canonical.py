"""The relaxed form of header and body, which a signature is made of (RFC 6376 3.4.2, 3.4.4). Linear time."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

# A point matches CR, too.
_FIELD: Final = re.compile(rb"^([!-9;-~]+)[ \t]*:(.*(?:\n[ \t].*)*)", re.MULTILINE)
_BLANKS: Final = re.compile(rb"[ \t]+")
_FOLD: Final = re.compile(rb"\r\n(?=[ \t])")
_LINE_WIDTH: Final = 72

# A field: its name in lower case, its relaxed line without the end of line.
Relaxed = tuple[str, bytes]


def fields_of(header: bytes) -> tuple[Relaxed, ...]:
    """The fields of a header in order, relaxed."""
    return tuple(
        (name.decode("ascii").lower(), relaxed(name, value)) for name, value in _FIELD.findall(header)
    )


def relaxed(name: bytes, value: bytes) -> bytes:
    """A field: its name in lower case, its folds opened, every run of blanks one, none at its ends."""
    return name.lower() + b":" + _BLANKS.sub(b" ", _FOLD.sub(b"", value).rstrip(b"\r")).strip()


# The copies of one post share a body, and come one after another.
@lru_cache(maxsize=8)
def body_hash(body: bytes) -> str:
    """SHA-256 of the relaxed body in base64: the value of bh=."""
    lines = _BLANKS.sub(b" ", body).replace(b" \r\n", b"\r\n").removesuffix(b" ")
    text = lines.rstrip(b"\r\n")
    whole = text + b"\r\n" if text else b""
    return base64.b64encode(hashlib.sha256(whole).digest()).decode("ascii")


def chosen(fields: Sequence[Relaxed], names: Iterable[str]) -> bytes:
    """The lines that `names` stand for: of a name that comes twice the last first (RFC 6376 5.4.2)."""
    left: dict[str, list[bytes]] = {}
    for name, line in fields:
        left.setdefault(name, []).append(line)
    lines = (left[name].pop() for name in names if left.get(name))
    return b"".join(line + b"\r\n" for line in lines)


def folded(name: str, tags: Sequence[tuple[str, str]]) -> bytes:
    """A field of tags over lines of at most 72 columns, with its end of line; long values are cut anywhere,
    between the names of h= at their colons.
    """
    lines = [f"{name}:"]
    for tag, value in tags:
        pieces = value.split(":") if tag == "h" else [value]
        text = [f"{piece}:" for piece in pieces[:-1]] + [f"{pieces[-1]};"]
        text[0] = f" {tag}={text[0]}"
        for piece in text:
            _append(lines, piece)
    return "\r\n".join(lines).rstrip(";").encode("ascii") + b"\r\n"


def _append(lines: list[str], piece: str) -> None:
    while piece:
        room = _LINE_WIDTH - len(lines[-1])
        if len(piece) <= room:
            lines[-1] += piece
            return
        # What is long is base64, which blanks may stand in; the rest goes to a line of its own.
        cut = room if len(piece) > _LINE_WIDTH - 2 and room > 8 else 0
        lines[-1] += piece[:cut]
        piece = piece[cut:].lstrip()
        lines.append("\t")
