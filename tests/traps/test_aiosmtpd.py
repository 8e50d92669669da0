"""What aiosmtpd 1.4.6 does by itself, trap by trap; README.md names what shows that ours does better.

A test that fails here is good news: the library was mended, and ours may become simpler.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.certificates import self_signed
from tests.support.measured_door import measured_door
from tests.support.naive_door import Keeper, naive_door
from tests.support.smtp import Peer, front_door
from tests.support.waiting import wait_until

MIB = 2**20


class Slow:
    """A handler that says how it ended."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.ended: list[str] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        self.begun.set()
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise
        self.ended.append("stored")
        return "250 OK"


class Answers(Keeper):
    """A handler that keeps the mail and answers in its own words, or fails in them."""

    def __init__(self, status: str, error: Exception | None = None) -> None:
        super().__init__()
        self.status = status
        self.error = error

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await super().handle_DATA(server, session, envelope)
        if self.error is not None:
            raise self.error
        return self.status


def said(command: str) -> str:
    """What the library answers to one command after MAIL."""
    with naive_door(Keeper()) as port, Peer(port) as peer:
        peer.ask("EHLO client.example")
        peer.ask("MAIL FROM:<ann@x.example>")
        return peer.ask(command)


def test_a1_a_line_without_end_is_kept_far_beyond_the_limit() -> None:
    with measured_door(MIB, kind="naive") as door, Peer(door.port) as peer:
        peer.begin()
        for _ in range(48):
            peer.send(b"x" * MIB)
        peer.send(b"\r\n.\r\n")
        peer.reply()
    assert door.grown_kib > 40 * 1024


def test_a2_empty_lines_cost_many_times_their_size() -> None:
    grown = {}
    for line in (b"\r\n", b"x" * 76 + b"\r\n"):
        with measured_door(32 * MIB, kind="naive") as door, Peer(door.port) as peer:
            assert peer.deliver(line * (MIB // 4 // len(line))).startswith("250")
        grown[len(line)] = door.grown_kib
    assert grown[2] > 5 * 1024
    assert grown[2] > 4 * grown[78]


@pytest.mark.parametrize("goodbye", ["half-close", "rst"])
def test_a3_the_handler_is_cancelled_when_the_peer_goes_away(goodbye: str) -> None:
    slow = Slow()
    with naive_door(slow) as port, Peer(port) as peer:
        peer.begin()
        peer.send(b"hello\r\n.\r\n")
        assert slow.begun.wait(5)
        if goodbye == "rst":
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            peer.__exit__()
        else:
            peer.socket.shutdown(socket.SHUT_WR)
        wait_until(lambda: slow.ended == ["cancelled"])


def test_a4_a_handler_slower_than_the_timeout_is_cut_without_a_reply() -> None:
    slow = Slow()
    with naive_door(slow, timeout=1) as port, Peer(port) as peer:
        peer.begin()
        peer.send(b"hello\r\n.\r\n")
        assert peer.reply() == ""
        wait_until(lambda: slow.ended == ["cancelled"])


def test_a5_an_exception_is_a_permanent_refusal_that_shows_its_text() -> None:
    error = RuntimeError("postgresql://user:SECRET@db/x is down")
    with naive_door(Answers("", error)) as port, Peer(port) as peer:
        assert peer.deliver(b"hello") == f"500 Error: (RuntimeError) {error}"


def test_a6_a_reply_beyond_ascii_refuses_what_is_stored() -> None:
    keeper = Answers("250 für dich")
    with naive_door(keeper, enable_SMTPUTF8=False) as port, Peer(port) as peer:
        assert peer.deliver(b"hello").startswith("500 Error: (UnicodeEncodeError)")
        assert len(keeper.mails) == 1


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        (b"<a@y.example\rDATA>", "a@y.exampleDATA"),
        (b"<(c)a@y.example>", "a@y.example"),
        (b"<a@y.example", "a@y.example"),
        (b"a@y.example", "a@y.example"),
        (b"<a\0b@y.example>", "a\0b@y.example"),
        (b'<"\\', '""'),
    ],
)
def test_a7_an_address_is_altered_or_guessed(path: bytes, kept: str) -> None:
    keeper = Keeper()
    with naive_door(keeper) as port, Peer(port) as peer:
        peer.ask("EHLO client.example")
        peer.ask("MAIL FROM:<ann@x.example>")
        assert peer.ask(b"RCPT TO:" + path).startswith("250")
        peer.ask("DATA")
        peer.ask(".")
    assert keeper.mails[0].rcpt_tos == [kept]


