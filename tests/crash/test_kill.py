"""SIGKILL at any moment: what was answered 250 is there once, what was not may be sent again."""

from __future__ import annotations

import random
import smtplib
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from mailgate import deliveries, inbound
from mailgate.app import App
from mailgate.inbound import State
from mailgate.settings import HostPort
from mailgate.tables import delivery, outgoing
from tests.support.daemon import LIST, Daemon, Process, new_instance
from tests.support.waiting import wait_until
from tracker.model import Delivery
from tracker.people import normalise_address
from tracker.storage import people, queues
from tracker.storage import tables as t

pytestmark = [pytest.mark.integration, pytest.mark.slow]

MAILS = 500
CONNECTIONS = 5
POSTS_A_TICKET = 5
KILLS = 3
SUBSCRIBERS = tuple(f"reader{n}@readers.example" for n in range(3))


class House:
    """A daemon that is killed and started anew, and where its door is just now."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.daemon = Daemon(home)

    def kill(self) -> None:
        self.daemon.kill()
        self.daemon = Daemon(self._home)


class Sender(threading.Thread):
    """Hands in its mails one by one, and every one again until it is answered 250."""

    def __init__(self, number: int, house: House) -> None:
        super().__init__(name=f"sender {number}")
        self._number = number
        self._house = house
        self._session: smtplib.SMTP | None = None
        self.accepted: list[str] = []
        self.retries = 0

    def run(self) -> None:
        for n in range(MAILS // CONNECTIONS):
            wait_until(partial(self._is_accepted, n), 40)
            self.accepted.append(self._message_id(n))
        self._hang_up()

    def _is_accepted(self, n: int) -> bool:
        try:
            if self._session is None:
                self._session = smtplib.SMTP(*self._house.daemon.smtp, timeout=10)
            self._session.sendmail("ann@a.example", [LIST], self._mail(n))
        except (smtplib.SMTPException, OSError):
            self.retries += 1
            self._hang_up()
            return False
        return True

    def _hang_up(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None

    def _message_id(self, n: int) -> str:
        return f"<{self._number}.{n}@mail.a.example>"

    def _mail(self, n: int) -> bytes:
        """Every fifth opens a ticket, those between answer the one before."""
        opening = n - n % POSTS_A_TICKET
        fields = [
            f"From: person{self._number}@a.example",
            f"To: {LIST}",
            f"Message-ID: {self._message_id(n)}",
            f"Subject: {'Re: ' * (n != opening)}Trouble {opening} at site {self._number}",
        ]
        if n != opening:
            fields.append(f"In-Reply-To: {self._message_id(n - 1)}")
        return "\r\n".join((*fields, "", f"Part {n} of what {self._number} says.", "")).encode()


@pytest.fixture
def app(tmp_path: Path, database_url: str) -> Iterator[App]:
    """An instance that three people read, and that sends to a server which takes everything."""
    with Process(["-m", "tests.support.sink", "--count-only"], tmp_path / "sink.log") as sink:
        host, _, port = str(sink.ready["address"]).rpartition(":")
        made = new_instance(tmp_path / "home", database_url=database_url, smarthost=HostPort(host, int(port)))
        made.write(lambda connection: _subscribe(connection, made))
        yield made
        made.close()


def _subscribe(connection: Connection, app: App) -> None:
    queue = queues.everyone(connection)[0]
    for address in SUBSCRIBERS:
        person = people.register(connection, normalise_address(address), "", app.clock())
        queues.subscribe(connection, queue.id, person.id, Delivery.ALL, app.clock())


def test_kills_lose_no_mail_that_was_accepted_and_double_none(app: App) -> None:
    chance = random.Random(20)
    house = House(app.instance.home)
    senders = [Sender(number, house) for number in range(CONNECTIONS)]
    try:
        for sender in senders:
            sender.start()
        for turn in range(KILLS):
            moment = MAILS * turn // KILLS + chance.randrange(20, MAILS // KILLS - 20)
            wait_until(partial(_have_accepted, senders, moment), 40)
            house.kill()
        for sender in senders:
            sender.join(60)
        assert _accepted(senders) == MAILS
        assert sum(sender.retries for sender in senders) > 0, "no kill met a mail under way"
        wait_until(lambda: app.read(_all_told), 60)
        house.daemon.stop()
    finally:
        house.daemon.kill()
    app.read(lambda connection: _check(connection, {i for sender in senders for i in sender.accepted}))


def _accepted(senders: list[Sender]) -> int:
    return sum(len(sender.accepted) for sender in senders)


def _have_accepted(senders: list[Sender], mails: int) -> bool:
    return _accepted(senders) >= mails


def _all_told(connection: Connection) -> bool:
    sent = deliveries.counts(connection).get(deliveries.State.SENT.value, 0)
    waiting = inbound.counts(connection).get(State.WAITING.value, 0)
    last = connection.execute(select(func.max(t.event.c.id))).scalar()
    told = connection.execute(select(func.min(t.cursor.c.event_id))).scalar()
    return not waiting and told == last and sent >= MAILS * len(SUBSCRIBERS)


def _check(connection: Connection, accepted: set[str]) -> None:
    posts = connection.execute(select(t.post.c.id, t.post.c.message_id, t.post.c.ticket_id)).all()
    assert Counter(post.message_id for post in posts) == Counter(accepted)
    places = {(_conversation(post.message_id), post.ticket_id) for post in posts}
    assert len(places) == len({ticket for _, ticket in places}) == MAILS // POSTS_A_TICKET
    told = select(outgoing.c.post_id, delivery.c.address).join(
        outgoing, outgoing.c.id == delivery.c.outgoing_id
    )
    rows = Counter((row.post_id, row.address) for row in connection.execute(told))
    assert rows == Counter((post.id, address) for post in posts for address in SUBSCRIBERS)
    assert set(inbound.counts(connection)) == {State.DONE.value}
    assert set(deliveries.counts(connection)) == {deliveries.State.SENT.value}


def _conversation(message_id: str) -> tuple[str, int]:
    """Who wrote it, and in which of their conversations."""
    sender, n = message_id.strip("<>").partition("@")[0].split(".")
    return sender, int(n) // POSTS_A_TICKET
