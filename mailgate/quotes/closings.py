"""What habits and programs put around a text: banners, signatures, device lines, legal notices, footers."""

from __future__ import annotations

import re

from mailgate.quotes.closingwords import (
    BANNER,
    BANNER_OPENS,
    COMPANY,
    CONTACT,
    DEVICE,
    EXCUSE,
    FIRST_PERSON,
    LEGAL,
    LIST_WORDS,
    NAME,
    NAMED_END,
    NOTICE,
    SENTENCE,
    SMALL_PRINT,
    VALEDICTION,
)
from mailgate.quotes.quotewords import GREETING, INLINE, says_wrote
from mailgate.quotes.textlines import MAX_LINE, NEW, SIGNATURE, Page

_MAX_SIGNATURE = 25
_MAX_FOOTER = 25
_MAX_PARAGRAPH = 40
_MAX_CARD = 10
_MAX_CARD_LINE = 70
# So many closings follow each other at most: device, law, virus scanner, name.
_MAX_CLOSINGS = 6

_SEPARATORS = frozenset({"-- ", "--", "--\xa0", "-- \xa0"})
_RULE = re.compile(r"\s{0,4}(?:[_=*#~+]{2,}|[-–—‐]{2,}|—|(?:[-=*] ?){4,}|(?:-=){3,}-?)\s*")

_BARE_BANNERS = frozenset(("external", "extern", "external email", "external sender"))
_PATCH_MARKS = frozenset(" +-@\\")
_DASHES = frozenset("-–—*•")
_RULE_BEGINS = frozenset("_-=*#~+–—‐")
# A scanner speaks of the mail it scanned, and who prints one of the print; people speak of other things.
_OF_A_MAIL = re.compile(
    r"mail|message|nachricht|attachment|anh[aä]ng|anlage|courriel|correo|mensa|messaggio|bericht|meddelande"
    r"|besked|melding|wiadomo|zpráv|сообщ|письм|avast|avg\b|www\.|print|druck|imprim|stamp"
)
_PRINTED = re.compile(r"print|druck|imprim|stamp")


def is_answered(page: Page, start: int) -> bool:
    """Whether an answer stands above `start`, and says nothing of answers below.

    A line that ends in "Ann wrote:" belongs to what follows.
    """
    above = [page.lines[i][:MAX_LINE] for i in range(start) if page.is_new(i)]
    said = [line for line in above if _says_something(line) and not GREETING.match(line.strip())]
    if said and said[-1].rstrip()[-1:] in (":", "：") and says_wrote(said[-1][-60:]):
        said.pop()
    return bool(said) and not any(INLINE.search(line) for line in said[-40:])


def _says_something(line: str) -> bool:
    """Whether a line is more than a device's or a separator."""
    text = line.strip()
    return bool(text) and text not in _SEPARATORS and not _is_device_line(text)


def mark_banner(page: Page) -> None:
    """Mark the warning that a mail server puts on top of what comes from outside."""
    first = page.text_below(0)
    if first is None or page.kinds[first] != NEW:
        return
    line = page.lines[first][: 2 * MAX_LINE]
    if not BANNER_OPENS.match(line):
        return
    end, open_sentence = first, False
    for index in range(first, min(len(page.lines), first + 7)):
        line = page.lines[index][: 2 * MAX_LINE].strip()
        known = BANNER.search(line) or (index == first and line.strip(" *[]()!:").casefold() in _BARE_BANNERS)
        if not line or not (known or open_sentence):
            break
        end = index + 1
        # A long line without a stop goes on in the next.
        open_sentence = len(line) > 60 and line[-1] not in ".!?:]*)。"
    if end > first and page.text_below(end) is not None:
        page.mark(first, end, SIGNATURE)
        page.notes.append("banner")


def mark_closings(page: Page, forward: int) -> None:
    """Mark what closes each stretch of new text; below `forward` only the footer."""
    _mark_footer(page)
    _mark_signatures(page, forward)
    for start, end in page.stretches():
        if start < forward:
            _mark_region(page, start, min(end, forward))


def _mark_footer(page: Page) -> None:
    """Mark what a list manager adds at the end: a rule, its name, how to leave it."""
    last = len(page.lines) - 1
    for index in range(last, max(-1, last - _MAX_FOOTER), -1):
        line = page.lines[index]
        if page.kinds[index] != NEW:
            return
        if (
            line[:3].strip()[:1] in _RULE_BEGINS
            and _RULE.fullmatch(line[:MAX_LINE])
            and _is_footer(page, index)
        ):
            page.mark(index, last + 1, SIGNATURE)
            page.notes.append("list footer")
            return


def _is_footer(page: Page, index: int) -> bool:
    """Whether a list's words stand below a rule, and it is no chapter: that has a title above its rule."""
    rule, below = page.lines[index], [line[:MAX_LINE] for line in page.lines[index + 1 :] if line.strip()]
    if len(below) > 16 or any(line.rstrip()[-1:] == "?" for line in below):
        return False
    if rule.strip()[0] in "-=~*" and rule not in _SEPARATORS and index and page.is_new(index - 1):
        return False
    text = "\n".join(below).casefold()
    if _says_i(f" {' '.join(text.split())} "):
        return False
    has_way = "@" in text or "://" in text or "www." in text
    return has_way and any(word in text for word in LIST_WORDS)


