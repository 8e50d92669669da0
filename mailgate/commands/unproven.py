"""Commands in a mail that nothing proves to be its author's: they wait for an answer from there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from mailgate import confirming, deliveries
from mailgate.commands import acts
from mailgate.commands.acts import Asking
from mailgate.commandwords import Command, Word, of_text
from mailgate.compose import Composer
from mailgate.confirming import Act
from mailgate.reading import Reading
from mailgate.saying import Said
from tracker import rights, tickets
from tracker.model import Queue, Ticket, TicketId
from tracker.rights import Proof
from tracker.storage import people
from tracker.storage.people import Sender
from tracker.unit_of_work import UnitOfWork

_A_DAY: Final = timedelta(days=1)
# What is taken back as easily as it is done, and says nothing in a stranger's words.
_REVERSIBLE: Final = frozenset({Word.STATUS, Word.CLAIM, Word.PRIORITY, Word.CENTER, Word.TAG, Word.OWNER})
_ARGUMENT: Final = re.compile(r"[A-Za-z0-9+_.@ -]{0,60}", re.ASCII)
_WORDS: Final = re.compile(r"ticket (\d{1,18}): (!.{1,300})")
_SEPARATOR: Final = "; "


def ask(
    uow: UnitOfWork,
    composer: Composer,
    reading: Reading,
    asked: Iterable[Command],
    about: tuple[Queue, Ticket],
) -> str:
    """Send a confirm mail for commands that their author might give, once a day; gives what to note of it."""
    queue, ticket = about
    words = _SEPARATOR.join(_written(one) for one in asked if _may_wait(one))
    if not words or reading.sender is None:
        return ""
    if deliveries.had(uow.connection, reading.sender, confirming.REASON, uow.now - _A_DAY):
        return "commands not done: nothing proves who asks, and a confirm mail went there today"
    act = Act(queue, reading.sender, f"ticket {ticket.id}: {words}")
    confirming.ask(uow, composer, act, reading.mail.uid, reading.identity.message_id)
    return f"asked to confirm: {act.words}"


def _may_wait(command: Command) -> bool:
    return command.word in _REVERSIBLE and _ARGUMENT.fullmatch(command.argument) is not None


def _written(command: Command) -> str:
    return f"!{command.word} {command.argument}".strip()


def is_of_ticket(act: Act) -> bool:
    """Whether an act to confirm is about a ticket."""
    return _WORDS.fullmatch(act.words) is not None


def carry_out(uow: UnitOfWork, act: Act) -> tuple[Said, ...]:
    """Do what was confirmed, as far as its person may now. Raises NoSuchTicket."""
    found = _WORDS.fullmatch(act.words)
    if found is None:
        return ()
    person = people.register(uow.connection, act.address, "", uow.now)
    sender = people.find_sender(uow.connection, act.address)
    ticket = tickets.find(uow, int(found[1]))
    commands = tuple(one for line in found[2].split(_SEPARATOR) for one in of_text(line))
    return acts.carry_out(uow, _asking(uow, commands, sender, ticket), TicketId(ticket.id), person, None)


def _asking(uow: UnitOfWork, commands: tuple[Command, ...], sender: Sender | None, ticket: Ticket) -> Asking:
    standing = rights.standing_of(uow.connection, sender, ticket)
    return Asking(commands, sender, standing, Proof.CONFIRMED, ticket.private)
