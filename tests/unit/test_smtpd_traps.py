"""The defects of aiosmtpd 1.4.6 that our session cures, one by one."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from mailgate.envelope import Envelope
from mailgate.errors import DiskFull, Refused, Reply
from mailgate.gate import Limits
from mailgate.smtpd import Dialect
from tests.support.measured_door import measured_door
from tests.support.smtp import FrontDoor, Peer, RecordingIntake, front_door
from tests.support.waiting import wait_until

MIB = 2**20
TWO = ("a@lists.example", "b@lists.example")
DONE = Reply(250, "2.6.0", "done")


@pytest.fixture
def door() -> Iterator[FrontDoor]:
    with front_door() as running:
        yield running


class SlowHouse:
    """An `accept` that says when it has begun, and goes on when it is told."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.finished = threading.Event()

    async def accept(self, envelope: Envelope, raw: bytes) -> tuple[Reply, ...]:
        self.begun.set()
        await asyncio.to_thread(self.go_on.wait, 5)
        self.finished.set()
        return (DONE,) * len(envelope.recipients)


def answering(*replies: Reply) -> RecordingIntake:
    async def accept(envelope: Envelope, raw: bytes) -> tuple[Reply, ...]:
        return replies

    return RecordingIntake(accepting=accept)


def failing(error: BaseException) -> RecordingIntake:
    async def accept(envelope: Envelope, raw: bytes) -> tuple[Reply, ...]:
        raise error

    return RecordingIntake(accepting=accept)


def pour(peer: Peer, octets: bytes, times: int) -> None:
    """Send `octets` again and again, until the door has had enough."""
    try:
        for _ in range(times):
            peer.send(octets)
    except OSError:
        pass


def test_a1_a_line_without_end_takes_no_memory_and_ends_the_session() -> None:
    with measured_door(message_bytes=8 * MIB) as door, Peer(door.port) as peer:
        peer.begin()
        pour(peer, b"x" * MIB, 80)
        assert peer.reply()[:9] in {"421 4.3.4", ""}
    assert door.mails == 0
    assert door.grown_kib < 16 * 1024


