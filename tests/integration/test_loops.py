"""Instances, lists and robots that answer one another: it ends, after very few mails (L1 to L3, L6)."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Connection

from mailgate import deliveries, inbound
from mailgate.app import App
from mailgate.instance import load_instance
from mailgate.settings import HostPort
from mailgate.setup import Wishes, initialise
from tests.support.daemon import LIST, Daemon, new_instance
from tests.support.sink import Sink
from tests.support.switchboard import Switchboard, switchboard
from tests.support.waiting import wait_until
from tracker.model import Delivery
from tracker.people import normalise_address
from tracker.storage import people, queues

pytestmark = pytest.mark.integration

UNA = "una@people.example"


@dataclass
class Side:
    """One instance: its list, its daemon, and its database to look into."""

    list: str
    app: App
    daemon: Daemon

    def subscribe(self, address: str) -> None:
        def work(connection: Connection) -> None:
            person = people.register(connection, normalise_address(address), "", self.app.clock())
            queue = queues.everyone(connection)[0]
            queues.subscribe(connection, queue.id, person.id, Delivery.ALL, self.app.clock())

        self.app.write(work)

    def post(self, text: str, sender: str = UNA) -> None:
        raw = f"From: {sender}\r\nTo: {self.list}\r\nSubject: Jobs fail\r\n\r\n{text}\r\n".encode()
        with smtplib.SMTP(*self.daemon.smtp) as session:
            session.sendmail(sender, [self.list], raw)

    def is_quiet(self) -> bool:
        """Whether nothing waits, in or out."""
        waiting = self.app.read(inbound.counts).get("waiting", 0)
        out = self.app.read(lambda c: deliveries.entries(c, (deliveries.State.WAITING,)))
        return not waiting and not out


def side(home: Path, address: str, board: Switchboard, extra: str) -> tuple[App, Daemon]:
    home.mkdir()
    lines = [
        'smtp.listen = "127.0.0.1:0"',
        'lmtp.listen = ""',
        f'outgoing.smarthost = "127.0.0.1:{board.port}"',
    ]
    (home / "mailgate.toml").write_text("\n".join((*lines, extra, "")))
    initialise(Wishes(home, address, address.partition("@")[0].upper()))
    return App.open(load_instance(home)), Daemon(home)


@pytest.fixture(params=["open", "confirm", "hold"])
def sides(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Side, Side, Switchboard]]:
    """Two instances that send through one relay, each subscribed to the other."""
    with switchboard() as board, ExitStack() as stack:
        made = []
        for name in ("one", "two"):
            address = f"list@{name}.example"
            app, daemon = side(tmp_path / name, address, board, f'first_post = "{request.param}"')
            stack.callback(app.close)
            made.append(Side(address, app, stack.enter_context(daemon)))
            board.servers[f"{name}.example"] = daemon.smtp
        one, two = made
        one.subscribe(two.list)
        two.subscribe(one.list)
        yield one, two, board
        for each in made:
            each.daemon.stop()


def between(board: Switchboard) -> int:
    """How many mails one instance handed to the other."""
    return len(board.passed)


def test_two_instances_face_to_face_exchange_at_most_two_mails(
    sides: tuple[Side, Side, Switchboard],
) -> None:
    one, two, board = sides
    # Una is known to the first, or her post would wait there.
    one.subscribe(UNA)
    one.post("They all fail.")
    wait_until(lambda: between(board) >= 1, 30)
    # It is over when nothing waits anywhere; what was refused for good is not tried again.
    wait_until(lambda: one.is_quiet() and two.is_quiet(), 60)
    assert between(board) <= 2, board.passed


def test_a_list_subscribed_to_itself_and_to_its_neighbour_sends_itself_nothing(tmp_path: Path) -> None:
    with Sink() as sink:
        app = new_instance(tmp_path / "home", smarthost=HostPort(*sink.address))
        other = "neighbours@lists.example.org"

        def settle(connection: Connection) -> None:
            queues.create(
                connection,
                queues.Queue(queues.QueueId(0), "neighbours", "lists.example.org", "N", "N"),
                app.clock(),
            )
            for queue in queues.everyone(connection):
                for address in (LIST, other):
                    person = people.register(connection, normalise_address(address), "", app.clock())
                    queues.subscribe(connection, queue.id, person.id, Delivery.ALL, app.clock())

        app.write(settle)
        with Daemon(tmp_path / "home") as daemon:
            here = Side(LIST, app, daemon)
            here.post("Hello?")
            wait_until(lambda: app.read(inbound.counts).get("done", 0) == 1, 30)
            wait_until(here.is_quiet, 30)
            assert sink.mails == []
            daemon.stop()
        app.close()


def test_a_shadow_sends_to_those_on_its_list_only_and_never_the_rest(tmp_path: Path) -> None:
    with Sink() as sink:
        extra = 'outgoing.shadow_allow = ["ann@x.example", "ours.example"]'
        app = new_instance(tmp_path / "home", smarthost=HostPort(*sink.address), extra=extra)
        everybody = ("ann@x.example", "bob@x.example", "cy@ours.example", "di@not-ours.example")

        def settle(connection: Connection) -> None:
            for address in everybody:
                person = people.register(connection, normalise_address(address), "", app.clock())
                queue = queues.everyone(connection)[0]
                queues.subscribe(connection, queue.id, person.id, Delivery.ALL, app.clock())

        app.write(settle)

        def shadowed() -> list[str]:
            found = app.read(lambda c: deliveries.entries(c, (deliveries.State.SHADOWED,)))
            return sorted(one.address for one in found)

        with Daemon(tmp_path / "home", "--shadow") as daemon:
            Side(LIST, app, daemon).post("They all fail.")
            wait_until(lambda: len(sink.mails) + len(shadowed()) == 4, 30)
            daemon.stop()
        assert sorted(one.recipients[0] for one in sink.mails) == ["ann@x.example", "cy@ours.example"]
        assert shadowed() == ["bob@x.example", "di@not-ours.example"]
        # In earnest now: what the shadow kept to itself stays there.
        with Daemon(tmp_path / "home") as daemon:
            Side(LIST, app, daemon).post("And now?")
            wait_until(lambda: len(sink.mails) == 2 + 4, 30)
            daemon.stop()
        assert len(shadowed()) == 2
        app.close()
