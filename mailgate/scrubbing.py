"""Somebody taken out of texts and mails: their addresses, full name, and what others quote of them."""

from __future__ import annotations

import email
import email.header
import email.message
import html
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Column, func, or_

from mailgate.headers import split_message
from mailgate.mime.htmltext import to_text
from tracker.model import Address

GONE: Final = "[erased]"
# "Ann" alone would take a word out of everybody's mail.
_SHORTEST_NAME: Final = 6
# So many words in a row are a quote; fewer may be anybody's, but where the line says that it is one.
_RUN: Final = 5
_WORD: Final = re.compile(r"\w(?:[\w@.+'’-]*\w)?")
_QUOTED_LINE: Final = re.compile(r"\s*[>|]")
_EMPTY: Final = sha256(b"").hexdigest()


class Quotes:
    """What somebody wrote, as it is found again in what others wrote."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._runs: set[tuple[str, ...]] = set()
        self._lines: set[tuple[str, ...]] = set()
        for text in texts:
            words = _folded(text)
            self._runs.update(_runs(words))
            lines = (tuple(_folded(line)) for line in text.splitlines())
            self._lines.update(line for line in lines if line)

    def out_of(self, text: str) -> str:
        """The text without runs of their words, and without quoted lines that are theirs."""
        found = list(_WORD.finditer(text))
        words = [one[0].casefold() for one in found]
        theirs = bytearray(len(words))
        for start in range(len(words) - _RUN + 1):
            if tuple(words[start : start + _RUN]) in self._runs:
                theirs[start : start + _RUN] = b"\1" * _RUN
        spans = [one.span() for one, hit in zip(found, theirs, strict=True) if hit]
        spans += self._quoted_lines(text)
        return _blanked(text, spans)

    def _quoted_lines(self, text: str) -> Iterator[tuple[int, int]]:
        start = 0
        for line in text.splitlines(keepends=True):
            if _QUOTED_LINE.match(line):
                found = list(_WORD.finditer(line))
                if tuple(one[0].casefold() for one in found) in self._lines:
                    yield start + found[0].start(), start + found[-1].end()
            start += len(line)


def _folded(text: str) -> list[str]:
    return [one[0].casefold() for one in _WORD.finditer(text)]


def _runs(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return (tuple(words[start : start + _RUN]) for start in range(len(words) - _RUN + 1))


def _blanked(text: str, spans: Collection[tuple[int, int]]) -> str:
    """The text with one mark in place of the spans of each line that only blanks and marks part."""
    pieces: list[str] = []
    end = 0
    for start, stop in sorted(spans):
        if stop <= end:
            continue
        between = text[end:start]
        if pieces and pieces[-1] == GONE and "\n" not in between and _WORD.search(between) is None:
            end = stop
            continue
        pieces += [between, GONE]
        end = stop
    return "".join((*pieces, text[end:]))


@dataclass(frozen=True, slots=True)
class Words:
    """What is taken out, and `stands`, which stands in place of addresses then."""

    stands: Address
    needles: tuple[str, ...]
    quotes: Quotes
    files: frozenset[str]
    _text: re.Pattern[str] = field(repr=False)
    _bytes: re.Pattern[bytes] = field(repr=False)

    def out_of(self, text: str) -> str:
        return self._text.sub(lambda one: self._in_place_of(one[0]), text)

    def out_of_bytes(self, raw: bytes) -> bytes:
        return self._bytes.sub(lambda one: self._in_place_of(one[0].decode("latin-1")).encode(), raw)

    def _in_place_of(self, found: str) -> str:
        if " " in found:
            return GONE
        at = next((at for at in ("@", "%40", "=") if at in found), "@")
        return self.stands.replace("@", at)

    def out_of_post(self, text: str) -> str:
        """The same, and what is quoted of theirs."""
        return self.quotes.out_of(self.out_of(text))

    def are_in(self, text: str) -> bool:
        return self._text.search(text) is not None

    def are_in_bytes(self, raw: bytes) -> bool:
        return self._bytes.search(raw) is not None

    def some_in(self, column: Column[Any]) -> Any:
        """The rows in whose column one of them stands."""
        return or_(*(func.lower(column).contains(one.lower(), autoescape=True) for one in self.needles))


def words_of(
    stands: Address,
    addresses: Sequence[Address],
    names: Iterable[str],
    texts: Iterable[str],
    files: Iterable[str],
) -> Words:
    """What is to be found of somebody: addresses also as VERP and links write them, names of several words.

    `texts` is what they wrote, `files` the SHA-256 of what they attached.
    """
    spelled = [one.replace("@", at) for one in addresses for at in ("@", "=", "%40")]
    called = [" ".join(one.split()) for one in names]
    called = [one for one in called if len(one) >= _SHORTEST_NAME and " " in one]
    # Before it in a return path (VERP) stand other words; else it would be somebody else's.
    before = {True: r"(?<![\w.])", False: r"(?<![\w.+-])"}
    patterns = [before["=" in one] + re.escape(one) + r"(?![\w-]|\.\w)" for one in spelled]
    patterns += [rf"(?<!\w){re.escape(one).replace(chr(92) + ' ', ' +')}(?!\w)" for one in called]
    found = "|".join(patterns)
    as_bytes = found.encode("utf-8", "surrogateescape")
    return Words(
        stands,
        (*spelled, *called),
        Quotes(texts),
        frozenset(files) - {_EMPTY},
        re.compile(found, re.IGNORECASE),
        re.compile(as_bytes, re.IGNORECASE),
    )


def scrubbed(raw: bytes, words: Words) -> bytes:
    """A mail without them, decoded where it is encoded; the same bytes where nothing of them is found.

    What cannot be written again loses its body: rather too much than too little.
    """
    try:
        message = email.message_from_bytes(raw)
        changed = [_scrub_part(part, words) for part in message.walk()]
        fresh = _crlf(message.as_bytes()) if any(changed) else raw
    except (ValueError, LookupError, KeyError, IndexError, AttributeError, TypeError, RecursionError):
        fresh = split_message(raw)[0] + b"\r\n" + GONE.encode() + b"\r\n"
    return words.out_of_bytes(fresh)


def _crlf(raw: bytes) -> bytes:
    return re.sub(rb"\r?\n", b"\r\n", raw)


def _scrub_part(part: email.message.Message, words: Words) -> bool:
    changed = _scrub_fields(part, words)
    if part.is_multipart():
        return changed
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    if part.get_content_maintype() == "text" and sha256(content).hexdigest() not in words.files:
        return _scrub_text(part, content, words) or changed
    if sha256(content).hexdigest() in words.files or words.are_in_bytes(content):
        _put(part, GONE, "plain")
        return True
    return changed


def _scrub_fields(part: email.message.Message, words: Words) -> bool:
    """The header of a part: fields in which they stand, encoded or not, and names of files."""
    fields = [(name, str(value)) for name, value in part.raw_items()]
    fresh = [(name, _scrub_field(value, words)) for name, value in fields]
    changed = fresh != fields
    if changed:
        for name in {name for name, _ in fields}:
            del part[name]
        for name, value in fresh:
            part.set_raw(name, value)
    if words.are_in(part.get_filename() or ""):
        del part["Content-Disposition"]
        part["Content-Disposition"] = "attachment"
        part.del_param("name")
        changed = True
    return changed


def _scrub_field(value: str, words: Words) -> str:
    plain = words.out_of(value)
    if "=?" not in value:
        return plain
    said = str(
        email.header.make_header(email.header.decode_header(value.replace("\n", "").replace("\r", "")))
    )
    if not words.are_in(said):
        return plain
    return email.header.Header(words.out_of(said), "utf-8").encode()


def _scrub_text(part: email.message.Message, content: bytes, words: Words) -> bool:
    try:
        text = content.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        text = content.decode("latin-1")
    if part.get_content_subtype() == "html":
        # Words may stand apart by tags: where the text that people see has them, that takes its place.
        seen = to_text(text)
        fresh = words.out_of_post(seen)
        if fresh == seen and not words.are_in(text):
            return False
        _put(part, f"<pre>{html.escape(fresh)}</pre>", "html")
        return True
    fresh = words.out_of_post(text)
    if fresh == text:
        return False
    _put(part, fresh, part.get_content_subtype())
    return True


def _put(part: email.message.Message, text: str, subtype: str) -> None:
    for name in ("Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "MIME-Version"):
        del part[name]
    part["MIME-Version"] = "1.0"
    part["Content-Type"] = f"text/{subtype}; charset=utf-8"
    part["Content-Transfer-Encoding"] = "8bit"
    part.set_payload(text.encode("utf-8", "replace").decode("ascii", "surrogateescape"))
