"""The life of a list with and without a private ticket, as a stranger, a member and staff see it (X10)."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.applications import Starlette

from mailgate.cli import main
from tests.support.community import LIST, Community, communities
from web import archive
from web.site import Site

UNA, SAM = "una@people.example", "sam@south.example"
STRANGER, MEMBER, OTHER = "stan@st.example", "mia@m.example", "nora@north.example"
TITLE = "Stolen key at the northern site"
SECRET = "Somebody has copied the host key of the northern storage."
REQUEST = "osg-general-request@lists.example.org"
# What is made by chance, or counts what is nobody's to see.
_CHANCE = re.compile(
    r"=_\w+|\b[a-z2-7]{16}\b|\bt\d+\.[a-z2-7]+|bounces\+\d+|\b[a-z2-7]{12}\b|[0-9a-f]{32}", re.IGNORECASE
)


@dataclass
class World:
    """One life; `number` is that of the private ticket, or of none."""

    community: Community
    private: bool
    number: int = 123_456_789
    count: int = 0
    replies: list[tuple[str, Any]] = field(default_factory=list)

    def send(self, sender: str, subject: str, text: str, to: str = LIST, **fields: str) -> dict[str, Any]:
        self.count += 1
        known = {"To": to, "Message_ID": f"<m{self.count}@people.example>"} | fields
        extra = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in known.items())
        self.community.clock.pass_by(minutes=2)
        raw = f"From: {sender}\nSubject: {subject}\n{extra}\n{text}\n".encode()
        found = self.community.inject(raw, [to], trust="aligned")
        self.community.notify()
        self.community.deliver()
        self.replies.append((sender, self.plain(found["reply"])))
        return found

    def plain(self, text: str) -> str:
        """A text without what is made by chance."""
        return _CHANCE.sub("*", text.replace(str(self.number), "NUMBER"))

    def seen_by(self, address: str) -> list[str]:
        """All mail that somebody got, and every reply that they had in a session."""
        mails = [
            self.plain(_text_of(copy.content))
            for copy in self.community.bag.copies
            if copy.recipient == address
        ]
        return mails + [reply for sender, reply in self.replies if sender == address]


def _text_of(content: bytes) -> str:
    message = email.message_from_bytes(content, policy=email.policy.default)
    header = "\n".join(f"{name}: {' '.join(str(value).split())}" for name, value in message.items())
    parts = [str(part.get_content()) for part in message.walk() if part.get_content_maintype() == "text"]  # type: ignore[attr-defined]
    return header + "\n" + "\n".join(parts)


def live(world: World) -> None:
    """What happens on the list, and what everybody tries."""
    community = world.community
    community.add_center("SouthSC", "south@centers.example", staff=[SAM])
    community.add_center("NorthSC", "north@centers.example", staff=[OTHER])
    community.subscribe(MEMBER, "all")
    for reader in ("digest@r.example", "interest@r.example"):
        community.subscribe(reader, "digest" if reader.startswith("digest") else "interest")
    world.send("interest@r.example", "interest northern", "", REQUEST)
    world.send(UNA, "Jobs fail", "They all fail.")
    if world.private:
        opened = world.send(UNA, TITLE, SECRET, "osg-general+private@lists.example.org")
        world.number = opened["ticket"]
        community.hand_to(world.number, "SouthSC")
        world.send(SAM, f"Re: {TITLE}", "We look into it.", f"osg-general+{world.number}@lists.example.org")
        world.send(
            UNA,
            f"Re: {TITLE}",
            "!link follows 1\n!tag +security",
            f"osg-general+{world.number}@lists.example.org",
        )
    else:
        # The clock, and the numbers of mails, go as they do there.
        community.clock.pass_by(minutes=6)
        world.count += 3
    world.send(UNA, "Disk full", "The disk of the northern site is full.")
    for who in (STRANGER, MEMBER, OTHER):
        probe(world, who)
    community.pass_time(minutes=10)
    community.pass_time(days=1, minutes=10)
    community.pass_time(days=8)


def probe(world: World, who: str) -> None:
    """All that somebody can try who knows, or guesses, the number."""
    number = world.number
    for detail in ("", ".done", ".claim", ".follow", ".show", ".mute", ".unfollow", f".{'a' * 16}"):
        world.send(who, "Hello", "What of it?", f"osg-general+{number}{detail}@lists.example.org")
    world.send(who, f"Re: [OSG #{number}] Hello", "What of it?")
    world.send(who, f"Re: [OSG #{number}] {TITLE}", f"Please see osg-general+{number}@lists.example.org")
    world.send(who, f"[issue{number}] Hello", "What of it?")
    world.send(who, f"Re: {TITLE} {who}", "We have the same.")
    world.send(who, f"{TITLE}, says {who}", SECRET.replace("copied", "stolen"))
    for words in (f"!merge {number}", f"!link follows {number}", f"!undo {number}"):
        world.send(who, "Re: [OSG #1] Jobs fail", words)
    for words in (
        "queue",
        "search stolen",
        "search northern",
        "search is:private",
        "search tag:security",
        "topics",
    ):
        world.send(who, words, "", REQUEST)


def cli(world: World, *words: str) -> str:
    home = str(world.community.app.instance.home)
    done = CliRunner().invoke(main, [*words, "--home", home])
    return world.plain(f"{done.exit_code}\n{done.output}")


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, World]:
    folder = tmp_path_factory.mktemp("worlds")
    settle: Callable[[Path], Community] = communities(folder / "template")
    for world in ("with", "without"):
        shutil.rmtree(folder / world, ignore_errors=True)
    made = (World(settle(folder / "with"), True), World(settle(folder / "without"), False))
    for world in made:
        live(world)
    return made


@pytest.mark.parametrize("who", [STRANGER, MEMBER, "digest@r.example", "interest@r.example", OTHER])
def test_no_mail_and_no_reply_tells_of_it(worlds: tuple[World, World], who: str) -> None:
    there, not_there = (world.seen_by(who) for world in worlds)
    assert there == not_there
    assert there
    assert all(SECRET not in one and "copied the host key" not in one for one in there)


def test_its_own_people_and_staff_see_it(worlds: tuple[World, World]) -> None:
    for who in (UNA, SAM):
        there, not_there = (world.seen_by(who) for world in worlds)
        assert len(there) > len(not_there)


def test_public_tickets_are_the_same_to_a_number(worlds: tuple[World, World]) -> None:
    def told(world: World) -> list[tuple[Any, ...]]:
        return [
            (
                one["ticket"],
                world.plain(one["title"]),
                one["status"],
                one["links"],
                one["tags"],
                len(one["posts"]),
            )
            for one in world.community.tickets()
            if not one["private"]
        ]

    assert told(worlds[0]) == told(worlds[1])


def test_the_web_shows_the_same(worlds: tuple[World, World]) -> None:
    for world in worlds:
        assert world.community.app.read(lambda c, w=world: archive.ticket_of(c, w.number)) is None
        assert world.community.app.read(lambda c, w=world: archive.post_of(c, w.number, 1)) is None
    assert _pages(worlds[0]) == _pages(worlds[1])


def _pages(world: World) -> list[str]:
    """Every page that there may be, as it is shown."""
    site = Site(world.community.app, world.community.app.write).asgi()
    paths = [f"/t/{path}" for n in range(1, 20) for path in (n, f"{n}/1", f"{n}/2")]
    return [world.plain(asyncio.run(_get(site, path))) for path in paths]


async def _get(site: Starlette, path: str) -> str:
    """What the application answers to a GET (ASGI 3)."""
    found: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        found.append(str(message.get("status", "")) + message.get("body", b"").decode())

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "http_version": "1.1",
        "scheme": "https",
        "server": ("tickets.example.org", 443),
        "client": ("192.0.2.1", 1),
        "root_path": "",
    }
    await site(scope, receive, send)
    return "\n".join(found)


@pytest.mark.parametrize(
    "words",
    [
        ("ticket", "list", "--all"),
        ("ticket", "list", "northern"),
        ("ticket", "list", "is:private"),
        ("ticket", "show", "{n}"),
        ("ticket", "set", "{n}", "status=waiting"),
        ("ticket", "merge", "1", "{n}"),
        ("ticket", "link", "1", "follows", "{n}"),
        ("ticket", "follow", "{n}", "{me}"),
    ],
)
def test_the_command_line_tells_somebody_else_nothing(
    worlds: tuple[World, World], words: tuple[str, ...]
) -> None:
    for who in (STRANGER, MEMBER, OTHER):
        told = [
            cli(world, *(word.format(n=world.number, me=who) for word in words), "--as", who)
            for world in worlds
        ]
        assert told[0] == told[1]
