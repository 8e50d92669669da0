"""The topics of lists: made at their first use, closed again when they are over."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, insert, select, update

from tracker.model import BadValue, QueueId
from tracker.storage import tables as t

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic, and how many tickets are about it; `closed_at` None: it is open."""

    name: str
    opened_at: datetime
    closed_at: datetime | None
    tickets: int


def read_name(text: str) -> str:
    """The one spelling of a topic's name; raises BadValue for what is none."""
    name = text.strip().lower()
    if _NAME.fullmatch(name) is None:
        raise BadValue(f"{text[:70]!r} is no name of a topic: letters, digits, dots and dashes, at most 64")
    return name


def use(connection: Connection, queue_id: QueueId, name: str, now: datetime) -> None:
    """A ticket is about a topic: make it, if this is its first use. Raises BadValue when it is closed."""
    mine = (t.topic.c.queue_id == queue_id) & (t.topic.c.name == name)
    row = connection.execute(select(t.topic).where(mine)).first()
    if row is None:
        connection.execute(insert(t.topic).values(queue_id=queue_id, name=name, opened_at=now))
    elif row.closed_at is not None:
        raise BadValue(f"the topic {name} was closed on {row.closed_at.date().isoformat()}")


def close(connection: Connection, queue_id: QueueId, name: str, now: datetime) -> bool:
    """No more tickets come into a topic; False when there is no such open one."""
    mine = (t.topic.c.queue_id == queue_id) & (t.topic.c.name == name) & t.topic.c.closed_at.is_(None)
    return connection.execute(update(t.topic).where(mine).values(closed_at=now)).rowcount > 0


def reopen(connection: Connection, queue_id: QueueId, name: str) -> bool:
    mine = (t.topic.c.queue_id == queue_id) & (t.topic.c.name == name) & t.topic.c.closed_at.is_not(None)
    return connection.execute(update(t.topic).where(mine).values(closed_at=None)).rowcount > 0


def of_list(connection: Connection, queue_id: QueueId) -> tuple[Topic, ...]:
    """The topics of a list by name; tickets that are private or merged are not counted."""
    counted = (t.ticket.c.queue_id == queue_id) & ~t.ticket.c.private & t.ticket.c.merged_into.is_(None)
    tally = select(t.ticket.c.topic, func.count()).where(counted).group_by(t.ticket.c.topic)
    counts: dict[str, int] = {row[0]: row[1] for row in connection.execute(tally)}
    rows = connection.execute(select(t.topic).where(t.topic.c.queue_id == queue_id).order_by(t.topic.c.name))
    return tuple(Topic(row.name, row.opened_at, row.closed_at, counts.get(row.name, 0)) for row in rows)
