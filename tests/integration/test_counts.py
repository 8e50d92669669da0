"""Thirty people, five tickets, twenty replies each, by SMTP: each gets exactly the mails that the rules say.

What is expected is counted by a model that knows the rules and nothing of the code: who takes part hears
every post of others; who is subscribed hears what they chose; nobody hears of their own, or twice.
"""

from __future__ import annotations

import email
import email.policy
import random
import smtplib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from mailgate.app import App
from mailgate.settings import CONFIG_NAME, HostPort
from tests.support.daemon import LIST, Daemon, new_instance
from tests.support.sink import Sink
from tests.support.waiting import wait_until
from tracker.model import Delivery
from tracker.people import normalise_address
from tracker.storage import people, queues
from tracker.storage import tables as t

pytestmark = pytest.mark.integration

PEOPLE = tuple(f"p{number:02}@people.example" for number in range(30))
TICKETS = range(1, 6)
REPLIES = 20


@dataclass(frozen=True)
class Wish:
    """What somebody on the list chose."""

    delivery: Delivery
    words: tuple[str, ...] = ()
    away: bool = False


@dataclass
class Model:
    """The rules, once more: whose wishes are what, and who takes part in which ticket."""

    wishes: dict[str, Wish]
    topics: dict[int, str]
    nosy: dict[int, set[str]] = field(default_factory=dict)
    quiet: dict[int, set[str]] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)
    in_digest: Counter[str] = field(default_factory=Counter)

    def post(self, ticket: int, author: str, copied: Sequence[str] = ()) -> None:
        """Count who is told of a post."""
        opening = ticket not in self.nosy
        taking_part = self.nosy.setdefault(ticket, set())
        silent = {author, *copied, *self.quiet.get(ticket, set())}
        for person in PEOPLE:
            if person in silent:
                continue
            if person in taking_part or self._wants(person, ticket, opening):
                self.told[person] += 1
            elif self.wishes.get(person, Wish(Delivery.NONE)).delivery is Delivery.DIGEST:
                self.in_digest[person] += 1
        taking_part.add(author)

    def leave(self, ticket: int, person: str) -> None:
        self.nosy[ticket].discard(person)

    def mute(self, ticket: int, person: str) -> None:
        self.nosy[ticket].discard(person)
        self.quiet.setdefault(ticket, set()).add(person)

    def _wants(self, person: str, ticket: int, opening: bool) -> bool:
        wish = self.wishes.get(person)
        if wish is None or wish.away:
            return False
        topic = opening and wish.delivery is Delivery.TOPICS and self.topics.get(ticket) in wish.words
        return wish.delivery is Delivery.ALL or (wish.delivery is Delivery.NEW and opening) or topic


def mail(author: str, ticket: int, n: int, to: str, copied: Sequence[str] = ()) -> bytes:
    cc = f"Cc: {', '.join(copied)}\r\n" if copied else ""
    subject = f"Matter {ticket}" if n == 1 else f"Re: [OSG #{ticket}] Matter {ticket}"
    head = f"From: {author}\r\nTo: {to}\r\n{cc}Subject: {subject}\r\n"
    text = f"Post {n} of matter {ticket}, by {author}.\r\n"
    return f"{head}Message-ID: <{ticket}.{n}@people.example>\r\n\r\n{text}".encode()


def subscribe(app: App, wishes: dict[str, Wish]) -> None:
    def work(connection: Connection) -> None:
        queue = queues.everyone(connection)[0]
        for address, wish in wishes.items():
            person = people.register(connection, normalise_address(address), "", app.clock())
            queues.subscribe(connection, queue.id, person.id, Delivery.ALL, app.clock())
            queues.set_delivery(connection, queue.id, person.id, wish.delivery, app.clock(), wish.words)
            if wish.away:
                until = app.clock().replace(year=app.clock().year + 1)
                queues.set_vacation(connection, queue.id, person.id, until)

    app.write(work)


def counted(app: App, table: str) -> int:
    query = select(func.count()).select_from(t.metadata.tables[table])
    return app.read(lambda connection: connection.execute(query).scalar_one())


def print_table(expected: Counter[str], found: Counter[str], notes: dict[str, str]) -> None:
    print(f"\n{'person':22} {'chose':28} {'expected':>8} {'counted':>8}")
    for person in PEOPLE:
        print(f"{person:22} {notes.get(person, 'not on the list'):28} {expected[person]:8} {found[person]:8}")
    print(f"{'in all':51} {expected.total():8} {found.total():8}")


def shown(wish: Wish) -> str:
    words = f" {','.join(wish.words)}" if wish.words else ""
    return f"{wish.delivery.value}{words}{', away' if wish.away else ''}"


