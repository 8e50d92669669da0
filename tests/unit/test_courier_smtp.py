"""The courier that speaks SMTP, against a server that keeps every byte, and against some that are none."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from mailgate.courier import Copy, Outcome, Result
from mailgate.courier_smtp import SmtpCourier
from mailgate.courier_wire import Limits, Smarthost
from tests.support.sink import Script, Sink
from tests.support.waiting import wait_until

BODY = b"From: a@x.example\r\nSubject: hi\r\n\r\nhello\r\n"
SENDER = "osg-bounces+1.k7@lists.example"
FEW_OFFERS = ("8BITMIME",)
BRIEF = Limits(answer_s=5, final_s=5)


def courier(address: tuple[str, int], limits: Limits = BRIEF) -> SmtpCourier:
    return SmtpCourier(Smarthost(*address, helo="lists.example", limits=limits))


def copy(number: int, recipient: str | None = None, content: bytes = BODY, sender: str = SENDER) -> Copy:
    return Copy(number, sender, f"r{number}@x.example" if recipient is None else recipient, content)


def copies(count: int) -> list[Copy]:
    return [copy(n, content=BODY + b"%d\r\n" % n) for n in range(count)]


def results(outcomes: Sequence[Outcome]) -> list[tuple[int, Result]]:
    return [(outcome.delivery, outcome.result) for outcome in outcomes]


def send_all(sink: Sink, mails: Sequence[Copy], limits: Limits = BRIEF) -> list[Outcome]:
    way_out = courier(sink.address, limits)
    outcomes = list(way_out.send(mails))
    way_out.close()
    assert [outcome.delivery for outcome in outcomes] == [mail.delivery for mail in mails]
    return outcomes


@contextmanager
def saying(*speeches: bytes, endless: bytes = b"") -> Iterator[tuple[str, int]]:
    """A server of one connection that answers each packet with the next speech, then hangs up.

    With `endless` it says that for ever instead.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.settimeout(5)
                try:
                    for speech in speeches:
                        client.sendall(speech)
                        client.recv(65536)
                    while endless:
                        client.sendall(endless)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()
        thread.join(6)
        assert not thread.is_alive()


