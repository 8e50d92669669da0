"""The HTML of a text that we send, for who reads mail so: its paragraphs, quotes and links, nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from itertools import groupby
from typing import Final

_URL: Final = re.compile(r"https?://[^\s<>\"']{1,500}[^\s<>\"'.,;:!?)]")
_QUOTE: Final = re.compile(r"> ?")


def to_html(text: str) -> str:
    """A whole document, without images, scripts or style sheets of others. Linear in the text."""
    body = "\n".join(_blocks(text.strip("\n").split("\n")))
    return f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head><body>\n{body}\n</body></html>\n'


def _blocks(lines: Iterable[str]) -> Iterable[str]:
    for quoted, group in groupby(lines, key=lambda line: line.startswith(">")):
        some = list(group)
        if quoted:
            some = [_QUOTE.sub("", line, count=1) for line in some]
        inner = "\n".join(_paragraphs(some))
        yield f"<blockquote>{inner}</blockquote>" if quoted else inner


def _paragraphs(lines: Iterable[str]) -> Iterable[str]:
    for blank, group in groupby(lines, key=lambda line: not line.strip()):
        if not blank:
            yield f"<p>{'<br>'.join(_line(line) for line in group)}</p>"


def _line(line: str) -> str:
    """A line with its links; blanks at its beginning, as of code, stay."""
    kept = len(line) - len(line.lstrip(" "))
    pieces, at = ["&nbsp;" * kept], kept
    for found in _URL.finditer(line, kept):
        url = escape(found[0])
        pieces += [escape(line[at : found.start()]), f'<a href="{url}">{url}</a>']
        at = found.end()
    return "".join([*pieces, escape(line[at:])])