def test_a2_a_flood_of_empty_lines_costs_what_any_mail_of_its_size_costs() -> None:
    with measured_door(message_bytes=32 * MIB) as door, Peer(door.port) as peer:
        peer.begin()
        pour(peer, b"\r\n" * (MIB // 2), 30)
        peer.send(b".\r\n")
        assert peer.reply().startswith("250")
    assert door.mails == 1
    assert door.grown_kib < 1.5 * 30 * 1024
    assert door.cpu_s < 2


@pytest.mark.parametrize("goodbye", ["fin", "rst", "half-close"])
def test_a3_a_peer_that_goes_away_does_not_cancel_the_accepting(goodbye: str) -> None:
    house = SlowHouse()
    with front_door(intake=RecordingIntake(accepting=house.accept)) as door:
        with Peer(door.port) as peer:
            peer.begin()
            peer.send(b"hello\r\n.\r\n")
            assert house.begun.wait(5)
            if goodbye == "rst":
                peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            elif goodbye == "half-close":
                peer.socket.shutdown(socket.SHUT_WR)
                house.go_on.set()
                assert peer.reply().startswith("250 2.6.0 done")
        house.go_on.set()
        wait_until(house.finished.is_set)
        wait_until(lambda: door.gate.connections == 0)


def test_a3_dot_quit_and_fin_in_one_packet_are_all_answered() -> None:
    with front_door() as door, Peer(door.port) as peer:
        peer.begin()
        peer.send(b"hello\r\n.\r\nQUIT\r\n")
        peer.socket.shutdown(socket.SHUT_WR)
        assert [peer.reply()[:9], peer.reply()[:9]] == ["250 2.6.0", "221 2.0.0"]
        assert len(door.intake.mails) == 1


def test_a4_a_house_slower_than_every_deadline_is_waited_for() -> None:
    async def slow(envelope: Envelope, raw: bytes) -> tuple[Reply, ...]:
        await asyncio.sleep(1.2)
        return (DONE,)

    limits = Limits(command_s=0.8, block_s=0.8, connection_s=1.0)
    with front_door(limits, intake=RecordingIntake(accepting=slow)) as door, Peer(door.port) as peer:
        assert peer.deliver(b"hello") == "250 2.6.0 done"


@pytest.mark.parametrize(
    "limits",
    [Limits(command_s=0.3), Limits(connection_s=0.3)],
    ids=["command", "connection"],
)
def test_a_silent_peer_is_told_and_shown_out(limits: Limits) -> None:
    with front_door(limits) as door, Peer(door.port) as peer:
        peer.send(b"NOO")
        assert peer.reply().startswith("421 4.4.2")
        assert peer.reply() == ""
        wait_until(lambda: door.gate.connections == 0)


def test_a_command_of_one_byte_now_and_then_has_one_deadline_for_all() -> None:
    with front_door(Limits(command_s=0.3)) as door, Peer(door.port) as peer:
        begin = time.monotonic()
        peer.socket.settimeout(0.05)
        said = b""
        while not said and time.monotonic() < begin + 5:
            peer.send(b"N")
            try:
                said = peer.socket.recv(100)
            except TimeoutError:
                continue
        assert said.startswith(b"421 4.4.2")


def test_a_peer_silent_inside_data_is_told_and_shown_out() -> None:
    with front_door(Limits(block_s=0.3)) as door, Peer(door.port) as peer:
        peer.begin()
        peer.send(b"half a mail")
        assert peer.reply().startswith("421 4.4.2")
        assert peer.reply() == ""
        assert door.intake.mails == []


def test_a5_a_bug_behind_us_is_451_with_an_incident_that_our_log_explains(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with front_door(intake=failing(RuntimeError("SECRET"))) as door, Peer(door.port) as peer:
        reply = peer.deliver(b"hello")
        assert peer.ask("NOOP").startswith("250")
    incident = re.fullmatch(r"451 4\.3\.0 Our own trouble, please try again later \((\w+)\)", reply)
    assert incident is not None
    (record,) = [r for r in caplog.records if f"incident={incident[1]}" in r.getMessage()]
    assert record.exc_info is not None
    assert "SECRET" in str(record.exc_info[1])


@pytest.mark.parametrize(
    "error", [ConnectionResetError("database"), TimeoutError(), asyncio.CancelledError()], ids=repr
)
def test_what_the_house_meets_is_not_taken_for_a_peer_gone(error: BaseException) -> None:
    with front_door(intake=failing(error)) as door, Peer(door.port) as peer:
        assert peer.deliver(b"hello").startswith("451 4.3.0")
        assert peer.ask("NOOP").startswith("250")


@pytest.mark.parametrize(
    ("error", "reply"),
    [(Refused("Not wanted"), "550 5.7.1 Not wanted"), (DiskFull(""), "452 4.3.1 Too little space")],
)
def test_a_refusal_of_the_house_is_told_as_it_is(error: Exception, reply: str) -> None:
    with front_door(intake=failing(error)) as door, Peer(door.port) as peer:
        assert peer.deliver(b"hello").startswith(reply)


def test_a6_a_reply_beyond_ascii_is_sent_as_ascii_in_one_line() -> None:
    intake = answering(Reply(250, "2.6.0", "für\r\n550 dich"))
    with front_door(intake=intake) as door, Peer(door.port) as peer:
        assert peer.deliver(b"hello") == "250 2.6.0 f?r??550 dich"


def test_a8_a_bounce_comes_with_an_empty_reverse_path() -> None:
    with front_door() as door, Peer(door.port) as peer:
        peer.ask("EHLO client.example")
        peer.ask("MAIL FROM:<>")
        assert peer.ask("RCPT TO:<>").startswith("501 5.1.3")
        assert door.intake.senders == [""]
        assert door.intake.asked == []


@pytest.mark.parametrize("length", [998, 1000, 2048, 65_536, 300_000])
def test_a12_long_lines_are_mail(length: int) -> None:
    line = b"x" * length
    with front_door() as door, Peer(door.port) as peer:
        assert peer.deliver(line).startswith("250")
        assert door.intake.mails[0][1] == line + b"\r\n"


def test_a13_one_address_has_so_many_connections_and_no_more() -> None:
    with front_door(Limits(connections_per_client=2)) as door:
        with Peer(door.port), Peer(door.port), Peer(door.port, "421 4.7.0") as third:
            assert third.reply() == ""
        wait_until(lambda: door.gate.connections == 0)
        with Peer(door.port) as later:
            assert later.ask("NOOP").startswith("250")


def test_a14_ehlo_does_not_make_room_for_longer_commands() -> None:
    with front_door() as door, Peer(door.port) as peer:
        for _ in range(300):
            peer.ask("EHLO client.example")
        assert peer.ask(f"MAIL FROM:<{'a' * 880}@x.example>").startswith("500 5.5.2")
        assert door.intake.senders == []


def test_a16_no_control_character_and_no_secret_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with front_door() as door, Peer(door.port) as peer:
        peer.ask(b"EHLO \x1b[31m\xe2\x80\xae")
        peer.ask(b"xAUTH PLAIN c2VjcmV0")
        peer.ask(b"AUTH PLAIN c2VjcmV0")
        peer.ask(b"NOOP")
        peer.ask(b"c2VjcmV0")
        peer.ask(b'MAIL FROM:<"a\rFAKE LOG LINE"@b.example>')
        peer.ask(b"NOOP")
        peer.ask("MAIL FROM:<ж@x.example> SMTPUTF8")
        peer.ask("RCPT TO:<\u202e@other.example>")
        peer.ask(b"RCPT TO:<all@lists.example>")
        peer.ask(b"DATA")
        peer.send(b"the body\r\n.\r\n")
        assert peer.reply().startswith("250")
    lines = [r.getMessage() for r in caplog.records if r.name != "asyncio"]
    assert any("mail from=" in line for line in lines)
    for line in lines:
        assert line.isascii()
        assert line.isprintable()
        assert "c2VjcmV0".lower() not in line.lower()
        assert "the body" not in line


def test_a17_more_peers_than_files_are_turned_away_and_none_is_left_hanging() -> None:
    with measured_door(MIB, files=64) as door:
        peers = [socket.create_connection(("127.0.0.1", door.port), timeout=5) for _ in range(100)]
        answers = [peer.recv(100)[:3] for peer in peers]
        for peer in peers:
            peer.close()
        assert set(answers) == {b"220", b"421"}
        with Peer(door.port) as later:
            assert later.ask("NOOP").startswith("250")
    assert door.cpu_s < 1


def test_a18_ehlo_offers_what_we_do() -> None:
    with front_door(Limits(message_bytes=1000)) as door, Peer(door.port) as peer:
        assert set(peer.ask("EHLO client.example").splitlines()) == {
            "250-mx.lists.example",
            "250-PIPELINING",
            "250-8BITMIME",
            "250-SMTPUTF8",
            "250-ENHANCEDSTATUSCODES",
            "250-SIZE 1000",
            "250 LIMITS RCPTMAX=100 MAILMAX=1000",
        }


def test_e3_lmtp_answers_each_recipient_for_itself() -> None:
    replies = (DONE, Reply(550, "5.7.1", "not b"))
    with front_door(dialect=Dialect.LMTP, intake=answering(*replies)) as door, Peer(door.port) as peer:
        peer.begin(TWO, hello="LHLO")
        peer.send(b"hello\r\n.\r\n")
        assert [peer.reply(), peer.reply()] == ["250 2.6.0 done", "550 5.7.1 not b"]


@pytest.mark.parametrize("error", [RuntimeError("bug"), DiskFull("full")], ids=repr)
def test_e3_lmtp_answers_each_recipient_also_when_everything_fails(error: Exception) -> None:
    with front_door(dialect=Dialect.LMTP, intake=failing(error)) as door, Peer(door.port) as peer:
        peer.begin(TWO, hello="LHLO")
        peer.send(b"hello\r\n.\r\nNOOP\r\n")
        assert [peer.reply()[0], peer.reply()[0]] == ["4", "4"]
        assert peer.reply().startswith("250 2.0.0")


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ((DONE, Reply(250, "2.6.0", "second")), "250 2.6.0 done"),
        ((DONE, Reply(550, "5.7.1", "no")), "550 5.7.1 no"),
        ((Reply(550, "5.7.1", "no"), DONE, Reply(451, "4.3.0", "later")), "451 4.3.0 later"),
    ],
    ids=["all taken", "one refused", "one deferred"],
)
def test_smtp_sends_the_worst_answer_that_all_recipients_share(
    replies: tuple[Reply, ...], expected: str
) -> None:
    names = tuple(f"n{n}@lists.example" for n in range(len(replies)))
    with front_door(intake=answering(*replies)) as door, Peer(door.port) as peer:
        assert peer.deliver(b"hello", names) == expected


def test_a_house_that_forgets_a_recipient_is_our_fault() -> None:
    with front_door(intake=answering(DONE)) as door, Peer(door.port) as peer:
        assert peer.deliver(b"hello", TWO).startswith("451 4.3.0")


def test_mails_that_together_are_too_much_are_put_off() -> None:
    with front_door(Limits(memory_bytes=1000)) as door:
        with Peer(door.port) as peer:
            peer.begin()
            peer.send(b"x" * 2000)
            assert peer.reply().startswith("452 4.3.1")
            assert peer.reply() == ""
        wait_until(lambda: door.gate.connections == 0)
        assert door.gate.bytes_held == 0


def test_memory_of_a_mail_is_given_back_when_it_is_taken(door: FrontDoor) -> None:
    with Peer(door.port) as peer:
        peer.deliver(b"x" * 5000)
        wait_until(lambda: door.gate.bytes_held == 0)
    assert len(door.intake.mails) == 1


def test_a_stop_lets_a_mail_under_way_finish_and_sends_the_others_home() -> None:
    house = SlowHouse()
    with front_door(intake=RecordingIntake(accepting=house.accept)) as door:
        with Peer(door.port) as busy, Peer(door.port) as idle:
            busy.begin()
            stopping = threading.Thread(target=door.stop)
            stopping.start()
            assert idle.reply().startswith("421 4.3.2")
            assert idle.reply() == ""
            busy.send(b"hello\r\n.\r\n")
            house.go_on.set()
            assert busy.reply() == "250 2.6.0 done"
            assert busy.reply().startswith("421 4.3.2")
            busy.socket.shutdown(socket.SHUT_WR)
            stopping.join()
        with pytest.raises(ConnectionError):
            socket.create_connection(("127.0.0.1", door.port), timeout=5)


def test_a_stop_does_not_wait_for_ever_for_a_mail() -> None:
    with front_door() as door, Peer(door.port) as peer:
        peer.begin()
        door.stop(grace_s=0.1)
        assert peer.reply() == ""
        wait_until(lambda: door.gate.connections == 0)


def test_a_peer_that_reads_no_replies_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailgate.conversation._UNREAD_S", 0.1)
    limits = Limits(command_s=0.3, idle_commands=10**9)
    with front_door(limits) as door, Peer(door.port) as peer:
        peer.socket.settimeout(0.5)
        pour(peer, b"HELP\r\n" * 50_000, 100)
        wait_until(lambda: door.gate.connections == 0)