class Session:
    """Mails posts by SMTP, each as the model counts it."""

    def __init__(self, app: App, daemon: Daemon, model: Model) -> None:
        self.app = app
        self.model = model
        self.smtp = smtplib.SMTP(*daemon.smtp)

    def open(self, ticket: int, author: str) -> None:
        topic = self.model.topics.get(ticket)
        to = f"osg-general+topic.{topic}@lists.example.org" if topic else LIST
        self._send(author, to, mail(author, ticket, 1, to))
        self.model.post(ticket, author)
        # Tickets are numbered as they come; of replies any order between tickets will do.
        wait_until(lambda: counted(self.app, "ticket") == ticket, 20)

    def reply(self, ticket: int, author: str, n: int, copied: Sequence[str] = ()) -> None:
        to = f"osg-general+{ticket}@lists.example.org"
        self._send(author, to, mail(author, ticket, n, to, copied))
        self.model.post(ticket, author, copied)

    def quieten(self, ticket: int, person: str, verb: str) -> None:
        """Mute or leave; the transcript of it is one mail more."""
        # A post that is under way while somebody leaves may reach them or not.
        wait_until(self.all_told, 30)
        to = f"osg-general+{ticket}.{verb}@lists.example.org"
        self._send(person, to, f"From: {person}\r\nTo: {to}\r\nSubject: \r\n\r\n".encode())
        (self.model.mute if verb == "mute" else self.model.leave)(ticket, person)
        self.model.told[person] += 1
        wait_until(self.all_told, 30)

    def all_told(self) -> bool:
        return counted(self.app, "event") == self.app.read(_told_up_to)

    def _send(self, author: str, to: str, raw: bytes) -> None:
        self.smtp.sendmail(author, [to], raw)


def _told_up_to(connection: Connection) -> int:
    done = connection.execute(
        select(t.cursor.c.event_id).where(t.cursor.c.subscriber == "mail of posts")
    ).scalar()
    return done or 0


def run(
    home: Path, wishes: dict[str, Wish], seed: int, *, mixed: bool
) -> tuple[Model, Counter[str], Counter[str]]:
    """The mails that the model expects, those that came, and how many posts came in digests."""
    chance = random.Random(seed)
    model = Model(wishes, {2: "upgrade", 4: "xrootd"} if mixed else {})
    with Sink() as sink:
        app = new_instance(home, smarthost=HostPort(*sink.address))
        subscribe(app, wishes)
        with Daemon(home) as daemon:
            session = Session(app, daemon, model)
            circles = {ticket: chance.sample(PEOPLE, 7) for ticket in TICKETS}
            for ticket in TICKETS:
                session.open(ticket, circles[ticket][0])
            for n in range(2, REPLIES + 2):
                for ticket in TICKETS:
                    author = chance.choice(circles[ticket])
                    copied = chance.sample(circles[ticket], 2) if mixed and n % 4 == 0 else []
                    session.reply(ticket, author, n, [one for one in copied if one != author])
                if mixed and n == 10:
                    session.quieten(1, sorted(model.nosy[1])[0], "mute")
                    session.quieten(2, sorted(model.nosy[2])[-1], "unfollow")
            expected = model.told.total()
            wait_until(lambda: len(sink.mails) >= expected and session.all_told(), 90)
            session.smtp.quit()
            daemon.stop()
        in_digests: Counter[str] = Counter()
        if mixed:
            in_digests = digest(home, model, sink, expected)
        app.close()
        found = Counter(one.recipients[0] for one in sink.mails)
    return model, found, in_digests


def digest(home: Path, model: Model, sink: Sink, before: int) -> Counter[str]:
    """Let the day's digest go out; gives how many posts each found in theirs."""
    config = home / CONFIG_NAME
    config.write_text(config.read_text() + '\ndigests.every = "1s"\n')
    readers = [person for person in PEOPLE if model.in_digest[person]]
    model.told.update(readers)
    with Daemon(home) as daemon:
        wait_until(lambda: len(sink.mails) >= before + len(readers), 60)
        daemon.stop()
    posts: Counter[str] = Counter()
    for one in sink.mails[before:]:
        message = email.message_from_bytes(one.content, policy=email.policy.default)
        parts = [part for part in message.walk() if part.get_content_type() == "message/rfc822"]
        posts[one.recipients[0]] += len(parts)
    return posts


def test_who_takes_part_and_who_reads_the_list_get_what_the_rules_say(tmp_path: Path) -> None:
    kinds = [Wish(Delivery.NEW)] * 12 + [Wish(Delivery.ALL)] * 5 + [Wish(Delivery.NONE)] * 3
    wishes = dict(zip(PEOPLE, kinds, strict=False))
    model, found, _ = run(tmp_path / "home", wishes, 1, mixed=False)
    print_table(model.told, found, {person: shown(wish) for person, wish in wishes.items()})
    assert found == +model.told


def test_with_mixed_wishes_and_a_digest_too(tmp_path: Path) -> None:
    topics = Wish(Delivery.TOPICS, ("upgrade",)), Wish(Delivery.TOPICS, ("xrootd", "upgrade"))
    kinds = [
        *[Wish(Delivery.NEW)] * 5,
        *[Wish(Delivery.ALL)] * 4,
        *[Wish(Delivery.DIGEST)] * 6,
        *topics * 2,
        *(Wish(Delivery.ALL, away=True), Wish(Delivery.NEW, away=True)),
        *[Wish(Delivery.NONE)] * 3,
    ]
    wishes = dict(zip(PEOPLE, kinds, strict=False))
    model, found, in_digests = run(tmp_path / "home", wishes, 2, mixed=True)
    notes = {person: shown(wish) for person, wish in wishes.items()}
    print_table(model.told, found, notes)
    print("\nposts in digests:")
    print_table(model.in_digest, in_digests, notes)
    assert found == +model.told
    assert in_digests == +model.in_digest
