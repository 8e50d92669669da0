"""Caps before parsers: one linear look at the bytes of a mail, before we say 250.

The parsers we stand on take minutes, gigabytes or the stack for some small mails. What could hurt them
is refused here, in the session, so that nothing has to be bounced later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mailgate.errors import HeaderTooLarge, LoopDetected, NoAuthor, Smuggling, TooComplex
from mailgate.fieldvalues import mime_type, parameter, read_mailboxes
from mailgate.message import Mailbox

# A field with its folds (RFC 5322 2.2.3). Line ends may be of any kind: files are read too.
_FIELD = re.compile(
    rb"([!-9;-~]++)([ \t]*+):([^\r\n]*+(?:(?:\r\n|[\r\n])[ \t][^\r\n]*+)*+)(?:\r\n|[\r\n]|\Z)"
)
_MBOX_LINE = re.compile(rb">?From (?![ \t]*:)[^\r\n]*+(?:\r\n|[\r\n])")
_BLANK_LINE = re.compile(rb"\r\n|[\r\n]")
_BOUNDARY_LINE = re.compile(rb"[\r\n]--([^\r\n]*+)")

# Lines like a boundary that are none (a patch is full of them), before we stop looking.
_MAX_LOOKALIKES = 200_000
# No From that a person writes is longer; the address reader takes about a microsecond a byte.
_MAX_FROM = 8 * 1024


@dataclass(frozen=True, slots=True)
class ScanLimits:
    """What one mail may have of each."""

    header_bytes: int = 256 * 1024
    fields: int = 2000
    depth: int = 50
    parts: int = 1000
    parameters: int = 100
    parameter_bytes: int = 16 * 1024
    received: int = 50


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of a header in order: names as written, values as bytes with their folds.

    `start` is where the first field stands (an mbox line is skipped), `end` where the body begins.
    """

    fields: tuple[tuple[str, bytes], ...]
    start: int
    end: int
    _index: dict[str, list[bytes]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.fields:
            self._index.setdefault(name.lower(), []).append(value)

    def values(self, name: str) -> tuple[bytes, ...]:
        """Every value of the fields called `name` (lower case), in order."""
        return tuple(self._index.get(name, ()))

    def first(self, name: str) -> bytes:
        """The first value of the fields called `name` (lower case), or b""."""
        return next(iter(self._index.get(name, ())), b"")


@dataclass(frozen=True, slots=True)
class Scanned:
    """What the scan learnt: the header, so that nobody reads it again, and whose mail it is."""

    header: Header
    from_address: str

    @property
    def header_end(self) -> int:
        """Where the body begins."""
        return self.header.end

    @property
    def received_count(self) -> int:
        return len(self.header.values("received"))


@dataclass(frozen=True, slots=True)
class Shape:
    """How a mail is built: nesting, parts, and the most attached containers inside one another."""

    depth: int
    parts: int
    attached: int


def to_crlf(raw: bytes) -> bytes:
    """`raw` with the line ends of the wire, when it comes from a file with those of this system.

    A file whose first line ends in CRLF is on the wire's side already: what is bare in it stays bare,
    for the scan to judge.
    """
    first = raw.find(b"\n")
    if first == -1 or raw[first - 1 : first] == b"\r":
        return raw
    return re.sub(rb"\r\n|[\r\n]", b"\r\n", raw)


def scan(raw: bytes, limits: ScanLimits) -> Scanned:
    """Look at a mail as received, before it is accepted.

    Raises Smuggling, HeaderTooLarge, LoopDetected, NoAuthor or TooComplex.
    """
    if not raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n"):
        raise Smuggling("Bare CR or LF: lines end with CRLF (RFC 5321 2.3.8)")
    header = read_header(raw, limits)
    received = len(header.values("received"))
    if received > limits.received:
        raise LoopDetected(f"More than {limits.received} Received fields: a mail loop")
    author = read_author(header)
    measure(raw, header, limits)
    return Scanned(header, author.address)


def read_header(raw: bytes, limits: ScanLimits, start: int = 0) -> Header:
    """The header that begins at `start`; it ends at an empty line, or at the first line that is no field.

    Raises HeaderTooLarge.
    """
    mbox_line = _MBOX_LINE.match(raw) if start == 0 else None
    at = begin = mbox_line.end() if mbox_line else start
    stop = min(len(raw), begin + limits.header_bytes + 1)
    fields: list[tuple[str, bytes]] = []
    while match := _FIELD.match(raw, at, stop):
        name, blank, value = match.groups()
        # RFC 5322 4.5 allows "Name :"; for From it is a trick, read as a field by some and not by others.
        spaced = bool(blank) and name.lower() == b"from"
        fields.append((name.decode("ascii") + (" " if spaced else ""), value))
        at = match.end()
        if len(fields) > limits.fields:
            raise HeaderTooLarge(f"More than {limits.fields} header fields")
    if at - begin > limits.header_bytes:
        raise HeaderTooLarge(f"More than {limits.header_bytes} bytes of header")
    blank_line = _BLANK_LINE.match(raw, at)
    return Header(tuple(fields), begin, blank_line.end() if blank_line else at)


def read_author(header: Header) -> Mailbox:
    """The one mailbox of the one From field: the address that rights and DMARC are judged by.

    RFC 5322 3.6.2 allows several authors; we do not, for an author is who may act. Raises NoAuthor.
    """
    values = header.values("from")
    if header.values("from "):
        raise NoAuthor("A blank before the colon of From")
    if len(values) != 1:
        raise NoAuthor("No From field" if not values else f"{len(values)} From fields: one is needed")
    found = read_mailboxes(values[0]) if len(values[0]) <= _MAX_FROM else read_mailboxes(b"@")
    if found.broken:
        raise NoAuthor("The From field holds what is no address")
    if len(found.good) != 1:
        raise NoAuthor(f"{len(found.good)} addresses in From: one is needed")
    return found.good[0]


def measure(raw: bytes, header: Header, limits: ScanLimits) -> Shape:
    """How deep and of how many parts a mail is, found as RFC 2046 5.1.1 lets a parser find it.

    Raises TooComplex, or HeaderTooLarge for the header of a part.
    """
    skeleton = _Skeleton(raw, limits)
    skeleton.enter(header, 0, 0)
    # An mbox line, header and body stand together: the line break before the body may open a boundary.
    start = max(header.end - 1, 0)
    for match in _BOUNDARY_LINE.finditer(raw, start) if skeleton.open else ():
        skeleton.meet(match[1].rstrip(), match.start(), match.end())
    skeleton.close_reports(len(raw))
    return Shape(skeleton.deepest, skeleton.parts, skeleton.most_attached)


@dataclass(frozen=True, slots=True)
class _Level:
    """An open multipart: its delimiter, and how many containers and attached containers hold its parts."""

    delimiter: bytes
    depth: int
    attached: int


@dataclass(slots=True)
class _Skeleton:
    """The containers open at one point of a mail, and what was counted so far."""

    raw: bytes
    limits: ScanLimits
    open: dict[bytes, int] = field(default_factory=dict)
    levels: list[_Level] = field(default_factory=list)
    parts: int = 1
    deepest: int = 0
    most_attached: int = 0
    lookalikes: int = 0
    report_start: int = -1

    def enter(self, header: Header, depth: int, attached: int) -> None:
        """Enter the part that `header` begins, and the messages that begin where it ends."""
        while True:
            content = header.first("content-type")
            disposition = header.first("content-disposition")
            self._check_parameters(content, disposition)
            kind = mime_type(content)
            if not kind.startswith(("multipart/", "message/")):
                return
            depth += 1
            attached += disposition.strip()[:10].lower() == b"attachment"
            self._count(depth, attached)
            if kind.startswith("multipart/"):
                self._open_multipart(content, depth, attached)
                return
            if kind == "message/partial":
                raise TooComplex("message/partial is not taken: send the message whole")
            if kind in ("message/delivery-status", "message/global-delivery-status"):
                self.report_start = header.end
                return
            self.parts += 1
            header = read_header(self.raw, self.limits, header.end)

    def meet(self, line: bytes, start: int, end: int) -> None:
        """Meet the line `--` + `line`: a delimiter of an open multipart, its end, or neither."""
        level = self.open.get(line)
        closing = self.open.get(line[:-2]) if level is None and line.endswith(b"--") else None
        if level is None and closing is None:
            self.lookalikes += 1
            if self.lookalikes > _MAX_LOOKALIKES:
                raise TooComplex("Too many lines that look like boundaries")
            return
        self.close_reports(start)
        self._leave(level + 1 if level is not None else closing or 0)
        if level is not None:
            self.parts += 1
            inside = self.levels[level]
            self._count(inside.depth, inside.attached)
            line_end = _BLANK_LINE.match(self.raw, end)
            header = read_header(self.raw, self.limits, line_end.end() if line_end else end)
            self.enter(header, inside.depth, inside.attached)

    def close_reports(self, end: int) -> None:
        """Count what a delivery report ending at `end` becomes: its every paragraph is made a message."""
        if self.report_start >= 0:
            self.parts += self.raw.count(b"\n\r\n", self.report_start, end)
            self.parts += self.raw.count(b"\n\n", self.report_start, end)
            self.report_start = -1
            self._count(0, 0)

    def _open_multipart(self, content: bytes, depth: int, attached: int) -> None:
        delimiter = parameter(content, "boundary").encode()
        # A boundary used again inside itself ends the outer part: nothing can be inside the inner one.
        if delimiter and delimiter not in self.open:
            self.open[delimiter] = len(self.levels)
            self.levels.append(_Level(delimiter, depth, attached))

    def _leave(self, level: int) -> None:
        for each in self.levels[level:]:
            del self.open[each.delimiter]
        del self.levels[level:]

    def _count(self, depth: int, attached: int) -> None:
        self.deepest = max(self.deepest, depth)
        self.most_attached = max(self.most_attached, attached)
        if self.deepest > self.limits.depth:
            raise TooComplex(f"Nested deeper than {self.limits.depth} levels")
        if self.parts > self.limits.parts:
            raise TooComplex(f"More than {self.limits.parts} parts")

    def _check_parameters(self, *values: bytes) -> None:
        if any(value.count(b";") > self.limits.parameters for value in values):
            raise TooComplex(f"More than {self.limits.parameters} parameters in one field")
        if any(len(value) > self.limits.parameter_bytes for value in values):
            raise TooComplex(f"More than {self.limits.parameter_bytes} bytes of parameters in one field")
