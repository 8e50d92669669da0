"""Commands that stop mail and let it go on, and that keep contacts from being written to."""

from __future__ import annotations

import click

from mailgate import pauses
from mailgate.cli_base import Context, Refusal, done, json_option, print_rows
from mailgate.cli_queue import deliveries_group
from mailgate.exporting import iso
from mailgate.pauses import Paused
from tracker.people import normalise_address
from tracker.storage import contacts

_STAGES = click.Choice([stage.value for stage in Paused])


@click.command()
@click.argument("stage", type=_STAGES, required=False)
@click.option("-m", "--message", default="", help="Why, for whoever finds it stopped.")
@json_option
@click.pass_obj
def pause(context: Context, stage: str | None, message: str, as_json: bool) -> None:
    """Stop telling people (notify), or handing on what is written (deliver); without STAGE, what is stopped.

    Mail is accepted and tickets are opened as ever. Nothing is lost: `mailgate resume` lets all of it go on.
    """
    if stage is None:
        rows = [
            {"stopped": one.stage.value, "since": iso(one.since), "why": one.cause}
            for one in context.read(pauses.all_of_them)
        ]
        print_rows(rows, as_json=as_json, empty="nothing is stopped")
        return
    why = message or f"by {context.operator}"
    now = context.app.clock()
    if not context.write(lambda connection: pauses.pause(connection, Paused(stage), why, now)):
        raise Refusal(f"{stage} stands still already; `mailgate pause` says why")
    done(f"{stage} stands still until `mailgate resume {stage}`", as_json=as_json, stopped=stage)


@click.command()
@click.argument("stage", type=_STAGES)
@json_option
@click.pass_obj
def resume(context: Context, stage: str, as_json: bool) -> None:
    """Let notifying or delivering go on; all that waited goes out, also what the brake stopped for."""
    now = context.app.clock()
    if not context.write(lambda connection: pauses.resume(connection, Paused(stage), now)):
        raise Refusal(f"{stage} does not stand still")
    done(f"{stage} goes on", as_json=as_json, resumed=stage)


@deliveries_group.command("suppress")
@click.argument("address", required=False)
@click.option("--allow", is_flag=True, help="Write to ADDRESS again.")
@json_option
@click.pass_obj
def suppress(context: Context, address: str | None, allow: bool, as_json: bool) -> None:
    """Never write to ADDRESS as a contact or a center, whatever the registry says; without it, who is so.

    Contacts do it themselves by the address that stands in what they get.
    """
    if address is None:
        rows = [
            {"address": one.address, "since": iso(one.at), "why": one.cause}
            for one in context.read(contacts.unwilling)
        ]
        print_rows(rows, as_json=as_json, empty="nobody is left out")
        return
    who, now = normalise_address(address), context.app.clock()
    if allow:
        if not context.write(lambda connection: contacts.allow(connection, who)):
            raise Refusal(f"{who} is written to as it is")
        done(f"{who} is written to again", as_json=as_json, address=who, suppressed=False)
        return
    cause = context.operator
    if not context.write(lambda connection: contacts.suppress(connection, who, cause, now)):
        raise Refusal(f"{who} is left out already")
    done(f"{who} is never written to as a contact", as_json=as_json, address=who, suppressed=True)
