"""Files written into the text of a mail itself, as it was done before MIME and by some to this day."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailgate.clean import decode, safe_name
from mailgate.mime.transfer import uu_line

_MAX_FILES = 100
_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} ([^\r\n]{1,255})\r?\n", re.MULTILINE)
_LINE = re.compile(rb"([^\r\n]*+)\r?\n?")
_YENC_BEGIN = re.compile(rb"^=ybegin line=\d{1,4} size=(\d{1,9}) name=([^\r\n]{1,255})\r?\n", re.MULTILINE)
# The next line of yEnc's own; only the end of a file gives a size.
_YENC_LINE = re.compile(rb"^=y(?:end size=(\d{1,9})[^\r\n]*+(?:\r?\n|\Z))?", re.MULTILINE)
_YENC_SHIFT = bytes((each - 42) % 256 for each in range(256))


@dataclass(frozen=True, slots=True)
class InlineFile:
    """A file that stood in a text."""

    name: str
    content: bytes


def take_files(data: bytes) -> tuple[bytes, tuple[InlineFile, ...]]:
    """The text without the uuencoded and yEnc files in it, and these; a mark stands where each was.

    What is not well-formed to its end stays in the text.
    """
    files: list[InlineFile] = []
    if b"begin " in data:
        data = _take_uu(data, files)
    if b"=ybegin " in data:
        data = _take_yenc(data, files)
    return data, tuple(files)


def _take_uu(data: bytes, files: list[InlineFile]) -> bytes:
    kept: list[bytes] = []
    at = 0
    while (begin := _UU_BEGIN.search(data, at)) and len(files) < _MAX_FILES:
        content, end = _uu_content(data, begin.end())
        if content is None:
            kept.append(data[at : begin.end()])
            at = begin.end()
        else:
            files.append(_file(begin[1], content))
            kept += [data[at : begin.start()], _mark(files[-1])]
            at = end
    return b"".join([*kept, data[at:]])


def _uu_content(data: bytes, at: int) -> tuple[bytes | None, int]:
    """The file whose lines begin at `at`, None where that is none, and where it ends."""
    pieces: list[bytes] = []
    while at < len(data) and (line := _LINE.match(data, at)):
        at = line.end()
        if line[1].strip() == b"end":
            return (b"".join(pieces) or None), at
        piece = uu_line(line[1] or b" ")
        if piece is None:
            break
        pieces.append(piece)
    return None, at


def _take_yenc(data: bytes, files: list[InlineFile]) -> bytes:
    pieces: list[bytes] = []
    done = 0
    for begin in _YENC_BEGIN.finditer(data):
        end = _YENC_LINE.search(data, begin.end())
        if end is None or end[1] is None or len(files) >= _MAX_FILES:
            continue
        content = _yenc_content(data[begin.end() : end.start()])
        if len(content) == int(begin[1]) == int(end[1]):
            files.append(_file(begin[2], content))
            pieces += data[done : begin.start()], _mark(files[-1])
            done = end.end()
    return b"".join((*pieces, data[done:]))


def _yenc_content(data: bytes) -> bytes:
    """Each byte moved by 42; after "=", by 64 more."""
    first, *escaped = data.replace(b"\r", b"").replace(b"\n", b"").split(b"=")
    pieces = [first.translate(_YENC_SHIFT)]
    for piece in escaped:
        if piece:
            pieces.append(bytes([(piece[0] - 64 - 42) % 256]) + piece[1:].translate(_YENC_SHIFT))
    return b"".join(pieces)


def _file(name: bytes, content: bytes) -> InlineFile:
    return InlineFile(safe_name(decode(name), "attachment.bin"), content)


def _mark(file: InlineFile) -> bytes:
    return b"[%s]\r\n" % file.name.encode("utf-8")
