"""`mailgate rules edit`: a slip comes back to the editor, and what was written is never lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailgate.cli import main
from routing import store
from routing.rules import RuleSet
from tests.support.command_line import MAILGATE
from tests.support.community import Community

RULES = """[[rule]]
name  = 'vdt'
phase = 'route'
when  = 'subject:VDT'
then  = ['tag+=vdt']

[[rule]]
name  = 'other'
phase = 'enrich'
when  = 'is:new'
then  = ['tag+=new']
"""
DROP_THE_DRAFTS = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('drop table rules_draft')"
EDIT_MEANWHILE = """
import sys
from datetime import UTC, datetime
from sqlalchemy import create_engine
from routing import store
from routing.rules import emit_rules, parse_rules

with create_engine(sys.argv[1]).begin() as connection:
    text = emit_rules(store.active(connection)[1]).replace("subject:VDT", "from:VDT")
    store.save_draft(connection, parse_rules(text), datetime.now(UTC))
"""

# The first of them, as the editor gets it.
RULE = RULES.partition("\n\n")[0] + "\n"

Edit = Callable[..., Result]


@pytest.fixture
def home(community: Community) -> Path:
    community.put_rules(RULES)
    return community.app.instance.home


@pytest.fixture
def editor(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """An $EDITOR that does one line of shell a round, the text being "$1"; `shown` has what it was shown."""

    def make(*rounds: str) -> dict[str, str]:
        script, steps = tmp_path / "editor", tmp_path / "rounds"
        steps.write_text("".join(f"{line}\n" for line in rounds))
        take = f"now=$(head -n 1 {steps})\nsed -i 1d {steps}"
        script.write_text(f'#!/bin/sh\ncat "$1" >> {tmp_path}/shown\n{take}\neval "$now"\n')
        script.chmod(0o755)
        return {"EDITOR": str(script), "VISUAL": str(script)}

    return make


@pytest.fixture
def edit(home: Path, editor: Callable[..., dict[str, str]]) -> Edit:
    def call(*rounds: str, name: str | None = "vdt") -> Result:
        words = ["rules", "edit", *([name] if name else []), "--home", str(home)]
        return CliRunner().invoke(main, words, env=editor(*rounds))

    return call


def replacing(old: str, new: str) -> str:
    return f"""sed -i "s/{old}/{new}/" "$1" """


def draft(community: Community) -> RuleSet:
    found = community.app.read(store.draft)
    assert found is not None
    return found.rules


def no_draft(community: Community) -> bool:
    return community.app.read(store.draft) is None


def kept(home: Path) -> list[str]:
    """The texts that lie beside the configuration."""
    return [path.read_text() for path in home.glob("rules-edited-*.toml")]


def test_a_rule_is_edited(edit: Edit, community: Community, home: Path) -> None:
    said = edit(replacing("subject:VDT", "body:VDT"))
    assert (said.exit_code, said.stderr) == (0, "")
    assert "changed vdt, in the draft" in said.stdout
    assert [rule.when.text for rule in draft(community).rules] == ["body:VDT", "is:new"]
    assert kept(home) == []


def test_all_rules_are_edited_at_once(edit: Edit, community: Community) -> None:
    said = edit(replacing("'vdt'", "'tools'"), name=None)
    assert "changed all to 2 rules, in the draft" in said.stdout
    assert [rule.name for rule in draft(community).rules] == ["tools", "other"]


def test_an_editor_may_save_under_another_file(edit: Edit, community: Community) -> None:
    edit('sed s/subject:VDT/body:VDT/ "$1" > "$1.new"; mv "$1.new" "$1"')
    assert draft(community).rule("vdt").when.text == "body:VDT"


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        (("subject:", "subjct:"), '#! rule "vdt", key when, column 1: unknown field "subjct"'),
        (("tag+=vdt", "center+=VTD"), '#! rule "vdt" unknown center "VTD"'),
        (("phase =", "fase ="), '#! rule "vdt", key fase, column 1: unknown key'),
        (("'vdt'$", "'other'"), '#! rule "other", key name, column 1: stands twice'),
        (("\\[\\[rule\\]\\]", ""), "#! rule"),
        (("VDT", "V\\xfcDT"), "is no UTF-8"),
    ],
)
def test_a_slip_comes_back_to_the_editor_with_what_is_wrong_on_top(
    edit: Edit, community: Community, home: Path, tmp_path: Path, slip: tuple[str, str], said: str
) -> None:
    (tmp_path / "right").write_text(RULE.replace("subject", "body"))
    result = edit(replacing(*slip), f'cp {tmp_path}/right "$1"')
    assert result.exit_code == 0, result.output
    shown = (tmp_path / "shown").read_bytes().decode("utf-8", "replace")
    assert said in shown
    assert "#! Mend it and save." in shown
    assert draft(community).rule("vdt").when.text == "body:VDT"
    assert kept(home) == []


def test_lines_are_counted_as_they_stand_in_the_editor(edit: Edit, tmp_path: Path) -> None:
    edit(replacing("'route'", "route"))
    text = (tmp_path / "shown").read_text()
    second = text[text.index("#! ") :].splitlines()
    line = int(second[0].split("line ")[1].split(",")[0])
    assert second[line - 1] == "phase = route"


def test_what_is_wrong_is_said_anew_each_time(edit: Edit, tmp_path: Path, home: Path) -> None:
    edit(replacing("subject:", "subjct:"), replacing("subjct:", "bdy:"), "true")
    assert kept(home) == [RULE.replace("subject:", "bdy:")]
    last = (tmp_path / "shown").read_text().rpartition("[[rule]]")[0].rpartition("[[rule]]")[2]
    assert last.count("unknown field") == 1
    assert 'unknown field "bdy"' in last


def test_a_slip_that_is_left_is_refused_and_the_text_is_kept(
    edit: Edit, community: Community, home: Path
) -> None:
    said = edit(replacing("subject:", "subjct:"), "true")
    assert said.exit_code == 1
    (file,) = home.glob("rules-edited-*.toml")
    assert said.stderr.splitlines()[-1] == f"Error: nothing was changed; what you wrote is in {file}"
    assert kept(home) == [RULE.replace("subject:", "subjct:")]
    assert no_draft(community)


def test_an_emptied_text_gives_up_what_was_written_before(
    edit: Edit, community: Community, home: Path
) -> None:
    said = edit(replacing("subject:", "subjct:"), ': > "$1"')
    assert said.exit_code == 1
    assert kept(home) == [RULE.replace("subject:", "subjct:")]
    assert no_draft(community)


@pytest.mark.parametrize("name", ["vdt", None])
@pytest.mark.parametrize("nothing", ["true", ': > "$1"', 'touch "$1"', "exit 1"])
def test_where_nothing_was_written_nothing_is_kept(
    edit: Edit, community: Community, home: Path, nothing: str, name: str | None
) -> None:
    said = edit(nothing, name=name)
    assert said.exit_code == 1
    assert said.stderr.count("\n") == 1
    assert "what you wrote" not in said.stderr
    assert kept(home) == []
    assert no_draft(community)


def test_an_editor_that_fails_takes_no_text_with_it(edit: Edit, community: Community, home: Path) -> None:
    said = edit(replacing("subject:VDT", "body:VDT") + "; exit 1")
    assert said.exit_code == 1
    assert said.stderr.count("\n") == 1
    assert "what you wrote is in" in said.stderr
    assert kept(home) == [RULE.replace("subject", "body")]
    assert no_draft(community)


def test_an_editor_that_is_not_there_is_named(home: Path) -> None:
    words = ["rules", "edit", "vdt", "--home", str(home)]
    said = CliRunner().invoke(main, words, env={"EDITOR": "/no/such/editor", "VISUAL": ""})
    assert said.exit_code == 1
    assert "/no/such/editor" in said.stderr
    assert kept(home) == []


def test_an_editor_that_comes_back_for_ever_is_ended(edit: Edit, home: Path) -> None:
    said = edit(*['echo x >> "$1"'] * 60)
    assert said.exit_code == 1
    assert "what you wrote is in" in said.stderr
    assert kept(home)[0].count("x\n") == 50


def test_a_database_in_trouble_takes_no_text_with_it(edit: Edit, home: Path, tmp_path: Path) -> None:
    (tmp_path / "drop.py").write_text(DROP_THE_DRAFTS)
    drop = f"{sys.executable} {tmp_path}/drop.py {home}/mailgate.db"
    said = edit(f"{replacing('subject:VDT', 'body:VDT')}; {drop}")
    assert said.exit_code == 1
    assert "the database does not answer" in said.stderr
    assert "what you wrote is in" in said.stderr
    assert kept(home) == [RULE.replace("subject", "body")]


def test_a_program_that_is_killed_takes_no_text_with_it(
    home: Path, editor: Callable[..., dict[str, str]]
) -> None:
    variables = editor(replacing("subject:VDT", "body:VDT") + "; kill -9 $PPID")
    command = [MAILGATE, "rules", "edit", "vdt", "--home", str(home)]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, timeout=60, check=False)
    assert done.returncode == -9
    assert kept(home) == [RULE.replace("subject", "body")]


def test_an_interrupt_takes_no_text_with_it(home: Path, editor: Callable[..., dict[str, str]]) -> None:
    variables = editor(replacing("subject:VDT", "body:VDT") + "; kill -INT $PPID")
    command = [MAILGATE, "rules", "edit", "vdt", "--home", str(home)]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert b"what you wrote is in" in done.stderr
    assert kept(home) == [RULE.replace("subject", "body")]


@pytest.mark.parametrize("name", ["vdt", None])
def test_what_somebody_else_changed_meanwhile_stays_and_nothing_is_lost(
    edit: Edit, community: Community, home: Path, tmp_path: Path, name: str | None
) -> None:
    (tmp_path / "meanwhile.py").write_text(EDIT_MEANWHILE)
    meanwhile = f"{sys.executable} {tmp_path}/meanwhile.py sqlite:///{home}/mailgate.db"
    said = edit(f"{replacing('subject:VDT', 'body:VDT')}; {meanwhile}", name=name)
    assert said.exit_code == 1
    assert "meanwhile; nothing is saved; what you wrote is in" in said.stderr
    assert "body:VDT" in kept(home)[0]
    assert draft(community).rule("vdt").when.text == "from:VDT"
