"""Small helps for messages to people."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint such as `; did you mean 'USCMS'?` for the known word nearest to `word`, or ""."""
    folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold()[:100], folded, n=1, cutoff=0.5)
    return f"; did you mean {folded[close[0]]!r}?" if close else ""
