"""Rules are changed and taken back while mail comes in: nothing is lost, doubled, or left wrong."""

from __future__ import annotations

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
from mailgate.tables import delivery
from routing import store as rule_store
from tests.support.daemon import LIST, Daemon, Process, mailgate, new_instance
from tests.support.waiting import wait_until
from tracker.model import Address, Wants
from tracker.storage import centers
from tracker.storage import tables as t

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CONNECTIONS = 3
GOOD, BAD = "good@centers.example", "bad@centers.example"
RULE = '[[rule]]\nname = "queue"\nphase = "route"\nwhen = "queue"\nthen = ["center+={}"]\n'


class Sender(threading.Thread):
    """Hands in openings, one after another, until it is told to stop."""

    def __init__(self, number: int, door: tuple[str, int], stop: threading.Event) -> None:
        super().__init__(name=f"sender {number}")
        self.number = number
        self._door = door
        self._stop_sending = stop
        self.ids: list[str] = []

    def run(self) -> None:
        with smtplib.SMTP(*self._door, timeout=30) as session:
            # At most so many a second: traffic, not a flood that the repair would have to read.
            while not self._stop_sending.wait(0.05):
                n = len(self.ids)
                message_id, author = f"<{self.number}.{n}@mail.a.example>", f"p{self.number}.{n}@a.example"
                head = f"From: {author}\r\nTo: {LIST}\r\nMessage-ID: {message_id}\r\n"
                subject = f"Subject: Matter {n} of {self.number}\r\n\r\n"
                text = f"The queue number {n} at {self.number} is full.\r\n"
                session.sendmail(author, [LIST], (head + subject + text).encode())
                self.ids.append(message_id)


@pytest.fixture
def app(tmp_path: Path, database_url: str) -> Iterator[App]:
    with Process(["-m", "tests.support.sink", "--count-only"], tmp_path / "sink.log") as sink:
        host, _, port = str(sink.ready["address"]).rpartition(":")
        made = new_instance(tmp_path / "home", database_url=database_url, smarthost=HostPort(host, int(port)))
        made.write(lambda connection: _add_centers(connection, made))
        yield made
        made.close()


def _add_centers(connection: Connection, app: App) -> None:
    for name, address in (("GOOD", GOOD), ("BAD", BAD)):
        centers.create(connection, name, Address(address), Wants.OPENINGS, app.clock())


def _apply(app: App, center: str) -> int:
    """Put the rule in force that gives all to a center; gives the revision."""
    file = app.instance.home / f"{center}.toml"
    file.write_text(RULE.format(center))
    mailgate(app.instance.home, "rules", "import", str(file), "--apply", "-m", f"all to {center}")
    return app.read(rule_store.active_number)


def _with(connection: Connection, center: str) -> int:
    rows = connection.execute(select(t.ticket_center.c.ticket_id).where(t.ticket_center.c.name == center))
    return len(rows.all())


def test_a_rollback_during_traffic_loses_and_doubles_nothing(app: App) -> None:
    right = _apply(app, "GOOD")
    home = app.instance.home
    stop = threading.Event()
    with Daemon(home) as daemon:
        senders = [Sender(number, daemon.smtp, stop) for number in range(CONNECTIONS)]
        for sender in senders:
            sender.start()
        wait_until(lambda: app.read(lambda c: _with(c, "GOOD")) >= 5, 30)
        _apply(app, "BAD")
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
    app.read(lambda connection: _check(connection, {i for sender in senders for i in sender.ids}))


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


def _check(connection: Connection, sent: set[str]) -> None:
    posts = connection.execute(select(t.post.c.message_id, t.post.c.ticket_id)).all()
    assert Counter(post.message_id for post in posts) == Counter(sent)
    assert len({post.ticket_id for post in posts}) == len(sent)
    now_with = Counter(row.name for row in connection.execute(select(t.ticket_center.c.name)))
    assert now_with == Counter({"GOOD": len(sent)})
    told = connection.execute(select(delivery.c.ticket_id, delivery.c.address)).all()
    copies = Counter((row.ticket_id, row.address) for row in told)
    assert set(copies.values()) == {1}
    assert Counter(row.address for row in told)[GOOD] == len(sent)
    assert 5 <= Counter(row.address for row in told)[BAD] < len(sent)
