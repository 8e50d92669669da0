"""A mail that may cost much is read in a process of its own, and cannot cost more than its limits."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys

import pytest

from mailgate import apart
from mailgate.apart import LARGEST_READ_HERE, is_costly, read_attachments, read_message
from mailgate.parse import attachment_bytes, parse_message

HEAD = b"From: Ann <ann@x.example>\r\nMessage-ID: <1@x.example>\r\nSubject: jobs\r\n"
FILED = HEAD + (
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nSee the log.\r\n--b\r\n'
    b'Content-Disposition: attachment; filename="a.log"\r\n\r\n%s\r\n--b--\r\n'
)
LARGE = FILED % (b"one line of a log\r\n" * (LARGEST_READ_HERE // 19 + 1))


def test_only_a_large_mail_is_costly() -> None:
    assert is_costly(LARGE)
    assert not is_costly(FILED % b"one line")


def test_a_process_reads_as_we_do() -> None:
    assert read_message(LARGE) == parse_message(LARGE)


def test_a_mail_that_made_trouble_is_read_apart_though_it_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    small = FILED % b"one line"
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert read_message(small) == parse_message(small)
    with pytest.raises(FileNotFoundError):
        read_message(small, doubtful=True)


def test_files_come_from_a_process_too() -> None:
    assert read_attachments(LARGE) == attachment_bytes(LARGE, parse_message(LARGE))


@pytest.mark.parametrize(
    ("program", "wall_s", "why"),
    [
        ("import mailgate.apart as a; a._limit(1, 0)\nwhile True: pass", 60, "took more than 1 s of CPU"),
        ("import mailgate.apart as a; a._limit(9, 0); x = bytes(2**30)", 60, "MemoryError"),
        ("import os; os.kill(os.getpid(), 11)", 60, "ended with -11"),
        ("import time; time.sleep(60)", 1, "took more than 1 s to read"),
    ],
    ids=["cpu", "memory", "crash", "wall"],
)
def test_a_mail_that_exceeds_its_limits_is_one_that_could_not_be_read(
    program: str, wall_s: int, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "_PROGRAM", program)
    monkeypatch.setattr(apart, "_CPU_S", 1)
    monkeypatch.setattr(apart, "_WALL_FOR_CPU", wall_s)
    message = read_message(LARGE)
    assert not message.readable
    assert (message.subject, message.sender.address) == ("jobs", "ann@x.example")
    assert why in message.defects[-1]
    monkeypatch.setattr(apart, "_FILES_CPU_S", 1)
    assert read_attachments(LARGE) == ()


def test_the_answer_can_hold_values_only() -> None:
    class Act:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, ("true",)

    with pytest.raises(pickle.UnpicklingError, match="no value of a mail"):
        apart._Answer(io.BytesIO(pickle.dumps(Act()))).load()


def test_what_a_parser_prints_does_not_stand_in_the_answer() -> None:
    program = "import mailgate.apart as a\nread = a.parse_message\n"
    program += (
        "def parse_message(*_): print('noise'); return read(*_)\na.parse_message = parse_message\na.main()"
    )
    arguments = [sys.executable, "-c", program, "9", "message"]
    done = subprocess.run(arguments, input=LARGE, capture_output=True, check=True)
    assert apart._Answer(io.BytesIO(done.stdout)).load() == parse_message(LARGE)
