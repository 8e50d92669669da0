"""Real mail clients answer our mails: what they write lands in its ticket, and only what is new is told."""

from __future__ import annotations

import email
import email.message
import json
import smtplib
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from mailgate import deliveries
from mailgate.app import App
from mailgate.exporting import ticket_json
from routing import rules as rule_text
from routing import store as rule_store
from tests.support.daemon import LIST, Daemon, new_instance
from tests.support.mailclients import Person, missing, outgoing_mails
from tests.support.waiting import wait_until
from tracker.model import Delivery, TicketId, Wants
from tracker.people import normalise_address
from tracker.storage import centers, people, queues
from tracker.storage import tickets as store

pytestmark = pytest.mark.integration

ASKER = "jane@people.example"
READER = "sue@people.example"
CENTER = "operations@centers.example"
QUESTION = f"""\
From: Jane Doe <{ASKER}>
To: {LIST}
Subject: Jobs fail at UC
Date: Sun, 22 Nov 2026 09:48:31 +0000
Message-ID: <question@people.example>

Every job ends with code 17.
What should I look at?
"""
RULES = """
[[rule]]
name = "operations"
phase = "route"
when = 'subject:UC'
then = ['center+=Operations']
"""
ANSWER = "The disk of the gatekeeper was full.\nPlease try again."

Answer = Callable[..., None]
CLIENTS = [
    pytest.param(
        Person.answer_with_neomutt,
        id="neomutt",
        marks=pytest.mark.skipif(
            missing("neomutt", "script", "msmtp") is not None,
            reason=str(missing("neomutt", "script", "msmtp")),
        ),
    ),
    pytest.param(
        Person.answer_with_s_nail,
        id="s-nail",
        marks=pytest.mark.skipif(
            missing("s-nail", "msmtp") is not None, reason=str(missing("s-nail", "msmtp"))
        ),
    ),
]


@dataclass
class World:
    """mailgate with its Maildir, and the two who read it: the center's staff and a subscriber."""

    app: App
    center: Person
    reader: Person

    @property
    def outgoing(self) -> Path:
        return self.app.instance.maildir

    def ticket(self) -> dict[str, Any]:
        """The ticket; there is one only, whatever was answered."""
        assert self.app.read(store.count) == 1
        return self.app.read(lambda connection: ticket_json(connection, TicketId(1)))

    def explain(self, message_id: str) -> dict[str, Any]:
        command = [
            str(Path(sys.executable).with_name("mailgate")),
            "explain",
            "--json",
            "--message-id",
            message_id,
        ]
        done = subprocess.run(
            [*command, "--home", str(self.app.instance.home)], capture_output=True, text=True, check=True
        )
        explained: dict[str, Any] = json.loads(done.stdout)
        return explained

    def mails_of(self, address: str) -> list[email.message.Message]:
        return [
            email.message_from_bytes(path.read_bytes()) for path in outgoing_mails(self.outgoing, address)
        ]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    app = new_instance(tmp_path / "home")
    app.write(lambda connection: populate(connection, app))
    with Daemon(tmp_path / "home") as daemon:
        center = Person(tmp_path / "center", "Olga Operator", CENTER, daemon.smtp)
        reader = Person(tmp_path / "reader", "Sue Reader", READER, daemon.smtp)
        send(daemon, QUESTION)
        made = World(app, center, reader)
        wait_until(lambda: len(outgoing_mails(made.outgoing)) == 2, 10)
        yield made
        daemon.stop()
    app.close()


def populate(connection: Connection, app: App) -> None:
    now = app.clock()
    queue = queues.everyone(connection)[0]
    sue = people.register(connection, normalise_address(READER), "Sue Reader", now)
    queues.subscribe(connection, queue.id, sue.id, Delivery.NEW, now)
    centers.create(connection, "Operations", normalise_address(CENTER), Wants.OPENINGS, now)
    change = rule_store.Change("the test", "one rule", now)
    rule_store.put_in_force(connection, rule_text.parse_rules(RULES), change)


def send(daemon: Daemon, mail: str) -> None:
    with smtplib.SMTP(*daemon.smtp) as session:
        session.sendmail(ASKER, [LIST], mail)


def answered(world: World, person: Person) -> dict[str, Any]:
    """The post that an answer became, when it is there."""
    wait_until(lambda: len(world.ticket()["posts"]) == 2, 10)
    post: dict[str, Any] = world.ticket()["posts"][1]
    assert post["author"] == person.address
    return post


@pytest.mark.parametrize("answer", CLIENTS)
@pytest.mark.parametrize("everybody", [False, True], ids=["reply", "reply-all"])
def test_an_answer_to_a_ticket_copy_lands_in_its_ticket(
    world: World, answer: Answer, everybody: bool
) -> None:
    world.center.fetch(world.outgoing)
    answer(world.center, ANSWER, everybody=everybody)
    post = answered(world, world.center)
    assert post["new_text"].strip() == ANSWER
    assert "> Every job ends with code 17." in post["text"]
    explained = world.explain(post["message_id"])
    assert explained["evidence"] == "token"
    written_to = [box["address"] for box in (*explained["reading"]["to"], *explained["reading"]["cc"])]
    # s-nail keeps to the Reply-To even when it answers all.
    both = everybody and answer is Person.answer_with_neomutt
    # The Reply-To is shown without its token, so both read alike.
    assert written_to.count("osg-general+1@lists.example.org") == 1 + both
    # The asker is told once, and of what is new only.
    wait_until(lambda: world.mails_of(ASKER), 10)
    [told] = world.mails_of(ASKER)
    shown = str(told.get_payload())
    assert f"wrote on ticket 1:\n\n{ANSWER}\n\n[" in shown
    assert "Every job ends" not in shown
    assert told["Subject"] == "Re: [OSG #1] Jobs fail at UC"
    assert told["Message-ID"] == post["message_id"]
    assert world.center.others_written_to() == []
    assert len(world.mails_of(CENTER)) == 1


