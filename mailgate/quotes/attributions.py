"""The lines that say who wrote a quote: found above marks, and, where they leave no doubt, without any."""

from __future__ import annotations

import re

from mailgate.quotes.closings import is_answered
from mailgate.quotes.quotewords import OPENING, PROSE, QUOTING, says_wrote
from mailgate.quotes.textlines import MAX_LINE, QUOTED, Page

_MAX_ATTRIBUTION = 500
_INDENT = "    "
_BLANKS = " \t\xa0\u200e\u200f\u202a\u202c"
ENDS = (":", "：")
_MASKED = re.compile(r"<[^<>\s]{1,80} at [^<>]{1,80}>")
# Both begin with a digit, so that a search leaps from one to the next.
_TIME = re.compile(r"\d(?<!\d\d)(?:\d?[:.h]\d\d(?!\d)|\d? ?[ap]\.?m\b|\d?[時时시点點])", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?:[^\W\d_]{4}\.|[!?])\s*$")
# "2026/11/22 Ann Lee <ann@x.example>" has neither verb nor colon.
_DATED = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2} [^<>]{1,80}<[^<>\s]{1,100}@[^<>\s]{1,100}>")
# Words in lower case between the time and the verb that stand beside names.
_PARTICLES = frozenset(("am", "pm", "a.m", "p.m", "via", "von", "van", "de", "der", "di", "da", "le", "uhr"))
# A sentence in front of an attribution, on the same line.
_NESTED = re.compile(r"[^,<>]{4} On (?:\w{3,9},? )?\w{1,9}\.? \d")
# Marks of other kinds, believed only below an attribution: "AL> ", "| ", ": ".
_OTHER_MARK = re.compile(r"[ \t]{0,4}(?:[A-Za-z]{1,10}>|[|:}%])(?=\s|$)")
DAY = re.compile(r"\d(?<!\d\d)(?:(?<=[12])[90]\d\d(?!\d)|\d{0,3}[./-] ?\d{1,2}[./-] ?\d{2,4}(?!\d))")
LEADING = ' \t\xa0\ufeff\u200e\u200f\u202a-\u202e*_-–—>|"“„'

# The line that Outlook draws above an original.
_RULE = re.compile(r"[ \t]*_{20,}[ \t]*")


def is_rule(page: Page, index: int | None) -> bool:
    """Whether Outlook's line stands at `index`."""
    if index is None or "_" not in page.lines[index][:5]:
        return False
    return bool(_RULE.fullmatch(page.lines[index][:MAX_LINE]))


def mark_above_quotes(page: Page) -> None:
    """Mark the lines that say who wrote the quote below them, and quotes with marks of other kinds."""
    for start, _ in page.quotes():
        above = page.text_above(start, 3)
        if above is not None and page.is_new(above):
            first = above if is_rule(page, above) else _attribution_start(page, above)
            if first is not None:
                page.mark(first, above + 1, QUOTED)


def _attribution_start(page: Page, end: int) -> int | None:
    """Where the attribution begins whose last line is `end`, above a quote; it has four lines at most."""
    joined, found, named = "", None, False
    for start in range(end, max(-1, end - 4), -1):
        line = page.lines[start]
        if not page.is_new(start) or len(line) > MAX_LINE or (start < end and _SENTENCE_END.search(line)):
            break
        joined = _join(line, joined)
        if len(joined) > _MAX_ATTRIBUTION or not _ends_attribution(joined):
            break
        if _opens(line) and _is_attribution(joined, lines=end - start + 1):
            return start
        names = not named and _names_author(joined)
        if (names or (start == end and _is_short_attribution(joined))) and not _NESTED.search(joined):
            found, named = start, names
    return found


def _join(line: str, below: str) -> str:
    return f"{line.strip()} {below}".strip(_BLANKS)


def _ends_attribution(joined: str) -> bool:
    """Whether it ends in a colon, or stands between dashes, or is of those that say "Quoting"."""
    framed = joined.startswith("--") and joined.endswith("--")
    return joined[-1:] in ENDS or framed or bool(QUOTING.match(joined) or _DATED.fullmatch(joined))


