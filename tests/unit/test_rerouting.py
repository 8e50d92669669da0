"""`rules rollback --repair`: tickets stand where the right rules want them, and what people did stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mailgate.cli import main
from tests.support.community import LIST, Community
from tracker.model import Address, TicketId
from tracker.storage import contacts

CONTACT = "sid@site.example"


class House:
    """A community whose admin types."""

    def __init__(self, community: Community, folder: Path) -> None:
        self.community = community
        self._file = folder / "rules.toml"
        self._count = 0

    def run(self, *words: str) -> str:
        done = CliRunner().invoke(main, [*words, "--home", str(self.community.app.instance.home)])
        assert done.exit_code == 0, done.output
        return done.stdout

    def apply(self, when: str, *then: str, phase: str = "route") -> int:
        """Put one rule in force, in place of all others; gives the revision."""
        head = f"[[rule]]\nname = 'one'\nphase = '{phase}'\nwhen = '{when}'\n"
        self._file.write_text(f"{head}then = {json.dumps(list(then))}\n")
        self.run("rules", "import", str(self._file), "--apply", "-m", "so we thought")
        return int(json.loads(self.run("rules", "history", "-n", "1", "--json"))["revision"])

    def mail(self, text: str = "The disk is full.") -> int:
        """The ticket that a mail opened."""
        self._count += 1
        n = self._count
        head = f"From: una{n}@people.example\nTo: {LIST}\nSubject: Matter {n}\nMessage-ID: <m{n}@x.example>"
        said = self.community.inject(f"{head}\n\n{text} {n}\n".encode())
        return int(said["ticket"])

    def repair(self, revision: int) -> list[dict[str, Any]]:
        """Go back to a revision, repair, and give what was shown to be wrong."""
        words = ("rules", "rollback", str(revision), "-m", "back", "--repair", "--yes", "--json")
        lines = [json.loads(line) for line in self.run(*words).splitlines()]
        return [line for line in lines if "ticket" in line]

    def ticket(self, number: int) -> dict[str, Any]:
        return self.community.ticket(number)

    def contacts(self, number: int) -> list[str]:
        ids = (TicketId(number),)
        return [one.address for one in self.community.app.read(lambda c: contacts.of_tickets(c, ids))]

    def events(self, number: int, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.ticket(number)["history"] if one["kind"] == kind]


@pytest.fixture
def house(community: Community, tmp_path: Path) -> House:
    for name in ("A", "B"):
        community.add_center(name, f"{name.lower()}@centers.example")
    return House(community, tmp_path)


def test_contacts_who_were_to_hear_in_a_digest_are_forgotten_too(house: House) -> None:
    right = house.apply("nothing", "tag+=x")
    house.apply("*", f"cc+={CONTACT}")
    numbers = [house.mail() for _ in range(5)]
    assert [house.contacts(n) for n in numbers] == [[CONTACT]] * 5
    assert len(house.repair(right)) == 5
    assert [house.contacts(n) for n in numbers] == [[]] * 5
    house.community.bag.copies.clear()
    house.community.pass_time(days=2)
    assert CONTACT not in {copy.address for copy in house.community.bag.copies}
    assert house.repair(right) == []


def test_who_stands_in_for_a_center_is_where_the_rules_want_it(house: House) -> None:
    house.community.set_center("A", "away", "B")
    right = house.apply("disk", "center+=A")
    house.apply("* disk", "center+=A")
    same = house.mail()
    house.apply("nothing", "center+=A")
    other = house.mail()
    assert house.ticket(same)["centers"] == ["B"]
    assert [one["ticket"] for one in house.repair(right)] == [other]
    assert house.ticket(other)["centers"] == ["B"]
    assert house.repair(right) == []


def test_a_repair_keeps_to_the_brakes(house: House) -> None:
    right = house.apply("disk", *(f"cc+=c{n}@site.example" for n in range(5)))
    house.apply("nothing", "tag+=x")
    number = house.mail()
    assert house.contacts(number) == []
    house.repair(right)
    assert house.contacts(number) == [f"c{n}@site.example" for n in range(3)]
    assert house.repair(right) == []


def test_who_wants_no_mail_is_not_missed(house: House) -> None:
    app = house.community.app
    app.write(lambda c: contacts.suppress(c, Address(CONTACT), "asked", app.clock()))
    right = house.apply("disk", f"cc+={CONTACT}")
    house.apply("nothing", "tag+=x")
    number = house.mail()
    assert house.repair(right) == []
    assert house.events(number, "note") == []


def test_tags_and_priority_are_repaired(house: House) -> None:
    right = house.apply("disk", "tag+=storage", "priority=low", phase="enrich")
    house.apply("*", "tag+=odd", "priority=critical", phase="enrich")
    number = house.mail()
    (shown,) = house.repair(right)
    assert (shown["now"], shown["right"]) == (
        "the community, #odd, priority=critical",
        "the community, #storage, priority=low",
    )
    assert (house.ticket(number)["tags"], house.ticket(number)["priority"]) == (["storage"], "low")
    assert house.repair(right) == []


def test_what_should_have_been_private_becomes_so_and_nothing_is_published(house: House) -> None:
    right = house.apply("disk", "private", phase="guard")
    house.apply("queue", "private", phase="guard")
    disk, queue = house.mail(), house.mail("The queue is full.")
    assert [one["ticket"] for one in house.repair(right)] == [disk]
    assert house.ticket(disk)["private"]
    assert house.ticket(queue)["private"]
    assert house.repair(right) == []


def test_what_people_chose_stays(house: House) -> None:
    right = house.apply("disk", "tag+=storage", "priority=low", phase="enrich")
    house.apply("*", "tag+=odd", "priority=critical", phase="enrich")
    number = house.mail()
    house.run("ticket", "set", str(number), "tag=-odd", "tag=+odd", "priority=high", "center=+A")
    house.run("ticket", "set", str(number), "tag=+storage", "tag=-storage")
    assert house.repair(right) == []
    ticket = house.ticket(number)
    assert (ticket["tags"], ticket["priority"], ticket["centers"]) == (["odd"], "high", ["A"])
