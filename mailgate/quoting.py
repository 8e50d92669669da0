"""Tell what a person wrote from what they quote and how they sign; one pass, nothing lost.

Losing an answer is worse than leaving a quote: what is not sure stays new. Every rule looks at one line,
or at a fixed number of lines near it, never at more of a line than the first few hundred characters:
published strippers stop for minutes on small hostile texts.
"""

from __future__ import annotations

import re

from mailgate.closings import mark_banner, mark_closings, says_something
from mailgate.message import SeparatedText
from mailgate.quotewords import (
    FORWARDED,
    FORWARDS_BEGIN,
    GREETING,
    INLINE,
    LABELS,
    OPENING,
    ORIGINALS,
    PROSE,
    RAW_LABELS,
    says_wrote,
)
from mailgate.textlines import MAX_LINE, NEW, QUOTED, Page

_MARK = re.compile(r"[ \t\ufeff]{0,4}>(?!From )")
_INDENT = "    "
_LEADING = ' \t\xa0\ufeff\u200e\u200f\u202a-\u202e*_-–—>|"“„'
_DASHES = "-‐‑–—=_"
_ENDS = (":", "：")
_WIDE_DASHES = frozenset(dash * 2 for dash in "‐‑–—")
_EDGE = " \t\xa0*:：" + _DASHES
_RULE = re.compile(r"[ \t]*_{20,}[ \t]*")

_MASKED = re.compile(r"<[^<>\s]{1,80} at [^<>]{1,80}>")
_TIME = re.compile(
    r"(?<!\d)\d{1,2}[:.h]\d\d(?!\d)|(?<!\d)\d{1,2} ?[ap]\.?m\b|\d{1,2}[時时시点點]", re.IGNORECASE
)
_DAY = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|(?<!\d)\d{1,4}[./-] ?\d{1,2}[./-] ?\d{2,4}(?!\d)")
_LABELLED = re.compile(r"[ \t*]{0,4}[^\s:：*][^:：]{0,30}[:：]\*?[ \t\xa0]*\S")

# Marks of other kinds, believed only below an attribution: "AL> ", "| ", ": ".
_OTHER_MARK = re.compile(r"[ \t]{0,4}(?:[A-Za-z]{1,10}>|[|:}%])(?=\s|$)")
# A remark that Outlook signs in the midst of the original: "[Ann Lee] Yes."
_REMARK = re.compile(
    r"[ \t]{0,4}\[(?!cid|image|external|ext\b|info|warn|error|debug|notice)"
    r"[^\W\d_]{1,20}(?:[ ,.'-]{1,2}[^\W\d_]{1,20}){1,4}\]:? \S",
    re.IGNORECASE,
)

_PROMPT = re.compile(
    r"\s{0,8}(?:[$#%] |\[[^\]]{1,80}\]\s?[$#%] |[\w.-]{1,40}[@:]\S{1,80}[ ]?[$#%>] |[A-Z]:\\\S{0,80}>)"
)
_CONTINUES = ("\\", "|", "&&")
_REDIRECTION = re.compile(r"\s{0,4}>{1,2}\s?(?:/dev/|/tmp/|&\s?\d|[\w./-]{1,80}\s+2>)")
_CODE = re.compile(
    r">>> ?(?:$|#|@|import |from [\w.]+ import |print\b"
    r"|(?:for|while|with|def|class|if|try|return|assert|del|raise)\b.*:$"
    r"|[\w.\[\]\"',]{1,60}(?:, [\w.]{1,30}){0,3}\s?[-+*/]?=(?!=)|[\w.]{1,60}\(|[\w.]{1,60}$|[\[({\"'])"
)
_DIFFERENCE = re.compile(r"---$|\d+(?:,\d+)?[acd]\d+(?:,\d+)?$")
_CONFLICT = re.compile(r">{7}(?: |$)")


