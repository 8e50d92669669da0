"""The worker's inbox and the pace of a stage."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from mailgate.envelope import Client, Envelope
from mailgate.inbound import InboundId, Mail
from mailgate.stage import Pace, Stage
from mailgate.worker import Inbox
from tests.support.waiting import wait_until
from tracker.model import Trust


def mail(number: int, size: int) -> Mail:
    envelope = Envelope(Client("", "", "FILE", "-"), "", ("osg-general@lists.example.org",))
    return Mail(InboundId(number), str(number), envelope, b"x" * size, datetime.now(UTC), Trust.UNCHECKED)


def test_mails_are_taken_in_order_of_arrival() -> None:
    inbox = Inbox()
    for number in range(5):
        inbox.put(mail(number, 10))
    assert [one.id for one in inbox.take(3)] == [0, 1, 2]
    assert [one.id for one in inbox.take(3)] == [3, 4]
    assert inbox.take(3) == []


def test_small_mails_do_not_wait_for_many_larger_ones() -> None:
    inbox = Inbox()
    for number in range(30):
        inbox.put(mail(number, 100_000))
    inbox.put(mail(30, 500))
    assert [one.id for one in inbox.take(64)] == [0, 30]
    assert [one.id for one in inbox.take(64)] == [1]


def test_larger_mails_do_not_wait_for_many_small_ones() -> None:
    inbox = Inbox()
    for number in range(200):
        inbox.put(mail(number, 500))
    for number in range(200, 240):
        inbox.put(mail(number, 10_000))
    taken = [one.id for one in inbox.take(64)]
    assert taken == [*range(len(taken) - 13), *range(200, 213)]
    assert len(taken) <= 64


def test_the_inbox_is_bounded_and_has_room_again_when_emptied() -> None:
    inbox = Inbox(quick=False)
    for number in range(4):
        inbox.put(mail(number, 10 * 2**20))
    assert len(inbox.take(10)) == 3
    inbox.put(mail(9, 10 * 2**20))
    assert [one.id for one in inbox.take(10)] == [9]


def test_a_mail_larger_than_the_bound_finds_room_when_it_is_alone() -> None:
    inbox = Inbox(quick=False)
    inbox.put(mail(1, 40 * 2**20))
    inbox.put(mail(2, 10))
    assert [one.id for one in inbox.take(10)] == [1]


def test_a_stage_works_until_there_is_no_more_and_tells_the_next() -> None:
    left, told = [3], threading.Event()

    def step() -> int:
        left[0] -= 1
        return left[0]

    stage = Stage("test", step, told.set, pace=Pace(0.0))
    stage.start()
    wait_until(lambda: left[0] <= 0, 5)
    stage.stop()
    assert told.is_set()


def test_trouble_does_not_end_a_stage(caplog: object) -> None:
    calls: list[int] = []

    def step() -> int:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("the database is away")
        return 0

    stage = Stage("test", step, pace=Pace(0.0, after_trouble=0.01))
    stage.start()
    wait_until(lambda: len(calls) >= 2, 5)
    stage.stop()


def test_a_kick_wakes_a_stage_at_once() -> None:
    calls: list[int] = []
    stage = Stage("test", lambda: calls.append(1) or 0, pace=Pace(0.0, look_again=3600))  # type: ignore[func-returns-value]
    stage.start()
    wait_until(lambda: len(calls) == 1, 5)
    stage.kick()
    wait_until(lambda: len(calls) == 2, 5)
    stage.stop()
