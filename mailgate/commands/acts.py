"""What a mail's commands do, and what its author hears of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from sqlalchemy import Connection

from mailgate import commandwords as words
from mailgate.commands import mending
from mailgate.commands.handover import hand_over
from mailgate.commands.scene import CHANGES, Scene, known_person
from mailgate.commandwords import Command, Word
from mailgate.reading import Reading
from mailgate.saying import Said
from mailgate.threads.match import Question
from routing.grid import Grid
from tracker import assign, nosy, rights, tickets
from tracker.model import BadValue, Person, Priority, Status, Ticket, TicketId, TrackerError
from tracker.storage import journal, posts
from tracker.storage.keys import KnownKey
from tracker.storage.people import Sender
from tracker.unit_of_work import UnitOfWork
from tracker.words import nearest

_FOR_ONESELF: Final = frozenset({Word.FOLLOW, Word.UNFOLLOW, Word.MUTE})
# What whoever is believed may ask of a ticket that they may post on; undoing is of one's own deeds.
_FOR_ANYBODY: Final = frozenset({Word.PRIVATE, Word.SHOW, Word.UNDO})
_FOR_STAFF: Final = frozenset({Word.NOSY, Word.QUIET, Word.SPLIT, Word.MERGE, Word.MOVE})
# Changes that a member may make in an hour; more is a program's, or spite.
_MOST_CHANGES: Final = 20
_LIKE_STATUS: Final = frozenset({Word.STATUS, Word.CLAIM})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asking:
    """The commands of a mail, and what its author might do before the mail itself counted.

    `may_set_status`: status and claim; `may_change`: everything else but what one asks for oneself.
    """

    commands: tuple[Command, ...]
    believed: bool = False
    may_set_status: bool = False
    may_change: bool = False
    sender: Sender | None = None

    @property
    def staff(self) -> bool:
        return self.believed and self.sender is not None and self.sender.staff

    @property
    def quiet(self) -> bool:
        """Whether nobody is told of the post: staff asked so."""
        return self.staff and any(command.word is Word.QUIET for command in self.commands)

    @property
    def shows(self) -> bool:
        """Whether its author wants to read what was said."""
        words = {command.word for command in self.commands}
        return self.believed and bool(words & {Word.SHOW, Word.FOLLOW})


def asked(
    connection: Connection,
    reading: Reading,
    question: Question,
    ticket: Ticket | None,
    known: tuple[KnownKey, ...],
) -> Asking:
    """What a mail asks of the ticket that it continues, or opens (None)."""
    commands = (*_of_subject(connection, reading, known), *words.of_text(reading.message.new_text))
    sender, trusted = question.writer.sender, question.writer.trusted
    if ticket is None:
        # Who opens a ticket takes part in it.
        member = sender is not None and (sender.staff or sender.person.member)
        return Asking(commands, trusted, may_set_status=trusted, may_change=trusted and member, sender=sender)
    # Their own token speaks for the From on a public ticket (product.md, rights).
    vouched = trusted or (ticket.id in question.own and not ticket.private)
    return Asking(
        commands,
        vouched,
        may_set_status=vouched and rights.may_change_status(connection, sender, ticket),
        may_change=trusted and rights.may_change(connection, sender, ticket),
        sender=sender,
    )


def _of_subject(connection: Connection, reading: Reading, known: tuple[KnownKey, ...]) -> tuple[Command, ...]:
    """What the subject's brackets ask, less what stood in the mail it answers: replies repeat a subject."""
    if not reading.subject.asked:
        return ()
    parents = [entry.post_id for entry in known if entry.key == reading.parent_key and entry.stored]
    before: set[str] = set()
    for post in posts.by_ids(connection, set(parents)).values():
        before.update(item.casefold() for item in words.split_subject(post.subject)[1])
    return words.of_subject(tuple(item for item in reading.subject.asked if item.casefold() not in before))


def carry_out(
    uow: UnitOfWork, asking: Asking, ticket_id: TicketId, author: Person, grid: Grid | None
) -> tuple[Said, ...]:
    """Do what may be done, each line in its turn; what was refused says why."""
    said = []
    for command in asking.commands:
        scene = Scene(uow, tickets.find(uow, ticket_id), author, grid, asking.sender)
        said.append(_carry_out_one(scene, asking, command))
    return tuple(said)


def _carry_out_one(scene: Scene, asking: Asking, command: Command) -> Said:
    objection = _objection(asking, command) or _too_many(scene, asking, command)
    if objection:
        return Said(command.line, False, objection)
    try:
        # Refused values change nothing; what they would have changed is one statement later.
        return Said(command.line, True, _DO[command.word or Word.FOLLOW](scene, command.argument))
    except TrackerError as error:
        return Said(command.line, False, str(error))


