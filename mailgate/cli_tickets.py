"""Commands on tickets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any, Final

import click
from sqlalchemy import Connection, Select, select

from mailgate.cli_base import (
    SPAN,
    TICKET_NUMBER,
    Context,
    Group,
    Refusal,
    done,
    json_option,
    parsed_query,
    print_rows,
)
from mailgate.exporting import iso, ticket_json
from mailgate.message import Disposition
from mailgate.quotes.quoting import count_lines, stands_alone
from mailgate.ticketsearch import check_asks_tickets, search
from routing.actions import REMINDED
from tracker import assign, nosy, tickets
from tracker.commands import Remind
from tracker.events import Actor
from tracker.model import BadValue, Priority, Status, Ticket, TicketId
from tracker.people import normalise_address
from tracker.rights import Act
from tracker.storage import centers, people, reminders
from tracker.storage import tables as t
from tracker.storage import tickets as store
from tracker.unit_of_work import UnitOfWork
from tracker.words import nearest

_NAMED: Final = ("requester", "owner", "centers", "tags", "nosy", "aliases")


@click.group(cls=Group)
def ticket() -> None:
    """Look at tickets, and change them."""


@ticket.command("list")
@click.argument("query", nargs=-1)
@click.option("--status", type=click.Choice([s.value for s in Status]), help="Only these.")
@click.option("--all", "everything", is_flag=True, help="Resolved ones too.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="The newest so many.")
@click.option(
    "--look", type=click.IntRange(1), default=10_000, show_default=True, help="How many QUERY is asked of."
)
@json_option
@click.pass_obj
def ticket_list(context: Context, /, query: tuple[str, ...], limit: int, as_json: bool, **which: Any) -> None:
    """Tickets, newest activity first; with QUERY those that meet it.

    \b
    mailgate ticket list
    mailgate ticket list 'assigned:USCMS silence:>7d'
    mailgate ticket list --all 'subject:(crash | "exit status") -tag:solved'
    mailgate ticket list resource:NU-CE1

    It is the language of rules (`mailgate rules --help`), asked of a ticket's title, all that was written in
    it, its attachments, and how it stands: status: priority: tag: topic: list: assigned: owner: age: silence:
    is:private. from:, name: and domain: are those of its requester.
    """
    wanted = parsed_query(" ".join(query))
    check_asks_tickets(wanted)
    look = which["look"]

    def rows(connection: Connection) -> list[dict[str, Any]]:
        chosen = _listed(which["status"], which["everything"])
        if wanted.unconditional and context.acting is None:
            return _summaries(connection, _tickets(connection, chosen.limit(limit)))
        newest = _tickets(connection, chosen.limit(look + 1))
        known = [one for one in newest[:look] if context.shows(connection, one)]
        grid, now = context.app.registry.read(connection), context.app.clock()
        found = list(islice(search(connection, wanted, known, grid, now), limit))
        if len(newest) > look and len(found) < limit:
            click.echo(f"older tickets than the newest {look} were not asked; --look says how many", err=True)
        return _summaries(connection, found)

    print_rows(context.app.read(rows), as_json=as_json, empty="no tickets")


def _tickets(connection: Connection, chosen: Select[Any]) -> list[Ticket]:
    return [store.ticket_of(row) for row in connection.execute(chosen)]


def _listed(status: str | None, everything: bool) -> Select[Any]:
    """The rows of tickets that are none of others', newest activity first."""
    chosen = select(t.ticket).where(t.ticket.c.merged_into.is_(None))
    if status:
        chosen = chosen.where(t.ticket.c.status == status)
    elif not everything:
        chosen = chosen.where(t.ticket.c.status != Status.RESOLVED.value)
    return chosen.order_by(t.ticket.c.touched_at.desc(), t.ticket.c.id.desc())


def _summaries(connection: Connection, found: Sequence[Ticket]) -> list[dict[str, Any]]:
    with_centers: dict[TicketId, list[str]] = {}
    for center in store.centers_of(connection, [one.id for one in found]):
        with_centers.setdefault(center.ticket_id, []).append(center.name)
    return [
        {
            "ticket": one.id,
            "status": one.status.value,
            "priority": one.priority.value,
            "posts": one.post_count,
            "centers": with_centers.get(one.id, []),
            "touched": iso(one.touched_at)[:16],
            "title": one.title,
        }
        for one in found
    ]


