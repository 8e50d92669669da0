"""Commands on people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from mailgate import about, erasures
from mailgate.cli_base import (
    Context,
    Group,
    Refusal,
    done,
    json_option,
    print_rows,
)
from mailgate.erasing import Erased, erase
from mailgate.exporting import iso
from mailgate.offering import read_interest
from tracker.model import Address, PersonId
from tracker.people import normalise_address
from tracker.storage import centers, interests, people, queues, roles
from tracker.storage import tables as t
from tracker.unit_of_work import UnitOfWork


@click.group(cls=Group, name="people")
def people_group() -> None:
    """The people who wrote, and their addresses."""


@people_group.command("list")
@json_option
@click.pass_obj
def people_list(context: Context, as_json: bool) -> None:
    """Everybody known."""
    rows = [
        {"address": one.address, "name": one.name, "member": one.member}
        for one in context.app.read(people.everybody)
    ]
    print_rows(rows, as_json=as_json, empty="nobody yet")


@people_group.command("show")
@click.argument("address")
@json_option
@click.pass_obj
def people_show(context: Context, address: str, as_json: bool) -> None:
    """One person: addresses, and the tickets they take part in."""

    def row(connection: Connection) -> dict[str, Any]:
        one = people.find(connection, normalise_address(address))
        query = select(t.membership.c.ticket_id).where(
            t.membership.c.person_id == one.id, t.membership.c.state == "joined"
        )
        return {
            "address": one.address,
            "name": one.name,
            "member": one.member,
            "addresses": list(people.addresses_of(connection, one.id)),
            **_roles(connection, one.id),
            "tickets": sorted(found.ticket_id for found in connection.execute(query)),
        }

    print_rows([context.app.read(row)], as_json=as_json)


@people_group.command("interests")
@click.argument("address")
@click.option("--add", "query", help="Offer each new ticket that meets this query, in the words of rules.")
@click.option("--remove", "gone", help="No longer offer what meets this query.")
@json_option
@click.pass_obj
def people_interests(
    context: Context, address: str, query: str | None, gone: str | None, as_json: bool
) -> None:
    """What new tickets are offered to somebody, once each; they may say so by mail, to LIST-request."""

    def change(uow: UnitOfWork) -> list[dict[str, Any]]:
        person = people.find(uow.connection, normalise_address(address))
        if query is not None:
            interests.add(uow.connection, person, read_interest(query), uow.now)
        if gone is not None and not interests.remove(uow.connection, person, gone):
            raise Refusal(f"{address} has no interest {gone!r}")
        return [
            {"interest": one.query, "since": iso(one.since)}
            for one in interests.of_person(uow.connection, person)
        ]

    print_rows(context.change(change), as_json=as_json, empty=f"{address} has no interests")


@people_group.command("set")
@click.argument("address")
@click.option("--name", help="What to call them.")
@click.option("--member/--no-member", default=None, help="Their address is confirmed.")
@click.option("--add-address", help="Another address of theirs.")
@click.pass_obj
def people_set(
    context: Context, address: str, name: str | None, member: bool | None, add_address: str | None
) -> None:
    """Change what is known of a person; one who is not known is made."""
    if name is None and member is None and add_address is None:
        raise click.UsageError("say what to change: --name, --member, --add-address")

    def change(connection: Connection) -> None:
        one = people.register(connection, normalise_address(address), name or "", context.app.clock())
        if name is not None:
            people.set_name(connection, one.id, name)
        if member is not None:
            people.set_member(connection, one.id, member)
        if add_address is not None:
            people.add_address(connection, one.id, normalise_address(add_address))

    try:
        context.app.write(change)
    except IntegrityError:
        raise Refusal(f"{add_address} is somebody's already") from None
    done(f"{address} changed")


def _roles(connection: Connection, person_id: PersonId) -> dict[str, Any]:
    held = roles.of(connection, person_id)
    lists = [one.address for one in queues.everyone(connection) if one.id in held.lists]
    return {"moderates": lists, "admin": held.admin}


@people_group.command("role")
@click.argument("address")
@click.option("--moderator", "lists", metavar="LIST", multiple=True, help="Let them moderate that list.")
@click.option("--admin", is_flag=True, help="Let them administer the instance, and moderate all lists.")
@click.option("--none", "none", is_flag=True, help="Take all roles first.")
@json_option
@click.pass_obj
def people_role(
    context: Context, address: str, lists: tuple[str, ...], admin: bool, none: bool, as_json: bool
) -> None:
    """What somebody may do beyond what everybody may; without options, what that is. Never given by mail.

    \b
    mailgate people role ann@x.example --moderator osg-general@lists.example.org
    mailgate people role ann@x.example --none
    """

    def change(connection: Connection) -> dict[str, Any]:
        wanted = [queues.find(connection, name).id for name in lists]
        known = normalise_address(address)
        if wanted or admin:
            one = people.register(connection, known, "", context.app.clock())
            # A role is a matter of trust: whoever has one is known.
            people.set_member(connection, one.id, member=True)
        else:
            one = people.find(connection, known)
        if none:
            roles.take(connection, one.id)
        for queue_id in wanted:
            roles.make_moderator(connection, one.id, queue_id)
        if admin:
            roles.make_admin(connection, one.id)
        return {"address": one.address, **_roles(connection, one.id)}

    print_rows([context.app.write(change)], as_json=as_json)


@people_group.command("export")
@click.argument("address")
@click.pass_obj
def people_export(context: Context, address: str) -> None:
    """All that is kept about somebody, as JSON lines: what they chose, wrote, did and were sent.

    \b
    mailgate people export ann@x.example > ann.jsonl
    """
    for row in context.read(lambda c: list(about.everything(c, people.find(c, normalise_address(address))))):
        click.echo(json.dumps(row, ensure_ascii=False))


@people_group.command("erase")
@click.argument("address")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only say what would be rewritten.")
@json_option
@click.pass_obj
def people_erase(context: Context, address: str, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Take somebody out of all that is kept: what they wrote, and where others name them.

    Texts, raw mail and files of theirs are gone for good; tickets, their numbers and threads stay. It is done
    again by itself after a restore, for which erased.jsonl in the instance's folder must stay.

    \b
    mailgate people erase ann@x.example --dry-run
    """
    wanted = normalise_address(address)
    if not (yes or dry_run):
        click.confirm(f"All that {wanted} wrote is gone for good then. Go on?", abort=True)

    def work(uow: UnitOfWork) -> Erased:
        person = people.find(uow.connection, wanted)
        addresses = people.addresses_of(uow.connection, person.id)
        _refuse_offices(uow.connection, addresses)
        found = erase(uow, person)
        if dry_run:
            raise _TakeBack(found)
        # Before the commit: rather one erasure too many is remembered than one forgotten.
        erasures.note(uow.connection, context.folder, addresses, uow.now)
        return found

    try:
        found = context.change(work)
    except _TakeBack as trial:
        found = trial.found
    if not dry_run and not context.app.database.forget_deleted():
        click.echo("the log beside the database holds old pages until it is next begun anew", err=True)
    verb = "would be" if dry_run else "are"
    done(
        f"{found.posts} posts {verb} erased, {found.mails} mails, and {found.mentions} places that name them",
        as_json=as_json,
        stands=found.stands,
        posts=found.posts,
        mails=found.mails,
        mentions=found.mentions,
        dry_run=dry_run,
    )


def _refuse_offices(connection: Connection, addresses: Sequence[Address]) -> None:
    """A Refusal where an address is a support center's: that is no person's to forget."""
    for center in centers.everyone(connection):
        if center.address in addresses:
            raise Refusal(
                f"{center.address} is the address of {center.name}: give that another first, "
                f"`mailgate centers set {center.name}`"
            )


class _TakeBack(Exception):
    """Carries what would be done out of a transaction that is rolled back."""

    def __init__(self, found: Erased) -> None:
        super().__init__()
        self.found = found
