"""Transfer encodings undone (RFC 2045 6), as far as they can be: damaged ones too."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

from mailgate.clean import BASE64, quads

_IDENTITY = frozenset({"", "7bit", "8bit", "binary", "7-bit", "8-bit", "7bits", "8bits", "none"})
_UU = frozenset({"x-uuencode", "uuencode", "x-uue", "uue"})

_BLANKS = b" \t\r\n"
# After padding only what cannot be a word of a footer is more of it.
_MORE_BASE64 = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}[ \t\r\n]*")

# RFC 2045 6.7 (3): blanks at the end of a line were added on the way.
_BLANKS_AFTER_BREAK = re.compile(rb"=[ \t]++(?=\r?\n|\Z)")


@dataclass(frozen=True, slots=True)
class Undone:
    """The content of a part; `rest` is what stands after the end of its encoding, `fault` what was wrong."""

    data: bytes
    rest: bytes = b""
    fault: str = ""


def undo(data: bytes, encoding: str) -> Undone:
    """`data` without its Content-Transfer-Encoding, `encoding` in lower case; never fails."""
    if encoding in _IDENTITY:
        return Undone(data)
    if encoding == "base64":
        return _base64(data)
    if encoding == "quoted-printable":
        return Undone(binascii.a2b_qp(_BLANKS_AFTER_BREAK.sub(b"=", data)))
    if encoding in _UU:
        return Undone(_uu(data))
    return Undone(data, fault="unknown Content-Transfer-Encoding")


def _base64(data: bytes) -> Undone:
    core = data.rstrip(_BLANKS)
    stray = core.translate(None, BASE64 + _BLANKS)
    if not stray or (stray in (b"=", b"==") and core.endswith(stray)):
        return Undone(quads(core))
    return _damaged_base64(data)


def _damaged_base64(data: bytes) -> Undone:
    """Base64 with strange characters in it, or text after it: list managers put their footer there."""
    pieces: list[bytes] = []
    block: list[bytes] = []
    at, padded = 0, False
    for line in data.splitlines(keepends=True):
        if line.strip() and (_MORE_BASE64.fullmatch(line) is None if padded else _is_prose(line)):
            break
        at += len(line)
        characters, equals, _ = line.partition(b"=")
        block.append(characters)
        padded = bool(equals) or (padded and not line.strip())
        if padded:
            pieces.append(quads(b"".join(block)))
            block = []
    pieces.append(quads(b"".join(block)))
    rest = data[at:]
    return Undone(b"".join(pieces), rest, "text after base64" if rest else "characters that are not base64")


def _is_prose(line: bytes) -> bool:
    """Whether `line` is no damaged base64, but something else: a quarter of it cannot be base64."""
    content = line.strip()
    return len(content.translate(None, BASE64 + b"=")) * 4 >= len(content)


def _uu(data: bytes) -> bytes:
    lines = data.splitlines()
    begin = next((i for i, line in enumerate(lines) if line.startswith(b"begin ")), -1)
    pieces: list[bytes] = []
    for line in lines[begin + 1 :]:
        if line.strip() == b"end":
            break
        pieces.append(uu_line(line) or b"")
    return b"".join(pieces)


def uu_line(line: bytes) -> bytes | None:
    """The bytes of one uuencoded line; None where it is none.

    Blanks at its end may be lost, and some encoders add a character.
    """
    if not line or not 0x20 <= line[0] <= 0x60:
        return None
    size = (line[0] - 0x20) & 0x3F
    length = 1 + (size + 2) // 3 * 4
    if len(line.rstrip()) > length + 1:
        return None
    try:
        return binascii.a2b_uu(line[:length])
    except binascii.Error:
        return None
