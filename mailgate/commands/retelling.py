"""A ticket told from its beginning, to who asks for it or follows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mailgate import notices, sofar
from mailgate.addressed import Asked
from mailgate.addresses import Verb, ticket_address
from mailgate.commands.acts import Asking
from mailgate.compose import Composer
from mailgate.notices import Notice
from mailgate.reading import Reading
from mailgate.verdict import Verdict
from tracker import tickets
from tracker.model import PersonId, Ticket, TicketId
from tracker.nosy import Role
from tracker.storage import people, queues
from tracker.storage import tickets as store
from tracker.unit_of_work import UnitOfWork

_REASON: Final = "you asked for what was said in this ticket, or follow it"


def wanted(asked: Iterable[Asked], asking: Asking, verdict: Verdict) -> tuple[TicketId, ...]:
    """The tickets that a mail wants to be told of: by address, or by a word in one that was there before."""
    by_address = [
        one.ticket_id
        for one in asked
        if one.allowed and one.ticket_id is not None and one.target.verb in (Verb.SHOW, Verb.FOLLOW)
    ]
    by_word = [verdict.ticket] if asking.shows and verdict.ticket is not None and not verdict.created else []
    return tuple(dict.fromkeys(TicketId(number) for number in (*by_address, *by_word)))


def answer(uow: UnitOfWork, composer: Composer, reading: Reading, wanted: Iterable[TicketId]) -> None:
    """Have each of these tickets told to the author of a mail, in the ticket's thread."""
    for number in wanted:
        if reading.sender is not None:
            _tell(uow, composer, reading, tickets.find(uow, number))


def _tell(uow: UnitOfWork, composer: Composer, reading: Reading, ticket: Ticket) -> None:
    if reading.sender is None:
        return
    connection = uow.connection
    queue = next(one for one in queues.everyone(connection) if one.id == ticket.queue_id)
    sender = people.find_sender(connection, reading.sender)
    wishes = {} if sender is None else people.wishes_of(connection, (sender.person.id,))
    timezone = next((one.timezone for one in wishes.values()), "")
    said = [post for post in sofar.told_posts(connection, ticket.id) if post.raw_sha256]
    body = composer.render(
        "retelling/body.txt.j2",
        ticket=ticket,
        people=people.by_ids(connection, _named(ticket)),
        centers=", ".join(center.name for center in store.centers_of(connection, (ticket.id,))),
        posts=sofar.as_text(said, timezone),
        reason=_REASON,
        unfollow=ticket_address(queue, ticket.id, "unfollow"),
    )
    notice = Notice(
        key=f"{ticket.id}.told.{reading.mail.uid}",
        queue=queue,
        to=reading.sender,
        subject="",
        body=body,
        reason=_REASON,
        role=Role.MEMBER,
        about=ticket,
        answers=reading.identity.message_id,
        post_id=said[-1].id if said else None,
    )
    notices.send(connection, composer, notice, uow.now)


def _named(ticket: Ticket) -> frozenset[PersonId]:
    owner = () if ticket.owner_id is None else (ticket.owner_id,)
    return frozenset((ticket.requester_id, *owner))
