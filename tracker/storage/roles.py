"""Who moderates a list, and who administers the instance. Given by an operator only, never by mail."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from tracker.model import PersonId, QueueId
from tracker.storage import tables as t

_MODERATOR = "moderator"
_ADMIN = "admin"
# No list: a role in the whole instance.
_NO_QUEUE = 0


@dataclass(frozen=True, slots=True)
class Roles:
    """The lists that somebody moderates, and whether they administer the instance: then all of them."""

    lists: frozenset[QueueId] = frozenset()
    admin: bool = False

    def moderates(self, queue_id: QueueId) -> bool:
        return self.admin or queue_id in self.lists


NONE = Roles()


def of(connection: Connection, person_id: PersonId) -> Roles:
    """What somebody is."""
    query = select(t.role.c.role, t.role.c.queue_id).where(t.role.c.person_id == person_id)
    rows = connection.execute(query).all()
    lists = frozenset(QueueId(row.queue_id) for row in rows if row.role == _MODERATOR)
    return Roles(lists, any(row.role == _ADMIN for row in rows))


def moderators_of(connection: Connection, queue_id: QueueId) -> tuple[PersonId, ...]:
    """Who moderates a list; administrators who do not moderate it themselves are none."""
    query = select(t.role.c.person_id).where(t.role.c.role == _MODERATOR, t.role.c.queue_id == queue_id)
    return tuple(PersonId(row.person_id) for row in connection.execute(query.order_by(t.role.c.person_id)))


def make_moderator(connection: Connection, person_id: PersonId, queue_id: QueueId) -> None:
    """Let somebody moderate a list; who does already goes on doing so."""
    if queue_id not in of(connection, person_id).lists:
        _give(connection, person_id, _MODERATOR, queue_id)


def make_admin(connection: Connection, person_id: PersonId) -> None:
    """Let somebody administer the instance."""
    if not of(connection, person_id).admin:
        _give(connection, person_id, _ADMIN, _NO_QUEUE)


def _give(connection: Connection, person_id: PersonId, role: str, queue_id: int) -> None:
    connection.execute(insert(t.role).values(person_id=person_id, role=role, queue_id=queue_id))


def take(connection: Connection, person_id: PersonId) -> None:
    """Take all roles of somebody."""
    connection.execute(delete(t.role).where(t.role.c.person_id == person_id))
