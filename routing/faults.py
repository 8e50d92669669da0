"""What can be wrong with a rule or a request about rules, said in one line that may be shown."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class RoutingError(Exception):
    """The request makes no sense; its text is one line for the person who asked."""


class NoSuchRule(RoutingError):
    """No rule of that name."""


class NoSuchRevision(RoutingError):
    """No revision of that number."""


class NothingToApply(RoutingError):
    """No draft, or one that says what is in force already."""


class LostUpdate(RoutingError):
    """Somebody else changed the rules in force since the draft was begun."""


class RuleError(RoutingError):
    """A rule that does not parse: which, in which key, where in its value, and what was expected."""

    def __init__(self, rule: str, key: str, place: str, problem: str) -> None:
        super().__init__(f'rule "{rule}", key {key}, {place}: {problem}')
        self.rule = rule
        self.key = key
        self.place = place
        self.problem = problem


class Fault(Exception):
    """What is wrong in a text at `offset` (from 0): what was found, and what was expected."""

    def __init__(self, offset: int, found: str, expected: str) -> None:
        super().__init__(f"{found}; expected {expected}")
        self.offset = offset


def place(text: str, offset: int) -> str:
    """Where `offset` is in `text`, for a person: counted from 1, with the line when there are several."""
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    if "\n" not in text:
        return f"column {column}"
    line = text.count("\n", 0, offset) + 1
    return f"line {line}, column {column}"


def one_of(known: Iterable[str], word: str) -> str:
    """What was expected instead of `word`: the nearest known word first, then all of them."""
    words = list(known)
    near = nearest(words, word)
    listed = ", ".join(words)
    return f'"{near}" (known: {listed})' if near else f"one of {listed}"


def nearest(known: Iterable[str], word: str) -> str:
    """The known word most like `word`, or "" when none is."""
    folded = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold()[:100], folded, n=1)
    return folded[found[0]] if found else ""