def _mark_signatures(page: Page, forward: int) -> None:
    """Mark what follows `-- ` (RFC 3676 4.3) up to a quote, another separator or the end."""
    end = len(page.lines)
    for index in reversed(_separators(page, forward)):
        kinds = page.kinds[index : min(end, index + _MAX_SIGNATURE + 1)]
        size = len(kinds) - len(kinds.lstrip(b"\0"))
        if size <= _MAX_SIGNATURE:
            page.mark(index, index + size, SIGNATURE)
        end = index


def _separators(page: Page, forward: int) -> list[int]:
    """The lines that part a signature from its text; in a patch "-- " is a line taken away."""
    if "--" not in page.text:
        return []
    lines = page.lines[:forward]
    found = [index for index, line in enumerate(lines) if line[:2] == "--" and line in _SEPARATORS]
    if found and "@@ -" in page.text:
        hunk = max((index for index, line in enumerate(lines) if line[:4] == "@@ -"), default=len(lines))
        # Below a line of a patch stands another, with its mark in front.
        found = [i for i in found if i > hunk and (lines[i + 1 : i + 2] or ["."])[0][:1] not in _PATCH_MARKS]
    return found


def _mark_region(page: Page, start: int, end: int) -> None:
    """Mark what closes one stretch of new text, from its end upwards."""
    lines = page.lines
    for _ in range(_MAX_CLOSINGS):
        while end > start and not lines[end - 1].strip():
            end -= 1
        if end == start:
            return
        closing = _closing_start(lines, start, end)
        page.mark(closing, end, SIGNATURE)
        if closing == end:
            return
        end = closing


def _closing_start(lines: list[str], start: int, end: int) -> int:
    """Where what closes the lines from `start` to `end` begins; `end` where nothing is sure to."""
    last = lines[end - 1]
    if len(last) <= MAX_LINE and (
        _is_device_line(last.strip()) or (end - start > 1 and _is_named_end(lines[end - 2], last))
    ):
        return end - 1
    top = _paragraph_start(lines, start, end)
    if _is_small_print(lines[top:end]):
        above = lines[top - 1][:MAX_LINE] if top > start else ""
        return top - 1 if _RULE.fullmatch(above) or NOTICE.fullmatch(above) else top
    return _card_start(lines, start, end)


def _is_named_end(above: str, last: str) -> bool:
    """Whether a name behind a dash closes a text; the last item of a list looks alike."""
    named = NAMED_END.match(last)
    return named is not None and not named["name"].islower() and above.lstrip()[:1] not in _DASHES


def _paragraph_start(lines: list[str], start: int, end: int) -> int:
    """Where the paragraph that ends at `end` begins; a rule or a title of the law is above it."""
    top = end
    for index in range(end - 1, max(start, end - _MAX_PARAGRAPH) - 1, -1):
        line = lines[index][:MAX_LINE]
        if not line.strip():
            break
        top = index
        if NOTICE.match(line) or (index < end - 1 and _RULE.fullmatch(line)):
            break
    return top


def _is_small_print(paragraph: list[str]) -> bool:
    """Whether a paragraph is what a lawyer, a virus scanner or an office puts below every mail."""
    text = "\n".join(paragraph)
    if len(text) < 40 or len(text) > 6000:
        return False
    text = f" {' '.join(text.casefold().split())} "
    personal = _says_i(text)
    if len(text) < 400 and not personal and _is_scanned_or_printed(text):
        return True
    if "?" not in text and sum(each in text for each in COMPANY) >= 2:
        return True
    telling = _kinds_said(text, LEGAL[:3])
    if telling == 0 or len(text) < 80 or personal:
        return False
    return telling + _kinds_said(text, LEGAL[3:]) >= (4 if len(text) < 200 else 5)


def _says_i(text: str) -> bool:
    return any(word in text for word in FIRST_PERSON)


def _is_scanned_or_printed(text: str) -> bool:
    """Whether words of scanners or of offices speak of the mail itself; they ask for nothing but paper."""
    if not any(each in text for each in SMALL_PRINT) or not _OF_A_MAIL.search(text):
        return False
    return "?" not in text or bool(_PRINTED.search(text))


def _kinds_said(text: str, kinds: tuple[tuple[str, ...], ...]) -> int:
    return sum(any(stem in text for stem in stems) for stems in kinds)


def _card_start(lines: list[str], start: int, end: int) -> int:
    """Where a name with its addresses begins, below a rule or a greeting at the end; `end` without one."""
    for index in range(end - 1, max(start, end - _MAX_CARD) - 1, -1):
        line = lines[index].strip()
        if len(line) > _MAX_CARD_LINE:
            break
        greets = line[:1].isalpha() and bool(VALEDICTION.fullmatch(line))
        if greets or (line[:1] in _RULE_BEGINS and line and _RULE.fullmatch(line)):
            card = [each for each in lines[index + 1 : end] if each.strip()]
            return index if index > start and _is_card(card, greets=greets) else end
        if SENTENCE.search(line):
            break
    return end


def _is_card(card: list[str], *, greets: bool) -> bool:
    """Whether lines are a name and how to reach its owner; below a rule no mere link."""
    if len(card) < 2 or not NAME.fullmatch(card[0].strip()):
        return False
    return any(CONTACT.search(line) and (greets or "http" not in line) for line in card[1:])


def _is_device_line(line: str) -> bool:
    # A program asks for nothing.
    if len(line) > 200 or "?" in line:
        return False
    found = DEVICE.match(line)
    return found is not None and (found["rest"] is None or bool(EXCUSE.fullmatch(found["rest"])))
