"""The answer to a mail with commands: what each of its lines did, or why not."""

from __future__ import annotations

from collections.abc import Sequence

from mailgate import notices
from mailgate.addresses import ticket_address
from mailgate.compose import Composer
from mailgate.notices import Notice
from mailgate.reading import Reading
from mailgate.saying import Said
from tracker.model import Ticket
from tracker.nosy import Role
from tracker.storage import queues
from tracker.unit_of_work import UnitOfWork

_REASON = "you asked for something in a mail to this ticket"


def answer(
    uow: UnitOfWork, composer: Composer, reading: Reading, ticket: Ticket, said: Sequence[Said]
) -> None:
    """Have the transcript sent to the author of a mail, in the thread of its ticket."""
    if reading.sender is None:
        return
    queue = next(one for one in queues.everyone(uow.connection) if one.id == ticket.queue_id)
    body = composer.render(
        "transcript/body.txt.j2",
        done=[one for one in said if one.done],
        refused=[one for one in said if not one.done],
        number=ticket.id,
        reason=_REASON,
        unfollow=ticket_address(queue, ticket.id, "unfollow"),
    )
    notice = Notice(
        key=f"{ticket.id}.answer.{reading.mail.uid}",
        queue=queue,
        to=reading.sender,
        subject="",
        body=body,
        reason=_REASON,
        role=Role.MEMBER,
        about=ticket,
        answers=reading.identity.message_id,
    )
    notices.send(uow.connection, composer, notice, uow.now)
