"""The members of a Mailman list come over with what they chose, and nobody hears of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mailgate.cli import main
from tests.support.community import LIST, Community
from tracker.storage import bans, people, queues

ROSTER = """[
{"email": "ann@x.example", "display_name": "Ann", "delivery_mode": "regular"},
{"email": "bob@x.example", "display_name": "Bob", "delivery_mode": "plaintext_digests"},
{"email": "cas@x.example", "delivery_mode": "mime_digests", "delivery_status": "by_user"},
{"email": "osg-general+subscribe@lists.example.org"},
{"email": "mallory@spam.example"}
]"""


def run(community: Community, *words: str) -> Result:
    home = str(community.app.instance.home)
    return CliRunner().invoke(main, ["lists", "import-members", *words, "--home", home])


def summary(community: Community, *words: str) -> dict[str, Any]:
    done: dict[str, Any] = json.loads(run(community, *words, "--json").stdout)
    return done


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    roster, banned = tmp_path / "roster.json", tmp_path / "bans"
    roster.write_text(ROSTER)
    banned.write_text("^.*@spam\\.example$\n^(broken\n")
    return [str(roster), "--bans", str(banned)]


def test_a_roster_comes_over_and_again_changes_nothing(community: Community, files: list[str]) -> None:
    done = run(community, *files)
    assert done.exit_code == 1
    assert "entry 4: osg-general+subscribe@lists.example.org is an address of a list here" in done.stderr
    assert "bans, line 2: " in done.stderr
    assert "3 subscribed, 0 on the list already, 1 banned; 1 new bans, 2 lines not read" in done.stdout
    expected = [("ann@x.example", "all"), ("bob@x.example", "digest"), ("cas@x.example", "none")]
    assert community.members() == expected
    again = summary(community, *files)
    assert (again["subscribed"], again["present"], again["bans"]) == (0, 3, 0)
    assert community.members() == expected
    community.pass_time(days=2)
    assert community.bag.copies == []
    queue = community.app.queues()[0]
    found = community.app.read(lambda connection: queues.subscribers(connection, queue.id))
    assert [(one.person.name, one.person.member, one.plain_digest) for one in found] == [
        ("Ann", True, False),
        ("Bob", True, True),
        ("", True, False),
    ]
    assert community.app.read(lambda c: bans.of_list(c, queue.id)) == (r"^.*@spam\.example$",)


def test_a_dry_run_says_what_would_be_done_and_does_nothing(community: Community, files: list[str]) -> None:
    said = summary(community, *files, "--dry-run")
    assert (said["subscribed"], said["banned"], said["bans"], said["dry_run"]) == (3, 1, 1, True)
    assert community.members() == []
    assert community.app.read(people.everybody) == ()
    assert community.app.read(lambda c: bans.of_list(c, community.app.queues()[0].id)) == ()


def test_members_of_a_long_list_keep_every_post(community: Community, tmp_path: Path) -> None:
    roster = tmp_path / "roster"
    roster.write_text("".join(f"Member {n} <m{n}@x.example>\n" for n in range(620)))
    done = run(community, str(roster))
    assert done.exit_code == 0
    assert "620 subscribed" in done.stdout
    assert {delivery for _, delivery in community.members()} == {"all"}
    assert len(community.members()) == 620


def test_who_is_on_the_list_keeps_what_they_chose_here(community: Community, files: list[str]) -> None:
    community.subscribe("ann@home.example", "new")
    community.add_address("ann@home.example", "ann@x.example")
    community.subscribe("Bob@x.example", "topics")
    assert summary(community, *files)["present"] == 2
    assert community.members()[:2] == [("ann@home.example", "new"), ("Bob@x.example", "topics")]


def test_several_lists_must_be_told_apart(community: Community, files: list[str]) -> None:
    community.add_list("osg-int@lists.example.org", "INT")
    assert run(community, *files).exit_code == 2
    run(community, *files, "--list", "osg-int")
    assert community.members() == []


def test_files_of_mailman_2_go_together(community: Community, tmp_path: Path) -> None:
    for name, text in {
        "roster": "Ann <ann@x.example>\nBob <bob@x.example>\nCas <cas@x.example>\n",
        "digests": "bob@x.example\n",
        "nomail": "cas@x.example\n",
    }.items():
        (tmp_path / name).write_text(text)
    options = [word for name in ("digests", "nomail") for word in (f"--{name}", str(tmp_path / name))]
    assert run(community, str(tmp_path / "roster"), *options).exit_code == 0
    assert [delivery for _, delivery in community.members()] == ["all", "digest", "none"]


def test_what_is_no_roster_is_refused_in_one_line(community: Community, tmp_path: Path) -> None:
    (tmp_path / "roster").write_text("{broken")
    done = run(community, str(tmp_path / "roster"))
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)


def test_a_member_who_came_over_gets_the_next_post(community: Community, files: list[str]) -> None:
    run(community, *files)
    community.inject(
        f"From: eve@y.example\nTo: {LIST}\nSubject: Hi\nMessage-ID: <h@x.example>\n\nx\n".encode()
    )
    assert [copy.recipient for copy in community.bag.copies] == ["ann@x.example"]
