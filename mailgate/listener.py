"""The sockets that sessions come in by: start, and an orderly stop."""

from __future__ import annotations

import asyncio
import logging
import socket

from mailgate.conversation import Conversation
from mailgate.smtpd import Dialect, House, Session

# asyncio accepts as many connections in one turn of its loop as it was given for a backlog, and needs some
# turns before the first can be turned away; each has a file open meanwhile. The kernel may queue more.
_ACCEPT_AT_ONCE = 4
_BACKLOG = 1024
_ABORT_S = 1.0


class Listener:
    """One listening socket and its sessions. Made by `start`."""

    def __init__(self, house: House, dialect: Dialect, listening: socket.socket) -> None:
        self._house = house
        self._dialect = dialect
        self._socket = listening
        self._server: asyncio.Server | None = None
        self._sessions: set[Conversation] = set()
        self._stopping = False
        host, port = listening.getsockname()[:2]
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @classmethod
    async def start(cls, house: House, dialect: Dialect, host: str, port: int) -> Listener:
        """Listen on `host` and `port` (0 for a free one), on the running loop. Raises OSError."""
        # aiosmtpd logs what peers send, control characters and secrets included.
        logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        listener = cls(house, dialect, listening)
        loop = asyncio.get_running_loop()
        listener._server = await loop.create_server(
            listener._session, sock=listening, backlog=_ACCEPT_AT_ONCE
        )
        listening.listen(_BACKLOG)
        return listener

    async def stop(self, grace_s: float) -> None:
        """Stop accepting; answer 421 to all but the sessions inside DATA, which have `grace_s` to finish.

        Mails that are being made durable at the end of that are made so all the same; only their
        connections end.
        """
        self._stopping = True
        if self._server is not None:
            self._server.close()
        for session in tuple(self._sessions):
            session.shut_down()
        await self._sessions_end(grace_s)
        for session in tuple(self._sessions):
            session.abort()
        await self._sessions_end(_ABORT_S)

    def _session(self) -> Session:
        session = Session(self._house, self._dialect, self._sessions.discard)
        self._sessions.add(session)
        if self._stopping:
            session.shut_down()
        return session

    async def _sessions_end(self, within_s: float) -> None:
        tasks = [session.work for session in self._sessions if session.work is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=within_s)
