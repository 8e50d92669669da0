"""The whole daemon with PostgreSQL behind it: from `init` to the notification, and through its restarts."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import databases
from tests.support.command_line import CommandLine
from tests.support.daemon import LIST, Daemon
from tests.support.databases import OwnServer
from tests.support.traffic import Traffic, mail, message_id, offer, traffic
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    """A server of this module's own, for it is stopped at will."""
    try:
        with databases.own_server() as running:
            yield running
    except databases.Unavailable as error:
        pytest.skip(f"no PostgreSQL: {error}")


@pytest.fixture
def command_line(server: OwnServer, tmp_path: Path) -> CommandLine:
    """An instance made by `mailgate init --database`, with one subscriber; it listens on free ports."""
    name = f"mailgate_{tmp_path.name.replace('-', '_')}".lower()[:60]
    databases.execute(server.url, f'CREATE DATABASE "{name}"')
    line = CommandLine(tmp_path / "home")
    url = databases.text_of(server.url.set(database=name))
    line.succeed("init", "--list", LIST, "--tag", "OSG", "--database", url)
    config = line.home / "mailgate.toml"
    config.write_text(re.sub(r'"127\.0\.0\.1:\d+"', '"127.0.0.1:0"', config.read_text()))
    line.succeed("lists", "subscribe", "osg-general", "bob@x.example")
    return line


def copies(line: CommandLine) -> list[str]:
    """The mails that went out, as text."""
    folder = line.home / "outgoing" / "new"
    return [path.read_text("utf-8", "replace") for path in folder.iterdir()] if folder.exists() else []


def nothing_waits(line: CommandLine) -> bool:
    return not line.rows("queue", "list", "--json") and not line.rows(
        "deliveries", "list", "--state", "waiting", "--json"
    )


def told_of(line: CommandLine, numbers: list[int]) -> bool:
    """Whether bob has a copy of each."""
    subjects = {m[1] for one in copies(line) if (m := re.search(r"(?m)^Subject: Problem number (\d+)", one))}
    return subjects >= {str(number) for number in numbers}


def test_a_mail_becomes_a_ticket_and_a_notification(command_line: CommandLine) -> None:
    assert command_line.succeed("db", "check")
    with Daemon(command_line.home) as daemon:
        assert offer(daemon.smtp, mail(1))[0] == 250
        wait_until(lambda: copies(command_line), 20)
        (copy,) = copies(command_line)
        assert "Delivered-To: bob@x.example" in copy
        assert f"Message-ID: {message_id(1)}" in copy
        assert copy.endswith("The jobs at site 1 are held.\n")
        assert command_line.rows("ticket", "list", "--json")[0]["status"] == "new"
        daemon.stop()


def test_commands_beside_the_daemon_all_succeed(command_line: CommandLine) -> None:
    with Daemon(command_line.home) as daemon, traffic(daemon.smtp) as flow:
        flow.flows(3)
        wait_until(lambda: len(command_line.tickets_by_message_id()) >= 2, 20)
        for priority in ("high", "low"):
            command_line.succeed("ticket", "set", "1", f"priority={priority}", "owner=ann@x.example")
        command_line.succeed("ticket", "merge", "2", "1")
        command_line.succeed("inject", "-", given=mail(90_001))
        command_line.succeed("lists", "subscribe", "osg-general", "cid@x.example")
        flow.flows(3)
        flow.stop()
        assert set(flow.replies) == {250}
        wait_until(lambda: len(command_line.tickets_by_message_id()) == len(flow.taken) + 1, 20)
        daemon.stop()
    assert_each_is_in_one_ticket(command_line, flow)
    assert command_line.rows("ticket", "show", "2", "--json")[0]["ticket"] == 1


def assert_each_is_in_one_ticket(line: CommandLine, flow: Traffic) -> None:
    stored = line.tickets_by_message_id()
    assert {number: len(stored.get(message_id(number), [])) for number in flow.taken} == dict.fromkeys(
        flow.taken, 1
    )


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["in order", "at once"])
def test_a_restart_of_the_server_costs_nothing_but_time(
    server: OwnServer, command_line: CommandLine, how: signal.Signals
) -> None:
    with Daemon(command_line.home) as daemon, traffic(daemon.smtp) as flow:
        flow.flows(10)
        server.stop(how)
        try:
            wait_until(lambda: flow.trouble or flow.replies.count(451) >= 3, 60)
            assert command_line.refused("ticket", "list").startswith("Error: the database does not answer")
        finally:
            server.start()
        flow.flows(10)
        flow.stop()
        assert set(flow.replies) == {250, 451}
        wait_until(lambda: nothing_waits(command_line), 60)
        wait_until(lambda: told_of(command_line, flow.taken), 20)
        daemon.stop()
    assert_each_is_in_one_ticket(command_line, flow)


def test_without_the_server_a_mail_gets_451_that_shows_nothing_of_our_inside(
    server: OwnServer, command_line: CommandLine
) -> None:
    with Daemon(command_line.home) as daemon:
        assert offer(daemon.smtp, mail(1))[0] == 250
        server.stop()
        try:
            code, text = offer(daemon.smtp, mail(2))
        finally:
            server.start()
        assert code == 451
        assert text.startswith("4.3.0 ")
        assert not re.search(r"(?i)postgres|psycopg|socket|server|traceback|/", text)
        assert offer(daemon.smtp, mail(2))[0] == 250
        daemon.stop()


def test_the_daemon_does_not_start_without_its_database(server: OwnServer, command_line: CommandLine) -> None:
    server.stop()
    try:
        assert command_line.refused("serve").startswith("Error: the database does not answer")
    finally:
        server.start()


def test_a_second_daemon_on_one_database_is_refused_in_one_line(command_line: CommandLine) -> None:
    with Daemon(command_line.home) as daemon:
        assert command_line.refused("serve") == f"Error: a daemon serves {command_line.home} already"
        daemon.stop()
