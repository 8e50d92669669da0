"""What the commands of `mailgate rules` share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeVar

import click
from sqlalchemy import Connection

from mailgate import cli_rules_output as output
from routing import store
from routing.editing import Place
from routing.facts import Facts
from routing.faults import RoutingError
from routing.lint import UNKNOWN_CENTER, Finding, lint
from routing.rules import RuleSet

T = TypeVar("T")


class RulesApp(Protocol):
    """What these commands need of the application."""

    @property
    def operator(self) -> str:
        """Who runs the command, for the history."""

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction."""

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction that changes nothing."""

    def facts_of(self, raw: bytes) -> Facts:
        """Read a mail as the rules would see it."""

    def new_text_file(self, name: str) -> Path:
        """A new empty file for a text that must not be lost."""

    def center_names(self) -> frozenset[str]:
        """The names of all support centers, and their aliases."""

    def broken_pins(self, rules: RuleSet) -> tuple[str, ...]:
        """A line for each pinned case that `rules` get wrong."""

    def rule_hits(self, span: timedelta) -> dict[str, tuple[int, datetime | None]]:
        """How often each rule matched in the last `span`, and when last, by name."""

    def more_findings(self, rules: RuleSet) -> tuple[Finding, ...]:
        """What the registry and the mails of the last months say against rules."""


class Refusal(click.ClickException):
    """Exit code 1 and one line on stderr."""

    exit_code = 1


class RulesGroup(click.Group):
    """The one place where what the library refuses becomes a line for the person."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except RoutingError as error:
            raise Refusal(" ".join(str(error).split())) from error


json_lines = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
in_force_option = click.option(
    "--active", "in_force", is_flag=True, help="The rules in force, not the draft."
)
why_option = click.option("-m", "--message", required=True, metavar="WHY", help="Why, for the history.")
if_rev_option = click.option("--if-rev", type=int, metavar="N", help="Only if revision N is in force.")
before_option = click.option("--before", metavar="NAME", help="In front of that rule of the same phase.")
after_option = click.option("--after", metavar="NAME", help="Behind that rule of the same phase.")


def viewed(app: RulesApp, in_force: bool) -> store.View:
    return app.read(lambda conn: store.view(conn, in_force))


def change_draft(app: RulesApp, change: Callable[[RuleSet], RuleSet], done: str) -> None:
    def work(conn: Connection) -> None:
        draft = store.draft(conn)
        old = draft.rules if draft else store.active(conn)[1]
        store.save_draft(conn, change(old), datetime.now(UTC))

    app.write(work)
    output.echo_drafted(done)


def place_of(before: str | None = None, after: str | None = None) -> Place:
    if before and after:
        raise click.UsageError("--before or --after, not both")
    return Place(before, after)


def signed(app: RulesApp, message: str) -> store.Change:
    return store.Change(app.operator, message, datetime.now(UTC))


def refuse_unknown_centers(app: RulesApp, rules: RuleSet) -> None:
    """Refuse rules that name a support center that is not there: their mail would go nowhere."""
    known = app.center_names()
    found = [one for one in lint(rules, known) if one.text.startswith(UNKNOWN_CENTER)]
    if found:
        lines = "; ".join(output.finding_line(one) for one in found)
        raise Refusal(f"{lines}; add it with `mailgate centers add`, or import the registry")


def refuse_broken_pins(app: RulesApp, rules: RuleSet, *, anyway: bool) -> None:
    """Refuse rules that get a pinned case wrong, unless that is wanted."""
    broken = app.broken_pins(rules)
    for line in broken:
        click.echo(line, err=True)
    if broken and not anyway:
        raise Refusal(
            f"{len(broken)} pinned cases break; mend the rules, `rules unpin` them, or say --break-pins"
        )


def echo_applied(app: RulesApp, new: store.Revision, as_json: bool) -> None:
    if as_json:
        output.echo_json(output.revision_object(new))
    else:
        output.echo_diff(app.read(lambda conn: store.compare(conn, new.based_on, new.number)), as_json)
        click.echo(f"revision {new.number} is in force")
    for finding in lint(new.rules, app.center_names()):
        click.echo(f"warning: {output.finding_line(finding)}", err=True)


def utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(f"byte {error.start} is no UTF-8; TOML is UTF-8 text") from error
