"""Commands on lists, their subscribers, and support centers."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import click
from sqlalchemy import Connection

from mailgate.addresses import is_ours
from mailgate.cli_base import Context, Group, Refusal, done, json_option, print_rows
from mailgate.exporting import iso
from mailgate.setup import check_tag
from tracker.model import (
    Address,
    Center,
    CenterState,
    Delivery,
    NoSuchPerson,
    Queue,
    QueueId,
    Wants,
)
from tracker.people import normalise_address
from tracker.storage import bans, people, queues, topics
from tracker.storage import centers as center_store

_DELIVERIES = click.Choice([delivery.value for delivery in Delivery])
_WANTS = click.Choice([wants.value for wants in Wants])
_STATES = click.Choice([state.value for state in CenterState])


@click.group(cls=Group)
def lists() -> None:
    """The lists of this instance, and who is on them."""


@lists.command("list")
@json_option
@click.pass_obj
def lists_list(context: Context, as_json: bool) -> None:
    """All lists."""

    def rows(connection: Connection) -> list[dict[str, Any]]:
        return [
            {
                "list": queue.address,
                "tag": queue.tag,
                "title": queue.title,
                "aliases": list(queue.aliases),
                "front": " ".join(filter(None, (queue.front, queue.front_address))),
                "subscribers": len(queues.subscribers(connection, queue.id)),
            }
            for queue in queues.everyone(connection)
        ]

    print_rows(context.app.read(rows), as_json=as_json)


@lists.command("add")
@click.argument("address")
@click.option("--tag", help="What stands in subjects, as [TAG #1]; without it the local part.")
@click.option("--title", help="What List-Id says of it.")
@click.pass_obj
def lists_add(context: Context, address: str, tag: str | None, title: str | None) -> None:
    """Serve another list."""
    local, _, domain = normalise_address(address).rpartition("@")
    check_tag(tag or local)
    queue = Queue(QueueId(0), local.lower(), domain, tag or local, title or tag or local)

    def make(connection: Connection) -> None:
        known = queues.everyone(connection)
        if any(queue.address in one.addresses for one in known):
            raise Refusal(f"there is a list {queue.address} already")
        if any(one.tag.casefold() == queue.tag.casefold() for one in known):
            raise Refusal(f"the tag {queue.tag!r} belongs to another list; choose one with --tag")
        queues.create(connection, queue, context.app.clock())

    context.app.write(make)
    done(f"list {queue.address} is served, tickets [{queue.tag} #1]")


@lists.command("subscribe")
@click.argument("name")
@click.argument("address")
@click.option("--name", "person_name", default="", help="What to call them.")
@click.option("--delivery", type=_DELIVERIES, help="What they get.")
@click.pass_obj
def lists_subscribe(
    context: Context, name: str, address: str, person_name: str, delivery: str | None
) -> None:
    """Put somebody on a list, or change what they get; their address counts as confirmed."""

    def subscribe(connection: Connection) -> Delivery:
        queue, now = queues.find(connection, name), context.app.clock()
        if is_ours(address, queues.everyone(connection)):
            raise Refusal(f"{address} is an address of a list here")
        wanted = normalise_address(address)
        if bans.covering(connection, queue.id, wanted) is not None:
            raise Refusal(f"{address} is banned from {queue.address}: `mailgate lists unban` first")
        person = people.register(connection, wanted, person_name, now)
        people.set_member(connection, person.id, member=True)
        chosen = Delivery(delivery) if delivery else None
        return queues.subscribe(connection, queue.id, person.id, chosen, now)

    chosen = context.app.write(subscribe)
    done(f"{address} is subscribed to {name}, delivery {chosen.value}")


@lists.command("unsubscribe")
@click.argument("name")
@click.argument("address")
@click.pass_obj
def lists_unsubscribe(context: Context, name: str, address: str) -> None:
    """Take somebody off a list."""

    def unsubscribe(connection: Connection) -> bool:
        queue = queues.find(connection, name)
        person = people.find(connection, normalise_address(address))
        return queues.unsubscribe(connection, queue.id, person.id)

    if not context.app.write(unsubscribe):
        raise NoSuchPerson(f"{address} is not on {name}")
    done(f"{address} is off {name}")


@lists.command("members")
@click.argument("name")
@json_option
@click.pass_obj
def lists_members(context: Context, name: str, as_json: bool) -> None:
    """Who is on a list."""

    def rows(connection: Connection) -> list[dict[str, Any]]:
        queue = queues.find(connection, name)
        return [
            {"address": one.person.address, "name": one.person.name, "delivery": one.delivery.value}
            for one in queues.subscribers(connection, queue.id)
        ]

    print_rows(context.app.read(rows), as_json=as_json, empty="nobody yet")


@lists.command("topics")
@click.argument("name")
@click.option("--close", "closing", metavar="TOPIC", help="Let no more tickets come into a topic.")
@click.option("--reopen", "reopening", metavar="TOPIC", help="Let tickets come into it again.")
@json_option
@click.pass_obj
def lists_topics(
    context: Context, name: str, closing: str | None, reopening: str | None, as_json: bool
) -> None:
    """What a list talks of apart; the first mail to LIST+topic.NAME@DOMAIN makes a topic.

    \b
    mailgate lists topics osg-general
    mailgate lists topics osg-general --close upgrade
    """

    def change(connection: Connection) -> list[dict[str, Any]]:
        queue, now = queues.find(connection, name), context.app.clock()
        if closing and not topics.close(connection, queue.id, topics.read_name(closing), now):
            raise Refusal(f"{name} has no open topic {closing}")
        if reopening and not topics.reopen(connection, queue.id, topics.read_name(reopening)):
            raise Refusal(f"{name} has no closed topic {reopening}")
        return [
            {
                "topic": one.name,
                "tickets": one.tickets,
                "closed": iso(one.closed_at) if one.closed_at else None,
            }
            for one in topics.of_list(connection, queue.id)
        ]

    print_rows(context.app.write(change), as_json=as_json, empty="no topics yet")


def _day(at: datetime | None) -> str | None:
    return None if at is None else iso(at)[:10]


@click.group(cls=Group)
def centers() -> None:
    """Support centers: who can be asked to help, and how."""


@centers.command("list")
@json_option
@click.pass_obj
def centers_list(context: Context, as_json: bool) -> None:
    """All support centers.

    \b
    mailgate centers list
    """

    def rows(connection: Connection) -> list[dict[str, Any]]:
        return [
            {
                "center": one.name,
                "address": one.address,
                "wants": one.wants.value,
                "state": _state(one),
                "source": one.source or "by hand",
                "aliases": [a for a in center_store.aliases(connection, one.id) if a != one.name],
                "members": [person.address for person in center_store.members(connection, one.id)],
            }
            for one in center_store.everyone(connection)
        ]

    print_rows(context.app.read(rows), as_json=as_json, empty="no support centers yet")


def _state(center: Center) -> str:
    if center.state is not CenterState.AWAY or center.away_until is None:
        return center.state.value
    return f"away until {center.away_until.date().isoformat()}"


@centers.command("add")
@click.argument("name")
@click.option("--address", help="Where its tickets are announced; without one nobody is mailed.")
@click.option("--alias", "aliases", multiple=True, help="Another name for it.")
@click.option("--member", "members", multiple=True, help="The address of one of its staff.")
@click.option("--wants", type=_WANTS, default=Wants.OPENINGS.value, show_default=True)
@click.pass_obj
def centers_add(
    context: Context,
    name: str,
    address: str | None,
    aliases: tuple[str, ...],
    members: tuple[str, ...],
    wants: str,
) -> None:
    """Add a support center.

    \b
    mailgate centers add USCMS --address support@cms.example --alias CMS --member ann@cms.example
    """

    def add(connection: Connection) -> None:
        now = context.app.clock()
        if address and is_ours(address, queues.everyone(connection)):
            raise Refusal(f"{address} is an address of a list here")
        made = center_store.create(connection, name, _address(address), Wants(wants), now)
        for alias in aliases:
            center_store.add_alias(connection, made.id, alias)
        for member in members:
            person = people.register(connection, normalise_address(member), "", now)
            center_store.add_member(connection, made.id, person.id)

    context.app.write(add)
    done(f"support center {name} added")


def _address(text: str | None) -> Address | None:
    return normalise_address(text) if text else None


@centers.command("set")
@click.argument("name")
@click.option("--address", help="Where its tickets are announced; empty for nowhere.")
@click.option("--wants", type=_WANTS)
@click.option("--add-alias", "alias")
@click.option("--add-member", "joining", help="The address of somebody who is staff now.")
@click.option("--remove-member", "leaving", help="The address of somebody who is not any more.")
@click.option("--state", type=_STATES, help="Whether tickets are routed to it.")
@click.option("--until", help="With --state away: the day it is back, as 2026-12-24; without it, until told.")
@click.option("--delegate", help="The center that takes its tickets meanwhile; empty for none.")
@click.pass_obj
def centers_set(context: Context, /, name: str, **changes: str | None) -> None:
    """Change a support center.

    \b
    mailgate centers set USCMS --address help@cms.example
    mailgate centers set USCMS --state away --until 2030-01-07 --delegate USATLAS
    """

    def change(connection: Connection) -> None:
        found = center_store.find(connection, name)
        address, wants = changes["address"], changes["wants"]
        new_address = found.address if address is None else _address(address)
        center_store.change(connection, found.id, new_address, Wants(wants) if wants else found.wants)
        if changes["alias"]:
            center_store.add_alias(connection, found.id, changes["alias"])
        if changes["joining"]:
            joining = normalise_address(changes["joining"])
            person = people.register(connection, joining, "", context.app.clock())
            center_store.add_member(connection, found.id, person.id)
        if changes["leaving"]:
            gone = people.find(connection, normalise_address(changes["leaving"]))
            center_store.remove_member(connection, found.id, gone.id)
        if changes["state"] or changes["until"]:
            state = CenterState(changes["state"] or CenterState.AWAY)
            center_store.set_state(connection, found, state, _until(changes["until"], state))
        if changes["delegate"] is not None:
            delegate = changes["delegate"]
            chosen = center_store.find(connection, delegate) if delegate else None
            center_store.set_delegate(connection, found, chosen)

    context.app.write(change)
    done(f"support center {name} changed")


def _until(text: str | None, state: CenterState) -> datetime | None:
    if text is None:
        return None
    if state is not CenterState.AWAY:
        raise Refusal("--until goes with --state away")
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise Refusal(f"{text!r} is no day; write it as 2026-12-24") from None


@centers.command("rm")
@click.argument("name")
@click.pass_obj
def centers_rm(context: Context, name: str) -> None:
    """Forget a support center that no ticket is with."""
    context.app.write(lambda c: center_store.remove(c, center_store.find(c, name).id))
    done(f"support center {name} removed")
