"""Mail to a list's -request, -subscribe and -unsubscribe: done and answered, or left to people.

What concerns only the one who asks is done where the mail proves that it is theirs; else it waits for an
answer to a confirm mail. To an address that proved nothing goes one mail a day, of fixed text.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from mailgate import confirming, deliveries, finding, firstposts, inbound, moderation, notices
from mailgate.addresses import Role, Target
from mailgate.commands import requestwords, unproven, wishes
from mailgate.commands.requestwords import Ask, Request
from mailgate.commands.wishes import Wisher
from mailgate.compose import Composer
from mailgate.confirming import Act
from mailgate.headers import is_address
from mailgate.message import Disposition
from mailgate.moderation import Decision
from mailgate.notices import Notice
from mailgate.reading import Reading
from mailgate.verdict import Verdict
from routing.grid import Grid
from tracker import nosy
from tracker.model import Address, BadValue, Person, Queue, TrackerError
from tracker.people import read_address
from tracker.storage import bans, people, topics
from tracker.storage.people import Sender
from tracker.unit_of_work import UnitOfWork

_REASON: Final = "you wrote to the list's -request address"
_A_DAY: Final = timedelta(days=1)
# Answers to one address in an hour; more is a program's.
_MOST_ANSWERS: Final = 20
# What changes nothing but how the list treats its own subscriber: an answer from there confirms it.
_CONFIRMED: Final = frozenset(
    {
        *(Ask.SUBSCRIBE, Ask.UNSUBSCRIBE, Ask.DELIVERY, Ask.VACATION, Ask.DIGEST, Ask.COPIES),
        *(Ask.TIMEZONE, Ask.FORMAT, Ask.INTEREST, Ask.NO_INTEREST),
    }
)
# No name of a host, and so no link, can be written with these.
_PLAIN: Final = re.compile(r"[A-Za-z0-9+_/, -]{0,60}", re.ASCII)
_FOR_READERS: Final = frozenset({Ask.HELP, Ask.SEARCH, Ask.QUEUE, Ask.TOPICS})


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, by which mail, of which list. `grid`: the registry that a search may name."""

    uow: UnitOfWork
    composer: Composer
    reading: Reading
    address: Address
    sender: Sender | None
    queue: Queue
    grid: Grid | None

    @property
    def proven(self) -> bool:
        """Whether the mail is from a member, who asks what it asks."""
        return self.sender is not None and self.sender.person.member and self.reading.may_command

    @property
    def person(self) -> Person:
        """The person, made now if they never wrote."""
        if self.sender is not None:
            return self.sender.person
        name = self.reading.message.sender.name
        return people.register(self.uow.connection, self.address, name, self.uow.now)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one line of a mail."""

    line: str
    done: bool
    text: str


def answer(
    uow: UnitOfWork, composer: Composer, reading: Reading, sender: Sender | None, grid: Grid | None
) -> Verdict | None:
    """Do what a mail asks of a list, and answer; None where that is nothing that we understand."""
    target = next(iter(reading.targets), None)
    if reading.sender is None or target is None:
        return None
    queue = target.queue or reading.queue
    asker = Asker(uow, composer, reading, reading.sender, sender, queue, grid)
    if target.role is Role.CONFIRM:
        return _confirm(asker)
    if target.role is Role.HOLD:
        return _moderate(asker, target)
    asked = _asked(reading, target.role)
    if asked:
        return _answer(asker, asked) if asker.proven else _answer_stranger(asker, asked)
    said = requestwords.misread(reading.title, reading.message.new_text)
    return _send(asker, (Answer("", False, said),)) if said and asker.proven else None


def _asked(reading: Reading, role: Role) -> tuple[Request, ...]:
    """What the address asks, else the words."""
    ask = {Role.SUBSCRIBE: Ask.SUBSCRIBE, Role.UNSUBSCRIBE: Ask.UNSUBSCRIBE}.get(role)
    if ask is not None:
        return (Request(ask, "", ask.value),)
    return requestwords.read(reading.title, reading.message.new_text)


def how_to_leave(uow: UnitOfWork, composer: Composer, reading: Reading, sender: Sender | None) -> Verdict:
    """A post that only says "unsubscribe" is none: its author leaves by an answer, or hears how to."""
    if reading.sender is None:
        raise ValueError("a mail without author asks nothing")
    asker = Asker(uow, composer, reading, reading.sender, sender, reading.queue, None)
    return _answer_stranger(asker, (Request(Ask.UNSUBSCRIBE, "", Ask.UNSUBSCRIBE.value),))


def _answer(asker: Asker, asked: tuple[Request, ...]) -> Verdict:
    """What a member asks is done."""
    return _send(asker, tuple(_do(asker, request) for request in asked))


def _do(asker: Asker, request: Request) -> Answer:
    try:
        return Answer(request.line, True, _said(asker, request))
    except TrackerError as error:
        return Answer(request.line, False, str(error))


def _said(asker: Asker, request: Request) -> str:
    connection = asker.uow.connection
    match request.ask:
        case Ask.HELP:
            return _help(asker)
        case Ask.TOPICS:
            return finding.topics_of(connection, asker.queue)
        case Ask.SEARCH | Ask.QUEUE:
            reader = finding.Reader(asker.sender, asker.reading.trust.believed, asker.uow.now)
            return finding.found(connection, asker.queue, request.argument, reader, asker.grid)
        case Ask.ADDRESS:
            return _another_address(asker, request.argument)
        case Ask.CLOSE:
            return _close(asker, request.argument)
        case _:
            return wishes.change(Wisher(asker.uow, asker.queue, asker.person), request)


def _help(asker: Asker) -> str:
    return asker.composer.render(
        "request/help.txt.j2", local=asker.queue.local_part, domain=asker.queue.domain, tag=asker.queue.tag
    ).strip()


def _close(asker: Asker, argument: str) -> str:
    if asker.sender is None or not asker.sender.staff:
        raise BadValue("topics are closed by staff of a support center")
    name = topics.read_name(argument)
    if not topics.close(asker.uow.connection, asker.queue.id, name, asker.uow.now):
        raise BadValue(f"there is no open topic {name}")
    return f"The topic {name} is closed: its tickets stay, no new ones come."


def _another_address(asker: Asker, argument: str) -> str:
    address = read_address(argument)
    if address is None or not is_address(address):
        raise BadValue(f"{argument!r} is not an e-mail address that we can write to")
    if address in people.addresses_of(asker.uow.connection, asker.person.id):
        raise BadValue(f"{address} is yours already")
    act = Act(asker.queue, address, f"{Ask.ADDRESS.value} {asker.person.address}")
    if _was_written_to(asker.uow, address):
        raise BadValue(f"{address} had a confirm mail today; answer that, or wait a day")
    confirming.ask(asker.uow, asker.composer, act, f"{asker.reading.mail.uid}.{len(argument)}", None)
    return f"A mail went to {address}; an answer to it makes the address yours."


def _confirm(asker: Asker) -> Verdict:
    """An answer to a confirm mail: who could read that is who the act is about."""
    act = confirming.confirmed(asker.reading, asker.composer.keys, asker.uow.now)
    if act is None:
        return _note(asker, "confirms nothing: its time is over, or it came from another address")
    return _send(replace(asker, queue=act.queue), carry_out(asker.uow, act))


def _moderate(asker: Asker, target: Target) -> Verdict:
    """A moderator's mail decides on one that is held; from their own address, which must be proven."""
    connection = asker.uow.connection
    entry = inbound.find(connection, target.uid)
    keys = asker.composer.keys
    found = moderation.moderator(connection, keys, target.uid, target.token or "", asker.address, asker.queue)
    if entry is None or found is None or target.act not in set(Decision) or not asker.reading.may_command:
        return _note(asker, "decides nothing: it is not from the moderator whose address this is")
    decision = Decision(target.act)
    by = found.name or found.address
    decided = moderation.decide(connection, entry, decision, by, asker.queue, asker.uow.now)
    return _send(asker, (Answer(f"{decision.value} {target.uid}", decided.done, decided.text),))


