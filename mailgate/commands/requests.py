"""Mail to the list's -request address: what we understand is done and answered, the rest is for people."""

from __future__ import annotations

import re
from typing import Final

from mailgate import notices
from mailgate.addresses import Role
from mailgate.compose import Composer
from mailgate.message import Disposition
from mailgate.notices import Notice
from mailgate.offering import read_interest
from mailgate.reading import Reading
from mailgate.verdict import Verdict
from tracker import nosy
from tracker.model import BadValue, Person
from tracker.storage import interests
from tracker.storage.people import Sender
from tracker.unit_of_work import UnitOfWork

# `interest xrootd`, `no interest xrootd`, `no interest`, `interests`
_INTEREST: Final = re.compile(r"(no\s+)?interests?(?:\s+(\S.{0,500}))?", re.IGNORECASE)
_REASON: Final = "you wrote to the list's -request address"


def answer(uow: UnitOfWork, composer: Composer, reading: Reading, sender: Sender | None) -> Verdict | None:
    """Do what a member asks, and answer; None where it is nothing that we understand, or nobody we know."""
    if sender is None or not sender.person.member or not reading.trust.believed or reading.sender is None:
        return None
    asked = _asked(reading)
    if asked is None:
        return None
    said = _do(uow, sender.person, asked)
    queue = reading.targets_of(Role.REQUEST)[0].queue or reading.queue
    known = [one.query for one in interests.of_person(uow.connection, sender.person)]
    body = composer.render("request/interests.txt.j2", said=said, known=known, tag=queue.tag)
    notice = Notice(
        key=f"request.{reading.mail.uid}",
        queue=queue,
        to=reading.sender,
        subject=f"Re: {reading.title}",
        body=body,
        reason=_REASON,
        role=nosy.Role.MEMBER,
        answers=reading.identity.message_id,
    )
    notices.send(uow.connection, composer, notice, uow.now)
    return Verdict(Disposition.COMMAND.value, "interests", notes=(said,))


def _asked(reading: Reading) -> re.Match[str] | None:
    """What the subject asks, or else the first line."""
    first = reading.message.new_text.strip().partition("\n")[0].strip()
    return _INTEREST.fullmatch(reading.title.strip()) or _INTEREST.fullmatch(first)


def _do(uow: UnitOfWork, person: Person, asked: re.Match[str]) -> str:
    no, words = asked[1], asked[2]
    if no and words:
        count = interests.remove(uow.connection, person, " ".join(words.split()))
        return (
            f"You are no longer offered tickets about: {words}"
            if count
            else f"You had no such interest: {words}"
        )
    if no:
        return f"{interests.remove(uow.connection, person, None)} interests are gone."
    if not words:
        return "Nothing was changed."
    try:
        interests.add(uow.connection, person, read_interest(words), uow.now)
    except BadValue as error:
        return f"Not done: {error}"
    return f"Each new ticket about this is offered to you, once: {words}"
