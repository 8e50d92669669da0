"""How much texts have in common: a mail and what is quoted of it, a question asked once more. Linear."""

from __future__ import annotations

from collections import Counter
from typing import Final

# "Any news?" is part of many a mail.
_FEWEST_WORDS: Final = 8
# So many words in a row: two people seldom hit on the same four.
_ROW: Final = 4
_MOST_WORDS: Final = 600
# A text that has so many rows was not read to its end.
MOST_ROWS: Final = 500
# Two texts are as alike as their beginnings and their lengths: millions of words would fill the memory.
_COMPARED: Final = 64 * 1024


def similarity(one: str, other: str) -> float:
    """How much two texts share, 0 to 1: twice their common words over all their words."""
    words, others = _words(one), _words(other)
    total = words.total() + others.total()
    if total == 0:
        return 1.0
    shorter, longer = sorted((len(one), len(other)))
    lengths = shorter / longer if longer > _COMPARED else 1.0
    return lengths * 2 * (words & others).total() / total


def containment(part: str, whole: str) -> float:
    """How much of the words of `part` stand in `whole`, 0 to 1; 0 when they are too few to tell."""
    words = _words(part)
    if words.total() < _FEWEST_WORDS:
        return 0.0
    return (words & _words(whole)).total() / words.total()


def common_numbers(part: str, whole: str) -> float:
    """How much of the numbers of `part` stand in `whole`, 0 to 1: a program's notices differ in no more."""
    numbers = Counter(word for word in _words(part).elements() if any(map(str.isdigit, word)))
    if not numbers:
        return 1.0
    return (numbers & _words(whole)).total() / numbers.total()


def _words(text: str) -> Counter[str]:
    return Counter(text[:_COMPARED].split())


def rows_of_words(text: str) -> frozenset[tuple[str, ...]]:
    """Each four words that follow one another, marks of quoting left out, however the lines were broken."""
    words = text.replace(">", " ").split(maxsplit=_MOST_WORDS)[:_MOST_WORDS]
    return frozenset(zip(*(words[start:] for start in range(_ROW)), strict=False))
