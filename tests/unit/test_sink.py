"""The sink as a process: what a bench reads of it."""

from __future__ import annotations

import json
import signal
import smtplib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import sink


@pytest.mark.parametrize("count_only", [True, False])
def test_it_tells_its_address_and_at_the_end_what_it_got(count_only: bool) -> None:
    command = [sys.executable, str(Path(sink.__file__)), *(["--count-only"] if count_only else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        assert first["ready"] is True
        host, port = first["address"].split(":")
        with smtplib.SMTP(host, int(port)) as client:
            client.sendmail("a@x.example", ["b@x.example"], b"Subject: hi\r\n\r\n.dot\r\n")
        process.send_signal(signal.SIGTERM)
        [line] = process.stdout.read().splitlines()
    assert process.returncode == 0
    summary = json.loads(line)
    assert (summary["mails"], summary["connections"]) == (1, 1)
    assert summary["octets"] == len(b"Subject: hi\r\n\r\n..dot\r\n")
    assert summary.get("recipients") == (None if count_only else [["b@x.example"]])


def test_in_process_it_undoes_the_dots_and_serves_after_a_hang_up() -> None:
    with sink.Sink() as server:
        for number in (1, 2):
            with smtplib.SMTP(*server.address) as client:
                client.sendmail("a@x.example", ["b@x.example"], b".dot\r\n..\r\n")
                assert server.count == number
                server.hang_up()
                with pytest.raises(smtplib.SMTPServerDisconnected):
                    client.noop()
    assert {mail.content for mail in server.mails} == {b".dot\r\n..\r\n"}
    assert server.mails[0].recipients == ("b@x.example",)


def test_a_delayed_goodbye_is_still_said() -> None:
    with sink.Sink(sink.Script(delay_s=0.01)) as server, smtplib.SMTP(*server.address) as client:
        assert client.quit()[0] == 221
