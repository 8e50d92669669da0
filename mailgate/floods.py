"""More posts in an hour than people can read: they are kept, and told of together instead of one by one."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from mailgate import notices, sofar
from mailgate.addresses import is_ours, ticket_address
from mailgate.brake import Brake
from mailgate.compose import Composer
from mailgate.notices import Notice
from mailgate.tables import held_back
from tracker import nosy
from tracker.model import Address, Delivery, NosyState, PostId, Queue, Ticket, TicketId
from tracker.storage import posts, queues
from tracker.storage import tickets as store
from tracker.storage.posts import Post

_HOUR: Final = timedelta(hours=1)
_MOST_KEYS: Final = 10_000
REASON: Final = "more was written in an hour than is mailed one by one"


@dataclass(frozen=True, slots=True)
class Limits:
    """Posts in an hour that are told of one by one: of one sender, in one ticket, on one list."""

    sender: int = 60
    ticket: int = 60
    list: int = 600


@dataclass
class Floods:
    """Counts posts as they come. It forgets with its process: after a restart an hour begins anew."""

    limits: Limits = field(default_factory=Limits)
    _times: defaultdict[Hashable, deque[datetime]] = field(default_factory=lambda: defaultdict(deque))

    def over(self, sender: Address, ticket: TicketId | None, queue: Queue, now: datetime) -> bool:
        """Count one more post; whether it is one too many."""
        counted = [("sender", sender, self.limits.sender), ("list", queue.id, self.limits.list)]
        if ticket is not None:
            counted.append(("ticket", ticket, self.limits.ticket))
        # All are counted, whatever the first says.
        found = [self._count((kind, key), now) > most for kind, key, most in counted]
        return any(found)

    def _count(self, key: Hashable, now: datetime) -> int:
        times = self._times[key]
        times.append(now)
        while times[0] <= now - _HOUR:
            times.popleft()
        if len(self._times) > _MOST_KEYS:
            self._forget(now)
        return len(times)

    def _forget(self, now: datetime) -> None:
        for key in [key for key, times in self._times.items() if times[-1] <= now - _HOUR]:
            del self._times[key]


def hold_back(connection: Connection, ticket_id: TicketId, post_id: PostId) -> None:
    """Note a post that nobody was told of yet."""
    connection.execute(insert(held_back).values(post_id=post_id, ticket_id=ticket_id))


@dataclass(frozen=True, slots=True)
class FloodDigests:
    """Tells everybody, in one mail each, of what was held back."""

    composer: Composer
    brake: Brake

    def send(self, connection: Connection, now: datetime) -> int:
        """Tell of all that waits; gives how many posts that were."""
        rows = connection.execute(select(held_back).order_by(held_back.c.post_id).limit(2000)).all()
        if not rows:
            return 0
        connection.execute(delete(held_back).where(held_back.c.post_id.in_([row.post_id for row in rows])))
        present = posts.by_ids(connection, [PostId(row.post_id) for row in rows])
        by_ticket: dict[TicketId, list[Post]] = defaultdict(list)
        for post in present.values():
            by_ticket[post.ticket_id].append(post)
        tickets = store.by_ids(connection, by_ticket)
        lists = {queue.id: queue for queue in queues.everyone(connection)}
        told: dict[tuple[Address, Queue], list[tuple[Ticket, list[Post]]]] = defaultdict(list)
        for number, ticket in tickets.items():
            for address in _readers(connection, ticket, by_ticket[number], tuple(lists.values())):
                told[address, lists[ticket.queue_id]].append((ticket, by_ticket[number]))
        for (address, queue), found in told.items():
            self._tell(connection, address, queue, found, now)
        self._tell_owner(connection, len(rows), len(tickets), now)
        return len(rows)

    def _tell(
        self,
        connection: Connection,
        address: Address,
        queue: Queue,
        found: Sequence[tuple[Ticket, list[Post]]],
        now: datetime,
    ) -> None:
        parts = []
        for ticket, came in found:
            theirs = [post for post in sorted(came, key=lambda one: one.n) if post.author_address != address]
            if theirs:
                parts.append((ticket, ticket_address(queue, ticket.id), sofar.as_text(theirs)))
        if not parts:
            return
        body = self.composer.render("flood/body.txt.j2", parts=parts, tag=queue.tag, reason=REASON)
        last = max(post.id for _, came in found for post in came)
        notice = Notice(
            key=f"flood.{last}.{address.partition('@')[0][:40]}.{queue.id}",
            queue=queue,
            to=address,
            subject=f"[{queue.tag}] {len(parts)} busy ticket{'' if len(parts) == 1 else 's'}",
            body=body,
            reason=REASON,
            role=nosy.Role.MEMBER,
        )
        notices.send(connection, self.composer, notice, now)

    def _tell_owner(self, connection: Connection, count: int, tickets: int, now: datetime) -> None:
        body = self.composer.render("flood/owner.txt.j2", count=count, tickets=tickets)
        self.brake.warn_once(connection, "flood", f"{count} posts are told of together", body, now)


def _readers(
    connection: Connection, ticket: Ticket, came: Sequence[Post], lists: Sequence[Queue]
) -> Iterable[Address]:
    """Who would have been told of them one by one, each once."""
    joined = [
        one.person.address
        for one in store.memberships(connection, (ticket.id,))
        if one.state is NosyState.JOINED
    ]
    silent = {
        one.person.address
        for one in store.memberships(connection, (ticket.id,))
        if one.state is not NosyState.JOINED
    }
    opened = any(post.n == 1 for post in came)
    centers = [one.address for one in store.centers_of(connection, (ticket.id,)) if opened and one.address]
    everything = [] if ticket.private else queues.subscribers(connection, ticket.queue_id)
    on_list = [one.person.address for one in everything if one.delivery is Delivery.ALL]
    found = dict.fromkeys((*joined, *centers, *on_list))
    return [one for one in found if one not in silent and not is_ours(one, lists)]
