"""A list moves to another domain while its daemon runs: what went out before goes on working, over SMTP."""

from __future__ import annotations

import email
import email.policy
import re
import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.daemon import LIST, Daemon, new_instance
from tests.support.mailclients import outgoing_mails
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

ANN, BOB = "ann@uni.example", "bob@b.example"
NEW = "osg-support@tickets.example.net"
_BOUNCE = """\
From: MAILER-DAEMON@mx.example
Subject: Undelivered Mail Returned to Sender
Message-ID: <dsn@mx.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x

It failed.
--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; ann@uni.example
Action: failed
Status: 5.1.1

--x--
"""


class House:
    """A running instance, and those who write to it."""

    def __init__(self, daemon: Daemon, command_line: CommandLine) -> None:
        self._daemon = daemon
        self.command_line = command_line

    def send(self, author: str, to: str, content: str) -> None:
        with smtplib.SMTP(*self._daemon.smtp) as session:
            session.sendmail(author, [to], content.replace("\n", "\r\n"))

    def write(self, author: str, to: str, message_id: str, *fields: str) -> None:
        lines = (
            f"From: {author}",
            f"To: {to}",
            f"Message-ID: {message_id}",
            *fields,
            "",
            f"This is {message_id}.",
        )
        self.send(author, to, "\n".join((*lines, "")))

    def copy(self, address: str, message_id: str) -> EmailMessage:
        """The copy of a mail that somebody gets, as soon as it is there."""
        wait_until(lambda: self._copies(address, message_id), 20)
        [found] = self._copies(address, message_id)
        return found

    def _copies(self, address: str, message_id: str) -> list[EmailMessage]:
        paths = outgoing_mails(self.command_line.home / "outgoing", address)
        mails = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]
        return [one for one in mails if isinstance(one, EmailMessage) and one["Message-ID"] == message_id]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    home = tmp_path / "home"
    new_instance(home).close()
    with Daemon(home) as daemon:
        yield House(daemon, CommandLine(home))
        daemon.stop()


def address_in(value: object) -> str:
    found = re.search(r"<(?:mailto:)?([^<>]+)>", str(value))
    assert found is not None
    return found[1]


def test_what_went_out_before_a_move_works_after_it(house: House) -> None:
    house.command_line.succeed("lists", "subscribe", "osg-general", BOB)
    house.write(ANN, LIST, "<q@uni.example>", "Subject: Jobs vanish")
    listed = house.copy(BOB, "<q@uni.example>")
    house.write(BOB, LIST, "<a@b.example>", "Subject: Re: Jobs vanish", "In-Reply-To: <q@uni.example>")
    before = house.copy(ANN, "<a@b.example>")
    house.command_line.succeed("lists", "move", "osg-general", NEW)

    def is_served() -> bool:
        """Whether the daemon has heard of the move."""
        with smtplib.SMTP(*house._daemon.smtp) as session:
            session.ehlo()
            session.mail(ANN)
            return session.rcpt(NEW)[0] == 250

    wait_until(is_served, 20)
    reply_to = address_in(before["Reply-To"])
    assert reply_to.endswith("@lists.example.org")
    house.write(
        ANN, reply_to, "<by-reply-to@uni.example>", "Subject: Re: it", "In-Reply-To: <lost@uni.example>"
    )
    after = house.copy(BOB, "<by-reply-to@uni.example>")
    root = str(before["References"]).split()[0]
    house.write(ANN, LIST, "<by-root@uni.example>", "Subject: Other words", f"References: {root}")
    house.copy(BOB, "<by-root@uni.example>")
    [ticket] = house.command_line.rows("export")
    assert [post["message_id"] for post in ticket["posts"]] == [
        "<q@uni.example>",
        "<a@b.example>",
        "<by-reply-to@uni.example>",
        "<by-root@uni.example>",
    ]
    assert address_in(after["From"]) == NEW
    assert address_in(after["Reply-To"]).startswith("osg-support+1.")
    assert address_in(after["List-Id"]) == "osg-general.lists.example.org"
    assert str(after["In-Reply-To"]).strip() == root

    house.send("", str(before["Return-Path"]).strip("<>"), _BOUNCE)
    bounced = ("deliveries", "list", "--state", "bounced", "--json")
    wait_until(lambda: [row["to"] for row in house.command_line.rows(*bounced)] == [ANN], 20)
    with pytest.raises(smtplib.SMTPDataError, match="mail of ours come back"):
        house.send(BOB, LIST, listed.as_bytes().decode("ascii"))
    with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"5\.1\.1"):
        house.write(ANN, "nobody@lists.example.org", "<x@uni.example>")
