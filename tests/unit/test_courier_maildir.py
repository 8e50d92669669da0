"""The courier that writes a Maildir."""

from __future__ import annotations

import mailbox
import os
from pathlib import Path

import pytest

from mailgate.courier import Copy, Result
from mailgate.courier_maildir import MaildirCourier

BODY = b"From: a@x.example\r\nSubject: hi\r\n\r\nhello\r\n.\r\nFrom here\r\n"


def copy(number: int, recipient: str = "joe@people.example", content: bytes = BODY) -> Copy:
    return Copy(number, "osg-bounces+1.k7@lists.example", recipient, content)


def stored(folder: Path) -> list[Path]:
    return sorted((folder / "new").iterdir())


def test_a_copy_is_a_file_with_its_envelope_on_top_and_lf_inside(tmp_path: Path) -> None:
    [outcome] = MaildirCourier(tmp_path / "outgoing").send([copy(7)])
    assert (outcome.delivery, outcome.result) == (7, Result.SENT)
    [file] = stored(tmp_path / "outgoing")
    assert file.read_bytes() == (
        b"Return-Path: <osg-bounces+1.k7@lists.example>\nDelivered-To: joe@people.example\n"
        b"From: a@x.example\nSubject: hi\n\nhello\n.\nFrom here\n"
    )
    assert file.stat().st_mode & 0o777 == 0o600
    assert list((tmp_path / "outgoing" / "tmp").iterdir()) == []


def test_the_null_sender_and_bare_line_ends(tmp_path: Path) -> None:
    list(MaildirCourier(tmp_path).send([Copy(1, "", "jürgen@x.example", b"A: b\r\rx\ny\r\n")]))
    [file] = stored(tmp_path)
    assert file.read_bytes() == "Return-Path: <>\nDelivered-To: jürgen@x.example\nA: b\n\nx\ny\n".encode()


def test_names_are_unique_and_the_stdlib_reads_them(tmp_path: Path) -> None:
    couriers = [MaildirCourier(tmp_path) for _ in range(2)]
    numbers = range(70)
    for courier in couriers:
        outcomes = list(courier.send([copy(n, f"r{n}@x.example") for n in numbers]))
        assert [(o.delivery, o.result) for o in outcomes] == [(n, Result.SENT) for n in numbers]
    assert len(stored(tmp_path)) == 140
    box = mailbox.Maildir(tmp_path, create=False)
    assert len(box) == 140
    assert {message["Delivered-To"] for message in box} == {f"r{n}@x.example" for n in numbers}
    assert {message["Subject"] for message in box} == {"hi"}


@pytest.mark.parametrize("address", ["a@x.example\nBcc: v@x.example", "a", "", "<a@x.example>", "a@x\udc80"])
def test_an_unsafe_address_fails_alone(tmp_path: Path, address: str) -> None:
    outcomes = MaildirCourier(tmp_path).send([copy(1), copy(2, address), copy(3)])
    assert [outcome.result for outcome in outcomes] == [Result.SENT, Result.FAILED, Result.SENT]
    assert len(stored(tmp_path)) == 2


def test_a_folder_that_cannot_be_made_defers(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    outcomes = list(MaildirCourier(tmp_path / "file" / "outgoing").send([copy(1), copy(2)]))
    assert [(o.delivery, o.result) for o in outcomes] == [(1, Result.DEFERRED), (2, Result.DEFERRED)]
    assert outcomes[0].reply == "451 4.3.0 Not a directory"


def test_a_disk_that_does_not_keep_its_word_defers_all_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    courier = MaildirCourier(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        outcomes = list(courier.send([copy(n) for n in range(3)]))
    assert [(o.result, o.reply) for o in outcomes] == [
        (Result.DEFERRED, "451 4.3.0 No space left on device")
    ] * 3
    assert stored(tmp_path) == []
    assert list((tmp_path / "tmp").iterdir()) == []
    assert [o.result for o in courier.send([copy(1)])] == [Result.SENT]


def test_outcomes_are_told_batch_by_batch(tmp_path: Path) -> None:
    outcomes = MaildirCourier(tmp_path).send([copy(n) for n in range(100)])
    next(outcomes)
    assert 1 <= len(stored(tmp_path)) < 100
    assert len(list(outcomes)) == 99
    assert len(stored(tmp_path)) == 100
