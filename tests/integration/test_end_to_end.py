"""A whole instance from outside: the command line, SMTP and LMTP, and the Maildir; nothing of its inside."""

from __future__ import annotations

import email
import email.policy
import json
import re
import shutil
import smtplib
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import LIST, Daemon
from tests.support.mailclients import outgoing_mails
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

MAILGATE = str(Path(sys.executable).with_name("mailgate"))
JANE = "jane@people.example"
JOE = "joe@people.example"


@dataclass
class House:
    """An instance, and how one speaks with it."""

    home: Path
    smtp: tuple[str, int] = ("", 0)
    lmtp: tuple[str, int] = ("", 0)

    def run(self, *words: str, given: bytes = b"", expect: int = 0) -> subprocess.CompletedProcess[bytes]:
        command = [MAILGATE, *words, "--home", str(self.home)]
        done = subprocess.run(command, input=given, capture_output=True, timeout=60, check=False)
        assert done.returncode == expect, (words, done.returncode, done.stdout, done.stderr)
        return done

    def rows(self, *words: str) -> list[dict[str, Any]]:
        """What a command prints with --json."""
        return [json.loads(line) for line in self.run(*words, "--json").stdout.splitlines()]

    def exported(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("export", "--ticket", str(number)).stdout)
        return found

    def send(self, mail: EmailMessage, *recipients: str) -> None:
        with smtplib.SMTP(*self.smtp) as session:
            session.sendmail(
                str(mail["From"]), recipients or (LIST,), mail.as_bytes(policy=email.policy.SMTP)
            )

    def mails_of(self, address: str) -> list[EmailMessage]:
        found = outgoing_mails(self.home / "outgoing", address)
        mails = [email.message_from_bytes(p.read_bytes(), policy=email.policy.default) for p in found]
        return [mail for mail in mails if isinstance(mail, EmailMessage)]

    def next_mail_of(self, address: str, number: int = 1) -> EmailMessage:
        wait_until(lambda: len(self.mails_of(address)) >= number, 10)
        assert len(self.mails_of(address)) == number
        return self.mails_of(address)[-1]

    def ticket_has_posts(self, number: int, posts: int) -> bool:
        return any(
            row["ticket"] == number and row["posts"] == posts for row in self.rows("ticket", "list", "--all")
        )


def mail(author: str, subject: str, text: str, *, to: str = LIST, answers: str = "") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = author, to, subject
    made["Message-ID"] = f"<{time.time_ns()}@people.example>"
    made["Date"] = email.utils.localtime()
    if answers:
        made["In-Reply-To"] = made["References"] = answers
    made.set_content(text)
    return made


def address_in(value: str) -> str:
    found = re.search(r"<(?:mailto:)?([^<>?]+)", value)
    assert found is not None, value
    return found[1]


@pytest.fixture
def empty(tmp_path: Path) -> House:
    """An instance that does not run, on free ports."""
    house = House(tmp_path / "home")
    house.run("init", "--list", LIST, "--tag", "OSG")
    (house.home / "mailgate.toml").write_text('smtp.listen = "127.0.0.1:0"\nlmtp.listen = "127.0.0.1:0"\n')
    return house


@pytest.fixture
def house(empty: House) -> Iterator[House]:
    with Daemon(empty.home) as daemon:
        empty.smtp, empty.lmtp = daemon.smtp, daemon.lmtp
        yield empty
        daemon.stop()


