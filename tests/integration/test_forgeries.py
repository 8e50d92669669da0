"""Mail that pretends to be somebody's, by SMTP against a daemon that looks: none of it gains a right.

The cases a1 to a19 are those of a tool that forges mail past the servers of large providers; each is sent as
that does, by a client that may send for a domain of its own, in the name of the administrator of another.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mailgate.app import App
from mailgate.explaining import explain_accepted
from mailgate.exporting import ticket_json
from tests.support.daemon import LIST, Daemon, mailgate, new_instance
from tests.support.dnsserver import DnsServer
from tests.support.signed import key_record, sign
from tests.support.waiting import wait_until
from tracker.model import TicketId
from tracker.people import normalise_address
from tracker.storage import people

pytestmark = pytest.mark.integration

FORGER = "203.0.113.66"
HOME = "192.0.2.7"
RECORDS = {
    "legit.example": "v=spf1 ip4:192.0.2.7 -all",
    "s1._domainkey.legit.example": key_record(),
    "_dmarc.legit.example": "v=DMARC1; p=none",
    "strict.example": "v=spf1 ip4:192.0.2.7 -all",
    "_dmarc.strict.example": "v=DMARC1; p=reject",
    "_dmarc.mild.example": "v=DMARC1; p=quarantine",
    "attack.example": f"v=spf1 ip4:{FORGER} -all",
    "s1._domainkey.attack.example": key_record(),
    "any.attack.example": f"v=spf1 ip4:{FORGER} -all",
    "_dmarc.attack.example": "v=DMARC1; p=none",
}


@dataclass
class House:
    """A daemon that looks, and ticket 1 of the administrator of legit.example, a member."""

    home: Path
    daemon: Daemon
    dns: DnsServer
    app: App

    def send(
        self,
        raw: bytes,
        *,
        mail_from: bytes = b"<x@attack.example>",
        to: str = LIST,
        client: str = FORGER,
        helo: str = "attack.example",
    ) -> str:
        """Send a mail as that client, as an MTA that we trust tells of it; the last reply."""
        lines = (
            b"EHLO mx.example.org",
            f"XFORWARD ADDR={client} HELO={helo} NAME={helo} PROTO=ESMTP".encode(),
            b"MAIL FROM:" + mail_from,
            f"RCPT TO:<{to}>".encode(),
            b"DATA",
        )
        with socket.create_connection(self.daemon.smtp, timeout=30) as peer:
            stream = peer.makefile("rwb")
            _reply(stream)
            for line in lines:
                stream.write(line + b"\r\n")
                stream.flush()
                reply = _reply(stream)
                if reply[0] in "45":
                    return reply
            stream.write(raw + b"\r\n.\r\n")
            stream.flush()
            return _reply(stream)

    def explained(self, uid: str) -> dict[str, Any]:
        """What became of an accepted mail, once something has."""

        def done() -> bool:
            return self._explain(uid)["disposition"] != "waiting"

        wait_until(done, 30)
        return self._explain(uid)

    def _explain(self, uid: str) -> dict[str, Any]:
        (found,) = explain_accepted(self.app, uid)
        return found

    def status(self) -> str:
        return str(self.app.read(lambda connection: ticket_json(connection, TicketId(1)))["status"])


def _reply(stream: Any) -> str:
    while True:
        line = stream.readline().decode("utf-8", "replace").rstrip("\r\n")
        if line[3:4] != "-":
            return line


def uid_of(reply: str) -> str:
    assert reply.startswith("250 2.6.0 "), reply
    return reply.split()[2]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home = tmp_path_factory.mktemp("forgeries") / "home"
    with DnsServer(RECORDS) as dns:
        extra = (
            f'auth = "on"\ndns.servers = ["{dns.address}"]\ndns.timeout = "2s"\n'
            'trust.xforward_networks = ["127.0.0.0/8"]'
        )
        app = new_instance(home, extra=extra)
        admin = app.write(
            lambda connection: people.register(
                connection, normalise_address("admin@legit.example"), "", app.clock()
            )
        )
        app.write(lambda connection: people.set_member(connection, admin.id, member=True))
        with Daemon(home) as daemon:
            made = House(home, daemon, dns, app)
            opening = letter(b"From: admin@legit.example\r\n", subject="Jobs fail", text="They all fail.")
            reply = made.send(opening, mail_from=b"<admin@legit.example>", client=HOME)
            opened = made.explained(uid_of(reply))
            assert (opened["ticket"], opened["trust"]) == (1, "aligned")
            yield made
            daemon.stop()
        app.close()


_numbers = iter(range(1, 10_000))


def letter(
    author: bytes, *, subject: str = "Re: [OSG #1] Jobs fail", text: str = "!status resolved", extra: str = ""
) -> bytes:
    """A mail with that From, to ticket 1."""
    return (
        author
        + (
            f"To: {LIST}\r\nSubject: {subject}\r\nDate: Fri, 27 Nov 2026 10:00:00 +0000\r\n{extra}"
            f"Message-ID: <f{next(_numbers)}@attack.example>\r\n\r\n{text}\r\n"
        ).encode()
    )


ADMIN = b"From: <admin@legit.example>\r\n"


def signed(author: bytes = ADMIN, **change: bytes) -> bytes:
    """A forged mail with a good signature of the forger's own domain, its tags changed."""
    raw = sign(letter(author), "attack.example")
    for tag, value in change.items():
        old = {"d": b"d=attack.example", "s": b"s=s1"}[tag]
        raw = raw.replace(old, tag.encode() + b"=" + value, 1)
    return raw