def _objection(asking: Asking, command: Command) -> str:
    """Why a command may not be done, or ""."""
    word = command.word
    if word is None:
        return words.unknown(command)
    if word in _FOR_ONESELF:
        return ""
    if not asking.believed:
        return "nothing proves that the mail is from you"
    if word in _LIKE_STATUS and not asking.may_set_status:
        return "that is for its requester, owner, staff, and members who take part"
    if word in _FOR_STAFF and not asking.staff:
        return "that is for the staff of a support center"
    if word not in _LIKE_STATUS | _FOR_ANYBODY and not asking.may_change:
        return "that is for staff, and for members who take part"
    return ""


def _too_many(scene: Scene, asking: Asking, command: Command) -> str:
    """Why a member may change no more in this hour, or ""."""
    if asking.staff or command.word in _FOR_ONESELF | _FOR_ANYBODY:
        return ""
    since = scene.uow.now - timedelta(hours=1)
    scene.uow.flush()
    deeds = journal.of_actor(scene.uow.connection, scene.author.id, since)
    if sum(row.event.kind in CHANGES for row in deeds) < _MOST_CHANGES:
        return ""
    return f"you changed {_MOST_CHANGES} things in an hour; try again later, or ask staff"


def _center(scene: Scene, argument: str) -> str:
    return hand_over(scene.uow, scene.ticket, argument, scene.author, scene.grid)


def _claim(scene: Scene, _: str) -> str:
    owner = tickets.claim(scene.uow, scene.ticket, scene.author, scene.actor)
    if owner.id == scene.author.id:
        return "you own it now"
    return f"{owner.name or owner.address} claimed it before you; you take part now, and may write [owner=me]"


def _owner(scene: Scene, argument: str) -> str:
    owner = scene.author if argument.lower() == "me" else known_person(scene, argument)
    tickets.set_owner(scene.uow, scene.ticket, owner, scene.actor)
    return f"its owner is {owner.name or owner.address}"


def _status(scene: Scene, argument: str) -> str:
    status = _one_of(argument, {one.value: one for one in Status})
    tickets.set_status(scene.uow, scene.ticket, status, scene.actor)
    return f"its status is {status.value}"


def _priority(scene: Scene, argument: str) -> str:
    priority = _one_of(argument, {one.value: one for one in Priority})
    tickets.set_priority(scene.uow, scene.ticket, priority, scene.actor)
    return f"its priority is {priority.value}"


def _tag(scene: Scene, argument: str) -> str:
    names = [name for name in argument.lower().replace(",", " ").split() if name.strip("+-")]
    if not names:
        raise BadValue("name a tag, as in +xrootd")
    for name in names:
        tag = name.lstrip("+-")[:40]
        if name.startswith("-"):
            assign.remove_tag(scene.uow, scene.ticket.id, tag, scene.actor)
        else:
            assign.add_tags(scene.uow, scene.ticket.id, (tag,), scene.actor)
    return "its tags are changed"


def _topic(scene: Scene, argument: str) -> str:
    tickets.set_topic(scene.uow, scene.ticket, argument, scene.actor)
    return f"its topic is {argument.strip().lower()}" if argument else "it has no topic"


def _title(scene: Scene, argument: str) -> str:
    tickets.set_title(scene.uow, scene.ticket, argument, scene.actor)
    return "its title is changed; the subject of its mails stays, or clients would split the thread"


def _follow(scene: Scene, _: str) -> str:
    nosy.join(scene.uow, scene.ticket.id, scene.author, "followed", scene.actor)
    return "you follow it"


def _unfollow(scene: Scene, _: str) -> str:
    nosy.leave(scene.uow, scene.ticket.id, scene.author, scene.actor)
    return "you get no more of it"


def _mute(scene: Scene, _: str) -> str:
    nosy.mute(scene.uow, scene.ticket.id, scene.author, scene.actor)
    return "you get no more of it, whatever else you chose"


def _private(scene: Scene, _: str) -> str:
    tickets.make_private(scene.uow, scene.ticket, scene.actor)
    return "it is private now"


def _quiet(_: Scene, __: str) -> str:
    return "nobody is told of this post"


def _show(_: Scene, __: str) -> str:
    return "all that was said comes in a mail of its own"


def _one_of(argument: str, known: dict[str, T]) -> T:
    value = known.get(argument.lower())
    if value is None:
        raise BadValue(f"{argument!r} is none of {', '.join(known)}{nearest(argument, known)}")
    return value


_DO: Final[dict[Word, Callable[[Scene, str], str]]] = {
    Word.CENTER: _center,
    Word.CLAIM: _claim,
    Word.OWNER: _owner,
    Word.STATUS: _status,
    Word.PRIORITY: _priority,
    Word.TAG: _tag,
    Word.TOPIC: _topic,
    Word.TITLE: _title,
    Word.FOLLOW: _follow,
    Word.UNFOLLOW: _unfollow,
    Word.MUTE: _mute,
    Word.PRIVATE: _private,
    Word.QUIET: _quiet,
    Word.SHOW: _show,
    Word.NOSY: mending.change_nosy,
    Word.LINK: mending.link,
    Word.SPLIT: mending.split,
    Word.MERGE: mending.merge,
    Word.MOVE: mending.move,
    Word.UNDO: mending.undo_last,
}
