"""Rules tried on mails that came: `rules test|try|pin|list --hits|lint`, and `rollback --repair`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mailgate.cli import main
from tests.support.community import LIST, Community
from tests.support.put_grid import put_grid

Run = Callable[..., Result]


@pytest.fixture
def house(community: Community) -> Community:
    """Ticket 1 of NU_Tier2 and 2 of nobody; an answer to 1."""
    put_grid(community)
    community.inject(mail(1, "all of NU_Tier2 fails"))
    community.inject(mail(2, "the pilot does not start"))
    community.inject(mail(3, "Any news?", "Re: Question 1"), ["osg-general+1@lists.example.org"])
    return community


@pytest.fixture
def run(house: Community, monkeypatch: pytest.MonkeyPatch) -> Run:
    home = str(house.app.instance.home)
    monkeypatch.setattr("mailgate.app.system_clock", house.clock)
    monkeypatch.setattr("mailgate.app.App.open", lambda _: house.app)

    def call(*words: str, exits: int = 0) -> Result:
        result = CliRunner().invoke(main, [*words, "--home", home])
        assert result.exit_code == exits, result.output
        return result

    return call


def mail(number: int, text: str, subject: str = "") -> bytes:
    head = f"From: una{number}@people.example\nTo: {LIST}\nSubject: {subject or f'Question {number}'}\n"
    return f"{head}Message-ID: <q{number}@x.example>\n\n{text}\n".encode()


def rows(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


ADD = ("rules", "add", "pilots", "--phase", "route", "--when", "pilot", "--then", "center+=SouthSC")


def test_test_says_of_a_ticket_which_rules_and_who(run: Run) -> None:
    (found,) = rows(run("rules", "test", "--ticket", "1", "--json"))
    assert (found["centers"], found["rules"]) == (["NorthSC"], ["registry"])


def test_test_reads_all_mails_of_an_mbox(run: Run, tmp_path: Path) -> None:
    box = tmp_path / "box"
    box.write_bytes(b"From x\n" + mail(8, "SLAB fails") + b"\nFrom y\n" + mail(9, "NU_Tier2 fails") + b"\n")
    found = rows(run("rules", "test", "--mbox", str(box), "--json"))
    assert [one["centers"] for one in found] == [["SouthSC"], ["NorthSC"]]


def test_try_shows_what_would_have_gone_elsewhere_and_sends_nothing(run: Run, house: Community) -> None:
    house.bag.copies.clear()
    run(*ADD)
    result = run("rules", "try", "--since", "90d", "--json")
    assert rows(result) == [{"ticket": 2, "subject": "Question 2", "now": "the community", "then": "SouthSC"}]
    assert "1 of 3 posts would have gone elsewhere" in result.stderr
    assert house.bag.copies == []
    assert house.ticket(2)["centers"] == []


def test_a_pinned_case_that_breaks_fails_try_and_apply(run: Run) -> None:
    run("rules", "pin", "2", "must go to community")
    run(*ADD)
    assert "1 pinned cases break" in run("rules", "try", exits=1).stderr
    refused = run("rules", "apply", "-m", "pilots are theirs", exits=1)
    assert (
        "pin 1, ticket 2 (must go to community): must go to the community, would go to SouthSC"
        in refused.stderr
    )
    run("rules", "apply", "-m", "pilots are theirs", "--break-pins")


def test_a_pin_names_centers_that_are_there(run: Run) -> None:
    assert "did you mean 'NorthSC'?" in run("rules", "pin", "1", "must go to NorthSX", exits=1).stderr
    run("rules", "pin", "1", "must go to northsc")
    assert rows(run("rules", "pins", "--json"))[0]["must"] == "NorthSC"
    run("rules", "unpin", "1")
    assert "nothing is pinned" in run("rules", "pins").stderr


def test_hits_are_counted(run: Run) -> None:
    found = {one["name"]: one for one in rows(run("rules", "list", "--hits", "30d", "--json"))}
    assert found["registry"]["hits"] == 1
    assert found["registry"]["last_hit"] is not None
    assert found["hold-first-post-ads"]["hits"] == 0


def test_lint_knows_the_registry(run: Run) -> None:
    run(
        "rules", "add", "a", "--phase", "enrich", "--when", "resource:NU-CX1 or vo:AURORA", "--then", "tag+=a"
    )
    result = run("rules", "lint", "--json", exits=1)
    assert {
        "rule": "a",
        "finding": 'asks for resource:NU-CX1, which the registry does not know; the nearest is "NU-CE1"',
    } in rows(result)


def test_a_rollback_repairs_what_the_bad_revision_routed(run: Run, house: Community) -> None:
    run("rules", "add", "bad", "--phase", "route", "--when", "*", "--then", "center+=SouthSC")
    run("rules", "apply", "-m", "a slip")
    house.inject(mail(4, "what is a proxy?"))
    house.inject(mail(5, "all of NU_Tier2 fails again"))
    assert house.ticket(4)["centers"] == ["NorthSC", "SouthSC"]
    result = run("rules", "rollback", "1", "-m", "not all mail", "--repair", "--json")
    shown = [one for one in rows(result) if "ticket" in one]
    assert [(one["ticket"], one["right"]) for one in shown] == [(3, "the community"), (4, "NorthSC")]
    assert house.ticket(3)["centers"] == ["SouthSC"]
    for _ in range(2):
        run("rules", "rollback", "1", "-m", "not all mail", "--repair", "--yes")
        assert house.ticket(3)["centers"] == []
        assert house.ticket(4)["centers"] == ["NorthSC"]
    removed = [e for e in house.ticket(4)["history"] if e["kind"] == "center_removed"]
    assert len(removed) == 1


def test_a_repair_leaves_what_people_did(run: Run, house: Community) -> None:
    house.add_staff("NorthSC", "ned@north.example")
    run("rules", "add", "bad", "--phase", "route", "--when", "*", "--then", "center+=SouthSC")
    run("rules", "apply", "-m", "a slip")
    house.inject(mail(4, "what is a proxy?"))
    house.clock.pass_by(minutes=5)
    by_hand = (
        b"From: ned@north.example\nSubject: Re: Question 4\nMessage-ID: <h@x.example>\n\n!center NorthSC\n"
    )
    house.inject(by_hand, ["osg-general+3@lists.example.org"])
    run("rules", "rollback", "1", "-m", "not all mail", "--repair", "--yes")
    assert house.ticket(3)["centers"] == ["NorthSC", "SouthSC"]
    run("rules", "rollback", "1", "-m", "not all mail", "--repair", "--yes", "--touched")
    assert house.ticket(3)["centers"] == ["NorthSC"]
