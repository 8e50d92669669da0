"""`mailgate rules`: what an admin types, sees, and is refused."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import TypeVar

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, Engine, create_engine

from mailgate.cli_rules import rules
from routing import store, tables
from routing.facts import Facts
from routing.lint import Finding
from routing.rules import RuleSet, parse_rules

T = TypeVar("T")

MAIL = b"From: ann@site.example\r\nSubject: VDT crash\r\n\r\nThe installer stops.\r\n"


class App:
    """The application, as far as these commands go."""

    operator = "ann"

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self.folder = folder / "home"

    def new_text_file(self, name: str) -> Path:
        self.folder.mkdir(exist_ok=True)
        return self.folder / f"{name}.toml"

    def write(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as conn:
            return work(conn)

    def read(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as conn:
            return work(conn)

    def facts_of(self, raw: bytes) -> Facts:
        mail = message_from_bytes(raw)
        return Facts(sender=mail["From"], subject=mail["Subject"], new_text=str(mail.get_payload()))

    def center_names(self) -> frozenset[str]:
        return frozenset({"VDT", "USCMS"})

    def broken_pins(self, rules: RuleSet) -> tuple[str, ...]:
        return ()

    def more_findings(self, rules: RuleSet) -> tuple[Finding, ...]:
        return ()

    def rule_hits(self, span: timedelta) -> dict[str, tuple[int, datetime | None]]:
        return {}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    engine = create_engine(f"sqlite:///{tmp_path / 'rules.db'}")
    tables.metadata.create_all(engine)
    yield App(engine, tmp_path)
    engine.dispose()


@pytest.fixture
def run(app: App) -> Callable[..., Result]:
    def call(line: str, stdin: bytes | None = None, env: dict[str, str] | None = None) -> Result:
        return CliRunner().invoke(rules, shlex.split(line), obj=app, input=stdin, env=env)

    return call


ADD_VDT = """add vdt --phase route --when 'subject:VDT' --then center+=VDT --then 'note "best effort"'"""


def applied(run: Callable[..., Result], *lines: str) -> None:
    for line in (*lines, "apply -m why"):
        result = run(line)
        assert result.exit_code == 0, result.output


def in_force(app: App) -> list[str]:
    return [rule.name for rule in app.read(store.active)[1].rules]


def objects(result: Result) -> list[dict[str, object]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_rule_is_added_to_the_draft_and_applied(run: Callable[..., Result], app: App) -> None:
    added = run(ADD_VDT)
    assert added.exit_code == 0
    assert "added vdt, in the draft" in added.stdout
    assert in_force(app) == []
    result = run('apply -m "VDT wants its bugs"')
    assert result.exit_code == 0
    assert "+name  = 'vdt'" in result.stdout
    assert "revision 1 is in force" in result.stdout
    assert in_force(app) == ["vdt"]


def test_a_rule_that_does_not_parse_is_refused_in_one_line(run: Callable[..., Result], app: App) -> None:
    result = run("add vdt --phase route --when 'is:new subjct:VDT' --then center+=VDT")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(
        'Error: rule "vdt", key when, column 8: unknown field "subjct"; expected "subject"'
    )
    assert result.stderr.count("\n") == 1
    assert app.read(store.draft) is None


@pytest.mark.parametrize(
    "line",
    [
        "add x --phase rout --when '*' --then stop",
        "add x --phase route --when '*'",
        "add x --phase route --when '*' --then stop --before a --after b",
        "move vdt",
        "apply",
        "rollback 1",
        "disable vdt --until tomorrow",
        "import --apply /dev/null",
        "import --dry-run -m why /dev/null",
        "import --if-rev 1 /dev/null",
        "export --rev 1 --draft",
        "test /no/such/file.eml",
        "fly",
    ],
)
def test_wrong_usage_is_exit_code_2(run: Callable[..., Result], line: str) -> None:
    assert run(line).exit_code == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("show vtd", 'no rule "vtd"; the nearest is "vdt"'),
        ("edit nobody", 'no rule "nobody"'),
        ("rm nobody", 'no rule "nobody"'),
        ("move vdt --before nobody", 'no rule "nobody"'),
        (ADD_VDT, 'there is a rule "vdt" already'),
        ("apply -m why", "there is no draft"),
        ("discard", "there is no draft"),
        ("export --draft", "there is no draft"),
        ("rollback 9 -m why", "no revision 9"),
        ("rollback 1 -m why", "the same as revision 1"),
        ("diff 1 9", "no revision 9"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(run: Callable[..., Result], line: str, said: str) -> None:
    applied(run, ADD_VDT)
    result = run(line)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_rules_are_listed_in_their_order_for_programs_too(run: Callable[..., Result]) -> None:
    applied(
        run,
        ADD_VDT,
        "add ads --phase guard --when ads --then 'hold \"ads\"'",
        "disable ads --until 2999-01-01",
    )
    assert "vdt" in run("list").stdout
    assert "ads" not in run("list").stdout
    assert "ads (disabled until 2999-01-01)" in run("list --all").stdout
    assert [found["name"] for found in objects(run("list --all --json"))] == ["ads", "vdt"]
    assert objects(run("list --phase route --json")) == [
        {
            "position": 2,
            "name": "vdt",
            "phase": "route",
            "when": "subject:VDT",
            "then": ["center+=VDT", 'note "best effort"'],
            "enabled": True,
            "until": None,
        }
    ]


def test_a_long_condition_is_cut_in_the_list_and_whole_elsewhere(run: Callable[..., Result]) -> None:
    words = " or ".join(f"subject:word{n}" for n in range(40))
    run(f"add long --phase route --when '{words}' --then center+=VDT")
    listed = run("list").stdout
    assert "word8" in listed
    assert "…" in listed
    assert "word39" not in listed
    assert objects(run("list --json"))[0]["when"] == words
    assert "word39" in run("show long").stdout


def test_history_blame_and_lint_are_tables(run: Callable[..., Result]) -> None:
    applied(run, ADD_VDT)
    run("add bare --phase route --when '' --then tag+=x")
    head, line = run("history").stdout.splitlines()
    assert head.split() == ["REV", "AT", "BY", "WHY"]
    assert line.split()[:2] == ["*", "1"]
    head, *parts = run("blame vdt").stdout.splitlines()
    assert head.split() == ["PART", "REV", "AT", "BY", "WHY", "AS", "IT", "IS"]
    assert [part.split()[0] for part in parts] == ["phase", "when", "then", "disabled"]
    head, finding = run("lint").stdout.splitlines()
    assert head.split() == ["RULE", "FINDING"]
    assert finding.startswith("bare  has an empty condition")


def test_a_rule_is_shown_as_toml_that_reads_back(run: Callable[..., Result]) -> None:
    run(ADD_VDT)
    assert parse_rules(run("show vdt").stdout).rules[0].name == "vdt"
    assert objects(run("show vdt --json"))[0]["phase"] == "route"


def test_rules_are_moved_disabled_enabled_and_removed(run: Callable[..., Result], app: App) -> None:
    applied(
        run, ADD_VDT, "add b --phase route --when '*' --then tag+=b", "move b --before vdt", "disable vdt"
    )
    assert in_force(app) == ["b", "vdt"]
    assert not app.read(store.active)[1].rule("vdt").enabled
    applied(run, "enable vdt", "rm b")
    assert in_force(app) == ["vdt"]
    assert app.read(store.active)[1].rule("vdt").enabled


def test_a_mail_is_tried_on_the_draft_and_nothing_else_happens(run: Callable[..., Result], app: App) -> None:
    run(ADD_VDT)
    run("add other --phase route --when 'subject:Condor' --then center+=USCMS")
    result = run("test --json --explain", stdin=MAIL)
    assert "draft on revision 0, not in force" in result.stderr
    found = objects(result)[0]
    assert found["centers"] == ["VDT"]
    assert found["fallback"] is False
    assert found["rules"] == ["vdt"]
    assert found["trace"] == [
        {"rule": "vdt", "matched": True, "why": "subject: vdt"},
        {"rule": "other", "matched": False, "why": "no subject:Condor"},
    ]
    assert objects(run("test --active --json", stdin=MAIL))[0]["fallback"] is True
    assert in_force(app) == []


def test_several_mails_are_tried_for_people(run: Callable[..., Result], tmp_path: Path) -> None:
    mail = tmp_path / "one.eml"
    mail.write_bytes(MAIL)
    run(ADD_VDT)
    result = run(f"test {mail} - --explain", stdin=b"From: b@x.example\r\nSubject: hello\r\n\r\n")
    assert result.exit_code == 0
    assert "  + vdt: subject: vdt\n  centers: VDT\n  notes: best effort\n" in result.stdout
    assert "  - vdt: no subject:VDT\n  fallback: the whole community\n" in result.stdout


def test_a_rule_that_names_an_unknown_center_is_refused_with_the_nearest(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    result = run("add typo --phase route --when x --then center+=VTD")
    assert result.exit_code == 1
    assert 'rule "typo" unknown center "VTD"; the nearest is "VDT"' in result.stderr
    file = tmp_path / "rules.toml"
    file.write_text("[[rule]]\nname='t'\nphase='route'\nwhen='x'\nthen=['center+=VTD']\n")
    for how in ("", "--dry-run", "--apply -m why"):
        assert 'the nearest is "VDT"' in run(f"import {file} {how}").stderr


def test_lint_fails_where_it_finds_something(run: Callable[..., Result]) -> None:
    run(ADD_VDT)
    assert run("lint").exit_code == 0
    run("add bare --phase route --when '' --then center+=VDT")
    result = run("lint --json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["rule"] == "bare"
    assert 'warning: rule "bare" has an empty condition' in run("apply -m why").stderr


def test_blame_names_the_revision_that_made_each_part(run: Callable[..., Result]) -> None:
    applied(run, ADD_VDT)
    applied(run, "disable vdt")
    applied(run, "add other --phase enrich --when x --then tag+=x")
    found = {one["key"]: (one["value"], one["revision"]) for one in objects(run("blame vdt --json"))}
    assert found["disabled"] == ("yes", 2)
    assert found["phase"] == ("route", 1)
    assert "vdt" in run("blame nothing").stderr or run("blame nothing").exit_code == 1


def test_two_admins_do_not_overwrite_each_other(run: Callable[..., Result], app: App) -> None:
    applied(run, ADD_VDT)
    run("rm vdt")
    result = run("apply -m why --if-rev 7")
    assert result.exit_code == 1
    assert "revision 1 is in force, not 7" in result.stderr
    assert in_force(app) == ["vdt"]
    assert objects(run("apply -m why --if-rev 1 --json"))[0]["revision"] == 2


def test_history_and_rollback(run: Callable[..., Result], app: App) -> None:
    applied(run, ADD_VDT)
    applied(run, "rm vdt")
    result = run("rollback 1 -m 'back again'")
    assert "+name  = 'vdt'" in result.stdout
    assert "revision 3 is in force" in result.stdout
    assert in_force(app) == ["vdt"]
    history = objects(run("history --json"))
    assert [(found["revision"], found["active"], found["author"]) for found in history] == [
        (3, True, "ann"),
        (2, False, "ann"),
        (1, False, "ann"),
    ]
    assert run("history -n 1").stdout.endswith("ann  back again\n")


def test_diff_shows_the_draft_or_two_revisions(run: Callable[..., Result]) -> None:
    applied(run, ADD_VDT)
    assert "no difference between revision 1 and revision 1" in run("diff").stdout
    run("rm vdt")
    assert "-name  = 'vdt'" in run("diff").stdout
    assert "+name  = 'vdt'" in str(objects(run("diff 0 1 --json"))[0]["diff"])


def test_what_is_exported_is_imported(run: Callable[..., Result], app: App) -> None:
    applied(run, ADD_VDT)
    text = run("export").stdout
    assert text == run("export --rev 1").stdout
    changed = text.replace("VDT", "USCMS").encode()
    assert "+when  = 'subject:USCMS'" in run("import --dry-run -", stdin=changed).stdout
    assert app.read(store.draft) is None
    run("import -", stdin=changed)
    assert run("export --draft").stdout.encode() == changed
    assert "revision 1, in force" in run("list --active").stderr
    run("discard")
    assert run("import --apply -m why -", stdin=changed).exit_code == 0
    assert run("export").stdout.encode() == changed


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"\xff", "byte 0 is no UTF-8"), (b"[[rule]]\nname = 'a'\n", 'rule "a", key then'), (b"= 1", "line 1")],
)
def test_an_import_that_does_not_parse_changes_nothing(
    run: Callable[..., Result], app: App, data: bytes, said: str
) -> None:
    applied(run, ADD_VDT)
    result = run("import --apply -m why -", stdin=data)
    assert result.exit_code == 1
    assert said in result.stderr
    assert in_force(app) == ["vdt"]


def test_help_teaches_the_language(run: Callable[..., Result]) -> None:
    text = run("--help").output
    assert all(word in text for word in ("is:new|reply|forward", "center+=NAME", "guard", "rules apply -m"))
