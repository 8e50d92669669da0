"""Sender repair: whom a mail is by that a list manager put itself in From of."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime

import pytest

from mailgate.envelope import Client, Envelope
from mailgate.inbound import InboundId, Mail
from mailgate.message import Mailbox, ParsedMessage
from mailgate.parse import parse_message
from mailgate.senders import ListServers, trust_of_author, with_author
from tracker.model import Queue, QueueId, Trust

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OURS = Queue(QueueId(1), "osg-general", "lists.example.org", "OSG", "")
SERVERS = ListServers(frozenset({"lists.example", "board@groups.example"}))
ANN = Mailbox("ann@x.example", "Ann Lee")
CLIENT = Client("192.0.2.7", "lists.example", "ESMTP", "s")


def read(
    *fields: str,
    path: str = "users-bounces@lists.example",
    client: Client = CLIENT,
    trust: Trust = Trust.UNCHECKED,
    servers: ListServers = SERVERS,
) -> ParsedMessage:
    raw = "\r\n".join((*fields, "", "Text.", "")).encode()
    mail = Mail(InboundId(0), "-", Envelope(client, path, (OURS.address,)), raw, NOW, trust)
    return with_author(parse_message(raw), mail, servers, (OURS,))


VIA = 'From: "Ann Lee via Users" <users@lists.example>'
REPLY = "Reply-To: Ann Lee <ann@x.example>"
ORIGINAL = "X-Original-From: Ann Lee <ann@x.example>"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ((VIA, REPLY), "users-bounces@lists.example"),
        ((VIA, "Reply-To: Users <users@lists.example>, ann@x.example"), "users-bounces@lists.example"),
        ((VIA, "Reply-To: osg-general@lists.example.org, ann@x.example"), "users-bounces@lists.example"),
        (('From: "Ann Lee über Users" <users@lists.example>', "Reply-To: ann@x.example"), "b@lists.example"),
        (('From: "Ann Lee (via Users)" <users@lists.example>', ORIGINAL), "b@lists.example"),
        (
            ("From: \"'Ann Lee' via Board\" <board@groups.example>", ORIGINAL, "Reply-To: ann@x.example"),
            "board+bncABC@groups.example",
        ),
        (("From: \"Ann Lee via lists.example\" <ann=x.example@lists.example>",), "b@lists.example"),
        (("From: \"Ann Lee via Users\" <ann=40x.example@lists.example>", REPLY), "b@lists.example"),
        (('From: "Ann Lee" <00000f00d-dmarc-request@lists.example>', REPLY), "owner-u@lists.example"),
        ((VIA, "REPLY-TO: Ann Lee <ann@X.example>"), "b@mx.lists.example"),
    ],
    ids=[
        "mailman",
        "with the list",
        "with a list of ours",
        "translated",
        "sympa",
        "google",
        "written into the address",
        "escaped",
        "listserv",
        "below the domain",
    ],
)  # fmt: skip
def test_the_person_behind_a_list_is_the_sender(fields: tuple[str, ...], path: str) -> None:
    message = read(*fields, path=path)
    assert (message.sender, message.sender_repaired) == (ANN, True)


def test_what_stood_in_from_is_kept() -> None:
    assert read(VIA, REPLY).header_from == Mailbox("users@lists.example", "Ann Lee via Users")


@pytest.mark.parametrize(
    "fields",
    [
        ('From: "Ann via Users" <users@lists.evil.example>', "Reply-To: admin@x.example"),
        ('From: "Ann via Users" <users@sub.lists.example>', "Reply-To: admin@x.example"),
        ('From: "Ann via Board" <other@groups.example>', "Reply-To: admin@x.example"),
        ("From: Ann <ann@x.example>", "X-Original-From: admin@x.example"),
        (VIA, "Reply-To: users@lists.example"),
        (VIA, "Reply-To: osg-general@lists.example.org"),
        (VIA, "Reply-To: ann@x.example, bob@y.example"),
        (VIA, REPLY, "X-Original-From: admin@x.example"),
        ('From: "Ann via Users" <ann=x.example@lists.example>', "X-Original-From: admin@x.example"),
        (VIA, "X-Original-From: ann@x.example, admin@x.example"),
        (VIA, "Sender: ann@x.example"),
        (VIA, "Resent-From: ann@x.example"),
        (VIA, "X-Sender: ann@x.example", "X-Original-Sender: ann@x.example"),
        (VIA,),
        ("From: Users <users@lists.example>", "Reply-To: desk@x.example"),
        ('From: "Users" <users=@lists.example>',),
        ('From: "Users via x" <=x.example@lists.example>',),
        (VIA, "Reply-To: ann@"),
    ],
    ids=[
        "another domain",
        "a domain below",
        "another address of a shared domain",
        "no list at all",
        "replies to the list",
        "replies to a list of ours",
        "two people",
        "two places that differ",
        "its own address says another",
        "two originals",
        "Sender",
        "Resent-From",
        "X-Sender",
        "nobody named",
        "by the list itself",
        "nothing written into the address",
        "no name written into the address",
        "no address",
    ],
)
def test_nobody_is_guessed(fields: tuple[str, ...]) -> None:
    message = read(*fields)
    assert (message.sender, message.sender_repaired) == (message.header_from, False)


@pytest.mark.parametrize(
    "path", ["evil@evil.example", "", "x@notlists.example", "x@example", "lists.example@evil.example"]
)
def test_a_list_that_its_reverse_path_does_not_name_is_not_believed(path: str) -> None:
    assert not read(VIA, REPLY, path=path).sender_repaired


def test_a_list_that_proves_itself_needs_no_reverse_path() -> None:
    assert read(VIA, REPLY, path="x@relay.example", trust=Trust.ALIGNED).sender_repaired


def test_a_list_whose_domain_disowns_the_mail_is_not_believed() -> None:
    assert not read(VIA, REPLY, trust=Trust.FAILED).sender_repaired


@pytest.mark.parametrize(
    ("client", "believed"),
    [
        (Client("192.0.2.7", "h", "ESMTP", "s"), True),
        (Client("198.51.100.7", "h", "ESMTP", "s"), False),
        (Client("", "h", "PIPE", "s"), False),
        (Client("", "h", "FILE", "s"), True),
    ],
    ids=["inside", "outside", "a pipe tells no client", "a file of the operator"],
)
def test_where_networks_are_named_a_list_comes_from_them(client: Client, believed: bool) -> None:
    servers = ListServers(SERVERS.names, (ipaddress.ip_network("192.0.2.0/24"),))
    assert read(VIA, REPLY, client=client, servers=servers).sender_repaired is believed


def test_no_list_is_believed_that_was_not_named() -> None:
    assert not read(VIA, REPLY, servers=ListServers()).sender_repaired


def test_a_list_of_ours_in_from_stays_as_it_is() -> None:
    fields = ('From: "Ann via OSG" <osg-general@lists.example.org>', REPLY)
    servers = ListServers(frozenset({"lists.example.org"}))
    assert not read(*fields, path="x@lists.example.org", servers=servers).sender_repaired


@pytest.mark.parametrize(
    ("author", "reply_to", "name"),
    [
        ("Ann Lee via Users", "ann@x.example", "Ann Lee"),
        ("'Ann Lee' via Users", "ann@x.example", "Ann Lee"),
        ("Ann Lee via Users", "Doctor Ann <ann@x.example>", "Doctor Ann"),
        ("Ann Lee via Users", "Ann via Users <ann@x.example>", "Ann"),
        ("ann@x.example via Users", "ann@x.example", ""),
        ("via Users", "ann@x.example", ""),
    ],
)
def test_the_name_is_the_persons(author: str, reply_to: str, name: str) -> None:
    message = read(f'From: "{author}" <users@lists.example>', f"Reply-To: {reply_to}")
    assert message.sender == Mailbox("ann@x.example", name)


@pytest.mark.parametrize(
    ("trust", "worth"),
    [(Trust.ALIGNED, Trust.NONE), (Trust.UNCHECKED, Trust.UNCHECKED), (Trust.NONE, Trust.NONE)],
)
def test_a_list_that_proves_itself_proves_no_author(trust: Trust, worth: Trust) -> None:
    message = read(VIA, REPLY, trust=trust)
    assert message.sender_repaired
    assert trust_of_author(message, trust) is worth


def test_an_author_of_their_own_mail_keeps_what_speaks_for_them() -> None:
    message = read("From: Ann <ann@x.example>")
    assert trust_of_author(message, Trust.ALIGNED) is Trust.ALIGNED


def test_a_name_full_of_signs_is_read() -> None:
    assert read(f'From: "{"( via " * 100}" <users@lists.example>', REPLY).sender_repaired
