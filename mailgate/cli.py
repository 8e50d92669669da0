"""The command line: thin shells over the library. Exit 0 done, 1 refused, 2 wrong usage."""

from __future__ import annotations

import json
import logging
from dataclasses import is_dataclass
from datetime import timedelta
from typing import Any

import click

from mailgate import cli_lists_bans, cli_lists_import, cli_lists_set, cli_mail, cli_repair, erasures
from mailgate.cli_base import Context, Group, Refusal, done, give_home, json_option
from mailgate.cli_brakes import pause, resume
from mailgate.cli_demo import demo
from mailgate.cli_exchange import exchange
from mailgate.cli_hold import hold
from mailgate.cli_keys import dns_group, key_group
from mailgate.cli_lists import centers, lists
from mailgate.cli_people import people_group
from mailgate.cli_queue import deliveries_group, queue
from mailgate.cli_registry import registry
from mailgate.cli_roundup import import_roundup
from mailgate.cli_rules import rules
from mailgate.cli_tickets import ticket
from mailgate.instance import METADATAS, check, load_instance
from mailgate.serving import serve_app
from mailgate.settings import read_host_port
from mailgate.setup import Wishes, initialise
from tracker.storage import migrate
from tracker.storage.database import Database


@click.group(cls=Group)
@click.version_option(package_name="mailgate")
@click.pass_context
def main(ctx: click.Context) -> None:
    """A mailing list and a ticket tracker at once.

    \b
    mailgate demo                                             try it, nothing to set up
    mailgate init --home DIR --list osg-general@lists.example.org
    mailgate serve --home DIR
    """
    ctx.ensure_object(Context)
    # It warns of odd mails, whose defects stand in what we keep of them.
    logging.getLogger("mailparser").setLevel(logging.CRITICAL)


@main.command()
@click.option("--list", "list_address", required=True, metavar="ADDRESS", help="The first list.")
@click.option("--tag", help="What stands in subjects, as [TAG #1]; without it the list's local part.")
@click.option(
    "--smarthost", metavar="HOST:PORT", help="The MTA that takes our mail; without it a Maildir does."
)
@click.option("--database", metavar="URL", help="postgresql://…; without it SQLite in the instance's folder.")
@json_option
@click.pass_obj
def init(
    context: Context,
    list_address: str,
    tag: str | None,
    smarthost: str | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Make an instance: configuration, key, database, list. What is there already stays as it is."""
    try:
        relay = read_host_port(smarthost or "")
    except ValueError as error:
        raise click.UsageError(f"--smarthost: {error}") from None
    instance, made = initialise(Wishes(context.folder, list_address, tag, relay, database))
    smtp, lmtp = instance.settings.smtp.listen, instance.settings.lmtp.listen
    lines = [f"made {what}" for what in made] or ["everything is there already"]
    lines.append(f"next: mailgate serve --home {context.folder}")
    done(
        "\n".join(lines),
        as_json=as_json,
        home=str(context.folder),
        smtp=str(smtp) if smtp else None,
        lmtp=str(lmtp) if lmtp else None,
        made=made,
    )


@main.command()
@click.option("--role", type=click.Choice(["all"]), default="all", show_default=True)
@click.option("--shadow", is_flag=True, help="Deliver only to [outgoing] shadow_allow; write down all else.")
@click.pass_obj
def serve(context: Context, role: str, shadow: bool) -> None:
    """Run the daemon: listeners, worker, notifier, deliverer. SIGTERM ends it when all is safe.

    Prints one line of JSON on stdout when it listens.

    With --shadow it does all of its work beside your present list, and sends nothing but to the addresses of
    shadow_allow; `mailgate deliveries list --state shadowed` shows what it would have sent.

    \b
    mailgate serve
    mailgate serve --shadow
    """
    again = context.change(lambda uow: erasures.replay(uow, context.folder))
    for one in again:
        click.echo(f"erased again, as before the restore: {one.stands}", err=True)
    if again:
        context.app.database.forget_deleted()
    context.app.shadow = shadow
    if shadow:
        allowed = ", ".join(sorted(context.app.settings.outgoing.shadow_allow)) or "nobody"
        click.echo(f"a shadow: mail goes out to {allowed} only", err=True)
    serve_app(context.app)


@main.group(cls=Group)
def db() -> None:
    """The database's schema."""


@db.command("upgrade")
@click.pass_obj
def db_upgrade(context: Context) -> None:
    """Bring the database to the schema of this code. Stop the daemon and make a copy first."""
    database = Database.open(load_instance(context.folder).database_url)
    before = migrate.current(database)
    migrate.upgrade(database, METADATAS)
    done(f"schema {before} -> {migrate.current(database)}")


@db.command("check")
@click.pass_obj
def db_check(context: Context) -> None:
    """Say whether the database is what this code expects."""
    database = Database.open(load_instance(context.folder).database_url)
    if migrate.current(database) != migrate.head():
        raise Refusal(f"schema {migrate.current(database)}, wanted {migrate.head()}: mailgate db upgrade")
    found = migrate.differences(database, METADATAS)
    if found:
        raise Refusal("the tables differ: " + "; ".join(found))
    done(f"schema {migrate.head()}, as it should be")


@main.group(cls=Group)
def config() -> None:
    """The configuration."""


@config.command("check")
@click.pass_obj
def config_check(context: Context) -> None:
    """Say everything that is wrong with the configuration, a line each."""
    mistakes = check(context.folder)
    if mistakes:
        for mistake in mistakes:
            click.echo(mistake, err=True)
        raise click.exceptions.Exit(1)
    done("the configuration holds")


@config.command("show")
@json_option
@click.pass_obj
def config_show(context: Context, as_json: bool) -> None:
    """Every key with its value."""
    values = _plain(load_instance(context.folder).settings)
    if as_json:
        click.echo(json.dumps(values))
        return
    for key, value in _flat(values, ""):
        click.echo(f"{key} = {json.dumps(value)}")


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        fields = {name: getattr(value, name) for name in value.__dataclass_fields__}
        return str(value) if set(fields) == {"host", "port"} else {k: _plain(v) for k, v in fields.items()}
    if isinstance(value, timedelta):
        return f"{int(value.total_seconds())}s"
    return [str(one) for one in value] if isinstance(value, tuple) else value


def _flat(values: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in values.items():
        rows += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return rows


for command in (
    cli_mail.inject,
    cli_mail.explain,
    cli_mail.import_history,
    import_roundup,
    cli_mail.export,
    cli_mail.deliver,
    demo,
    ticket,
    people_group,
    lists,
    centers,
    registry,
    exchange,
    rules,
    queue,
    hold,
    deliveries_group,
    key_group,
    dns_group,
    pause,
    resume,
):
    main.add_command(command)
for command in cli_repair.COMMANDS:
    ticket.add_command(command)
for command in (
    cli_lists_set.set_list,
    cli_lists_set.move_list,
    cli_lists_set.alias_list,
    cli_lists_bans.ban,
    cli_lists_bans.unban,
    cli_lists_bans.list_bans,
    cli_lists_import.import_members,
):
    lists.add_command(command)
give_home(main)
