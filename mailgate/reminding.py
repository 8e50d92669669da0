"""Silence: who is told again of tickets that nobody touches, in one mail a day to each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailgate import digests, notices
from mailgate.addresses import ticket_address
from mailgate.compose import Composer
from mailgate.notices import Notice
from tracker.events import Actor, Kind
from tracker.model import Address, Queue, Status, Ticket, TicketId
from tracker.nosy import Role
from tracker.storage import queues, reminders
from tracker.storage import tickets as store
from tracker.storage.reminders import Reminder
from tracker.storage.tickets import TicketCenter
from tracker.unit_of_work import UnitOfWork

_REASON = "a ticket of your support center is silent"


@dataclass(frozen=True, slots=True)
class _World:
    lists: dict[int, Queue]
    tickets: dict[TicketId, Ticket]
    centers: dict[TicketId, tuple[TicketCenter, ...]]


class Reminding:
    """The errand that looks for silent tickets."""

    def __init__(self, composer: Composer, owners: Sequence[Address]) -> None:
        self._composer = composer
        self._owners = owners

    def remind(self, connection: Connection, now: datetime) -> int:
        """Tell whoever is next of each silent ticket; gives of how many tickets.

        A ticket that was touched since waits anew; one that is resolved, or waits for its requester, is left
        alone. A daemon that stood still for a month tells each once.
        """
        uow = UnitOfWork(connection, now)
        due = reminders.due(connection, now)
        world = _read(connection, due)
        to_centers: dict[Address, list[tuple[Ticket, str]]] = defaultdict(list)
        told = 0
        for one in due:
            ticket = world.tickets[one.ticket_id]
            if _is_settled(uow, one, ticket):
                continue
            told += self._step(uow, one, ticket, world, to_centers)
        for address, silent in to_centers.items():
            self._tell_center(uow, world, address, silent)
        uow.flush()
        return told

    def _step(
        self,
        uow: UnitOfWork,
        one: Reminder,
        ticket: Ticket,
        world: _World,
        to_centers: dict[Address, list[tuple[Ticket, str]]],
    ) -> int:
        """Tell the next who can be told."""
        step = one.step
        while step < len(one.steps):
            whom = self._tell(uow, one.steps[step], ticket, world, to_centers)
            step += 1
            if whom:
                uow.record(ticket.id, Kind.REMINDED, Actor(None, one.cause), after=whom)
                break
        else:
            reminders.end(uow.connection, one, "nobody left to tell", uow.now)
            return 0
        if step == len(one.steps):
            reminders.end(uow.connection, one, "told", uow.now)
        else:
            reminders.go_on(uow.connection, one, step, uow.now + one.wait)
        return 1

    def _tell(
        self,
        uow: UnitOfWork,
        step: str,
        ticket: Ticket,
        world: _World,
        to_centers: dict[Address, list[tuple[Ticket, str]]],
    ) -> str:
        """Tell one kind of people; gives whom, "" where there is nobody."""
        if step == "center":
            found = [one for one in world.centers.get(ticket.id, ()) if one.address is not None]
            for center in found:
                to_centers[Address(str(center.address))].append((ticket, center.name))
            return ", ".join(f"center {center.name}" for center in found)
        if step == "list" and not ticket.private:
            text = f"nobody has answered since {ticket.touched_at:%Y-%m-%d}"
            digests.add(uow.connection, digests.of_list(ticket.queue_id), ticket.id, text, uow.now)
            return "list"
        # A private ticket is never the list's affair.
        return self._tell_owners(uow, ticket, world)

    def _tell_owners(self, uow: UnitOfWork, ticket: Ticket, world: _World) -> str:
        queue = world.lists[ticket.queue_id]
        text = f"nobody has answered since {ticket.touched_at:%Y-%m-%d}"
        body = self._composer.render("owner/silent.txt.j2", number=ticket.id, text=text)
        for owner in self._owners:
            key = f"silent.{ticket.id}.{int(uow.now.timestamp())}.{owner.partition('@')[0]}"
            subject = f"[{queue.tag}] Ticket {ticket.id} is silent"
            reason = "you are the owner of this instance"
            notices.send(
                uow.connection, self._composer, Notice(key, queue, owner, subject, body, reason), uow.now
            )
        return "owner" if self._owners else ""

    def _tell_center(
        self, uow: UnitOfWork, world: _World, address: Address, silent: Sequence[tuple[Ticket, str]]
    ) -> None:
        """One mail for all that is silent: in the thread of a ticket that is alone."""
        first, _ = silent[0]
        queue = world.lists[first.queue_id]
        items = [
            {
                "number": ticket.id,
                "title": ticket.title,
                "since": f"{ticket.touched_at:%Y-%m-%d}",
                "answer": ticket_address(queue, ticket.id, self._composer.keys.reply(ticket.id, address)),
            }
            for ticket, _ in silent
        ]
        body = self._composer.render("digest/reminder.txt.j2", items=items, tag=queue.tag)
        count = f"{len(silent)} tickets are silent" if len(silent) > 1 else "a ticket is silent"
        notice = Notice(
            key=f"reminder.{first.id}.{int(uow.now.timestamp())}.{self._composer.keys.contact(address)[:8]}",
            queue=queue,
            to=address,
            subject=f"[{queue.tag}] {count}",
            body=body,
            reason=_REASON,
            role=Role.REMINDED,
            about=first if len(silent) == 1 else None,
        )
        notices.send(uow.connection, self._composer, notice, uow.now)


def _read(connection: Connection, due: Sequence[Reminder]) -> _World:
    tickets = store.resolve(connection, {one.ticket_id for one in due})
    centers: dict[TicketId, list[TicketCenter]] = defaultdict(list)
    for center in store.centers_of(connection, {ticket.id for ticket in tickets.values()}):
        centers[center.ticket_id].append(center)
    return _World(
        {queue.id: queue for queue in queues.everyone(connection)},
        tickets,
        {key: tuple(value) for key, value in centers.items()},
    )


def _is_settled(uow: UnitOfWork, one: Reminder, ticket: Ticket) -> bool:
    """Whether nobody is to be told now: the ticket is no more, is done, or was touched since."""
    if ticket.id != one.ticket_id:
        reminders.end(uow.connection, one, f"merged into {ticket.id}", uow.now)
        return True
    if ticket.status is Status.RESOLVED:
        reminders.end(uow.connection, one, "resolved", uow.now)
        return True
    silent_until = ticket.touched_at + one.wait
    if one.step == 0 and silent_until > uow.now:
        reminders.go_on(uow.connection, one, 0, silent_until)
        return True
    if one.step > 0 and ticket.touched_at > one.due_at - one.wait:
        # Somebody answered the last word: from the beginning, after silence anew.
        reminders.go_on(uow.connection, one, 0, max(silent_until, uow.now + timedelta(hours=1)))
        return True
    if ticket.status is Status.WAITING:
        reminders.go_on(uow.connection, one, one.step, uow.now + one.wait)
        return True
    return False
