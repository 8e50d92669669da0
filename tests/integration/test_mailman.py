"""Behind a real Mailman 3: a week of a real list, counted; its own mails; and that nothing goes round."""

from __future__ import annotations

import email.policy
import re
import smtplib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest
from sqlalchemy import Connection

from mailgate import deliveries, inbound
from mailgate.addresses import is_nobody
from mailgate.app import App
from mailgate.notify import POSTS
from mailgate.scan import to_crlf
from mailgate.settings import HostPort
from tests.support.archive_week import ArchivedPost, ArchiveWeek, week_of
from tests.support.command_line import CommandLine
from tests.support.community import Community
from tests.support.daemon import LIST, Daemon, new_instance
from tests.support.environments import Unavailable
from tests.support.mailman import Mailman
from tests.support.shared import shared_folder
from tests.support.sink import Mail, Sink
from tests.support.waiting import wait_until
from tracker.model import Address, Delivery
from tracker.people import normalise_address
from tracker.storage import journal, people, queues

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FRONT = "general@lists.mailman.example"
YEAR, WEEK = 2020, 17
# Lists that people of the archive copy to; on a real site they stand in mail.list_servers.
OTHER_LISTS = ("vger.kernel.org", "lists.infradead.org", "googlegroups.com")


class Site:
    """Mailman, a daemon behind it, and the machine that carries mail between them and to people."""

    def __init__(self, mailman: Mailman, from_mailman: Sink, from_us: Sink, app: App) -> None:
        self.mailman = mailman
        self.from_mailman = from_mailman
        self.from_us = from_us
        self.app = app
        self.refusals: list[str] = []
        self._daemon: Daemon | None = None
        self._carried = 0

    @property
    def command_line(self) -> CommandLine:
        return CommandLine(self.app.instance.home)

    def start(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def submit(self, reverse_path: str, recipient: str, content: bytes) -> None:
        """Give a mail to our daemon, and wait until all that follows from it is done."""
        assert self._daemon is not None
        with smtplib.SMTP(*self._daemon.smtp) as session:
            try:
                session.sendmail(reverse_path, [recipient], to_crlf(content), ["BODY=8BITMIME"])
            except smtplib.SMTPDataError as refusal:
                self.refusals.append(f"{refusal.smtp_code} {_text(refusal.smtp_error)}")
        wait_until(lambda: self.app.read(_is_settled), 30)

    def carry(self) -> list[Mail]:
        """Deliver what Mailman has sent, as its MTA does: what is for us to us. Gives all there was."""
        wait_until(self.mailman.is_idle, 120)
        new = self.from_mailman.mails[self._carried :]
        self._carried += len(new)
        for mail in new:
            if LIST in mail.recipients:
                self.submit(mail.reverse_path, LIST, mail.content)
        return new


def _text(said: bytes | str) -> str:
    return said.decode() if isinstance(said, bytes) else said


def _is_settled(connection: Connection) -> bool:
    return (
        not inbound.counts(connection).get("waiting")
        and not deliveries.counts(connection).get("waiting")
        and journal.read_cursor(connection, POSTS) == journal.newest(connection)
    )


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Callable[[str], Site]]:
    """Makes the site whose list in front has a given address; nobody is on it yet."""
    with Sink() as from_mailman, Sink() as from_us:
        try:
            mailman = Mailman(tmp_path / "mailman", from_mailman.address)
        except Unavailable as error:
            pytest.skip(str(error))
        names = ", ".join(f'"{name}"' for name in OTHER_LISTS)
        made: list[App] = []

        def make(front: str) -> Site:
            app = new_instance(
                tmp_path / "behind",
                smarthost=HostPort(*from_us.address),
                extra=f'mail.list_servers = ["{front.rpartition("@")[2]}", {names}]',
            )
            made.append(app)
            command_line = CommandLine(app.instance.home)
            command_line.succeed("lists", "set", "osg-general", "--front", "mailman", "--front-list", front)
            return Site(mailman, from_mailman, from_us, app)

        with mailman.running():
            yield make
            assert mailman.shunted() == 0
        for app in made:
            app.close()


# ---------------------------------------------------------------------------------------------------------
# A week of a real list.


