"""winmail.dat: what Outlook sends to those it takes for Outlooks (MS-OXTNEF).

A small reader of our own, that takes what it can and never fails: each value is a slice of what was sent, so
nothing grows. Checksums are not looked at: what is damaged is better half read than not at all.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mailgate.clean import clean_line, clean_text, decode
from mailgate.mime import rtf

_SIGNATURE = 0x223E9F78
_MAX_ATTRIBUTES = 5000
_MAX_PROPERTIES = 2000
_MAX_FILES = 200

# Attributes (MS-OXTNEF 2.1.3.1): tag in the low half, type in the high one.
_BODY = 0x0002800C
_PROPERTIES = 0x00069003
_CODE_PAGE = 0x00069007
_NEW_FILE = 0x00069002
_FILE_TITLE = 0x00018010
_FILE_DATA = 0x0006800F
_FILE_PROPERTIES = 0x00069005

# Properties (MS-OXPROPS), by id.
_PR_BODY, _PR_RTF, _PR_HTML = 0x1000, 0x1009, 0x1013
_PR_DATA, _PR_NAME, _PR_LONG_NAME, _PR_MIME, _PR_CONTENT_ID = 0x3701, 0x3704, 0x3707, 0x370E, 0x3712

# Sizes of the types of property (MS-OXCDATA 2.11.1) in the stream; strings and binaries say their own.
_SIZES = {0x02: 4, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_STRING, _UNICODE, _OBJECT, _BINARY = 0x1E, 0x1F, 0x0D, 0x102
_MANY = 0x1000


@dataclass(frozen=True, slots=True)
class TnefFile:
    """A file inside; `kind` and `content_id` may be ""."""

    name: str = ""
    kind: str = ""
    content_id: str = ""
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Tnef:
    """What a winmail.dat holds: files, and the text in up to three forms, undecoded."""

    files: tuple[TnefFile, ...] = ()
    body: str = ""
    html: bytes = b""
    rtf: bytes = b""
    codec: str = ""

    def text(self) -> str:
        """The text in it that is no HTML, or ""."""
        if self.body.strip() or not self.rtf:
            return clean_text(self.body)
        return clean_text(rtf.to_text(rtf.decompress(self.rtf)))


def read_tnef(data: bytes) -> Tnef | None:
    """What `data` holds, as far as it can be read; None where it is no TNEF, or has over 200 files."""
    if len(data) < 6 or struct.unpack_from("<I", data)[0] != _SIGNATURE:
        return None
    reader = _Reader()
    for tag, value in _attributes(data):
        reader.take(tag, value)
    result = reader.result()
    return result if len(result.files) <= _MAX_FILES else None


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and value of each attribute: level, tag, length, value, checksum (MS-OXTNEF 2.1.2)."""
    at = 6
    for _ in range(_MAX_ATTRIBUTES):
        if at + 9 > len(data):
            return
        tag, length = struct.unpack_from("<II", data, at + 1)
        yield tag, data[at + 9 : at + 9 + length]
        at += 9 + length + 2


class _Reader:
    """What the attributes said so far; those of a file follow the one that begins it."""

    def __init__(self) -> None:
        self._files: list[TnefFile] = []
        self._result = Tnef()

    def result(self) -> Tnef:
        return replace(self._result, files=tuple(each for each in self._files if each != TnefFile()))

    def take(self, tag: int, value: bytes) -> None:
        if tag == _CODE_PAGE and len(value) >= 4:
            self._result = replace(self._result, codec=f"cp{struct.unpack_from('<I', value)[0]}")
        elif tag == _BODY:
            self._result = replace(self._result, body=self._string(value))
        elif tag == _PROPERTIES:
            self._take_properties(value)
        elif tag == _NEW_FILE:
            self._files.append(TnefFile())
        elif self._files and tag in (_FILE_TITLE, _FILE_DATA, _FILE_PROPERTIES):
            self._files[-1] = self._file(self._files[-1], tag, value)

    def _string(self, value: bytes) -> str:
        return decode(value.split(b"\0", 1)[0], self._result.codec)

    def _text(self, kind: int, value: bytes) -> str:
        if kind == _UNICODE:
            return value.decode("utf-16-le", "replace").split("\0", 1)[0]
        return self._string(value)

    def _take_properties(self, value: bytes) -> None:
        for number, kind, content in _properties(value):
            if number == _PR_BODY and kind in (_STRING, _UNICODE):
                self._result = replace(self._result, body=self._text(kind, content))
            elif number == _PR_HTML:
                self._result = replace(self._result, html=content)
            elif number == _PR_RTF:
                self._result = replace(self._result, rtf=content)

    def _file(self, file: TnefFile, tag: int, value: bytes) -> TnefFile:
        """`file` with what one attribute says of it."""
        if tag == _FILE_DATA:
            return replace(file, content=value)
        if tag == _FILE_TITLE:
            return replace(file, name=file.name or self._string(value))
        found = {number: (kind, content) for number, kind, content in _properties(value)}
        texts = {number: self._text(*each) for number, each in found.items() if number != _PR_DATA}
        kind, content = found.get(_PR_DATA, (0, file.content))
        return TnefFile(
            name=texts.get(_PR_LONG_NAME) or file.name or texts.get(_PR_NAME, ""),
            kind="application/ms-tnef" if kind == _OBJECT else texts.get(_PR_MIME, "").lower(),
            content_id=clean_line(texts.get(_PR_CONTENT_ID, "")),
            # An object begins with the id of its interface (MS-OXTNEF 2.1.3.4).
            content=content[16:] if kind == _OBJECT else content,
        )


def _properties(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Id, type and first value of each property (MS-OXTNEF 2.1.3.4), until one cannot be read."""
    at = 4
    for _ in range(min(_count(data, 0), _MAX_PROPERTIES)):
        if at + 4 > len(data):
            return
        kind, number = struct.unpack_from("<HH", data, at)
        at = _after_name(data, at + 4) if number >= 0x8000 else at + 4
        value, at = _value(data, at, kind)
        if value is None:
            return
        yield number, kind & ~_MANY, value


def _after_name(data: bytes, at: int) -> int:
    """Where a property goes on behind its name: a GUID, and a number or a string."""
    if _count(data, at + 16) == 0:
        return at + 24
    return at + 24 + _padded(_count(data, at + 20))


def _value(data: bytes, at: int, kind: int) -> tuple[bytes | None, int]:
    """The first value of a property and where the next property begins; None where that is unknown."""
    many, kind = bool(kind & _MANY), kind & ~_MANY
    size = _SIZES.get(kind)
    if size is not None:
        times = _count(data, at) if many else 1
        at += 4 * many
        return data[at : at + size], at + size * times
    if kind not in (_STRING, _UNICODE, _OBJECT, _BINARY):
        return None, at
    first: bytes | None = None
    times, at = _count(data, at), at + 4
    for _ in range(min(times, _MAX_PROPERTIES)):
        length = _count(data, at)
        value = data[at + 4 : at + 4 + length]
        first = value if first is None else first
        at += 4 + _padded(length)
    return (b"" if first is None else first), at


def _count(data: bytes, at: int) -> int:
    """The number that stands at `at`, 0 behind the end."""
    return int(struct.unpack_from("<I", data, at)[0]) if at + 4 <= len(data) else 0


def _padded(length: int) -> int:
    return (length + 3) // 4 * 4
