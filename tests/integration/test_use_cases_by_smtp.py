"""The four use cases of the proposal with a daemon, SMTP and a Maildir: every hop in the history."""

from __future__ import annotations

import email
import email.policy
import json
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.support.daemon import LIST, Daemon, mailgate, new_instance
from tests.support.mailclients import outgoing_mails
from tests.support.shared import shared_folder
from tests.support.waiting import wait_until

REGISTRY = shared_folder() / "data" / "registry"
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not REGISTRY.is_dir(), reason="needs ../shared or MAILGATE_SHARED"),
]

USCMS, OPERATIONS, VDT = "uscms@sc.example.net", "osg-operations@sc.example.net", "vdt@sc.example.net"
STAFF = {"USCMS": "ulla@uscms.example", "OSG Operations": "otto@goc.example", "VDT": "vera@vdt.example"}
ASCC = "ascc-admin@contacts.example.net"
UNA, SAM, HELPER = "una@cern.example", "sam@tinycollege.example", "helper@list.example"


@dataclass
class World:
    """The whole registry and the proposal's own world, served."""

    home: Path
    door: tuple[str, int]
    sent: int = 0

    def send(self, sender: str, subject: str, text: str, to: str = LIST, fields: str = "") -> None:
        self.sent += 1
        head = f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{self.sent}@x.example>\r\n"
        with smtplib.SMTP(*self.door) as session:
            body = text.replace("\n", "\r\n")
            session.sendmail(sender, [to], f"{head}{fields}\r\n{body}\r\n".encode())

    def reply(self, sender: str, copy: EmailMessage, text: str) -> None:
        """Answer a ticket copy, as a mail client does."""
        subject, parent = str(copy["Subject"]).removeprefix("Re: "), copy["Message-ID"]
        fields = (
            f"In-Reply-To: {parent}\r\nReferences: {' '.join(str(copy['References']).split())} {parent}\r\n"
        )
        self.send(sender, f"Re: {subject}", text, copy["Reply-To"].addresses[0].addr_spec, fields)

    def copy_to(self, address: str, text: str) -> EmailMessage:
        """The copy that somebody got of what was said."""
        wait_until(lambda: self._copies(address, text), 20)
        return self._copies(address, text)[0]

    def _copies(self, address: str, text: str) -> list[EmailMessage]:
        files = outgoing_mails(self.home / "outgoing", address)
        mails = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]
        return [mail for mail in mails if isinstance(mail, EmailMessage) and text in str(mail.get_content())]

    def hops(self, number: int) -> list[str]:
        ticket = json.loads(mailgate(self.home, "export", "--ticket", str(number)))
        kinds = ("center_added", "contact_added")
        return [event["after"] for event in ticket["history"] if event["kind"] in kinds]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("world") / "home"
    new_instance(home).close()
    for source in (REGISTRY, REGISTRY / "overlay_2005.json"):
        mailgate(home, "registry", "import", str(source))
    for center, person in STAFF.items():
        mailgate(home, "centers", "set", center, "--add-member", person)
    mailgate(home, "lists", "subscribe", "osg-general", HELPER)
    with Daemon(home) as daemon:
        yield World(home, daemon.smtp)
        daemon.stop()


def test_a_compute_element_goes_from_the_vo_by_operations_to_its_contact(world: World) -> None:
    world.send(UNA, "CE in MonALISA", "I am a USCMS user. MonALISA shows what GridCat does not know.")
    world.reply(STAFF["USCMS"], world.copy_to(USCMS, "MonALISA shows"), "!center OSG Operations\nNot ours.")
    asked = world.copy_to(OPERATIONS, "MonALISA shows")
    world.reply(STAFF["OSG Operations"], asked, "!center ASCC\nPlease register your gatekeeper.")
    world.reply(ASCC, world.copy_to(ASCC, "MonALISA shows"), "Registered now.")
    number = int(str(world.copy_to(UNA, "Registered now.")["X-Mailgate-Ticket"]))
    world.copy_to(STAFF["USCMS"], "Registered now.")
    assert world.hops(number) == ["USCMS", "OSG Operations", ASCC]


def test_who_installs_is_helped_by_the_community(world: World) -> None:
    world.send(
        SAM, "Installation fails", "I install from the OSG software cache and it fails. What is wrong?"
    )
    asked = world.copy_to(HELPER, "it fails. What")
    fields = f"In-Reply-To: {asked['Message-ID']}\r\n"
    world.send(HELPER, "Re: Installation fails", "Set PACMAN first.", LIST, fields)
    number = int(str(world.copy_to(SAM, "Set PACMAN first.")["X-Mailgate-Ticket"]))
    assert world.hops(number) == []


def test_a_bug_goes_to_the_center_of_its_component(world: World) -> None:
    world.send(SAM, "Bug in VDT", "I found a bug in VDT 1.3.6: setup crashes when PATH is empty.")
    world.copy_to(HELPER, "setup crashes")
    world.reply(STAFF["VDT"], world.copy_to(VDT, "setup crashes"), "!claim\nFixed in 1.3.7.")
    number = int(str(world.copy_to(SAM, "Fixed in 1.3.7.")["X-Mailgate-Ticket"]))
    assert world.hops(number) == ["VDT"]


def test_a_contact_who_asks_for_a_vo_gets_its_center_and_not_his_own_mail(world: World) -> None:
    contact = "smallu-admin@contacts.example.net"
    world.send(contact, "USCMS jobs fail", "USCMS jobs fail at osg.smallu.example.net since Monday.")
    world.reply(STAFF["USCMS"], world.copy_to(USCMS, "since Monday"), "We see it, too.")
    number = int(str(world.copy_to(contact, "We see it, too.")["X-Mailgate-Ticket"]))
    assert world.hops(number) == ["USCMS"]
