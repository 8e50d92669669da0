"""A stage of the daemon: a thread that works while there is work, and looks again when told or in a while."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

# The command line writes beside the daemon and cannot call it: so often we look by ourselves.
_LOOK_AGAIN_S: Final = 1.0
_AFTER_TROUBLE_S: Final = 5.0

log = logging.getLogger(__name__)


class Stage:
    """Runs `step` until it gives 0, then waits for `kick`. Trouble is logged, and tried again later.

    Between two steps lie at least `pace_s`: under load each then finds more to do at once, which costs
    less for each; the first after a pause comes at once.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], int],
        pace_s: float,
        done: Callable[[], None] = lambda: None,
        *,
        look_again_s: float = _LOOK_AGAIN_S,
        after_trouble_s: float = _AFTER_TROUBLE_S,
    ) -> None:
        self.name = name
        self._pace_s = pace_s
        self._look_again_s = look_again_s
        self._after_trouble_s = after_trouble_s
        self._turn_at = 0.0
        self._step = step
        self._done = done
        self._kicked = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def kick(self) -> None:
        """There may be work."""
        self._kicked.set()

    def stop(self) -> None:
        """Finish the step under way, then end."""
        self._stopping.set()
        self._kicked.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            pause = self._work()
            self._kicked.wait(pause)
            self._kicked.clear()

    def _work(self) -> float:
        """Work until there is none; gives how long to wait unless kicked."""
        try:
            while self._paced() and self._step():
                self._done()
        except Exception:
            # The stage's shell: the database may be away; what was under way was rolled back.
            log.exception("stage=%s trouble", self.name)
            self._stopping.wait(self._after_trouble_s)
            return 0.0
        return self._look_again_s

    def _paced(self) -> bool:
        """Wait for the next step's turn; False when there is to be none."""
        wait = self._turn_at + self._pace_s - time.monotonic()
        stopping = self._stopping.wait(wait) if wait > 0 else self._stopping.is_set()
        self._turn_at = time.monotonic()
        return not stopping
