"""A tracker of 200 issues, made with a real Roundup and exported by it, is taken over whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mailgate.app import App
from mailgate.instance import load_instance
from tests.support.command_line import CommandLine
from tests.support.environments import Unavailable
from tests.support.roundup_tracker import Roundup
from tracker.people import normalise_address
from tracker.storage import people

pytestmark = pytest.mark.integration

LIST = "help@lists.example.org"
STATUSES = {
    "unread": "new",
    "deferred": "waiting",
    "chatting": "open",
    "need-eg": "waiting",
    "in-progress": "open",
    "testing": "waiting",
    "done-cbb": "resolved",
    "resolved": "resolved",
}
PRIORITIES = {"critical": "critical", "urgent": "high", "bug": "normal", "feature": "low", "wish": "low"}
ZONES = {"2": "Etc/GMT-2", None: ""}


@dataclass
class World:
    """Roundup's tracker, and an instance that took it over."""

    roundup: Roundup
    truth: dict[str, Any]
    mailgate: CommandLine
    first: dict[str, Any]

    def take_over(self, export: Path) -> dict[str, Any]:
        said: dict[str, Any] = self.mailgate.rows("import-roundup", str(export), "--json")[0]
        return said

    def tickets(self) -> dict[str, dict[str, Any]]:
        """All tickets by the name they had."""
        return {one["aliases"][-1]: one for one in self.mailgate.rows("export") if one["aliases"]}

    def inject(self, subject: str, sender: str, key: str, fields: str = "") -> dict[str, Any]:
        head = f"From: {sender}\nTo: {LIST}\nSubject: {subject}\nMessage-ID: <{key}@x.example>\n{fields}"
        given = f"{head}\nIt goes on.\n".encode()
        said: dict[str, Any] = json.loads(self.mailgate.succeed("inject", "-", given=given))
        return said


def new_home(home: Path) -> CommandLine:
    line = CommandLine(home)
    line.succeed("init", "--list", LIST, "--tag", "HELP")
    return line


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    base = tmp_path_factory.mktemp("roundup")
    roundup = Roundup(base)
    try:
        truth = roundup.make(200, seed=1)
    except Unavailable as error:
        pytest.skip(str(error))
    line = new_home(base / "mailgate")
    made = World(roundup, truth, line, {})
    made.first = made.take_over(roundup.export("export"))
    return made


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def reached(truth: dict[str, Any], numbers: Iterable[str]) -> set[str]:
    """The addresses of those who can be written to."""
    found = (truth["people"][number] for number in numbers)
    return {one["address"] for one in found if one["address"] and not one["gone"]}


def differences(truth: dict[str, Any], tickets: dict[str, dict[str, Any]]) -> Iterator[str]:
    """What is not as it was in Roundup, a line each."""
    for name, issue in truth["issues"].items():
        ticket = tickets.get(name)
        if ticket is None:
            yield f"{name} is missing"
            continue
        numbers = {tickets[one]["ticket"] for one in issue["superseder"]}
        linked = {one["ticket"] for one in ticket["links"] if one["kind"] == "duplicate-of"}
        tags = {"imported", *("-".join(word.split()) for word in issue["keywords"])}
        owner = next(iter(reached(truth, [issue["owner"]] if issue["owner"] else [])), None)
        for what, found, wanted in (
            ("title", ticket["title"], issue["title"]),
            ("status", ticket["status"], STATUSES[issue["status"]]),
            ("priority", ticket["priority"], PRIORITIES[issue["priority"]]),
            ("owner", ticket["owner"], owner),
            ("tags", set(ticket["tags"]), tags),
            ("nosy", set(ticket["nosy"]), reached(truth, issue["nosy"])),
            ("superseder", linked, numbers),
            ("messages", _said(ticket), [_written(truth, one) for one in issue["messages"]]),
            ("files", _files(ticket), sorted(map(tuple, issue["files"]))),
        ):
            if found != wanted:
                yield f"{name}: {what} is {found!r}, was {wanted!r}"