def separate(text: str) -> SeparatedText:
    """Part `text` into what is new, quoted, and signature; each keeps its lines in order.

    Answers between and below quotes are new. What stands below an answer without marks, as Outlook puts
    it, is quoted to the end, unless the answer says that more of it stands in there; where nothing stands
    above it, the answers are in it, and it stays new. So does a forwarded message: it is what its sender
    has to say. Blank lines at the edges of a part go.
    """
    page = Page.of(text)
    _mark_marked(page)
    mark_banner(page)
    telltales = _telltales(page)
    forward = _mark_block(page, telltales)
    _mark_above_quotes(page)
    _mark_below_attribution(page, telltales, forward)
    mark_closings(page, forward)
    return page.separated()


def _mark_marked(page: Page) -> None:
    """Mark the lines that bear `>`, but for those that are something else."""
    if ">" not in page.text:
        return
    match = _MARK.match
    page.kinds = bytearray([">" in line[:5] and match(line) is not None for line in page.lines])
    for start, end in page.quotes():
        if _only_looks_quoted(page, start, end):
            page.mark(start, end, NEW)


def _only_looks_quoted(page: Page, start: int, end: int) -> bool:
    """Whether a run of lines that begin with `>` is a program's: shell, Python, diff, merge, markup."""
    first = page.lines[start][:MAX_LINE].strip()
    above = page.lines[start - 1][-MAX_LINE:].strip() if start else ""
    alone = end - start == 1
    if above and (_PROMPT.match(above) or above.endswith(_CONTINUES) or _DIFFERENCE.match(above)):
        return True
    if alone and (_REDIRECTION.match(first) or _CONFLICT.match(first)):
        return True
    if first == ">":
        return alone and above.rfind("<") > above.rfind(">")
    return _CODE.match(first) is not None and not _is_below_quote(page, start)


def _is_below_quote(page: Page, start: int) -> bool:
    """Whether a quote or its attribution stands above: then `>>>` counts three levels."""
    above = page.text_above(start)
    if above is None:
        return False
    return page.kinds[above] == QUOTED or says_wrote(page.lines[above][-60:])


def _telltales(page: Page) -> list[int]:
    """The new lines that may begin an original message or end an attribution: they hold a colon or dashes."""
    pairs = enumerate(zip(page.lines, page.kinds, strict=True))
    if page.text.isascii():
        found = [i for i, (line, kind) in pairs if not kind and (":" in line or "--" in line)]
    else:
        found = [
            i
            for i, (line, kind) in pairs
            if not kind and (":" in line or "--" in line or "：" in line or line[:2] in _WIDE_DASHES)
        ]
    return [i for i in found if len(page.lines[i]) <= MAX_LINE]


def _mark_block(page: Page, telltales: list[int]) -> int:
    """Mark the first original message that stands in the text without marks.

    Gives the line where a forwarded message begins, all of which is new; the number of lines without one.
    """
    for index in telltales:
        line = page.lines[index]
        inner = line.strip(_EDGE).casefold()
        if _is_forward(line, inner):
            page.mark(index, len(page.lines), NEW)
            return index
        head = _original_end(page, index, inner)
        if head:
            _mark_original(page, index, head)
            break
    return len(page.lines)


def _is_forward(line: str, inner: str) -> bool:
    if inner.startswith(FORWARDED):
        return line.lstrip()[:2].strip(_DASHES) == ""
    return inner in FORWARDS_BEGIN and line.rstrip()[-1:] in _ENDS


def _original_end(page: Page, index: int, inner: str) -> int:
    """Where the header of an original message ends that begins at `index`; 0 where none does."""
    line = page.lines[index]
    if inner.startswith(ORIGINALS) and line.lstrip()[:2].strip(_DASHES) == "":
        rest = inner[max(len(each) for each in ORIGINALS if inner.startswith(each)) :].lstrip()
        if not rest or rest.startswith(("--", ":")) or _role(rest.lstrip(_DASHES)):
            return _header_end(page, index + 1, needed=1) or index + 1
    if _role(line) is not None:
        return _header_end(page, index, needed=3)
    ruled = _is_rule(page, page.text_above(index, 2)) and _LABELLED.match(line)
    return _labelled_end(page, index) if ruled else 0