def test_a8_the_null_sender_is_a_string_that_is_not_empty_and_a_recipient_too() -> None:
    keeper = Keeper()
    with naive_door(keeper) as port, Peer(port) as peer:
        peer.ask("EHLO client.example")
        peer.ask("MAIL FROM:<>")
        assert peer.ask("RCPT TO:<>").startswith("250")
        peer.ask("DATA")
        peer.ask(".")
    assert (keeper.mails[0].mail_from, keeper.mails[0].rcpt_tos) == ("<>", ["<>"])


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("RCPT TO:<a@[", "AttributeError"),
        ("RCPT TO:<a@", "IndexError"),
        ("RCPT TO:<@", "IndexError"),
        ('RCPT TO:"', "IndexError"),
        ("VRFY <", "IndexError"),
        ('VRFY "', "IndexError"),
    ],
)
def test_a9_an_address_it_cannot_read_is_a_python_class_for_the_peer(command: str, error: str) -> None:
    assert said(command).startswith(f"500 Error: ({error})")


@pytest.mark.parametrize("command", ["RCPT TO:<a@[", "RCPT TO:<a@", "RCPT TO:<@", 'RCPT TO:"', 'VRFY "'])
def test_a9_ours_says_501_and_no_name_of_ours(command: str) -> None:
    with front_door() as door, Peer(door.port) as peer:
        peer.ask("EHLO client.example")
        peer.ask("MAIL FROM:<ann@x.example>")
        reply = peer.ask(command)
    assert reply[:5] in {"501 5", "252 2"}
    assert "Error" not in reply


@pytest.mark.parametrize("end", [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r"])
def test_a10_bare_line_ends_do_not_end_the_mail_but_are_stored(end: bytes) -> None:
    keeper = Keeper()
    with naive_door(keeper) as port, Peer(port) as peer:
        assert peer.deliver(b"one" + end + b"two").startswith("250")
    bare = keeper.content().replace(b"\r\n", b"")
    assert b"\r" in bare or b"\n" in bare


def test_a11_a_dot_before_a_bare_line_feed_is_taken_away() -> None:
    keeper = Keeper()
    with naive_door(keeper) as port, Peer(port) as peer:
        peer.deliver(b"one\r\n.\ntwo")
    assert keeper.content() == b"one\r\n\ntwo\r\n"


def test_a12_a_line_of_a_thousand_is_refused_with_its_mail() -> None:
    with naive_door(Keeper()) as port, Peer(port) as peer:
        assert peer.deliver(b"x" * 1000).startswith("500 Line too long")


def test_a13_recipients_commands_and_connections_have_no_end() -> None:
    with naive_door(Keeper()) as port, Peer(port) as peer:
        peer.ask("EHLO client.example")
        peer.ask("MAIL FROM:<ann@x.example>")
        for command in (b"RCPT TO:<a@y.example>\r\n", b"NOOP\r\n"):
            peer.send(command * 1500)
            assert {peer.reply()[:3] for _ in range(1500)} == {"250"}
        others = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(150)]
        assert {other.recv(100)[:3] for other in others} == {b"220"}
        for other in others:
            other.close()


def test_a14_each_ehlo_makes_room_for_longer_commands_of_everybody() -> None:
    with naive_door(Keeper()) as port, Peer(port) as another, Peer(port) as peer:
        for _ in range(300):
            peer.ask("EHLO client.example")
        another.ask("EHLO client.example")
        assert another.ask(f"MAIL FROM:<{'a' * 880}@x.example>").startswith("250")


def test_a13_a15_inside_tls_it_offers_auth_and_begins_tls_again(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    with naive_door(Keeper(), tls_context=context) as port, Peer(port) as peer:
        peer.ask("EHLO client.example")
        peer.ask("STARTTLS")
        peer.start_tls()
        assert "250-AUTH LOGIN PLAIN" in peer.ask("EHLO client.example").splitlines()
        assert peer.ask("STARTTLS").startswith("220")


def test_a16_what_a_peer_sends_reaches_the_log_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "mail.log")
    with naive_door(Keeper()) as port, Peer(port) as peer:
        peer.ask("EHLO client.example")
        peer.ask("xAUTH PLAIN c2VjcmV0")
        peer.ask(b'MAIL FROM:<"a\rFAKE LOG LINE"@b.example>')
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert "\rFAKE LOG LINE" in logged
    assert "c2VjcmV0" in logged


def test_a17_without_files_left_peers_hang() -> None:
    with measured_door(MIB, files=64, kind="naive") as door:
        peers = [socket.create_connection(("127.0.0.1", door.port), timeout=1) for _ in range(100)]
        hung = 0
        for peer in reversed(peers):
            peer.settimeout(1 if hung == 0 else 0.01)
            try:
                peer.recv(100)
            except TimeoutError:
                hung += 1
        for peer in peers:
            peer.close()
    assert hung > 20


def test_a18_of_the_extensions_of_today_it_offers_three() -> None:
    with naive_door(Keeper()) as port, Peer(port) as peer:
        offered = {line[4:].partition(" ")[0] for line in peer.ask("EHLO client.example").splitlines()[1:]}
    assert offered == {"8BITMIME", "SIZE", "SMTPUTF8", "HELP"}
