"""The one writer of header fields: clean values in, checked CRLF lines out; and the cutting of raw headers.

A value is reduced to *words* of printable ASCII; lines are folded between words and nowhere else, so an id
or a URL leaves as it came, however long. What was written is read again before it is handed out.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailgate.message import Mailbox

MAX_VALUE = 900
MAX_VERBATIM = 8000
MAX_PHRASE = 200
# RFC 5322 2.1.1 would have 78; a line that holds an encoded word ends at 76 (RFC 2047 2).
FOLD_AT = 76
# Of "=?utf-8?q?...?=": an encoded word is at most 75 characters (RFC 2047 2).
_ENCODED_WORD = 75
_ENCODED_FRAME = 12
_NAME_COLUMNS = 42

# A name over 40, or 42 columns, would leave no room for an encoded word; 998 is RFC 5322 2.1.1.
_FIRST_LINE = re.compile(rb"([!-9;-~]{1,40}): (?=[ ]*+[!-~])[ -~]*+")
_NEXT_LINE = re.compile(rb" (?=[ ]*+[!-~])[ -~]*+")
_MAX_LINE = 998

_BLANKED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Bidirectional controls make a line read otherwise than it is; a surrogate is no character at all.
_DROPPED = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]++"
_ADDRESS = re.compile(
    rf"(?:{_ATOM}(?:\.{_ATOM})*|\"(?:[ !#-\[\]-~]|\\[ -~])*\")@(?:{_ATOM}(?:\.{_ATOM})*|\[[!-Z^-~]++\])"
)
# What a Q-encoded word in a phrase may show as it is (RFC 2047 5(3)); we use it everywhere.
_Q_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/ ")

_EMPTY_LINE = re.compile(rb"(?>\r\n|\r|\n)(?>\r\n|\r|\n)")


class HeaderUnsafe(ValueError):
    """A field that cannot be written so that it is read again as the field it was meant to be."""


@dataclass(frozen=True, slots=True)
class Field:
    """One header field: its name, and the words between which its line may be folded.

    Made by `text`, `tokens`, `mailboxes`, `list_id` and `verbatim`. A field without words is not written.
    """

    name: str
    words: tuple[str, ...]


def text(name: str, value: str) -> Field:
    """An unstructured field, such as Subject (RFC 5322 2.2.1)."""
    value = one_line(value)
    if _is_plain(value):
        return Field(name, _plain_words(name, value))
    words = value.split(" ")
    coded = [index for index, word in enumerate(words) if not _is_plain(word)]
    # One run: blanks between two encoded words would be dropped by the reader (RFC 2047 6.2).
    before, run, after = words[: coded[0]], words[coded[0] : coded[-1] + 1], words[coded[-1] + 1 :]
    column = len(name) + 2 + sum(len(word) + 1 for word in before)
    return Field(name, (*before, *_encoded_words(" ".join(run), column), *after))


def tokens(name: str, values: Iterable[str], separator: str = "") -> Field:
    """A list whose members are never encoded, cut or folded: References, List-Unsubscribe.

    `values` keep their angle brackets. One that is not printable ASCII without blanks, or is over 900
    characters, is left out: a broken reference is none.
    """
    usable = [value for value in values if _is_token(value)]
    return Field(name, (*(value + separator for value in usable[:-1]), *usable[-1:]))


def mailboxes(name: str, boxes: Sequence[Mailbox]) -> Field:
    """A list of names and addresses (RFC 5322 3.4); raises HeaderUnsafe for an address that is none."""
    words: list[str] = []
    for index, box in enumerate(boxes):
        if not is_address(box.address):
            raise HeaderUnsafe(f"{name}: not an address: {box.address[:80]!a}")
        phrase = _phrase(box.name, len(name) + 2 if not words else 0)
        comma = "," if index + 1 < len(boxes) else ""
        words += (*phrase, f"<{box.address}>{comma}") if phrase else (box.address + comma,)
    return Field(name, tuple(words))


def list_id(phrase: str, identifier: str) -> Field:
    """The List-Id field (RFC 2919 3); `identifier` without angle brackets."""
    if not _is_token(identifier) or "<" in identifier or ">" in identifier:
        raise HeaderUnsafe(f"List-Id: not an identifier: {identifier[:80]!a}")
    return Field("List-Id", (*_phrase(phrase, len("List-Id: ")), f"<{identifier}>"))


def verbatim(name: str, value: str) -> Field:
    """A field of which every character counts (Date, DKIM-Signature): ASCII, neither encoded nor cut."""
    value = one_line(value, MAX_VERBATIM + 1)
    if len(value) > MAX_VERBATIM or not value.isascii():
        raise HeaderUnsafe(f"{name}: cannot stand as it is: {value[:80]!a}")
    return Field(name, _plain_words(name, value))


def write_header(fields: Iterable[Field]) -> bytes:
    """The lines of `fields`, each ended by CRLF, without the empty line that ends a header.

    Raises HeaderUnsafe when reading them again does not give the very same fields.
    """
    written = [field for field in fields if field.words]
    try:
        raw = "".join([_folded(field) for field in written]).encode("ascii")
    except UnicodeEncodeError as error:
        raise HeaderUnsafe("a character outside ASCII") from error
    if _field_names(raw) != [field.name.encode() for field in written]:
        raise HeaderUnsafe("other fields than meant: " + ", ".join(field.name for field in written))
    return raw


def one_line(value: str, limit: int = MAX_VALUE) -> str:
    """`value` as one line of at most `limit` characters: blanks single, no controls, no surrogates."""
    if not (value.isascii() and value.isprintable()):
        value = _DROPPED.sub("", _BLANKED.sub(" ", value))
    if "  " in value or value[:1] == " ":
        value = " ".join(filter(None, value.split(" ")))
    return value[:limit].rstrip(" ")


def is_address(address: str) -> bool:
    """Whether `address` is a plain ASCII addr-spec: dot-atom or quoted string, @, domain (RFC 5322 3.4.1)."""
    return len(address) <= 320 and _ADDRESS.fullmatch(address) is not None


def split_message(raw: bytes) -> tuple[bytes, bytes]:
    """Header (with its last line end) and body of `raw`, without the empty line between them.

    CR, LF and CRLF all end a line here, since all of them leave as CRLF: no line may be header to us and
    body to the reader.
    """
    if raw[:1] in (b"\r", b"\n"):
        return b"", raw[2:] if raw.startswith(b"\r\n") else raw[1:]
    end = raw.find(b"\r\n\r\n")
    if end >= 0 and not _has_bare_line_end(raw, end):
        return raw[: end + 2], raw[end + 4 :]
    match = _EMPTY_LINE.search(raw)
    if match is None:
        return raw, b""
    first = 2 if raw.startswith(b"\r\n", match.start()) else 1
    return raw[: match.start() + first], raw[match.end() :]


def strip_fields(raw_header: bytes, names: frozenset[bytes]) -> bytes:
    """`raw_header` without the fields called one of `names` (lower case); every other byte untouched."""
    kept: list[bytes] = []
    dropping = False
    for line in raw_header.splitlines(keepends=True):
        if line[:1] not in (b" ", b"\t"):
            name, colon, _ = line.partition(b":")
            dropping = bool(colon) and name.rstrip(b" \t").lower() in names
        if not dropping:
            kept.append(line)
    return b"".join(kept)


def _is_plain(value: str) -> bool:
    """Whether a reader sees `value` as it stands; text that looks like an encoded word must be encoded."""
    return value.isascii() and "=?" not in value


def _is_token(value: str) -> bool:
    return 0 < len(value) <= MAX_VALUE and value.isascii() and value.isprintable() and " " not in value


def _plain_words(name: str, value: str) -> tuple[str, ...]:
    if len(name) + 2 + len(value) <= FOLD_AT:
        return (value,) if value else ()
    return tuple(value.split(" "))


def _phrase(phrase: str, column: int) -> tuple[str, ...]:
    """A display name, quoted or encoded (RFC 5322 3.2.5, RFC 2047 5(3)); cut, so that it fits a line."""
    phrase = one_line(phrase, MAX_PHRASE)
    if not phrase:
        return ()
    if not _is_plain(phrase):
        return tuple(_encoded_words(phrase, column))
    return ('"' + phrase.replace("\\", "\\\\").replace('"', '\\"') + '"',)


def _encoded_words(value: str, column: int) -> list[str]:
    """`value` as encoded words (RFC 2047 2), the first short enough to follow at `column` of its line."""
    first = FOLD_AT - column if column <= _NAME_COLUMNS else _ENCODED_WORD
    room, rest = min(first, _ENCODED_WORD) - _ENCODED_FRAME, _ENCODED_WORD - _ENCODED_FRAME
    octets = [len(char.encode()) for char in value]
    quoted = [1 if char in _Q_PLAIN else 3 * size for char, size in zip(value, octets, strict=True)]
    if 3 * sum(quoted) <= 4 * sum(octets):
        return [f"=?utf-8?q?{_q(chunk)}?=" for chunk in _chunks(value, quoted, room, rest)]
    chunks = _chunks(value, octets, room // 4 * 3, rest // 4 * 3)
    return [f"=?utf-8?b?{b64encode(chunk.encode()).decode()}?=" for chunk in chunks]


def _chunks(value: str, costs: list[int], room: int, rest: int) -> list[str]:
    """`value` cut between characters: the first chunk costs at most `room`, the others `rest`."""
    chunks: list[str] = []
    start = used = 0
    for index, cost in enumerate(costs):
        if used + cost > room:
            chunks.append(value[start:index])
            start, used, room = index, 0, rest
        used += cost
    return [*chunks, value[start:]]


def _q(chunk: str) -> str:
    return "".join(
        ("_" if char == " " else char)
        if char in _Q_PLAIN
        else "".join(f"={octet:02X}" for octet in char.encode())
        for char in chunk
    )


def _folded(field: Field) -> str:
    words = field.words
    line = f"{field.name}: {words[0]}"
    if len(words) == 1:
        return line + "\r\n"
    lines: list[str] = []
    for word in words[1:]:
        if len(line) + 1 + len(word) > FOLD_AT:
            lines.append(line)
            line = ""
        line += " " + word
    lines.append(line)
    return "\r\n".join(lines) + "\r\n"


def _field_names(raw: bytes) -> list[bytes]:
    """The names in a header, by the strictest reading there is: what it does not know, it refuses."""
    names: list[bytes] = []
    lines = raw.split(b"\r\n")
    if lines.pop():
        raise HeaderUnsafe("the last line is not ended")
    for line in lines:
        first = _FIRST_LINE.fullmatch(line)
        if len(line) > _MAX_LINE or not (first or (names and _NEXT_LINE.fullmatch(line))):
            raise HeaderUnsafe(f"not a line of a header: {line[:80]!r}")
        if first:
            names.append(first[1])
    return names


def _has_bare_line_end(raw: bytes, end: int) -> bool:
    pairs = raw.count(b"\r\n", 0, end)
    return raw.count(b"\r", 0, end) != pairs or raw.count(b"\n", 0, end) != pairs
