"""Takes accepted mails through the gateway, and keeps our own trouble with one from stopping the rest."""

from __future__ import annotations

import logging
import threading
import traceback
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import accumulate, islice, takewhile
from typing import Final

from mailgate import inbound
from mailgate.apart import LARGEST_READ_HERE
from mailgate.clean import clean_text
from mailgate.gateway import Conditions, Gateway
from mailgate.inbound import AlreadyDone, Mail
from mailgate.reading import Reading
from mailgate.verdict import Verdict
from tracker.model import Queue
from tracker.storage import queues
from tracker.storage.database import Database, Work
from tracker.unit_of_work import Clock

_BATCH: Final = 64
# A batch holds up those that come after it: of what is slow to read, a megabyte takes a second and more.
_READ_AT_ONCE: Final = 128 * 1024
_SMALL: Final = 4 * 1024
_KEPT_BYTES: Final = 32 * 2**20
_LONGEST_ERROR: Final = 4000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a mail is tried before it is parked, and how long the first pause is."""

    most: int
    first_pause: timedelta


class Inbox:
    """Mails of one lane just accepted, kept at hand so that they need not be read again. Bounded in bytes.

    One that finds no room is not lost: it waits in the spool, and is found there when its lease is over.
    The quick lane takes what is read in no time. What may cost much, or made trouble before, is worked on one
    by one in a lane of its own: whatever it costs, the others do not wait for it. Where more waits in the
    quick lane than is read at once, small ones go first, and some larger ones with them.
    """

    def __init__(self, *, quick: bool = True) -> None:
        self.quick = quick
        self._mails: deque[Mail] = deque()
        self._bytes = 0
        self._lock = threading.Lock()

    def put(self, mail: Mail) -> None:
        with self._lock:
            if not self._mails or self._bytes + len(mail.raw) <= _KEPT_BYTES:
                self._mails.append(mail)
                self._bytes += len(mail.raw)

    def take(self, limit: int) -> list[Mail]:
        """At most `limit` mails, in order of arrival; of the quick lane no more than are read at once."""
        with self._lock:
            taken = at_once(self._mails, limit) if self.quick else [*islice(self._mails, limit)]
            gone = {mail.id for mail in taken}
            self._mails = deque(mail for mail in self._mails if mail.id not in gone)
            self._bytes -= sum(len(mail.raw) for mail in taken)
            return taken


def at_once(mails: Collection[Mail], limit: int) -> list[Mail]:
    """Those of `mails` to work on next, in their order: what is read at once, else small ones first.

    Larger ones go with them as far as there is room, and at least one, so that each has its turn.
    """
    if len(mails) <= limit and sum(len(mail.raw) for mail in mails) <= _READ_AT_ONCE:
        return list(mails)
    large = [mail for mail in mails if len(mail.raw) > _SMALL]
    sizes = accumulate(len(mail.raw) for mail in large[:limit])
    room = max(1, sum(1 for _ in takewhile(lambda size: size <= _READ_AT_ONCE, sizes)))
    small = [mail for mail in mails if len(mail.raw) <= _SMALL][: limit - min(room, len(large), limit // 2)]
    chosen = {mail.id for mail in (*small, *large[: min(room, limit - len(small))])}
    return [mail for mail in mails if mail.id in chosen]


class Worker:
    """Does what follows from accepted mails. `write` is the group-commit writer's, or one like it; `read`
    reads a mail for the lists given."""

    def __init__(
        self,
        database: Database,
        write: Callable[[Work[Verdict]], Future[Verdict]],
        gateway: Gateway,
        read: Callable[[Mail, Sequence[Queue]], Reading],
        tries: Tries,
        clock: Clock,
    ) -> None:
        self._database = database
        self._write = write
        self._gateway = gateway
        self._read = read
        self._tries = tries
        self._clock = clock

    def run_once(self, inbox: Inbox) -> int:
        """Work on a batch from `inbox`, or when that is empty from its lane in the spool; gives its size."""
        most = _BATCH if inbox.quick else 1
        mails: Sequence[Mail] = inbox.take(most)
        if not mails:
            due = partial(
                inbound.due, now=self._clock(), limit=most, small=LARGEST_READ_HERE, quick=inbox.quick
            )
            found = self._database.read(due)
            mails = at_once(found, most) if inbox.quick else found
        if mails:
            self.work(mails)
        return len(mails)

    def work(self, mails: Sequence[Mail]) -> None:
        """Take each of `mails` through the gateway; the next is parsed while one is written."""
        lists = self._database.read(queues.everyone)
        started = [(mail, self._start(mail, lists)) for mail in mails]
        for mail, future in started:
            self._finish(mail, future)

    def _start(self, mail: Mail, lists: Sequence[Queue]) -> Future[Verdict]:
        try:
            reading = self._read(mail, lists)
        except Exception as error:
            # The worker's shell: reading is total, so this is a bug of ours; the mail waits for its mending.
            future: Future[Verdict] = Future()
            future.set_exception(error)
            return future
        conditions = Conditions(now=self._clock(), released=mail.released)
        return self._write(partial(self._gateway.receive, reading=reading, conditions=conditions))

    def _finish(self, mail: Mail, future: Future[Verdict]) -> None:
        try:
            verdict = future.result()
        except AlreadyDone:
            return
        except Exception as error:
            self._postpone(mail, error)
            return
        log.info(
            "inbound=%s %s ticket=%s created=%s evidence=%s rule=%s%s",
            mail.uid,
            verdict.disposition,
            verdict.ticket,
            verdict.created,
            verdict.evidence,
            verdict.rule,
            " held" if verdict.held else "",
        )

    def _postpone(self, mail: Mail, error: Exception) -> None:
        park = mail.attempts + 1 >= self._tries.most
        log.error(
            "inbound=%s attempt=%d %s",
            mail.uid,
            mail.attempts + 1,
            "parked" if park else "postponed",
            exc_info=error,
        )
        until = self._clock() + self._tries.first_pause * 2**mail.attempts
        # It may quote the mail, and PostgreSQL keeps no NUL: such a mail would come again without end.
        text = clean_text("".join(traceback.format_exception(error)))[-_LONGEST_ERROR:]
        self._database.write(lambda connection: inbound.postpone(connection, mail, text, until, park=park))
