"""The first post of somebody whom nothing speaks for: let in, held until they confirm it, or held."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from mailgate import confirming, deliveries, inbound
from mailgate.compose import Composer
from mailgate.confirming import Act
from mailgate.reading import Reading
from mailgate.threads.match import Question
from mailgate.verdict import verdict_from_json
from tracker.model import Address, TicketId, Trust
from tracker.rights import Proof
from tracker.storage import people
from tracker.unit_of_work import UnitOfWork

OPEN: Final = "open"
CONFIRM: Final = "confirm"
HOLD: Final = "hold"
WAITS: Final = "it is the first from its author, whom nothing speaks for, and waits until they confirm it"
HELD: Final = "it is the first from its author, whom nothing speaks for"
# What an answer to the confirm mail confirms, in the words of a request.
WORDS: Final = "post"
_A_DAY: Final = timedelta(days=1)


def objection(policy: str, question: Question, ticket: TicketId | None) -> str:
    """Why a post waits, or "". Who has a copy with their own reply address is no stranger to its ticket."""
    writer = question.writer
    if policy == OPEN or writer.trust is Trust.ALIGNED or writer.sender is not None:
        return ""
    if ticket is not None and question.proof_of_post(ticket) is Proof.TOKEN:
        return ""
    return WAITS if policy == CONFIRM else HELD


def ask(uow: UnitOfWork, composer: Composer, reading: Reading) -> str:
    """Send the one fixed mail that asks whether it was they, once a day; gives what to note of it."""
    if reading.sender is None or not reading.mail.envelope.reverse_path:
        return ""
    if deliveries.had(uow.connection, reading.sender, confirming.REASON, uow.now - _A_DAY):
        return "not asked to confirm: a mail went there today"
    act = Act(reading.queue, reading.sender, WORDS)
    confirming.ask(uow, composer, act, reading.mail.uid, None)
    return f"{reading.sender} was asked to confirm it"


def confirmed(uow: UnitOfWork, address: Address) -> str:
    """Somebody answered: they are known from now on, and what waited for that goes on, in order."""
    person = people.register(uow.connection, address, "", uow.now)
    people.set_member(uow.connection, person.id, member=True)
    waiting = [one for one in inbound.held_by(uow.connection, address) if _waits(one.verdict)]
    for entry in waiting:
        inbound.requeue(uow.connection, entry.id, uow.now)
    if not waiting:
        return "Your address is confirmed."
    return "Your address is confirmed, and your mail goes on."


def _waits(verdict: str | None) -> bool:
    return verdict is not None and verdict_from_json(verdict).reason in (WAITS, HELD)