def _said(ticket: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Who said what; a file without a message says nothing."""
    posts = [(post["author"], lines(post["text"])) for post in ticket["posts"]]
    return [post for post in posts if post[1]]


def _written(truth: dict[str, Any], message: dict[str, Any]) -> tuple[str, list[str]]:
    return truth["people"][message["author"]]["address"], lines(message["content"])


def _files(ticket: dict[str, Any]) -> list[tuple[str, str]]:
    files = (file for post in ticket["posts"] for file in post["attachments"])
    return sorted((file["name"], file["sha256"]) for file in files)


def test_every_issue_message_file_person_and_nosy_list_is_there(world: World) -> None:
    tickets = world.tickets()
    assert list(differences(world.truth, tickets)) == []
    issues = world.truth["issues"].values()
    counted = {
        "issues": len(issues),
        "messages": sum(len(one["messages"]) for one in issues),
        "files": sum(len(one["files"]) for one in issues),
        "nosy": sum(len(reached(world.truth, one["nosy"])) for one in issues),
        "superseded": sum(len(one["superseder"]) for one in issues),
        "people": sum(1 for one in world.truth["people"].values() if one["address"]),
    }
    print(f"\nRoundup: {counted}\nmailgate: {world.first}")
    assert world.first["new_tickets"] == counted["issues"] == 200
    assert (world.first["files"], world.first["people"]) == (counted["files"], counted["people"])
    assert world.first["links"] == counted["superseded"]
    assert world.first["retired"] == 1
    assert counted["messages"] > 500
    assert counted["files"] > 100


def test_people_keep_their_addresses_names_and_zones(world: World) -> None:
    app = App.open(load_instance(world.mailgate.home))
    try:
        for one in world.truth["people"].values():
            if not one["address"]:
                continue
            address = normalise_address(one["address"])
            person = app.read(lambda c, address=address: people.find(c, address))
            own = app.read(lambda c, person=person: people.addresses_of(c, person.id))
            wishes = app.read(lambda c, person=person: people.wishes_of(c, (person.id,)))
            zone = wishes[person.id].timezone if wishes else ""
            assert (person.name, zone) == (one["name"], ZONES.get(one["timezone"], one["timezone"]))
            assert set(own) == {one["address"], *one["others"]}
    finally:
        app.close()


def test_message_ids_and_dates_stay(world: World) -> None:
    tickets = world.tickets()
    for name, issue in world.truth["issues"].items():
        posts = [post for post in tickets[name]["posts"] if post["text"].strip()]
        for post, message in zip(posts, issue["messages"], strict=True):
            assert message["message_id"] in (None, post["message_id"])
            assert post["trust"] == "unchecked"


def test_nobody_is_told(world: World) -> None:
    assert world.mailgate.rows("deliveries", "list", "--json") == []
    assert not list((world.mailgate.home / "outgoing").glob("*/*"))


def test_a_second_import_changes_nothing(world: World) -> None:
    before = world.mailgate.succeed("export")
    again = world.take_over(world.roundup.base / "export")
    assert (again["new_tickets"], again["new_posts"], again["new_people"]) == (0, 0, 0)
    assert (again["tickets"], again["posts"]) == (world.first["tickets"], world.first["posts"])
    assert world.mailgate.succeed("export") == before


def test_the_history_is_that_of_roundup(world: World) -> None:
    ticket = world.tickets()["issue13"]
    titles = [one for one in ticket["history"] if one["kind"] == "title"]
    assert [one["after"] for one in titles] == [world.truth["issues"]["issue13"]["title"]]
    assert titles[0]["actor"].endswith("@people.example")
    assert all(one["at"] < "2026" for one in ticket["history"])
    assert ticket["history"][0]["kind"] == "opened"


def test_replies_thread_as_they_did(world: World) -> None:
    """Last but the later export, for it adds to the tickets."""
    ticket = world.tickets()["issue17"]
    found = world.inject(f"Re: [issue17] {ticket['title']}", "user3@people.example", "r1")
    assert (found["ticket"], found["evidence"]) == (ticket["ticket"], "tag")
    known = next(
        one["message_id"] for one in world.truth["issues"]["issue17"]["messages"] if one["message_id"]
    )
    found = world.inject(f"Re: {ticket['title']}", "user4@people.example", "r2", f"In-Reply-To: {known}\n")
    assert (found["ticket"], found["evidence"]) == (ticket["ticket"], "reference")
    shown = json.loads(world.mailgate.succeed("ticket", "show", "issue17", "--json"))
    assert [post["message_id"] for post in shown["posts"][-2:]] == ["<r1@x.example>", "<r2@x.example>"]
    # What was resolved for long stays so, here as for any ticket.
    done = world.tickets()["issue18"]
    found = world.inject(f"Re: [issue18] {done['title']}", "user3@people.example", "r3")
    assert found["created"]
    links = json.loads(world.mailgate.succeed("ticket", "show", str(found["ticket"]), "--json"))["links"]
    assert {"kind": "follows", "ticket": done["ticket"]} in links


def test_a_later_export_adds_what_is_new(world: World) -> None:
    before = world.tickets()
    truth = world.roundup.go_on()
    later = world.take_over(world.roundup.export("later"))
    added = sum(len(one["messages"]) for one in truth["issues"].values()) - sum(
        len(one["messages"]) for one in world.truth["issues"].values()
    )
    assert later["new_tickets"] == 1
    assert later["new_posts"] >= added
    after = world.tickets()
    found = list(differences(truth, after))
    # People wrote on it here: it has their posts, and stays as they left it.
    assert {line.partition(":")[0] for line in found} <= {"issue17"}
    changed = {name for name in before if after[name] != before[name]}
    assert {"issue3", "issue17"} <= changed <= {"issue3", "issue17"} | _told_of(truth, world.truth)


def _told_of(now: dict[str, Any], before: dict[str, Any]) -> set[str]:
    """The issues that Roundup says are otherwise now."""
    return {name for name, issue in before["issues"].items() if now["issues"][name] != issue}


def test_another_tracker_does_not_mix_with_the_first(world: World, tmp_path: Path) -> None:
    other = Roundup(tmp_path)
    other.make(3, seed=2)
    export = other.export("export")
    said = world.mailgate.refused("import-roundup", str(export))
    assert "of another tracker" in said
    world.mailgate.succeed("lists", "add", "other@lists.example.org", "--tag", "OTHER")
    said = world.mailgate.rows("import-roundup", str(export), "--queue", "other", "--json")[0]
    assert said["new_tickets"] == 3


def test_what_is_no_export_is_refused_in_one_line(world: World, tmp_path: Path) -> None:
    assert "is no export of Roundup" in world.mailgate.refused(
        "import-roundup", str(tmp_path), "--queue", "help"
    )
