"""What lies between mail servers: an SMTP relay that hands each mail to the server of its domain."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.naive_door import naive_door


@dataclass
class Switchboard:
    """Servers by domain; what is for none of them is kept. `passed`: to whom mail was handed on."""

    port: int = 0
    servers: dict[str, tuple[str, int]] = field(default_factory=dict)
    kept: list[tuple[str, bytes]] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        return await asyncio.get_running_loop().run_in_executor(None, self._pass_on, envelope)

    def _pass_on(self, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        for recipient in envelope.rcpt_tos:
            server = self.servers.get(recipient.rpartition("@")[2])
            if server is None:
                self.kept.append((recipient, content))
                continue
            self.passed.append(recipient)
            try:
                with smtplib.SMTP(*server, timeout=10) as session:
                    session.sendmail(envelope.mail_from or "", [recipient], content)
            except smtplib.SMTPResponseException as refused:
                return f"{refused.smtp_code} {refused.smtp_error.decode('ascii', 'replace')}"
        return "250 2.0.0 passed on"

    def mails_of(self, address: str) -> list[bytes]:
        return [content for recipient, content in self.kept if recipient == address]


@contextmanager
def switchboard() -> Iterator[Switchboard]:
    """A relay on a free port while the block lasts."""
    made = Switchboard()
    with naive_door(made) as port:
        made.port = port
        yield made
