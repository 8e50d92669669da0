"""Tickets are searched alike on each kind of database, batch by batch."""

from __future__ import annotations

import pytest

from mailgate.ticketsearch import search
from routing.query import parse_query
from tests.support.tracked import Tracked
from tracker.commands import NewAttachment
from tracker.model import Status, TicketId


def found(tracked: Tracked, query: str, numbers: list[TicketId]) -> list[TicketId]:
    tickets = [tracked.ticket(number) for number in numbers]
    wanted = parse_query(query)
    return [
        one.id for one in tracked.database.read(lambda c: list(search(c, wanted, tickets, None, tracked.now)))
    ]


@pytest.mark.parametrize(
    ("query", "which"),
    [
        ("gatekeeper", [0]),
        ("subject:jobs", [0, 1, 2]),
        ("log-file", [1]),
        ("attachment:gate.log attachment.size:>1k", [1]),
        ("from:ben@x.example", [2]),
        ("status:resolved -gatekeeper", [2]),
        ("is:private", [0]),
        ("age:<1h", [0, 1, 2]),
        ("name:ann list:osg-general", [0, 1]),
    ],
)
def test_tickets_are_found_by_all_they_are(tracked: Tracked, query: str, which: list[int]) -> None:
    ann, ben = tracked.person("ann"), tracked.person("ben")
    log = (NewAttachment("gate.log", "text/plain", 2000, "0" * 64),)
    numbers = [
        tracked.open(ann, private=True, new_text="The gatekeeper."),
        tracked.open(ann),
        tracked.open(ben),
    ]
    tracked.answer(numbers[1], ben, new_text="With a log-file.", attachments=log)
    tracked.set_status(numbers[2], Status.RESOLVED)
    assert found(tracked, query, numbers) == [numbers[n] for n in which]


def test_more_tickets_than_are_read_at_once_are_found_in_their_order(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    numbers = [tracked.open(ann, new_text=f"Node {n % 2}") for n in range(230)]
    odd = [number for n, number in enumerate(numbers) if n % 2]
    assert found(tracked, '"node 1"', numbers[::-1]) == odd[::-1]
