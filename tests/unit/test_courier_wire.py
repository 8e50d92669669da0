"""One SMTP connection seen from the client: what stands on the wire, and when it is of no more use."""

from __future__ import annotations

import socket

import pytest

from mailgate.courier_wire import Limits, Session, wire_form


@pytest.mark.parametrize("content", [b"a\rb\nc\r\nd\n\r", b"\r.\n.\r\r\n.", b".\n" * 50 + b"\r" * 50])
def test_no_bare_cr_or_lf_and_no_second_end_stands_on_the_wire(content: bytes) -> None:
    wire = wire_form(content)
    assert wire.count(b"\r\n") == wire.count(b"\r") == wire.count(b"\n")
    assert (b"\r\n" + wire).find(b"\r\n.\r\n") == len(wire) - 3


def test_a_connection_on_which_nobody_speaks_is_fresh_and_one_that_says_something_unasked_is_not() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        session = Session(ours, Limits())
        assert not session.is_stale()
        theirs.sendall(b"250 stray\r\n")
        assert session.is_stale()


def test_a_connection_the_other_side_closed_is_stale() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()
        assert Session(ours, Limits()).is_stale()


def test_a_connection_says_whether_it_is_open() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        session = Session(ours, Limits())
        assert session.is_open
        session.abandon()
        assert not session.is_open


def test_a_connection_carries_at_least_one_mail() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        session = Session(ours, Limits(mails=0))
        assert not session.is_full
        assert session.is_on_its_last
