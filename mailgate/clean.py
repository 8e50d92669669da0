"""The one cleaning border: bytes of a mail become text that a database, a log and a header can hold."""

from __future__ import annotations

import binascii
import codecs
import re
from functools import lru_cache

import cchardet

BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(set(range(256)) - set(BASE64))

_BYTE_ORDER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

# A detector needs no more than this to make up its mind; its cost grows with what it is given.
_DETECT_BYTES = 64 * 1024

# Codecs that turn bytes into the text of a natural language. Python has others under names a sender can
# write: decompressors, IDNA, escape languages. They must never run. UTF-7 hides ASCII in ASCII: never either.
_TEXT_CODEC = re.compile(
    r"(?:utf[-_]?(?:8|16|32)|ascii|latin|iso8859|iso2022|cp\d|koi8|kz|gb|big5|euc|shift|mac|hz|johab|ptcp|tis|hp)"
)

# Labels that mean more than they say, as every mail client reads them.
_LABELS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "iso-8859-8-i": "iso-8859-8",
    "windows-874": "cp874",
}

# Many write "?" as it is; an encoded word that begins inside another ends the try at once.
# The group is atomic, not possessive: Python before 3.11.5 (Debian 12 has 3.11.2) loses its place in a
# possessive group whose last try fails half-way (gh-106052).
_ENCODED_WORD = re.compile(rb"=\?([^?\s]{1,60}+)\?([bBqQ])\?((?>(?:[^?=]++|=(?!\?(?!=))|\?(?!=))*))\?=")
# What switches to a Japanese, Korean or Chinese set in text that is all ASCII bytes (RFC 1468, 1554).
_ESCAPE = b"\x1b$"
# A run of blanks is looked at once, from its first: else a field of tabs costs the square of its length.
_FOLD = re.compile(r"(?<![ \t])[ \t]*+[\r\n]++[ \t]*+|[\r\n]++[ \t]*+")
_UNWANTED = re.compile(r"[\x01-\x08\x0b-\x1f\x7f-\x9f]")
_UNWANTED_BYTES = bytes({*range(0x20), 0x7F} - {0x09, 0x0A})
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_LINE_BREAKS = re.compile(r"[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# Embeddings, overrides and isolates; marks, which turn nothing, and the letters themselves do their work.
_TURNED = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_NOT_IN_NAMES = re.compile(
    r'[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff<>:"|?*]'
)
# Names that are devices on Windows, whatever their extension.
_DEVICE = re.compile(r"^(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)", re.IGNORECASE)


def decode(data: bytes, charset: str = "") -> str:
    """`data` as text by its declared charset, else by UTF-8, else by a guess; never fails.

    The guess may be wrong; the bytes are kept in the raw mail. The text is not cleaned yet.
    """
    codec = _codec(charset)
    if codec in ("", "ascii", "utf-8"):
        text = _escaped(data) if _ESCAPE in data else None
        return text if text is not None else _utf8(data, "")
    if codec.startswith(("utf-16", "utf-32")):
        codec = _wide(data, codec)
    text = _strictly(data, codec) if codec else None
    return text if text is not None else _utf8(data, codec)


def _strictly(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeError, ValueError):
        return None


def _escaped(data: bytes) -> str | None:
    """Text in ISO-2022 that says so only by its escapes, as old clients send it."""
    return _strictly(data, "iso2022_kr" if b"\x1b$)C" in data else "iso2022_jp_2")


def _wide(data: bytes, codec: str) -> str:
    """The codec with the byte order of `data`, "" where it is not of this kind at all."""
    # Text in UTF-16 has zero bytes: each blank and line end holds one. Without, the label is wrong.
    if b"\0" not in data:
        return ""
    if codec != "utf-16" or data.startswith(_BYTE_ORDER_MARKS):
        return codec
    head = data[:4096]
    return "utf-16-be" if head[::2].count(0) > head[1::2].count(0) else "utf-16-le"


def _utf8(data: bytes, codec: str) -> str:
    """`data` as UTF-8, or by a guess; `codec` is what it was declared to be, and is not to the letter."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _guess(data, codec)


@lru_cache(maxsize=256)
def _codec(charset: str) -> str:
    """The codec that `charset` names, or "" where it names none that decodes text."""
    label = charset.strip().strip("\"'").lower()[:60]
    try:
        name = codecs.lookup(_LABELS.get(label, label)).name
    except (LookupError, ValueError):
        return ""
    return name if _TEXT_CODEC.match(name) else ""


def _guess(data: bytes, declared: str) -> str:
    """Text of bytes that are not quite UTF-8, or not at all; nor quite what they were declared to be."""
    for codec in ("utf-8", declared):
        text = data.decode(codec, "replace") if codec else "\ufffd"
        # A few broken bytes in good text are damage; many are another charset.
        if text.count("\ufffd") * 10 <= len(text) - len(text.encode("ascii", "ignore")):
            return text
    guessed = _codec(cchardet.detect(data[:_DETECT_BYTES])["encoding"] or "")
    candidates = ("utf-16" if data.startswith(_BYTE_ORDER_MARKS) else "", guessed, "cp1252")
    texts = (_strictly(data, codec) for codec in candidates if codec)
    return next((text for text in texts if text is not None), None) or data.decode("latin-1")


def decode_words(value: bytes, charset: str = "") -> str:
    """The text of a header value: encoded words (RFC 2047) and raw 8-bit bytes decoded; not cleaned.

    `charset` is what raw bytes may be in where they are not UTF-8: that of the text, if anything.
    """
    if b"=?" not in value:
        # Nearly every field is this one.
        plain = value.isascii() and _ESCAPE not in value
        return value.decode("ascii") if plain else _raw(value, charset)
    pieces: list[str] = []
    words: list[tuple[str, bytes]] = []
    end = 0
    for match in _ENCODED_WORD.finditer(value):
        between = value[end : match.start()]
        # RFC 2047 6.2: blanks between two encoded words are no text.
        if between.strip() or not words:
            pieces.append(_join_words(words))
            words = []
            pieces.append(_raw(between, charset))
        words.append(_read_word(match))
        end = match.end()
    pieces.append(_join_words(words))
    pieces.append(_raw(value[end:], charset))
    return "".join(pieces)


def _raw(value: bytes, charset: str) -> str:
    """Header text that is not encoded at all: ASCII, or what its sender did not care to declare."""
    if value.isascii() and _ESCAPE not in value:
        return value.decode("ascii")
    if not charset:
        return decode(value)
    text = _strictly(value, "utf-8")
    return text if text is not None else decode(value, charset)


def _read_word(match: re.Match[bytes]) -> tuple[str, bytes]:
    """Charset and bytes of one encoded word; one that cannot be decoded stays as it is written."""
    # RFC 2231 5: a language may follow the charset.
    charset = match[1].decode("ascii", "replace").partition("*")[0].lower()
    if match[2] in b"qQ":
        return charset, binascii.a2b_qp(match[3], header=True)
    data = quads(match[3])
    return (charset, data) if data or not match[3] else ("ascii", match[0])


def quads(data: bytes) -> bytes:
    """The bytes that the base64 characters of `data` stand for, padded or not."""
    characters = data.translate(None, _NOT_BASE64)
    # One character over is six bits: no byte.
    whole = characters[: len(characters) - (len(characters) % 4 == 1)]
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))


def _join_words(words: list[tuple[str, bytes]]) -> str:
    """Adjacent encoded words as text; a character cut in two by its sender is made whole again."""
    text = ""
    parts: list[bytes] = []
    for index, (charset, data) in enumerate(words):
        parts.append(data)
        if index + 1 == len(words) or words[index + 1][0] != charset:
            text += decode(b"".join(parts), charset)
            parts = []
    return text


def clean_text(text: str) -> str:
    """`text` with lines ended by newline, and without what no text column or terminal should see.

    NUL and lone surrogates become U+FFFD; other control characters but newline and tab go.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _is_clean(text):
        return text
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _UNWANTED.sub("", text.replace("\0", "\ufffd"))


def _is_clean(text: str) -> bool:
    """Whether `text` is free of control characters: `bytes.translate` is ten times a regular expression."""
    if not text.isascii():
        return not (_UNWANTED.search(text) or _SURROGATE.search(text) or "\0" in text)
    data = text.encode("ascii")
    return len(data.translate(None, _UNWANTED_BYTES)) == len(data)


def clean_line(text: str) -> str:
    """`text` on one line, as a header value or a log may hold it; a fold becomes one blank.

    What turns the direction of all that follows goes: a name would change how the address beside it reads.
    """
    if text.isascii() and text.isprintable():
        return text.strip(" ")
    text = clean_text(_LINE_BREAKS.sub("\n", _TURNED.sub("", text)))
    return _FOLD.sub(" ", text).replace("\t", " ").strip()


def safe_name(name: str, fallback: str) -> str:
    """`name` as the label of a file: its last path component, at most 120 characters, never empty.

    Bidirectional controls go, for they can make an .exe look like a .txt.
    """
    last = _NOT_IN_NAMES.sub("", clean_line(name).replace("\\", "/").rstrip("/").rpartition("/")[2])
    last = _DEVICE.sub(r"_\g<0>", last.strip(" ."))
    if len(last) > 120:
        stem, dot, extension = last.rpartition(".")
        last = f"{stem[: 119 - len(extension)]}.{extension}" if dot and len(extension) < 20 else last[:120]
    return last or fallback
