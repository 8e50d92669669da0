"""Two communities, each a daemon with a profile of the other, share a ticket by mail alone."""

from __future__ import annotations

import email
import email.policy
import json
import smtplib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from mailgate.setup import Wishes, initialise
from tests.support.daemon import Daemon, mailgate
from tests.support.switchboard import Switchboard, switchboard
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

UNA, BOB = "una@people.example", "bob@helpers.example"
RULE = """
[[rule]]
name = "helpers"
phase = "route"
when = "dcache"
then = ["center+=GOC"]
"""
# Reads the fields that a mailgate writes, and writes none of its own.
OF_HELPERS = """
about = "the helpers' tracker"
address = "{address}"
[number]
fields = {{ "X-Mailgate-Ticket" = '^(\\d+)$' }}
[status]
read = {{ fields = {{ "X-Mailgate-Status" = '^(\\w+)$' }} }}
theirs = {{ new = "open", open = "open", waiting = "waiting", resolved = "resolved" }}
ours = {{ open = "offen", waiting = "wartet", resolved = "erledigt" }}
[write]
tag = "[GOC #{{number}}]"
status = "Zustand: {{status}}"
"""
# Reads words in the subject and the text, in another language.
OF_COMMUNITY = """
about = "the community's tracker"
address = "{address}"
[number]
subject = ['\\[OSG #(\\d+)\\]']
[status]
read = {{ text = ['(?m)^Zustand: (\\w+)$'] }}
theirs = {{ offen = "open", wartet = "waiting", erledigt = "resolved" }}
ours = {{ new = "open", open = "open", waiting = "waiting", resolved = "resolved" }}
[write]
tag = "[OSG #{{number}}]"
"""


@dataclass
class Side:
    """One community: its daemon, its list."""

    home: Path
    daemon: Daemon
    list: str

    def run(self, *words: str) -> str:
        return mailgate(self.home, *words)

    def ticket(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("export", "--ticket", str(number)))
        return found

    def posts(self, number: int) -> list[str]:
        return [post["new_text"].strip() for post in self.ticket(number)["posts"]]

    def status(self, number: int) -> str:
        return str(self.ticket(number)["status"])

    def has_tickets(self, count: int) -> bool:
        return len(self.run("ticket", "list", "--all", "--json").splitlines()) == count

    def send(self, mail: EmailMessage, to: str = "") -> None:
        with smtplib.SMTP(*self.daemon.smtp) as session:
            session.sendmail(str(mail["From"]), [to or self.list], mail.as_bytes(policy=email.policy.SMTP))


@dataclass
class Sides:
    osg: Side
    goc: Side
    board: Switchboard

    def last_copy(self, address: str, text: str) -> EmailMessage:
        def found() -> list[EmailMessage]:
            came = self.board.mails_of(address)
            mails = [email.message_from_bytes(one, policy=email.policy.default) for one in came]
            return [mail for mail in mails if isinstance(mail, EmailMessage) and text in _words(mail)]

        wait_until(lambda: bool(found()), 20)
        return found()[-1]


