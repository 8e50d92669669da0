"""The floor of the stack: bare aiosmtpd, mail-parser, and one SQLite row with its own commit for each mail.

`python -m tests.bench.floor DATABASE`; prints {"ready": true, "address": "127.0.0.1:40123"}, ends at SIGTERM.
What any tracker on these parts must spend, before it decides or sends anything.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import sys
from typing import Any

import mailparser
from aiosmtpd.smtp import SMTP


class Floor:
    """A handler that parses and stores."""

    def __init__(self, database: str) -> None:
        # No transaction of the driver's own: each statement is one, and durable before the 250.
        self._connection = sqlite3.connect(database, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("CREATE TABLE mail (id INTEGER PRIMARY KEY, message_id, subject, text, raw)")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        mail = mailparser.parse_from_bytes(envelope.content)
        row = (mail.message_id, mail.subject, "\n".join(mail.text_plain), envelope.content)
        self._connection.execute("INSERT INTO mail (message_id, subject, text, raw) VALUES (?, ?, ?, ?)", row)
        return "250 2.6.0 taken"


async def serve(database: str) -> None:
    handler, loop = Floor(database), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, hostname="mx.example"), "127.0.0.1", 0)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    host, port = server.sockets[0].getsockname()
    print(json.dumps({"ready": True, "address": f"{host}:{port}"}), flush=True)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
