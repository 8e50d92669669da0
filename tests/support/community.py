"""A community in a temporary folder: a real instance, a clock that tests move, mail caught on its way out."""

from __future__ import annotations

import email
import email.message
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, select, update

from mailgate import pauses
from mailgate.addresses import exchange_address
from mailgate.app import App
from mailgate.courier import Copy, Outcome, Result
from mailgate.deliver import Deliverer, Patience
from mailgate.deliveries import State
from mailgate.errands import run_due
from mailgate.exchange import store as exchanges
from mailgate.explaining import envelope_for, inject
from mailgate.exporting import ticket_json
from mailgate.gateway import Conditions
from mailgate.inbound import find, get, requeue
from mailgate.instance import load_instance
from mailgate.pauses import Paused
from mailgate.scan import to_crlf
from mailgate.senders import ListServers
from mailgate.settings import Names
from mailgate.setup import Wishes, initialise
from mailgate.tables import delivery
from mailgate.verdict import Verdict
from routing import rules as rule_text
from routing import store as rule_store
from tracker import assign, repair, tickets, undo
from tracker.events import Actor, Kind
from tracker.model import CenterState, Delivery, Person, Status, Ticket, TicketId, Trust, Wants
from tracker.people import normalise_address
from tracker.storage import centers, journal, people, posts, queues
from tracker.storage import tables as t
from tracker.storage import tickets as store
from tracker.unit_of_work import UnitOfWork

T = TypeVar("T")

LIST = "osg-general@lists.example.org"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_OPERATOR = Actor(None, "operator")
_TRUSTS = {"": Trust.UNCHECKED, "aligned": Trust.ALIGNED, "none": Trust.NONE}


class Clock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


