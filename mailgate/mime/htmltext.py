"""HTML to plain text as a person sees it: quotes with `>`, lists with bullets, links with where they lead."""

from __future__ import annotations

import re
from typing import Any, Final

from lxml import etree

# An element of lxml, which has no types to offer.
_Element = Any


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MAX_CHARACTERS: Final = 1024 * 1024
# The parser stops at 256 levels; at 2048 when told so, where end tags that match nothing cost it time.
_MAX_TAGS_IN_DEPTH: Final = 50_000
_MAX_STYLE: Final = 4000
_MAX_LINK: Final = 2000
# 50 levels show as well that a text is quoted as a thousand do, and cannot fill the memory.
_MAX_QUOTES: Final = 50
_MAX_INDENTS: Final = 8

# What the end of an element does to the text, as bits of a number.
_NONE: Final[dict[str, str]] = {}
_HIDES, _BREAKS, _SPACES, _QUOTES_END, _SIGNS = 1, 2, 4, 8, 16

# As Outlook draws the line above an original message when it writes plain text.
_RULE: Final = "_" * 32

_UNSEEN: Final = _words("script style title template svg math object audio video datalist")
_BLOCKS: Final = _words(
    """address article aside body center dd details dialog div dt fieldset figcaption footer form header html
    legend main nav section summary table tbody tfoot thead tr caption li"""
)
_PARAGRAPHS: Final = _words("blockquote dl figure h1 h2 h3 h4 h5 h6 ol p pre ul")

_TAG: Final = re.compile(r"<[^<>]*+>")
# The parser compares each attribute of a tag with all before it; what is so long holds a picture, or harm.
_LONG_TAG: Final = re.compile(r"<(/?[A-Za-z][A-Za-z0-9:]{0,40}+)[^<>]{4096,}+>?")
_BLANKS: Final = re.compile(r"[ \t\r\n\f]+")
_HIDDEN: Final = re.compile(
    r"(?:display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all)", re.IGNORECASE
)
_TIGHT: Final = re.compile(r"margin(?:-top|-bottom)?\s*:\s*0", re.IGNORECASE)
_INDENTED: Final = re.compile(r"border(?:-left)?\s*:\s*(?:none|0|medium none)", re.IGNORECASE)
# The line that Outlook draws above the header of what it answers: grey or blue, by its age.
_GREY: Final = r"(?:#e1e1e1|#b5c4d[ef]|rgb\(181,\s*196,\s*223\)|rgb\(225,\s*225,\s*225\))"
_OUTLOOK_LINE: Final = re.compile(rf"border-top\s*:\s*(?:1(?:\.0)?pt\s+)?solid\s+{_GREY}", re.IGNORECASE)

# What clients call the parts of a mail, by id, class or data-marker.
_ORIGINALS: Final = _words(
    """divrplyfwdmsg outlookmessageheader zwchr __divider__ reply-separator
    ms-outlook-mobile-reference-message mail-editor-reference-message-container x_divrplyfwdmsg"""
)
_QUOTES: Final = _words("yahoo_quoted ymail_android_quoted")
_QUOTES_BEGIN: Final = _words(
    """gmail_quote gmail_quote_container gmail_attr gmail_extra moz-cite-prefix protonmail_quote appendonsend
    tutanota_quote zmail_extra"""
)
_SIGNATURES: Final = _words(
    """gmail_signature moz-signature protonmail_signature_block protonmail_signature_block-user signature
    applemailsignature ms-outlook-mobile-signature __sig_post__ x_signature"""
)


def to_text(html: str) -> str:
    """The text that a person sees of `html`, of its first million characters; never fails for HTML's sake."""
    source = _LONG_TAG.sub(r"<\1>", html[:_MAX_CHARACTERS].replace("\0", ""))
    tree = _tree(source)
    if tree is None:
        # No tree: the bare text is better than none.
        return "\n".join(line for each in _TAG.split(source) if (line := each.strip()))
    writer, opened = _Writer(), list[int]()
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        if event == "start":
            opened.append(_begin(writer, element))
        else:
            _end(writer, element, opened.pop())
            writer.write(element.tail)
    return writer.text()


def _tree(source: str) -> _Element | None:
    """The tree of a page, or None where the parser gives up, or loses what lies too deep."""
    encoded = source.encode("utf-8", "replace")
    for deep in (False, True):
        if deep and source.count("<") > _MAX_TAGS_IN_DEPTH:
            return None
        parser = etree.HTMLParser(
            encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True, huge_tree=deep
        )
        try:
            tree = etree.fromstring(encoded, parser=parser)
        except (ValueError, AssertionError, SyntaxError):
            return None
        errors = parser.error_log
        if not errors or errors[len(errors) - 1].type_name != "ERR_RESOURCE_LIMIT":
            return tree
    return None


