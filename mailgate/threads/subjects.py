"""Subjects: what is compared, what is shown, and what the prefixes say."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache

from mailgate.commandwords import split_subject

# A subject is read this far; nobody compares the rest.
_MAX_SUBJECT = 1000
# PostgreSQL's indexes take 2704 bytes a row, and a character may have four.
_MAX_BASE = 500

_COUNTER = r"\s*(?:\[\d{1,4}\]|\(\d{1,4}\)|\^\d{1,4}|\*\d{1,4})?\s*[:：]\s*"
_REPLY = re.compile(
    r"(?:re|aw|antw|sv|vs|vá|res|ref|réf|rép|rif|odp|ynt|yanıt|atb|απ|σχετ|на|ответ|השב|回复|回覆|答复|答覆|返信)"
    + _COUNTER,
    re.IGNORECASE,
)
_FORWARD = re.compile(
    r"(?:fwd|fw|wg|tr|rv|enc|vl|doorst|πρθ|továbbítás|转发|転送|轉寄)" + _COUNTER,
    re.IGNORECASE,
)
# "R: printer" is an Italian answer, "R: drive is full" a question: the caller knows which is about something.
_LETTER = re.compile(r"[ri]" + _COUNTER, re.IGNORECASE)
# What a mail gateway writes in front, without brackets.
_WARNING = re.compile(
    r"(?:\*+|\()?(?:external|extern|ext)(?:\*+|\))?\s*[:：]\s*|\*+(?:external|ext)\*+\s*", re.IGNORECASE
)
# The place in a series and its version: [PATCH v2 1/3] is another mail, and another discussion, than 2/3.
_SERIES = re.compile(r"\b(?:patch|rfc|v\d{1,3}|\d{1,3}/\d{1,3})\b", re.IGNORECASE)
_BRACKET = re.compile(r"\[([^\[\]]{1,40})\]\s*")
_EXTERNAL = re.compile(
    r"(?>(?:\s?(?:\[(?:external|ext|extern|externe)\]|\*+external\*+))+)\s?$", re.IGNORECASE
)
# What a thread is given in its end changes nothing of what it is about.
_DONE_WORD = r"(?:re)?solved|fixed|closed|done|gelöst|erledigt|résolu|resuelto|risolto|opgelost|решено|已解决"
_DONE = re.compile(
    rf"^(?:{_DONE_WORD})\s*[:：]\s*(?=\S)|(?<=\S)\s*(?:[-–—]\s*(?:{_DONE_WORD})|[\[(](?:{_DONE_WORD})[\])])\s*$",
    re.IGNORECASE,
)
_WAS = re.compile(r"\s*[(\[]\s*was\b\s*:?\s*([^()\[\]]*(?:\[[^\[\]]*\][^()\[\]]*)*)[)\]]\s*$", re.IGNORECASE)

# The tag a list manager adds is known by its hyphen; [CMS] and [urgent] are words of the sender.
_LIST_TAG = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*-[A-Za-z]+")
# What another tracker put in front of its subjects: [issue17].
_FOREIGN_TAG = re.compile(r"\[\s?([a-z][a-z_]{0,30}\d{1,9})\s?\]", re.IGNORECASE | re.ASCII)
_MOST_FOREIGN = 5
# Subjects that name no topic; brackets around them do not make it one.
_GENERIC = re.compile(
    r"(?:(?:please |urgent |need |quick |a |another )?(?:help|question|problem|error|issue|request|test)s?"
    r"(?: needed| mail| message| please)?|testing|hello|hi|hey|(?:hi|hello) all|no subject|none|digest|"
    r"subscribe|unsubscribe|urgent|info|information|thanks|thank you|support|support request|update|meeting|"
    r"reminder|hilfe|frage|kein betreff|problème|bonjour|sans objet|ayuda|pregunta|hola|sin asunto|aiuto|"
    r"domanda|ciao|нет темы|без темы|вопрос|无主题|问题|問題)"
)
_DIGEST = re.compile(r"(?:^|\s)digest,\s?vol\.? \d+")


@dataclass(frozen=True, slots=True)
class SubjectReading:
    """A subject as read.

    `base` is for comparing: without prefixes, tags and trailing marks, case folded; the place in a series
    of patches stays. `title` is for people. `tag_numbers` are the numbers of our own ticket tags, leftmost
    first. `names` are the words in brackets that may be names of tickets from elsewhere, [issue17], in small
    letters. `was_old` is the base of what stands in a trailing "(was: ...)", or "". `generic` says that the
    base names no topic. `letter_base` is the base when a leading "R:" or "I:" is a prefix too; else it
    equals `base`. `series` says that it is a patch, or a piece of a series, `digest` that it is that of a
    list manager's digest, which says nothing of what is answered. `passes_on` says that its outermost prefix
    is that of a forward: "Re: Fwd: x" answers one. `asked` is what the last brackets ask, an item each; they
    are no part of base or title.
    """

    base: str
    title: str
    is_reply: bool = False
    is_forward: bool = False
    tag_numbers: tuple[int, ...] = ()
    was_old: str = ""
    generic: bool = False
    letter_base: str = ""
    series: bool = False
    digest: bool = False
    passes_on: bool = False
    asked: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Stripped:
    """Where the text of a subject begins, and what was found before it."""

    start: int = 0
    is_reply: bool = False
    is_forward: bool = False
    passes_on: bool = False


def read_subject(subject: str, tag: str, *other_tags: str) -> SubjectReading:
    """Read a decoded `subject`; `tag` is the word of our ticket tags, OSG in `[OSG #42]`.

    `other_tags` are those of our other lists: a ticket may have been moved from one of them.
    """
    shown, asked = split_subject(" ".join(subject[:_MAX_SUBJECT].split()))
    ours = _our_tag(tag, *other_tags)
    text = " ".join(unicodedata.normalize("NFKC", shown).split())[:_MAX_SUBJECT]
    text, was_old = _without_was(text, tag, ours)
    numbers = tuple(int(match[1]) for match in ours.finditer(text))
    # A tag in the midst leaves a blank on either side.
    plain = " ".join(ours.sub(" ", text).split())
    found = _strip(plain, every_bracket=True, tag=tag)
    base = _fold(plain[found.start :])
    letter = _LETTER.match(plain, found.start)
    return SubjectReading(
        base=base,
        title=_title(ours.sub(" ", shown), tag),
        is_reply=found.is_reply,
        is_forward=found.is_forward,
        tag_numbers=numbers,
        was_old=was_old,
        generic=_is_generic(base),
        digest=_DIGEST.search(base) is not None,
        letter_base=_fold(plain[letter.end() :]) if letter else base,
        passes_on=found.passes_on,
        asked=asked,
        names=tuple(dict.fromkeys(match[1].lower() for match in _FOREIGN_TAG.finditer(text)))[:_MOST_FOREIGN],
        series=any(_SERIES.search(match[1]) for match in _BRACKET.finditer(plain)),
    )


@lru_cache(maxsize=64)
def _our_tag(*tags: str) -> re.Pattern[str]:
    words = "|".join(map(re.escape, dict.fromkeys(tags)))
    return re.compile(rf"\[\s?(?:{words})\s?#\s?(\d{{1,18}})\s?\]\s?", re.IGNORECASE)


def _without_was(text: str, tag: str, ours: re.Pattern[str]) -> tuple[str, str]:
    """`text` without any trailing "(was: ...)", and the base of what stood in the first of them."""
    was_old = ""
    while match := _WAS.search(_EXTERNAL.sub("", text), max(0, text.lower().rfind("was") - 3)):
        if not match.start():
            break
        old = " ".join(ours.sub(" ", match[1]).split())
        was_old = _fold(old[_strip(old, every_bracket=True, tag=tag).start :])
        text = text[: match.start()]
    return text, was_old


def _strip(text: str, *, every_bracket: bool, tag: str) -> _Stripped:
    """Strip prefixes and brackets, in whatever order gateways stacked them."""
    found = _Stripped()
    while True:
        if match := _REPLY.match(text, found.start):
            found = replace(found, start=match.end(), is_reply=True)
        elif match := _FORWARD.match(text, found.start):
            found = replace(found, start=match.end(), is_forward=True, passes_on=_passes_on(found))
        elif (match := _LETTER.match(text, found.start)) and _is_prefix(text, match.end()):
            if match[0][0] in "rR":
                found = replace(found, start=match.end(), is_reply=True)
            else:
                found = replace(found, start=match.end(), is_forward=True, passes_on=_passes_on(found))
        elif match := _bracket(text, found.start, every_bracket, tag) or _warning(text, found.start):
            found = replace(found, start=match.end())
        else:
            return found


def _passes_on(found: _Stripped) -> bool:
    """Whether a forward's prefix, met after what was `found`, is the outermost, or behind one that is."""
    return found.passes_on or not found.is_reply


