"""What tickets were called where they came from: "issue17" of a tracker that was taken over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, or_, select

from tracker.model import QueueId, TicketId
from tracker.storage import tables as t

_NAMED: Final = select(t.ticket_alias.c.name, t.ticket_alias.c.ticket_id).where(
    t.ticket_alias.c.queue_id == bindparam("queue"),
    t.ticket_alias.c.name.in_(bindparam("names", expanding=True)),
)
# What a merged ticket is by now.
_MEANT: Final = t.ticket.alias()
_ANYWHERE: Final = (
    select(t.ticket_alias.c.queue_id, t.ticket_alias.c.ticket_id)
    .where(t.ticket_alias.c.name == bindparam("name"))
    .order_by(t.ticket_alias.c.queue_id)
)


def add(connection: Connection, queue_id: QueueId, name: str, ticket_id: TicketId) -> None:
    """Let `name`, in small letters, mean a ticket on a list. IntegrityError when it means one already."""
    values = {"queue_id": queue_id, "name": name, "ticket_id": ticket_id}
    connection.execute(insert(t.ticket_alias).values(values))


def find(connection: Connection, queue_id: QueueId, names: Iterable[str]) -> dict[str, TicketId]:
    """The tickets that `names` mean on a list; such as mean none are left out."""
    wanted = list(names)
    if not wanted:
        return {}
    rows = connection.execute(_NAMED, {"queue": queue_id, "names": wanted})
    return {row.name: TicketId(row.ticket_id) for row in rows}


def has_hidden(connection: Connection, queue_id: QueueId, names: Iterable[str]) -> bool:
    """Whether a private ticket of a list has such a name as one of `names`, issue17 as issue18."""
    families = {name.rstrip("0123456789") for name in names}
    if not families:
        return False
    alias, private = t.ticket_alias.c, func.coalesce(_MEANT.c.private, t.ticket.c.private)
    named = (
        select(alias.name)
        .join(t.ticket, t.ticket.c.id == alias.ticket_id)
        .outerjoin(_MEANT, _MEANT.c.id == t.ticket.c.merged_into)
        .where(alias.queue_id == queue_id, private, or_(*(_begins(alias.name, one) for one in families)))
    )
    return any(row.name.rstrip("0123456789") in families for row in connection.execute(named))


def _begins(column: ColumnElement[str], beginning: str) -> ColumnElement[bool]:
    return column.startswith(beginning, autoescape=True)


def on_lists(connection: Connection, name: str) -> dict[QueueId, TicketId]:
    """The tickets of that name, by list."""
    rows = connection.execute(_ANYWHERE, {"name": name})
    return {QueueId(row.queue_id): TicketId(row.ticket_id) for row in rows}


def of_tickets(connection: Connection, ticket_ids: Iterable[TicketId]) -> tuple[str, ...]:
    """The names of those tickets."""
    mine = t.ticket_alias.c.ticket_id.in_(list(ticket_ids))
    query = (
        select(t.ticket_alias.c.name).where(mine).order_by(t.ticket_alias.c.queue_id, t.ticket_alias.c.name)
    )
    return tuple(row.name for row in connection.execute(query))
