"""Serving the site on the daemon's event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from mailgate.settings import HostPort, WebSettings
from web.connections import Connection

_DRAIN_S = 5


class _Server(uvicorn.Server):
    """A server that leaves signals to the daemon."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class WebListener:
    """A listener for the web; `address` is where it listens, as "127.0.0.1:8025"."""

    def __init__(self, server: _Server, task: asyncio.Task[Any], address: str) -> None:
        self._server = server
        self._task = task
        self.address = address

    @classmethod
    async def start(cls, site: ASGIApp, settings: WebSettings, at: HostPort) -> WebListener:
        """Listen; raises OSError when the port is taken."""
        family = socket.AF_INET6 if ":" in at.host else socket.AF_INET
        sock = socket.create_server((at.host, at.port), family=family)
        config = uvicorn.Config(
            site,
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            h11_max_incomplete_event_size=16 * 1024,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=_DRAIN_S,
            ssl_certfile=settings.tls_certificate_file or None,
            ssl_keyfile=settings.tls_key_file or None,
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve([sock]))
        host, port = sock.getsockname()[:2]
        return cls(server, task, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")

    async def stop(self, grace: float) -> None:
        """Take no more requests, finish those that are running."""
        self._server.should_exit = True
        await asyncio.wait([self._task], timeout=grace)
