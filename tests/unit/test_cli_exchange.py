"""`mailgate exchange`: whom tickets are shared with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailgate.cli import main
from tests.support.community import Community

Run = Callable[..., Result]


@pytest.fixture
def mailgate(community: Community) -> Run:
    home = str(community.app.instance.home)
    community.add_center("BNL", "rt@bnl.example")

    def run(*words: str, exits: int = 0) -> Result:
        result = CliRunner().invoke(main, [*words, "--home", home])
        assert result.exit_code == exits, result.output
        return result

    return run


def rows(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_shipped_profile_is_added_and_its_secret_address_shown(mailgate: Run) -> None:
    (added,) = rows(mailgate("exchange", "add", "BNL", "rt", "--json"))
    address = str(added["secret_address"])
    assert address.startswith("osg-general+x.")
    assert address in mailgate("exchange", "show", "BNL").stdout
    (listed,) = rows(mailgate("exchange", "list", "--json"))
    assert (listed["center"], listed["address"], listed["state"]) == ("BNL", "rt@bnl.example", "on")


def test_added_again_it_keeps_its_secret_and_rotated_it_gets_another(mailgate: Run) -> None:
    first = rows(mailgate("exchange", "add", "BNL", "rt", "--json"))[0]["secret_address"]
    assert rows(mailgate("exchange", "add", "BNL", "ggus", "--json"))[0]["secret_address"] == first
    assert rows(mailgate("exchange", "rotate", "BNL", "--json"))[0]["secret_address"] != first


def test_what_is_wrong_is_said_in_a_line(mailgate: Run, tmp_path: Path) -> None:
    assert "did you mean 'BNL'?" in mailgate("exchange", "add", "BML", "rt", exits=1).stderr
    assert "there are ggus, mailgate, rt" in mailgate("exchange", "add", "BNL", "remedy", exits=1).stderr
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[number]\nsubject = ['(']\n")
    assert "is no pattern" in mailgate("exchange", "add", "BNL", str(wrong), exits=1).stderr
    assert "there is no exchange 'BNL'" in mailgate("exchange", "show", "BNL", exits=1).stderr


def test_a_mail_is_tried_before_anything_is_added(mailgate: Run, tmp_path: Path) -> None:
    mail = tmp_path / "mail.eml"
    mail.write_text("From: rt@bnl.example\nSubject: [rt.example #17] x\n\nStatus: resolved\n")
    (said,) = rows(mailgate("exchange", "test", "rt", str(mail), "--json"))
    expected = {"number": "17", "their status": "resolved", "our status": "resolved", "acknowledges": "no"}
    assert said == expected


def test_off_on_and_away(mailgate: Run) -> None:
    mailgate("exchange", "add", "BNL", "rt")
    mailgate("exchange", "disable", "BNL")
    assert rows(mailgate("exchange", "list", "--json"))[0]["state"] == "off"
    mailgate("exchange", "enable", "BNL")
    mailgate("exchange", "remove", "BNL")
    assert mailgate("exchange", "list", "--json").stdout == ""
    assert mailgate("exchange", "pairs", "--json").stdout == ""
