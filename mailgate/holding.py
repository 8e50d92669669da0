"""Held mails: searched in the language of rules, and those that are like another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import Connection

from mailgate import inbound
from mailgate.app import App
from mailgate.inbound import Entry, State
from mailgate.threads.likeness import similarity
from mailgate.trying import Stored, Trial
from mailgate.verdict import verdict_from_json
from routing.facts import Facts
from routing.facts import Reading as Asked
from routing.query import Query
from tracker.model import Trust

# As of a redelivery.
_ALIKE: Final = 0.9


def held(app: App, most: int) -> tuple[Entry, ...]:
    """The mails that wait for a moderator longest."""
    return app.read(lambda connection: inbound.entries(connection, (State.HELD,), most))


def count(app: App) -> int:
    """How many mails wait for a moderator."""
    return app.read(inbound.counts).get(State.HELD.value, 0)


def meeting(app: App, query: Query, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Those of some held mails that meet a query; each is read when it is asked for."""
    if query.unconditional:
        yield from entries
        return
    read = _reader(app)
    for entry in entries:
        seen = read(entry)
        if seen is not None and query.test(Asked(seen.facts))[0]:
            yield entry


def like(app: App, one: Entry, entries: Iterable[Entry]) -> Iterator[Entry]:
    """`one`, and those of some held mails that are held for the same reason and are like it.

    A mail is like another by the same author, where as much speaks for that, or with almost the same text.
    """
    read, reason = _reader(app), why(one)
    pattern = read(one)
    yield one
    others = (entry for entry in entries if entry.id != one.id and why(entry) == reason)
    yield from (entry for entry in others if _alike(pattern, read(entry)))


def why(entry: Entry) -> str:
    """Why a mail is held."""
    return verdict_from_json(entry.verdict).reason if entry.verdict else ""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A held mail as rules would see it, were it an opening, and what speaks for its author."""

    facts: Facts
    trust: Trust


def _alike(one: _Seen | None, other: _Seen | None) -> bool:
    if one is None or other is None:
        return False
    author, text = one.facts.sender, one.facts.new_text
    # Whoever writes a name into From must not come in behind the one whose name it is.
    if author and author.casefold() == other.facts.sender.casefold() and one.trust is other.trust:
        return True
    return bool(text.strip()) and similarity(text, other.facts.new_text) >= _ALIKE


def _reader(app: App) -> Callable[[Entry], _Seen | None]:
    """Reads held mails; None of one that is gone."""
    trial = Trial(app)

    def read(connection: Connection, entry: Entry) -> _Seen | None:
        mail = inbound.get(connection, entry.id)
        if mail is None:
            return None
        return _Seen(trial.facts(connection, Stored(mail, entry.raw_sha256, None, opened=True)), mail.trust)

    return lambda entry: app.read(partial(read, entry=entry))
