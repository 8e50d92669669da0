"""Trouble of ours with one mail: it is put off, then parked, whatever the trouble says of itself."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from mailgate import inbound
from mailgate.compose import Composer
from mailgate.envelope import Client, Envelope
from mailgate.gateway import Gateway
from mailgate.inbound import InboundId, Mail, State
from mailgate.reading import read_mail
from mailgate.tokens import Keys, create_key_file, load_keys
from mailgate.verdict import Verdict
from mailgate.worker import Inbox, Tries, Worker
from routing.registry_store import ActiveRegistry
from routing.store import ActiveRules
from tests.support.tracked import NOW, Tracked
from tracker.model import Trust
from tracker.storage.database import Database, Work

RAW = b"From: Ann <ann@x.example>\r\nSubject: x\r\n\r\ntext\r\n"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    create_key_file(tmp_path / "secret.key")
    return load_keys(tmp_path / "secret.key")


def accept(database: Database) -> InboundId:
    envelope = Envelope(Client("", "", "ESMTP", "s"), "ann@x.example", ("osg-general@lists.example.org",))
    mail = Mail(InboundId(0), inbound.new_uid(), envelope, RAW, NOW, Trust.UNCHECKED)
    return database.write(lambda connection: inbound.accept(connection, mail, NOW))


@pytest.mark.parametrize(
    "said",
    ["disk I/O error", "no text: \0\ud800\udfff\x1b[31m", "long " * 5000],
    ids=["plain", "unclean", "long"],
)
def test_a_mail_that_always_fails_is_parked_after_three_tries(
    tracked: Tracked, keys: Keys, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    # The report of the tests could not hold what it logs.
    caplog.set_level(logging.CRITICAL, "mailgate.worker")
    number = accept(tracked.database)

    def fail(_work: Work[Verdict]) -> Future[Verdict]:
        future: Future[Verdict] = Future()
        future.set_exception(RuntimeError(said))
        return future

    gateway = Gateway(Composer(keys), ActiveRules(), ActiveRegistry())
    tries = Tries(3, timedelta(seconds=5))
    worker = Worker(
        tracked.database, fail, gateway, partial(read_mail, keys=keys), tries, lambda: tracked.now
    )
    states = []
    for _ in range(4):
        worker.run_once(Inbox())
        worker.run_once(Inbox(quick=False))
        entry = tracked.database.read(lambda connection: inbound.find(connection, str(number)))
        assert entry is not None
        states.append((entry.state, entry.attempts))
        tracked.pass_by(minutes=5)
    assert states == [(State.WAITING, 1), (State.WAITING, 2), (State.PARKED, 3), (State.PARKED, 3)]
    assert "RuntimeError" in str(entry.error) or len(said) > 4000