class Postbag:
    """The courier of a test: keeps every copy."""

    def __init__(self) -> None:
        self.copies: list[Copy] = []

    def send(self, copies: Sequence[Copy]) -> Iterator[Outcome]:
        for copy in copies:
            self.copies.append(copy)
            yield Outcome(copy.delivery, Result.SENT, "250 2.0.0 kept")

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Community:
    """People, lists and centers, and what mail does to them."""

    app: App
    clock: Clock
    bag: Postbag = field(default_factory=Postbag)

    def inject(
        self, raw: bytes, recipients: Sequence[str] = (), mail_from: str = "", trust: str = ""
    ) -> dict[str, Any]:
        """What `mailgate inject` prints of a mail; the copies it causes are in the bag afterwards."""
        content = to_crlf(raw)
        envelope = envelope_for(self.app, content, mail_from, tuple(recipients))
        result = inject(self.app, "-", envelope, content, _TRUSTS[trust])
        self.deliver()
        return result

    def believe(self, list_servers: Sequence[str]) -> None:
        """Take these list managers at their word, as the setting mail.list_servers does."""
        self.app.list_servers = ListServers(frozenset(list_servers))

    def close(self) -> None:
        self.app.close()

    def pass_time(self, **span: float) -> None:
        """Let time pass, and do what is due then: errands, notifying, delivering."""
        self.clock.pass_by(**span)
        run_due(self.app.errands, self.app.write, self.clock())
        self.notify()
        self.deliver()

    def notify(self) -> None:
        notifier = self.app.notifier
        while self.app.write(lambda connection: notifier.advance(connection, self.clock())):
            pass
        while self.app.write(lambda connection: notifier.advance_changes(connection, self.clock())):
            pass

    def deliver(self) -> None:
        deliverer = Deliverer(
            self.app.database,
            self.app.composer,
            [self.bag],
            Patience(timedelta(minutes=1), timedelta(days=5)),
            self.clock,
        )
        while deliverer.run_once(self.app.write_at_once):
            pass

    def approve(self, uid: str) -> Verdict:
        """Let a held mail in, as `mailgate hold approve` does."""

        def let_in(connection: Connection) -> Verdict:
            entry = find(connection, uid)
            assert entry is not None
            requeue(connection, entry.id, self.clock())
            mail = get(connection, entry.id)
            assert mail is not None
            reading = self.app.read_mail(mail, queues.everyone(connection))
            return self.app.gateway.receive(connection, reading, Conditions(self.clock(), released=True))

        verdict = self.app.write(let_in)
        while self.app.write(lambda connection: self.app.notifier.advance(connection, self.clock())):
            pass
        self.deliver()
        return verdict

    def subscribe(self, address: str, delivery: str = "all", to: str = LIST) -> None:
        def work(connection: Connection) -> None:
            person = self._member(connection, address)
            queue = queues.find(connection, to)
            queues.subscribe(connection, queue.id, person.id, Delivery(delivery), self.clock())

        self.app.write(work)

    def add_member(self, address: str) -> None:
        self.app.write(lambda connection: self._member(connection, address))

    def _member(self, connection: Connection, address: str) -> Person:
        person = people.register(connection, normalise_address(address), "", self.clock())
        people.set_member(connection, person.id, member=True)
        return person

    def add_address(self, address: str, other: str) -> None:
        """Another address of one person."""

        def work(connection: Connection) -> None:
            person = people.find(connection, normalise_address(address))
            people.add_address(connection, person.id, normalise_address(other))

        self.app.write(work)

    def add_center(
        self, name: str, address: str = "", wants: str = "openings", staff: Sequence[str] = ()
    ) -> None:
        def work(connection: Connection) -> None:
            where = normalise_address(address) if address else None
            center = centers.create(connection, name, where, Wants(wants), self.clock())
            for one in staff:
                person = people.register(connection, normalise_address(one), "", self.clock())
                centers.add_member(connection, center.id, person.id)

        self.app.write(work)

    def share(self, center: str, profile: str) -> str:
        """Share a center's tickets with its tracker, as a profile's text says; gives its secret address."""

        def work(connection: Connection) -> None:
            found = centers.find(connection, center)
            exchanges.put(connection, center, found, profile, self.clock())

        self.app.write(work)
        return exchange_address(self.app.queues()[0], self.app.keys.exchange(center, 1))

    def add_staff(self, center: str, address: str) -> None:
        def work(connection: Connection) -> None:
            person = people.register(connection, normalise_address(address), "", self.clock())
            centers.add_member(connection, centers.find(connection, center).id, person.id)

        self.app.write(work)

    def set_center(self, name: str, state: str, delegate: str = "") -> None:
        def work(connection: Connection) -> None:
            center = centers.find(connection, name)
            centers.set_state(connection, center, CenterState(state))
            if delegate:
                centers.set_delegate(connection, center, centers.find(connection, delegate))

        self.app.write(work)

    def own(self, address: str) -> None:
        """Make somebody the owner of the instance."""
        instance = replace(self.app.settings.instance, owner=Names({address}))
        self.app.settings = replace(self.app.settings, instance=instance)
        for made in ("errands", "brake", "notifier"):
            self.app.__dict__.pop(made, None)

    def fail_copies_to(self, address: str) -> None:
        """The smarthost refused them for good."""
        failed = {"state": State.FAILED.value, "done_at": self.clock()}
        mine = delivery.c.address == address
        self.app.write(lambda connection: connection.execute(update(delivery).where(mine).values(failed)))

    def pause(self, stage: str) -> None:
        self.app.write(lambda c: pauses.pause(c, Paused(stage), "for this case", self.clock()))

    def resume(self, stage: str) -> None:
        """Let something go on, and all that waited."""
        self.app.write(lambda connection: pauses.resume(connection, Paused(stage), self.clock()))
        self.notify()
        self.deliver()

    def add_list(self, address: str, tag: str) -> None:
        local, _, domain = address.partition("@")
        queue = queues.Queue(queues.QueueId(0), local, domain, tag, tag)
        self.app.write(lambda connection: queues.create(connection, queue, self.clock()))

    def put_rules(self, text: str) -> None:
        rules = rule_text.parse_rules(text)
        change = rule_store.Change("operator", "for this case", self.clock())
        self.app.write(lambda connection: rule_store.put_in_force(connection, rules, change))

    def operate(self, act: str, number: int) -> None:
        """What an operator does to a ticket.

        `resolve`, `wait`, `reopen`, `private`, `merge into N`, `title WORDS`, `own ADDRESS`, `split K` (from
        there on), `split only K`, `move LIST`, `undo KIND` (the last event of that kind).
        """

        def work(connection: Connection) -> None:
            uow = UnitOfWork(connection, self.clock())
            ticket = tickets.find(uow, number)
            word, _, argument = act.partition(" ")
            if word in _STATUSES:
                tickets.set_status(uow, ticket, _STATUSES[word], _OPERATOR)
            elif word == "merge":
                repair.merge(uow, ticket.id, TicketId(int(argument.removeprefix("into "))), _OPERATOR)
            elif word in _REPAIRS:
                _REPAIRS[word](uow, ticket, argument)
            elif word == "private":
                tickets.make_private(uow, ticket, _OPERATOR)
            elif word == "title":
                tickets.set_title(uow, ticket, argument, _OPERATOR)
            else:
                person = people.register(connection, normalise_address(argument), "", self.clock())
                tickets.set_owner(uow, ticket, person, _OPERATOR)
            uow.flush()

        self.app.write(work)

    def members(self) -> list[tuple[str, str]]:
        """Who is on the first list, and what they get."""
        queue = self.app.queues()[0]
        found = self.app.read(lambda connection: queues.subscribers(connection, queue.id))
        return [(one.person.address, one.delivery.value) for one in found]

    def change(self, number: int, work: Callable[[UnitOfWork, Ticket], object]) -> None:
        """Do something to a ticket as an operator would, and tell of it."""

        def do(connection: Connection) -> None:
            uow = UnitOfWork(connection, self.clock())
            work(uow, tickets.find(uow, TicketId(number)))
            uow.flush()

        self.app.write(do)
        self.notify()
        self.deliver()

    def set_topic(self, number: int, topic: str) -> None:
        self.change(number, lambda uow, ticket: tickets.set_topic(uow, ticket, topic, _OPERATOR))

    def change_privacy(self, number: int) -> None:
        """Make a ticket private."""
        self.change(number, lambda uow, ticket: tickets.make_private(uow, ticket, _OPERATOR))

    def hand_to(self, number: int, center: str) -> None:
        """Give a ticket to a support center, by hand."""

        def work(uow: UnitOfWork, ticket: Ticket) -> None:
            found = centers.find(uow.connection, center)
            assign.add_center(uow, ticket.id, found, _OPERATOR, "it was handed over")

        self.change(number, work)

    def ticket(self, number: int) -> dict[str, Any]:
        """A ticket as `mailgate export` has it."""

        def work(connection: Connection) -> dict[str, Any]:
            wanted = TicketId(number)
            return ticket_json(connection, store.resolve(connection, (wanted,))[wanted].id)

        return self.app.read(work)

    def tickets(self) -> list[dict[str, Any]]:
        """All tickets but aliases."""
        return [self.ticket(n) for n in self._numbers() if self.ticket(n)["ticket"] == n]

    def _numbers(self) -> list[int]:
        query = select(t.ticket.c.id).order_by(t.ticket.c.id)
        return self.app.read(lambda connection: [row.id for row in connection.execute(query)])

    def root_id(self, number: int) -> str:
        """What stands first in every References we write for a ticket."""
        ticket = self.app.read(lambda c: store.by_ids(c, (TicketId(number),)))[TicketId(number)]
        return self.app.keys.root_id(ticket.id, ticket.nonce, self.app.queues()[0].root_domain)

    def post_id_of(self, uid: str) -> str:
        """The Message-ID that the post of an accepted mail goes by."""
        entry = self.app.read(lambda c: find(c, uid))
        assert entry is not None
        assert entry.post_id is not None
        post_id = entry.post_id
        return self.app.read(lambda c: posts.by_ids(c, (post_id,)))[post_id].message_id

    def everything(self) -> list[dict[str, Any]]:
        """All that is known of all tickets, aliases too, to compare before and after."""
        return [self.app.read(lambda c, n=n: ticket_json(c, TicketId(n))) for n in self._numbers()]  # type: ignore[misc]

    def last_copy(self, address: str, message_id: str) -> Copy:
        """The copy of a mail that a person got."""
        found = [
            copy
            for copy in self.bag.copies
            if copy.recipient == address and header(copy, "Message-ID") == message_id
        ]
        assert found, f"{address} has no copy of {message_id}"
        return found[-1]


