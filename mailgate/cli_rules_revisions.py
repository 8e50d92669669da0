"""`mailgate rules diff|apply|history|blame|rollback|export|import`: revisions, and putting them in force."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import BinaryIO

import click
from sqlalchemy import Connection

from mailgate import cli_rules_output as output
from mailgate import rerouting
from mailgate.cli_base import Context, print_rows
from mailgate.cli_rules_base import (
    Refusal,
    RulesApp,
    echo_applied,
    if_rev_option,
    json_lines,
    refuse_broken_pins,
    refuse_unknown_centers,
    signed,
    utf8,
    why_option,
)
from routing import store
from routing.faults import NothingToApply
from routing.rules import TEXT_LIMIT, parse_rules


@click.command()
@click.argument("old", required=False, type=int, metavar="[R1]")
@click.argument("new", required=False, type=int, metavar="[R2]")
@json_lines
@click.pass_obj
def diff(app: RulesApp, old: int | None, new: int | None, as_json: bool) -> None:
    """Show what the draft changes, or what changed since revision R1, or from R1 to R2.

    \b
    mailgate rules diff
    mailgate rules diff 3        from revision 3 to the draft, or to what is in force
    mailgate rules diff 3 5
    """
    output.echo_diff(app.read(lambda conn: store.compare(conn, old, new)), as_json)


break_pins_option = click.option("--break-pins", is_flag=True, help="Although pinned cases break.")


@click.command()
@why_option
@if_rev_option
@break_pins_option
@json_lines
@click.pass_obj
def apply(app: RulesApp, /, message: str, if_rev: int | None, break_pins: bool, as_json: bool) -> None:
    """Put the draft in force; the daemon follows it from the next mail on.

    Refused when it names a support center that is not there, when a pinned case goes elsewhere by it, or when
    somebody else applied other rules, or changed the draft, meanwhile.

    \b
    mailgate rules apply -m "VDT wants its own crashes"
    mailgate rules apply -m "as agreed" --if-rev 7
    """
    draft = app.read(store.draft)
    if draft is None:
        raise NothingToApply(store.NO_DRAFT)
    refuse_unknown_centers(app, draft.rules)
    refuse_broken_pins(app, draft.rules, anyway=break_pins)
    change = signed(app, message)
    echo_applied(app, app.write(lambda conn: store.apply(conn, change, if_rev, draft)), as_json)


@click.command()
@click.option("-n", "limit", type=click.IntRange(1), help="At most so many.")
@json_lines
@click.pass_obj
def history(app: RulesApp, limit: int | None, as_json: bool) -> None:
    """List revisions, newest first.

    \b
    mailgate rules history
    mailgate rules history -n 5
    """
    number, found = app.read(lambda conn: (store.active_number(conn), store.history(conn, limit)))
    output.show_history(found, number, as_json)


@click.command()
@click.argument("number", type=int, metavar="R")
@why_option
@click.option(
    "--repair", is_flag=True, help="Show the tickets that were routed since, and as they would be by R."
)
@click.option("--yes", is_flag=True, help="With --repair: route them anew.")
@click.option("--touched", is_flag=True, help="With --repair: also those that people have acted on since.")
@json_lines
@click.pass_obj
def rollback(app: Context, /, number: int, message: str, as_json: bool, **repairs: bool) -> None:
    """Put revision R in force again, as a new revision.

    With --repair it then shows which tickets the revisions after R routed otherwise than R does, and with
    --yes routes those anew (centers, contacts, tags, priority, private): what the rules gave goes or stays,
    what people did stays. Done twice it is done once.

    \b
    mailgate rules rollback 3 -m "too many false hits"
    mailgate rules rollback 3 -m "too many false hits" --repair
    mailgate rules rollback 3 -m "too many false hits" --repair --yes
    """
    bad = _revisions_after(app, number)
    change = signed(app, message)
    try:
        new = app.write(lambda conn: store.rollback(conn, number, change))
    except NothingToApply:
        # The rules are in force already; there may be tickets left to repair.
        if not repairs["repair"]:
            raise
    else:
        echo_applied(app, new, as_json)
    if repairs["repair"]:
        _repair(app, bad, number, as_json=as_json, yes=repairs["yes"], touched=repairs["touched"])


def _revisions_after(app: RulesApp, number: int) -> tuple[int, ...]:
    """The revisions between R and now that say something else than R."""
    right = app.read(lambda conn: store.revision(conn, number)).text
    return tuple(one.number for one in app.read(store.history) if one.number > number and one.text != right)


def _repair(
    app: Context, bad: Sequence[int], number: int, *, as_json: bool, yes: bool, touched: bool
) -> None:
    right = app.read(lambda conn: store.revision(conn, number)).rules
    found = list(rerouting.find(app.app, bad, right))
    rows = [
        {
            "ticket": one.ticket_id,
            "title": one.title,
            "now": str(one.now),
            "right": str(one.right),
            "touched": one.touched,
        }
        for one in found
    ]
    print_rows(rows, as_json=as_json, empty="no ticket was routed otherwise")
    wanted = [one for one in found if touched or not one.touched]
    if found and not yes:
        click.echo(
            f"--yes routes {len(wanted)} of them anew; --touched those too that people acted on", err=True
        )
        return
    cause = f"rules rev {app.read(store.active_number)} (repair of rev {', '.join(map(str, bad))})"
    for one in wanted:
        app.change(partial(rerouting.repair, found=one, cause=cause, brakes=app.app.brakes))
    click.echo(f"{len(wanted)} tickets routed anew", err=True)


@click.command()
@click.argument("name")
@json_lines
@click.pass_obj
def blame(app: RulesApp, name: str, as_json: bool) -> None:
    """Which revision, by whom and why, made each part of a rule what it is.

    \b
    mailgate rules blame registry
    """
    output.show_blame(app.read(lambda conn: store.blame(conn, name)), as_json)


@click.command()
@click.option("--rev", type=int, metavar="R", help="Revision R instead of the one in force.")
@click.option("--draft", "drafted", is_flag=True, help="The draft instead of what is in force.")
@click.pass_obj
def export(app: RulesApp, rev: int | None, drafted: bool) -> None:
    """Write rules as TOML to stdout.

    \b
    mailgate rules export > rules.toml
    mailgate rules export --rev 3 | less
    """
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


@click.command(name="import")
@click.argument("file", type=click.File("rb"), metavar="FILE|-")
@click.option("--dry-run", is_flag=True, help="Check it, and show what would change.")
@click.option("--apply", "at_once", is_flag=True, help="Put it in force, without the step of a draft.")
@click.option("-m", "--message", metavar="WHY", help="Why, for the history; goes with --apply.")
@click.option("--if-rev", type=int, metavar="N", help="Only if revision N is in force; goes with --apply.")
@click.pass_obj
def import_(app: RulesApp, /, file: BinaryIO, dry_run: bool, at_once: bool, **said: str | int | None) -> None:
    """Read all rules from TOML: they become the draft, in place of any other.

    \b
    mailgate rules import rules.toml --dry-run
    mailgate rules import rules.toml
    mailgate rules import rules.toml --apply -m "the rules of the new year"
    """
    message, if_rev = said["message"], said["if_rev"]
    if (dry_run and at_once) or at_once != (message is not None) or (if_rev is not None and not at_once):
        raise click.UsageError("--dry-run, or --apply -m WHY [--if-rev N], or none of them")
    found = parse_rules(utf8(file.read(4 * TEXT_LIMIT)))
    refuse_unknown_centers(app, found)
    if dry_run:
        output.echo_diff(app.read(lambda conn: store.compare_import(conn, found)), as_json=False)
    elif at_once:
        refuse_broken_pins(app, found, anyway=False)
        change = signed(app, str(message))
        number = if_rev if isinstance(if_rev, int) else None
        new = app.write(lambda conn: store.put_in_force(conn, found, change, number))
        echo_applied(app, new, as_json=False)
    else:
        app.write(lambda conn: store.replace_draft(conn, found, datetime.now(UTC)))
        output.echo_drafted(f"{len(found.rules)} rules read")
