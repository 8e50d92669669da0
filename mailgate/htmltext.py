"""HTML to plain text: quotes keep their `>`, preformatted text its lines."""

from __future__ import annotations

import re
from typing import Any

import html_text

# A tree of lxml, which has no types to offer.
_Tree = Any

_MAX_CHARACTERS = 1024 * 1024
# Private-use characters mark what the converter would flatten; those of the sender are removed before.
_QUOTE_OPENS, _QUOTE_ENDS, _LINE_ENDS = "\ue000", "\ue001", "\ue002"
_MARKS = re.compile("[\ue000-\ue002]")
_TAG = re.compile(r"<[^<>]*+>")


def to_text(html: str) -> str:
    """The text that a person sees of `html`, of its first million characters; never fails for HTML's sake."""
    source = _MARKS.sub("", html[:_MAX_CHARACTERS])
    try:
        tree = html_text.parse_html(source)
        _mark_quotes(tree)
        _mark_lines(tree)
        return _unmark(html_text.extract_text(tree))
    except (ValueError, AssertionError, SyntaxError):
        # lxml gives up on some trees: their bare text is better than none.
        return "\n".join(line for each in _TAG.split(source) if (line := each.strip()))


def _mark_quotes(tree: _Tree) -> None:
    for quote in tree.iter("blockquote"):
        opening, ending = tree.makeelement("p"), tree.makeelement("p")
        opening.text, ending.text = _QUOTE_OPENS, _QUOTE_ENDS
        opening.tail, quote.text = quote.text, None
        quote.insert(0, opening)
        quote.append(ending)


def _mark_lines(tree: _Tree) -> None:
    for block in tree.iter("pre"):
        for element in block.iter():
            if isinstance(element.tag, str):
                element.text = _lines_marked(element.text)
            if element is not block:
                element.tail = _lines_marked(element.tail)


def _lines_marked(text: str | None) -> str | None:
    return text and text.replace("\r\n", "\n").replace("\n", f" {_LINE_ENDS}")


def _unmark(text: str) -> str:
    """Lines with `>` for each open quote, without the blank ones at the edges of a quote."""
    lines: list[str] = []
    depth, opened = 0, False
    for line in text.replace(_LINE_ENDS, "\n").split("\n"):
        content = _MARKS.sub("", line).strip()
        depth, opened = depth + line.count(_QUOTE_OPENS), opened or _QUOTE_OPENS in line
        # 50 levels show as well that a text is quoted as a million do, and cannot fill the memory.
        prefix = ">" * min(depth, 50)
        if content or not (opened or _MARKS.search(line)):
            lines.append(f"{prefix} {content}".rstrip() if prefix else content)
            opened = False
        if _QUOTE_ENDS in line:
            while lines and lines[-1] == prefix:
                lines.pop()
            depth = max(0, depth - line.count(_QUOTE_ENDS))
    return "\n".join(lines).strip()
