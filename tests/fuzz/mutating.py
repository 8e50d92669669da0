"""Mutations that know what a mail is made of: lines, words, parts; and that costs grow with repetition."""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Callable, Sequence
from random import Random

from tests.fuzz.words import WORDS

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|[\r\n]|\Z)")
_WORD = re.compile(rb"[A-Za-z0-9._-]+|[^A-Za-z0-9._-]")
_CHARSETS = (b"utf-8", b"iso-8859-1", b"utf-16", b"iso-2022-jp", b"gb2312", b"utf-7", b"x-none")

_Step = Callable[[bytes, Random, int], bytes]


class Mutator:
    """Makes new inputs out of old ones. `pool` are inputs whose pieces are spliced into others."""

    def __init__(self, pool: Sequence[bytes]) -> None:
        self._pool = pool or (b"",)
        self._steps: tuple[_Step, ...] = (
            *(self._splice, _repeat_lines, _repeat_lines, _repeat_span, _insert_word, _insert_word),
            *(
                _stretch,
                _replace_word,
                _truncate,
                _drop_lines,
                _swap_lines,
                _flip,
                _wrap,
                _nest,
                _encode,
                _line_ends,
            ),
        )

    def mutate(self, data: bytes, rng: Random, most: int) -> bytes:
        """`data` after a few steps, of at most `most` bytes; the same for the same state of `rng`.

        Most stay small: large ones show what repetition costs, small ones are tried by the hundred.
        """
        most = min(most, max(len(data), rng.choice((most // 50, most // 50, most // 10, most))))
        for _ in range(rng.choice((1, 1, 2, 3, 5))):
            data = rng.choice(self._steps)(data, rng, most)[:most]
        return data

    def _splice(self, data: bytes, rng: Random, _: int) -> bytes:
        """Lines of another input in the midst of this one."""
        lines, others = _lines(data), _lines(rng.choice(self._pool))
        start = rng.randrange(len(others))
        at = rng.randrange(len(lines))
        return b"".join((*lines[:at], *others[start : start + rng.choice((1, 2, 5, 20, 1000))], *lines[at:]))


def _lines(data: bytes) -> list[bytes]:
    return _LINE.findall(data)


def _times(size: int, rng: Random, most: int) -> int:
    """How often a piece of `size` bytes is repeated: twice as well as till the input is full."""
    full = max(2, most // max(size, 1))
    return rng.choice((2, 3, 10, 60, min(full, 1000), full // 2, full))


def _repeat_lines(data: bytes, rng: Random, most: int) -> bytes:
    lines = _lines(data)
    at = rng.randrange(len(lines))
    end = at + rng.choice((1, 1, 2, 4))
    piece = b"".join(lines[at:end])
    if piece and piece[-1:] not in b"\r\n":
        piece += b"\r\n"
    room = most - len(data)
    return b"".join((*lines[:at], piece * _times(len(piece), rng, room), *lines[end:]))


def _repeat_span(data: bytes, rng: Random, most: int) -> bytes:
    if not data:
        return data
    at = rng.randrange(len(data))
    end = at + rng.choice((1, 1, 2, 3, 5, 9, 30))
    piece = data[at:end]
    return data[:at] + piece * _times(len(piece), rng, most - len(data)) + data[end:]


def _insert_word(data: bytes, rng: Random, most: int) -> bytes:
    at = rng.randrange(len(data) + 1)
    word = b"".join(rng.choices(WORDS, k=rng.choice((1, 1, 2, 3))))
    times = _times(len(word), rng, most - len(data)) if rng.random() < 0.15 else 1
    return data[:at] + word * times + data[at:]


def _stretch(data: bytes, rng: Random, most: int) -> bytes:
    """One line drawn out with the same few words till the input is full."""
    lines = _lines(data)
    at = rng.randrange(len(lines))
    words = b"".join(rng.choices(WORDS, k=rng.choice((1, 1, 2))))
    line = lines[at].rstrip(b"\r\n")
    end = lines[at][len(line) :]
    lines[at] = line + words * max(1, (most - len(data)) // len(words)) + rng.choice((b"", b"x")) + end
    return b"".join(lines)


def _replace_word(data: bytes, rng: Random, _: int) -> bytes:
    words = _WORD.findall(data)
    if not words:
        return data
    words[rng.randrange(len(words))] = rng.choice(WORDS)
    return b"".join(words)


def _truncate(data: bytes, rng: Random, _: int) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] if rng.random() < 0.7 else data[at:]


def _drop_lines(data: bytes, rng: Random, _: int) -> bytes:
    lines = _lines(data)
    at = rng.randrange(len(lines))
    return b"".join((*lines[:at], *lines[at + rng.choice((1, 1, 2, 5)) :]))


def _swap_lines(data: bytes, rng: Random, _: int) -> bytes:
    lines = _lines(data)
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def _flip(data: bytes, rng: Random, _: int) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 8)) if changed else 0):
        changed[rng.randrange(len(changed))] = rng.choice((rng.randrange(256), *b'\r\n\0<>"=\\ '))
    return bytes(changed)


def _wrap(data: bytes, rng: Random, _: int) -> bytes:
    """The text between a pair of signs, many deep."""
    opens, closes = rng.choice(
        ((b"(", b")"), (b"<div>", b"</div>"), (b"<", b">"), (b"[", b"]"), (b'"', b'"'))
    )
    depth = rng.choice((1, 30, 300, 3000))
    at = rng.randrange(len(data) + 1)
    return data[:at] + opens * depth + data[at : at + 20] + closes * rng.choice((0, depth)) + data[at + 20 :]


def _nest(data: bytes, rng: Random, _: int) -> bytes:
    """The mail inside others, as parts or as attached messages."""
    for level in range(rng.choice((1, 2, 5, 40))):
        kind = rng.choice(
            (b"mixed", b"alternative", b"related", b"digest", b"report; report-type=delivery-status")
        )
        edge = rng.choice((b"b", b"c%d" % level))
        inner = rng.choice((b"", b"Content-Type: message/rfc822\r\n\r\n"))
        head = b"From: ann@x.example\r\nContent-Type: multipart/%s; boundary=%s\r\n\r\n--%s\r\n"
        data = head % (kind, edge, edge) + inner + data + b"\r\n--%s--\r\n" % edge
    return data


def _encode(data: bytes, rng: Random, _: int) -> bytes:
    """The body in another transfer encoding and charset, said so or not."""
    header, gap, body = data.partition(b"\r\n\r\n")
    name = rng.choice((b"base64", b"quoted-printable"))
    coded = base64.encodebytes(body) if name == b"base64" else quopri.encodestring(body)
    fields = b"\r\nContent-Transfer-Encoding: %s\r\nContent-Type: text/%s; charset=%s"
    said = (
        fields % (name, rng.choice((b"plain", b"html")), rng.choice(_CHARSETS)) if rng.random() < 0.9 else b""
    )
    return header + said + gap + coded.replace(b"\n", b"\r\n")


def _line_ends(data: bytes, rng: Random, _: int) -> bytes:
    lines = re.sub(rb"\r\n|\r", b"\n", data)
    return lines.replace(b"\n", rng.choice((b"\r\n", b"\r\n", b"\n", b"\r")))
