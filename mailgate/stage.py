"""A stage of the daemon: a thread that works while there is work, and looks again when told or in a while."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

# The command line writes beside the daemon and cannot call it: so often we look by ourselves.
_LOOK_AGAIN_S: Final = 1.0
_AFTER_TROUBLE_S: Final = 5.0

log = logging.getLogger(__name__)


class Stage:
    """Runs `step` until it gives 0, then waits for `kick`. Trouble is logged, and tried again later."""

    def __init__(self, name: str, step: Callable[[], int], done: Callable[[], None] = lambda: None) -> None:
        self.name = name
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
            while not self._stopping.is_set() and self._step():
                self._done()
        except Exception:
            # The stage's shell: the database may be away; what was under way was rolled back.
            log.exception("stage=%s trouble", self.name)
            self._stopping.wait(_AFTER_TROUBLE_S)
            return 0.0
        return _LOOK_AGAIN_S
