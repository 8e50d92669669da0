"""Tell what a person wrote from what they quote and how they sign; one pass, nothing lost.

Losing an answer is worse than leaving a quote: what is not sure stays new. Every rule looks at one line,
or at a fixed number of lines near it, never at more of a line than the first few hundred characters:
published strippers stop for minutes on small hostile texts.
"""

from __future__ import annotations

import re
from functools import lru_cache

from mailgate.message import SeparatedText
from mailgate.quotes.attributions import (
    DAY,
    ENDS,
    LEADING,
    is_rule,
    mark_above_quotes,
    mark_below_attribution,
)
from mailgate.quotes.closings import is_answered, mark_banner, mark_closings
from mailgate.quotes.quotewords import (
    FORWARDED,
    FORWARDS_BEGIN,
    LABELS,
    ORIGINALS,
    RAW_LABELS,
    says_wrote,
)
from mailgate.quotes.textlines import MAX_LINE, NEW, QUOTED, Page

_MARK = re.compile(r"[ \t\ufeff]{0,4}>(?!From )")
_DASHES = "-‐‑–—=_"
_WIDE_DASHES = frozenset(dash * 2 for dash in "‐‑–—")
# Fields that clients print above an original besides the four that count.
_MOST_FIELDS = 8
_EDGE = " \t\xa0*:：" + _DASHES

_LABELLED = re.compile(r"[ \t*]{0,4}[^\s:：*][^:：]{0,30}[:：]\*?[ \t\xa0]*\S")

