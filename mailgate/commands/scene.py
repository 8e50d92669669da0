"""What a command by mail acts on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from routing.grid import Grid
from tracker.events import Actor, Kind
from tracker.model import BadValue, Person, Ticket
from tracker.people import read_address
from tracker.storage import people
from tracker.storage.people import Sender
from tracker.unit_of_work import UnitOfWork

# What changes by a command, and so can be undone by one.
CHANGES: Final = frozenset(
    {
        *(
            Kind.STATUS,
            Kind.PRIORITY,
            Kind.TITLE,
            Kind.TOPIC,
            Kind.OWNER,
            Kind.QUEUE,
            Kind.MERGED,
            Kind.SPLIT,
        ),
        *(Kind.CENTER_ADDED, Kind.CENTER_REMOVED, Kind.CONTACT_ADDED, Kind.TAG_ADDED, Kind.TAG_REMOVED),
        *(Kind.LINKED, Kind.UNLINKED),
    }
)


@dataclass(frozen=True, slots=True)
class Scene:
    """The ticket a command is about, who asks, and the registry that names are looked up in.

    `sender` is who asks, as they stood before the mail counted.
    """

    uow: UnitOfWork
    ticket: Ticket
    author: Person
    grid: Grid | None
    sender: Sender | None = None

    @property
    def actor(self) -> Actor:
        return Actor(self.author.id, "mail")


def known_person(scene: Scene, argument: str) -> Person:
    """The person of an address that somebody wrote; raises BadValue when nobody has it."""
    address = read_address(argument)
    found = None if address is None else people.find_sender(scene.uow.connection, address)
    if found is None:
        raise BadValue(f"nobody here is called {argument!r}; write an address, or `me`")
    return found.person