class _Writer:
    """Lines in the making: what is open around the text decides how its lines begin."""

    def __init__(self) -> None:
        self.unseen = 0
        self.pre = 0
        self.quotes = 0
        # For each open list: None for bullets, else the number of its next item.
        self.lists: list[int | None] = []
        # For each open link: where its text began, counted in characters, and among the pieces of its line.
        self.links: list[tuple[int, int, int]] = []
        self.quote_lines: list[int] = []
        self.signatures: list[tuple[int, int]] = []
        self._signature_starts: list[int] = []
        self._lines: list[str] = []
        self._pieces: list[str] = []
        self._written = 0
        self._bullet = ""
        self._blank = False
        self._depth = 0

    def write(self, text: str | None) -> None:
        """Add text to the line; its blanks are one, unless it is preformatted."""
        if not text or self.unseen:
            return
        if self.pre:
            first, *others = text.replace("\r\n", "\n").split("\n")
            self._add(first)
            for line in others:
                self.end_line(keep=True)
                self._add(line)
            return
        text = _BLANKS.sub(" ", text)
        if text[0] == " " and (not self._pieces or self._pieces[-1][-1:] in (" ", "\t")):
            text = text[1:]
        self._add(text)

    def _add(self, text: str) -> None:
        if text:
            self._pieces.append(text)
            self._written += len(text)

    def end_line(self, *, blank: bool = False, keep: bool = False) -> None:
        """End the line, if one has begun or `keep` says so; `blank` parts it from what comes."""
        written = "".join(self._pieces)
        self._pieces.clear()
        line = (written if self.pre else written.strip(" ")).replace("\xa0", " ").rstrip()
        if line:
            self._put(line)
        elif keep or "\xa0" in written:
            self._blank = True
        self._blank = self._blank or blank

    def _put(self, line: str) -> None:
        depth = min(self.quotes, _MAX_QUOTES)
        if self._blank and self._lines:
            self._lines.append(">" * min(depth, self._depth))
        indents = min(len(self.lists), _MAX_INDENTS)
        margin = "  " * (indents - 1) + self._bullet if self._bullet else "  " * indents
        self._lines.append(f"{'>' * depth} {margin}{line}" if depth else f"{margin}{line}")
        self._depth, self._blank, self._bullet = depth, False, ""

    def begin_item(self) -> None:
        """Begin an item of the innermost list."""
        number = self.lists[-1] if self.lists else None
        self._bullet = "* " if number is None else f"{number}. "
        if number is not None:
            self.lists[-1] = number + 1

    def begin_cell(self) -> None:
        """Part a cell from the one before it on its line."""
        if self._pieces:
            self._add("\t")

    def rule(self) -> None:
        """Draw a line, unless one is there."""
        self.end_line()
        if not self._lines or not self._lines[-1].endswith(_RULE):
            self._put(_RULE)

    def begin_link(self) -> None:
        """Remember where the text of a link begins."""
        self.links.append((self._written, len(self._lines), len(self._pieces)))

    def end_link(self, target: str) -> None:
        """Add where a link leads, unless its text says so."""
        written, line, piece = self.links.pop() if self.links else (0, 0, 0)
        if self._written == written or len(target) > _MAX_LINK:
            return
        label = ""
        if line == len(self._lines) and self._written - written <= _MAX_LINK:
            label = "".join(self._pieces[piece:]).strip()
        if not _says(label, target):
            self._add(f" <{target}>")

    def begin_quote(self) -> None:
        """Note that what clients quote begins here."""
        self.end_line()
        self.quote_lines.append(len(self._lines))

    def begin_signature(self) -> None:
        """Note where a signature begins."""
        self.end_line()
        # A blank line that waits comes first.
        self._signature_starts.append(len(self._lines) + (self._blank and bool(self._lines)))

    def end_signature(self) -> None:
        """Note where a signature ends."""
        self.end_line()
        start = self._signature_starts.pop() if self._signature_starts else len(self._lines)
        self.signatures.append((start, len(self._lines)))

    def text(self) -> str:
        """All lines; a signature that closes what is new has its separator above (RFC 3676 4.3)."""
        self.end_line()
        quotes = {*self.quote_lines, len(self._lines)}
        closing = {start for start, end in self.signatures if end in quotes and self._is_bare(start, end)}
        lines = [
            each
            for index, line in enumerate(self._lines)
            for each in (("-- ", line) if index in closing else (line,))
        ]
        return "\n".join(lines).strip("\n")

    def _is_bare(self, start: int, end: int) -> bool:
        """Whether a signature has text, is not quoted, and has no separator of its own."""
        if start >= end or self._lines[start][:1] == ">":
            return False
        return "--" not in (self._lines[start].rstrip(), self._lines[start - 1].rstrip() if start else "")


def _says(label: str, target: str) -> bool:
    """Whether the text of a link tells where it leads."""
    scheme, colon, rest = target.partition(":")
    if not colon or scheme.lower() not in ("http", "https", "mailto", "ftp"):
        return True
    if scheme.lower() == "mailto":
        return rest.partition("?")[0].casefold() in label.casefold()
    return _bare(label) == _bare(target)


def _bare(link: str) -> str:
    link = link.casefold().removeprefix("https:").removeprefix("http:").strip("/ ")
    return link.removeprefix("www.")


