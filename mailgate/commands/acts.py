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
from tracker.rights import Act, Proof, Ruling, Standing
from tracker.storage import journal, posts
from tracker.storage.keys import KnownKey
from tracker.storage.people import Sender
from tracker.unit_of_work import UnitOfWork
from tracker.words import nearest

# What each word is in the table of rights; what is in neither is a change.
_ACTS: Final[dict[Word, Act]] = {
    **dict.fromkeys((Word.FOLLOW, Word.UNFOLLOW, Word.MUTE), Act.POST),
    **dict.fromkeys((Word.STATUS, Word.CLAIM, Word.PRIVATE), Act.STATUS),
    **dict.fromkeys((Word.NOSY, Word.QUIET, Word.SPLIT, Word.MERGE, Word.MOVE), Act.MEND),
    Word.PUBLIC: Act.MODERATE,
}
_FOR_THE_PROVEN: Final = frozenset({Word.SHOW, Word.UNDO})
# Changes that a member may make in an hour; more is a program's, or spite.
_MOST_CHANGES: Final = 20
_UNCOUNTED: Final = frozenset({Word.FOLLOW, Word.UNFOLLOW, Word.MUTE, Word.PRIVATE, *_FOR_THE_PROVEN})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asking:
    """The commands of a mail, and who asks: their standing before the mail itself counted, what proves them.

    `private`: the ticket is.
    """

    commands: tuple[Command, ...]
    sender: Sender | None = None
    standing: Standing = rights.NOBODY
    proof: Proof = Proof.NOTHING
    private: bool = False

    @property
    def believed(self) -> bool:
        return self.proof is not Proof.NOTHING

    @property
    def quiet(self) -> bool:
        """Whether nobody is told of the post: who may so asked."""
        return any(one.word is Word.QUIET and not self.objection(one) for one in self.commands)

    @property
    def shows(self) -> bool:
        """Whether its author wants to read what was said."""
        words = {command.word for command in self.commands}
        return self.believed and bool(words & {Word.SHOW, Word.FOLLOW})

    def ruling(self, command: Command) -> Ruling:
        """Whether a command may be done."""
        if command.word is None:
            return Ruling.NO
        if command.word in _FOR_THE_PROVEN:
            return Ruling.YES if self.believed else Ruling.NO
        return rights.ruling(_act_of(command.word), self.standing, self.proof, private=self.private)

    def objection(self, command: Command) -> str:
        """Why a command may not be done, or ""."""
        if command.word is None:
            return words.unknown(command)
        if command.word in _FOR_THE_PROVEN:
            return "" if self.believed else "nothing proves that the mail is from you"
        return rights.objection(_act_of(command.word), self.standing, self.proof, private=self.private)

    @property
    def unconfirmed(self) -> tuple[Command, ...]:
        """Those that wait for a word from their author's own address."""
        return tuple(one for one in self.commands if self.ruling(one) is Ruling.CONFIRM)


def _act_of(word: Word) -> Act:
    return _ACTS.get(word, Act.CHANGE)


def asked(
    connection: Connection,
    reading: Reading,
    question: Question,
    ticket: Ticket | None,
    known: tuple[KnownKey, ...],
) -> Asking:
    """What a mail asks of the ticket that it continues, or opens (None)."""
    commands = (*_of_subject(connection, reading, known), *words.of_text(reading.message.new_text))
    sender = question.writer.sender
    if not commands:
        return Asking((), sender)
    if ticket is None:
        proof = question.proof_of_command(None)
        return Asking(commands, sender, rights.standing_of_opener(sender), proof, reading.opens_private)
    return Asking(
        commands,
        sender,
        rights.standing_of(connection, sender, ticket),
        question.proof_of_command(ticket.id),
        ticket.private,
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
    objection = asking.objection(command) or _too_many(scene, asking, command)
    if objection:
        return Said(command.line, False, objection)
    try:
        # Refused values change nothing; what they would have changed is one statement later.
        return Said(command.line, True, _DO[command.word or Word.FOLLOW](scene, command.argument))
    except TrackerError as error:
        return Said(command.line, False, str(error))


def _too_many(scene: Scene, asking: Asking, command: Command) -> str:
    """Why a member may change no more in this hour, or ""."""
    if asking.standing.staff or asking.standing.moderator or command.word in _UNCOUNTED:
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


def _public(scene: Scene, _: str) -> str:
    tickets.lift_private(scene.uow, scene.ticket, scene.actor)
    return "it is public now"


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
    Word.PUBLIC: _public,
    Word.QUIET: _quiet,
    Word.SHOW: _show,
    Word.NOSY: mending.change_nosy,
    Word.LINK: mending.link,
    Word.SPLIT: mending.split,
    Word.MERGE: mending.merge,
    Word.MOVE: mending.move,
    Word.UNDO: mending.undo_last,
}
