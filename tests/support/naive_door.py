"""aiosmtpd as anybody would use it, to show what we do not get from it for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Keeper:
    """The handler that the library's documentation begins with: takes all, keeps all."""

    mails: list[Envelope] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.mails.append(envelope)
        return "250 OK"

    def content(self) -> bytes:
        """What the last mail is stored as."""
        content = self.mails[-1].content
        assert isinstance(content, bytes)
        return content


@contextmanager
def naive_door(handler: object, **parameters: object) -> Iterator[int]:
    """Serve `handler` by aiosmtpd's own session; gives its port. `parameters` are those of SMTP."""
    controller = Controller(handler, hostname="127.0.0.1", port=0, **parameters)
    # Its own start() connects to the port it was told, which is none yet.
    controller._trigger_server = controller._factory_invoked.set
    controller.smtpd = object()
    controller.start()
    try:
        assert controller.server is not None
        yield controller.server.sockets[0].getsockname()[1]
    finally:
        controller.stop()
