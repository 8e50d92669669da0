"""Reminders of tickets: what was asked for, and how far it went."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from tracker.model import TicketId
from tracker.storage import tables as t


@dataclass(frozen=True, slots=True)
class Reminder:
    """Who is told again of a silent ticket, step by step; `step` of them were told so far."""

    id: int
    ticket_id: TicketId
    cause: str
    steps: tuple[str, ...]
    step: int
    wait: timedelta
    due_at: datetime


def add(connection: Connection, made: Reminder) -> None:
    """Keep a reminder, whose id is ignored."""
    connection.execute(
        insert(t.reminder).values(
            ticket_id=made.ticket_id,
            cause=made.cause,
            steps=",".join(made.steps),
            step=made.step,
            wait_seconds=int(made.wait.total_seconds()),
            due_at=made.due_at,
        )
    )


def due(connection: Connection, now: datetime) -> tuple[Reminder, ...]:
    """Those whose time has come, the longest waiting first."""
    query = (
        select(t.reminder)
        .where(t.reminder.c.ended_at.is_(None), t.reminder.c.due_at <= now)
        .order_by(t.reminder.c.due_at, t.reminder.c.id)
    )
    return tuple(_reminder(row) for row in connection.execute(query))


def of_tickets(connection: Connection, ids: Iterable[TicketId]) -> tuple[Reminder, ...]:
    """Those of some tickets that have not ended."""
    query = select(t.reminder).where(
        t.reminder.c.ended_at.is_(None), t.reminder.c.ticket_id.in_(sorted(set(ids)))
    )
    return tuple(_reminder(row) for row in connection.execute(query.order_by(t.reminder.c.id)))


def go_on(connection: Connection, reminder: Reminder, step: int, due_at: datetime) -> None:
    """Write down how far it went, and when it is due again."""
    values = {"step": step, "due_at": due_at}
    connection.execute(update(t.reminder).where(t.reminder.c.id == reminder.id).values(values))


def end(connection: Connection, reminder: Reminder, outcome: str, now: datetime) -> None:
    """It is over: all were told, or nothing is to be told any more."""
    values = {"ended_at": now, "outcome": outcome}
    connection.execute(update(t.reminder).where(t.reminder.c.id == reminder.id).values(values))


def _reminder(row: Row[Any]) -> Reminder:
    return Reminder(
        row.id,
        TicketId(row.ticket_id),
        row.cause,
        tuple(row.steps.split(",")),
        row.step,
        timedelta(seconds=row.wait_seconds),
        row.due_at,
    )
