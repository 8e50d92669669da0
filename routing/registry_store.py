"""The registry in the database: what each source said at a time, whole, and what is in force.

Every function works on the connection of the running unit of work and never commits.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import Connection, Row, func, insert, select, update

from routing.grid import Grid, make_grid
from routing.registry import Registry
from routing.registry_json import from_json, to_json
from routing.tables import registry_reads as reads
from routing.tables import registry_sources as sources
from routing.tables import registry_versions as versions

_SUMMARY: Final = (
    versions.c.number,
    versions.c.source,
    versions.c.created_at,
    versions.c.author,
    versions.c.origin,
    versions.c.digest,
    versions.c.content.is_(None).label("removed"),
)


class _Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)


@dataclass(frozen=True, slots=True)
class Version:
    """What a source said at a time. `removed`: it was taken away then; `read_at`: when it was read last."""

    number: int
    source: str
    created_at: datetime
    author: str
    origin: str
    digest: str
    removed: bool
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Import:
    """What is put in: from where, by whom, when."""

    source: str
    origin: str
    author: str
    now: datetime


class ActiveRegistry:
    """The registry in force, read and indexed once a version; another process may import at any time."""

    def __init__(self) -> None:
        self._known: Grid | None = None

    def read(self, connection: Connection) -> Grid | None:
        """The registry in force; None while nothing was ever imported."""
        number = connection.scalar(select(func.max(versions.c.number)))
        if number is None:
            return None
        if self._known is None or self._known.version != number:
            self._known = make_grid(number, in_force(connection))
        return self._known


def in_force(connection: Connection) -> Registry:
    """What the sources say together: of two that name the same thing, the one of the higher place."""
    return merge(said(connection, one.source) for one in newest(connection) if not one.removed)


def merge(registries: Iterable[Registry]) -> Registry:
    """One registry out of several; of two entries of one name the later counts."""
    all_of_them = tuple(registries)
    if len(all_of_them) == 1:
        return all_of_them[0]
    return Registry(
        centers=_each_once(one.centers for one in all_of_them),
        vos=_each_once(one.vos for one in all_of_them),
        facilities=_each_once(one.facilities for one in all_of_them),
        sites=_each_once(one.sites for one in all_of_them),
        groups=_each_once(one.groups for one in all_of_them),
        resources=_each_once(one.resources for one in all_of_them),
        services=_each_once(one.services for one in all_of_them),
        components=_each_once(one.components for one in all_of_them),
        downtimes=tuple(dict.fromkeys(down for one in all_of_them for down in one.downtimes)),
    )


def _each_once(kinds: Iterable[tuple[N, ...]]) -> tuple[N, ...]:
    return tuple({entry.name: entry for kind in kinds for entry in kind}.values())


def newest(connection: Connection) -> tuple[Version, ...]:
    """The newest version of each source, in the order in which they count."""
    latest = select(func.max(versions.c.number)).group_by(versions.c.source)
    query = (
        select(*_SUMMARY, reads.c.read_at)
        .join(sources, sources.c.name == versions.c.source)
        .outerjoin(reads, reads.c.source == versions.c.source)
        .where(versions.c.number.in_(latest))
        .order_by(sources.c.place)
    )
    return tuple(_version(row) for row in connection.execute(query))


def was_read_again(connection: Connection, one: Version) -> bool:
    """Whether a source was read more than once, changed or not."""
    if one.read_at is not None and one.read_at > one.created_at:
        return True
    query = select(func.count()).select_from(versions).where(versions.c.source == one.source)
    return bool(connection.execute(query).scalar_one() > 1)


def history(connection: Connection, limit: int) -> tuple[Version, ...]:
    """The last versions of all sources, the newest first."""
    rows = connection.execute(select(*_SUMMARY).order_by(versions.c.number.desc()).limit(limit))
    return tuple(_version(row) for row in rows)


def said(connection: Connection, source: str) -> Registry:
    """What a source says now; an empty registry where it says nothing."""
    query = (
        select(versions.c.content)
        .where(versions.c.source == source)
        .order_by(versions.c.number.desc())
        .limit(1)
    )
    content = connection.scalar(query)
    return Registry() if content is None else from_json(zlib.decompress(content).decode())


def put(connection: Connection, registry: Registry, by: Import) -> int:
    """Keep what a source says now; gives the version, which is the old one where nothing changed."""
    text = to_json(registry)
    digest = hashlib.sha256(text.encode()).hexdigest()
    known = {one.source: one for one in newest(connection)}.get(by.source)
    _note_read(connection, by, new=known is None)
    if known is not None and known.digest == digest:
        return known.number
    return _add(connection, by, digest, zlib.compress(text.encode(), 6))


def _note_read(connection: Connection, by: Import, *, new: bool) -> None:
    if new:
        place = connection.scalar(select(func.coalesce(func.max(sources.c.place), 0) + 1))
        connection.execute(insert(sources).values(name=by.source, place=place))
        connection.execute(insert(reads).values(source=by.source, read_at=by.now))
    else:
        connection.execute(update(reads).where(reads.c.source == by.source).values(read_at=by.now))


def remove(connection: Connection, by: Import) -> int:
    """Take a source away: from now on it says nothing. What it said stays in the history."""
    return _add(connection, by, "", None)


def _add(connection: Connection, by: Import, digest: str, content: bytes | None) -> int:
    number = int(connection.scalar(select(func.coalesce(func.max(versions.c.number), 0) + 1)) or 1)
    values = {
        "number": number,
        "source": by.source,
        "created_at": by.now,
        "author": by.author,
        "origin": by.origin,
        "digest": digest,
        "content": content,
    }
    connection.execute(insert(versions).values(values))
    return number


def _version(row: Row[Any]) -> Version:
    return Version(**{"read_at": None, **row._mapping})
