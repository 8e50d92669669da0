"""Whether two titles are of one matter: a typo mended, words added, or another question. Titles are bases."""

from __future__ import annotations

import difflib
import re
from typing import Final

# How alike two titles must be to be one: a typo mended, a word added, not another question.
_SAME_TITLE: Final = 0.85
# A title that stands whole in another, with words put before or behind it, must tell something.
_TELLING_TITLE: Final = 12
_TELLING_WORD: Final = re.compile(r"\w{5,}")
_COMPARED_CHARACTERS: Final = 200


def alike(one: str, other: str) -> bool:
    """Whether `one` is `other`, or that with a typo mended or words added."""
    if one == other or (len(other) >= _TELLING_TITLE and other in one):
        return True
    matcher = difflib.SequenceMatcher(None, one[:_COMPARED_CHARACTERS], other[:_COMPARED_CHARACTERS], False)
    return matcher.real_quick_ratio() >= _SAME_TITLE and matcher.ratio() >= _SAME_TITLE


def share_a_word(one: str, other: str) -> bool:
    """Whether a word that tells something stands in both."""
    return not _telling(one).isdisjoint(_telling(other))


def refines(new: str, old: str) -> bool:
    """Whether `new` still says at least half of what `old` said: "tape library robot", "tape library"."""
    said = _telling(old)
    return bool(said) and len(said & _telling(new)) >= len(said) / 2


def _telling(title: str) -> frozenset[str]:
    return frozenset(_TELLING_WORD.findall(title))