def test_from_the_first_mail_to_the_last(house: House) -> None:
    house.run("lists", "subscribe", "osg-general", JOE)
    question = mail(f"Jane Doe <{JANE}>", "Jobs fail at UC", "Why do they fail?")
    house.send(question)
    copy = house.next_mail_of(JOE)
    [row] = house.rows("ticket", "list")
    assert (row["ticket"], row["status"], row["title"]) == (1, "new", "Jobs fail at UC")
    assert copy["Subject"] == "Jobs fail at UC"

    answer = mail(f"Joe Ops <{JOE}>", "Re: Jobs fail at UC", "Try again.", answers=str(copy["Message-ID"]))
    house.send(answer)
    told = house.next_mail_of(JANE)
    assert told["Subject"] == "Re: [OSG #1] Jobs fail at UC"
    reply_to = address_in(str(told["Reply-To"]))
    house.send(
        mail(JANE, "Whatever I like", "It works now.", to=reply_to, answers="<unknown@people.example>"),
        reply_to,
    )
    house.next_mail_of(JOE, 2)
    exported = house.exported(1)
    assert [post["author"] for post in exported["posts"]] == [JANE, JOE, JANE]
    assert (exported["status"], exported["nosy"]) == ("open", [JANE, JOE])

    way_out = address_in(str(told["List-Unsubscribe"]))
    assert way_out.startswith("osg-general+1.unfollow.")
    house.send(mail(JANE, "unsubscribe", "", to=way_out), way_out)
    wait_until(lambda: house.exported(1)["nosy"] == [JOE], 10)
    house.send(mail(JOE, "Re: [OSG #1] Jobs fail at UC", "Good to hear.", answers=str(told["Message-ID"])))
    wait_until(lambda: house.ticket_has_posts(1, 4), 10)

    # The requester may end it, whether she is told of it or not.
    done = "osg-general+1.done@lists.example.org"
    house.send(mail(JANE, "", "", to=done), done)
    wait_until(lambda: house.exported(1)["status"] == "resolved", 10)
    assert house.rows("ticket", "list") == []
    assert len(house.exported(1)["posts"]) == 4
    assert "ticket 1 is resolved" in str(house.next_mail_of(JANE, 2).get_content())
    assert house.rows("queue", "list") == house.rows("deliveries", "list") == []


def test_a_list_is_left_by_the_address_in_its_copies(house: House) -> None:
    house.run("lists", "subscribe", "osg-general", JOE)
    house.send(mail(JANE, "First", "text"))
    way_out = address_in(str(house.next_mail_of(JOE)["List-Unsubscribe"]))
    # From another address of his, as a provider's one-click would come.
    house.send(mail("machine@people.example", "unsubscribe", "", to=way_out), way_out)
    wait_until(lambda: house.rows("lists", "members", "osg-general") == [], 10)
    house.send(mail(JANE, "Second", "text"))
    wait_until(lambda: house.ticket_has_posts(2, 1), 10)
    assert len(house.mails_of(JOE)) == 1


def test_an_advertisement_is_held_until_somebody_lets_it_in(house: House) -> None:
    house.run("lists", "subscribe", "osg-general", JOE)
    rules = house.home / "rules.toml"
    rules.write_bytes((Path(__file__).parents[2] / "config/demo/routing.toml").read_bytes())
    for center in ("USCMS", "VDT"):
        house.run("centers", "add", center)
    house.run("rules", "import", str(rules))
    house.send(mail("ads@shop.example", "Cheap watches", "90% off today. Unsubscribe below."))
    wait_until(lambda: house.rows("hold", "list"), 10)
    [held] = house.rows("hold", "list")
    assert held["why"] == "advertising?"
    assert house.rows("ticket", "list") == []
    house.run("hold", "approve", held["id"])
    assert house.rows("hold", "list") == []
    assert house.next_mail_of(JOE)["Subject"] == "Cheap watches"


