"""Forwarded messages in a text: the block that clients print, and whom it says it is from.

What a block says of its sender is a claim of whoever forwards it, and is worth as much as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from mailgate.clean import clean_line
from mailgate.message import Forwarded, Mailbox
from mailgate.quotes.quotewords import FORWARDED, FORWARDS_BEGIN, LABELS
from mailgate.threads.subjects import read_subject

# A forward of a forward of ...: nobody asks for more.
_MOST_BLOCKS: Final = 5
_MOST_LINES: Final = 2000
_MAX_LINE: Final = 400
_HEADER_LINES: Final = 24
_MAX_BLANK: Final = 3
# How many lines a value may be wrapped over.
_CONTINUED: Final = 4

# Clients print labels in bold, and the French a blank before the colon.
_EDGE: Final = "*_ \t\xa0"
_DASHES: Final = "-‐‑–— \t*_"
_RULED: Final = re.compile(r"[-‐‑–—]{2}")
_LABEL: Final = re.compile(r"([^\s:：][^:：@<>]{0,30}?)[ \t*_]{0,3}[:：](.*)", re.DOTALL)
# "X-Mailer: ...", "Date sent: ...": a field that has no name in our list, not the rest of the one before.
_FIELD: Final = re.compile(r"[A-Za-z][A-Za-z -]{0,40}")
_ADDRESS: Final = re.compile(r"[^\s<>()\[\]\",;:*|@]{1,64}@[^\s<>()\[\]\",;:*|@]{1,255}")
_NAME_EDGE: Final = " \t<([\"'*,;:"
# mutt says whom it is from in the line that opens the block.
_FROM_WORD: Final = re.compile(r"\s(?:from|von|de)\s(.{3,300})", re.IGNORECASE)


@dataclass(slots=True)
class _Block:
    """A header as printed: where it ends, and its fields by what they are; `last` is the one read last."""

    end: int
    fields: dict[str, str] = field(default_factory=dict)
    last: str = ""
    continued: int = 0

    def take(self, role: str, line: str) -> None:
        """Read the line of a field; the first of each role counts."""
        found = _LABEL.match(line)
        self.fields.setdefault(role, found[2].strip(_EDGE) if found else "")
        self.last, self.continued = role, 0

    def carries_on(self, line: str) -> bool:
        """Whether a line is the rest of the field above it, wrapped or in a cell of its own."""
        if not self.last or self.continued == _CONTINUED:
            return False
        # Behind the mark of a quote stands a blank that indents nothing.
        content = line[:_MAX_LINE].lstrip(">")
        indented = (content if content == line else content.removeprefix(" "))[:1] in (" ", "\t")
        wrapped = self.last in ("to", "other") or content.lstrip().startswith(("<", "[mailto:"))
        return indented or wrapped or not self.fields[self.last]

    def carry_on(self, line: str) -> None:
        self.fields[self.last] = f"{self.fields[self.last]} {line}".strip()
        self.continued += 1


def find_forwarded(text: str, subject: str) -> Forwarded | None:
    """The outermost message that `text` forwards, the next inside it in its `inner`; None: there is none.

    Where no line says that a message is forwarded, a header that is printed in the text counts only under
    the subject of a forward: elsewhere it is the original of an answer. Linear, and never raises.
    """
    lines = text.split("\n", _MOST_LINES)[:_MOST_LINES]
    printed = read_subject(subject, "").passes_on
    outer: Forwarded | None = None
    for forwarded in reversed([*islice(_blocks(lines, printed=printed), _MOST_BLOCKS)]):
        outer = replace(forwarded, inner=outer)
    return outer


def _blocks(lines: Sequence[str], *, printed: bool) -> Iterator[Forwarded]:
    """Each forwarded message, outermost first; `printed`: a header alone is enough."""
    index = 0
    while index < len(lines):
        block = _block_at(lines, index, printed=printed)
        if block is not None and "from" in block.fields:
            yield _forwarded(block)
            index = max(block.end, index + 1)
        else:
            index += 1


def _block_at(lines: Sequence[str], index: int, *, printed: bool) -> _Block | None:
    line = _bare(lines[index])
    if _opens(line):
        block = _read_header(lines, index + 1)
        if "from" not in block.fields and (found := _FROM_WORD.search(line.rstrip(_DASHES))):
            block.fields["from"] = found[1]
        return block
    if not (printed and _role(line)):
        return None
    block = _read_header(lines, index)
    told = block.fields.keys()
    return block if {"from", "subject"} <= told and told & {"date", "to"} else None


def _bare(line: str) -> str:
    """A line without the marks of a quote."""
    return line[:_MAX_LINE].lstrip(" \t>").rstrip()


def _opens(line: str) -> bool:
    """Whether a line says that a forwarded message follows."""
    if not line or (line[-1] not in ":：" and not _RULED.match(line)):
        return False
    inner = line.strip(_DASHES).casefold()
    if _RULED.match(line):
        return inner.startswith(FORWARDED)
    return inner.rstrip(":： ") in FORWARDS_BEGIN


def _role(line: str) -> str | None:
    """What a line of a printed header tells: from, date, to, subject or other."""
    found = _LABEL.match(line.lstrip(_EDGE))
    return LABELS.get(found[1].strip(_EDGE).casefold()) if found else None


def _read_header(lines: Sequence[str], start: int) -> _Block:
    """The header that begins at `start`, or a few blank lines below."""
    block, blank = _Block(start), 0
    for index in range(start, min(len(lines), start + _HEADER_LINES)):
        line = _bare(lines[index])
        if not line:
            blank += 1
            if blank > (1 if block.fields else _MAX_BLANK):
                break
            continue
        above = bool(block.fields) and not blank
        if role := _role(line) or ("other" if above and _is_other_field(line) else ""):
            block.take(role, line.lstrip(_EDGE))
        elif above and block.carries_on(lines[index]):
            block.carry_on(line)
        else:
            break
        block.end, blank = index + 1, 0
    return block


def _is_other_field(line: str) -> bool:
    found = _LABEL.match(line)
    return found is not None and _FIELD.fullmatch(found[1]) is not None and found[2][:1] in (" ", "\t")


def _forwarded(block: _Block) -> Forwarded:
    fields = block.fields
    return Forwarded(
        _mailbox(clean_line(fields["from"])),
        clean_line(fields.get("subject", "")),
        clean_line(fields.get("date", "")),
    )


def _mailbox(value: str) -> Mailbox:
    """The one address in `value` with the name before it; two are no sender, its address is then ""."""
    value = value.replace("mailto:", " ")
    matches = list(_ADDRESS.finditer(value))
    name = " ".join(value[: matches[0].start() if matches else None].strip(_NAME_EDGE).split())
    addresses = {match[0].strip("'.").lower(): match[0].strip("'.") for match in matches}
    address = next(iter(addresses.values())) if len(addresses) == 1 else ""
    if "." not in address.rpartition("@")[2]:
        address = ""
    return Mailbox(address, "" if "@" in name else name)
