"""Commands on what is under way: mails that wait or are parked, and deliveries."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import click
from sqlalchemy import Connection

from mailgate import bouncing, deliveries, inbound
from mailgate.cli_base import Context, Group, Refusal, done, json_option, print_rows
from mailgate.exporting import iso
from mailgate.inbound import Entry, State
from mailgate.verdict import verdict_from_json
from tracker.people import normalise_address
from tracker.storage import posts

_EXCEPTION: Final = re.compile(r"[A-Za-z_][\w.]*(?:: |$)")


@click.group(cls=Group)
def queue() -> None:
    """Accepted mails that are not dealt with yet: they wait, or were parked after trouble of ours."""


@queue.command("list")
@json_option
@click.pass_obj
def queue_list(context: Context, as_json: bool) -> None:
    """Mails that wait or are parked.

    \b
    mailgate queue list
    """
    states = (State.WAITING, State.PARKED)
    found = context.app.read(lambda connection: inbound.entries(connection, states))
    print_rows([row_of(entry) for entry in found], as_json=as_json, empty="nothing waits")


def row_of(entry: Entry) -> dict[str, Any]:
    """What is shown of a mail."""
    return {
        "id": entry.uid,
        "state": entry.state.value,
        "received": iso(entry.received_at)[:19],
        "from": entry.reverse_path,
        "to": list(entry.recipients),
        "size": entry.size,
        "attempts": entry.attempts,
        "why": _trouble(entry.error) if entry.error else _why(entry),
    }


def _trouble(traceback: str) -> str:
    """The line of a traceback that names the exception: libraries write more below it."""
    lines = traceback.strip().splitlines()
    return next((line for line in reversed(lines) if _EXCEPTION.match(line)), lines[-1])


def _why(entry: Entry) -> str | None:
    return verdict_from_json(entry.verdict).reason if entry.verdict else None


@queue.command("show")
@click.argument("name", metavar="ID")
@click.option("--raw", is_flag=True, help="The mail itself.")
@click.pass_obj
def queue_show(context: Context, name: str, raw: bool) -> None:
    """One mail: what is known of it, and the trouble it made."""
    entry = entry_of(context, name)
    if raw:
        content = context.app.read(lambda connection: posts.get_blob(connection, entry.raw_sha256))
        sys.stdout.buffer.write(content)
        return
    for key, value in row_of(entry).items():
        click.echo(f"{key}: {', '.join(value) if isinstance(value, list) else value}")
    if entry.error:
        click.echo(f"\n{entry.error}")


def entry_of(context: Context, name: str) -> Entry:
    """The mail of that id; a Refusal when there is none."""
    entry = context.app.read(lambda connection: inbound.find(connection, name))
    if entry is None:
        raise Refusal(f"there is no mail {name!r}")
    return entry


@queue.command("retry")
@click.argument("names", nargs=-1, metavar="ID...")
@click.option("--all", "everything", is_flag=True, help="All that are parked.")
@click.pass_obj
def queue_retry(context: Context, names: Sequence[str], everything: bool) -> None:
    """Work on parked mails again; the daemon does it within a second."""
    if bool(names) == everything:
        raise click.UsageError("give IDs, or --all")
    parked = (State.PARKED,)
    found = (
        context.app.read(lambda connection: inbound.entries(connection, parked))
        if everything
        else [entry_of(context, name) for name in names]
    )
    now = context.app.clock()
    count = context.app.write(lambda c: sum(inbound.requeue(c, entry.id, now) for entry in found))
    done(f"{count} will be tried again")


@queue.command("drop")
@click.argument("names", nargs=-1, required=True, metavar="ID...")
@click.pass_obj
def queue_drop(context: Context, names: Sequence[str]) -> None:
    """Set mails aside for good; what they said is kept."""
    found = [entry_of(context, name) for name in names]
    why = f"dropped by {context.operator}"
    count = context.app.write(lambda c: sum(inbound.drop(c, entry.id, why) for entry in found))
    done(f"{count} dropped")


@click.group(cls=Group, name="deliveries")
def deliveries_group() -> None:
    """Copies on their way out."""


@deliveries_group.command("list")
@click.option("--state", type=click.Choice([s.value for s in deliveries.State]), help="Only these.")
@json_option
@click.pass_obj
def deliveries_list(context: Context, state: str | None, as_json: bool) -> None:
    """Copies that wait or failed, or those in one state."""
    failed = (deliveries.State.WAITING, deliveries.State.FAILED, deliveries.State.BOUNCED)
    states = (deliveries.State(state),) if state else failed
    found = context.app.read(lambda connection: deliveries.entries(connection, states))
    rows = [
        {
            "id": one.id,
            "state": one.state.value,
            "ticket": one.ticket_id,
            "to": one.address,
            "copy": one.face.value,
            "attempts": one.attempts,
            "due": iso(one.due_at)[:19],
            "reply": one.reply,
        }
        for one in found
    ]
    print_rows(rows, as_json=as_json, empty=f"none is {state}" if state else "nothing waits, nothing failed")


def _act_on(
    context: Context, ids: Sequence[int], act: Callable[[Connection, Sequence[int]], int], what: str
) -> None:
    count = context.app.write(lambda connection: act(connection, ids))
    if ids and not count:
        raise Refusal("none of these waits or failed; `mailgate deliveries list` shows what does")
    done(f"{count} {what}")


@deliveries_group.command("bouncing")
@json_option
@click.pass_obj
def deliveries_bouncing(context: Context, as_json: bool) -> None:
    """Addresses that mail comes back from, with their points; suspended ones are sent nothing but probes."""
    now, limits = context.app.clock(), context.app.bounces
    rows = [
        {
            "address": one.address,
            "points": round(bouncing.faded(one, now, limits), 2),
            "suspended": iso(one.suspended_at)[:16] if one.suspended_at else None,
            "probes": one.probes,
            "last": one.report,
        }
        for one in context.app.read(bouncing.everybody)
    ]
    print_rows(rows, as_json=as_json, empty="no mail comes back")


@deliveries_group.command("revive")
@click.argument("address")
@click.pass_obj
def deliveries_revive(context: Context, address: str) -> None:
    """Send an address its mail again: what made it come back is mended."""
    if not context.app.write(lambda connection: bouncing.forget(connection, normalise_address(address))):
        raise Refusal(f"no mail came back from {address}")
    done(f"{address} gets mail again")


@deliveries_group.command("retry")
@click.argument("ids", nargs=-1, type=int)
@click.pass_obj
def deliveries_retry(context: Context, ids: Sequence[int]) -> None:
    """Try copies again now: those of IDS, or all that wait or failed."""
    now = context.app.clock()
    _act_on(context, ids, lambda c, chosen: deliveries.retry(c, chosen, now), "will be tried again")


@deliveries_group.command("drop")
@click.argument("ids", nargs=-1, type=int, required=True)
@click.pass_obj
def deliveries_drop(context: Context, ids: Sequence[int]) -> None:
    """Give up copies that wait."""
    now = context.app.clock()
    _act_on(context, ids, lambda c, chosen: deliveries.drop(c, chosen, now), "dropped")
