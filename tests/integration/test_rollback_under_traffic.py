"""Rules are changed and taken back while mail comes in: nothing is lost, doubled, or left wrong."""

from __future__ import annotations

import re
import smtplib
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from mailgate import deliveries, inbound
from mailgate.app import App
from mailgate.inbound import State
from mailgate.settings import HostPort
from routing import store as rule_store
from tests.support.daemon import LIST, Daemon, mailgate, new_instance
from tests.support.sink import Sink
from tests.support.waiting import wait_until
from tracker.model import Address, Wants
from tracker.storage import centers
from tracker.storage import tables as t

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CONNECTIONS = 3
GOOD, BAD, CONTACT = "good@centers.example", "bad@centers.example", "contact@site.example"
# Of the mails every other is about a queue: those are for GOOD, and the rest for nobody in particular.
RIGHT = """
[[rule]]
name = "queue"
phase = "route"
when = "queue"
then = ["center+=GOOD"]
"""
WRONG = f"""
[[rule]]
name = "queue"
phase = "route"
when = "*"
then = ["center+=BAD", "cc+={CONTACT}"]
"""
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(<[^>]+>)", re.MULTILINE | re.IGNORECASE)


class Sender(threading.Thread):
    """Hands in openings, one after another, until it is told to stop."""

    def __init__(self, number: int, door: tuple[str, int], stop: threading.Event) -> None:
        super().__init__(name=f"sender {number}")
        self.number = number
        self._door = door
        self._stop_sending = stop
        # Those that were answered 250, with what they are about.
        self.sent: dict[str, str] = {}

    def run(self) -> None:
        with smtplib.SMTP(*self._door, timeout=30) as session:
            # At most so many a second: traffic, not a flood that the repair would have to read.
            while not self._stop_sending.wait(0.05):
                n = len(self.sent)
                matter = "queue" if n % 2 else "disk"
                message_id, author = f"<{self.number}.{n}@mail.a.example>", f"p{self.number}.{n}@a.example"
                head = f"From: {author}\r\nTo: {LIST}\r\nMessage-ID: {message_id}\r\n"
                subject = f"Subject: Matter {n} of {self.number}\r\n\r\n"
                text = f"The {matter} number {n} at {self.number} is full.\r\n"
                session.sendmail(author, [LIST], (head + subject + text).encode())
                self.sent[message_id] = matter


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


@pytest.fixture
def app(tmp_path: Path, database_url: str, sink: Sink) -> Iterator[App]:
    made = new_instance(tmp_path / "home", database_url=database_url, smarthost=HostPort(*sink.address))
    made.write(lambda connection: _add_centers(connection, made))
    yield made
    made.close()


def _add_centers(connection: Connection, app: App) -> None:
    for name, address in (("GOOD", GOOD), ("BAD", BAD)):
        centers.create(connection, name, Address(address), Wants.OPENINGS, app.clock())


def _apply(app: App, text: str) -> int:
    """Put rules in force by the command line; gives the revision."""
    file = app.instance.home / "rules.toml"
    file.write_text(text)
    mailgate(app.instance.home, "rules", "import", str(file), "--apply", "-m", "so we thought")
    return app.read(rule_store.active_number)


def _with(connection: Connection, center: str) -> int:
    rows = connection.execute(select(t.ticket_center.c.ticket_id).where(t.ticket_center.c.name == center))
    return len(rows.all())


def test_a_rollback_during_traffic_loses_and_doubles_nothing(app: App, sink: Sink) -> None:
    right = _apply(app, RIGHT)
    home = app.instance.home
    stop = threading.Event()
    with Daemon(home) as daemon:
        senders = [Sender(number, daemon.smtp, stop) for number in range(CONNECTIONS)]
        for sender in senders:
            sender.start()
        wait_until(lambda: app.read(lambda c: _with(c, "GOOD")) >= 5, 30)
        _apply(app, WRONG)
        wait_until(lambda: app.read(lambda c: _with(c, "BAD")) >= 5, 30)
        mailgate(home, "rules", "rollback", str(right), "-m", "these are not theirs", "--repair", "--yes")
        rolled_back = app.read(lambda c: _with(c, "GOOD"))
        wait_until(lambda: app.read(lambda c: _with(c, "GOOD")) >= rolled_back + 5, 30)
        stop.set()
        for sender in senders:
            sender.join(60)
        wait_until(lambda: app.read(_is_quiet), 60)
        # What was being decided at the moment of the rollback; done twice it is done once.
        mailgate(home, "rules", "rollback", str(right), "-m", "the rest", "--repair", "--yes")
        wait_until(lambda: app.read(_is_quiet), 60)
        daemon.stop()
    sent = {message_id: matter for sender in senders for message_id, matter in sender.sent.items()}
    app.read(lambda connection: _check_tickets(connection, sent))
    _check_copies(sink, sent)


def _is_quiet(connection: Connection) -> bool:
    """Whether all that was accepted is done, told and sent."""
    last = select(t.event.c.id).order_by(t.event.c.id.desc()).limit(1)
    told = select(t.cursor.c.event_id).where(t.cursor.c.subscriber == "mail of posts")
    waiting = deliveries.counts(connection).get(deliveries.State.WAITING.value, 0)
    return (
        not waiting
        and not inbound.counts(connection).get(State.WAITING.value, 0)
        and connection.execute(told).scalar() == connection.execute(last).scalar()
    )


def _check_tickets(connection: Connection, sent: dict[str, str]) -> None:
    """Each mail is one post, of a ticket of its own, and that stands where the right rules want it."""
    posts = connection.execute(select(t.post.c.message_id, t.post.c.ticket_id)).all()
    assert Counter(post.message_id for post in posts) == Counter(list(sent))
    assert len({post.ticket_id for post in posts}) == len(sent)
    matters = {post.ticket_id: sent[post.message_id] for post in posts}
    wanted = [(ticket, "GOOD") for ticket, matter in matters.items() if matter == "queue"]
    rows = connection.execute(select(t.ticket_center.c.ticket_id, t.ticket_center.c.name))
    assert Counter((row.ticket_id, row.name) for row in rows) == Counter(wanted)
    assert connection.execute(select(t.ticket_contact)).all() == []


def _check_copies(sink: Sink, sent: dict[str, str]) -> None:
    """What went over the wire: each opening to its center, none twice to anybody, none of others."""
    copies: Counter[tuple[str, str]] = Counter()
    for mail in sink.mails:
        found = _MESSAGE_ID.search(mail.content)
        assert found is not None
        copies.update((recipient, found[1].decode()) for recipient in mail.recipients)
    assert {pair for pair, count in copies.items() if count > 1} == set()
    of_posts = {pair for pair in copies if pair[1] in sent}
    about_queues = {message_id for message_id, matter in sent.items() if matter == "queue"}
    assert {message_id for recipient, message_id in of_posts if recipient == GOOD} == about_queues
    misled = {message_id for recipient, message_id in of_posts if recipient == BAD}
    assert 5 <= len(misled) < len(sent)
    assert {recipient for recipient, _ in of_posts} <= {GOOD, BAD, CONTACT}