class TestPipe:
    """`mailgate deliver`, as an MTA calls it (sysexits.h)."""

    def test_0_what_was_taken_becomes_a_ticket(self, house: House) -> None:
        piped = mail(JANE, "By a pipe", "text").as_bytes()
        house.run("deliver", "-f", JANE, LIST, given=piped)
        wait_until(lambda: house.ticket_has_posts(1, 1), 10)

    def test_0_without_a_daemon_too(self, empty: House) -> None:
        empty.run("deliver", "-f", JANE, LIST, given=mail(JANE, "By a pipe", "text").as_bytes())
        with Daemon(empty.home):
            wait_until(lambda: empty.ticket_has_posts(1, 1), 10)

    def test_67_nobody_of_that_name(self, empty: House) -> None:
        done = empty.run("deliver", "-f", JANE, "nobody@lists.example.org", given=b"", expect=67)
        assert done.stderr.startswith(b"550 5.1.1")

    def test_65_what_no_retry_makes_better(self, empty: House) -> None:
        done = empty.run("deliver", LIST, given=b"Subject: no author\n\ntext\n", expect=65)
        assert done.stderr.startswith(b"550 5.6.0")

    def test_75_a_database_of_another_schema(self, empty: House) -> None:
        with closing(sqlite3.connect(empty.home / "mailgate.db")) as database, database:
            database.execute("update alembic_version set version_num = 'later'")
        done = empty.run("deliver", LIST, given=mail(JANE, "s", "t").as_bytes(), expect=75)
        assert b"Traceback" not in done.stderr

    @pytest.mark.parametrize("name", ["mailgate.db", "secret.key", "mailgate.toml"])
    def test_75_an_instance_that_lacks_something(self, empty: House, name: str) -> None:
        (empty.home / name).rename(empty.home / "away")
        done = empty.run("deliver", LIST, given=mail(JANE, "s", "t").as_bytes(), expect=75)
        assert b"Traceback" not in done.stderr

    @pytest.mark.slow
    def test_75_a_locked_database(self, empty: House) -> None:
        with closing(sqlite3.connect(empty.home / "mailgate.db", isolation_level=None)) as database:
            database.execute("begin exclusive")
            done = empty.run("deliver", LIST, given=mail(JANE, "s", "t").as_bytes(), expect=75)
        assert b"Traceback" not in done.stderr


def test_a_mail_no_parser_can_read_becomes_a_ticket_with_all_of_it(house: House) -> None:
    house.run("lists", "subscribe", "osg-general", JOE)
    # Within every limit of the door, and more lines than any parser is given.
    parts = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + b"x\r\n" * 500_001
    content = b"From: jane@people.example\r\nSubject: Lines\r\n" + parts
    with smtplib.SMTP(*house.smtp) as session:
        session.sendmail(JANE, [LIST], content)
    wait_until(lambda: house.ticket_has_posts(1, 1), 10)
    [post] = house.exported(1)["posts"]
    assert "could not be read" in post["text"]
    [attached] = post["attachments"]
    assert (attached["name"], attached["type"]) == ("original.eml", "message/rfc822")
    assert house.run("export", "--ticket", "1", "--format", "mbox").stdout.count(b"\nReceived: from") == 1
    assert attached["size"] > len(content)
    told = house.next_mail_of(JOE)
    assert told["Subject"] == "Lines"


def test_every_mistake_in_the_configuration_is_named_at_once(empty: House) -> None:
    config = empty.home / "mailgate.toml"
    config.write_text('smtp.listn = "x"\nintake.command_timeout = "5x"\nintake.recipients = 0\n')
    for words in (("config", "check"), ("serve",), ("ticket", "list")):
        lines = empty.run(*words, expect=1).stderr.decode().splitlines()
        assert [line.removeprefix("Error: ").partition(":")[0] for line in lines] == [
            "smtp.listn",
            "intake.recipients",
            "intake.command_timeout",
        ]


def test_sigterm_drains(empty: House) -> None:
    with Daemon(empty.home) as daemon:
        empty.smtp = daemon.smtp
        for number in range(30):
            empty.send(mail(JANE, f"Number {number}", "text"))
        daemon.stop()
    with Daemon(empty.home) as again:
        wait_until(lambda: len(empty.rows("ticket", "list")) == 30, 15)
        again.stop()
    titles = {row["title"] for row in empty.rows("ticket", "list")}
    assert titles == {f"Number {number}" for number in range(30)}


def test_a_second_daemon_is_kept_out(house: House) -> None:
    refused = house.run("serve", expect=1)
    assert b"a daemon serves" in refused.stderr


