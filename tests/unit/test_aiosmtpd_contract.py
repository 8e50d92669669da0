"""What of aiosmtpd's inside mailgate.conversation leans on: an upgrade that changes it fails here."""

from __future__ import annotations

import asyncio
import inspect
import ssl
from importlib.metadata import version

import pytest
from aiosmtpd.smtp import SMTP, TLSSetupException

from mailgate.conversation import Conversation


def source(method: object) -> str:
    return inspect.getsource(method)  # type: ignore[arg-type]


def test_the_version_is_the_one_we_have_read() -> None:
    assert version("aiosmtpd") == "1.4.6"


def test_a_session_is_a_stream_protocol() -> None:
    assert SMTP.__mro__[1] is asyncio.StreamReaderProtocol
    assert issubclass(TLSSetupException, Exception)


@pytest.mark.parametrize(
    "method",
    [
        "connection_made",
        "connection_lost",
        "eof_received",
        "_reset_timeout",
        "_handle_client",
        "push",
        "line_length_limit",
    ],
)
def test_what_we_replace_is_there_to_be_replaced(method: str) -> None:
    assert method in vars(SMTP)
    assert method in vars(Conversation)


def test_the_line_length_limit_is_the_limit_of_the_reader() -> None:
    assert "StreamReader(loop=self.loop, limit=self.line_length_limit)" in source(SMTP.__init__)


def test_a_new_connection_is_served_by_handle_client_in_a_task() -> None:
    made = source(SMTP.connection_made)
    assert "self._handler_coroutine = self.loop.create_task(" in made
    assert "self._handle_client())" in made
    assert "self._reset_timeout()" in made


def test_the_streams_keep_their_names() -> None:
    connected = source(SMTP._cb_client_connected)
    assert "self._reader = reader" in connected
    assert "self._writer = writer" in connected


def test_the_change_to_tls_moves_the_streams_and_forgets_the_plain_text() -> None:
    made = source(SMTP.connection_made)
    assert "self._reader._transport = transport" in made
    assert "self._writer._transport = transport" in made
    assert "self._reader._buffer.clear()" in made
    assert "self.session.ssl = self._tls_protocol._extra" in made


def test_starttls_says_one_thing_and_raises_when_the_handshake_fails() -> None:
    starttls = source(SMTP.smtp_STARTTLS)
    assert "await self.push('220 Ready to start TLS')" in starttls
    assert "self._original_transport = self.transport" in starttls
    assert "self._tls_protocol = sslproto.SSLProtocol(" in starttls
    assert "raise TLSSetupException() from error" in starttls


async def made() -> SMTP:
    return SMTP(None, hostname="mx.lists.example", tls_context=ssl.create_default_context())


def test_before_a_connection_is_made_nothing_private_of_ours_is_missing() -> None:
    session = asyncio.run(made())
    assert session._tls_protocol is None
    assert session._original_transport is None
    assert session._handler_coroutine is None


def test_the_connection_lost_we_replace_does_no_more_than_we_know() -> None:
    lost = source(SMTP.connection_lost)
    assert "self._original_transport.close()" in lost
    assert "self._handler_coroutine.cancel()" in lost
