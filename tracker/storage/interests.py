"""What experts want to be offered: queries in the words of rules, each of one person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from tracker.model import BadValue, Person, PersonId
from tracker.storage import people
from tracker.storage import tables as t

_MOST = 20


@dataclass(frozen=True, slots=True)
class Interest:
    """One query of one person."""

    person_id: PersonId
    query: str
    since: datetime


def everybodys(connection: Connection) -> tuple[Interest, ...]:
    """All interests, oldest first."""
    rows = connection.execute(select(t.interest).order_by(t.interest.c.id))
    return tuple(Interest(PersonId(row.person_id), row.query, row.since) for row in rows)


def of_person(connection: Connection, person: Person) -> tuple[Interest, ...]:
    return tuple(one for one in everybodys(connection) if one.person_id == person.id)


def add(connection: Connection, person: Person, query: str, now: datetime) -> bool:
    """Keep an interest; False when it is there. Raises BadValue when there are too many."""
    known = of_person(connection, person)
    if query in {one.query for one in known}:
        return False
    if len(known) >= _MOST:
        raise BadValue(f"{person.address} has {_MOST} interests already; take one away first")
    connection.execute(insert(t.interest).values(person_id=person.id, query=query, since=now))
    return True


def remove(connection: Connection, person: Person, query: str | None) -> int:
    """Take an interest away, or all of them; gives how many."""
    mine = t.interest.c.person_id == person.id
    wanted = mine if query is None else mine & (t.interest.c.query == query)
    return connection.execute(delete(t.interest).where(wanted)).rowcount


def holders(connection: Connection, found: tuple[Interest, ...]) -> dict[PersonId, Person]:
    """The people of those interests."""
    return people.by_ids(connection, frozenset(one.person_id for one in found))
