"""An instance in which nothing is left to chance: its clock, key and nonces are fixed, its mail is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, update

from mailgate import introductions
from mailgate.admission import received_field, with_id
from mailgate.app import App
from mailgate.courier import Copy
from mailgate.deliver import Deliverer, Patience
from mailgate.envelope import Client, Envelope
from mailgate.gateway import Conditions
from mailgate.inbound import InboundId, Mail, accept
from mailgate.instance import load_instance
from mailgate.setup import Wishes, initialise
from mailgate.verdict import Verdict
from routing import rules as rule_text
from routing import store as rule_store
from tests.support.community import LIST, Postbag
from tracker.model import Delivery, Trust, Wants
from tracker.people import normalise_address
from tracker.storage import centers, people, queues
from tracker.storage import tables as t

MORNING = datetime(2026, 11, 22, 9, 49, tzinfo=UTC)
RULES = """
[[rule]]
name = "uc-hosts"
phase = "route"
when = 'body:uchicago'
then = ['center+=UC-ATLAS']

[[rule]]
name = "small-college"
phase = "route"
when = 'body:smallc'
then = ['cc+=cy@smallc.example']
"""


class House:
    """Takes mail in, and shows what goes out to whom."""

    def __init__(self, app: App, courier: Postbag) -> None:
        self.app = app
        self.now = MORNING
        self._courier = courier
        self._mails = 0
        app.clock = lambda: self.now

    def take_in(self, raw: bytes, *recipients: str, trust: Trust = Trust.UNCHECKED) -> Verdict:
        """Do all that follows from a mail but telling of it; a minute passes."""
        content = raw.replace(b"\n", b"\r\n")
        self._mails += 1
        uid = f"mail{self._mails:08}"
        client = Client("192.0.2.17", "mx.uni-north.example", "ESMTP", "session1")
        envelope = Envelope(client, "author@bounces.example", recipients or (LIST,))
        trace = received_field(envelope, "lists.example.org", uid, self.now)
        mail = Mail(InboundId(0), uid, envelope, trace + content, self.now, trust)

        def work(connection: Connection) -> Verdict:
            known = with_id(mail, accept(connection, mail, self.now))
            reading = self.app.read_mail(known, queues.everyone(connection))
            return self.app.gateway.receive(connection, reading, Conditions(self.now))

        verdict = self.app.write(work)
        self.app.write(lambda c: c.execute(update(t.ticket).values(nonce="noncesix")))
        self.now += timedelta(minutes=1)
        return verdict

    def sent(self) -> dict[str, Copy]:
        """What leaves now, by recipient; nobody gets two."""
        already = len(self._courier.copies)
        for advance in (self.app.notifier.advance, self.app.notifier.advance_changes):
            while self.app.write(lambda c, step=advance: step(c, self.now)):  # type: ignore[misc]
                pass
        deliverer = Deliverer(
            self.app.database,
            self.app.composer,
            [self._courier],
            Patience(timedelta(minutes=1), timedelta(days=5)),
            self.app.clock,
        )
        while deliverer.run_once(self.app.write_at_once):
            pass
        copies = self._courier.copies[already:]
        found = {copy.recipient: copy for copy in copies}
        assert len(found) == len(copies), [copy.recipient for copy in copies]
        return found


@contextmanager
def fixed_house(home: Path) -> Iterator[House]:
    """The list osg-general with a subscriber, Sue, and the support center UC-ATLAS with Joe in it."""
    home.mkdir()
    (home / "secret.key").write_text("07" * 32 + "\n")
    initialise(Wishes(home, LIST, "OSG"), lambda: MORNING)
    app = App.open(load_instance(home), lambda: MORNING)
    try:
        app.write(_people)
        yield House(app, Postbag())
    finally:
        app.close()


def _people(connection: Connection) -> None:
    queue = queues.everyone(connection)[0]
    sue = people.register(connection, normalise_address("sue@people.example"), "Sue Reader", MORNING)
    people.set_member(connection, sue.id, member=True)
    queues.subscribe(connection, queue.id, sue.id, Delivery.ALL, MORNING)
    address = normalise_address("uc-support@centers.example")
    center = centers.create(connection, "UC-ATLAS", address, Wants.OPENINGS, MORNING)
    introductions.introduce(connection, [address], MORNING)
    joe = people.register(connection, normalise_address("joe@people.example"), "Joe Ops", MORNING)
    people.set_member(connection, joe.id, member=True)
    centers.add_member(connection, center.id, joe.id)
    change = rule_store.Change("the test", "one rule", MORNING)
    rule_store.put_in_force(connection, rule_text.parse_rules(RULES), change)
