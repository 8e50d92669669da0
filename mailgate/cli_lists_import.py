"""The command that takes over the members of a list from Mailman."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import click
from sqlalchemy import Connection

from mailgate.cli_base import Context, Refusal, done, json_option
from mailgate.importing_members import MemberImport
from mailgate.roster import Roster, changed, decode, read_bans, read_roster
from tracker.model import BadValue, Delivery, Queue
from tracker.storage import queues

# Where less is done, a bar would be gone before it was seen.
_LONG: Final = 500
_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)


@click.command("import-members")
@click.argument("file", type=_FILE)
@click.option("--list", "name", help="The list; needed where there are several.")
@click.option("--digests", type=_FILE, help="Those of them who get MIME digests.")
@click.option("--plain-digests", type=_FILE, help="Those of them who get plain digests.")
@click.option("--nomail", type=_FILE, help="Those of them who get no mail.")
@click.option("--bans", "bans_file", type=_FILE, help="Who is banned.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@json_option
@click.pass_obj
def import_members(
    context: Context, /, file: Path, name: str | None, dry_run: bool, as_json: bool, **files: Path | None
) -> None:
    """Take over the members of a list from Mailman: the roster in FILE, - for standard input.

    Nobody is written to. Each gets what they got there: every post (`all`, however many they are), digests,
    or nothing. Who is on the list here already keeps what they chose here, so that it can be done again.
    Lines that cannot be read are named, and the rest is done; the exit code is 1 then.

    \b
    FILE, and those of the options, may be
      text    an address a line, or Name <address>; lines with # are remarks
      CSV     with a heading that names email, and any of display_name,
              delivery_mode, delivery_status; or one column without a heading
      JSON    of Mailman 3's REST interface: email, display_name, delivery_mode
              (regular, mime_digests, plaintext_digests, summary_digests),
              delivery_status (enabled, by_user, by_moderator, by_bounces), role

    \b
    From Mailman 2:
      list_members -f LIST > roster; list_members -d mime LIST > digests
      list_members -d plain LIST > plain; list_members -n LIST > nomail
      config_list -o config LIST                   for --bans, which reads ban_list of it
    From Mailman 3:
      mailman members -o roster LIST; mailman members -n any -o nomail LIST
      mailman members -d mime -o digests LIST; mailman members -d plaintext -o plain LIST
      curl -u USER:PASSWORD http://localhost:8001/3.1/lists/ID/roster/member > roster.json
      curl -u USER:PASSWORD http://localhost:8001/3.1/lists/ID/bans > bans.json

    \b
    mailgate lists import-members roster.json --bans bans.json --nomail nomail
    mailgate lists import-members roster --list osg-general --digests digests --dry-run
    """
    queue = context.read(lambda connection: _list(connection, name))
    roster = _read(file)
    for option, delivery, plain in (
        ("digests", Delivery.DIGEST, False),
        ("plain_digests", Delivery.DIGEST, True),
        ("nomail", Delivery.NONE, False),
    ):
        if (part := files[option]) is not None:
            roster = _with(roster, part, delivery, plain=plain)
    banned = _bans(files["bans_file"])
    work = MemberImport(context.app, queue, dry_run)
    work.take_bans(banned)
    members = roster.members
    with click.progressbar(
        length=len(members),
        label=f"members of {queue.local_part}",
        file=sys.stderr,
        hidden=as_json or len(members) < _LONG,
    ) as bar:
        work.take_members(members, bar.update)
    _tell(work, roster, as_json=as_json)


def _list(connection: Connection, name: str | None) -> Queue:
    if name is not None:
        return queues.find(connection, name)
    known = queues.everyone(connection)
    if len(known) != 1:
        names = ", ".join(queue.local_part for queue in known)
        raise click.UsageError(f"which list? Give --list, one of {names}")
    return known[0]


def _read(file: Path) -> Roster:
    try:
        return read_roster(_text(file))
    except BadValue as error:
        raise Refusal(f"{file}: {error}") from None


def _with(roster: Roster, file: Path, delivery: Delivery, *, plain: bool) -> Roster:
    part = _read(file)
    faults = tuple(replace(one, place=f"{file.name}, {one.place}") for one in part.faults)
    members = (replace(one, place=f"{file.name}, {one.place}") for one in part.members)
    whole = changed(roster, members, delivery, plain=plain)
    return replace(whole, faults=(*whole.faults, *faults))


def _bans(file: Path | None) -> tuple[tuple[str, str], ...]:
    if file is None:
        return ()
    try:
        return read_bans(_text(file))
    except BadValue as error:
        raise Refusal(f"{file}: {error}") from None


def _text(file: Path) -> str:
    return decode(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes())


def _tell(work: MemberImport, roster: Roster, *, as_json: bool) -> None:
    counts = work.counts
    faults = (*roster.faults, *counts.faults)
    for one in faults:
        click.echo(f"{one.place}: {one.why}", err=True)
    would = "would be " if work.dry_run else ""
    done(
        f"{len(roster.members)} members: {counts.subscribed} {would}subscribed, {counts.present} on the list "
        f"already, {counts.banned} banned; {counts.bans} new bans, {len(faults)} lines not read",
        as_json=as_json,
        list=work.queue.address,
        members=len(roster.members),
        **(counts.as_dict() | {"faults": [{"place": one.place, "why": one.why} for one in faults]}),
        others=roster.others,
        twice=roster.twice,
        dry_run=work.dry_run,
    )
    if faults:
        raise click.exceptions.Exit(1)