@ticket.command("show")
@click.argument("number", type=TICKET_NUMBER)
@json_option
@click.pass_obj
def ticket_show(context: Context, number: int, as_json: bool) -> None:
    """One ticket with its posts and its history."""

    def row(connection: Connection) -> dict[str, Any]:
        wanted = TicketId(number)
        found = tickets.must_exist(store.resolve(connection, (wanted,)).get(wanted), number)
        context.allow(connection, Act.READ_PRIVATE if found.private else Act.POST, found)
        waiting = [
            {"due": iso(one.due_at), "to": list(one.steps[one.step :]), "cause": one.cause}
            for one in reminders.of_tickets(connection, (found.id,))
        ]
        return ticket_json(connection, found.id) | {"reminders": waiting}

    shown = context.app.read(row)
    if as_json:
        click.echo(json.dumps(shown, ensure_ascii=False))
        return
    click.echo("\n".join(_page(shown)))


def _page(shown: dict[str, Any]) -> Iterator[str]:
    yield f"#{shown['ticket']}  {shown['title']}"
    private = ", private" if shown["private"] else ""
    yield f"{shown['status']}, priority {shown['priority']}, list {shown['queue']}{private}"
    if shown["opener"] not in (None, shown["requester"]):
        yield f"asked by {shown['requester']}, forwarded by {shown['opener']}"
    links = [f"{link['kind']} {link['ticket']}" for link in shown["links"]]
    for name, value in (*((key, shown[key]) for key in _NAMED), ("links", links)):
        if value:
            yield f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
    for one in shown["reminders"]:
        whom = ", ".join(one["to"])
        yield f"reminder: on {one['due'][:10]} if silent until then, to {whom} ({one['cause']})"
    for post in shown["posts"]:
        yield from _post_lines(post)
    yield "\nhistory:"
    for event in shown["history"]:
        change = " -> ".join(part for part in (event["before"], event["after"]) if part)
        who = event["actor"] or event["cause"]
        what = " ".join(part for part in (event["kind"], change) if part)
        undoes = f", undoes {event['undoes']}" if event["undoes"] else ""
        yield f"  {event['event']:>6}  {event['at'][:19]}  {what}  ({who}{undoes})"


def _post_lines(post: dict[str, Any]) -> Iterator[str]:
    kind = "" if post["disposition"] == Disposition.POST else f"  ({post['disposition']})"
    yield f"\n--- {post['n']}  {post['author_name'] or '-'} <{post['author']}>  {post['received'][:19]}{kind}"
    # What `explain --message-id` wants.
    yield f"    {post['message_id']}"
    yield from _text_lines(post)
    for file in post["attachments"]:
        yield f"attached: {file['name']} ({file['type']}, {file['size']} bytes)"


def _text_lines(post: dict[str, Any]) -> Iterator[str]:
    """The opening whole; of another what is new, and how much is not shown, if it can be read without."""
    if post["n"] == 1 or not stands_alone(post["new_text"], post["text"]):
        yield post["text"].strip() or "(no text)"
        return
    yield post["new_text"].strip()
    folded = count_lines(post["text"]) - count_lines(post["new_text"])
    if folded:
        yield f"[{folded} more line{'' if folded == 1 else 's'}, quoted or closing: `mailgate export`]"


@ticket.command("set")
@click.argument("number", type=TICKET_NUMBER)
@click.argument("changes", nargs=-1, required=True, metavar="KEY=VALUE...")
@json_option
@click.pass_obj
def ticket_set(context: Context, number: int, changes: Sequence[str], as_json: bool) -> None:
    """Change a ticket.

    \b
    KEY=VALUE: status=resolved priority=high title='...' owner=ann@x.example owner= topic=upgrade
               center=+USCMS center=-VDT tag=+xrootd tag=-old private=yes private=no
    """
    pairs = [_pair(change) for change in changes]

    def change(uow: UnitOfWork) -> None:
        actor = context.actor(uow.connection)
        for key, value in pairs:
            found = tickets.find(uow, number)
            context.allow(uow.connection, _act_of(key, value), found)
            _SETTERS[key](uow, found, value, actor)

    context.change(change)
    done(f"ticket {number} changed", as_json=as_json, ticket=number)


def _pair(change: str) -> tuple[str, str]:
    key, equals, value = change.partition("=")
    if not equals:
        raise click.UsageError(f"{change!r} is not KEY=VALUE")
    if key not in _SETTERS:
        raise Refusal(f"a ticket has no {key!r}{nearest(key, _SETTERS)}")
    return key, value


def _act_of(key: str, value: str) -> Act:
    """What a change is, in the table of rights."""
    if key == "private":
        return Act.MODERATE if value == "no" else Act.STATUS
    return Act.STATUS if key == "status" else Act.CHANGE


def _set_private(uow: UnitOfWork, one: Ticket, value: str, actor: Actor) -> None:
    change = {"yes": tickets.make_private, "no": tickets.lift_private}
    change[_one_of(value, list(change))](uow, one, actor)


