"""Commands for sharing tickets with the trackers of centers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from mailgate.addresses import exchange_address
from mailgate.apart import read_message
from mailgate.cli_base import Context, Group, done, json_option, print_rows
from mailgate.exchange import store
from mailgate.exchange.profiles import read_profile
from mailgate.exchange.store import Exchange, Pair
from mailgate.exporting import iso
from tracker.model import BadValue, CenterId, TicketId
from tracker.resources import resource_dir
from tracker.storage import centers, queues

_MOST_PAIRS = 100


@click.group(cls=Group)
def exchange() -> None:
    """Share tickets by mail with a support center that has a tracker of its own.

    \b
    mailgate exchange profiles                       the trackers that a profile comes with
    mailgate exchange add BNL rt                     speak with BNL's tracker, which is an RT
    mailgate exchange test BNL mail.eml              what a mail of its says to us
    mailgate exchange show BNL                       its secret address: give it to nobody else

    Without a profile a center gets openings only, and its answers thread by the number in its subjects.
    """


@exchange.command("profiles")
@json_option
def show_profiles(as_json: bool) -> None:
    """The profiles that come with mailgate. Copy one, change what differs, and give `add` the file."""
    rows = []
    for file in sorted(_shipped().glob("*.toml")):
        profile = read_profile(file.read_text(encoding="utf-8"))
        rows.append({"profile": file.stem, "tracker": profile.about, "file": str(file)})
    print_rows(rows, as_json=as_json)


@exchange.command("add")
@click.argument("center")
@click.argument("profile")
@click.option("--name", help="What to call it; without it the center's name.")
@json_option
@click.pass_obj
def add(context: Context, center: str, profile: str, name: str | None, as_json: bool) -> None:
    """Share the tickets of CENTER with its tracker, as PROFILE says: a file, or one of `exchange profiles`.

    Done again it takes the profile anew, and its secret address stays.
    """
    content = _content(profile)

    def work(connection: Connection) -> tuple[Exchange, bool]:
        found = centers.find(connection, center)
        called = name or found.name
        new = store.put(connection, called, found, content, context.app.clock())
        return store.find(connection, called), new

    one, new = context.write(work)
    address = _secret_address(context, one)
    text = f"shares{'' if new else ', as its profile says now,'} tickets with {one.center} at {one.address}"
    if one.address is None:
        text += f"\n{one.center} has no address: `mailgate centers set`, or `address` in the profile"
    text += f"\nits tracker writes to {address}; whoever knows that address speaks for it"
    done(text, as_json=as_json, name=one.name, center=one.center, secret_address=address, new=new)


def _shipped() -> Path:
    return resource_dir("config") / "exchange"


def _content(profile: str) -> str:
    """What a profile's file says, or that of a shipped one."""
    shipped = {file.stem: file for file in _shipped().glob("*.toml")}
    file = shipped.get(profile) or Path(profile)
    if not file.is_file():
        raise BadValue(f"no profile and no file {profile!r}; there are {', '.join(sorted(shipped))}")
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadValue(f"{profile}: {error}") from None


def _secret_address(context: Context, one: Exchange) -> str:
    queue = context.read(queues.everyone)[0]
    return exchange_address(queue, context.app.keys.exchange(one.name, one.epoch))


@exchange.command("list")
@json_option
@click.pass_obj
def list_exchanges(context: Context, as_json: bool) -> None:
    """The centers whose tickets are shared with their trackers."""
    found, counts = context.read(
        lambda connection: (store.everyone(connection), store.count_pairs(connection))
    )
    rows = [
        {
            "exchange": one.name,
            "center": one.center,
            "address": one.address or "",
            "tracker": one.profile.about,
            "state": "on" if one.enabled else "off",
            "tickets": counts.get(one.center_id, 0),
        }
        for one in found
    ]
    print_rows(rows, as_json=as_json, empty="no tickets are shared; `mailgate exchange add --help`")