def _is_attribution(joined: str, lines: int) -> bool:
    """Whether a sentence that opens as attributions do is one; the longer it is, the more it must say."""
    address, when, wrote = _has_address(joined), _moments(joined), says_wrote(joined)
    if lines > 1:
        return address + when >= 2 and (wrote or address)
    if wrote:
        return address or when > 0 or not PROSE.match(joined)
    if address:
        return when >= 1
    return when == 2 and (joined[0].isdigit() or bool(QUOTING.match(joined)))


def _names_author(joined: str) -> bool:
    """Whether a sentence gives an address and says that from there came what follows: "Ann <a@b> wrote:"."""
    if not _has_address(joined):
        return False
    return says_wrote(joined) or "@" in joined.rsplit(maxsplit=1)[-1] or _moments(joined) == 2


def _is_short_attribution(joined: str) -> bool:
    return len(joined) <= 80 and says_wrote(joined) and not PROSE.match(joined)


def _moments(joined: str) -> int:
    """How exactly a sentence says when: the day, the time, both."""
    return bool(_TIME.search(joined)) + bool(DAY.search(joined))


def mark_below_attribution(page: Page, telltales: list[int], forward: int) -> None:
    """Mark a quote without marks below an attribution that tells who, when and from which address."""
    for index in telltales:
        if index >= forward:
            return
        if not page.lines[index].rstrip().endswith((*ENDS, "--")):
            continue
        start = _telling_start(page, index)
        below = page.text_below(index + 1)
        if start is not None and below is not None:
            page.mark(start, index + 1, QUOTED)
            page.notes.append("quote without marks")
            _mark_below(page, start, below)
            return


def _telling_start(page: Page, end: int) -> int | None:
    """Where an attribution begins that leaves no doubt; its last line is `end`."""
    joined = ""
    for start in range(end, max(-1, end - 4), -1):
        line = page.lines[start]
        if not page.is_new(start) or len(line) > MAX_LINE:
            return None
        joined = _join(line, joined)
        if len(joined) > _MAX_ATTRIBUTION:
            return None
        if not DAY.search(joined):
            continue
        opened = _opens(line)
        if (opened or start == end) and _is_telling(joined, opened=opened):
            return start
        # At the very top nothing above can be taken for an answer: it need not name an address.
        if opened and says_wrote(joined) and start < 10 and page.text_above(start, 10) is None:
            return start
    return None


def _is_telling(joined: str, *, opened: bool) -> bool:
    wrote = says_wrote(joined)
    if joined.startswith("--"):
        return wrote and joined.endswith("--")
    if _has_address(joined):
        return wrote or (opened and _moments(joined) == 2 and joined[-2:-1] == ">")
    return wrote and opened and _moments(joined) == 2 and _has_name(joined)


def _has_name(joined: str) -> bool:
    """Whether nothing but a name and the verb follows the day and the time: "the daemon wrote" is prose."""
    digit = max((index for index, character in enumerate(joined) if character.isdigit()), default=-1)
    words = [word.strip(LEADING + ":：,.()") for word in joined[digit + 1 :].split()]
    names = [word for word in words if word and word not in _PARTICLES and not says_wrote(word)]
    return 1 <= len(names) <= 6 and not any(word.islower() for word in names)


def _mark_below(page: Page, start: int, below: int) -> None:
    """Mark a quote without marks: what is indented or marked alike, or all where the answer stands above."""
    lines = page.lines
    other = _OTHER_MARK.match(lines[below])
    prefix = _INDENT if lines[below].startswith(_INDENT) else other[0] if other else ""
    if not prefix and (QUOTED in page.kinds[:start] or not is_answered(page, start)):
        return
    for index in range(below, len(lines)):
        if lines[index].startswith(prefix):
            page.kinds[index] = QUOTED


def _opens(line: str) -> bool:
    return OPENING.match(line.lstrip(LEADING)) is not None


def _has_address(text: str) -> bool:
    """Whether an address stands in `text`, or one that an archive has masked."""
    at = text.find("@")
    if at > 0 and text[at - 1 : at + 2].split() == [text[at - 1 : at + 2]]:
        return True
    return " at " in text and _MASKED.search(text) is not None