def _role(line: str) -> str | None:
    """What a line of a header says, as LABELS has it."""
    label = line[:60].replace("：", ":").partition(":")
    return LABELS.get(label[0].strip(_LEADING).casefold()) if label[1] else None


def _header_end(page: Page, index: int, needed: int) -> int:
    """Where the header ends that begins at `index`; 0 when it has less than `needed` of what clients print.

    That is who and when, and to whom or on what. The source of a mail, which people show, has more.
    """
    lines, roles, end = page.lines, set[str](), 0
    for at in range(index, min(len(lines), index + 20)):
        role = _role(lines[at])
        if role is not None:
            roles.add(role)
            end = at + 1
        elif lines[at].partition(":")[0].strip().casefold() in RAW_LABELS:
            return 0
        elif at - end >= 3:
            break
    said = len(roles & {"from", "date"}) + bool(roles & {"to", "subject"})
    return _paragraph_end(page, end) if end and said >= needed else 0


def _labelled_end(page: Page, index: int) -> int:
    """Where a header in words that we do not know ends, below a rule: three labels, an address, a date."""
    near = [line[:MAX_LINE] for line in page.lines[index : index + 4]]
    labelled = sum(1 for line in near if _LABELLED.match(line))
    joined = " ".join(near)
    return _paragraph_end(page, index) if labelled >= 3 and _DAY.search(joined) else 0


def _paragraph_end(page: Page, index: int) -> int:
    """The first blank line of the few from `index` on; `index` where there is none."""
    lines = page.lines
    return next((at for at in range(index, min(len(lines), index + 5)) if not lines[at].strip()), index)


def _is_rule(page: Page, index: int | None) -> bool:
    return index is not None and bool(_RULE.fullmatch(page.lines[index][:MAX_LINE]))


def _mark_original(page: Page, index: int, head: int) -> None:
    """Mark an original message whose header stands from `index` to `head`, as far as it is sure."""
    above = page.text_above(index, 2)
    start = above if above is not None and _is_rule(page, above) else index
    shown = page.text_above(start)
    if shown is not None and page.is_new(shown) and _introduces(page.lines[shown]):
        return
    marked = QUOTED in page.kinds[head : head + 8]
    whole = not marked and _is_answered(page, start)
    page.mark(start, len(page.lines) if whole else head, QUOTED)
    page.notes.append("original message block")
    if whole:
        _keep_remarks(page, head)


def _introduces(line: str) -> bool:
    """Whether a sentence says that what follows is to be read: "This is what I got:"."""
    return line.rstrip()[-1:] in _ENDS and len(line.split()) > 1 and not says_wrote(line[-60:])


def _is_answered(page: Page, start: int) -> bool:
    """Whether an answer stands above `start`, and says nothing of answers below."""
    above = [page.lines[i][:MAX_LINE] for i in range(start) if page.is_new(i)]
    said = [line for line in above if says_something(line) and not GREETING.match(line.strip())]
    return bool(said) and not any(INLINE.search(line) for line in said[-40:])


def _keep_remarks(page: Page, start: int) -> None:
    """Keep as new the paragraphs of an original that open with the name of who answers in its midst."""
    remark = False
    for index in range(start, len(page.lines)):
        line = page.lines[index]
        remark = bool(line.strip()) and (remark or (line.lstrip()[:1] == "[" and bool(_REMARK.match(line))))
        if remark:
            page.kinds[index] = NEW


def _mark_above_quotes(page: Page) -> None:
    """Mark the lines that say who wrote the quote below them, and quotes with marks of other kinds."""
    for start, _ in page.quotes():
        above = page.text_above(start, 3)
        if above is not None and page.is_new(above):
            first = _attribution_start(page, above)
            if first is not None:
                page.mark(first, above + 1, QUOTED)


