"""What a mail to a list's -request address asks, line by line. Pure; nothing here knows whether it may."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tracker.words import nearest

# As many as anybody asks at once.
_MOST: Final = 10
_LONGEST: Final = 500
# A mail of more lines than this is a letter to a person.
_LETTER: Final = 12


class Ask(StrEnum):
    """What may be asked of a list."""

    HELP = "help"
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    DELIVERY = "set delivery"
    VACATION = "set vacation"
    DIGEST = "set digest"
    COPIES = "set copies"
    NAME = "set name"
    TIMEZONE = "set timezone"
    FORMAT = "set format"
    SETTINGS = "settings"
    INTEREST = "interest"
    NO_INTEREST = "no interest"
    ADDRESS = "address"
    SEARCH = "search"
    QUEUE = "queue"
    TOPICS = "topics"
    CLOSE = "close topic"


# Asks that say nothing more, and those that say something.
_BARE: Final = {
    "help": Ask.HELP,
    "subscribe": Ask.SUBSCRIBE,
    "unsubscribe": Ask.UNSUBSCRIBE,
    "settings": Ask.SETTINGS,
    "interests": Ask.INTEREST,
    "interest": Ask.INTEREST,
    "no interests": Ask.NO_INTEREST,
    "no interest": Ask.NO_INTEREST,
    "queue": Ask.QUEUE,
    "topics": Ask.TOPICS,
}
_WITH_WORDS: Final = (
    Ask.DELIVERY,
    Ask.VACATION,
    Ask.DIGEST,
    Ask.COPIES,
    Ask.NAME,
    Ask.TIMEZONE,
    Ask.FORMAT,
    Ask.INTEREST,
    Ask.NO_INTEREST,
    Ask.ADDRESS,
    Ask.SEARCH,
    Ask.CLOSE,
)
# Only these make a mail one of commands where nothing else speaks for it: prose may begin with the others.
_FIRST_WORDS: Final = frozenset({"set", "no", "close"} | {ask.value.split()[0] for ask in Ask})
_NOT_LETTERS: Final = re.compile(r"[^a-z -]+")
_LEAVE: Final = re.compile(
    r"(?:please )?(?:unsubscribe|un-subscribe|signoff|sign off|remove)(?: me)?"
    r"(?: (?:from|off) (?:the|this) (?:mailing )?list)?(?: please)?(?: thanks?| thank you)?"
)
_BLANKS: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Request:
    """One thing asked of a list; `line` is how it stood in the mail."""

    ask: Ask
    argument: str
    line: str


def read(subject: str, text: str) -> tuple[Request, ...]:
    """What a subject asks, and the first lines of a text, up to one that asks nothing."""
    found = {_form(one): one for one in (_read(subject), *_of_text(text)) if one is not None}
    return tuple(found.values())[:_MOST]


def _form(request: Request) -> tuple[Ask, str]:
    return request.ask, request.argument.casefold()


def _of_text(text: str) -> Iterator[Request]:
    for line in text[:10_000].split("\n"):
        if not line.strip():
            continue
        request = _read(line)
        if request is None:
            return
        yield request


def _read(line: str) -> Request | None:
    words = _BLANKS.sub(" ", line[: _LONGEST + 1]).strip()
    if not words or len(words) > _LONGEST:
        return None
    lowered = words.lower()
    if lowered in _BARE:
        return Request(_BARE[lowered], "", words)
    for ask in _WITH_WORDS:
        if lowered.startswith(ask.value + " "):
            return Request(ask, words[len(ask.value) + 1 :], words)
    return None


def only_asks_to_leave(subject: str, text: str) -> bool:
    """Whether a mail says nothing but that its author wants off the list."""
    words = " ".join(_NOT_LETTERS.sub(" ", (text.strip() or subject)[:200].lower()).split())
    return _LEAVE.fullmatch(words) is not None


def misread(subject: str, text: str) -> str:
    """What to say of a short mail that asks nothing we know but looks as if it did; "" for a letter."""
    lines = [line.strip() for line in text[:10_000].split("\n") if line.strip()]
    line = next(iter(lines), subject.strip())[:100]
    words = line.lower().split()
    if len(lines) > _LETTER or not 0 < len(words) <= 4:
        return ""
    if not difflib.get_close_matches(words[0], _FIRST_WORDS, n=1, cutoff=0.75):
        return ""
    known = [ask.value for ask in Ask]
    hint = nearest(line, known) or nearest(words[0], known)
    return f"{line!r} is not understood{hint}; the answer to `help` says what is"
