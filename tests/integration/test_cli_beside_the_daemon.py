"""On SQLite the command line writes beside the running daemon, and a second daemon is kept off."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mailgate.app import App
from mailgate.instance import load_instance
from tests.support.command_line import CommandLine
from tests.support.daemon import Daemon, new_instance
from tests.support.traffic import mail, message_id, offer, traffic
from tests.support.waiting import wait_until
from tracker import tickets
from tracker.events import Actor, Kind
from tracker.model import Status
from tracker.unit_of_work import UnitOfWork

pytestmark = pytest.mark.integration


@pytest.fixture
def command_line(tmp_path: Path) -> CommandLine:
    home = tmp_path / "home"
    new_instance(home).close()
    return CommandLine(home)


def together(*works: Callable[[], object]) -> list[Exception]:
    """Run all at once; gives what failed."""
    failures: list[Exception] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except (Exception, AssertionError) as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return failures


def test_commands_beside_the_daemon_all_succeed_and_nothing_is_lost(command_line: CommandLine) -> None:
    def set_priorities() -> None:
        for priority in ("high", "low", "critical"):
            command_line.succeed("ticket", "set", "1", f"priority={priority}")

    def inject() -> None:
        for number in (90_001, 90_002, 90_003):
            command_line.succeed("inject", "-", given=mail(number))

    with Daemon(command_line.home) as daemon, traffic(daemon.smtp) as flow:
        wait_until(lambda: 1 in command_line.tickets_by_message_id().get(message_id(1), []), 20)
        assert together(set_priorities, inject) == []
        flow.flows(5)
        flow.stop()
        assert set(flow.replies) == {250}
        expected = {message_id(n) for n in (*flow.taken, 90_001, 90_002, 90_003)}
        wait_until(lambda: set(command_line.tickets_by_message_id()) == expected, 30)
        daemon.stop()
    stored = command_line.tickets_by_message_id()
    assert {len(found) for found in stored.values()} == {1}
    (shown,) = command_line.rows("ticket", "show", "1", "--json")
    changes = [event["after"] for event in shown["history"] if event["kind"] == "priority"]
    assert changes == ["high", "low", "critical"]


def test_many_small_writes_beside_the_daemon_all_succeed(command_line: CommandLine) -> None:
    """As many commands at once would, without the time that programs take to start."""
    home = command_line.home
    with Daemon(home) as daemon, traffic(daemon.smtp) as flow:
        wait_until(lambda: 1 in command_line.tickets_by_message_id().get(message_id(1), []), 20)

        def write(name: str) -> Callable[[], None]:
            app = open_app(home)

            def work() -> None:
                for n in range(50):
                    app.write(lambda connection, n=n: toggle(UnitOfWork(connection, app.clock()), name, n))  # type: ignore[misc]
                app.close()

            return work

        assert together(write("one"), write("two")) == []
        flow.flows(5)
        flow.stop()
        assert set(flow.replies) == {250}
        daemon.stop()
    (shown,) = command_line.rows("ticket", "show", "1", "--json")
    notes = [event["after"] for event in shown["history"] if event["kind"] == "note"]
    assert sorted(notes) == sorted(f"{name} {n}" for name in ("one", "two") for n in range(50))
    assert all(ticket["status"] in set(Status) for ticket in command_line.rows("ticket", "list", "--json"))


def open_app(home: Path) -> App:
    return App.open(load_instance(home))


def toggle(uow: UnitOfWork, name: str, n: int) -> None:
    ticket = tickets.find(uow, 1)
    uow.record(ticket.id, Kind.NOTE, Actor(None, f"operator {name}"), after=f"{name} {n}")
    uow.flush()


def test_a_second_daemon_on_one_instance_is_refused_in_one_line(command_line: CommandLine) -> None:
    with Daemon(command_line.home) as daemon:
        said = command_line.refused("serve")
        assert said == f"Error: a daemon serves {command_line.home} already"
        assert offer(daemon.smtp, mail(1))[0] == 250
        daemon.stop()


@pytest.mark.parametrize("end", [Daemon.stop, Daemon.kill], ids=["stopped", "killed"])
def test_after_a_daemon_another_may_start(command_line: CommandLine, end: Callable[[Daemon], object]) -> None:
    with Daemon(command_line.home) as first:
        end(first)
    with Daemon(command_line.home) as second:
        assert offer(second.smtp, mail(1))[0] == 250
        second.stop()
