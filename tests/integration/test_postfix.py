"""A real Postfix before and behind us, joined to mailgate by the files of config/postfix."""

from __future__ import annotations

import json
import re
import smtplib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mailgate import inbound
from mailgate.app import App
from mailgate.exporting import ticket_json
from mailgate.settings import HostPort
from tests.support.daemon import LIST, Daemon, new_instance
from tests.support.dnsserver import DnsServer
from tests.support.postfix import HOWTO, Postfix, postfix, why_not
from tests.support.sink import Script, Sink
from tests.support.waiting import wait_until
from tracker.model import Delivery, TicketId, Wants
from tracker.people import normalise_address
from tracker.storage import centers, people, queues, tickets

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(why_not() is not None, reason=f"no Postfix: {why_not()}"),
]

ASKER = "jane@people.example"
READER = "sue@people.example"
CENTER = "operations@centers.example"
GONE = "gone@elsewhere.example"


@dataclass
class World:
    """Postfix, mailgate behind it, and Postfix again behind that."""

    app: App
    daemon: Daemon
    postfix: Postfix

    def tickets(self) -> list[dict[str, Any]]:
        def all_of_them(connection: Any) -> list[dict[str, Any]]:
            return [ticket_json(connection, TicketId(n + 1)) for n in range(tickets.count(connection))]

        return self.app.read(all_of_them)

    def is_settled(self) -> bool:
        """Nothing is under way, neither here nor there."""
        waiting = "select (select count(*) from inbound where state = 'waiting') + " + (
            "(select count(*) from delivery where state = 'waiting')"
        )
        with closing(sqlite3.connect(self.app.instance.home / "mailgate.db")) as database:
            ours = database.execute(waiting).fetchone()[0]
        return ours == 0 and self.postfix.queue() == ""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with (
        Sink(Script(refuse={GONE: "550 5.1.1 no such user"})) as elsewhere,
        postfix(ASKER, READER, CENTER) as mta,
    ):
        app = new_instance(tmp_path / "home", smarthost=HostPort("127.0.0.1", mta.back_port))
        app.write(lambda connection: populate(connection, app))
        with Daemon(tmp_path / "home") as daemon:
            way_out = f"elsewhere.example smtp:[127.0.0.1]:{elsewhere.address[1]}\n"
            mta.start(daemon.lmtp, way_out)
            yield World(app, daemon, mta)
            daemon.stop()
        app.close()


def populate(connection: Any, app: App) -> None:
    now = app.clock()
    queue = queues.everyone(connection)[0]
    sue = people.register(connection, normalise_address(READER), "Sue Reader", now)
    queues.subscribe(connection, queue.id, sue.id, Delivery.ALL, now)
    centers.create(connection, "Operations", normalise_address(CENTER), Wants.OPENINGS, now)


def ask(world: World, *recipients: str, subject: str = "Jobs fail") -> int:
    return world.postfix.swaks(
        "--from", ASKER, "--to", ",".join(recipients), "--header", f"Subject: {subject}", "--body", "Why?"
    ).returncode


def test_two_recipients_of_ours_are_one_ticket_and_nothing_is_deferred(world: World) -> None:
    assert ask(world, LIST, "osg-general+topic.grid@lists.example.org") == 0
    wait_until(lambda: world.postfix.mails_of(READER), 15)
    wait_until(world.is_settled, 15)
    [ticket] = world.tickets()
    assert len(ticket["posts"]) == 1
    [copy] = world.postfix.mails_of(READER)
    # RFC 2033 4.2: both were answered, so Postfix has no reason to send again.
    log = world.postfix.log()
    assert "nrcpt=2" in log
    answers = re.findall(r"to=<osg-general.*status=sent \(250 2\.6\.0 (\w+) accepted\)", log)
    assert (len(answers), len(set(answers))) == (2, 1)
    trouble = re.compile(r"status=(?:deferred|bounced)|lost connection with|warning:|fatal:|sent more than")
    assert [line for line in log.splitlines() if trouble.search(line)] == []
    assert b"Subject: Jobs fail\n" in copy
    assert b"List-Unsubscribe: <mailto:osg-general+unsubscribe." in copy