def free_port() -> tuple[str, int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address: tuple[str, int] = server.getsockname()
    return address


@pytest.mark.parametrize("offers", [("PIPELINING", "SIZE 1000000", "8BITMIME"), FEW_OFFERS, (), None])
def test_many_mails_go_over_one_connection_whatever_the_server_offers(offers: tuple[str, ...] | None) -> None:
    mails = copies(20)
    with Sink(Script(offers=offers)) as sink:
        outcomes = send_all(sink, mails)
    assert {outcome.result for outcome in outcomes} == {Result.SENT}
    assert outcomes[0].reply == "250 2.0.0 taken"
    assert sink.connections == 1
    assert [(m.reverse_path, m.recipients, m.content) for m in sink.mails] == [
        (SENDER, (mail.recipient,), mail.content) for mail in mails
    ]


def test_with_pipelining_a_copy_costs_one_packet() -> None:
    with Sink() as sink:
        send_all(sink, copies(20))
    # EHLO, the first envelope, twenty contents, QUIT.
    assert sink.packets <= 23


def test_without_pipelining_no_command_precedes_the_answer_to_the_last() -> None:
    with Sink(Script(offers=FEW_OFFERS)) as sink:
        send_all(sink, copies(5))
    # EHLO, QUIT, and for each: MAIL, RCPT, DATA, content.
    assert sink.packets == 2 + 5 * 4


def test_the_null_sender_and_the_parameters_are_written_as_offered() -> None:
    with Sink(Script(offers=("PIPELINING", "SIZE", "8BITMIME"))) as sink:
        send_all(sink, [copy(1, sender="", content=b"\xe9\r\n")])
    assert b"MAIL FROM:<> SIZE=3 BODY=8BITMIME" in sink.commands


@pytest.mark.parametrize(
    ("content", "arrived"),
    [
        (b".\r\n", b".\r\n"),
        (b"..a\r\n.b\r\n.\r\n", b"..a\r\n.b\r\n.\r\n"),
        (b"x\r\n.\r\n.\r\ny", b"x\r\n.\r\n.\r\ny\r\n"),
        (b"x\n.\nMAIL FROM:<evil@x.example>\n", b"x\r\n.\r\nMAIL FROM:<evil@x.example>\r\n"),
        (b"x\r.\r\ny", b"x\r\n.\r\ny\r\n"),
        (b"x\r\n.\ry\r\n", b"x\r\n.\r\ny\r\n"),
        (b"x\n.\r\ny\r", b"x\r\n.\r\ny\r\n"),
        (b"x\r\r\n.\r\r\n", b"x\r\n\r\n.\r\n\r\n"),
        (b"\n.", b"\r\n.\r\n"),
        (b"", b""),
    ],
)
def test_content_arrives_whole_with_crlf_and_ends_only_where_it_ends(content: bytes, arrived: bytes) -> None:
    with Sink() as sink:
        outcomes = send_all(sink, [copy(1, content=content), copy(2)])
    assert {outcome.result for outcome in outcomes} == {Result.SENT}
    assert [mail.content for mail in sink.mails] == [arrived, BODY]


@pytest.mark.parametrize("offers", [("PIPELINING",), FEW_OFFERS])
@pytest.mark.parametrize("says_354_always", [False, True])
def test_a_refused_recipient_harms_no_other(offers: tuple[str, ...], says_354_always: bool) -> None:
    refuse = {"r1@x.example": "450 4.2.1 later", "r2@x.example": "550 5.1.1 no such user"}
    script = Script(offers=offers, refuse=refuse, says_354_always=says_354_always)
    with Sink(script) as sink:
        outcomes = send_all(sink, copies(5))
    sent, later, never = Result.SENT, Result.DEFERRED, Result.FAILED
    assert [outcome.result for outcome in outcomes] == [sent, later, never, sent, sent]
    assert [outcome.reply for outcome in outcomes[1:3]] == list(refuse.values())
    assert [mail.recipients for mail in sink.mails] == [(f"r{n}@x.example",) for n in (0, 3, 4)]
    assert [mail.content for mail in sink.mails] == [copies(5)[n].content for n in (0, 3, 4)]
    assert sink.connections == 1


def test_a_refused_content_and_a_refused_sender_are_told_by_their_own_words() -> None:
    with Sink(Script(refuse_content={"r0@x.example": "554 5.7.1 smells"})) as sink:
        outcomes = send_all(sink, copies(2))
    assert [(o.result, o.reply[:3]) for o in outcomes] == [(Result.FAILED, "554"), (Result.SENT, "250")]
    with Sink(Script(refuse_mail_from="451 4.7.1 slow down")) as sink:
        outcomes = send_all(sink, copies(2))
    assert [o.reply for o in outcomes] == ["451 4.7.1 slow down"] * 2
    assert {o.result for o in outcomes} == {Result.DEFERRED}


def test_a_server_that_wants_a_login_is_no_fault_of_the_recipient() -> None:
    with Sink(Script(refuse_mail_from="530 5.7.0 authenticate first")) as sink:
        assert send_all(sink, copies(1))[0].result is Result.DEFERRED


@pytest.mark.parametrize("offers", [("PIPELINING",), FEW_OFFERS])
def test_after_a_421_in_the_middle_the_rest_goes_over_a_new_connection(offers: tuple[str, ...]) -> None:
    with Sink(Script(offers=offers, goodbye_after=3)) as sink:
        outcomes = send_all(sink, copies(7))
    assert {outcome.result for outcome in outcomes} == {Result.SENT}
    assert [mail.content for mail in sink.mails] == [mail.content for mail in copies(7)]
    assert sink.connections == 3


def test_a_connection_carries_no_more_mails_than_it_should() -> None:
    with Sink() as sink:
        outcomes = send_all(sink, copies(7), Limits(mails=3))
    assert {outcome.result for outcome in outcomes} == {Result.SENT}
    assert (sink.connections, len(sink.mails)) == (3, 7)
    assert sink.commands.count(b"QUIT") == 3


def test_a_copy_whose_dot_was_not_answered_is_deferred_and_the_rest_goes_on() -> None:
    with Sink(Script(drop_after_dot=2)) as sink:
        outcomes = send_all(sink, copies(4))
    sent, later = Result.SENT, Result.DEFERRED
    assert [outcome.result for outcome in outcomes] == [sent, later, sent, later]
    assert [mail.content for mail in sink.mails] == [mail.content for mail in copies(4)]


def test_a_server_that_never_answers_a_dot_defers_all_after_one_try() -> None:
    with Sink(Script(drop_after_dot=1)) as sink:
        outcomes = send_all(sink, copies(50))
    assert {outcome.result for outcome in outcomes} == {Result.DEFERRED}
    assert sink.connections == 1


def test_with_the_server_down_every_copy_is_deferred_at_once() -> None:
    began = time.monotonic()
    outcomes = list(courier(free_port()).send(copies(500)))
    assert results(outcomes) == [(n, Result.DEFERRED) for n in range(500)]
    assert outcomes[0].reply.startswith("cannot connect: ")
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("host", ["x" * 80 + ".example", "..", "a\0b"])
def test_a_host_that_is_none_defers(host: str) -> None:
    [outcome] = courier((host, 25)).send(copies(1))
    assert outcome.result is Result.DEFERRED


def test_a_silent_server_is_waited_for_no_longer_than_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        outcomes = list(courier(server.getsockname(), Limits(answer_s=0.1)).send(copies(3)))
    assert {outcome.result for outcome in outcomes} == {Result.DEFERRED}
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("endless", "why"),
    [
        (b"220 " + b"x" * 65536, "a line without end"),
        (b"220-more\r\n" * 1000, "an answer without end"),
        (b"\0\xff" * 1000 + b"\n", "the server does not speak SMTP"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the server does not speak SMTP"),
    ],
)
def test_an_endless_or_foreign_answer_is_cut_off(endless: bytes, why: str) -> None:
    with saying(endless=endless) as address:
        outcomes = list(courier(address).send(copies(2)))
    assert [(outcome.result, outcome.reply) for outcome in outcomes] == [(Result.DEFERRED, why)] * 2


def test_an_answer_that_drips_is_bounded_as_a_whole() -> None:
    dripping = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            client, _ = server.accept()
            with client:
                while not dripping.wait(0.02):
                    client.sendall(b"2")

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        [outcome] = courier(server.getsockname(), Limits(answer_s=0.2)).send(copies(1))
        dripping.set()
        thread.join(5)
    assert outcome.result is Result.DEFERRED
    assert time.monotonic() - began < 3


def test_what_the_server_says_becomes_one_printable_line() -> None:
    with Sink(Script(refuse={"r0@x.example": "550-a\x1b[2J\r\n550 b\x00é"})) as sink:
        [outcome] = send_all(sink, copies(1))
    assert outcome.reply == "550 a?[2J b???"


def test_a_250_where_a_354_is_due_is_not_taken_for_the_delivery() -> None:
    greeting, hello = b"220 x\r\n", b"250-x\r\n250 PIPELINING\r\n"
    with saying(greeting, hello, b"250 ok\r\n250 ok\r\n250 ok\r\n") as address:
        [outcome] = courier(address).send(copies(1))
    assert (outcome.result, outcome.reply) == (Result.DEFERRED, "out of step: 250 ok")


def test_an_address_beyond_ascii_needs_a_server_that_takes_it() -> None:
    mails = [copy(1, "jürgen@x.example"), copy(2), copy(3, "答@例.example")]
    with Sink(Script(offers=("PIPELINING",))) as sink:
        outcomes = send_all(sink, mails)
    assert [outcome.result for outcome in outcomes] == [Result.FAILED, Result.SENT, Result.FAILED]
    with Sink() as sink:
        outcomes = send_all(sink, mails)
    assert {outcome.result for outcome in outcomes} == {Result.SENT}
    assert [mail.recipients for mail in sink.mails] == [(mail.recipient,) for mail in mails]
    told = [line.endswith(b" SMTPUTF8") for line in sink.commands if line.startswith(b"MAIL")]
    assert told == [True, False, True]


@pytest.mark.parametrize(
    "address",
    [
        "a@x>\r\nRCPT TO:<v@z.example",
        "a@x.example\r\nDATA",
        "a@x.example\n",
        "a@x.example\0",
        "<a@x.example>",
        "a b@x.example",
        "a@x.example\udc80",
        "a\u2028@x.example",
        "a" * 320 + "@x.example",
        "nobody",
        "@x.example",
        "a@",
    ],
)
def test_an_unsafe_address_fails_and_nothing_of_it_is_sent(address: str) -> None:
    mails = [copy(1), copy(2, address), copy(3), copy(4, sender=address), copy(5)]
    with Sink() as sink:
        outcomes = send_all(sink, mails)
    sent, never = Result.SENT, Result.FAILED
    assert [outcome.result for outcome in outcomes] == [sent, never, sent, never, sent]
    envelopes = [(mail.reverse_path, mail.recipients) for mail in sink.mails]
    assert envelopes == [(SENDER, (f"r{n}@x.example",)) for n in (1, 3, 5)]
    assert [line[:4] for line in sink.commands] == [b"EHLO", *[b"MAIL", b"RCPT", b"DATA"] * 3, b"QUIT"]


def test_an_empty_recipient_fails() -> None:
    with Sink() as sink:
        assert results(send_all(sink, [copy(1, "")])) == [(1, Result.FAILED)]


def test_a_mail_larger_than_the_server_takes_is_not_offered() -> None:
    with Sink(Script(offers=("PIPELINING", "SIZE 100"))) as sink:
        outcomes = send_all(sink, [copy(1), copy(2, content=b"x" * 101), copy(3)])
    assert [outcome.result for outcome in outcomes] == [Result.SENT, Result.FAILED, Result.SENT]
    assert outcomes[1].reply.startswith("552 ")


def test_a_large_mail_arrives_whole() -> None:
    content = b"".join(b".%070d\r\n" % n for n in range(50_000))
    with Sink() as sink:
        assert {o.result for o in send_all(sink, [copy(1, content=content), copy(2)])} == {Result.SENT}
    assert sink.mails[0].content == content


def test_the_connection_is_kept_between_two_sends() -> None:
    with Sink() as sink:
        way_out = courier(sink.address)
        for _ in range(3):
            assert {outcome.result for outcome in way_out.send(copies(2))} == {Result.SENT}
        assert sink.connections == 1
        way_out.close()
        assert {outcome.result for outcome in way_out.send(copies(2))} == {Result.SENT}
        way_out.close()
    assert sink.connections == 2


def test_a_connection_that_the_server_left_is_opened_anew() -> None:
    with Sink() as sink:
        way_out = courier(sink.address)
        list(way_out.send(copies(1)))
        sink.hang_up()
        assert {outcome.result for outcome in way_out.send(copies(2))} == {Result.SENT}
        way_out.close()
    assert sink.connections == 2


def test_a_connection_that_lay_idle_too_long_is_opened_anew() -> None:
    with Sink() as sink:
        way_out = courier(sink.address, Limits(idle_s=-1))
        list(way_out.send(copies(1)))
        list(way_out.send(copies(1)))
        way_out.close()
    assert sink.connections == 2


def test_a_reader_that_stops_early_leaves_no_half_mail_to_the_next() -> None:
    with Sink() as sink:
        way_out = courier(sink.address)
        stopped = way_out.send(copies(5))
        assert next(stopped).result is Result.SENT
        # Not closed yet: the commands of its next copy are under way.
        assert results(list(way_out.send([copy(9)]))) == [(9, Result.SENT)]
        del stopped
        assert results(list(way_out.send([copy(8)]))) == [(8, Result.SENT)]
        way_out.close()
        wait_until(lambda: not sink._open)
    assert [mail.recipients[0] for mail in sink.mails] == ["r0@x.example", "r9@x.example", "r8@x.example"]


def test_a_reader_that_takes_exactly_what_it_sent_keeps_the_connection() -> None:
    with Sink() as sink:
        way_out = courier(sink.address)
        for _ in range(2):
            for _copy, outcome in zip(mails := copies(3), way_out.send(mails), strict=False):
                assert outcome.result is Result.SENT
        way_out.close()
    assert sink.connections == 1


def test_outcomes_are_told_as_they_are_known() -> None:
    with Sink() as sink:
        way_out = courier(sink.address)
        outcomes = way_out.send(copies(3))
        next(outcomes)
        assert len(sink.mails) == 1
        assert len(list(outcomes)) == 2
        way_out.close()