@exchange.command("show")
@click.argument("name")
@json_option
@click.pass_obj
def show(context: Context, name: str, as_json: bool) -> None:
    """The secret address and the profile of an exchange."""
    one = context.read(lambda connection: store.find(connection, name))
    address = _secret_address(context, one)
    state = "on" if one.enabled else "off"
    text = f"# {one.name}: {one.center} at {one.address}, {state}\n# secret address {address}\n{one.content}"
    values = {"name": one.name, "center": one.center, "address": one.address, "enabled": one.enabled}
    done(text.rstrip("\n"), as_json=as_json, **values, secret_address=address, profile=one.content)


@exchange.command("test")
@click.argument("name")
@click.argument("file", type=click.File("rb"))
@json_option
@click.pass_obj
def test(context: Context, name: str, file: Any, as_json: bool) -> None:
    """What FILE, a mail of a tracker's, says by NAME: an exchange, a shipped profile, or a profile's file."""
    known = {one.name: one.content for one in context.read(store.everyone)}
    profile = read_profile(known[name] if name in known else _content(name))
    message = read_message(file.read())
    word, status = profile.read_status(message)
    row = {
        "number": profile.read_number(message) or "",
        "their status": word,
        "our status": "" if status is None else status.value,
        "acknowledges": "yes" if profile.is_acknowledgement(message) else "no",
    }
    print_rows([row], as_json=as_json)


@exchange.command("pairs")
@click.option("--ticket", type=int, help="Of this ticket only.")
@json_option
@click.pass_obj
def show_pairs(context: Context, ticket: int | None, as_json: bool) -> None:
    """What other trackers call our tickets, the newest first."""

    def read(connection: Connection) -> tuple[tuple[Pair, ...], dict[CenterId, str]]:
        names = {center.id: center.name for center in centers.everyone(connection)}
        if ticket is not None:
            return store.pairs(connection, (TicketId(ticket),)), names
        return store.latest_pairs(connection, _MOST_PAIRS), names

    found, names = context.read(read)
    rows = [
        {
            "ticket": one.ticket_id,
            "center": names.get(one.center_id, "(gone)"),
            "number": one.foreign_id,
            "their status": one.foreign_status,
            "since": iso(one.created_at),
            "heard": "" if one.heard_at is None else iso(one.heard_at),
            "told": "" if one.told_at is None else iso(one.told_at),
        }
        for one in found
    ]
    print_rows(rows, as_json=as_json, empty="none is known")


@exchange.command("disable")
@click.argument("name")
@json_option
@click.pass_obj
def disable(context: Context, name: str, as_json: bool) -> None:
    """Tell a tracker nothing more, and believe nothing it says. Its center gets openings as any other."""
    _switch(context, name, as_json, enabled=False)


@exchange.command("enable")
@click.argument("name")
@json_option
@click.pass_obj
def enable(context: Context, name: str, as_json: bool) -> None:
    """Share tickets with a tracker again."""
    _switch(context, name, as_json, enabled=True)


def _switch(context: Context, name: str, as_json: bool, *, enabled: bool) -> None:
    def work(connection: Connection) -> None:
        one = store.find(connection, name)
        store.enable(connection, one.name, context.app.clock(), enabled=enabled)

    context.write(work)
    done(f"{name} is {'on' if enabled else 'off'}", as_json=as_json, name=name, enabled=enabled)


@exchange.command("rotate")
@click.argument("name")
@json_option
@click.pass_obj
def rotate(context: Context, name: str, as_json: bool) -> None:
    """Give an exchange another secret address: the old one leaked. What comes to that is held."""

    def work(connection: Connection) -> Exchange:
        one = store.find(connection, name)
        store.rotate(connection, one.name, context.app.clock())
        return store.find(connection, name)

    address = _secret_address(context, context.write(work))
    done(f"its tracker is to write to {address} now", as_json=as_json, name=name, secret_address=address)


@exchange.command("remove")
@click.argument("name")
@json_option
@click.pass_obj
def remove(context: Context, name: str, as_json: bool) -> None:
    """Forget an exchange. What its tracker calls our tickets stays known: its mails go on threading."""

    def work(connection: Connection) -> None:
        store.remove(connection, store.find(connection, name).name)

    context.write(work)
    done(f"{name} is forgotten", as_json=as_json, name=name)