def _attribution_start(page: Page, end: int) -> int | None:
    """Where the attribution begins whose last line is `end`, above a quote; it has four lines at most."""
    joined, found = "", None
    for start in range(end, max(-1, end - 4), -1):
        line = page.lines[start]
        if not page.is_new(start) or len(line) > MAX_LINE:
            break
        joined = f"{line.strip()} {joined}".strip(" \t\xa0\u200e\u200f\u202c\u202a")
        says_who = says_wrote(joined[-200:]) or _has_address(joined)
        if _opens(line) and _is_attribution(joined, lines=end - start + 1):
            return start
        if found is None and joined[-1:] in _ENDS and says_who and _is_attribution(joined, lines=1):
            found = start
    return found


def _is_attribution(joined: str, lines: int) -> bool:
    """Whether a sentence above a quote says who wrote it; the longer it is, the more it must say."""
    address, when = _has_address(joined), bool(_TIME.search(joined)) + bool(_DAY.search(joined))
    if joined[-1:] not in _ENDS and not joined.endswith(("...", "…", "--")):
        return lines == 1 and address + when >= 2 and len(joined) < 200
    if lines > 1:
        return address + when >= 2
    if address or when:
        return True
    return len(joined) <= 80 and says_wrote(joined) and not PROSE.match(joined)


def _mark_below_attribution(page: Page, telltales: list[int], forward: int) -> None:
    """Mark a quote without marks below an attribution that tells who, when and from which address."""
    for index in telltales:
        if index >= forward:
            return
        if not page.lines[index].rstrip().endswith((*_ENDS, "--")):
            continue
        start = _telling_start(page, index)
        below = page.text_below(index + 1)
        if start is not None and below is not None:
            page.mark(start, index + 1, QUOTED)
            page.notes.append("quote without marks")
            _mark_below(page, start, below)
            return


def _telling_start(page: Page, end: int) -> int | None:
    """Where an attribution begins that leaves no doubt; its last line is `end`.

    At the very top nothing above can be taken for an answer: there it need not name an address.
    """
    joined = ""
    for start in range(end, max(-1, end - 4), -1):
        line = page.lines[start]
        if not page.is_new(start) or len(line) > MAX_LINE:
            return None
        joined = f"{line.strip()} {joined}".strip()
        if not _DAY.search(joined):
            continue
        opened = _opens(line)
        if (opened or start == end) and _is_telling(joined, opened):
            return start
        if (
            opened
            and _is_dated(joined)
            and says_wrote(joined)
            and page.text_above(start, 10) is None
            and start < 10
        ):
            return start
    return None


def _is_telling(joined: str, opened: bool) -> bool:
    if not _has_address(joined) or not _is_dated(joined):
        return False
    return says_wrote(joined) or (opened and joined[-2:-1] == ">")


def _is_dated(joined: str) -> bool:
    return bool(_DAY.search(joined) and (_TIME.search(joined) or says_wrote(joined)))


def _mark_below(page: Page, start: int, below: int) -> None:
    """Mark a quote without marks: what is indented or marked alike, or all where the answer stands above."""
    lines = page.lines
    other = _OTHER_MARK.match(lines[below])
    prefix = _INDENT if lines[below].startswith(_INDENT) else other[0] if other else ""
    if not prefix and (QUOTED in page.kinds[:start] or not _is_answered(page, start)):
        return
    for index in range(below, len(lines)):
        if lines[index].startswith(prefix):
            page.kinds[index] = QUOTED


def _opens(line: str) -> bool:
    return OPENING.match(line.lstrip(_LEADING)) is not None


def _has_address(text: str) -> bool:
    """Whether an address stands in `text`, or one that an archive has masked."""
    at = text.find("@")
    if at > 0 and text[at - 1 : at + 2].split() == [text[at - 1 : at + 2]]:
        return True
    return " at " in text and _MASKED.search(text) is not None