@dataclass
class Expected:
    """The rules once more, as short as they can be said: who gets how many copies, and from whom."""

    roster: dict[str, Delivery]
    list_address: str
    joined: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    mailman: Counter[str] = field(default_factory=Counter)
    ours: Counter[str] = field(default_factory=Counter)

    @property
    def regular(self) -> set[str]:
        return {address for address, delivery in self.roster.items() if delivery is Delivery.ALL}

    def post(self, ticket: int, post: ArchivedPost, *, on_list: bool) -> None:
        """Mailman writes to all who want that; we to who takes part, unless they have it from elsewhere."""
        if on_list:
            self.mailman.update(self.regular)
        guests = self._guests(post) if post.author in self.roster else ()
        self.joined[ticket].update(guests)
        have_it = {post.author, *post.to, *post.cc} | (self.regular if on_list else set())
        self.ours.update(self.joined[ticket] - have_it)
        self.joined[ticket].add(post.author)

    def _guests(self, post: ArchivedPost) -> tuple[str, ...]:
        domains = (self.list_address.rpartition("@")[2], *OTHER_LISTS)
        persons = [one for one in dict.fromkeys(post.cc) if not is_nobody(Address(one))]
        return tuple(one for one in persons if one.rpartition("@")[2] not in domains)[:10]


def shaped(post: ArchivedPost) -> ArchivedPost:
    """With addresses as persons are known by."""
    to, cc = (tuple(normalise_address(one) for one in some) for some in (post.to, post.cc))
    return ArchivedPost(post.message_id, normalise_address(post.author), to, cc, post.content)


def roster_of(week: ArchiveWeek) -> dict[str, Delivery]:
    """Half of those who write are on the list, one in four of these without mail; three more only read."""
    # Mailman knows its members in lower case only.
    authors = [one for one in dict.fromkeys(post.author for post in week.posts) if one == one.lower()]
    inside = authors[::2]
    kinds = {one: Delivery.NONE if number % 4 == 3 else Delivery.ALL for number, one in enumerate(inside)}
    return kinds | {f"reader{number}@people.example": Delivery.ALL for number in range(3)}


def fill(site: Site, week: ArchiveWeek, roster: dict[str, Delivery]) -> None:
    """Make Mailman's list, and bring our roster up to it."""
    site.mailman.make_list(week.list_address)
    site.mailman.subscribe(week.list_address, LIST)
    for number, (address, delivery) in enumerate(roster.items()):
        without = {"delivery_mode": "mime_digests"} if number % 8 == 3 else {"delivery_status": "by_user"}
        site.mailman.subscribe(week.list_address, address, **({} if delivery is Delivery.ALL else without))
    on_it = {str(one["email"]) for one in site.mailman.roster(week.list_address)}
    assert on_it == {LIST, *roster}
    site.app.write(lambda connection: subscribe(site.app, connection, roster))


def subscribe(app: App, connection: Connection, roster: dict[str, Delivery]) -> None:
    [queue] = queues.everyone(connection)
    for address, delivery in roster.items():
        person = people.register(connection, normalise_address(address), "", app.clock())
        people.set_member(connection, person.id, member=True)
        queues.subscribe(connection, queue.id, person.id, delivery, app.clock())


def threads_without_mailman(
    community: Community, week: ArchiveWeek, roster: dict[str, Delivery]
) -> dict[str, tuple[int, str]]:
    """The ticket of each post and its title, where the same posts come to us and nothing is in front."""
    community.believe([week.list_address.rpartition("@")[2], *OTHER_LISTS])
    community.app.write(lambda connection: subscribe(community.app, connection, roster))
    community.pause("deliver")
    for post in week.posts:
        community.inject(post.content, [LIST], post.author)
    return {
        post["message_id"]: (ticket["ticket"], ticket["title"])
        for ticket in community.tickets()
        for post in ticket["posts"]
    }


def copies(mails: list[Mail]) -> Counter[tuple[str, str]]:
    """How often a mail went to somebody: (address, Message-ID)."""
    found: Counter[tuple[str, str]] = Counter()
    for mail in mails:
        message_id = str(parsed(mail.content)["Message-ID"]).strip()
        found.update((recipient, message_id) for recipient in mail.recipients if recipient != LIST)
    return found


def parsed(content: bytes) -> EmailMessage:
    message = BytesParser(policy=email.policy.default).parsebytes(content)
    assert isinstance(message, EmailMessage)
    return message


