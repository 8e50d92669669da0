"""What is to be done from time to time: each errand in a transaction of its own, its last time kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, insert, select, update

from mailgate.tables import errand as errands

log = logging.getLogger(__name__)

Write = Callable[[Callable[[Connection], int]], int]


@dataclass(frozen=True, slots=True)
class Errand:
    """Something done again when `every` has passed; `do` gives how much it found to do."""

    name: str
    every: timedelta
    do: Callable[[Connection, datetime], int]


def run_due(all_errands: Sequence[Errand], write: Write, now: datetime) -> int:
    """Do those whose time has come; gives how much they found to do in all.

    One that fails keeps none of the others back; its trouble is raised when they are done.
    """
    found, failed = 0, None
    for one in all_errands:
        try:
            found += write(partial(_run, one=one, now=now))
        except Exception as error:
            log.exception("errand=%s failed", one.name)
            failed = error
    if failed is not None:
        raise failed
    return found


def is_due(connection: Connection, name: str, every: timedelta, now: datetime) -> bool:
    """Whether `every` has passed since something was done last; if so, it counts as done now."""
    done_at = connection.execute(select(errands.c.done_at).where(errands.c.name == name)).scalar()
    # Of a clock set back it is no use to wait until the old time comes again.
    if done_at is not None and timedelta(0) <= now - done_at < every:
        return False
    if done_at is None:
        connection.execute(insert(errands).values(name=name, done_at=now))
    else:
        connection.execute(update(errands).where(errands.c.name == name).values(done_at=now))
    return True


def _run(connection: Connection, one: Errand, now: datetime) -> int:
    if not is_due(connection, one.name, one.every, now):
        return 0
    found = one.do(connection, now)
    if found:
        log.info("errand=%s did=%d", one.name, found)
    return found