def test_the_demo_says_what_to_try_and_it_works(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with said.open("wb") as errors:
        demo = subprocess.Popen([MAILGATE, "demo"], stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert demo.stdout is not None
        ready = json.loads(demo.stdout.readline())
        assert ready["ready"] is True
        hints = said.read_text()
        one_liner = re.search(r"^ +(python3 -c \"(?:[^\"]|\n)*\")$", hints, re.MULTILINE)
        assert one_liner is not None, hints
        # As pasted into a shell, with a python3 of this machine.
        subprocess.run(["bash", "-c", one_liner[1]], check=True, timeout=30, capture_output=True)
        shown = re.findall(r"^ +(\S+/mailgate ticket .*)$", hints, re.MULTILINE)
        assert len(shown) == 2, hints
        listing = subprocess.run(["bash", "-c", shown[0]], check=True, capture_output=True, text=True)
        home = shown[0].rpartition(" ")[2]

        def is_there() -> bool:
            done = subprocess.run(["bash", "-c", shown[0]], check=True, capture_output=True, text=True)
            return "USCMS jobs fail" in done.stdout

        wait_until(is_there, 15)
        assert "TICKET" in listing.stdout
        one = subprocess.run(["bash", "-c", shown[1]], check=True, capture_output=True, text=True)
        assert "USCMS jobs fail" in one.stdout
        assert "They end with exit code 17. Why?" in one.stdout
        maildir = re.search(r"^ +ls (\S+)/new$", hints, re.MULTILINE)
        assert maildir is not None
        wait_until(lambda: outgoing_mails(Path(maildir[1]), "uscms-support@centers.example"), 10)
    finally:
        demo.terminate()
        demo.communicate(timeout=30)
    assert demo.returncode == 0
    assert not Path(home).exists()


@pytest.mark.skipif(shutil.which("swaks") is None, reason="not installed: swaks")
def test_the_demo_s_swaks_line_works_too(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with said.open("wb") as errors:
        demo = subprocess.Popen([MAILGATE, "demo"], stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert demo.stdout is not None
        assert demo.stdout.readline()
        line = re.search(r"^ +(swaks (?:.|\\\n)*?)$(?!\n +--)", said.read_text(), re.MULTILINE)
        assert line is not None
        done = subprocess.run(
            ["bash", "-c", line[1]], capture_output=True, text=True, timeout=30, check=False
        )
        assert (done.returncode, "250 2.6.0" in done.stdout) == (0, True), done.stdout + done.stderr
    finally:
        demo.terminate()
        demo.communicate(timeout=30)


def answer_to(at: tuple[str, int], *, sender: str = JANE, recipient: str = LIST, content: bytes) -> str:
    """The first answer that is no 250, or the last; raw, for some of this no library would send."""
    with socket.create_connection(at, timeout=20) as peer, peer.makefile("rwb") as lines:

        def answer() -> str:
            while (line := lines.readline()).startswith(b"250-"):
                pass
            return line.decode().strip()

        assert answer().startswith("220")
        for command in (
            b"EHLO c.example",
            f"MAIL FROM:<{sender}>".encode(),
            f"RCPT TO:<{recipient}>".encode(),
        ):
            lines.write(command + b"\r\n")
            lines.flush()
            said = answer()
            if not said.startswith("250"):
                return said
        lines.write(b"DATA\r\n")
        lines.flush()
        assert answer().startswith("354")
        lines.write(content + b"\r\n.\r\n")
        lines.flush()
        return answer()


GOOD = b"From: jane@people.example\r\nSubject: s\r\n\r\ntext"
BAD_INPUT = {
    "unknown recipient": ("nobody@lists.example.org", GOOD, "550 5.1.1"),
    "relay attempt": ("ann@elsewhere.example", GOOD, "550 5.7.1"),
    "header too large": (
        LIST,
        b"X: " + b"x" * 900 + (b"\r\n y" + b"x" * 900) * 300 + b"\r\n" + GOOD,
        "552 5.3.4",
    ),
    "too many fields": (LIST, b"X: y\r\n" * 2001 + GOOD, "552 5.3.4"),
    "bare LF": (LIST, GOOD + b"\nmore", "521 5.5.2"),
    "bare CR": (LIST, GOOD + b"\rmore", "521 5.5.2"),
    "smuggling": (LIST, GOOD + b"\n.\r\nMAIL FROM:<x@y.example>", "521 5.5.2"),
    "no From": (LIST, b"Subject: s\r\n\r\ntext", "550 5.6.0"),
    "two From": (LIST, b"From: b@people.example\r\n" + GOOD, "550 5.6.0"),
    "two addresses in From": (LIST, GOOD.replace(b"\r\n", b", b@people.example\r\n", 1), "550 5.6.0"),
    "51 hops": (LIST, b"Received: from a by b; Sun, 22 Nov 2026 09:48:31 +0000\r\n" * 51 + GOOD, "554 5.4.6"),
}


def test_what_bad_input_gets(house: House) -> None:
    for name, (recipient, content, wanted) in BAD_INPUT.items():
        assert answer_to(house.smtp, recipient=recipient, content=content).startswith(wanted), name
    parts = b"".join(b"--b\r\n\r\nx\r\n" for _ in range(5000)) + b"--b--"
    head = (
        b"From: jane@people.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    )
    assert answer_to(house.smtp, content=head + parts).startswith("554 5.6.0")
    assert house.rows("ticket", "list") == []
    # And it is as well as before.
    house.send(mail(JANE, "Good", "text"))
    wait_until(lambda: house.ticket_has_posts(1, 1), 10)


def test_our_own_mail_come_back_is_refused(house: House) -> None:
    house.send(mail(JANE, "First", "text"))
    wait_until(lambda: house.ticket_has_posts(1, 1), 10)
    house.send(mail(JOE, "Re: [OSG #1] First", "an answer"), "osg-general+1@lists.example.org")
    house.next_mail_of(JANE)
    [path] = outgoing_mails(house.home / "outgoing", JANE)
    content = path.read_bytes().replace(b"\n", b"\r\n")
    assert answer_to(house.smtp, content=content).startswith("554 5.4.6")


def test_too_large_is_told_at_mail_when_size_tells(house: House) -> None:
    with smtplib.SMTP(*house.smtp) as session:
        session.ehlo()
        code, text = session.docmd("MAIL", f"FROM:<{JANE}> SIZE=100000000")
    assert (code, text[:5]) == (552, b"5.3.4")


def test_a_database_in_trouble_is_a_451_that_shows_nothing(house: House) -> None:
    with closing(sqlite3.connect(house.home / "mailgate.db", isolation_level=None)) as database:
        database.execute("create trigger t before insert on inbound begin select raise(abort, 'inside'); end")
        said = answer_to(house.smtp, content=GOOD)
        assert re.fullmatch(r"451 4\.3\.0 .*\([0-9a-f]+\)", said), said
        assert "inside" not in said
        database.execute("drop trigger t")
    assert answer_to(house.smtp, content=GOOD).startswith("250 2.6.0")
    assert "inside" in (house.home / "daemon.log").read_text()


def test_lmtp_answers_once_for_each_recipient(house: House) -> None:
    with socket.create_connection(house.lmtp, timeout=10) as peer, peer.makefile("rwb") as lines:

        def say(text: bytes, answers: int) -> list[bytes]:
            lines.write(text + b"\r\n")
            lines.flush()
            found: list[bytes] = []
            while len(found) < answers:
                line = lines.readline()
                found += [line] if line[3:4] == b" " else []
            return found

        lines.readline()
        say(b"LHLO c.example", 1)
        say(b"MAIL FROM:<jane@people.example>", 1)
        for recipient in (b"osg-general", b"nobody", b"osg-general+private"):
            say(b"RCPT TO:<" + recipient + b"@lists.example.org>", 1)
        say(b"DATA", 1)
        assert [line[:9] for line in say(GOOD + b"\r\n.", 2)] == [b"250 2.6.0"] * 2
    wait_until(lambda: [row["posts"] for row in house.rows("ticket", "list")] == [1], 10)
