"""Commands on who may neither post on a list nor subscribe to it."""

from __future__ import annotations

from collections.abc import Sequence

import click
from sqlalchemy import Connection

from mailgate.cli_base import Context, Refusal, done, json_option, print_rows
from tracker.storage import bans, queues


@click.command("ban")
@click.argument("name")
@click.argument("patterns", nargs=-1, required=True, metavar="ADDRESS...")
@click.pass_obj
def ban(context: Context, name: str, patterns: Sequence[str]) -> None:
    """Ban addresses from a list: their posts are held, and they cannot subscribe.

    What begins with ^ is a regular expression (RE2) that is looked for in the address, capital or small, as
    Mailman has it. Who is on the list stays there: `mailgate lists unsubscribe`.

    \b
    mailgate lists ban osg-general mallory@x.example
    mailgate lists ban osg-general '^.*@spam\\.example$'
    """
    wanted = [bans.read_pattern(one) for one in patterns]

    def add(connection: Connection) -> list[str]:
        queue, now = queues.find(connection, name), context.app.clock()
        for one in wanted:
            bans.add(connection, queue.id, one, now)
        members = [one.person.address for one in queues.subscribers(connection, queue.id)]
        return [one for one in members if any(bans.covers(pattern, one) for pattern in wanted)]

    there = context.app.write(add)
    done("\n".join(f"{one} is banned from {name}" for one in wanted))
    for one in there:
        click.echo(f"{one} is on the list still: mailgate lists unsubscribe {name} {one}", err=True)


@click.command("unban")
@click.argument("name")
@click.argument("pattern", metavar="ADDRESS")
@click.pass_obj
def unban(context: Context, name: str, pattern: str) -> None:
    """Ban an address, or a pattern as `mailgate lists bans` shows it, no more.

    \b
    mailgate lists unban osg-general mallory@x.example
    """

    def remove(connection: Connection) -> None:
        queue = queues.find(connection, name)
        wanted = pattern if pattern.startswith("^") else pattern.strip().casefold()
        if not bans.remove(connection, queue.id, wanted):
            raise Refusal(
                f"{pattern} is not banned from {queue.address}; `mailgate lists bans` shows what is"
            )

    context.app.write(remove)
    done(f"{pattern} is banned from {name} no more")


@click.command("bans")
@click.argument("name")
@json_option
@click.pass_obj
def list_bans(context: Context, name: str, as_json: bool) -> None:
    """Who is banned from a list.

    \b
    mailgate lists bans osg-general
    """

    def rows(connection: Connection) -> list[dict[str, str]]:
        queue = queues.find(connection, name)
        return [{"banned": one} for one in bans.of_list(connection, queue.id)]

    print_rows(context.app.read(rows), as_json=as_json, empty="nobody is banned")
