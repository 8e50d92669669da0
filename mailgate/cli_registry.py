"""Commands on the grid's registry: import it, look things up, see what is wrong with it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from mailgate import cli_tables, registering, registry_watch
from mailgate.cli_base import Context, Group, Refusal, done, json_option, print_rows
from routing import registry_lookup, registry_store
from routing.entities import MailTexts
from routing.importing import checks
from routing.importing.differences import KINDS, Difference
from routing.importing.reading import Fault, Found
from routing.matcher import Matcher
from routing.registry import Registry
from routing.registry_store import Import
from tracker.words import nearest

_MOST_SHOWN = 40


@click.group(cls=Group)
def registry() -> None:
    """The grid's registry: who supports what, and whom to ask about it.

    \b
    mailgate registry import ../registry            the neutral JSON, or a checkout of the topology
    mailgate registry import extra.json             beside it, as a source of its own
    mailgate registry where "ce1.nu.example fails"  what of it a text names
    """


@registry.command("import")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--source", help="What to call where it comes from; without it the name of PATH.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--strict", is_flag=True, help="Refuse what is merely odd, too: a host of two resources.")
@json_option
@click.pass_obj
def registry_import(
    context: Context, path: Path, source: str | None, dry_run: bool, strict: bool, as_json: bool
) -> None:
    """Put what PATH says in force: all of it, or nothing.

    PATH is a folder of neutral JSON, one such file, or a checkout of the public topology. Imported again it
    takes the place of what the same source said before; other sources stay, and of two that name the same
    thing the one that came first into the instance is overruled by the later.

    \b
    mailgate registry import ./topology --dry-run
    mailgate registry import ./topology --source osg
    """
    name = source or path.resolve().name.removesuffix(".json")
    with _progress() as progress:
        found = registering.read(path, progress)
    _refuse_faults(_all_faults(context, name, found), found.warnings if strict else ())
    by = Import(name, str(path.resolve()), context.operator, context.app.clock())
    if dry_run:
        changes = context.read(lambda c: registering.compare(c, name, found.registry))
        _show_changes(changes, as_json)
        _warn(found.warnings)
        done(f"{len(changes)} changes; nothing was changed", as_json=as_json, changes=len(changes))
        return
    result = context.write(lambda connection: registering.put(connection, found.registry, by))
    _show_changes(result.differences, as_json)
    _warn(found.warnings)
    for text in (
        *(f"{one} was added by hand here: it stays as it is" for one in result.synced.kept),
        *(
            f"{one} is in no registry any more: it keeps its tickets and gets no more"
            for one in result.synced.vanished
        ),
        *result.synced.notes,
    ):
        click.echo(f"note: {text}", err=True)
    if result.rules is not None:
        click.echo(
            f"note: revision {result.rules} of the rules routes by the registry (rule `registry`)", err=True
        )
    said = f"version {result.version} of {name} is in force: {_counts(found.registry)}"
    if not result.changed:
        said = f"{name} says what it said before: version {result.version} stays"
    done(said, as_json=as_json, version=result.version, source=name, changed=result.changed)


def _all_faults(context: Context, name: str, found: Found) -> tuple[Fault, ...]:
    """What is wrong in the files; where they can be read, also what does not fit the other sources."""
    if found.faults:
        return found.faults
    own = checks.repeated(found.registry)
    together = context.read(lambda c: registering.together(c, name, found.registry))
    return (*own, *checks.faults(together))


def _refuse_faults(faults: Sequence[Fault], warnings: Sequence[Fault]) -> None:
    found = (*faults, *warnings)
    if not found:
        return
    for fault in found:
        click.echo(str(fault), err=True)
    raise Refusal(f"{len(found)} faults; nothing was imported")


def _warn(warnings: Sequence[Fault]) -> None:
    for warning in warnings[:_MOST_SHOWN]:
        click.echo(f"odd: {warning}", err=True)
    if len(warnings) > _MOST_SHOWN:
        click.echo(f"odd: {len(warnings) - _MOST_SHOWN} more (`mailgate registry check`)", err=True)


def _show_changes(changes: Sequence[Difference], as_json: bool) -> None:
    if as_json:
        rows = [{"change": c.change, "kind": c.kind, "name": c.name, "what": c.what} for c in changes]
        print_rows(rows, as_json=True)
        return
    counts = Counter((change.kind, change.change) for change in changes)
    for (kind, change), count in counts.items():
        if count > _MOST_SHOWN:
            click.echo(f"{change} {kind}: {count}")
        else:
            for one in changes:
                if (one.kind, one.change) == (kind, change):
                    click.echo(str(one))


def _counts(found: Registry) -> str:
    shown = ((kind, len(getattr(found, attribute))) for kind, attribute in KINDS.items())
    return ", ".join(f"{count} {kind}" for kind, count in shown if count)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Says on a terminal what is being read."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    yield lambda name: click.echo(f"\r\033[Kreading {name[:60]}", err=True, nl=False)
    click.echo("\r\033[K", err=True, nl=False)


@registry.command("check")
@json_option
@click.pass_obj
def registry_check(context: Context, as_json: bool) -> None:
    """What of the registry in force does not fit together, or is read no more; exit 1 when something is so.

    The owner has it by mail once a day, as long as something is wrong.

    \b
    mailgate registry check
    """
    problems = context.read(lambda c: registry_watch.problems(c, context.app.clock()))
    rows = [{"kind": one.file, "entry": one.entry, "problem": one.text} for one in problems]
    print_rows(rows, as_json=as_json, empty="nothing is wrong with the registry")
    if problems:
        raise Refusal(f"{len(problems)} things to look at")


@registry.command("show")
@click.argument("entity")
@json_option
@click.pass_obj
def registry_show(context: Context, entity: str, as_json: bool) -> None:
    """All that is known of a resource, host, group, site, facility, VO, support center or component.

    \b
    mailgate registry show ce1.nu.example
    mailgate registry show USCMS
    """
    found = context.read(registry_store.in_force)
    shown = registry_lookup.look_up(found, entity)
    if not shown:
        raise Refusal(f"the registry knows no {entity!r}{nearest(entity, registry_lookup.names(found))}")
    for one in shown:
        if as_json:
            related = [list(pair) for pair in one.related]
            row: dict[str, Any] = {"kind": one.kind, "name": one.name, "related": related}
            row["fields"] = dict(one.fields)
            print_rows([row], as_json=True)
            continue
        cli_tables.show([one.kind, ""], [("name", one.name), *one.fields, *one.related])


@registry.command("where")
@click.argument("text")
@json_option
@click.pass_obj
def registry_where(context: Context, text: str, as_json: bool) -> None:
    """What of the registry a TEXT names, and where in it; - reads it from stdin.

    It is what rules see of a mail with this text, less what a subject, quotes or a signature would add.

    \b
    mailgate registry where "ce1.nu.example fails since noon"
    mailgate registry where - < mail.txt
    """
    content = sys.stdin.read() if text == "-" else text
    found = context.read(registry_store.in_force)
    entities = Matcher(found).find(MailTexts(new_text=content))
    rows = [
        {"kind": e.kind.value, "name": e.name, "where": e.where.value, "by": e.how.value, "text": e.text}
        for e in entities
    ]
    print_rows(rows, as_json=as_json, empty="it names nothing of the registry")


@registry.command("list")
@click.argument("kind", type=click.Choice([*KINDS.values(), "downtimes"]), default="centers")
@json_option
@click.pass_obj
def registry_list(context: Context, kind: str, as_json: bool) -> None:
    """All entries of a kind.

    \b
    mailgate registry list
    mailgate registry list resources --json
    """
    entries = getattr(context.read(registry_store.in_force), kind)
    print_rows([_row(one) for one in entries], as_json=as_json, empty=f"the registry has no {kind}")


def _row(one: Any) -> dict[str, Any]:
    wanted = (
        "name",
        "kind",
        "address",
        "group",
        "fqdn",
        "site",
        "facility",
        "center",
        "active",
        "contact",
        "resource",
        "start",
        "end",
        "severity",
    )
    return {name: getattr(one, name) for name in wanted if hasattr(one, name)}


@registry.command("sources")
@json_option
@click.pass_obj
def registry_sources(context: Context, as_json: bool) -> None:
    """Where the registry comes from: each source, its version and age. Later ones overrule earlier ones.

    \b
    mailgate registry sources
    """
    now = context.app.clock()

    def rows(connection: Connection) -> list[dict[str, Any]]:
        return [
            {
                "source": one.source,
                "version": one.number,
                "changed": one.created_at.isoformat(timespec="minutes"),
                "read": one.read_at.isoformat(timespec="minutes") if one.read_at else None,
                "age_days": (now - one.read_at).days if one.read_at else None,
                "by": one.author,
                "from": one.origin or "removed",
            }
            for one in registry_store.newest(connection)
        ]

    print_rows(
        context.read(rows),
        as_json=as_json,
        empty="no registry was imported yet: mailgate registry import DIR",
    )


@registry.command("history")
@click.option("-n", "count", type=int, default=20, show_default=True)
@json_option
@click.pass_obj
def registry_history(context: Context, count: int, as_json: bool) -> None:
    """The last versions of all sources, the newest first.

    \b
    mailgate registry history -n 5
    """
    rows = [
        {
            "version": one.number,
            "source": one.source,
            "at": one.created_at.isoformat(timespec="minutes"),
            "by": one.author,
            "from": one.origin or "removed",
        }
        for one in context.read(lambda connection: registry_store.history(connection, count))
    ]
    print_rows(rows, as_json=as_json, empty="no registry was imported yet")


@registry.command("remove")
@click.argument("source")
@click.pass_obj
def registry_remove(context: Context, source: str) -> None:
    """Take a source away: what only it says is in force no more. Open tickets keep what they have.

    \b
    mailgate registry remove osg
    """

    def work(connection: Connection) -> tuple[str, ...]:
        known = [one.source for one in registry_store.newest(connection) if not one.removed]
        if source not in known:
            raise Refusal(f"there is no source {source!r}{nearest(source, known)}")
        by = Import(source, "", context.operator, context.app.clock())
        return registering.remove(connection, by).vanished

    vanished = context.write(work)
    done(f"{source} says nothing any more" + (f"; off: {', '.join(vanished)}" if vanished else ""))
