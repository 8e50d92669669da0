"""Held mail decided over HTTP: in its moderator's browser alone, whoever else has the link."""

from __future__ import annotations

import email
import email.policy
import http.client
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Connection

from mailgate import inbound
from mailgate.app import App
from mailgate.explaining import envelope_for, inject
from mailgate.inbound import State
from mailgate.settings import HostPort
from routing import rules as rule_text
from routing import store as rule_store
from tests.support.daemon import LIST, Daemon, new_instance
from tests.support.sink import Sink
from tests.support.waiting import wait_until
from tracker.model import Trust
from tracker.people import normalise_address
from tracker.storage import people, queues, roles

pytestmark = pytest.mark.integration

BASE = "https://tickets.example.org"
MO, EVE = "mo@mod.example", "eve@evil.example"
RULES = '[[rule]]\nname = "pills"\nphase = "guard"\nwhen = "pills"\nthen = ["hold \\"pills\\""]\n'


@dataclass
class House:
    """A daemon that serves the web, three held mails, and the sink of what its moderator is sent."""

    app: App
    daemon: Daemon
    sink: Sink
    uids: list[str]

    def mails(self, subject: str) -> list[str]:
        found = []
        for one in self.sink.mails:
            message = email.message_from_bytes(one.content, policy=email.policy.default)
            if one.recipients == (MO,) and subject in message["Subject"]:
                found.append(str(message.get_content()))  # type: ignore[attr-defined]
        return found

    def link(self, number: int) -> str:
        """The link to one of the held mails."""
        wait_until(lambda: bool(self.mails("held for")), 30)
        links: list[str] = re.findall(rf"{BASE}(/hold/\S+)", self.mails("held for")[0])
        return links[number]

    def ask(self, method: str, path: str, body: str = "", cookie: str = "") -> tuple[int, str, str]:
        """Status and page, and the cookie that was set."""
        host, _, port = str(self.daemon.ready["http"]).rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        header = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        connection.request(method, path, body or None, header | ({"Cookie": cookie} if cookie else {}))
        answer = connection.getresponse()
        page = answer.read().decode()
        found = answer.getheader("Set-Cookie") or ""
        connection.close()
        return answer.status, page, found

    def state(self, number: int) -> State:
        entry = self.app.read(lambda connection: inbound.find(connection, self.uids[number]))
        assert entry is not None
        return entry.state

    def log_in(self, number: int = 0) -> str:
        """Have the moderator's browser made known; its cookie."""
        before = len(self.mails("from this browser"))
        self.ask("POST", self.link(number))
        wait_until(lambda: len(self.mails("from this browser")) > before, 20)
        (login,) = re.findall(rf"{BASE}(/login/\S+)", self.mails("from this browser")[-1])
        _, page, cookie = self.ask("GET", login)
        assert (cookie, "Yes, this is my browser" in page) == ("", True)
        _, _, cookie = self.ask("POST", login, "confirm=yes")
        assert {"HttpOnly", "SameSite=strict", "Secure"} <= set(cookie.split("; "))
        return cookie.partition(";")[0]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Sink() as sink:
        extra = f'web.listen = "127.0.0.1:0"\nweb.url = "{BASE}"'
        app = new_instance(tmp_path / "home", smarthost=HostPort(*sink.address), extra=extra)

        def settle(connection: Connection) -> None:
            person = people.register(connection, normalise_address(MO), "Mo", app.clock())
            roles.make_moderator(connection, person.id, queues.find(connection, LIST).id)
            change = rule_store.Change("test", "test", app.clock())
            rule_store.put_in_force(connection, rule_text.parse_rules(RULES), change)

        app.write(settle)
        uids = []
        for number in range(3):
            raw = (
                f"From: {EVE}\r\nTo: {LIST}\r\nSubject: Offer {number} <b>\r\n"
                f"Message-ID: <{number}@evil.example>\r\n\r\nCheap pills <script>alert(1)</script>\r\n"
            ).encode()
            uids.append(inject(app, "-", envelope_for(app, raw, "", ()), raw, Trust.UNCHECKED)["inbound"])
        with Daemon(tmp_path / "home") as daemon:
            yield House(app, daemon, sink, uids)
            daemon.stop()
        app.close()


def test_a_moderator_decides_in_a_browser_that_is_known(house: House) -> None:
    cookie = house.log_in()
    status, page, _ = house.ask("GET", house.link(0), cookie=cookie)
    assert (status, house.state(0)) == (200, State.HELD)
    assert "Cheap pills &lt;script&gt;" in page
    assert "<script>" not in page
    _, page, _ = house.ask("POST", house.link(0), "act=approve", cookie)
    assert "It is let in." in page
    wait_until(lambda: house.state(0) is State.DONE, 20)
    _, page, _ = house.ask("POST", house.link(0), "act=reject", cookie)
    assert "It was let in by Mo before." in page
    _, page, _ = house.ask("POST", house.link(1), "act=ban", cookie)
    assert f"{EVE} is banned" in page
    assert house.state(1) is State.DROPPED


def test_a_scanner_or_who_was_forwarded_the_link_does_nothing(house: House) -> None:
    for method, body in (("GET", ""), ("HEAD", ""), ("POST", "act=approve"), ("POST", "")):
        status, page, cookie = house.ask(method, house.link(0), body)
        assert status in (200, 403)
        assert "pills" not in page
        assert cookie == ""
    assert house.state(0) is State.HELD
    # And however often they press it, its moderator gets one mail in ten minutes.
    for _ in range(5):
        house.ask("POST", house.link(0), "act=approve")
    wait_until(lambda: len(house.mails("from this browser")) == 1, 20)


def test_what_is_changed_in_link_or_cookie_is_none(house: House) -> None:
    cookie = house.log_in()
    link = house.link(0)
    for broken in (link[:-1] + ("a" if link[-1] != "a" else "b"), link.replace("/hold/", "/hold/x")):
        assert house.ask("POST", broken, "act=approve", cookie)[0] == 404
    parts, others = link.split("/"), house.link(1).split("/")
    mixed = "/".join([*parts[:-1], others[-1]])
    assert house.ask("POST", mixed, "act=approve", cookie)[0] == 404
    until, _, token = cookie.partition("=")[2].partition(".")
    for forged in (
        f"mailgate={int(until) + 9}.{token}",
        f"mailgate={until}.{'a' * 16}",
        "mailgate=1.a",
        "x=y",
    ):
        house.ask("POST", link, "act=approve", forged)
    assert house.state(0) is State.HELD


def test_who_moderates_no_more_has_a_link_to_nowhere(house: House) -> None:
    cookie = house.log_in()
    house.app.write(lambda c: roles.take(c, people.find(c, normalise_address(MO)).id))
    assert house.ask("POST", house.link(0), "act=approve", cookie)[0] == 404
    assert house.state(0) is State.HELD