def _split(uow: UnitOfWork, ticket: Ticket, which: str) -> None:
    first = int(which.removeprefix("only "))
    last = first if which.startswith("only ") else ticket.post_count
    repair.split(uow, ticket.id, range(first, last + 1), "Split off", _OPERATOR)


def _move(uow: UnitOfWork, ticket: Ticket, name: str) -> None:
    repair.move(uow, ticket, queues.find(uow.connection, name), _OPERATOR)


def _undo(uow: UnitOfWork, ticket: Ticket, kind: str) -> None:
    row = journal.latest(uow.connection, ticket.id, (Kind(kind),))
    assert row is not None, f"ticket {ticket.id} has no event {kind}"
    undo.undo(uow, row.id, _OPERATOR)


_REPAIRS = {"split": _split, "move": _move, "undo": _undo}
_STATUSES = {"resolve": Status.RESOLVED, "wait": Status.WAITING, "reopen": Status.OPEN}


def header(copy: Copy, name: str) -> str:
    """A field of a copy, unfolded."""
    message: email.message.Message = email.message_from_bytes(copy.content)
    return " ".join(str(message[name] or "").split())


def communities(template: Path) -> Callable[[Path], Community]:
    """Make one instance in `template`; gives what makes copies of it, for that is cheap."""
    initialise(Wishes(template, LIST, tag="OSG"), Clock())

    def settle(home: Path) -> Community:
        shutil.copytree(template, home)
        clock = Clock()
        return Community(App.open(load_instance(home), clock), clock)

    return settle
