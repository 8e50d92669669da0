"""Who asked: the sender of what a trusted person forwards, who opens the ticket for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from mailgate.addresses import is_nobody, is_ours
from mailgate.message import Forwarded, ParsedMessage
from mailgate.senders import ListServers, is_written_by_a_list
from mailgate.threads.match import Writer
from tracker.model import Address, Person, Queue
from tracker.people import read_address
from tracker.storage import centers, people
from tracker.unit_of_work import UnitOfWork

_MESSAGE: Final = "message/rfc822"


@dataclass(frozen=True, slots=True)
class Asker:
    """Whom a forwarded message says it is from; `address` is None where that can be no requester."""

    address: Address | None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """A ticket about to be opened: the author of its first post, what speaks for them, is it private?"""

    writer: Writer
    author: Person
    private: bool


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asked, None for the author themselves; `note` says why, "" where there is nothing to say."""

    person: Person | None
    note: str = ""


def askers(message: ParsedMessage, servers: ListServers, queues: Sequence[Queue]) -> tuple[Asker, ...]:
    """Whom the messages that a mail forwards say they are from, the outermost first."""
    if _forwards_several(message):
        return (Asker(None),)
    return tuple(_asker(one, servers, queues) for one in _chain(message.forwarded))


def _forwards_several(message: ParsedMessage) -> bool:
    """Whether several messages are attached: which of them asks, nobody can tell."""
    first = message.forwarded
    attached = sum(file.type == _MESSAGE for file in message.attachments)
    return first is not None and first.attached and attached > 1


def _chain(forwarded: Forwarded | None) -> Iterator[Forwarded]:
    while forwarded is not None:
        yield forwarded
        forwarded = forwarded.inner


def _asker(one: Forwarded, servers: ListServers, queues: Sequence[Queue]) -> Asker:
    address = read_address(one.sender.address)
    if address is None or one.automatic or is_nobody(address) or is_written_by_a_list(one.sender):
        return Asker(None)
    if servers.has(address) or is_ours(address, queues):
        return Asker(None)
    return Asker(address, one.sender.name)


def requester_of(uow: UnitOfWork, asked_by: tuple[Asker, ...], case: Opening) -> Requester:
    """Who asked what a ticket is opened with."""
    if not asked_by:
        return Requester(None)
    if not _may_name_another(case.writer):
        return Requester(
            None, "forwarded by somebody whose word on who asked is not taken: they ask themselves"
        )
    if case.private:
        # Whose mail it is may be a claim of its text: no reason to let them in.
        return Requester(None, "forwarded, but private: whom the forward names stays outside")
    asker = _asking_person(uow, asked_by, case.author)
    if asker is None:
        return Requester(None, "forwarded, but it names no person who may be the requester")
    return Requester(asker, f"asked by {asker.address}, forwarded by {case.author.address}")


def _may_name_another(writer: Writer) -> bool:
    """Whether their word is taken on who asked: staff and members, where the From is believed."""
    sender = writer.sender
    return writer.trusted and sender is not None and (sender.staff or sender.person.member)


def _asking_person(uow: UnitOfWork, asked_by: tuple[Asker, ...], author: Person) -> Person | None:
    """The first of `asked_by` who is not the author, made known; None where that is nobody who may ask.

    Who forwards their own mail, from another of their addresses too, passes on what is inside it.
    """
    for one in asked_by:
        if one.address is None or _is_a_center(uow.connection, one.address):
            return None
        known = people.find_sender(uow.connection, one.address)
        if known is None:
            return people.create(uow.connection, one.address, one.name, uow.now)
        if known.person.id != author.id:
            return known.person
    return None


def _is_a_center(connection: Connection, address: Address) -> bool:
    return any(center.address == address for center in centers.everyone(connection))