def test_a_mail_goes_round_and_its_answer_finds_the_ticket(world: World) -> None:
    world.app.write(
        lambda c: queues.subscribe(
            c,
            queues.everyone(c)[0].id,
            people.register(c, normalise_address("bo@people.example"), "Bo", world.app.clock()).id,
            Delivery.NEW,
            world.app.clock(),
        )
    )
    assert ask(world, LIST) == 0
    wait_until(lambda: world.postfix.mails_of(READER), 15)
    answer = world.postfix.swaks(
        *("--from", READER, "--to", "osg-general+1@lists.example.org"),
        *("--header", "Subject: Re: [OSG #1] Jobs fail", "--body", "The disk was full."),
    )
    assert answer.returncode == 0
    wait_until(lambda: world.postfix.mails_of(ASKER), 15)
    [copy] = world.postfix.mails_of(ASKER)
    assert b'Reply-To: "OSG ticket 1" <osg-general+1.' in copy
    assert copy.startswith(b"Return-Path: <osg-general-bounces+")
    [ticket] = world.tickets()
    assert [post["new_text"].strip() for post in ticket["posts"]] == ["Why?", "The disk was full."]
    assert (ticket["status"], ticket["nosy"]) == ("open", [ASKER, READER])


def test_our_trouble_is_a_451_and_the_retry_becomes_one_post(world: World) -> None:
    home = world.app.instance.home
    with closing(sqlite3.connect(home / "mailgate.db", isolation_level=None)) as database:
        database.execute(
            "create trigger trouble before insert on inbound begin select raise(abort, 'no luck'); end"
        )
        assert ask(world, LIST, "osg-general+topic.grid@lists.example.org") == 0
        wait_until(lambda: "status=deferred" in world.postfix.log(), 15)
        assert world.tickets() == []
        database.execute("drop trigger trouble")
    wait_until(world.tickets, 60)
    wait_until(world.is_settled, 20)
    [ticket] = world.tickets()
    assert len(ticket["posts"]) == 1
    log = world.postfix.log()
    deferred = next(line for line in log.splitlines() if "status=deferred" in line)
    assert "451 4.3.0" in deferred
    assert "no luck" not in log
    assert log.count("status=sent (250 2.6.0") == 2


def test_while_we_are_down_postfix_keeps_the_mail(world: World) -> None:
    world.daemon.stop()
    assert ask(world, LIST) == 0
    wait_until(lambda: "status=deferred" in world.postfix.log(), 15)
    assert json.loads(world.postfix.queue().splitlines()[0])["recipients"][0]["address"] == LIST
    # The daemon takes other free ports; a site's are fixed.
    (world.app.instance.home / "mailgate.toml").write_text(
        f'smtp.listen = ""\nlmtp.listen = "{world.daemon.ready["lmtp"]}"\n'
        f'outgoing.smarthost = "127.0.0.1:{world.postfix.back_port}"\n'
    )
    world.daemon = Daemon(world.app.instance.home)
    try:
        world.postfix.flush()
        wait_until(lambda: world.postfix.mails_of(READER), 20)
        assert len(world.tickets()) == 1
    finally:
        world.daemon.kill()


def test_postfix_refuses_what_is_none_of_our_addresses(world: World) -> None:
    names = ("osg-special", "osg-general-nonsense", "osg-general.1", "xosg-general", "osg-generalx", "root")
    addresses = [f"{name}@lists.example.org" for name in names]
    for address in addresses:
        refused = world.postfix.swaks("--from", ASKER, "--to", address)
        assert (refused.returncode, "550 5.1.1" in refused.stdout) == (24, True), refused.stdout
    # The list in config/postfix/recipients and ours say the same.
    assert set(answers_to_rcpt(world.daemon.smtp[1], addresses).values()) == {550}


def answers_to_rcpt(port: int, addresses: list[str]) -> dict[str, int]:
    with smtplib.SMTP("127.0.0.1", port) as session:
        session.ehlo()
        session.mail(ASKER)
        return {address: session.rcpt(address)[0] for address in addresses}


