"""A stage of the daemon: a thread that works while there is work, and looks again when told or in a while."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two steps, until it looks for work by itself, and after trouble.

    The command line writes beside the daemon and cannot call it, so each stage looks again.
    """

    between: float = 0.025
    look_again: float = 1.0
    after_trouble: float = 5.0


class Stage:
    """Runs `step` until it gives 0, then waits for `kick`. Trouble is logged, and tried again later.

    Between two steps lies the pace: under load each then finds more to do at once, which costs
    less for each; the first after a pause comes at once. `idle` is done when there is no more work.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], int],
        done: Callable[[], None] = lambda: None,
        *,
        idle: Callable[[], None] = lambda: None,
        pace: Pace = Pace(),
    ) -> None:
        self.name = name
        self._pace = pace
        self._turn_at = 0.0
        self._step = step
        self._done = done
        self._idle = idle
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
            self._idle()
        except Exception:
            # The stage's shell: the database may be away; what was under way was rolled back.
            log.exception("stage=%s trouble", self.name)
            self._stopping.wait(self._pace.after_trouble)
            return 0.0
        return self._pace.look_again

    def _paced(self) -> bool:
        """Wait for the next step's turn; False when there is to be none."""
        wait = self._turn_at + self._pace.between - time.monotonic()
        stopping = self._stopping.wait(wait) if wait > 0 else self._stopping.is_set()
        self._turn_at = time.monotonic()
        return not stopping