def _bracket(text: str, at: int, every_bracket: bool, tag: str) -> re.Match[str] | None:
    match = _BRACKET.match(text, at)
    return match if match and _goes(match, every_bracket, tag) else None


def _warning(text: str, at: int) -> re.Match[str] | None:
    match = _WARNING.match(text, at)
    return match if match and match.end() < len(text) else None


def _is_prefix(text: str, at: int) -> bool:
    return bool(_REPLY.match(text, at) or _FORWARD.match(text, at))


def _goes(match: re.Match[str], every_bracket: bool, tag: str) -> bool:
    """Whether a leading bracket is stripped; never when nothing would remain."""
    remains = match.end() < len(match.string)
    if every_bracket:
        return remains and not _SERIES.search(match[1])
    return remains and _is_list_tag(match[1], tag)


def _is_list_tag(word: str, tag: str) -> bool:
    return word.lower() in (tag.lower(), "external") or bool(_LIST_TAG.fullmatch(word))


def _title(shown: str, tag: str) -> str:
    """The title for people: case and telling brackets kept."""
    text = _EXTERNAL.sub("", shown).strip()
    title = text[_strip(text, every_bracket=False, tag=tag).start :].strip()
    return " ".join(title.split())


def _fold(text: str) -> str:
    """`text` as it is compared: no trailing marks, no blanks after commas, case folded."""
    text = _DONE.sub("", _EXTERNAL.sub("", text))
    return re.sub(r",\s+", ",", text).rstrip(" .!?,;:…-").strip().casefold()[:_MAX_BASE]


def _is_generic(base: str) -> bool:
    bare = base.strip("()[]<>*")
    return len(bare) < 4 or bool(_GENERIC.fullmatch(bare)) or bool(_DIGEST.search(base))
