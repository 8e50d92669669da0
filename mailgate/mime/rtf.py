"""Rich text to plain: what Outlook puts into winmail.dat (MS-OXRTFCP), and text/rtf."""

from __future__ import annotations

import codecs
import re
import struct

_MAX_CHARACTERS = 1024 * 1024
_COMPRESSED, _STORED = 0x75465A4C, 0x414C454D
# MS-OXRTFCP 2.1.2.1: what the dictionary holds before the first byte.
_DICTIONARY = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor "
    rb"MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)

_TOKEN = re.compile(
    r"\\([a-zA-Z]{1,32})(-?\d{1,10})?[ ]?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]++)",
    re.DOTALL,
)
_CHARACTERS = {
    "par": "\n",
    "line": "\n",
    "row": "\n",
    "sect": "\n",
    "page": "\n",
    "tab": "\t",
    "cell": "\t",
    "emdash": "\u2014",
    "endash": "\u2013",
    "bullet": "\u2022",
    "lquote": "\u2018",
    "rquote": "\u2019",
    "ldblquote": "\u201c",
    "rdblquote": "\u201d",
}
_SYMBOLS = {"\\": "\\", "{": "{", "}": "}", "~": "\xa0", "_": "-", "\n": "\n", "\r": "\n"}
_NOT_SHOWN = frozenset(
    {"fonttbl", "colortbl", "stylesheet", "info", "pict", "header", "footer", "object", "themedata", "*"}
)


def decompress(data: bytes) -> bytes:
    """The RTF that `data` holds in compressed form, at most a million bytes of it; b"" where it is broken."""
    if len(data) < 16:
        return b""
    _, size, kind, _ = struct.unpack_from("<IIII", data)
    if kind == _STORED:
        return data[16 : 16 + min(size, _MAX_CHARACTERS)]
    return _lzfu(data[16:], min(size, _MAX_CHARACTERS)) if kind == _COMPRESSED else b""


def _lzfu(data: bytes, size: int) -> bytes:
    """MS-OXRTFCP 3.1.3: runs of eight literals or references into a window of 4096 bytes."""
    out = bytearray(_DICTIONARY)
    start, at = len(out), 0
    while at < len(data) and len(out) - start < size:
        control = data[at]
        at += 1
        for bit in range(8):
            if control >> bit & 1:
                if at + 2 > len(data):
                    return bytes(out[start : start + size])
                word = data[at] << 8 | data[at + 1]
                at += 2
                offset, length = word >> 4, (word & 15) + 2
                distance = (len(out) - offset) % 4096
                # A reference to the place that is written next ends the stream.
                if distance == 0 or distance > len(out):
                    return bytes(out[start : start + size])
                for _ in range(length):
                    out.append(out[-distance])
            else:
                out += data[at : at + 1]
                at += 1
    return bytes(out[start : start + size])


def to_text(rtf: bytes) -> str:
    """The text of `rtf`, of its first million bytes; formatting is lost. Never fails."""
    reader = _Reader()
    for token in _TOKEN.finditer(rtf[:_MAX_CHARACTERS].decode("latin-1")):
        word, number, code, symbol, brace, text = token.groups()
        if word:
            reader.control(word.lower() if word.isupper() else word, number)
        elif code:
            reader.add_byte(int(code, 16))
        elif symbol:
            reader.symbol(symbol)
        elif brace:
            reader.group(brace)
        elif text:
            reader.add(text)
    return reader.text()


class _Reader:
    """What was read so far, and the groups that are open: each with whether it is shown, and \\uc."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._bytes = bytearray()
        self._codec = "cp1252"
        self._shown = True
        self._skip_after = 1
        self._to_skip = 0
        self._open: list[tuple[bool, int]] = []

    def text(self) -> str:
        self._flush()
        whole = "".join(self._pieces)
        return whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").strip("\n") + "\n"

    def group(self, brace: str) -> None:
        if brace == "{":
            self._open.append((self._shown, self._skip_after))
        elif self._open:
            self._shown, self._skip_after = self._open.pop()
        self._to_skip = 0

    def control(self, word: str, number: str | None) -> None:
        if word == "u" and number:
            self.add(chr(int(number) % 65536))
            self._to_skip = self._skip_after
        elif word == "uc" and number:
            self._skip_after = min(abs(int(number)), 10)
        elif word == "ansicpg" and number:
            self._codec = _codec(number)
        elif word in _NOT_SHOWN:
            self._shown = False
        elif word == "htmlrtf":
            # MS-OXRTFEX 2.1.3.1.2: what is only there for readers of RTF.
            self._shown = number == "0"
        elif word in _CHARACTERS:
            self.add(_CHARACTERS[word])

    def symbol(self, symbol: str) -> None:
        if symbol == "*":
            self._shown = False
        elif symbol in _SYMBOLS:
            self.add(_SYMBOLS[symbol])

    def add_byte(self, byte: int) -> None:
        if self._to_skip:
            self._to_skip -= 1
        elif self._shown:
            self._bytes.append(byte)

    def add(self, text: str) -> None:
        skipped = min(self._to_skip, len(text))
        self._to_skip -= skipped
        if self._shown and len(text) > skipped:
            self._flush()
            self._pieces.append(text[skipped:])

    def _flush(self) -> None:
        if self._bytes:
            self._pieces.append(self._bytes.decode(self._codec, "replace"))
            self._bytes = bytearray()


def _codec(page: str) -> str:
    name = f"cp{int(page)}"
    try:
        codecs.lookup(name)
    except LookupError:
        return "cp1252"
    return name