# A remark that Outlook signs in the midst of the original: "[Ann Lee] Yes."
_REMARK = re.compile(
    r"[ \t]{0,4}\[(?!cid|image|external|ext\b|info|warn|error|debug|notice|note|bug"
    r"|caution)(?=[^\W\d_][^\W\dA-Z_])"
    r"[^\W\d_]{2,20}(?:[ ,.'-]{1,2}[^\W\d_]{1,20}){0,4}\]:? ?\S",
)
_PROMPT = re.compile(
    r"\s{0,8}(?:[$#%] |\[[^\]]{1,80}\]\s?[$#%] |[\w.-]{1,40}[@:]\S{1,80}[ ]?[$#%>] |[A-Z]:\\\S{0,80}>)"
)
_CONTINUES = ("\\", "|", "&&")
_REDIRECTION = re.compile(r"\s{0,4}>{1,2}\s?(?:/dev/|/tmp/|&\s?\d|[\w./-]{1,80}\s+2>)")
_CODE = re.compile(
    r">>> ?(?:#|@|import |from [\w.]+ import |print\b"
    r"|(?:for|while|with|def|class|if|try|return|assert|del|raise)\b.*:$"
    r"|[\w.\[\]\"',]{1,60}(?:, [\w.]{1,30}){0,3}\s?[-+*/]?=(?!=)|[\w.]{1,60}\(|[\[({\"'])"
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
    mark_above_quotes(page)
    mark_below_attribution(page, telltales, forward)
    mark_closings(page, forward)
    return page.separated()


def stands_alone(new_text: str, text: str) -> bool:
    """Whether what is new in `text` can be read without the rest: answers between quotes cannot."""
    return bool(new_text.strip()) and new_text in text


def count_lines(text: str) -> int:
    """How many lines of `text` say something."""
    return sum(1 for line in text.splitlines() if line.strip())


def _mark_marked(page: Page) -> None:
    """Mark the lines that bear `>`, but for those that are something else."""
    if ">" not in page.text:
        return
    match = _MARK.match
    page.kinds = bytearray([">" in line[:5] and match(line) is not None for line in page.lines])
    if "\n" in page.lines[-1]:
        page.kinds[-1] = NEW
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
    if alone and (_REDIRECTION.match(first) or _CONFLICT.match(first) or first.endswith("<")):
        return True
    if alone and above.rfind("<") > above.rfind(">"):
        return True
    code = _CODE.match(first) and all(line.lstrip()[:3] == ">>>" for line in page.lines[start:end])
    return bool(code) and not _is_below_quote(page, start)


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
    if _is_dashed(line):
        return inner.startswith(FORWARDED)
    return inner in FORWARDS_BEGIN and line.rstrip()[-1:] in ENDS


def _is_dashed(line: str) -> bool:
    return line.lstrip()[:2].strip(_DASHES) == ""


def _original_end(page: Page, index: int, inner: str) -> int:
    """Where the header of an original message ends that begins at `index`; 0 where none does."""
    line = page.lines[index]
    if _is_dashed(line) and inner.startswith(ORIGINALS):
        rest = inner[max(len(each) for each in ORIGINALS if inner.startswith(each)) :].lstrip()
        if not rest or rest.startswith(("--", ":")) or _role(rest.lstrip(_DASHES)):
            return _header_end(page, index + 1, needed=1) or index + 1
    head = _header_end(page, index, needed=3) if _role(line) is not None else 0
    if head:
        return head
    ruled = is_rule(page, page.text_above(index, 2)) and _LABELLED.match(line)
    return _labelled_end(page, index) if ruled else 0


def _role(line: str) -> str | None:
    """What a line of a header says, as LABELS has it."""
    return _role_of(line[:60])


# Each line is looked at from each of the twenty above it.
@lru_cache(maxsize=64)
def _role_of(begin: str) -> str | None:
    label = begin.replace("：", ":").partition(":")
    return LABELS.get(label[0].strip(LEADING).casefold()) if label[1] else None


def _header_end(page: Page, index: int, needed: int) -> int:
    """Where the header ends that begins at `index`; 0 when it has less than `needed` of what clients print.

    That is who and when, and to whom or on what. The source of a mail, which people show, has more.
    """
    lines, roles, end = page.lines, set[str](), 0
    for at in range(index, min(len(lines), index + 20)):
        role = _role(lines[at])
        if role is not None:
            # A header says who, when, to whom and on what once each.
            if role in roles and (role != "other" or at - index > _MOST_FIELDS):
                break
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
    return _paragraph_end(page, index) if labelled >= 3 and DAY.search(joined) else 0


def _paragraph_end(page: Page, index: int) -> int:
    """The first blank line of the few from `index` on; `index` where there is none."""
    lines = page.lines
    return next((at for at in range(index, min(len(lines), index + 5)) if not lines[at].strip()), index)


def _mark_original(page: Page, index: int, head: int) -> None:
    """Mark an original message whose header stands from `index` to `head`, as far as it is sure."""
    above = page.text_above(index, 2)
    start = above if above is not None and is_rule(page, above) else index
    shown = page.text_above(start)
    if shown is not None and page.is_new(shown) and _introduces(page.lines[shown]):
        return
    whole = not _is_marked_below(page, index, head) and is_answered(page, start)
    page.mark(start, len(page.lines) if whole else head, QUOTED)
    page.notes.append("original message block")
    if whole:
        _keep_remarks(page, head)


def _is_marked_below(page: Page, index: int, head: int) -> bool:
    """Whether marks begin below a title without a header, or below the attribution under it.

    Where a client prints a header, marks below it are those of who wrote the original.
    """
    below = page.text_below(index + 1)
    if below is None or head > index + 1:
        return False
    return QUOTED in (page.kinds[below], page.kinds[page.text_below(below + 1) or below])


def _introduces(line: str) -> bool:
    """Whether a sentence says that what follows is to be read: "This is what I got:"."""
    return line.rstrip()[-1:] in ENDS and len(line.split()) > 1 and not says_wrote(line[-60:])


def _keep_remarks(page: Page, start: int) -> None:
    """Keep as new the paragraphs of an original that open with the name of who answers in its midst."""
    remark = False
    for index in range(start, len(page.lines)):
        line = page.lines[index]
        remark = bool(line.strip()) and (remark or (line.lstrip()[:1] == "[" and bool(_REMARK.match(line))))
        if remark:
            page.kinds[index] = NEW
