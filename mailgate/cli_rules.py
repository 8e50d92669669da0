"""`mailgate rules`: see, change, try and put in force the rules that route mail."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import BinaryIO, Protocol, TypeVar

import click
from sqlalchemy import Connection

from mailgate import cli_rules_output as output
from routing import editing, store
from routing.decide import decide
from routing.editing import Place
from routing.facts import Facts
from routing.faults import LostUpdate, RoutingError
from routing.rules import TEXT_LIMIT, Phase, Rule, RuleSet, emit_rule, make_rule, parse_rules

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

    def center_names(self) -> frozenset[str]:
        """The names of all support centers, and their aliases."""


class Refusal(click.ClickException):
    """Exit code 1 and one line on stderr."""

    exit_code = 1


class _RulesGroup(click.Group):
    """The one place where what the library refuses becomes a line for the person."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except RoutingError as error:
            raise Refusal(" ".join(str(error).split())) from error


@click.group(name="rules", cls=_RulesGroup)
def rules() -> None:
    """Who gets which mail: see, change, try and apply the routing rules.

    A rule is a saved search (`when`) with typed actions (`then`). It stands in one of four phases, asked in
    this order: guard (hold, reject, private), route (centers, cc), enrich (tags, priority), and fallback,
    when nothing routed the mail. In a phase all rules that match apply, in order. Replies pass guard and
    enrich only. A mail that no rule routes goes to the whole community.

    \b
    Changes build a draft; nothing happens to mail until it is applied:
      mailgate rules add vdt --phase route --when 'subject:VDT (bug or crash)' --then center+=VDT
      mailgate rules test mail.eml --explain
      mailgate rules diff
      mailgate rules apply -m "VDT wants its own bugs"
      mailgate rules rollback 3 -m "too many false hits"

    \b
    Conditions (blanks mean "and"; or, not, - and parentheses as usual; * or nothing: always):
      word "a phrase"            in the subject or the new text
      subject: body: quoted:     text, on word boundaries, over wrapped lines
      from: to:                  ann@site.example, *@site.example, or a part of the address
      name: domain:              the sender's name; his domain and all below it
      header:X-Spam-Flag:yes     a field of the header
      list: topic: tag: attachment:    whole names, * and ? as usual
      is:new|reply|forward|auto|bounce|private     sender:first|known|member|staff
      status: priority:          of the ticket that a reply continues
      subject:(crash | "exit status" | ~/segv(ault)?/)    any of these
      header:List-Id:*           there is any; for all fields alike

    \b
    Actions:
      center+=NAME  center=NAME (instead of all before)  cc+=ADDRESS  queue=LIST  topic=NAME
      tag+=NAME  priority=critical|high|normal|low  private  hold "why"  reject "why"
      note "text"  stop (the phase ends here)
    """


_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
_in_force = click.option("--active", "in_force", is_flag=True, help="The rules in force, not the draft.")
_why = click.option("-m", "--message", required=True, metavar="WHY", help="Why, for the history.")
_if_rev = click.option("--if-rev", type=int, metavar="N", help="Only if revision N is in force.")
_before = click.option("--before", metavar="NAME", help="In front of that rule of the same phase.")
_after = click.option("--after", metavar="NAME", help="Behind that rule of the same phase.")


@rules.command(name="list")
@click.option("--phase", type=click.Choice([phase.value for phase in Phase]), help="Only this phase.")
@click.option("--all", "everything", is_flag=True, help="Disabled rules as well.")
@_in_force
@_json
@click.pass_obj
def list_(app: RulesApp, phase: str | None, everything: bool, in_force: bool, as_json: bool) -> None:
    """List rules in the order they are asked."""
    view = _view(app, in_force)
    now = datetime.now(UTC)
    for position, rule in enumerate(view.rules.rules, 1):
        if phase in (None, rule.phase.value) and (everything or not rule.sleeps(now)):
            output.echo_rule(rule, position, as_json)
    asleep = sum(rule.sleeps(now) for rule in view.rules.rules)
    click.echo(view.title + (f", {asleep} disabled" if asleep else ""), err=True)


@rules.command()
@click.argument("name")
@_in_force
@_json
@click.pass_obj
def show(app: RulesApp, name: str, in_force: bool, as_json: bool) -> None:
    """Show one rule as TOML."""
    found = _view(app, in_force).rules
    rule = found.rule(name)
    if as_json:
        output.echo_rule(rule, found.rules.index(rule) + 1, as_json)
    else:
        click.echo(emit_rule(rule), nl=False)


