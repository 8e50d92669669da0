"""Addresses that our mail comes back from: points that fade, silence after too many, probes, an end.

Only what came to the reverse-path of a delivery counts (VERP, with its MAC), or what a server said to our
face; each delivery once, and a day's bounces of a kind as one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from mailgate.tables import bouncing as t
from mailgate.tables import digest_item
from tracker.model import Address

# What the owner hears of in one mail a day.
OWNER: Final = "owner bounces"
_STATUS: Final = re.compile(r"\b([45])\.(\d{1,3})\.(\d{1,3})\b")
_CODE: Final = re.compile(r"\b([45])\d\d\b")
_LONGEST_REPORT: Final = 300


class Weight(Enum):
    """What one bounce counts: `HARD` says that the address is dead, `SOFT` that this mail did not get in."""

    HARD = 1.0
    SOFT = 0.5


@dataclass(frozen=True, slots=True)
class Limits:
    """At how many points an address is suspended; in what time they halve; after how long it is probed."""

    threshold: float = 3.0
    half_life: timedelta = timedelta(days=7)
    probes: tuple[timedelta, ...] = (timedelta(days=1), timedelta(days=7), timedelta(days=14))
    silence: timedelta = timedelta(days=3)


USUAL: Final = Limits()


@dataclass(frozen=True, slots=True)
class Bouncing:
    """How an address stands. `suspended_at`: since when it is sent nothing but probes."""

    address: Address
    score: float
    scored_at: datetime
    report: str
    suspended_at: datetime | None = None
    probed_at: datetime | None = None
    probes: int = 0


def weight_of(report: str) -> Weight | None:
    """What a status or reply says of the address; None for a delay, which says nothing yet.

    A dead mailbox is 5.1.x or 5.2.1 (RFC 3463); what else is permanent may be this mail's fault: too large,
    refused for what it says, a mailbox that is full.
    """
    found = _STATUS.search(report)
    if found is not None:
        if found[1] == "4":
            return Weight.SOFT
        dead = found[2] == "1" or (found[2], found[3]) == ("2", "1") or (found[2], found[3]) == ("0", "0")
        return Weight.HARD if dead else Weight.SOFT
    code = _CODE.search(report)
    return Weight.SOFT if code is not None and code[1] == "4" else Weight.HARD


def faded(known: Bouncing, now: datetime, limits: Limits) -> float:
    """The points of an address as they are worth now."""
    return float(known.score * 0.5 ** max(0.0, (now - known.scored_at) / limits.half_life))


def count(
    connection: Connection, address: Address, report: str, now: datetime, limits: Limits
) -> Bouncing | None:
    """Count a bounce; gives how the address stands if that changed, None otherwise."""
    weight = weight_of(report)
    if weight is None:
        return None
    known = find(connection, address)
    report = " ".join(report.split())[:_LONGEST_REPORT]
    if known is None:
        known = Bouncing(address, 0.0, now - timedelta(days=1), "")
        values = {"address": address, "score": 0.0, "scored_at": known.scored_at}
        connection.execute(insert(t).values(values))
    if known.suspended_at is not None:
        # The answer to a probe, or to what was under way.
        changed = replace(known, probed_at=None, report=report)
        return _keep(connection, changed)
    if now - known.scored_at < timedelta(days=1) and not _weighs_more(known, weight):
        return None
    score = faded(known, now, limits) + weight.value
    changed = replace(known, score=score, scored_at=now, report=report)
    if score >= limits.threshold:
        changed = replace(changed, suspended_at=now)
        for_owner(connection, f"{address} is suspended: its mail comes back ({report})", now)
    return _keep(connection, changed)


def _weighs_more(known: Bouncing, weight: Weight) -> bool:
    """Whether a hard bounce comes on a day of which only a soft one was counted."""
    return weight is Weight.HARD and weight_of(known.report) is Weight.SOFT and known.report != ""


def find(connection: Connection, address: Address) -> Bouncing | None:
    row = connection.execute(select(t).where(t.c.address == address)).first()
    return None if row is None else _read(row)


def everybody(connection: Connection) -> tuple[Bouncing, ...]:
    """All addresses with points, the longest suspended first."""
    rows = connection.execute(select(t).order_by(t.c.suspended_at.is_(None), t.c.suspended_at, t.c.address))
    return tuple(_read(row) for row in rows)


_SUSPENDED = select(t.c.address).where(
    t.c.address.in_(bindparam("addresses", expanding=True)), t.c.suspended_at.is_not(None)
)


def suspended(connection: Connection, addresses: Collection[Address]) -> frozenset[Address]:
    """Those of `addresses` that nothing is sent to."""
    rows = connection.execute(_SUSPENDED, {"addresses": sorted(addresses)}) if addresses else ()
    return frozenset(Address(row.address) for row in rows)


_FORGET = delete(t).where(t.c.address == bindparam("wanted"))


def forget(connection: Connection, address: Address) -> bool:
    """It lives: all its points are gone, and mail goes there again; False where it had none."""
    return connection.execute(_FORGET, {"wanted": address}).rowcount > 0


def probed(connection: Connection, known: Bouncing, now: datetime) -> None:
    _keep(connection, replace(known, probed_at=now, probes=known.probes + 1))


def drop_faded(connection: Connection, now: datetime, limits: Limits) -> None:
    """Forget the points that are worth nothing any more."""
    for one in everybody(connection):
        if one.suspended_at is None and faded(one, now, limits) < 0.1:
            forget(connection, one.address)


def for_owner(connection: Connection, text: str, now: datetime) -> None:
    """A line for the owner's next mail."""
    values = {"audience": OWNER, "ticket_id": None, "text": text, "created_at": now}
    connection.execute(insert(digest_item).values(values))


def take_for_owner(connection: Connection) -> Sequence[str]:
    """The lines that wait for the owner; they wait no more."""
    mine = digest_item.c.audience == OWNER
    lines = [
        row.text for row in connection.execute(select(digest_item).where(mine).order_by(digest_item.c.id))
    ]
    connection.execute(delete(digest_item).where(mine))
    return lines


def _keep(connection: Connection, one: Bouncing) -> Bouncing:
    values = {
        "score": one.score,
        "scored_at": one.scored_at,
        "report": one.report,
        "suspended_at": one.suspended_at,
        "probed_at": one.probed_at,
        "probes": one.probes,
    }
    connection.execute(update(t).where(t.c.address == one.address).values(values))
    return one


def _read(row: Row[Any]) -> Bouncing:
    return Bouncing(
        Address(row.address),
        row.score,
        row.scored_at,
        row.report,
        row.suspended_at,
        row.probed_at,
        row.probes,
    )
