"""Give memory back to the system that the C library keeps after a large mail."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any, Final

# Below this it is what the next mails will use again.
_WORTH_IT: Final = 8 * 2**20
_STEP: Final = 2**20
_STATM: Final = Path("/proc/self/statm")


class Memory:
    """Of this process. Does nothing where the system is not Linux, or the C library not glibc."""

    def __init__(self) -> None:
        # ctypes knows no types of foreign functions.
        self._trim: Any = getattr(ctypes.CDLL(None), "malloc_trim", None)
        self._least = self._resident()

    def give_back(self) -> None:
        """Return what lies free in the allocator, if much came to it since last time (malloc_trim(3))."""
        if self._trim is None or self._resident() < self._least + _WORTH_IT:
            return
        self._trim(0)
        # A statement of SQLite keeps the values of its last use: they go with the next mail, so look again
        # then. What is here for good is no reason to: step by step the mark rises to it.
        self._least = min(self._resident(), self._least + _STEP)

    @staticmethod
    def _resident() -> int:
        """Bytes in memory (proc(5): statm, the second figure, in pages); 0 where nobody tells."""
        try:
            return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, ValueError, IndexError):
            return 0
