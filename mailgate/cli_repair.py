"""Commands that mend wrong threading, and undo what was done."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
from sqlalchemy import Connection

from mailgate.cli_base import TICKET_NUMBER, Context, Refusal, done, json_option
from mailgate.threads.subjects import read_subject
from tracker import repair, tickets, undo
from tracker.events import Actor, JournalRow
from tracker.model import BadValue, Link, TicketId
from tracker.people import normalise_address
from tracker.rights import Act
from tracker.storage import journal, people, posts, queues
from tracker.undo import Undone
from tracker.unit_of_work import UnitOfWork

_NO_TITLE: Final = "(no subject)"
_RANGE: Final = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)
_MOST_POSTS: Final = 100_000
_SPAN: Final = re.compile(r"(\d{1,5})\s*([smhdw])", re.ASCII | re.IGNORECASE)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class _PostNumbers(click.ParamType[tuple[int, ...]]):
    """Numbers of posts: 4, or 4,6, or 4-6,9."""

    name = "posts"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        numbers: dict[int, None] = {}
        for piece in str(value).split(","):
            found = _RANGE.fullmatch(piece.strip())
            first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
            if not first <= last <= first + _MOST_POSTS:
                self.fail(f"{piece.strip()!r} is no number of a post, nor a range such as 4-6", param, ctx)
            numbers |= dict.fromkeys(range(first, last + 1))
        return tuple(numbers)


class _Since(click.ParamType[timedelta | datetime]):
    """A span back from now, 2h, or a time, 2026-03-02T09:00 (UTC unless it says another zone)."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta | datetime:
        span = _SPAN.fullmatch(str(value).strip())
        if span:
            return timedelta(**{_UNITS[span[2].lower()]: int(span[1])})
        try:
            at = datetime.fromisoformat(str(value).strip())
        except ValueError:
            self.fail(
                f"{value!r} is neither a span such as 2h nor a time such as 2026-03-02T09:00", param, ctx
            )
        return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


@click.command("split")
@click.argument("number", type=TICKET_NUMBER)
@click.option("--from", "first", type=click.IntRange(1), metavar="K", help="Post K and all after it.")
@click.option("--only", type=_PostNumbers(), metavar="K", help="These posts only: 4, or 4,6, or 4-6.")
@click.option("--title", help="The new ticket's title; without it the subject of its first post.")
@json_option
@click.pass_obj
def ticket_split(
    context: Context,
    number: int,
    first: int | None,
    only: tuple[int, ...] | None,
    title: str | None,
    as_json: bool,
) -> None:
    """Give posts of ticket NUMBER a ticket of their own: they answered another question.

    Their numbers are those of `mailgate ticket show`. Replies to a moved post go to the new ticket from then
    on, also those to mails that went out before; replies to what stays go on where they are. Who wrote what
    moves takes part in the new ticket; it has the same list, centers and privacy. No post is sent again.

    \b
    mailgate ticket split 17 --from 4         post 4 and all later ones
    mailgate ticket split 17 --only 4         post 4 alone
    mailgate ticket split 17 --only 2,5-7 --title 'Disk full at the site'
    """
    if (first is None) is (only is None):
        raise click.UsageError("say which posts: --from K, or --only K")

    def work(uow: UnitOfWork) -> dict[str, Any]:
        old = tickets.find(uow, number)
        context.allow(uow.connection, Act.MEND, old)
        present = posts.of_ticket(uow.connection, old.id)
        wanted = only if only is not None else tuple(range(first or 1, len(present) + 1))
        if not wanted:
            raise BadValue(f"ticket {old.id} has no post {first}: its posts are 1 to {len(present)}")
        opening = next((post for post in present if post.n == min(wanted)), None)
        name = title if title is not None else _title(uow.connection, opening.subject if opening else "")
        new, event = repair.split(uow, old.id, wanted, name, context.actor(uow.connection))
        return {"ticket": new, "from": old.id, "title": name, "posts": len(wanted), "event": event}

    made = context.change(work)
    said = (
        f"{_posts(made['posts'])} of ticket {made['from']} {_are(made['posts'])} now ticket {made['ticket']}"
    )
    done(f"{said}: {made['title']}{_way_back(made['event'])}", as_json=as_json, **made)


def _title(connection: Connection, subject: str) -> str:
    tags = [queue.tag for queue in queues.everyone(connection)]
    return read_subject(subject, *tags).title or _NO_TITLE


def _posts(count: int) -> str:
    return "1 post" if count == 1 else f"{count} posts"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _way_back(event: int) -> str:
    return f"\nto undo it: mailgate ticket undo {event}"


@click.command("merge")
@click.argument("source", type=TICKET_NUMBER)
@click.argument("target", type=TICKET_NUMBER)
@json_option
@click.pass_obj
def ticket_merge(context: Context, source: int, target: int, as_json: bool) -> None:
    """Make ticket SOURCE an alias of TARGET: its posts, people, centers and tags go over.

    Its number, addresses and tags in subjects mean TARGET from then on. `mailgate ticket undo` takes the two
    apart again.
    """

    def merge(uow: UnitOfWork) -> int:
        for number in (source, target):
            context.allow(uow.connection, Act.MEND, tickets.find(uow, number))
        actor = context.actor(uow.connection)
        return repair.merge(uow, TicketId(source), TicketId(target), actor)

    event = context.change(merge)
    said = f"ticket {source} is now ticket {target}{_way_back(event)}"
    done(said, as_json=as_json, ticket=target, alias=source, event=event)