def _begin(writer: _Writer, element: _Element) -> int:
    """Do to the text what the start of an element does; gives what its end is to do."""
    tag = element.tag
    attributes = _attributes(element) if element.keys() else _NONE
    if writer.unseen or tag in _UNSEEN or (attributes and _is_hidden(attributes)):
        writer.unseen += 1
        return _HIDES
    effect = 0
    if tag in _PARAGRAPHS:
        effect = _SPACES if _has_space(writer, tag, attributes) else _BREAKS
        writer.end_line(blank=effect == _SPACES)
    elif tag in _BLOCKS:
        effect = _BREAKS
        writer.end_line()
    if attributes or tag == "blockquote":
        effect |= _begin_named(writer, tag, attributes)
    begin = _BEGINS.get(tag)
    if begin:
        begin(writer, element)
    writer.write(element.text)
    return effect


def _attributes(element: _Element) -> dict[str, str]:
    try:
        return dict(element.attrib)
    except (ValueError, KeyError):
        # lxml takes a name such as "{style}", left by a template, for one with a namespace.
        return {name: element.get(name, "") for name in element.keys() if "{" not in name}  # noqa: SIM118


def _is_hidden(attributes: dict[str, str]) -> bool:
    return "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style", "")[:_MAX_STYLE]))


def _begin_named(writer: _Writer, tag: str, attributes: dict[str, str]) -> int:
    """Heed the names and styles by which clients mark quotes and signatures."""
    names, style = _names(attributes), attributes.get("style", "")[:_MAX_STYLE]
    effect = 0
    if names & _ORIGINALS or _OUTLOOK_LINE.search(style):
        writer.begin_quote()
        writer.rule()
    if names & _QUOTES_BEGIN:
        writer.begin_quote()
    if names & _QUOTES or (tag == "blockquote" and _is_quote(attributes, names, style)):
        writer.begin_quote()
        writer.quotes += 1
        effect |= _QUOTES_END
    if names & _SIGNATURES:
        writer.begin_signature()
        effect |= _SIGNS
    return effect


def _names(attributes: dict[str, str]) -> set[str]:
    """What an element is called: its classes, id, and marker."""
    called = [attributes[key] for key in ("class", "id", "data-marker") if key in attributes]
    return set(" ".join(called)[:1000].lower().split())


def _end(writer: _Writer, element: _Element, effect: int) -> None:
    """Do to the text what the end of an element does."""
    if effect == _HIDES:
        writer.unseen -= 1
        return
    end = _ENDS.get(element.tag)
    if end:
        end(writer, element)
    if effect:
        writer.end_line(blank=bool(effect & _SPACES), keep=element.tag == "p")
    if effect & _SIGNS:
        writer.end_signature()
    if effect & _QUOTES_END:
        writer.quotes -= 1


def _is_quote(attributes: dict[str, str], names: set[str], style: str) -> bool:
    """Whether a blockquote holds what its client quotes; some indent by blockquotes without a border."""
    return attributes.get("type") == "cite" or "gmail_quote" in names or not _INDENTED.search(style)


def _has_space(writer: _Writer, tag: str, attributes: dict[str, str]) -> bool:
    """Whether a paragraph is shown with space around it: not Outlook's, and no list in a list."""
    if tag != "p":
        return tag not in ("ol", "ul") or not writer.lists
    outlook = attributes.get("class", "").startswith("Mso")
    return not outlook and not _TIGHT.search(attributes.get("style", "")[:_MAX_STYLE])


def _begin_list(writer: _Writer, element: _Element) -> None:
    start = element.get("start") or "1"
    number = int(start) if start.isascii() and start.isdigit() and len(start) < 7 else 1
    writer.lists.append(number if element.tag == "ol" else None)


def _end_list(writer: _Writer, element: _Element) -> None:
    writer.end_line()
    writer.lists.pop()


def _image(writer: _Writer, element: _Element) -> None:
    alt = (element.get("alt") or "").strip()
    if alt and element.get("width") != "1" and element.get("height") != "1":
        writer.write(f"[{alt[:200]}]")


def _begin_pre(writer: _Writer, _: _Element) -> None:
    writer.pre += 1


def _end_pre(writer: _Writer, _: _Element) -> None:
    writer.end_line()
    writer.pre -= 1


_BEGINS: Final = {
    "a": lambda writer, element: writer.begin_link(),
    "br": lambda writer, element: writer.end_line(keep=True),
    "hr": lambda writer, element: writer.rule(),
    "img": _image,
    "li": lambda writer, element: writer.begin_item(),
    "ol": _begin_list,
    "pre": _begin_pre,
    "td": lambda writer, element: writer.begin_cell(),
    "th": lambda writer, element: writer.begin_cell(),
    "ul": _begin_list,
}
_ENDS: Final = {
    "a": lambda writer, element: writer.end_link((element.get("href") or "").strip()),
    "ol": _end_list,
    "pre": _end_pre,
    "ul": _end_list,
}
