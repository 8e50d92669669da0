"""Has the spam filter learn what moderators decided: a command of the operator's gets the mail on its input.

Outside of any transaction, for it may take long; each lesson is kept until the command took it.
"""

from __future__ import annotations

import logging
import subprocess
from functools import partial
from typing import Final

from mailgate import inbound
from mailgate.app import App

_MOST: Final = 100
_TIMEOUT_S: Final = 30

log = logging.getLogger(__name__)


def teach(app: App) -> int:
    """Give the filter what it has not learnt yet; gives how much it took. What fails is tried again later."""
    commands = {"spam": app.settings.spam.teach_spam, "ham": app.settings.spam.teach_ham}
    taught = 0
    for mail, lesson in app.read(partial(inbound.lessons, limit=_MOST)):
        command = commands.get(lesson)
        if command and not _run(command, mail.raw):
            break
        taught += bool(command)
        app.write(partial(inbound.set_lesson, inbound_id=mail.id, lesson=None))
    return taught


def _run(command: tuple[str, ...], raw: bytes) -> bool:
    try:
        done = subprocess.run(command, input=raw, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("spam filter %s: %s", command[0], error)
        return False
    if done.returncode:
        log.warning("spam filter %s ended with %d", command[0], done.returncode)
    return done.returncode == 0
