"""Each folder in `gateway/` is a story in mails, and its `expect.toml` says what became of each.

`[[mail]]` are the mails in order of delivery, each with what `mailgate inject` is to print of it, as far as
that is named; `ticket` is a label: the same one, the same ticket. `file` names its mail, by default
01.eml the first and so on. `[[ticket]]` are tickets at the end. With `orders = "all"` the mails come in every
order, and only the end counts. `before` are acts of an operator, then the time `after` passes.

For what an earlier mail N gave, mails and recipients have {ticket:N}, {root:N}, {id:N}, and of the copy that
somebody got of it {reply_to:N:ann@x.example}, {token:...}, {return_path:...}, and whole {copy:...}.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from email.utils import parseaddr
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.support.community import Community, header

FOLDER = Path(__file__).parent / "gateway"
CASES = sorted(path.parent for path in FOLDER.glob("*/expect.toml"))
PLACEHOLDER = re.compile(rb"\{(ticket|root|id|reply_to|token|return_path|copy):(\d+)(?::([^{}]+))?\}")
HOW = frozenset({"file", "rcpt", "from", "auth", "after", "before", "approve"})
PRINTED = frozenset(
    {"disposition", "ticket", "created", "evidence", "held", "fallback", "recipients", "centers", "cc"}
    | {"tags", "reply", "rule"}
)


def story_of(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "expect.toml").read_text(encoding="utf-8"))


def scenes() -> Iterator[Any]:
    """Every case, and those told in all orders once for each; but the first and the last, these are slow."""
    for folder in CASES:
        count = len(list(folder.glob("*.eml")))
        if story_of(folder).get("orders") != "all":
            yield pytest.param(folder, None, id=folder.name)
            continue
        ordered = tuple(range(1, count + 1))
        for order in permutations(ordered):
            marks = () if order in (ordered, ordered[::-1]) else pytest.mark.slow
            yield pytest.param(folder, order, id=f"{folder.name}-{''.join(map(str, order))}", marks=marks)


class Telling:
    """A story while it is told: which ticket goes by which label, and what each mail printed."""

    def __init__(self, community: Community, folder: Path) -> None:
        self.community = community
        self.folder = folder
        self.results: list[dict[str, Any]] = []
        self.tickets: list[int | None] = []
        self.labels: dict[str, int] = {}

    def set_up(self, world: dict[str, Any]) -> None:
        for entry in world.get("subscribers", ()):
            address, _, delivery = entry.partition(" ")
            self.community.subscribe(address, delivery or "all")
        for address in world.get("members", ()):
            self.community.add_member(address)
        for other, address in world.get("addresses", {}).items():
            self.community.add_address(address, other)
        for center in world.get("centers", ()):
            self.community.add_center(**center)
        for address, tag in world.get("lists", {}).items():
            self.community.add_list(address, tag)
        self.community.believe(world.get("list_servers", ()))
        if "rules" in world:
            self.community.put_rules(world["rules"])

    def tell(self, scene: dict[str, Any]) -> dict[str, Any]:
        """Deliver one mail, and say what was named of it as it was."""

        for act, label in scene.get("before", ()):
            words = [str(self.labels.get(word, word)) for word in act.split(" ")]
            self.community.operate(" ".join(words), self.labels[label])
        self.community.clock.pass_by(**scene.get("after", {"minutes": 1}))
        raw = self.fill((self.folder / scene["file"]).read_bytes())
        recipients = [self.fill(each.encode()).decode() for each in scene.get("rcpt", ())]
        sender = self.fill(scene.get("from", "").encode()).decode()
        result = self.community.inject(raw, recipients, sender, scene.get("auth", ""))
        self.results.append(result)
        ticket = result["ticket"]
        if scene.get("approve"):
            ticket = self.community.approve(result["inbound"]).ticket
        self.tickets.append(ticket)
        return result | {
            "ticket": self.label_of(ticket, scene.get("ticket")),
            "recipients": sorted(f"{one['address']} {one['copy']}" for one in result["recipients"]),
        }

    def label_of(self, number: int | None, wanted: str | None) -> str | None:
        """The label of a ticket; one not seen before gets the one that is wanted, if that is free."""
        if number is None:
            return None
        for label, known in self.labels.items():
            if self.current(known) == self.current(number):
                return label
        if wanted and wanted not in self.labels:
            self.labels[wanted] = number
            return wanted
        return f"ticket {number}, another"

    def current(self, number: int) -> int:
        return int(self.community.ticket(number)["ticket"])

    def fill(self, content: bytes) -> bytes:
        return PLACEHOLDER.sub(lambda found: self._value(found[1], int(found[2]), found[3]), content)

    def _value(self, kind: bytes, number: int, address: bytes | None) -> bytes:
        if kind == b"ticket":
            return str(self.tickets[number - 1]).encode()
        if kind == b"root":
            return self.community.root_id(self.tickets[number - 1] or 0).encode()
        if kind == b"id":
            return self.community.post_id_of(self.results[number - 1]["inbound"]).encode()
        message_id = self.community.post_id_of(self.results[number - 1]["inbound"])
        copy = self.community.last_copy((address or b"").decode(), message_id)
        reply_to = parseaddr(header(copy, "Reply-To"))[1]
        token = reply_to.partition("@")[0].rpartition(".")[2]
        parts = {"reply_to": reply_to, "token": token, "return_path": copy.reverse_path}
        return copy.content if kind == b"copy" else parts[kind.decode()].encode()

    def end(self, label: str) -> dict[str, Any]:
        """A ticket at the end, in the words of the expectations."""
        return self.summary(self.community.ticket(self.labels[label]))

    def summary(self, ticket: dict[str, Any]) -> dict[str, Any]:
        return ticket | {
            "nosy": sorted(ticket["nosy"]),
            "posts": [post["author"] for post in ticket["posts"]],
            "message_ids": [post["message_id"] for post in ticket["posts"]],
            "dispositions": [post["disposition"] for post in ticket["posts"]],
            "links": [f"{one['kind']} {self.label_of(one['ticket'], None)}" for one in ticket["links"]],
            "aliases": len(ticket["aliases"]),
            "owner": ticket["owner"] or "",
            "dates": [post["received"] for post in ticket["posts"]],
            "changes": [_change(event) for event in ticket["history"] if event["kind"] == "status"],
        }


def _change(event: dict[str, Any]) -> str:
    by = f" by {event['actor']}" if event["actor"] else ""
    return f"{event['before']}>{event['after']}{by}"


def only(named: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    return {key: found.get(key) for key in named}


@pytest.mark.parametrize(("folder", "order"), list(scenes()))
def test_a_story_in_mails(folder: Path, order: tuple[int, ...] | None, community: Community) -> None:
    story = story_of(folder)
    telling = Telling(community, folder)
    telling.set_up(story.get("world", {}))
    if order is not None:
        for number in order:
            telling.tell({"file": f"{number:02}.eml"})
        ends = [telling.summary(ticket) for ticket in community.tickets()]
        assert [only(named, end) for named, end in zip(story["ticket"], ends, strict=True)] == story["ticket"]
        return
    for number, scene in enumerate(story["mail"], 1):
        assert scene.keys() <= HOW | PRINTED, "a word that means nothing"
        given = telling.tell({"file": f"{number:02}.eml"} | scene)
        expected = {key: value for key, value in scene.items() if key in PRINTED}
        if "recipients" in expected:
            expected["recipients"].sort()
        assert expected, f"mail {number} is told without expecting anything"
        assert (number, only(expected, given)) == (number, expected)
    for named in story.get("ticket", ()):
        label = named.pop("label")
        assert (label, only(named, telling.end(label))) == (label, named)
    if "tickets" in story:
        assert len(community.tickets()) == story["tickets"]


def test_every_case_says_why_and_has_its_mails() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {case.name for case in CASES}
    for folder in CASES:
        story = story_of(folder)
        mails = {path.name for path in folder.glob("*.eml")}
        told = {scene.get("file", f"{n:02}.eml") for n, scene in enumerate(story.get("mail", ()), 1)}
        assert story["why"]
        assert story.get("orders") == "all" or told == mails, folder.name
