"""The commands that a mail's words ask for. Pure; nothing here knows whether they may."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from tracker.words import nearest

# As many as anybody asks at once; what comes after them is text.
_MOST: Final = 10
_LONGEST_ARGUMENT: Final = 300
_BRACKET: Final = re.compile(r"\s*\[([^\[\]]{1,400})\]\s*$")
_ITEM: Final = re.compile(r"\s*([A-Za-z]{1,20})\s*=\s*(\S.*?)\s*", re.ASCII)
_LINE: Final = re.compile(r"!([A-Za-z][A-Za-z-]{0,19})(?:[ \t]+(\S.*?))?[ \t]*", re.ASCII)


class Word(StrEnum):
    """What may be asked of a ticket."""

    CENTER = "center"
    CLAIM = "claim"
    OWNER = "owner"
    STATUS = "status"
    PRIORITY = "priority"
    TAG = "tag"
    TOPIC = "topic"
    TITLE = "title"
    FOLLOW = "follow"
    UNFOLLOW = "unfollow"
    MUTE = "mute"
    PRIVATE = "private"
    PUBLIC = "public"
    QUIET = "quiet"
    SHOW = "show"
    NOSY = "nosy"
    LINK = "link"
    SPLIT = "split"
    MERGE = "merge"
    MOVE = "move"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Command:
    """One thing asked. `word` is None where it is none of ours; `line` is how it stood in the mail."""

    word: Word | None
    argument: str
    line: str


# Other spellings, with what they stand for.
_SHORT: Final = {
    "done": (Word.STATUS, "resolved"),
    "resolved": (Word.STATUS, "resolved"),
    "reopen": (Word.STATUS, "open"),
}
_ALIASES: Final = {"sc": Word.CENTER, "assign": Word.CENTER}
# What a subject's brackets may hold; any other bracket is title.
_KEYS: Final = {
    **_ALIASES,
    **{w.value: w for w in (Word.CENTER, Word.OWNER, Word.STATUS, Word.PRIORITY, Word.TAG, Word.TOPIC)},
    Word.NOSY.value: Word.NOSY,
}
_FLAGS: Final = {Word.PRIVATE.value: Word.PRIVATE, Word.QUIET.value: Word.QUIET}


def split_subject(subject: str) -> tuple[str, tuple[str, ...]]:
    """A subject without its last brackets, and what they ask, an item each; other brackets are title."""
    found = _BRACKET.search(subject[-410:])
    if found is None:
        return subject, ()
    items = tuple(item.strip() for item in found[1].split(";") if item.strip())
    # "[private]" alone is a mark of its own (reading.wants_private), and stays in the title.
    if not items or not all(map(_is_item, items)) or {item.lower() for item in items} == {"private"}:
        return subject, ()
    return subject[: len(subject) - len(found[0])].rstrip(), items[:_MOST]


def _is_item(item: str) -> bool:
    found = _ITEM.fullmatch(item)
    return item.lower() in _FLAGS if found is None else found[1].lower() in _KEYS


def of_subject(items: tuple[str, ...]) -> tuple[Command, ...]:
    """What the items of a subject's brackets ask."""
    return tuple(one for item in items for one in _each(_of_item(item)))


def _of_item(item: str) -> Command:
    found = _ITEM.fullmatch(item)
    if found is None:
        return Command(_FLAGS[item.lower()], "", f"[{item}]")
    return Command(_KEYS[found[1].lower()], found[2], f"[{item}]")


def of_text(new_text: str) -> tuple[Command, ...]:
    """What the first lines of a text ask: those that begin with `!` and a word, up to another line."""
    return tuple(one for line, found in _lines(new_text) for one in _each(_command(line, found)))


def has_only_commands(new_text: str) -> bool:
    """Whether there is nothing but commands in a text."""
    lines = [line for line in new_text[:10_000].split("\n") if line.strip()]
    return bool(lines) and len(lines) == len(tuple(_lines(new_text)))


def _lines(new_text: str) -> Iterator[tuple[str, re.Match[str]]]:
    count = 0
    for line in new_text[:10_000].split("\n"):
        if not line.strip():
            continue
        found = _LINE.fullmatch(line.strip()) if count < _MOST and len(line) <= _LONGEST_ARGUMENT else None
        if found is None:
            return
        count += 1
        yield line.strip(), found


def _each(command: Command) -> tuple[Command, ...]:
    """A command for each of several centers: what is wrong with one does not concern the others."""
    if command.word is not Word.CENTER:
        return (command,)
    names = [name for one in command.argument.split(",") if (name := one.strip())][:_MOST]
    return tuple(replace(command, argument=name) for name in names) or (command,)


def _command(line: str, found: re.Match[str]) -> Command:
    word, argument = found[1].lower(), found[2] or ""
    if word in _SHORT:
        known, argument = _SHORT[word]
        return Command(known, argument, line)
    if word in _ALIASES:
        return Command(_ALIASES[word], argument, line)
    return Command(Word(word) if word in set(Word) else None, argument, line)


def unknown(command: Command) -> str:
    """What to say of a line that none of ours begins."""
    word = command.line[1:].split()[0]
    hint = nearest(word, [*(w.value for w in Word), *_SHORT, *_ALIASES])
    return f"there is no command {word!r}{hint}"