def _words(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    return "" if body is None else str(body.get_content())


def _mail(
    author: str, subject: str, text: str, key: str, answers: EmailMessage | None = None
) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["Subject"], made["Message-ID"] = author, subject, f"<{key}@people.example>"
    made["To"] = "somebody@lists.example"
    made["Date"] = email.utils.localtime()
    if answers is not None:
        made["In-Reply-To"] = str(answers["Message-ID"])
        made["References"] = f"{answers['References'] or ''} {answers['Message-ID']}".strip()
    made.set_content(text)
    return made


def _side(stack: ExitStack, home: Path, address: str, tag: str, board: Switchboard) -> Side:
    home.mkdir()
    lines = ['smtp.listen = "127.0.0.1:0"', 'lmtp.listen = "127.0.0.1:0"']
    lines.append(f'outgoing.smarthost = "127.0.0.1:{board.port}"')
    (home / "mailgate.toml").write_text("\n".join((*lines, "")))
    initialise(Wishes(home, address, tag))
    daemon = stack.enter_context(Daemon(home))
    assert isinstance(daemon, Daemon)
    board.servers[address.partition("@")[2]] = daemon.smtp
    return Side(home, daemon, address)


def _secret(side: Side, center: str, profile: str, address: str) -> str:
    """Share the tickets of a center as a profile says; gives the secret address for the other side."""
    file = side.home / "profile.toml"
    file.write_text(profile.format(address=address))
    return str(json.loads(side.run("exchange", "add", center, str(file), "--json"))["secret_address"])


@pytest.fixture
def sides(tmp_path: Path) -> Iterator[Sides]:
    with ExitStack() as stack:
        board = stack.enter_context(switchboard())
        osg = _side(stack, tmp_path / "osg", "osg-general@lists.osg.example", "OSG", board)
        goc = _side(stack, tmp_path / "goc", "help@lists.goc.example", "GOC", board)
        osg.run("centers", "add", "GOC", "--address", goc.list)
        goc.run("centers", "add", "OSG", "--address", osg.list)
        goc.run("lists", "subscribe", "help", BOB)
        rules = tmp_path / "rules.toml"
        rules.write_text(RULE)
        osg.run("rules", "import", str(rules))
        osg.run("rules", "apply", "-m", "the helpers know dcache")
        for_goc = _secret(osg, "GOC", OF_HELPERS, goc.list)
        for_osg = _secret(goc, "OSG", OF_COMMUNITY, for_goc)
        assert _secret(osg, "GOC", OF_HELPERS, for_osg) == for_goc
        yield Sides(osg, goc, board)


def test_a_ticket_lives_in_both_trackers_and_nothing_goes_round(sides: Sides) -> None:
    osg, goc = sides.osg, sides.goc
    goc.send(_mail(BOB, "Another matter", "Numbers are to differ.", "b0"))
    wait_until(lambda: goc.has_tickets(1), 10)

    osg.send(_mail(UNA, "dcache is slow", "Since this morning.", "u1"))
    asked = sides.last_copy(BOB, "Since this morning.")
    assert goc.ticket(2)["centers"] == ["OSG"]

    goc.send(_mail(BOB, "Re: dcache is slow", "Restarting it.", "b1", asked))
    answered = sides.last_copy(UNA, "Restarting it.")
    pairs = [json.loads(line) for line in osg.run("exchange", "pairs", "--json").splitlines()]
    assert [(one["ticket"], one["center"], one["number"]) for one in pairs] == [(1, "GOC", "2")]

    osg.send(_mail(UNA, "Re: dcache is slow", "Better, thanks. Was it the disk?", "u2", answered))
    told = sides.last_copy(BOB, "Was it the disk?")
    assert "[GOC #2]" in told["Subject"]

    goc.send(_mail(BOB, told["Subject"], "!done\nYes, it was.", "b2", told))
    sides.last_copy(UNA, "Yes, it was.")
    wait_until(lambda: (osg.status(1), goc.status(2)) == ("resolved", "resolved"), 10)

    osg.send(_mail(UNA, "Re: dcache is slow", "It is slow again, why?", "u3", answered))
    sides.last_copy(BOB, "It is slow again, why?")
    wait_until(lambda: (osg.status(1), goc.status(2)) == ("open", "open"), 10)

    wait_until(lambda: _nothing_waits(osg) and _nothing_waits(goc), 20)
    assert (len(osg.posts(1)), len(goc.posts(2))) == (5, 5)
    assert osg.has_tickets(1)
    assert goc.has_tickets(2)


def _nothing_waits(side: Side) -> bool:
    commands = (("queue", "list", "--json"), ("deliveries", "list", "--json"))
    return not any(side.run(*command).strip() for command in commands)
