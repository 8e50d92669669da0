"""The ways out and the confirm links of real mails, pressed over HTTP; a scanner changes nothing."""

from __future__ import annotations

import email
import email.policy
import http.client
import re
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import Connection

from mailgate.app import App
from mailgate.settings import HostPort
from routing import rules as rule_text
from routing import store as rule_store
from tests.support.certificates import self_signed
from tests.support.daemon import LIST, Daemon, new_instance
from tests.support.sink import Sink
from tests.support.waiting import wait_until
from tracker.model import Delivery, TicketId, Wants
from tracker.people import normalise_address
from tracker.storage import centers, people, queues
from tracker.storage import tickets as store

pytestmark = pytest.mark.integration

BASE = "https://tickets.example.org"
ONE_CLICK = b"List-Unsubscribe=One-Click"
URLENCODED = "application/x-www-form-urlencoded"
SUE, JANE, BEN = "sue@people.example", "jane@people.example", "ben@people.example"
SUPPORT, CONTACT = "support@cms.example", "cy@smallc.example"
RULES = """
[[rule]]
name = "cms"
phase = "route"
when = 'body:cms'
then = ['center+=USCMS', 'cc+=cy@smallc.example']
"""


@dataclass
class House:
    """A daemon that serves the web, and the sink of its mail."""

    app: App
    daemon: Daemon
    sink: Sink

    def post(self, sender: str, subject: str, text: str, to: str = LIST) -> None:
        raw = f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\n{text}\r\n".encode()
        with smtplib.SMTP(*self.daemon.smtp) as session:
            session.sendmail(sender, [to], raw)

    def mail_to(self, address: str, number: int = 1) -> EmailMessage:
        wait_until(lambda: len(self._mails(address)) >= number, 20)
        message = email.message_from_bytes(self._mails(address)[number - 1], policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message

    def _mails(self, address: str) -> list[bytes]:
        return [one.content for one in self.sink.mails if one.recipients == (address,)]

    def ask(
        self, method: str, url: str, body: bytes = b"", kind: str = URLENCODED
    ) -> tuple[int, str, dict[str, str]]:
        """Status, body and header of the answer at that place of the daemon that a proxy would ask."""
        assert url.startswith(BASE)
        host, _, port = str(self.daemon.ready["http"]).rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        connection.request(method, url[len(BASE) :], body or None, {"Content-Type": kind} if body else {})
        answer = connection.getresponse()
        text = answer.read().decode()
        header = {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        return answer.status, text, header

    def members(self) -> list[str]:
        queue = self.app.queues()[0]
        return [one.person.address for one in self.app.read(lambda c: queues.subscribers(c, queue.id))]

    def nosy(self, number: int) -> dict[str, str]:
        found = self.app.read(lambda c: store.memberships(c, (TicketId(number),)))
        return {one.person.address: one.state.value for one in found}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Sink() as sink:
        web = f'web.listen = "127.0.0.1:0"\nweb.url = "{BASE}"'
        app = new_instance(tmp_path / "home", smarthost=HostPort(*sink.address), extra=web)

        def settle(connection: Connection) -> None:
            now = app.clock()
            sue = people.register(connection, normalise_address(SUE), "", now)
            queue = queues.everyone(connection)[0]
            queues.subscribe(connection, queue.id, sue.id, Delivery.ALL, now)
            center = centers.create(connection, "USCMS", normalise_address(SUPPORT), Wants.ALL, now)
            ned = people.register(connection, normalise_address("ned@cms.example"), "", now)
            centers.add_member(connection, center.id, ned.id)
            change = rule_store.Change("test", "for this test", now)
            rule_store.put_in_force(connection, rule_text.parse_rules(RULES), change)

        app.write(settle)
        with Daemon(tmp_path / "home") as daemon:
            yield House(app, daemon, sink)
            daemon.stop()
        app.close()


def one_click(message: EmailMessage) -> str:
    """The HTTPS link of the pair of fields (RFC 8058 3.1)."""
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (field,) = message.get_all("List-Unsubscribe", [])
    links = [
        link for link in re.findall(r"<([^<>]+)>", re.sub(r"\s", "", field)) if link.startswith("https:")
    ]
    assert len(links) == 1
    return str(links[0])


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (ONE_CLICK, URLENCODED),
        (
            b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
    ],
)
def test_one_click_leaves_at_once_without_cookie_or_redirect(house: House, body: bytes, kind: str) -> None:
    house.post(JANE, "Disk", "full")
    link = one_click(house.mail_to(SUE))
    status, _, header = house.ask("POST", link, body, kind)
    assert status == 200
    assert not {"location", "set-cookie"} & set(header)
    assert house.members() == []
    assert house.ask("POST", link, body, kind)[0] == 200, "twice is as once"


def test_a_scanner_changes_nothing(house: House) -> None:
    house.post(JANE, "Disk", "full")
    link = one_click(house.mail_to(SUE))
    for method, body in (("GET", b""), ("HEAD", b""), ("POST", b""), ("POST", b"a=b"), ("PUT", ONE_CLICK)):
        house.ask(method, link, body)
    status, page, _ = house.ask("GET", link)
    assert (status, house.members()) == (200, [SUE])
    assert "<button>" in page
    assert 'name="List-Unsubscribe" value="One-Click"' in page


def test_a_link_with_one_letter_changed_is_as_one_that_never_was(house: House) -> None:
    house.post(JANE, "Disk", "full")
    link = one_click(house.mail_to(SUE))
    other = link[:-1] + ("a" if link[-1] != "a" else "b")
    strange = f"{BASE}/leave/osg-general/bGlzdCAwIHg/aaaaaaaaaaaaaaaa"
    answers = {house.ask("POST", one, ONE_CLICK)[:2] for one in (other, strange, f"{BASE}/nothing")}
    assert len(answers) == 1
    assert answers.pop()[0] == 404
    assert house.members() == [SUE]


def test_what_one_click_leaves_depends_on_why_the_mail_came(house: House) -> None:
    house.post(JANE, "Jobs fail", "cms jobs fail")
    for address in (SUPPORT, CONTACT):
        assert house.ask("POST", one_click(house.mail_to(address)), ONE_CLICK)[0] == 200
    assert "get no more of ticket 1" in " ".join(str(house.mail_to("ned@cms.example").get_content()).split())
    house.post(BEN, "Re: Jobs fail", "mine too", "osg-general+1@lists.example.org")
    assert house.ask("POST", one_click(house.mail_to(JANE)), ONE_CLICK)[0] == 200
    assert house.nosy(1)[JANE] == "left"
    house.post(BEN, "Re: Jobs fail", "still", "osg-general+1@lists.example.org")
    house.post(BEN, "More", "cms jobs fail again")
    wait_until(lambda: len(house._mails(SUE)) == 4, 20)
    wait_until(lambda: len(house._mails(SUPPORT)) == 2, 20)
    assert [len(house._mails(one)) for one in (JANE, SUPPORT, CONTACT)] == [1, 2, 1]


def test_a_subscription_is_confirmed_by_the_button_only(house: House) -> None:
    house.post("new@x.example", "subscribe", "", "osg-general-subscribe@lists.example.org")
    text = str(house.mail_to("new@x.example").get_content())
    link = re.search(r"https://\S+", text)
    assert link is not None
    status, page, _ = house.ask("GET", link[0])
    assert (status, house.members()) == (200, [SUE])
    assert "<button>" in page
    status, page, header = house.ask("POST", link[0], b"confirm=yes")
    assert status == 200
    assert "location" not in header
    assert "Welcome to osg-general@lists.example.org" in page
    assert sorted(house.members()) == ["new@x.example", SUE]


def test_archived_at_is_the_page_of_that_very_post(house: House) -> None:
    house.post(JANE, "Disk <b>full</b>", "Mail jane.doe@people.example, or\r\n<script>alert(1)</script>")
    copy = house.mail_to(SUE)
    url = copy["Archived-At"].strip("<>")
    status, page, header = house.ask("GET", url)
    assert status == 200
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "jane.doe@" not in page
    assert header["content-security-policy"].startswith("default-src 'none'")
    assert house.ask("GET", copy["List-Archive"].strip("<>"))[0] == 200


def test_a_private_ticket_is_as_one_that_never_was(house: House) -> None:
    house.post(JANE, "Leak", "cms secret", "osg-general+private@lists.example.org")
    assert house.mail_to(SUPPORT)["Archived-At"] is None
    answers = {house.ask("GET", f"{BASE}{path}")[:2] for path in ("/t/1", "/t/1/1", "/t/99", "/t/99/1")}
    assert len(answers) == 1


def test_with_a_certificate_of_its_own_it_speaks_tls(tmp_path: Path) -> None:
    both = self_signed(tmp_path)
    files = f'web.tls_certificate_file = "{both}"\nweb.tls_key_file = "{both}"'
    web = f'web.listen = "127.0.0.1:0"\nweb.url = "{BASE}"\n{files}'
    new_instance(tmp_path / "home", extra=web).close()
    with Daemon(tmp_path / "home") as daemon:
        host, _, port = str(daemon.ready["http"]).rpartition(":")
        context = ssl.create_default_context(cafile=str(both))
        connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=20)
        connection.request("GET", "/t/1")
        assert connection.getresponse().status == 404
        connection.close()
        daemon.stop()