@rules.command()
@click.argument("name")
@click.option("--phase", required=True, type=click.Choice([phase.value for phase in Phase]))
@click.option("--when", required=True, metavar="QUERY", help="The condition; * is always.")
@click.option("--then", required=True, multiple=True, metavar="ACTION", help="What to do; may be repeated.")
@_before
@_after
@click.pass_obj
def add(
    app: RulesApp, /, name: str, phase: str, when: str, then: tuple[str, ...], **beside: str | None
) -> None:
    """Add a rule to the draft, at the end of its phase if nothing else is said."""
    rule = make_rule(name, phase, when, then)
    place = _place(**beside)
    _change_draft(app, lambda old: editing.add(old, rule, place), f"added {name}")


@rules.command()
@click.argument("name")
@click.pass_obj
def edit(app: RulesApp, name: str) -> None:
    """Edit a rule of the draft in $EDITOR; a rule that does not parse comes back to be mended."""
    old = _view(app, in_force=False).rules.rule(name)
    new = _edited(old)

    def replace(found: RuleSet) -> RuleSet:
        if found.rule(name) != old:
            raise LostUpdate(f'somebody else changed "{name}" meanwhile; nothing is saved')
        return editing.change(found, name, new)

    _change_draft(app, replace, f"changed {new.name}")


@rules.command()
@click.argument("name")
@_before
@_after
@click.pass_obj
def move(app: RulesApp, name: str, before: str | None, after: str | None) -> None:
    """Move a rule of the draft within its phase."""
    place = _place(before, after)
    if place == Place():
        raise click.UsageError("say where: --before NAME or --after NAME")
    _change_draft(app, lambda old: editing.move(old, name, place), f"moved {name}")


@rules.command()
@click.argument("name")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), metavar="DAY", help="It wakes on this day (UTC).")
@click.pass_obj
def disable(app: RulesApp, name: str, until: datetime | None) -> None:
    """Have a rule passed over, for good or until a day."""
    day = until.date() if until else None
    _change_draft(app, lambda old: editing.disable(old, name, day), f"disabled {name}")


@rules.command()
@click.argument("name")
@click.pass_obj
def enable(app: RulesApp, name: str) -> None:
    """Have a disabled rule asked again."""
    _change_draft(app, lambda old: editing.enable(old, name), f"enabled {name}")


@rules.command()
@click.argument("name")
@click.pass_obj
def rm(app: RulesApp, name: str) -> None:
    """Remove a rule from the draft."""
    _change_draft(app, lambda old: editing.remove(old, name), f"removed {name}")


@rules.command()
@click.argument("files", nargs=-1, type=click.File("rb"), metavar="[FILE.eml|-]...")
@click.option("--explain", is_flag=True, help="What became of every rule, and why.")
@_in_force
@_json
@click.pass_obj
def test(app: RulesApp, files: tuple[BinaryIO, ...], explain: bool, in_force: bool, as_json: bool) -> None:
    """Try the rules on mails; nothing is sent, nothing stored."""
    view = _view(app, in_force)
    click.echo(view.title, err=True)
    mails: tuple[BinaryIO, ...] = files or (sys.stdin.buffer,)
    for file in mails:
        decision = decide(view.rules, app.facts_of(file.read()))
        name = str(getattr(file, "name", "-"))
        if as_json:
            output.echo_json(output.decision_object(name, decision, explain))
        else:
            output.echo_decision(name, decision, explain)


@rules.command()
@_in_force
@_json
@click.pass_obj
def lint(app: RulesApp, in_force: bool, as_json: bool) -> None:
    """Find what is allowed and hardly meant; exit code 1 when there is any."""
    findings = editing.lint(_view(app, in_force).rules, app.center_names())
    for finding in findings:
        if as_json:
            output.echo_json({"rule": finding.rule, "finding": finding.text})
        else:
            click.echo(output.finding_line(finding))
    if findings:
        raise Refusal(f"{len(findings)} found")


@rules.command()
@click.argument("old", required=False, type=int, metavar="[R1]")
@click.argument("new", required=False, type=int, metavar="[R2]")
@_json
@click.pass_obj
def diff(app: RulesApp, old: int | None, new: int | None, as_json: bool) -> None:
    """Show what the draft changes, or what changed since revision R1, or from R1 to R2."""
    output.echo_diff(app.read(lambda conn: store.compare(conn, old, new)), as_json)


@rules.command()
@_why
@_if_rev
@_json
@click.pass_obj
def apply(app: RulesApp, message: str, if_rev: int | None, as_json: bool) -> None:
    """Put the draft in force; the daemon follows it from the next mail on."""
    change = _signed(app, message)
    _echo_applied(app, app.write(lambda conn: store.apply(conn, change, if_rev)), as_json)


@rules.command()
@click.pass_obj
def discard(app: RulesApp) -> None:
    """Throw the draft away."""
    if not app.write(store.discard_draft):
        raise Refusal("there is no draft")
    click.echo("the draft is gone")