def carry_out(uow: UnitOfWork, act: Act) -> tuple[Answer, ...]:
    """Do what was confirmed from the address that it is about; the same again changes nothing."""
    try:
        if act.words == firstposts.WORDS:
            return (Answer("", True, firstposts.confirmed(uow, act.address)),)
        if unproven.is_of_ticket(act):
            return tuple(Answer(one.line, one.done, one.text) for one in unproven.carry_out(uow, act))
        return (_carry_out(uow, act),)
    except TrackerError as error:
        return (Answer(act.words, False, str(error)),)


def _carry_out(uow: UnitOfWork, act: Act) -> Answer:
    person = people.register(uow.connection, act.address, "", uow.now)
    (request,) = requestwords.read(act.words, "")
    if request.ask is Ask.ADDRESS:
        owner = people.find(uow.connection, Address(request.argument))
        return Answer(act.words, True, wishes.own_address(Wisher(uow, act.queue, owner), act.address))
    return Answer(act.words, True, wishes.change(Wisher(uow, act.queue, person), request))


def _answer_stranger(asker: Asker, asked: tuple[Request, ...]) -> Verdict:
    """One mail a day at most: a confirm mail for the first thing that can be confirmed, else a fixed text."""
    if _was_written_to(asker.uow, asker.address):
        return _note(asker, "no answer: one mail a day to an address that nothing proves")
    if bans.covering(asker.uow.connection, asker.queue.id, asker.address) is not None:
        return _note(asker, "no answer: it is banned from the list")
    request = next((one for one in asked if _confirmable(asker, one)), None)
    if request is not None:
        words = f"{request.ask.value} {request.argument}".strip()
        act = Act(asker.queue, asker.address, words)
        confirming.ask(
            asker.uow, asker.composer, act, asker.reading.mail.uid, asker.reading.identity.message_id
        )
        return _note(asker, f"asked to confirm: {words}")
    if asker.reading.trust.believed and all(one.ask in _FOR_READERS for one in asked):
        return _answer(asker, asked)
    return _send(asker, (Answer("", True, _help(asker)),), reason=confirming.REASON)


