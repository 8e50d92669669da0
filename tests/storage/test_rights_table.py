"""The table of rights: every row, by everybody, with every proof, by mail and on the command line.

What is expected is written down here by hand, from the product's own table, and not taken from the code.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection

from mailgate.cli import main
from tests.support.community import LIST, Community
from tracker import nosy, tickets
from tracker.events import Actor
from tracker.model import Ticket
from tracker.people import normalise_address
from tracker.storage import people, queues, roles
from tracker.unit_of_work import UnitOfWork

ROLES = {
    "stranger": "stan@st.example",
    "requester": "rita@r.example",
    "owner": "otto@o.example",
    "guest": "gus@g.example",
    "member": "mia@m.example",
    "outside member": "oda@x.example",
    "staff": "sue@south.example",
    "other staff": "nora@north.example",
    "moderator": "mo@mod.example",
    "administrator": "ada@adm.example",
}
EVERYBODY = frozenset(ROLES)
PARTICIPANTS = frozenset({"requester", "owner", "guest", "member"})
READERS = PARTICIPANTS | {"staff"}
STAFF = frozenset({"staff", "other staff"})
MODERATORS = frozenset({"moderator", "administrator"})
PROOFS = ("nothing", "token", "aligned", "unchecked")
PROVEN = frozenset({"aligned", "unchecked"})


@dataclass(frozen=True)
class Row:
    """A row of the table: a mail that asks for it, who may, what proves it, who else is asked to confirm."""

    name: str
    asks: str
    who: frozenset[str]
    proofs: frozenset[str]
    private: bool = False
    verb: str = ""
    confirmed: bool = False


ROWS = (
    Row("post on a public ticket", "More of it.", EVERYBODY, frozenset(PROOFS)),
    Row("join a public ticket", "", EVERYBODY, frozenset(PROOFS), verb="follow"),
    Row("post on a private ticket", "More of it.", READERS, PROVEN | {"token"}, private=True),
    Row(
        "status",
        "!status waiting",
        frozenset({"requester", "owner", "member"}) | STAFF,
        PROVEN | {"token"},
        confirmed=True,
    ),
    Row(
        "status by address",
        "So be it.",
        frozenset({"requester", "owner", "member"}) | STAFF,
        PROVEN | {"token"},
        verb="done",
        confirmed=True,
    ),
    Row(
        "status of a private ticket",
        "!status waiting",
        frozenset({"requester", "owner", "member", "staff"}),
        PROVEN,
        private=True,
        confirmed=True,
    ),
    Row("tags", "!tag +seen", frozenset({"member"}) | STAFF, PROVEN, confirmed=True),
    Row(
        "tags of a private ticket",
        "!tag +seen",
        frozenset({"member", "staff"}),
        PROVEN,
        private=True,
        confirmed=True,
    ),
    Row("nosy of others", "!nosy +zoe@z.example", STAFF | MODERATORS, PROVEN),
    Row("nosy of others, private", "!nosy +zoe@z.example", frozenset({"staff"}), PROVEN, private=True),
    Row("lift private", "!public", frozenset({"staff"}), PROVEN, private=True),
)


@dataclass
class House:
    """A community in which everybody has a role, and a ticket for each question."""

    community: Community
    count: Iterator[int]

    def ticket(self, *, private: bool) -> int:
        """A new ticket in which everybody is what they are."""
        number = next(self.count)
        opened = self.community.inject(
            f"From: {ROLES['requester']}\nTo: {LIST}\nSubject: Question {number} of its own\n"
            f"Message-ID: <q{number}@r.example>\n\nWhat about number {number}?\n".encode()
        )
        ticket: int = opened["ticket"]
        self.community.hand_to(ticket, "SouthSC")
        self.community.change(ticket, self._fill)
        if private:
            self.community.change_privacy(ticket)
        return ticket

    @staticmethod
    def _fill(uow: UnitOfWork, ticket: Ticket) -> None:
        actor = Actor(None, "operator")
        for role in ("guest", "member"):
            person = people.find(uow.connection, normalise_address(ROLES[role]))
            nosy.join(uow, ticket.id, person, "posted", actor)
        tickets.set_owner(uow, ticket, people.find(uow.connection, normalise_address(ROLES["owner"])), actor)

    def ask(self, ticket: int, row: Row, role: str, proof: str) -> None:
        """Have somebody ask it by mail."""
        number, address = next(self.count), ROLES[role]
        token = self.community.app.keys.reply(ticket, normalise_address(address))  # type: ignore[arg-type]
        parts = [str(ticket), *([row.verb] if row.verb else []), *([token] if proof == "token" else [])]
        to = f"osg-general+{'.'.join(parts)}@lists.example.org"
        raw = (
            f"From: {address}\nTo: {to}\nSubject: Re: question\nMessage-ID: <a{number}@x.example>\n\n"
            f"{row.asks}\n"
        )
        trust = {"aligned": "aligned", "unchecked": ""}.get(proof, "none")
        self.community.inject(raw.encode(), [to], trust=trust)

    def was_done(self, ticket: int, row: Row, role: str) -> bool:
        shown = self.community.ticket(ticket)
        if row.asks == "!public":
            return not shown["private"]
        if row.asks.startswith("!nosy"):
            return "zoe@z.example" in shown["nosy"]
        if row.asks.startswith("!tag"):
            return "seen" in shown["tags"]
        if row.verb == "follow":
            return ROLES[role] in shown["nosy"]
        if row.name.startswith("status"):
            return bool(shown["status"] in ("waiting", "resolved"))
        return len(shown["posts"]) == 2

    def confirm_mails(self, role: str) -> int:
        return sum(
            copy.recipient == ROLES[role] and b"Subject: Confirm:" in copy.content
            for copy in self.community.bag.copies
        )


@pytest.fixture
def house(community: Community) -> House:
    for role in ("member", "outside member"):
        community.add_member(ROLES[role])
    community.add_center("SouthSC", "south@centers.example", staff=[ROLES["staff"]])
    community.add_center("NorthSC", "north@centers.example", staff=[ROLES["other staff"]])

    def settle(connection: Connection) -> None:
        queue = queues.find(connection, LIST)
        for role in ("owner", "guest", "moderator", "administrator"):
            people.register(connection, normalise_address(ROLES[role]), "", community.clock())
        roles.make_moderator(
            connection, people.find(connection, normalise_address(ROLES["moderator"])).id, queue.id
        )
        admin = people.find(connection, normalise_address(ROLES["administrator"]))
        roles.make_admin(connection, admin.id)

    community.app.write(settle)
    return House(community, itertools.count(1))


@pytest.mark.parametrize("proof", PROOFS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_by_mail(house: House, row: Row, proof: str) -> None:
    found: dict[str, bool] = {}
    asked: dict[str, bool] = {}
    for role in ROLES:
        # Confirm mails go out once a day.
        house.community.clock.pass_by(days=1, minutes=1)
        ticket = house.ticket(private=row.private)
        before = house.confirm_mails(role)
        house.ask(ticket, row, role, proof)
        found[role] = house.was_done(ticket, row, role)
        asked[role] = house.confirm_mails(role) > before
    allowed = row.who if proof in row.proofs else frozenset()
    assert found == {role: role in allowed for role in ROLES}
    # What names a private ticket and proves nothing is held, and answered by nobody.
    answered = row.confirmed and proof not in row.proofs and not (row.private and proof == "nothing")
    waits = row.who if answered else frozenset()
    assert asked == {role: role in waits for role in ROLES}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("trust", ["none", "aligned", ""])
@pytest.mark.parametrize("private", [False, True])
def test_anybody_opens_a_ticket(house: House, role: str, trust: str, private: bool) -> None:
    to = "osg-general+private@lists.example.org" if private else LIST
    raw = f"From: {ROLES[role]}\nTo: {to}\nSubject: New\nMessage-ID: <n@x.example>\n\nHow?\n".encode()
    opened = house.community.inject(raw, [to], trust=trust)
    assert opened["created"]
    assert house.community.ticket(opened["ticket"])["private"] is private


@pytest.mark.parametrize("words", ["!role admin", "!rule pause all", "!registry refresh", "!moderator me"])
@pytest.mark.parametrize("role", ["administrator", "staff"])
def test_nobody_administers_by_mail(house: House, role: str, words: str) -> None:
    ticket = house.ticket(private=False)
    house.ask(ticket, Row("", words, frozenset(), frozenset()), role, "aligned")
    said = [copy.content for copy in house.community.bag.copies if copy.recipient == ROLES[role]][-1]
    assert b"there is no command" in said


# On the command line, as somebody.

COMMANDS = {
    "see a public ticket": (("ticket", "show", "{n}"), EVERYBODY, False),
    "see a private ticket": (("ticket", "show", "{n}"), READERS, True),
    "join": (("ticket", "follow", "{n}", "{me}"), EVERYBODY, False),
    "join a private one": (("ticket", "follow", "{n}", "{me}"), READERS, True),
    "set the status": (
        ("ticket", "set", "{n}", "status=waiting"),
        frozenset({"requester", "owner", "member"}) | STAFF,
        False,
    ),
    "set the status of a private one": (
        ("ticket", "set", "{n}", "status=waiting"),
        frozenset({"requester", "owner", "member", "staff"}),
        True,
    ),
    "change": (("ticket", "set", "{n}", "tag=+seen"), frozenset({"member"}) | STAFF, False),
    "bring in another": (("ticket", "follow", "{n}", "zoe@z.example"), STAFF | MODERATORS, False),
    "bring another into a private one": (
        ("ticket", "follow", "{n}", "zoe@z.example"),
        frozenset({"staff"}),
        True,
    ),
    "lift private": (("ticket", "set", "{n}", "private=no"), frozenset({"staff"}) | MODERATORS, True),
    "change the roles": (
        ("people", "role", "{me}", "--moderator", LIST),
        frozenset({"administrator"}),
        False,
    ),
    "see the rules": (("rules", "list"), frozenset({"administrator"}), False),
    "see everybody": (("people", "list"), frozenset({"administrator"}), False),
    "export": (("export",), frozenset({"administrator"}), False),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_on_the_command_line(house: House, name: str) -> None:
    words, who, private = COMMANDS[name]
    found: dict[str, bool] = {}
    home = str(house.community.app.instance.home)
    for role, me in ROLES.items():
        ticket = house.ticket(private=private)
        given = [word.format(n=ticket, me=me) for word in words]
        done = CliRunner().invoke(main, [*given, "--home", home, "--as", me])
        assert done.exit_code in (0, 1), done.output
        found[role] = done.exit_code == 0
    assert found == {role: role in who for role in ROLES}


def test_a_list_shows_each_what_they_may_see(house: House) -> None:
    public, private = house.ticket(private=False), house.ticket(private=True)
    home = str(house.community.app.instance.home)
    for role, me in ROLES.items():
        printed = CliRunner().invoke(main, ["ticket", "list", "--json", "--home", home, "--as", me]).output
        seen = {json.loads(line)["ticket"] for line in printed.splitlines()}
        assert seen == ({public, private} if role in READERS else {public}), role


def test_held_mail_is_for_moderators(house: House) -> None:
    community, home = house.community, str(house.community.app.instance.home)
    raw = f"From: {ROLES['stranger']}\nTo: {LIST}\nSubject: [OSG #99]\nMessage-ID: <h@x.example>\n\nHm.\n"
    assert community.inject(raw.encode())["held"]
    for role, me in ROLES.items():
        done = CliRunner().invoke(main, ["hold", "list", "--json", "--home", home, "--as", me])
        assert bool(done.output.strip()) is (role in MODERATORS), role
        if role not in MODERATORS:
            refused = CliRunner().invoke(main, ["hold", "reject", "1", "--home", home, "--as", me])
            assert refused.exit_code == 1
            assert "may not: that is for moderators" in refused.output
    done = CliRunner().invoke(main, ["hold", "reject", "1", "--home", home, "--as", ROLES["moderator"]])
    assert done.exit_code == 0