def answer(author: str, copy: EmailMessage, number: int, *also: str) -> ArchivedPost:
    """What somebody answers to a copy of ours, and to others."""
    [reply_to] = re.findall(r"<([^<>@]+@[^<>]+)>", str(copy["Reply-To"]))
    message_id = f"<answer{number}@people.example>"
    lines = (
        f"From: {author}",
        f"To: {', '.join((reply_to, *also))}",
        f"Subject: {copy['Subject']}",
        f"Message-ID: {message_id}",
        f"In-Reply-To: {copy['Message-ID']}",
        "",
        f"This is answer {number}, and it says something of its own.",
        "",
    )
    return ArchivedPost(message_id, author, (reply_to, *also), (), "\n".join(lines).encode())


def write_answers(site: Site, week: ArchiveWeek, expected: Expected, tickets: dict[str, int]) -> int:
    """Have twelve who got a ticket copy answer it, every third to the list too; gives how many did that."""
    got = {mail.recipients[0]: mail for mail in site.from_us.mails}
    both = 0
    for number, (author, mail) in enumerate(sorted(got.items())[:12]):
        copy = parsed(mail.content)
        to_list = number % 3 == 2
        post = answer(author, copy, number, *([week.list_address] if to_list else []))
        ticket = tickets[str(copy["Message-ID"]).strip()]
        tickets[post.message_id] = ticket
        expected.post(ticket, post, on_list=to_list)
        if to_list:
            both += 1
            site.mailman.post(week.list_address, author, post.content)
        # Now one way is the quicker, now the other.
        ways = [lambda p=post: site.submit(p.author, p.to[0], p.content), site.carry]
        for way in ways if number % 2 else reversed(ways):
            way()
    return both


def show(expected: Expected, mailman: Counter[str], ours: Counter[str]) -> None:
    """The table: expected beside counted, persons by number."""
    print(f"\n{'person':8} {'on the list':12} {'Mailman':>9} {'counted':>8} {'we':>6} {'counted':>8}")
    everybody = sorted({*expected.mailman, *expected.ours, *mailman, *ours})
    for number, one in enumerate(everybody, 1):
        delivery = expected.roster.get(one)
        kind = {None: "no", Delivery.ALL: "yes", Delivery.NONE: "without mail"}[delivery]
        counts = f"{expected.mailman[one]:9} {mailman[one]:8} {expected.ours[one]:6} {ours[one]:8}"
        print(f"p{number:<7} {kind:12} {counts}")
    totals = (expected.mailman, mailman, expected.ours, ours)
    print("all      {:12} {:9} {:8} {:6} {:8}".format("", *(each.total() for each in totals)))


def test_a_week_of_a_real_list(site: Callable[[str], Site], community: Community) -> None:
    shared = shared_folder()
    if not (shared / "data" / "mail").is_dir():
        pytest.skip("needs ../shared or MAILGATE_SHARED")
    found = week_of(shared, YEAR, WEEK)
    week = ArchiveWeek(found.list_address, tuple(map(shaped, found.posts)))
    roster = roster_of(week)
    before = threads_without_mailman(community, week, roster)
    assert set(before) == {post.message_id for post in week.posts}

    here = site(week.list_address)
    fill(here, week, roster)
    expected = Expected(roster, week.list_address)
    tickets = {message_id: ticket for message_id, (ticket, _) in before.items()}
    with Daemon(here.app.instance.home) as daemon:
        here.start(daemon)
        for post in week.posts:
            here.mailman.post(week.list_address, post.author, post.content)
            expected.post(tickets[post.message_id], post, on_list=True)
        here.carry()
        both = write_answers(here, week, expected, tickets)
        daemon.stop()

    # Every post in one ticket, threads and titles as without Mailman.
    stored = here.command_line.tickets_by_message_id()
    assert set(stored) == set(tickets)
    assert {len(places) for places in stored.values()} == {1}
    pairs = {(tickets[message_id], places[0]) for message_id, places in stored.items()}
    assert len(pairs) == len(set(tickets.values())) == len({there for _, there in pairs})
    titles = {
        ticket["posts"][0]["message_id"]: ticket["title"] for ticket in here.command_line.rows("export")
    }
    assert titles == {message_id: before[message_id][1] for message_id in titles}

    # Nobody has two copies of one post, and each as many as the rules say.
    by_mailman, by_us = copies(here.from_mailman.mails), copies(here.from_us.mails)
    # Mailman's digests are mails of its own.
    by_mailman = Counter({pair: count for pair, count in by_mailman.items() if pair[1] in tickets})
    assert max((by_mailman + by_us).values()) == 1
    counts = tuple(Counter(address for address, _ in some) for some in (by_mailman, by_us))
    show(expected, *counts)
    assert counts == (+expected.mailman, +expected.ours)

    # No loop: Mailman sent what people gave it, once each, and nothing of ours went there.
    to_us = [
        str(parsed(m.content)["Message-ID"]).strip() for m in here.from_mailman.mails if LIST in m.recipients
    ]
    assert sorted(to_us) == sorted({*to_us})
    assert len(to_us) == len(week.posts) + both
    domain = week.list_address.rpartition("@")[2]
    assert not any(one.endswith(f"@{domain}") for mail in here.from_us.mails for one in mail.recipients)
    assert here.refusals == []