def test_postfix_lets_all_our_addresses_in(world: World) -> None:
    words = ("-owner", "-request", "-subscribe", "-unsubscribe", "-bounces", "+1", "+1.done", "+private")
    addresses = [LIST, "postmaster@lists.example.org"]
    addresses += [f"osg-general{word}@lists.example.org" for word in words]
    for port in (world.postfix.port, world.daemon.smtp[1]):
        assert set(answers_to_rcpt(port, addresses).values()) == {250}


def test_a_bounce_that_postfix_writes_is_booked_on_its_delivery(world: World) -> None:
    def subscribe(connection: Any) -> None:
        gone = people.register(connection, normalise_address(GONE), "Gone", world.app.clock())
        queue = queues.everyone(connection)[0]
        queues.subscribe(connection, queue.id, gone.id, Delivery.ALL, world.app.clock())

    world.app.write(subscribe)
    assert ask(world, LIST) == 0

    def states() -> dict[str, str]:
        with closing(sqlite3.connect(world.app.instance.home / "mailgate.db")) as database:
            return dict(database.execute("select address, state from delivery"))

    wait_until(lambda: states().get(GONE) == "bounced", 20)
    wait_until(world.is_settled, 15)
    assert states()[READER] == "sent"
    # It is kept with the ticket, and nobody is told.
    [ticket] = world.tickets()
    assert [post["disposition"] for post in ticket["posts"]] == ["post", "bounce"]
    assert len(world.postfix.mails_of(READER)) == 1


def test_the_how_to_shows_the_files_as_they_are() -> None:
    text = (HOWTO.parents[1] / "docs/howto/postfix.md").read_text()
    for path in sorted(HOWTO.iterdir()):
        assert f"config/postfix/{path.name}" in text
        assert path.read_text() in text


def test_spf_is_asked_about_the_client_that_postfix_tells_of(tmp_path: Path) -> None:
    """XFORWARD by LMTP: who may send for a domain is believed, who may not is refused where it says so."""
    records = {
        "good.example": "v=spf1 ip4:192.0.2.7 -all",
        "_dmarc.good.example": "v=DMARC1; p=reject",
    }
    with DnsServer(records) as dns, postfix(ASKER) as mta:
        extra = (
            f'auth = "on"\ndns.servers = ["{dns.address}"]\n'
            'trust.xforward_networks = ["127.0.0.0/8"]\nweb.listen = ""'
        )
        app = new_instance(tmp_path / "home", smarthost=HostPort("127.0.0.1", mta.back_port), extra=extra)
        with Daemon(tmp_path / "home") as daemon:
            mta.start(daemon.lmtp)

            def send(client: str, subject: str) -> None:
                done = mta.swaks(
                    *("--from", "ann@good.example", "--to", LIST, "--header", f"Subject: {subject}"),
                    *("--xclient-addr", client, "--xclient-helo", "mx.good.example", "--body", "Hello."),
                )
                assert done.returncode == 0, done.stdout

            send("192.0.2.7", "Honest")
            send("203.0.113.66", "Forged")
            wait_until(lambda: "5.7.26" in mta.log(), 20)
            wait_until(lambda: app.read(inbound.counts).get("done", 0) == 1, 20)
            (entry,) = app.read(lambda connection: inbound.entries(connection, (inbound.State.DONE,)))
            mail = app.read(lambda connection: inbound.get(connection, entry.id))
            assert mail is not None
            assert mail.envelope.client.address == "192.0.2.7"
            assert mail.envelope.client.connected.startswith("127.")
            assert mail.authentication is not None
            assert mail.authentication.why == "sent by a server of good.example (SPF)"
            assert b"Authentication-Results: lists.example.org;\r\n\tspf=pass" in mail.raw
            assert b"\r\nReceived: from [127.0.0.1] ([127.0.0.1])\r\n\tby lists.example.org" in mail.raw
            daemon.stop()
        app.close()