@rules.command()
@click.option("-n", "limit", type=click.IntRange(1), help="At most so many.")
@_json
@click.pass_obj
def history(app: RulesApp, limit: int | None, as_json: bool) -> None:
    """List revisions, newest first."""
    number, found = app.read(lambda conn: (store.active_number(conn), store.history(conn, limit)))
    for revision in found:
        output.echo_revision(revision, revision.number == number, as_json)


@rules.command()
@click.argument("number", type=int, metavar="R")
@_why
@_json
@click.pass_obj
def rollback(app: RulesApp, number: int, message: str, as_json: bool) -> None:
    """Put revision R in force again, as a new revision."""
    change = _signed(app, message)
    _echo_applied(app, app.write(lambda conn: store.rollback(conn, number, change)), as_json)


@rules.command()
@click.option("--rev", type=int, metavar="R", help="Revision R instead of the one in force.")
@click.option("--draft", "drafted", is_flag=True, help="The draft instead of what is in force.")
@click.pass_obj
def export(app: RulesApp, rev: int | None, drafted: bool) -> None:
    """Write rules as TOML to stdout."""
    if rev is not None and drafted:
        raise click.UsageError("--rev or --draft, not both")

    def work(conn: Connection) -> str | None:
        if not drafted:
            return store.revision(conn, store.active_number(conn) if rev is None else rev).text
        draft = store.draft(conn)
        return draft.text if draft else None

    text = app.read(work)
    if text is None:
        raise Refusal("there is no draft")
    click.echo(text, nl=False)


@rules.command(name="import")
@click.argument("file", type=click.File("rb"), metavar="FILE|-")
@click.option("--dry-run", is_flag=True, help="Check it, and show what would change.")
@click.option("--apply", "at_once", is_flag=True, help="Put it in force, without the step of a draft.")
@click.option("-m", "--message", metavar="WHY", help="Why, for the history; goes with --apply.")
@click.option("--if-rev", type=int, metavar="N", help="Only if revision N is in force; goes with --apply.")
@click.pass_obj
def import_(app: RulesApp, /, file: BinaryIO, dry_run: bool, at_once: bool, **said: str | int | None) -> None:
    """Read all rules from TOML: they become the draft, in place of any other."""
    message, if_rev = said["message"], said["if_rev"]
    if (dry_run and at_once) or at_once != (message is not None) or (if_rev is not None and not at_once):
        raise click.UsageError("--dry-run, or --apply -m WHY [--if-rev N], or none of them")
    found = parse_rules(_utf8(file.read(4 * TEXT_LIMIT)))
    if dry_run:
        output.echo_diff(app.read(lambda conn: store.compare_import(conn, found)), as_json=False)
    elif at_once:
        change = _signed(app, str(message))
        number = if_rev if isinstance(if_rev, int) else None
        new = app.write(lambda conn: store.put_in_force(conn, found, change, number))
        _echo_applied(app, new, as_json=False)
    else:
        app.write(lambda conn: store.replace_draft(conn, found, datetime.now(UTC)))
        output.echo_drafted(f"{len(found.rules)} rules read")


def _view(app: RulesApp, in_force: bool) -> store.View:
    return app.read(lambda conn: store.view(conn, in_force))


def _change_draft(app: RulesApp, change: Callable[[RuleSet], RuleSet], done: str) -> None:
    def work(conn: Connection) -> None:
        draft = store.draft(conn)
        old = draft.rules if draft else store.active(conn)[1]
        store.save_draft(conn, change(old), datetime.now(UTC))

    app.write(work)
    output.echo_drafted(done)


def _place(before: str | None = None, after: str | None = None) -> Place:
    if before and after:
        raise click.UsageError("--before or --after, not both")
    return Place(before, after)


def _edited(rule: Rule) -> Rule:
    """The rule as it comes back from the editor; on a terminal, until it parses or one gives up."""
    text: str | None = emit_rule(rule)
    while text := click.edit(text, extension=".toml"):
        try:
            found = parse_rules(text).rules
            if len(found) == 1:
                return found[0]
            raise RoutingError(f"{len(found)} rules; expected one")
        except RoutingError as error:
            if not sys.stdin.isatty():
                raise
            click.echo(f"Error: {error}", err=True)
            click.confirm("Edit again?", default=True, abort=True, err=True)
    raise Refusal("nothing was changed")


def _signed(app: RulesApp, message: str) -> store.Change:
    return store.Change(app.operator, message, datetime.now(UTC))


def _echo_applied(app: RulesApp, new: store.Revision, as_json: bool) -> None:
    if as_json:
        output.echo_json(output.revision_object(new))
    else:
        output.echo_diff(app.read(lambda conn: store.compare(conn, new.based_on, new.number)), as_json)
        click.echo(f"revision {new.number} is in force")
    for finding in editing.lint(new.rules, app.center_names()):
        click.echo(f"warning: {output.finding_line(finding)}", err=True)


def _utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(f"byte {error.start} is no UTF-8; TOML is UTF-8 text") from error
