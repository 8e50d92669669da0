"""What an operator, or the brake, has stopped: telling people, or delivering. Nothing is lost meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, delete, insert, select

from mailgate.tables import pause as t

# Beside the stages: what went on again in spite of the brake, so that it is not pulled for the same again.
_RELEASED = "released"
# Asked before every batch.
_IS_THERE = select(t.c.stage).where(t.c.stage == bindparam("stage"))
_SINCE = select(t.c.since).where(t.c.stage == bindparam("stage"))


class Paused(StrEnum):
    """What can be stopped: writing mails to people, and handing written ones on."""

    NOTIFY = "notify"
    DELIVER = "deliver"


@dataclass(frozen=True, slots=True)
class Pause:
    """What stands still, why, and since when."""

    stage: Paused
    cause: str
    since: datetime


def all_of_them(connection: Connection) -> tuple[Pause, ...]:
    rows = connection.execute(select(t).where(t.c.stage != _RELEASED).order_by(t.c.stage))
    return tuple(Pause(Paused(row.stage), row.cause, row.since) for row in rows)


def is_paused(connection: Connection, stage: Paused) -> bool:
    return connection.execute(_IS_THERE, {"stage": stage.value}).first() is not None


def pause(connection: Connection, stage: Paused, cause: str, now: datetime) -> bool:
    """Stop it; False when it stands still already."""
    if is_paused(connection, stage):
        return False
    connection.execute(insert(t).values(stage=stage.value, cause=cause, since=now))
    return True


def resume(connection: Connection, stage: Paused, now: datetime) -> bool:
    """Let it go on; False when it never stood still. What the brake stopped goes through then."""
    if not connection.execute(delete(t).where(t.c.stage == stage.value)).rowcount:
        return False
    if stage is Paused.NOTIFY:
        connection.execute(delete(t).where(t.c.stage == _RELEASED))
        connection.execute(insert(t).values(stage=_RELEASED, cause="", since=now))
    return True


def released_at(connection: Connection) -> datetime | None:
    """When an operator last let notifying go on."""
    return connection.execute(_SINCE, {"stage": _RELEASED}).scalar()