# ---------------------------------------------------------------------------------------------------------
# What Mailman does beside passing posts on.

ANN, BOB = "ann@uni.example", "bob@b.example"


def mail(author: str, message_id: str, *fields: str) -> bytes:
    lines = (f"From: {author}", f"To: {FRONT}", f"Message-ID: {message_id}", *fields)
    return "\n".join((*lines, "", f"This is {message_id}.", "")).encode()


def test_what_mailman_says_itself_opens_no_ticket(site: Callable[[str], Site]) -> None:
    here = site(FRONT)
    here.mailman.make_list(FRONT, send_welcome_message="true", send_goodbye_message="true")
    with Daemon(here.app.instance.home) as daemon:
        here.start(daemon)
        here.mailman.subscribe(FRONT, LIST, delivery_mode="mime_digests")
        here.mailman.post(FRONT, ANN, mail(f"Ann <{ANN}>", "<q@uni.example>", "Subject: In a digest"))
        wait_until(here.mailman.is_idle, 60)
        here.mailman.send_digest(FRONT)
        here.carry()
        # As if a person had sent in our name: Mailman tells us that it holds the mail.
        here.mailman.make_list("held@lists.mailman.example", default_nonmember_action="hold")
        here.mailman.post(
            "held@lists.mailman.example", LIST, mail(LIST, "<forged@x.example>", "Subject: Hold it")
        )
        here.mailman.unsubscribe(FRONT, LIST)
        here.mailman.subscribe(FRONT, LIST, confirmed=False)
        here.carry()
        daemon.stop()
    said = [str(parsed(one.content)["Subject"]) for one in here.from_mailman.mails if LIST in one.recipients]
    print("\n".join(("", *said)))
    for words in ("confirm", "Welcome to", "Digest, Vol 1", "awaits moderator", "unsubscribed"):
        assert any(words in subject for subject in said), (words, said)
    assert here.command_line.rows("ticket", "list", "--all", "--json") == []
    assert here.command_line.rows("hold", "list", "--json") == []
    assert here.from_us.mails == []


def test_an_author_behind_the_list_is_found_and_our_copy_that_is_sent_there_ends_with_us(
    site: Callable[[str], Site],
) -> None:
    here = site(FRONT)
    here.mailman.make_list(FRONT, dmarc_mitigate_action="munge_from", dmarc_mitigate_unconditionally="true")
    here.mailman.subscribe(FRONT, LIST)
    here.mailman.subscribe(FRONT, BOB)
    with Daemon(here.app.instance.home) as daemon:
        here.start(daemon)
        here.mailman.post(FRONT, ANN, mail(f"Ann Lee <{ANN}>", "<q@uni.example>", "Subject: Jobs vanish"))
        sent = here.carry()[0]
        assert FRONT in str(parsed(sent.content)["From"])
        fields = ("Subject: Re: [General] Jobs vanish", "In-Reply-To: <q@uni.example>")
        here.mailman.post(FRONT, BOB, mail(f"Bob <{BOB}>", "<a@b.example>", *fields))
        here.carry()
        [copy] = here.from_us.mails
        assert copy.recipients == (ANN,)
        # Ann resends our copy to the list, as mutt's `bounce` does.
        here.mailman.post(FRONT, ANN, copy.content)
        here.carry()
        daemon.stop()
    assert here.refusals == ["554 5.4.6 This is a mail of ours come back"]
    [ticket] = here.command_line.rows("export")
    assert [post["author"] for post in ticket["posts"]] == [ANN, BOB]
    assert (ticket["title"], ticket["nosy"]) == ("Jobs vanish", [ANN, BOB])
    assert len(here.from_us.mails) == 1