PATH = b"<any@attack.example>"

# Each: the mail, its reverse-path, and how it is refused, "" where it is taken for what it is.
CASES: dict[str, tuple[bytes, bytes, str]] = {
    "a1 a subdomain that is none": (signed(), b"<any@mailfrom.notexist.legit.example>", ""),
    "a2 no mailbox in MAIL FROM": (signed(), b"<(any@legit.example>", "501 5.1.7"),
    "a2 an empty MAIL FROM": (signed(), b"<>", ""),
    "a3 a NUL in a selector": (
        signed(d=b"legit.example", s=b"attack.example.\x00.any"),
        PATH,
        "",
    ),
    "a4 a quote in d=": (signed(d=b"legit.example'a.attack.example"), PATH, ""),
    "a4 a parenthesis in d=": (signed(d=b"legit.example(.attack.example"), PATH, ""),
    "a5 a parenthesis in MAIL FROM": (signed(), b"<any@legit.example(.attack.example>", "501 5.1.7"),
    "a6 a quote in MAIL FROM": (signed(), b"<any@legit.example'@any.attack.example>", "501 5.1.7"),
    "a7 a route in MAIL FROM": (
        signed(),
        b"<@legit.example,@any.example:'any@attack.example>",
        "",
    ),
    "a8 two From": (signed(b"From: <any@attack.example>\r\n" + ADMIN), PATH, "550 5.6.0"),
    "a9 a blank before the first From": (
        b" From: <any@attack.example>\r\n" + signed(),
        PATH,
        "550 5.6.0",
    ),
    "a10 a blank after From": (
        signed(b"From : <any@attack.example>\r\n" + ADMIN),
        PATH,
        "550 5.6.0",
    ),
    "a11 a fold after From": (
        b"From\r\n : <any@attack.example>\r\n" + signed(),
        PATH,
        "550 5.6.0",
    ),
    "a12 another in Sender": (
        signed(ADMIN + b"Sender: <any@attack.example>\r\n"),
        PATH,
        "",
    ),
    "a13 another in Resent-From": (
        signed(ADMIN + b"Resent-From: <any@attack.example>\r\n"),
        PATH,
        "",
    ),
    "a14 two in one From": (
        signed(b"From: <any@attack.example>, <admin@legit.example>\r\n"),
        PATH,
        "550 5.6.0",
    ),
    "a15 an encoded address": (
        signed(b"From: =?utf-8?B?PGFkbWluQGxlZ2l0LmV4YW1wbGU+?= <any@attack.example>\r\n"),
        PATH,
        "",
    ),
    "a15 nothing but an encoded address": (
        signed(b"From: =?utf-8?B?PGFkbWluQGxlZ2l0LmV4YW1wbGU+?=\r\n"),
        PATH,
        "550 5.6.0",
    ),
    "a16 a route in From": (
        signed(b"From: <@attack.example,@any.example:admin@legit.example>\r\n"),
        PATH,
        "550 5.6.0",
    ),
    "a17 a quoted pair": (
        signed(b"From: <admin@legit.example>\\, <any@attack.example>\r\n"),
        PATH,
        "550 5.6.0",
    ),
    "a18 a name without an address": (
        signed(b"From: admin@legit.example, <any@attack.example>\r\n"),
        PATH,
        "550 5.6.0",
    ),
    "a19 an address for a name": (
        signed(b"From: admin@legit.example <any@attack.example>\r\n"),
        PATH,
        "",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_no_forgery_gains_a_right(house: House, name: str) -> None:
    raw, mail_from, refused = CASES[name]
    before = house.status()
    reply = house.send(raw, mail_from=mail_from)
    if refused:
        assert reply.startswith(refused), reply
    else:
        shown = house.explained(uid_of(reply))
        author = shown["reading"]["from"]["address"]
        # Either it is believed to be the forger's own, or it is not believed.
        assert (author, shown["trust"]) in {
            ("any@attack.example", "aligned"),
            ("admin@legit.example", "none"),
        }, shown
        assert shown["authentication"]["domain"] == author.partition("@")[2]
        assert "legit.example" not in shown["authentication"].get("aligned", ())
    # Who posts in their own name on a public ticket opens it; nobody resolves it.
    assert house.status() in (before, "open")
    assert all("(" not in asked and "'" not in asked and "\0" not in asked for asked in house.dns.asked)


def test_what_its_domain_wants_refused_is_refused_in_the_session(house: House) -> None:
    reply = house.send(letter(b"From: boss@strict.example\r\n"))
    assert reply.startswith("550 5.7.26 strict.example wants mail refused"), reply


def test_what_its_domain_wants_set_aside_is_held(house: House) -> None:
    shown = house.explained(uid_of(house.send(letter(b"From: boss@mild.example\r\n", subject="New"))))
    assert (shown["trust"], shown["held"]) == ("failed", True)


def test_results_of_a_stranger_are_neither_believed_nor_kept(house: House) -> None:
    claimed = "Authentication-Results: lists.example.org; spf=pass smtp.mailfrom=admin@legit.example\r\n"
    raw = letter(claimed.encode() + ADMIN)
    shown = house.explained(uid_of(house.send(raw)))
    assert shown["trust"] == "none"
    kept = mailgate(house.home, "export", "--format", "mbox")
    assert claimed.strip() not in kept
    assert "Authentication-Results: lists.example.org;\n\tspf=" in kept.replace("\r", "")


def test_a_mail_that_its_author_signed_commands_nothing_where_another_sends_it(house: House) -> None:
    """Whoever has a copy of it sends it on to a verb's address, which it names nowhere (X7)."""
    copy = sign(letter(ADMIN, text="Thanks, all works."), "legit.example")
    shown = house.explained(uid_of(house.send(copy, to="osg-general+1.done@lists.example.org")))
    assert shown["trust"] == "aligned"
    assert house.status() != "resolved"


def test_what_was_added_to_a_signed_mail_moves_no_command(house: House) -> None:
    covered = ["from", "to", "subject", "date", "message-id"]
    copy = sign(letter(ADMIN, subject="Done", text="!status resolved"), "legit.example", covered)
    post = "In-Reply-To: <f1@attack.example>\r\n"
    shown = house.explained(uid_of(house.send(post.encode() + copy)))
    assert shown["trust"] == "aligned"
    assert house.status() != "resolved"


def test_the_administrator_commands_still(house: House) -> None:
    """The last of this file: what all the forgeries could not do."""
    reply = house.send(letter(ADMIN), mail_from=b"<admin@legit.example>", client=HOME)
    assert house.explained(uid_of(reply))["trust"] == "aligned"
    wait_until(lambda: house.status() == "resolved", 30)