@pytest.mark.parametrize("answer", CLIENTS)
def test_reply_all_to_a_list_copy_lands_in_its_ticket_and_doubles_nothing(
    world: World, answer: Answer
) -> None:
    world.reader.fetch(world.outgoing)
    answer(world.reader, ANSWER, everybody=True)
    post = answered(world, world.reader)
    assert post["new_text"].strip() == ANSWER
    assert world.explain(post["message_id"])["evidence"] == "reference"
    # The asker stood in To: that mail is theirs already.
    assert world.reader.others_written_to() == [ASKER]
    wait_until(lambda: world.app.read(deliveries.counts).get("waiting", 0) == 0, 10)
    assert world.mails_of(ASKER) == []
    assert world.ticket()["nosy"] == [ASKER, READER]


def ask(daemon_address: tuple[str, int], sender: str, to: str, text: str = "", subject: str = "") -> None:
    """A small mail of somebody, without a client."""
    raw = f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\n{text}\r\n"
    with smtplib.SMTP(*daemon_address) as session:
        session.sendmail(sender, [to], raw)


@pytest.mark.parametrize("answer", CLIENTS)
@pytest.mark.parametrize(
    ("verb", "says"),
    [("show", "Post 1, Jane Doe"), ("follow", "Post 1, Jane Doe"), ("claim", "you own ticket 1 now")],
)
def test_an_answer_to_what_a_verb_brought_lands_in_the_ticket_and_repeats_no_verb(
    world: World, answer: Answer, verb: str, says: str
) -> None:
    address = f"osg-general+1.{verb}@lists.example.org"
    ask(world.center.smtp, CENTER, address)
    wait_until(lambda: any(says in str(mail.get_payload()) for mail in world.mails_of(CENTER)), 10)
    # The latest lies last in the mailbox, and is the one that is answered.
    world.center.fetch(world.outgoing)
    events = [event["kind"] for event in world.ticket()["history"]]
    answer(world.center, ANSWER, everybody=True)
    post = answered(world, world.center)
    assert post["new_text"].strip() == ANSWER
    later = [event["kind"] for event in world.ticket()["history"]][len(events) :]
    assert set(later) <= {"posted", "joined", "status"}


@pytest.mark.parametrize("answer", CLIENTS)
def test_an_answer_to_a_confirm_mail_confirms(tmp_path: Path, answer: Answer) -> None:
    app = new_instance(tmp_path / "home")
    with Daemon(tmp_path / "home") as daemon:
        person = Person(tmp_path / "new", "Nora New", "nora@people.example", daemon.smtp)
        ask(daemon.smtp, person.address, "osg-general-subscribe@lists.example.org")
        wait_until(lambda: person.fetch(app.instance.maildir) == 1, 10)
        queue = app.queues()[0]
        assert app.read(lambda connection: queues.subscribers(connection, queue.id)) == ()
        answer(person, "Yes, it was me.")
        wait_until(lambda: len(app.read(lambda c: queues.subscribers(c, queue.id))) == 1, 10)
        wait_until(lambda: len(outgoing_mails(app.instance.maildir, person.address)) == 2, 10)
        daemon.stop()
    app.close()


@pytest.mark.parametrize("answer", CLIENTS)
def test_an_answer_to_a_latecomer_s_first_copy_lands_in_the_ticket(world: World, answer: Answer) -> None:
    late = "ben@people.example"
    person = Person(world.app.instance.home.parent / "late", "Ben Late", late, world.center.smtp)
    ask(world.center.smtp, late, "osg-general+1@lists.example.org", "Mine, too.", "Re: Jobs fail at UC")
    wait_until(lambda: len(world.ticket()["posts"]) == 2, 10)
    ask(world.center.smtp, ASKER, "osg-general+1@lists.example.org", "Since when?", "Re: Jobs fail at UC")
    wait_until(lambda: person.fetch(world.outgoing) == 1, 10)
    (copy,) = world.mails_of(late)
    assert "Every job ends with code 17." in str(copy.get_payload())
    answer(person, ANSWER)
    wait_until(lambda: len(world.ticket()["posts"]) == 4, 10)
    post = world.ticket()["posts"][3]
    assert (post["author"], post["new_text"].strip()) == (late, ANSWER)
    assert "before this" in post["text"], "what it answers is quoted whole"


@pytest.mark.parametrize("answer", CLIENTS)
def test_an_answer_to_a_plain_digest_goes_to_the_ticket_of_the_post_in_it(
    tmp_path: Path, answer: Answer
) -> None:
    app = new_instance(tmp_path / "home", extra='digests.every = "1s"')
    with Daemon(tmp_path / "home") as daemon:
        reader = Person(tmp_path / "reader", "Sue Reader", READER, daemon.smtp)

        def subscribe(connection: Connection) -> None:
            queue, now = queues.everyone(connection)[0], app.clock()
            sue = people.register(connection, normalise_address(READER), "", now)
            queues.subscribe(connection, queue.id, sue.id, Delivery.DIGEST, now)
            queues.set_plain_digest(connection, queue.id, sue.id, plain=True)

        app.write(subscribe)
        send(daemon, QUESTION)
        wait_until(lambda: reader.fetch(app.instance.maildir) == 1, 20)
        answer(reader, ANSWER)
        wait_until(lambda: app.read(store.newest) == 1 and len(_posts(app)) == 2, 10)
        assert [post["author"] for post in _posts(app)] == [ASKER, READER]
        daemon.stop()
    app.close()


def _posts(app: App) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = app.read(lambda connection: ticket_json(connection, TicketId(1)))["posts"]
    return found
