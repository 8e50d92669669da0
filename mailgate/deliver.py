"""Takes due deliveries to a courier, and writes down what became of them."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from mailgate import bouncing, deliveries, pauses
from mailgate.bouncing import USUAL, Limits
from mailgate.compose import Composer
from mailgate.courier import Copy, Courier, Outcome
from mailgate.courier import Result as Sent
from mailgate.deliveries import DeliveryId, Due, Result, State
from mailgate.errors import printable
from mailgate.pauses import Paused
from tracker.model import Queue, QueueId
from tracker.nosy import Role
from tracker.storage import queues
from tracker.storage import tickets as store
from tracker.storage.database import Database
from tracker.unit_of_work import Clock

_BATCH: Final = 200
# So many copies are worth another connection.
_SHARE: Final = 25
_LONGEST_WAIT: Final = timedelta(hours=4)
_OUTSIDE: Final = frozenset({Role.SUBSCRIBER, Role.CONTACT, Role.OFFERED})
_HIDDEN: Final = "not sent: its ticket is private by now"

Settle = Callable[[Callable[[Connection], None]], Future[None]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """When to try again, and when to give up."""

    first: timedelta
    give_up: timedelta

    def next_try(self, due: Due, now: datetime) -> datetime | None:
        """Twice as long after each attempt, a little by chance; None when it is no use any more."""
        if now - due.created_at >= self.give_up:
            return None
        doublings: int = 2 ** min(due.attempts, 16)
        wait = min(self.first * doublings, _LONGEST_WAIT)
        return now + wait * random.uniform(0.8, 1.2)  # noqa: S311  (jitter, no secret)


class Deliverer:
    """Delivers what is due, batch by batch, over one courier for each of its connections."""

    def __init__(
        self,
        database: Database,
        composer: Composer,
        couriers: Sequence[Courier],
        patience: Patience,
        clock: Clock,
        bounces: Limits = USUAL,
    ) -> None:
        self._bounces = bounces
        self._database = database
        self._composer = composer
        self._couriers = couriers
        self._patience = patience
        self._clock = clock
        self._threads = ThreadPoolExecutor(max(1, len(couriers) - 1), thread_name_prefix="courier")

    def run_once(self, settle: Settle) -> int:
        """Deliver one batch; gives its size, 0 when nothing is due."""
        now = self._clock()
        batch, hidden, copies = self._database.read(lambda connection: self._load(connection, now))
        if not batch:
            return 0
        by_id = {due.id: due for due in batch}
        outcomes = [outcome for share in self._send_all(self._shares(copies)) for outcome in share]
        outcomes += [Outcome(number, Sent.WITHHELD, _HIDDEN) for number in hidden]
        self._settle(settle, outcomes, by_id)
        return len(batch)

    def _shares(self, copies: Sequence[Copy]) -> list[list[Copy]]:
        """The copies for each connection: no more connections than are worth their while.

        Mails to one person keep their order: they go over the same one, and batches one after another.
        """
        shares: list[list[Copy]] = [[] for _ in range(min(len(self._couriers), 1 + len(copies) // _SHARE))]
        for copy in copies:
            shares[hash(copy.recipient) % len(shares)].append(copy)
        return shares

    def _load(
        self, connection: Connection, now: datetime
    ) -> tuple[tuple[Due, ...], frozenset[DeliveryId], list[Copy]]:
        """What is due, what of it must not go out, and the copies of the rest."""
        if pauses.is_paused(connection, Paused.DELIVER):
            return (), frozenset(), []
        batch = deliveries.due(connection, now, _BATCH)
        rendered = deliveries.load(connection, {due.outgoing_id for due in batch}) if batch else {}
        lists: dict[QueueId, Queue] = {q.id: q for q in queues.everyone(connection)} if batch else {}
        hidden = _hidden(connection, batch)
        copies = []
        for due in batch:
            outgoing = rendered[due.outgoing_id]
            if due.id not in hidden:
                copies.append(self._composer.personal(outgoing, due, lists[outgoing.queue_id]))
        return batch, hidden, copies

    def _send_all(self, shares: Sequence[Sequence[Copy]]) -> list[list[Outcome]]:
        """Send each share over its courier, side by side."""
        others = [
            self._threads.submit(_send, courier, share)
            for courier, share in zip(self._couriers[1:], shares[1:], strict=False)
        ]
        return [_send(self._couriers[0], shares[0]), *(other.result() for other in others)]

    def _settle(self, settle: Settle, outcomes: list[Outcome], by_id: dict[DeliveryId, Due]) -> None:
        now = self._clock()
        results = [self._result(outcome, by_id[DeliveryId(outcome.delivery)], now) for outcome in outcomes]

        def write_down(connection: Connection) -> None:
            deliveries.settle(connection, results, now)
            for one in results:
                # What no server said is no word on the address.
                if one.state is State.FAILED and one.reply[:1] in ("4", "5"):
                    bouncing.count(connection, by_id[one.id].address, one.reply, now, self._bounces)

        settle(write_down).result()
        for result, outcome in zip(results, outcomes, strict=True):
            due = by_id[result.id]
            log.info(
                "delivery=%d ticket=%s to=<%s> %s reply=%r",
                result.id,
                due.ticket_id or "-",
                printable(due.address),
                outcome.result.value,
                result.reply,
            )

    def _result(self, outcome: Outcome, due: Due, now: datetime) -> Result:
        if outcome.result is Sent.SENT:
            return Result(due.id, State.SENT, now, outcome.reply)
        if outcome.result is Sent.SHADOWED:
            return Result(due.id, State.SHADOWED, now, outcome.reply)
        if outcome.result is Sent.WITHHELD:
            return Result(due.id, State.DROPPED, now, outcome.reply)
        again = self._patience.next_try(due, now) if outcome.result is Sent.DEFERRED else None
        if again is None:
            return Result(due.id, State.FAILED, now, outcome.reply)
        return Result(due.id, State.WAITING, again, outcome.reply)

    def close(self) -> None:
        self._threads.shutdown()
        for courier in self._couriers:
            courier.close()


def _hidden(connection: Connection, batch: Sequence[Due]) -> frozenset[DeliveryId]:
    """Copies for people who hear of public tickets only, of one that became private while they waited."""
    outside = [due for due in batch if due.role in _OUTSIDE and due.ticket_id is not None]
    numbers = {due.ticket_id for due in outside if due.ticket_id is not None}
    tickets = store.resolve(connection, numbers) if numbers else {}
    private = {number for number, ticket in tickets.items() if ticket.private}
    return frozenset(due.id for due in outside if due.ticket_id in private)


def _send(courier: Courier, share: Sequence[Copy]) -> list[Outcome]:
    return list(courier.send(share))