@click.command("move")
@click.argument("number", type=TICKET_NUMBER)
@click.argument("queue")
@json_option
@click.pass_obj
def ticket_move(context: Context, number: int, queue: str, as_json: bool) -> None:
    """Move ticket NUMBER to another list.

    QUEUE is the list's name, address or tag. The number stays, and so does what leads to it: its addresses at
    the old list, replies to mails that went out, the old tag in subjects. A private ticket stays private.
    """

    def work(uow: UnitOfWork) -> dict[str, Any]:
        found = tickets.find(uow, number)
        context.allow(uow.connection, Act.MEND, found)
        target = queues.find(uow.connection, queue)
        event = repair.move(uow, found, target, context.actor(uow.connection))
        return {"ticket": found.id, "queue": target.local_part, "event": event}

    made = context.change(work)
    done(
        f"ticket {made['ticket']} is in {made['queue']} now{_way_back(made['event'])}",
        as_json=as_json,
        **made,
    )


@click.command("link")
@click.argument("number", type=TICKET_NUMBER)
@click.argument("kind", type=click.Choice([kind.value for kind in Link]))
@click.argument("other", type=TICKET_NUMBER)
@json_option
@click.pass_obj
def ticket_link(context: Context, number: int, kind: str, other: int, as_json: bool) -> None:
    """Say how ticket NUMBER stands to ticket OTHER.

    \b
    mailgate ticket link 42 follows 17
    mailgate ticket link 42 duplicate-of 17
    """

    def work(uow: UnitOfWork) -> dict[str, Any]:
        found = tickets.find(uow, number)
        context.allow(uow.connection, Act.CHANGE, found)
        named = tickets.find(uow, other)
        context.allow(uow.connection, Act.READ_PRIVATE if named.private else Act.POST, named)
        if named.private and not found.private:
            raise BadValue(f"ticket {named.id} is private: a link from {found.id} would tell of it")
        tickets.link(uow, found.id, Link(kind), named.id, context.actor(uow.connection))
        return {"ticket": found.id, "kind": kind, "other": named.id}

    made = context.change(work)
    done(f"ticket {made['ticket']} {kind} ticket {made['other']}", as_json=as_json, **made)


class _TakeBack(Exception):
    """Carries what would be done out of a transaction that is rolled back."""

    def __init__(self, found: tuple[Undone, ...]) -> None:
        super().__init__()
        self.found = found


@click.command("undo")
@click.argument("event", type=click.IntRange(1), required=False)
@click.option("--actor", help="All that they did: an address, or a cause such as 'rules rev 3'.")
@click.option("--since", type=_Since(), help="With --actor: 2h, 3d, or a time, 2026-03-02T09:00 (UTC).")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@json_option
@click.pass_obj
def ticket_undo(
    context: Context,
    event: int | None,
    actor: str | None,
    since: timedelta | datetime | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Undo an EVENT, or all that somebody did.

    The numbers of events stand in the history that `mailgate ticket show` prints. Undoing is an event too,
    and can be undone. It is refused, saying why, when things changed again since. Posts are not undone:
    `ticket split` gives them a ticket of their own, `mailgate hold` is for what should not come in.

    \b
    mailgate ticket undo 1234
    mailgate ticket undo --actor mallory@x.example --since 2h --dry-run
    mailgate ticket undo --actor 'rules rev 3' --since 2026-03-02
    """
    if (event is None) is (actor is None) or (actor is None) is not (since is None):
        raise click.UsageError("say an EVENT, or --actor and --since")

    def work(uow: UnitOfWork) -> tuple[Undone, ...]:
        doer = Actor(None, context.operator)
        if event is not None:
            found: tuple[Undone, ...] = (undo.undo(uow, event, doer),)
        else:
            found = undo.undo_all(uow, _deeds(uow, actor or "", since), doer)
        if dry_run:
            raise _TakeBack(found)
        return found

    try:
        results = context.change(work)
    except _TakeBack as trial:
        results = trial.found
    for one in results:
        click.echo(_as_json(one, dry_run=dry_run) if as_json else _line(one, dry_run=dry_run))


def _deeds(uow: UnitOfWork, actor: str, since: timedelta | datetime | None) -> tuple[JournalRow, ...]:
    """What somebody did, newest first; a Refusal when that is nothing."""
    who = people.find(uow.connection, normalise_address(actor)).id if "@" in actor else actor
    at = since if isinstance(since, datetime) else uow.now - (since or timedelta())
    found = journal.of_actor(uow.connection, who, at)
    if not found:
        raise Refusal(f"{actor} did nothing since {at:%Y-%m-%d %H:%M} UTC")
    return found


def _line(one: Undone, *, dry_run: bool) -> str:
    event = one.row.event
    change = " -> ".join(part for part in (event.before, event.after) if part)
    what = f"event {one.row.id}, {event.kind.value} {change}".rstrip() + f", of ticket {event.ticket_id}"
    if one.by is None:
        return f"{what}: stays; {one.refused}"
    return f"{what}: would be undone" if dry_run else f"{what}: undone by event {one.by}"


def _as_json(one: Undone, *, dry_run: bool) -> str:
    event = one.row.event
    row = {
        "event": one.row.id,
        "kind": event.kind.value,
        "ticket": event.ticket_id,
        "before": event.before,
        "after": event.after,
        "undone": one.by is not None,
        "by": None if dry_run else one.by,
        "refused": one.refused or None,
        "dry_run": dry_run,
    }
    return json.dumps(row, ensure_ascii=False)


COMMANDS: Final[Iterable[click.Command]] = (
    ticket_split,
    ticket_merge,
    ticket_move,
    ticket_link,
    ticket_undo,
)
