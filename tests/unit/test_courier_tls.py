"""STARTTLS seen from the client (RFC 3207)."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailgate.courier import Copy, Outcome, Result
from mailgate.courier_smtp import SmtpCourier
from mailgate.courier_wire import Limits, Smarthost
from tests.support.certificates import self_signed

GREETING = b"220 x\r\n"
CLEAR_HELLO = b"250-x\r\n250 STARTTLS\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the key and certificate of `localhost`, signed by itself."""
    return self_signed(tmp_path_factory.mktemp("tls"))


@contextmanager
def server(go_ahead: bytes, certificate: Path) -> Iterator[tuple[int, list[bytes]]]:
    """A server of one connection that offers STARTTLS; what it hears, in clear text and after."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    heard: list[bytes] = []

    def serve(listening: socket.socket) -> None:
        client, _ = listening.accept()
        with client:
            client.settimeout(5)
            for speech in (GREETING, CLEAR_HELLO):
                client.sendall(speech)
                heard.append(client.recv(4096))
            client.sendall(go_ahead)
            try:
                with context.wrap_socket(client, server_side=True) as secure:
                    for speech in (b"250 x\r\n", *[b"250 ok\r\n"] * 2, b"354 go\r\n", *[b"250 ok\r\n"] * 2):
                        heard.append(secure.recv(4096))
                        secure.sendall(speech)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        yield listening.getsockname()[1], heard
        thread.join(6)


def send_one(port: int, tls: ssl.SSLContext) -> Outcome:
    smarthost = Smarthost("localhost", port, "lists.example", tls, Limits(answer_s=5, final_s=5))
    courier = SmtpCourier(smarthost)
    [outcome] = courier.send([Copy(1, "a@x.example", "b@x.example", b"A: b\r\n\r\nx\r\n")])
    courier.close()
    return outcome


def test_where_starttls_is_offered_the_mail_goes_through_it(certificate: Path) -> None:
    with server(b"220 go\r\n", certificate) as (port, heard):
        outcome = send_one(port, ssl.create_default_context(cafile=str(certificate)))
    assert outcome.result is Result.SENT
    assert [line.partition(b"\r\n")[0] for line in heard] == [
        b"EHLO lists.example",
        b"STARTTLS",
        b"EHLO lists.example",
        b"MAIL FROM:<a@x.example>",
        b"RCPT TO:<b@x.example>",
        b"DATA",
        b"A: b",
        b"QUIT",
    ]


def test_a_certificate_nobody_vouches_for_defers(certificate: Path) -> None:
    with server(b"220 go\r\n", certificate) as (port, heard):
        outcome = send_one(port, ssl.create_default_context())
    assert outcome.result is Result.DEFERRED
    assert outcome.reply.startswith("no TLS: ")
    assert len(heard) == 2


@pytest.mark.parametrize("go_ahead", [b"454 4.7.0 not now\r\n", b"220 go\r\n250-x\r\n250 SMTPUTF8\r\n"])
def test_a_refusal_or_an_answer_in_advance_defers_and_no_mail_goes_in_clear(
    certificate: Path, go_ahead: bytes
) -> None:
    with server(go_ahead, certificate) as (port, heard):
        outcome = send_one(port, ssl.create_default_context(cafile=str(certificate)))
    assert outcome.result is Result.DEFERRED
    assert len(heard) == 2
