"""`mailgate registry` and what it does to the support centers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, delete

from mailgate.cli import main
from routing import store as rule_store
from routing.rules import parse_rules
from routing.tables import actives, drafts, revisions
from tests.support.community import Community
from tests.support.neutral import CENTERS, GROUPS, neutral_file
from tests.support.put_grid import put_grid
from tests.support.shared import shared_folder

Run = Callable[..., Result]
SHARED = shared_folder() / "data"


@pytest.fixture
def mailgate(community: Community) -> Run:
    """Run a command on the community's instance."""
    home = str(community.app.instance.home)

    def run(*words: str, exits: int = 0) -> Result:
        result = CliRunner().invoke(main, [*words, "--home", home])
        assert result.exit_code == exits, result.output
        return result

    return run


def test_an_import_is_in_force_at_once_and_makes_its_centers_known(mailgate: Run, tmp_path: Path) -> None:
    said = mailgate("registry", "import", str(neutral_file(tmp_path)), "--source", "grid")
    assert "version 1 of grid is in force: 1 support centers" in said.stdout
    (center,) = (json.loads(line) for line in mailgate("centers", "list", "--json").stdout.splitlines())
    assert (center["center"], center["address"], center["source"]) == (
        "NorthSC",
        "north@centers.example",
        "registry",
    )
    shown = mailgate("registry", "show", "ce.nu.example").stdout.splitlines()
    assert ["contact", "a@nu.example"] in [line.split() for line in shown]


def test_a_dry_run_shows_the_changes_and_makes_none(mailgate: Run, tmp_path: Path) -> None:
    said = mailgate("registry", "import", str(neutral_file(tmp_path)), "--dry-run")
    assert "added support centers: NorthSC" in said.stdout
    assert mailgate("registry", "sources", "--json").stdout == ""
    assert mailgate("centers", "list", "--json").stdout == ""


def test_the_same_again_is_no_new_version(mailgate: Run, tmp_path: Path) -> None:
    path = str(neutral_file(tmp_path))
    mailgate("registry", "import", path)
    assert "version 1 stays" in mailgate("registry", "import", path).stdout


def test_with_a_fault_nothing_is_imported(mailgate: Run, tmp_path: Path) -> None:
    path = neutral_file(tmp_path, resource_groups=[GROUPS[0] | {"support_center": "NorthSC2"}, {"site": "x"}])
    said = mailgate("registry", "import", str(path), exits=1)
    assert "grid.json: resource_groups 2: has no name" in said.stderr
    assert "1 faults; nothing was imported" in said.stderr
    assert mailgate("registry", "sources", "--json").stdout == ""


def test_what_the_operator_says_of_a_center_outlives_an_import(mailgate: Run, tmp_path: Path) -> None:
    mailgate("registry", "import", str(neutral_file(tmp_path)))
    mailgate("centers", "set", "NorthSC", "--wants", "all", "--state", "away", "--until", "2030-01-02")
    changed = neutral_file(tmp_path, support_centers=[CENTERS[0] | {"address": "new@centers.example"}])
    said = mailgate("registry", "import", str(changed)).stdout
    assert "changed support centers: NorthSC (address: north@centers.example -> new@centers.example)" in said
    (center,) = (json.loads(line) for line in mailgate("centers", "list", "--json").stdout.splitlines())
    assert (center["address"], center["wants"], center["state"]) == (
        "new@centers.example",
        "all",
        "away until 2030-01-02",
    )


def test_a_center_added_by_hand_stays_as_it_is(mailgate: Run, tmp_path: Path) -> None:
    mailgate("centers", "add", "NorthSC", "--address", "mine@centers.example")
    said = mailgate("registry", "import", str(neutral_file(tmp_path)))
    assert "NorthSC was added by hand here: it stays as it is" in said.stderr
    assert "mine@centers.example" in mailgate("centers", "list").stdout


def test_a_center_that_vanished_is_off_until_it_comes_back(mailgate: Run, tmp_path: Path) -> None:
    mailgate("registry", "import", str(neutral_file(tmp_path)))
    bare = [GROUPS[0] | {"support_center": None}]
    said = mailgate(
        "registry", "import", str(neutral_file(tmp_path, support_centers=[], resource_groups=bare))
    )
    assert "NorthSC is in no registry any more" in said.stderr
    assert json.loads(mailgate("centers", "list", "--json").stdout)["state"] == "off"
    mailgate("registry", "import", str(neutral_file(tmp_path)))
    assert json.loads(mailgate("centers", "list", "--json").stdout)["state"] == "available"


def test_a_later_source_overrules_and_goes_again(mailgate: Run, tmp_path: Path) -> None:
    mailgate("registry", "import", str(neutral_file(tmp_path)), "--source", "grid")
    extra = tmp_path / "extra.json"
    extra.write_text(json.dumps({"support_centers": [CENTERS[0] | {"address": "other@centers.example"}]}))
    mailgate("registry", "import", str(extra))
    assert "other@centers.example" in mailgate("registry", "show", "NorthSC").stdout
    mailgate("registry", "remove", "extra")
    assert "north@centers.example" in mailgate("registry", "show", "NorthSC").stdout


def test_an_unknown_entry_is_answered_with_the_nearest(mailgate: Run, tmp_path: Path) -> None:
    mailgate("registry", "import", str(neutral_file(tmp_path)))
    assert "did you mean 'NU-CE'?" in mailgate("registry", "show", "NU-CX", exits=1).stderr


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared or MAILGATE_SHARED")
@pytest.mark.parametrize("folder", ["registry", "registry/overlay_2005.json", "topology-sample"])
def test_real_registries_come_in(mailgate: Run, folder: str) -> None:
    assert "is in force" in mailgate("registry", "import", str(SHARED / folder)).stdout


def test_rules_that_never_knew_the_registry_route_by_it_once(mailgate: Run, tmp_path: Path) -> None:
    bare = tmp_path / "rules.toml"
    bare.write_text('[[rule]]\nname = "a"\nphase = "enrich"\nwhen = "is:new"\nthen = ["tag+=a"]\n')
    shipped = mailgate("rules", "list", "--json").stdout
    assert '"registry"' in shipped
    mailgate("rules", "import", str(bare), "--apply", "-m", "only mine")
    mailgate("registry", "import", str(neutral_file(tmp_path)))
    # The rule was there before, and somebody took it away.
    assert '"registry"' not in mailgate("rules", "list", "--json").stdout


def test_an_instance_older_than_the_registry_gets_its_rule(community: Community) -> None:
    rules = parse_rules('[[rule]]\nname = "a"\nphase = "enrich"\nwhen = "is:new"\nthen = ["tag+=a"]\n')

    def old(connection: Connection) -> None:
        for table in (actives, drafts, revisions):
            connection.execute(delete(table))
        rule_store.initialise(
            connection, rules, rule_store.Change("operator", "as it was", community.clock())
        )

    community.app.write(old)
    put_grid(community)
    put_grid(community)
    _, now = community.app.read(rule_store.active)
    assert [rule.name for rule in now.rules] == ["registry", "a"]
    assert community.app.read(rule_store.active_number) == 2
