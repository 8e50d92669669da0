"""Delivering: what becomes of an attempt, when the next one is, and order for each person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from mailgate import deliveries
from mailgate.courier import Copy, Outcome, Result
from mailgate.deliver import Deliverer, Patience
from mailgate.deliveries import DeliveryId, Due, OutgoingId, State
from mailgate.explaining import envelope_for, inject
from tests.support.community import Community
from tracker.model import Address, TicketId, Trust

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PATIENCE = Patience(timedelta(minutes=1), timedelta(days=5))


def due(attempts: int, age: timedelta) -> Due:
    return Due(DeliveryId(1), OutgoingId(1), TicketId(1), Address("ann@uni.example"), attempts, NOW - age)


@pytest.mark.parametrize(("attempts", "minutes"), [(0, 1), (1, 2), (4, 16), (7, 128), (8, 240), (40, 240)])
def test_each_wait_is_twice_the_one_before_up_to_four_hours(attempts: int, minutes: int) -> None:
    again = PATIENCE.next_try(due(attempts, timedelta(hours=1)), NOW)
    assert again is not None
    assert 0.8 * minutes <= (again - NOW) / timedelta(minutes=1) <= 1.2 * minutes


def test_after_five_days_it_is_given_up() -> None:
    assert PATIENCE.next_try(due(50, timedelta(days=5)), NOW) is None
    assert PATIENCE.next_try(due(50, timedelta(days=5, seconds=-1)), NOW) is not None


class Scripted:
    """A courier that answers by the script of each address: a list of results, the last for ever."""

    def __init__(self, scripts: dict[str, list[Result]]) -> None:
        self.scripts = scripts
        self.seen: list[tuple[str, bytes]] = []

    def send(self, copies: Sequence[Copy]) -> Iterator[Outcome]:
        for copy in copies:
            self.seen.append((copy.recipient, copy.content))
            script = self.scripts.get(copy.recipient, [Result.SENT])
            result = script.pop(0) if len(script) > 1 else script[0]
            yield Outcome(copy.delivery, result, f"said {result.value}")

    def close(self) -> None:
        """Nothing is open."""


def ask(community: Community, subject: str) -> None:
    """A question comes in; its copies wait."""
    head = f"From: dana@college.example\r\nSubject: {subject}\r\nMessage-ID: <{subject[-1]}@x.example>\r\n"
    raw = f"{head}\r\nWhy?\r\n"
    envelope = envelope_for(community.app, raw.encode(), "", ())
    inject(community.app, "-", envelope, raw.encode(), Trust.UNCHECKED)


def deliverer(community: Community, *couriers: Scripted) -> Deliverer:
    app = community.app
    return Deliverer(app.database, app.composer, couriers, PATIENCE, app.clock)


def run(community: Community, one: Deliverer) -> None:
    while one.run_once(community.app.write_at_once):
        pass


def states(community: Community) -> dict[str, tuple[State, int]]:
    found = community.app.read(lambda c: deliveries.entries(c, list(State)))
    return {entry.address: (entry.state, entry.attempts) for entry in found}


def test_each_copy_has_its_own_fate(community: Community) -> None:
    for name in ("ann", "bo", "cho"):
        community.subscribe(f"{name}@uni.example")
    ask(community, "Jobs fail")
    courier = Scripted({"bo@uni.example": [Result.DEFERRED, Result.SENT], "cho@uni.example": [Result.FAILED]})
    with_one = deliverer(community, courier)
    run(community, with_one)
    assert states(community) == {
        "ann@uni.example": (State.SENT, 1),
        "bo@uni.example": (State.WAITING, 1),
        "cho@uni.example": (State.FAILED, 1),
    }
    community.clock.pass_by(minutes=2)
    run(community, with_one)
    assert states(community)["bo@uni.example"] == (State.SENT, 2)
    # Only the one that was put off was tried again, with the same bytes.
    tries = [content for address, content in courier.seen if address == "bo@uni.example"]
    assert len(courier.seen) == 4
    assert tries[0] == tries[1]


def test_mails_to_one_person_go_over_one_connection_in_order(community: Community) -> None:
    for number in range(40):
        community.subscribe(f"reader{number}@uni.example")
    for number in range(3):
        ask(community, f"Question {number}")
    couriers = [Scripted({}), Scripted({}), Scripted({})]
    run(community, deliverer(community, *couriers))
    assert all(courier.seen for courier in couriers)
    for courier in couriers:
        for address in {address for address, _ in courier.seen}:
            subjects = [
                content.partition(b"Subject: ")[2][:10] for a, content in courier.seen if a == address
            ]
            assert subjects == [b"Question 0", b"Question 1", b"Question 2"]
