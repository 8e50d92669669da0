"""The spool of accepted mail: durable, leased, finished once."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection

from mailgate import inbound
from mailgate.envelope import Client, Envelope
from mailgate.inbound import AlreadyDone, InboundId, Mail, Outcome, State
from tests.support.tracked import NOW
from tracker.model import Trust
from tracker.storage.database import Database

LEASE = timedelta(seconds=30)
DONE = Outcome(State.DONE, "post", None, None, "key", '{"why": "because"}')
RAW = bytes(range(256)) * 4
SMALL = 2048


def some_mail(raw: bytes = RAW, received_at: datetime = NOW) -> Mail:
    client = Client("192.0.2.1", "client.example", "ESMTP", "s1")
    envelope = Envelope(client, "ann@x.example", ("osg-general@lists.example.org", "ö@x.example"))
    return Mail(InboundId(0), inbound.new_uid(), envelope, raw, received_at, Trust.ALIGNED)


def accept(database: Database, mail: Mail | None = None, due_at: datetime = NOW) -> InboundId:
    kept = mail or some_mail()
    return database.write(lambda connection: inbound.accept(connection, kept, due_at))


def due(database: Database, now: datetime, limit: int = 10) -> list[InboundId]:
    """Both lanes together, the quick one first."""
    lanes = [
        database.read(partial(inbound.due, now=now, limit=limit, small=SMALL, quick=quick))
        for quick in (True, False)
    ]
    return [mail.id for lane in lanes for mail in lane]


def finish(database: Database, number: InboundId, outcome: Outcome = DONE) -> None:
    database.write(lambda connection: inbound.finish(connection, number, outcome))


def postpone(database: Database, number: InboundId, error: str, *, park: bool = False) -> None:
    def work(connection: Connection) -> None:
        mail = inbound.get(connection, number)
        assert mail is not None
        inbound.postpone(connection, mail, error, NOW + timedelta(minutes=1), park=park)

    database.write(work)


def entry(database: Database, number: InboundId) -> inbound.Entry:
    found = database.read(lambda connection: inbound.find(connection, str(number)))
    assert found is not None
    return found


def state(database: Database, number: InboundId) -> State:
    return entry(database, number).state


def test_a_mail_comes_back_as_it_was_accepted(database: Database) -> None:
    mail = some_mail()
    number = accept(database, mail)
    found = database.read(lambda connection: inbound.get(connection, number))
    assert found == Mail(number, mail.uid, mail.envelope, RAW, NOW, Trust.ALIGNED, 0)
    assert database.read(lambda connection: inbound.get(connection, InboundId(99))) is None


def test_the_same_bytes_twice_are_two_mails_and_one_blob(database: Database) -> None:
    one, two = accept(database), accept(database)
    assert one != two
    assert due(database, NOW) == [one, two]
    assert entry(database, one).raw_sha256 == entry(database, two).raw_sha256


def test_a_mail_is_not_given_to_others_before_its_lease_is_over(database: Database) -> None:
    number = accept(database, due_at=NOW + LEASE)
    assert due(database, NOW + LEASE - timedelta(microseconds=1)) == []
    assert due(database, NOW + LEASE) == [number]


def test_a_new_daemon_lets_all_that_waits_be_worked_on(database: Database) -> None:
    waiting, done = accept(database, due_at=NOW + LEASE), accept(database, due_at=NOW + LEASE)
    finish(database, done)
    assert database.write(lambda connection: inbound.release_leases(connection, NOW)) == 1
    assert due(database, NOW) == [waiting]


def test_mails_are_worked_on_in_the_order_they_are_due(database: Database) -> None:
    late, early = accept(database, due_at=NOW + LEASE), accept(database)
    more = [accept(database) for _ in range(3)]
    assert due(database, NOW + LEASE) == [early, *more, late]
    assert due(database, NOW + LEASE, limit=2) == [early, more[0]]


def test_a_finished_mail_keeps_what_became_of_it(database: Database) -> None:
    number = accept(database)
    postpone(database, number, "a bug")
    finish(database, number)
    found = entry(database, number)
    assert (found.state, found.disposition, found.verdict) == (State.DONE, "post", '{"why": "because"}')
    assert (found.error, found.recipients) == (None, ("osg-general@lists.example.org", "ö@x.example"))
    assert due(database, NOW + LEASE) == []
    assert [e.id for e in database.read(lambda c: inbound.by_message_key(c, "key"))] == [number]


def test_a_mail_is_finished_once_only(database: Database) -> None:
    number = accept(database)
    finish(database, number)
    with pytest.raises(AlreadyDone):
        finish(database, number)
    with pytest.raises(AlreadyDone):
        finish(database, InboundId(99))


@pytest.mark.parametrize("round_", range(3))
def test_of_two_that_finish_one_mail_one_is_told_and_leaves_nothing(database: Database, round_: int) -> None:
    number = accept(database)
    gate = threading.Barrier(2)
    outcomes: list[str] = []

    def work(connection: Connection, name: str) -> None:
        # What follows from the mail; it must be there once.
        inbound.accept(connection, some_mail(name.encode()), NOW)
        inbound.finish(connection, number, DONE)

    def run(name: str) -> None:
        gate.wait(10)
        try:
            database.write(lambda connection: work(connection, name))
            outcomes.append("done")
        except AlreadyDone:
            outcomes.append("told")

    threads = [threading.Thread(target=run, args=(f"{name}{round_}",)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["done", "told"]
    assert len(due(database, NOW)) == 1


def test_trouble_puts_a_mail_off_and_counts(database: Database) -> None:
    number = accept(database)
    postpone(database, number, "RuntimeError: a bug")
    assert due(database, NOW) == []
    assert due(database, NOW + timedelta(minutes=1)) == [number]
    found = entry(database, number)
    assert (found.state, found.attempts, found.error) == (State.WAITING, 1, "RuntimeError: a bug")


def test_a_parked_mail_waits_for_an_operator(database: Database) -> None:
    number = accept(database)
    postpone(database, number, "a bug", park=True)
    assert due(database, NOW + timedelta(days=365)) == []
    assert state(database, number) is State.PARKED
    assert database.write(lambda connection: inbound.requeue(connection, number, NOW))
    assert due(database, NOW) == [number]
    assert entry(database, number).attempts == 0


def test_trouble_with_a_mail_that_is_done_changes_nothing(database: Database) -> None:
    number = accept(database)
    finish(database, number)
    postpone(database, number, "too late", park=True)
    assert state(database, number) is State.DONE


def test_only_what_is_open_is_requeued_or_dropped(database: Database) -> None:
    done, held, waiting = accept(database), accept(database), accept(database)
    finish(database, done)
    finish(database, held, Outcome(State.HELD, "post", None, None, None, "{}"))
    assert not database.write(lambda connection: inbound.requeue(connection, done, NOW))
    assert not database.write(lambda connection: inbound.drop(connection, done, "no"))
    assert database.write(lambda connection: inbound.requeue(connection, held, NOW))
    assert database.write(lambda connection: inbound.drop(connection, waiting, "spam"))
    assert not database.write(lambda connection: inbound.requeue(connection, waiting, NOW))
    assert [state(database, one) for one in (done, held, waiting)] == [
        State.DONE,
        State.WAITING,
        State.DROPPED,
    ]
    found = database.read(lambda connection: inbound.get(connection, waiting))
    assert found is not None
    assert found.raw == RAW
    assert database.read(inbound.counts) == {"done": 1, "waiting": 1, "dropped": 1}


def test_a_mail_is_found_by_its_id_and_by_its_number(database: Database) -> None:
    mail = some_mail()
    number = accept(database, mail)
    for name in (mail.uid, str(number)):
        found = database.read(lambda connection, name=name: inbound.find(connection, name))  # type: ignore[misc]
        assert found is not None
        assert (found.uid, found.id) == (mail.uid, number)
    for name in ("nothing", "99", "9" * 18, "9" * 30, "٣", ""):
        assert database.read(lambda connection, name=name: inbound.find(connection, name)) is None  # type: ignore[misc]


def test_an_empty_mail_and_a_large_one_are_kept_to_the_byte(database: Database) -> None:
    for raw in (b"", b"\0" * 3, RAW * 4096):
        number = accept(database, some_mail(raw))
        found = database.read(lambda connection, number=number: inbound.get(connection, number))  # type: ignore[misc]
        assert found is not None
        assert found.raw == raw
