"""A mail that finds a bug of ours is tried again, then parked with its traceback; nothing waits behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from mailgate import inbound
from mailgate.app import App
from mailgate.envelope import Client, Envelope
from mailgate.gateway import Conditions, Gateway
from mailgate.inbound import Entry, State
from mailgate.reading import Reading
from mailgate.verdict import Verdict
from mailgate.worker import Inbox, Tries, Worker
from routing.store import ActiveRules
from tests.support.daemon import LIST, mailgate, new_instance
from tracker.model import Trust
from tracker.storage import tickets
from tracker.unit_of_work import system_clock

POISON = b"the straw"


class Clock:
    """The time of day, and what a test has let pass."""

    def __init__(self) -> None:
        self.passed = timedelta()

    def __call__(self) -> datetime:
        return system_clock() + self.passed


class BrokenGateway(Gateway):
    """Does half its work on a certain mail, then meets a bug."""

    mended = False

    def receive(self, connection: Connection, reading: Reading, conditions: Conditions) -> Verdict:
        verdict = super().receive(connection, reading, conditions)
        if POISON in reading.mail.raw and not self.mended:
            raise RuntimeError("the camel's back")
        return verdict


@dataclass
class Post:
    """An instance whose gateway has a bug, and the worker of it."""

    app: App
    clock: Clock
    gateway: BrokenGateway
    worker: Worker

    def accept(self, name: str, text: bytes) -> str:
        """Let a mail in; gives the id it is known by."""
        raw = b"From: ann@a.example\r\nMessage-ID: <%s@a.example>\r\nSubject: %s\r\n\r\n%s\r\n"
        envelope = Envelope(Client("127.0.0.1", "mx.example", "ESMTP", "-"), "ann@a.example", (LIST,))
        content = raw % (name.encode(), name.encode(), text)
        return self.app.accept_now(envelope, content, Trust.UNCHECKED, hand_over=True).uid

    def work(self) -> None:
        """Do all that is due now."""
        while self.worker.run_once(Inbox()) + self.worker.run_once(Inbox(quick=False)):
            pass

    def entry(self, uid: str) -> Entry:
        found = self.app.read(lambda connection: inbound.find(connection, uid))
        assert found is not None
        return found

    def mailgate(self, *arguments: str) -> str:
        """The command line, on this instance."""
        return mailgate(self.app.instance.home, *arguments)


@pytest.fixture
def post(tmp_path: Path, database_url: str) -> Iterator[Post]:
    clock = Clock()
    app = new_instance(tmp_path / "home", database_url=database_url)
    app.clock = clock
    gateway = BrokenGateway(app.composer, ActiveRules(), app.registry)
    chosen = app.settings.work
    tries = Tries(chosen.attempts, chosen.retry_first)
    worker = Worker(app.database, app.write_at_once, gateway, app.read_mail, tries, clock)
    yield Post(app, clock, gateway, worker)
    app.close()


def park(post: Post) -> str:
    """Work on the poisoned mail until it is parked; gives its id."""
    uid = post.accept("poison", POISON)
    for _ in range(3):
        post.work()
        post.clock.passed += timedelta(minutes=1)
    return uid


def test_a_mail_that_meets_a_bug_is_tried_three_times_then_parked(post: Post) -> None:
    uid = post.accept("poison", POISON)
    seen = []
    for _ in range(4):
        post.work()
        seen.append((post.entry(uid).state, post.entry(uid).attempts))
        post.clock.passed += timedelta(minutes=1)
    assert seen == [(State.WAITING, 1), (State.WAITING, 2), (State.PARKED, 3), (State.PARKED, 3)]


def test_it_is_not_tried_again_before_its_pause_is_over(post: Post) -> None:
    uid = post.accept("poison", POISON)
    post.work()
    post.work()
    assert post.entry(uid).attempts == 1


def test_what_it_did_before_the_bug_is_undone(post: Post) -> None:
    park(post)
    assert post.app.read(tickets.count) == 0


def test_the_mails_behind_it_are_worked(post: Post) -> None:
    post.accept("before", b"harmless")
    poison = post.accept("poison", POISON)
    post.accept("after", b"harmless")
    post.work()
    assert (post.app.read(tickets.count), post.entry(poison).state) == (2, State.WAITING)


def test_an_operator_sees_what_broke(post: Post) -> None:
    uid = park(post)
    listed = json.loads(post.mailgate("queue", "list", "--json"))
    shown = post.mailgate("queue", "show", uid)
    assert (listed["id"], listed["state"]) == (uid, "parked")
    assert "Traceback" in shown
    assert "RuntimeError: the camel's back" in shown


def test_after_the_mend_it_is_worked_as_if_nothing_had_been(post: Post) -> None:
    uid = park(post)
    post.gateway.mended = True
    post.mailgate("queue", "retry", uid)
    post.work()
    assert (post.entry(uid).state, post.app.read(tickets.count)) == (State.DONE, 1)


def test_a_retry_before_the_mend_parks_it_again(post: Post) -> None:
    uid = park(post)
    post.mailgate("queue", "retry", "--all")
    for _ in range(3):
        post.work()
        post.clock.passed += timedelta(minutes=1)
    assert (post.entry(uid).state, post.entry(uid).attempts) == (State.PARKED, 3)
