"""The addresses that were told once who we are, and why they hear of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select

from mailgate.tables import introduction as t
from tracker.model import Address

_KNOWN = select(t.c.address).where(t.c.address.in_(bindparam("addresses", expanding=True)))


def strangers(connection: Connection, addresses: Iterable[Address]) -> frozenset[Address]:
    """Those of `addresses` that never had a mail of us as a contact or a center."""
    wanted = frozenset(addresses)
    rows = connection.execute(_KNOWN, {"addresses": sorted(wanted)}) if wanted else ()
    return wanted - {Address(row.address) for row in rows}


def introduce(connection: Connection, addresses: Iterable[Address], now: datetime) -> None:
    """Remember that these were told."""
    rows = [{"address": address, "at": now} for address in dict.fromkeys(addresses)]
    if rows:
        connection.execute(insert(t), rows)


def everybody(connection: Connection) -> tuple[Address, ...]:
    return tuple(Address(row.address) for row in connection.execute(select(t.c.address)))
