"""Running the daemon in this process."""

from __future__ import annotations

import asyncio
import logging
import sys
import time

from mailgate.app import App
from mailgate.daemon import run
from mailgate.instance import InstanceError, sole_daemon, sole_on_server


def serve_app(app: App) -> None:
    """Serve until told to stop. Raises InstanceError when another daemon has the instance."""
    set_up_logging(app.settings.log.level)
    sole = sole_daemon(app.instance.home) if app.instance.is_sqlite else sole_on_server(app.database)
    with sole as alone:
        if not alone:
            raise InstanceError(f"a daemon serves {app.instance.home} already")
        asyncio.run(run(app))


def set_up_logging(level: str) -> None:
    """One line an event on stderr, times in UTC."""
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("alembic").setLevel(logging.WARNING)