def _set_status(uow: UnitOfWork, one: Ticket, value: str, actor: Actor) -> None:
    tickets.set_status(uow, one, Status(_one_of(value, [s.value for s in Status])), actor)


def _set_priority(uow: UnitOfWork, one: Ticket, value: str, actor: Actor) -> None:
    tickets.set_priority(uow, one, Priority(_one_of(value, [p.value for p in Priority])), actor)


def _one_of(value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise BadValue(f"{value!r} is not one of {', '.join(known)}")
    return value


def _set_owner(uow: UnitOfWork, one: Ticket, value: str, actor: Actor) -> None:
    owner = people.find(uow.connection, normalise_address(value)) if value else None
    tickets.set_owner(uow, one, owner, actor)


def _set_center(uow: UnitOfWork, one: Ticket, value: str, actor: Actor) -> None:
    center = centers.find(uow.connection, value.lstrip("+-"))
    if value.startswith("-"):
        assign.remove_center(uow, one.id, center, actor)
    else:
        assign.add_center(uow, one.id, center, actor)


def _set_tag(uow: UnitOfWork, one: Ticket, value: str, actor: Actor) -> None:
    if value.startswith("-"):
        assign.remove_tag(uow, one.id, value[1:], actor)
    else:
        assign.add_tags(uow, one.id, (value.removeprefix("+"),), actor)


_SETTERS: Final[dict[str, Callable[[UnitOfWork, Ticket, str, Actor], None]]] = {
    "status": _set_status,
    "priority": _set_priority,
    "title": tickets.set_title,
    "topic": tickets.set_topic,
    "owner": _set_owner,
    "center": _set_center,
    "tag": _set_tag,
    "private": _set_private,
}


@ticket.command("remind")
@click.argument("number", type=TICKET_NUMBER)
@click.option("--after", "span", type=SPAN, default=timedelta(days=7), metavar="7d", help="Of silence; 7d.")
@click.option("--to", "steps", default="center,list", show_default=True, help="Who first, who next.")
@click.option("--none", "forget", is_flag=True, help="Remind nobody of it any more.")
@click.pass_obj
def ticket_remind(context: Context, number: int, span: timedelta, steps: str, forget: bool) -> None:
    """Have people told again of a ticket when nobody touches it.

    Its center gets one mail a day for all that is silent, the list hears in its digest.
    """
    wanted = tuple(step.strip() for step in steps.split(","))
    if unknown := [step for step in wanted if step not in REMINDED]:
        raise Refusal(f"{unknown[0]!r} is none of {', '.join(REMINDED)}{nearest(unknown[0], REMINDED)}")

    def change(uow: UnitOfWork) -> int:
        found = tickets.find(uow, number)
        if not forget:
            assign.remind(uow, found.id, Remind(span, wanted), Actor(None, context.operator))
            return 0
        known = reminders.of_tickets(uow.connection, (found.id,))
        for one in known:
            reminders.end(uow.connection, one, f"ended by {context.operator}", uow.now)
        return len(known)

    ended = context.change(change)
    done(
        f"{ended} reminders of ticket {number} ended" if forget else f"ticket {number} is watched for silence"
    )


@ticket.command("follow")
@click.argument("number", type=TICKET_NUMBER)
@click.argument("address")
@click.pass_obj
def ticket_follow(context: Context, number: int, address: str) -> None:
    """Put somebody on the nosy list of a ticket."""

    def change(uow: UnitOfWork) -> None:
        found = tickets.find(uow, number)
        context.allow(uow.connection, _of_whom(context, address), found)
        person = people.register(uow.connection, normalise_address(address), "", uow.now)
        nosy.join(uow, found.id, person, "followed", context.actor(uow.connection))

    context.change(change)
    done(f"{address} follows ticket {number}")


@ticket.command("unfollow")
@click.argument("number", type=TICKET_NUMBER)
@click.argument("address")
@click.pass_obj
def ticket_unfollow(context: Context, number: int, address: str) -> None:
    """Take somebody off the nosy list of a ticket."""

    def change(uow: UnitOfWork) -> None:
        found = tickets.find(uow, number)
        context.allow(uow.connection, _of_whom(context, address), found)
        person = people.find(uow.connection, normalise_address(address))
        if not nosy.takes_part(store.memberships(uow.connection, (found.id,)), person.id):
            raise Refusal(f"{address} does not follow ticket {number}")
        nosy.leave(uow, found.id, person, context.actor(uow.connection))

    context.change(change)
    done(f"{address} no longer follows ticket {number}")


def _of_whom(context: Context, address: str) -> Act:
    """Anybody joins and leaves for themselves; for others it is another matter."""
    return Act.POST if normalise_address(address) == context.acting else Act.MEND
