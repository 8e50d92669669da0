"""What goes out: due, settled, tried again, given up; bodies cut from the raw mail."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from mailgate import deliveries
from mailgate.deliveries import DeliveryId, Due, Outgoing, OutgoingId, Result, State
from tests.support.tracked import NOW, Tracked, address
from tracker.model import EventId
from tracker.nosy import Face, Told
from tracker.storage import posts
from tracker.storage.database import Database

RAW = b"Subject: x\r\n\r\n" + bytes(range(256)) + b"\r\n.\r\n"
LATER = NOW + timedelta(minutes=1)


def told(*names: str) -> list[Told]:
    return [Told(address(name), None, Face.TICKET, "you follow this ticket") for name in names]


def outgoing(tracked: Tracked, **changes: object) -> Outgoing:
    values: dict[str, object] = {
        "event_id": EventId(1),
        "ticket_id": 1,
        "post_id": 1,
        "queue_id": tracked.queue.id,
        "face": Face.TICKET,
        "message_id": "<m@x.example>",
        "head": b"Subject: x\r\n",
        "body": b"\0\xff body\r\n",
    }
    return Outgoing(**(values | changes))  # type: ignore[arg-type]


def add(tracked: Tracked, *names: str, **changes: object) -> OutgoingId:
    mail = outgoing(tracked, **changes)
    return tracked.database.write(lambda connection: deliveries.add(connection, mail, told(*names), NOW))


def due(database: Database, now: datetime = NOW, limit: int = 100) -> tuple[Due, ...]:
    return database.read(lambda connection: deliveries.due(connection, now, limit))


def names(database: Database, now: datetime = NOW) -> list[str]:
    return [one.address.partition("@")[0] for one in due(database, now)]


def settle(database: Database, *results: Result) -> None:
    database.write(lambda connection: deliveries.settle(connection, results, NOW))


def entries(database: Database, *states: State) -> list[deliveries.Entry]:
    return list(database.read(lambda connection: deliveries.entries(connection, states)))


@pytest.fixture
def three(tracked: Tracked) -> list[DeliveryId]:
    """Deliveries to ann, bob and cid."""
    add(tracked, "ann", "bob", "cid")
    return [one.id for one in due(tracked.database)]


def test_a_mail_is_due_at_once_for_each_in_their_order(tracked: Tracked) -> None:
    first, second = add(tracked, "ann", "bob"), add(tracked, "cid")
    found = due(tracked.database)
    assert [(one.outgoing_id, one.address, one.attempts) for one in found] == [
        (first, address("ann"), 0),
        (first, address("bob"), 0),
        (second, address("cid"), 0),
    ]
    assert {one.created_at for one in found} == {NOW}
    assert len(due(tracked.database, limit=2)) == 2


def test_each_result_is_written_to_its_own(tracked: Tracked, three: list[DeliveryId]) -> None:
    settle(
        tracked.database,
        Result(three[2], State.FAILED, NOW, "550 no"),
        Result(three[0], State.SENT, NOW, "250 ok"),
        Result(three[1], State.WAITING, LATER, "451 later"),
    )
    assert names(tracked.database) == []
    assert names(tracked.database, LATER) == ["bob"]
    found = {
        entry.address: (entry.state, entry.attempts, entry.reply)
        for entry in entries(tracked.database, *State)
    }
    assert found == {
        address("ann"): (State.SENT, 1, "250 ok"),
        address("bob"): (State.WAITING, 1, "451 later"),
        address("cid"): (State.FAILED, 1, "550 no"),
    }
    assert tracked.database.read(deliveries.counts) == {"sent": 1, "waiting": 1, "failed": 1}


def test_what_is_settled_stays_so(tracked: Tracked, three: list[DeliveryId]) -> None:
    settle(tracked.database, Result(three[0], State.SENT, NOW, "250 ok"))
    settle(tracked.database, Result(three[0], State.FAILED, NOW, "too late"))
    (sent,) = entries(tracked.database, State.SENT)
    assert (sent.attempts, sent.reply) == (1, "250 ok")


def test_nothing_to_settle_is_nothing(tracked: Tracked, three: list[DeliveryId]) -> None:
    settle(tracked.database)
    assert [one.id for one in due(tracked.database)] == three


def test_attempts_are_counted(tracked: Tracked, three: list[DeliveryId]) -> None:
    for _ in range(3):
        settle(tracked.database, Result(three[0], State.WAITING, NOW, "451 later"))
    assert {one.id: one.attempts for one in due(tracked.database)}[three[0]] == 3


def test_an_operator_lets_failed_and_waiting_ones_go_now(tracked: Tracked, three: list[DeliveryId]) -> None:
    settle(
        tracked.database,
        Result(three[0], State.SENT, NOW, "250 ok"),
        Result(three[1], State.WAITING, LATER, "451 later"),
        Result(three[2], State.FAILED, NOW, "550 no"),
    )

    def retry(*ids: int) -> int:
        return tracked.database.write(lambda connection: deliveries.retry(connection, ids, NOW))

    assert retry(three[0]) == 0
    assert retry(three[2]) == 1
    assert names(tracked.database) == ["cid"]
    assert retry() == 2
    assert names(tracked.database) == ["bob", "cid"]


def test_an_operator_gives_up_waiting_ones_by_number_only(tracked: Tracked, three: list[DeliveryId]) -> None:
    settle(tracked.database, Result(three[0], State.SENT, NOW, "250 ok"))

    def drop(*ids: int) -> int:
        return tracked.database.write(lambda connection: deliveries.drop(connection, ids, NOW))

    assert drop() == 0
    assert drop(three[0], three[1], 999) == 1
    assert names(tracked.database) == ["cid"]
    assert [entry.address for entry in entries(tracked.database, State.DROPPED)] == [address("bob")]


def test_a_bounce_marks_its_delivery_and_says_whose_it_was(tracked: Tracked, three: list[DeliveryId]) -> None:
    tracked.database.write(lambda connection: deliveries.note_bounce(connection, three[1], "5.1.1"))
    sent = tracked.database.read(lambda connection: deliveries.find(connection, three[1]))
    assert sent is not None
    assert (sent.address, sent.ticket_id, sent.state) == (address("bob"), 1, State.BOUNCED)
    assert tracked.database.read(lambda connection: deliveries.find(connection, 999)) is None
    (bounced,) = entries(tracked.database, State.BOUNCED)
    assert (bounced.address, bounced.reply) == (address("bob"), "5.1.1")


def test_a_body_of_its_own_comes_back_to_the_byte(tracked: Tracked) -> None:
    number = add(tracked, "ann")
    found = tracked.database.read(lambda connection: deliveries.load(connection, (number,)))
    assert found == {number: outgoing(tracked)}


@pytest.mark.parametrize("offset", [0, 1, 14, len(RAW) - 1, len(RAW)])
def test_a_list_copy_has_the_raw_mail_from_its_offset_on(tracked: Tracked, offset: int) -> None:
    digest = tracked.database.write(lambda connection: posts.put_blob(connection, RAW))
    number = add(tracked, "ann", body=None, raw_sha256=digest, body_offset=offset, face=Face.LIST)
    found = tracked.database.read(lambda connection: deliveries.load(connection, (number,)))
    assert found[number].body == RAW[offset:]
    assert type(found[number].body) is bytes


def test_a_mail_and_its_deliveries_are_there_together_or_not_at_all(tracked: Tracked) -> None:
    broken = [*told("ann"), Told(address("bob"), None, Face.TICKET, None)]  # type: ignore[arg-type]
    with pytest.raises(DBAPIError):
        tracked.database.write(lambda c: deliveries.add(c, outgoing(tracked), broken, NOW))
    assert due(tracked.database) == ()
    assert tracked.database.read(lambda c: deliveries.load(c, (OutgoingId(1),))) == {}


def test_who_was_ever_told_of_a_ticket_is_known(tracked: Tracked) -> None:
    add(tracked, "ann", "bob")
    add(tracked, "bob", "cid")
    add(tracked, "dan", ticket_id=2)
    found = tracked.database.read(lambda connection: deliveries.told_addresses(connection, 1))  # type: ignore[arg-type]
    assert sorted(found) == [address("ann"), address("bob"), address("cid")]


def test_the_deliveries_of_a_post_come_in_the_order_they_were_made(tracked: Tracked) -> None:
    add(tracked, "bob", "ann")
    add(tracked, "cid", post_id=2)
    found = tracked.database.read(lambda connection: deliveries.of_post(connection, 1))  # type: ignore[arg-type]
    assert [(entry.address, entry.reason) for entry in found] == [
        (address("bob"), "you follow this ticket"),
        (address("ann"), "you follow this ticket"),
    ]