def _confirmable(asker: Asker, request: Request) -> bool:
    if request.ask is Ask.SUBSCRIBE:
        return True
    if _PLAIN.fullmatch(request.argument) is None:
        # Else anybody could have us mail their words to a member.
        return False
    return request.ask in _CONFIRMED and asker.sender is not None and asker.sender.person.member


def _was_written_to(uow: UnitOfWork, address: Address) -> bool:
    return deliveries.had(uow.connection, address, confirming.REASON, uow.now - _A_DAY)


def _send(asker: Asker, answers: tuple[Answer, ...], reason: str = _REASON) -> Verdict:
    """The transcript, in answer to the mail."""
    connection, now = asker.uow.connection, asker.uow.now
    if deliveries.count_for(connection, asker.address, _REASON, now - timedelta(hours=1)) >= _MOST_ANSWERS:
        return _note(asker, f"done without an answer: {_MOST_ANSWERS} in an hour were sent", answers)
    shown = [replace(one, text=_wrapped(one.text)) for one in answers]
    body = asker.composer.render("request/answer.txt.j2", answers=shown, reason=reason)
    notice = Notice(
        key=f"request.{asker.reading.mail.uid}",
        queue=asker.queue,
        to=asker.address,
        subject=f"Re: {_title(asker)}",
        body=body,
        reason=reason,
        role=nosy.Role.MEMBER,
        answers=asker.reading.identity.message_id,
    )
    notices.send(connection, asker.composer, notice, now)
    return _note(asker, "answered", answers)


def _title(asker: Asker) -> str:
    """As the asker wrote it, but to an address that nothing proves: that hears no word of a stranger's."""
    return (asker.reading.trust.believed and asker.reading.subject.title) or "your request"


def _wrapped(said: str) -> str:
    """Our own words in lines of 72 columns; what is set off keeps its form."""
    return "\n".join(
        textwrap.fill(line, 72, break_long_words=False, break_on_hyphens=False) if line[:1] > " " else line
        for line in said.split("\n")
    )


def _note(asker: Asker, said: str, answers: tuple[Answer, ...] = ()) -> Verdict:
    notes = (said, *(f"{one.line}: {one.text}".strip(": ") for one in answers))
    return Verdict(Disposition.COMMAND.value, "request", notes=notes)
