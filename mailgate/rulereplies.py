"""What rules have answered to the author of an opening: a text of the operator's, within the brakes."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from mailgate import deliveries, notices
from mailgate.addresses import is_nobody, ticket_address
from mailgate.carryout import Case
from mailgate.compose import Composer
from mailgate.notices import Notice
from tracker.model import Ticket
from tracker.storage import queues
from tracker.unit_of_work import UnitOfWork

_REASON: Final = "you wrote a mail that a routing rule has an answer to"
_EVERY: Final = timedelta(days=1)


def answer(uow: UnitOfWork, composer: Composer, case: Case, ticket: Ticket) -> str:
    """Answer the author of an opening; gives why not, or "".

    Where nothing proves that a mail is from whom it names, they get nothing; nobody gets two a day.
    """
    reading = case.reading
    if reading.sender is None or is_nobody(reading.sender) or not reading.mail.envelope.reverse_path:
        return "not answered: nobody reads at that address"
    if not reading.trust.believed:
        return "not answered: nothing proves whose mail it is"
    text = "\n\n".join(case.decision.replies)
    if deliveries.had(uow.connection, reading.sender, _REASON, uow.now - _EVERY):
        return "not answered: they had such an answer today"
    queue = next(one for one in queues.everyone(uow.connection) if one.id == ticket.queue_id)
    unfollow = ticket_address(queue, ticket.id, "unfollow")
    body = composer.render(
        "transcript/rule.txt.j2", text=text, number=ticket.id, reason=_REASON, unfollow=unfollow
    )
    key = f"{ticket.id}.reply.{reading.mail.uid}"
    notice = Notice(
        key, queue, reading.sender, "", body, _REASON, about=ticket, answers=reading.identity.message_id
    )
    notices.send(uow.connection, composer, notice, uow.now)
    return ""
