"""STARTTLS (RFC 3207)."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest

from mailgate.gate import Limits
from tests.support.certificates import self_signed
from tests.support.smtp import FrontDoor, Peer, front_door
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A context with a certificate of our own making."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path_factory.mktemp("tls")))
    return context


@pytest.fixture
def door(tls: ssl.SSLContext) -> Iterator[FrontDoor]:
    with front_door(tls=tls) as running:
        yield running


def test_a_mail_over_tls_says_so_in_its_protocol(door: FrontDoor) -> None:
    with Peer(door.port) as peer:
        assert "250-STARTTLS" in peer.ask("EHLO client.example").splitlines()
        assert peer.ask("STARTTLS") == "220 2.0.0 Ready to start TLS"
        peer.start_tls()
        assert peer.deliver(b"x" * 500_000).startswith("250")
        assert peer.ask("QUIT").startswith("221")
        assert peer.reply() == ""
    envelope, raw = door.intake.mails[0]
    assert envelope.client.protocol == "ESMTPS"
    assert envelope.client.helo == "client.example"
    assert len(raw) == 500_002


def test_a13_inside_tls_neither_auth_nor_starttls_is_offered(door: FrontDoor) -> None:
    with Peer(door.port) as peer:
        peer.ask("STARTTLS")
        peer.start_tls()
        offer = peer.ask("EHLO client.example")
        assert "STARTTLS" not in offer
        assert "AUTH" not in offer


def test_a15_starttls_inside_tls_is_out_of_order(door: FrontDoor) -> None:
    with Peer(door.port) as peer:
        peer.ask("STARTTLS")
        peer.start_tls()
        assert peer.ask("STARTTLS").startswith("503 5.5.1")
        assert peer.ask("NOOP").startswith("250")


def test_a15_what_was_said_before_tls_is_forgotten(door: FrontDoor) -> None:
    with Peer(door.port) as peer:
        peer.ask("EHLO before.example")
        peer.ask("MAIL FROM:<ann@x.example>")
        peer.ask("STARTTLS")
        peer.start_tls()
        assert peer.ask("RCPT TO:<all@lists.example>").startswith("503 5.5.1")
        assert peer.ask("MAIL FROM:<ann@x.example>").startswith("503 5.5.1")


def test_a15_commands_injected_before_the_handshake_are_never_obeyed(door: FrontDoor) -> None:
    with Peer(door.port) as peer:
        peer.send(b"STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@x.example>\r\n")
        assert peer.reply().startswith("220")
        peer.start_tls()
        assert peer.ask("NOOP") == "250 2.0.0 Ok"
        assert peer.ask("MAIL FROM:<ann@x.example>").startswith("503 5.5.1")
    assert door.intake.senders == []


@pytest.mark.parametrize("octets", [b"", b"this is no handshake\r\n"], ids=["silence", "garbage"])
def test_a_handshake_that_comes_to_nothing_ends_the_connection(tls: ssl.SSLContext, octets: bytes) -> None:
    with front_door(Limits(handshake_s=0.3), tls=tls) as door, Peer(door.port) as peer:
        peer.ask("STARTTLS")
        peer.send(octets)
        wait_until(lambda: door.gate.connections == 0)


def test_a_peer_that_leaves_in_the_handshake_is_forgotten(door: FrontDoor) -> None:
    with Peer(door.port) as peer:
        peer.ask("STARTTLS")
    wait_until(lambda: door.gate.connections == 0)


def test_a3_a_peer_that_leaves_tls_after_the_dot_is_no_reason_to_drop_the_mail(door: FrontDoor) -> None:
    with Peer(door.port) as peer:
        peer.ask("STARTTLS")
        peer.start_tls()
        peer.begin()
        peer.send(b"hello\r\n.\r\n")
    wait_until(lambda: len(door.intake.mails) == 1)
    wait_until(lambda: door.gate.connections == 0)


def test_a_stop_in_the_handshake_says_nothing_in_plain_text(tls: ssl.SSLContext) -> None:
    with front_door(tls=tls) as door, Peer(door.port) as peer:
        peer.ask("STARTTLS")
        door.stop()
        assert peer.reply() == ""
