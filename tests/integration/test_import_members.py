"""The members of a real Mailman 3 list come over, by each of the ways that its admin has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.environments import Unavailable
from tests.support.mailman import Mailman
from tests.support.sink import Sink

pytestmark = pytest.mark.integration

THERE, HERE = "general@mailman.example", "general@lists.example.org"
MEMBERS = {
    "ann@people.example": {"name": "Ånn Onym"},
    "bob@people.example": {"name": "Bob, Junior", "delivery_mode": "mime_digests"},
    "cas@people.example": {"delivery_mode": "plaintext_digests"},
    "dan@people.example": {"name": "Dan", "delivery_mode": "summary_digests"},
    "eve@people.example": {"name": "Eve", "delivery_status": "by_user"},
    "fay@people.example": {"delivery_status": "by_moderator", "delivery_mode": "mime_digests"},
}
EXPECTED = {
    "ann@people.example": ("Ånn Onym", "all"),
    "bob@people.example": ("Bob, Junior", "digest"),
    "cas@people.example": ("", "digest"),
    "dan@people.example": ("Dan", "digest"),
    "eve@people.example": ("Eve", "none"),
    "fay@people.example": ("", "none"),
}


@pytest.fixture(scope="module")
def mailman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailman]:
    with Sink() as sink:
        try:
            made = Mailman(tmp_path_factory.mktemp("mailman"), sink.address)
        except Unavailable as error:
            pytest.skip(str(error))
        with made.running():
            made.make_list(THERE)
            for address, wishes in MEMBERS.items():
                made.subscribe(THERE, address, **wishes)
            made.ban(THERE, "mallory@spam.example")
            made.ban(THERE, r"^.*@worse\.example$")
            yield made


@pytest.fixture
def here(tmp_path: Path) -> CommandLine:
    line = CommandLine(tmp_path / "home")
    line.succeed("init", "--list", HERE)
    return line


def members(here: CommandLine) -> dict[str, tuple[str, str]]:
    found = here.rows("lists", "members", "general", "--json")
    return {one["address"]: (one["name"], one["delivery"]) for one in found}


def test_what_mailman_members_prints_comes_over(mailman: Mailman, here: CommandLine, tmp_path: Path) -> None:
    for name, words in {
        "roster": (),
        "digests": ("-d", "mime"),
        "plain": ("-d", "plaintext"),
        "nomail": ("-n", "any"),
    }.items():
        mailman.run("members", *words, "-o", str(tmp_path / name), THERE)
    options = ("--digests", "digests", "--plain-digests", "plain", "--nomail", "nomail")
    words = [str(tmp_path / word) if word in ("digests", "plain", "nomail") else word for word in options]
    said = here.rows("lists", "import-members", str(tmp_path / "roster"), *words, "--json")[0]
    assert (said["members"], said["subscribed"], said["faults"]) == (6, 6, [])
    assert members(here) == EXPECTED
    assert here.rows("lists", "import-members", str(tmp_path / "roster"), *words, "--json")[0]["present"] == 6
    assert members(here) == EXPECTED


def test_what_rest_answers_comes_over(mailman: Mailman, here: CommandLine, tmp_path: Path) -> None:
    ident = THERE.replace("@", ".")
    (tmp_path / "roster").write_text(json.dumps(mailman.rest(f"lists/{ident}/roster/member")))
    (tmp_path / "bans").write_text(json.dumps(mailman.rest(f"lists/{ident}/bans")))
    mailman.run("members", "-n", "any", "-o", str(tmp_path / "nomail"), THERE)
    options = ("--bans", str(tmp_path / "bans"), "--nomail", str(tmp_path / "nomail"))
    said = here.rows("lists", "import-members", str(tmp_path / "roster"), *options, "--json")[0]
    assert (said["subscribed"], said["bans"], said["faults"]) == (6, 2, [])
    assert members(here) == EXPECTED
    banned = [one["banned"] for one in here.rows("lists", "bans", "general", "--json")]
    assert sorted(banned) == [r"^.*@worse\.example$", "mallory@spam.example"]
    assert "is banned from" in here.refused("lists", "subscribe", "general", "x@worse.example")
