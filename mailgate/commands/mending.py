"""Commands by mail that mend a ticket: who takes part, links, split, merge, move, undo."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from mailgate.commands.scene import CHANGES, Scene
from mailgate.threads.subjects import read_subject
from tracker import nosy, repair, rights, tickets, undo
from tracker.events import JournalRow, Kind
from tracker.model import BadValue, Link, NoSuchTicket, Ticket
from tracker.people import normalise_address
from tracker.rights import Act, Proof
from tracker.storage import journal, people, posts, queues
from tracker.words import nearest

_NO_TITLE: Final = "(no subject)"
_MOST_PEOPLE: Final = 10
_NUMBER: Final = re.compile(r"#?(\d{1,18})", re.ASCII)
_SPLIT: Final = re.compile(r"#?(\d{1,9})(?:\s+(\S.{0,200}))?", re.ASCII)
_LINK: Final = re.compile(r"([a-z-]{1,20})\s+#?(\d{1,18})", re.ASCII | re.IGNORECASE)
# How far back a mail undoes; what is older is for the command line, which shows it first.
_UNDONE_WITHIN: Final = timedelta(days=30)


def change_nosy(scene: Scene, argument: str) -> str:
    """Have others take part, or no more: `+ann@x.example,-bo@y.example`."""
    wishes = [wish for wish in re.split(r"[,\s]+", argument) if wish.strip("+-")]
    if not 0 < len(wishes) <= _MOST_PEOPLE:
        raise BadValue(f"name up to {_MOST_PEOPLE} addresses, as in +ann@x.example,-bo@y.example")
    named = [(wish.startswith("-"), normalise_address(wish.lstrip("+-"))) for wish in wishes]
    for leaves, address in named:
        person = people.register(scene.uow.connection, address, "", scene.uow.now)
        if leaves:
            nosy.leave(scene.uow, scene.ticket.id, person, scene.actor)
        else:
            nosy.join(scene.uow, scene.ticket.id, person, "guest", scene.actor)
    return "; ".join(f"{address} {'is off it' if leaves else 'takes part'}" for leaves, address in named)


def link(scene: Scene, argument: str) -> str:
    """Say how it stands to another ticket: `follows 17`."""
    found = _LINK.fullmatch(argument)
    known = {one.value: one for one in Link}
    kind = known.get(found[1].lower()) if found else None
    if found is None or kind is None:
        hint = nearest(argument.split(maxsplit=1)[0], known) if argument else ""
        raise BadValue(f"say how and to which: {', '.join(known)}, as in !link follows 17{hint}")
    other = _other(scene, found[2])
    if other.private and not scene.ticket.private:
        raise BadValue(f"ticket {other.id} is private: a link from here would tell of it")
    tickets.link(scene.uow, scene.ticket.id, kind, other.id, scene.actor)
    return f"it {kind.value} ticket {other.id}"


def split(scene: Scene, argument: str) -> str:
    """Give a post and all later ones a ticket of their own: `4`, or `4 Its title`."""
    found = _SPLIT.fullmatch(argument)
    if found is None:
        raise BadValue("say from which post on, as in !split 4")
    present = posts.of_ticket(scene.uow.connection, scene.ticket.id)
    # The post that carries the command stays: it is about the parting.
    wanted = [post for post in present[:-1] if post.n >= int(found[1])]
    if not wanted:
        raise BadValue(f"it has no post {found[1]} to part; its posts are 1 to {len(present) - 1}")
    title = found[2] or _title(scene, wanted[0].subject)
    numbers = [post.n for post in wanted]
    new, _ = repair.split(scene.uow, scene.ticket.id, numbers, title, scene.actor)
    return f"{len(numbers)} posts, from {numbers[0]} on, are ticket {new} now: {title}"


def _title(scene: Scene, subject: str) -> str:
    tags = [queue.tag for queue in queues.everyone(scene.uow.connection)]
    return read_subject(subject, *tags).title or _NO_TITLE


def merge(scene: Scene, argument: str) -> str:
    """Make it part of another ticket, as whose alias its number goes on: `17`."""
    other = _other(scene, argument)
    repair.merge(scene.uow, scene.ticket.id, other.id, scene.actor)
    return f"ticket {scene.ticket.id} is part of ticket {other.id} now; both numbers mean that"


def move(scene: Scene, argument: str) -> str:
    """Let it be one of another list; who takes part goes on hearing of it."""
    queue = queues.find(scene.uow.connection, argument)
    repair.move(scene.uow, scene.ticket, queue, scene.actor)
    return f"it is in {queue.address} now; its number and addresses stay good"


def undo_last(scene: Scene, argument: str) -> str:
    """Undo what its author changed last in the ticket, by one mail; staff may undo another's last."""
    if argument:
        raise BadValue(
            "!undo takes back what you changed last; an event by its number is for `mailgate ticket undo`"
        )
    rows = _last_deeds(scene)
    if not rows:
        raise BadValue("there is nothing that you changed in it, and could undo")
    if any(row.event.kind is Kind.PRIVATE for row in rows):
        standing = rights.standing_of(scene.uow.connection, scene.sender, scene.ticket)
        if refused := rights.objection(Act.MODERATE, standing, Proof.ALIGNED, private=scene.ticket.private):
            raise BadValue(f"to make it public again: {refused}")
    done = undo.undo_all(scene.uow, rows, scene.actor)
    failed = [one.refused for one in done if one.by is None]
    if failed:
        raise BadValue("; ".join(failed))
    return "undone: " + "; ".join(_told(row) for row in rows)


def _last_deeds(scene: Scene) -> list[JournalRow]:
    scene.uow.flush()
    since = scene.uow.now - _UNDONE_WITHIN
    staff = scene.sender is not None and scene.sender.staff
    history = journal.history(scene.uow.connection, scene.ticket.id)[::-1]
    mine = [row for row in history if row.event.at >= since and _is_deed(scene, row, anybody=False)]
    deeds = mine or [row for row in history if staff and _is_deed(scene, row, anybody=True)]
    return [row for row in deeds if row.event.at == deeds[0].event.at]


def _is_deed(scene: Scene, row: JournalRow, *, anybody: bool) -> bool:
    event = row.event
    own = anybody or event.actor.person_id == scene.author.id
    by_hand = event.actor.cause.startswith(("mail", "operator")) and event.post_id is None
    fresh = event.part_of is None and event.undoes is None
    return (
        own
        and by_hand
        and fresh
        and event.kind in CHANGES
        and journal.undone_by(scene.uow.connection, row.id) is None
    )


def _told(row: JournalRow) -> str:
    event = row.event
    change = " -> ".join(part for part in (event.before, event.after) if part)
    return f"{event.kind.value.replace('_', ' ')} {change}".strip()


def _other(scene: Scene, argument: str) -> Ticket:
    """Another ticket by its number; what its author may not see is as if it were none."""
    found = _NUMBER.fullmatch(argument.strip())
    if found is None:
        raise BadValue(f"{argument!r} is no number of a ticket")
    other = tickets.find(scene.uow, int(found[1]))
    # Who asks proved it before anything was done.
    if not rights.may_see(scene.uow.connection, scene.sender, other, Proof.ALIGNED):
        # To the letter what is said of a number that there is none of: "017" would tell them apart.
        raise NoSuchTicket(f"there is no ticket {int(found[1])}")
    return other
