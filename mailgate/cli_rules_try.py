"""`mailgate rules test|try|pin|lint`: what rules do to mails, before they are in force."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final

import click
from sqlalchemy import Connection

from mailgate import cli_rules_output as output
from mailgate import trying
from mailgate.cli_base import SPAN, TICKET_NUMBER, Context, Refusal, done, print_rows
from mailgate.cli_rules_base import RulesApp, in_force_option, json_lines, viewed
from mailgate.importing import split_mbox
from mailgate.trying import Expected, Pin, Trial
from routing import lint as linter
from routing import store
from routing.decide import decide
from routing.rules import RuleSet
from tracker.people import normalise_address
from tracker.storage import centers

_MUST_GO: Final = re.compile(r"must go to (.+)", re.IGNORECASE)
_LONG_TIME: Final = timedelta(days=90)


@click.command()
@click.argument("files", nargs=-1, type=click.File("rb"), metavar="[FILE.eml|-]...")
@click.option("--ticket", type=TICKET_NUMBER, help="The mail that opened this ticket.")
@click.option(
    "--mbox", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="All mails of a file."
)
@click.option("--rev", type=int, metavar="R", help="The rules of revision R, not the draft.")
@click.option("--explain", is_flag=True, help="What became of every rule, and why.")
@in_force_option
@json_lines
@click.pass_obj
def test(app: Context, /, files: tuple[BinaryIO, ...], in_force: bool, **how: object) -> None:
    """Try the rules on mails: which match, why, and who would get it. Nothing is sent, nothing stored.

    \b
    mailgate rules test mail.eml --explain
    mailgate rules test --ticket 42
    mailgate rules test --mbox last-year.mbox --json
    """
    rev = how["rev"]
    rules, title = _rules(app, in_force, rev if isinstance(rev, int) else None)
    click.echo(title, err=True)
    for name, raw in _mails(app, files, how):
        decision = decide(rules, app.facts_of(raw))
        if how["as_json"]:
            output.echo_json(output.decision_object(name, decision, bool(how["explain"])))
        else:
            output.echo_decision(name, decision, bool(how["explain"]))


def _rules(app: RulesApp, in_force: bool, rev: int | None) -> tuple[RuleSet, str]:
    if rev is None:
        found = viewed(app, in_force)
        return found.rules, found.title
    return app.read(lambda connection: store.revision(connection, rev)).rules, f"revision {rev}"


def _mails(app: Context, files: Iterable[BinaryIO], how: dict[str, object]) -> Iterator[tuple[str, bytes]]:
    ticket, mbox = how["ticket"], how["mbox"]
    if isinstance(ticket, int):
        yield f"ticket {ticket}", app.read(lambda c: trying.opening_of(c, ticket)).mail.raw
    if isinstance(mbox, Path):
        mails = split_mbox(mbox.read_bytes())
        yield from ((f"{mbox.name}:{n}", raw) for n, raw in enumerate(mails, 1))
    if isinstance(ticket, int) or isinstance(mbox, Path):
        return
    for file in tuple(files) or (sys.stdin.buffer,):
        yield str(getattr(file, "name", "-")), file.read()


@click.command("try")
@click.option(
    "--since", "span", type=SPAN, default=_LONG_TIME, metavar="90d", help="Mails of that time; 90d."
)
@click.option("--rev", type=int, metavar="R", help="Revision R instead of the draft.")
@json_lines
@click.pass_obj
def try_(app: Context, span: timedelta, rev: int | None, as_json: bool) -> None:
    """What the draft would have done otherwise with the mails that came; exit 1 when a pinned case breaks.

    Each post is asked about by the rules in force and by the draft, by the registry and the people of today.

    \b
    mailgate rules try
    mailgate rules try --since 52w
    mailgate rules try --rev 3              what an old revision would do today
    """
    new, title = _rules(app, False, rev)
    old = app.read(store.active)[1]
    since = app.app.clock() - span
    total = app.read(lambda connection: trying.count(connection, since))
    changed = list(_changed(app, old, new, since=since, total=total))
    rows = [
        {"ticket": one.ticket_id, "subject": one.subject, "now": str(one.before), "then": str(one.after)}
        for one in changed
    ]
    print_rows(rows, as_json=as_json, empty="no mail would have gone elsewhere")
    click.echo(f"{title}: {len(changed)} of {total} posts would have gone elsewhere", err=True)
    broken = app.broken_pins(new)
    for line in broken:
        click.echo(line, err=True)
    if broken:
        raise Refusal(f"{len(broken)} pinned cases break")


def _changed(
    app: Context, old: RuleSet, new: RuleSet, *, since: datetime, total: int
) -> Iterator[trying.Changed]:
    trial = Trial(app.app)
    with click.progressbar(
        trying.since(app.app, since), length=total, label="asking", file=sys.stderr
    ) as bar:
        for batch in trying.batches(bar):
            yield from app.read(lambda c, batch=batch: trial.compare(c, batch, old, new))  # type: ignore[misc]


@click.command()
@click.argument("ticket", type=TICKET_NUMBER)
@click.argument("note")
@click.option("--center", "names", multiple=True, help="A support center that must get it.")
@click.option("--cc", multiple=True, metavar="ADDRESS", help="A contact that must be told.")
@click.option("--fallback", is_flag=True, help="It must go to the community.")
@click.pass_obj
def pin(
    app: Context, ticket: int, note: str, names: tuple[str, ...], cc: tuple[str, ...], fallback: bool
) -> None:
    """Make the mail that opened a ticket, and its right route, a case of all rules to come.

    \b
    mailgate rules pin 4711 "must go to USATLAS"
    mailgate rules pin 4712 "the admin alone" --cc ann@nu.example

    NOTE "must go to A, b@c.example, community" says the same as the options.
    """
    words = _MUST_GO.fullmatch(note.strip())
    said = [word.strip() for word in words[1].split(",")] if words and not (names or cc or fallback) else []
    wanted = Expected(
        (*names, *(w for w in said if "@" not in w and w.lower() != "community")),
        tuple(normalise_address(a) for a in (*cc, *(w for w in said if "@" in w))),
        fallback or "community" in [w.lower() for w in said],
    )
    if wanted == Expected():
        raise Refusal('say where: "must go to USATLAS", or --center, --cc, --fallback')

    def work(connection: Connection) -> Expected:
        known = tuple(centers.find(connection, name).name for name in wanted.centers)
        right = Expected(known, wanted.cc, wanted.fallback)
        stored = trying.opening_of(connection, ticket)
        trying.pin(
            connection,
            Pin(0, stored.raw_sha256, stored.ticket_id, note, right, app.operator, app.app.clock()),
        )
        return right

    done(f"ticket {ticket} is pinned: {app.write(work)}")


@click.command()
@json_lines
@click.pass_obj
def pins(app: Context, as_json: bool) -> None:
    """The pinned cases: mails, and where all rules to come must send them.

    \b
    mailgate rules pins
    """
    rows = [
        {
            "pin": one.id,
            "ticket": one.ticket_id,
            "must": str(one.expected),
            "note": one.note,
            "by": one.author,
        }
        for one in app.read(trying.pins)
    ]
    print_rows(rows, as_json=as_json, empty="nothing is pinned yet: mailgate rules pin TICKET NOTE")


@click.command()
@click.argument("number", type=int, metavar="PIN")
@click.pass_obj
def unpin(app: Context, number: int) -> None:
    """Forget a pinned case.

    \b
    mailgate rules unpin 1
    """
    if not app.write(lambda connection: trying.unpin(connection, number)):
        raise Refusal(f"there is no pin {number}; `mailgate rules pins` lists them")
    done(f"pin {number} is gone")


@click.command()
@in_force_option
@json_lines
@click.pass_obj
def lint(app: RulesApp, in_force: bool, as_json: bool) -> None:
    """Find what is allowed and hardly meant; exit code 1 when there is any.

    Unknown support centers, VOs and resources; centers without an address; rules that always hold and take
    the mail of others, that are never reached, did not match in 180 days, broke on a mail, do nothing, or
    have an empty condition.

    \b
    mailgate rules lint
    mailgate rules lint --active            the rules in force, not the draft
    """
    rules = viewed(app, in_force).rules
    findings = (*linter.lint(rules, app.center_names()), *app.more_findings(rules))
    output.show_findings(findings, as_json)
    if findings:
        raise Refusal(f"{len(findings)} found")
