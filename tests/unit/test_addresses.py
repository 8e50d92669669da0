"""The table of addresses."""

from __future__ import annotations

import pytest

from mailgate.addresses import (
    Role,
    Target,
    Verb,
    bounce_address,
    is_our_domain,
    read_target,
    target_tickets,
    ticket_address,
)
from tracker.model import Queue, QueueId, TicketId

GENERAL = Queue(QueueId(1), "osg-general", "lists.example.org", "OSG", "OSG")
INT = Queue(QueueId(2), "osg", "lists.example.org", "INT", "Integration")
ELSEWHERE = Queue(QueueId(3), "help", "tickets.example.net", "HELP", "Help")
QUEUES = (GENERAL, INT, ELSEWHERE)
TOKEN = "abcdefgh234567ab"
LETTERS = "abcdefghijklmnop"


def read(local: str) -> Target | None:
    return read_target(f"{local}@lists.example.org", QUEUES)


@pytest.mark.parametrize(
    ("local", "role"),
    [
        ("osg-general", Role.POST),
        ("OSG-General", Role.POST),
        ('"osg-general"', Role.POST),
        ("osg-general+private", Role.PRIVATE),
        ("osg-general-subscribe", Role.SUBSCRIBE),
        ("osg-general+subscribe", Role.SUBSCRIBE),
        ("osg-general-unsubscribe", Role.UNSUBSCRIBE),
        ("osg-general+unsubscribe", Role.UNSUBSCRIBE),
        ("osg-general-owner", Role.OWNER),
        ("osg-general+owner", Role.OWNER),
        ("osg-general-request", Role.REQUEST),
        ("osg-general+request", Role.REQUEST),
        ("postmaster", Role.POSTMASTER),
        ("PostMaster", Role.POSTMASTER),
    ],
)
def test_an_address_of_a_list(local: str, role: Role) -> None:
    target = read(local)
    assert target is not None
    assert target.role is role
    assert target.queue is (None if role is Role.POSTMASTER else GENERAL)


@pytest.mark.parametrize(
    ("detail", "number", "verb", "token"),
    [
        ("42", 42, None, None),
        (f"42.{TOKEN}", 42, None, TOKEN),
        (f"42.{TOKEN.upper()}", 42, None, TOKEN),
        (f"42.{LETTERS}", 42, None, LETTERS),
        ("42.done", 42, Verb.DONE, None),
        ("42.REOPEN", 42, Verb.REOPEN, None),
        ("42.claim", 42, Verb.CLAIM, None),
        ("42.follow", 42, Verb.FOLLOW, None),
        ("42.unfollow", 42, Verb.UNFOLLOW, None),
        ("42.mute", 42, Verb.MUTE, None),
        ("42.show", 42, Verb.SHOW, None),
        (f"42.done.{TOKEN}", 42, Verb.DONE, TOKEN),
        ("42.cut", 42, None, "cut"),
        ("42.", 42, None, ""),
        (f"42.{TOKEN}.done", 42, None, f"{TOKEN}.done"),
        ("999999999999999999", 999999999999999999, None, None),
    ],
)
def test_an_address_of_a_ticket(detail: str, number: int, verb: Verb | None, token: str | None) -> None:
    target = read(f"osg-general+{detail}")
    assert target is not None
    assert (target.role, target.number, target.verb, target.token) == (Role.TICKET, number, verb, token)
    assert target.ticket_id == TicketId(number)


@pytest.mark.parametrize(
    "local",
    [
        "nobody",
        "osg-general+",
        "osg-general+nonsense",
        "osg-general+9999999999999999999",
        "osg-general+-1",
        "osg-general+٤٢",
        "osg-general+topic.",
        "osg-general+topic./etc/passwd",
        "osg-general-nonsense",
        "osg-generality",
        "osg-general-bounces+7.short",
        "",
    ],
)
def test_what_is_no_address_of_ours(local: str) -> None:
    assert read(local) is None


def test_a_topic_has_its_name() -> None:
    target = read("osg-general+topic.upgrade")
    assert target is not None
    assert (target.role, target.topic, target.ticket_id) == (Role.TOPIC, "upgrade", None)


def test_a_bounce_names_a_delivery_and_no_ticket() -> None:
    target = read_target(bounce_address(GENERAL, 7, TOKEN).upper(), QUEUES)
    assert target is not None
    assert (target.role, target.number, target.ticket_id) == (Role.BOUNCES, 7, None)
    assert (target.token or "").lower() == TOKEN


def test_a_list_whose_name_begins_another_does_not_take_its_mail() -> None:
    assert [target.queue for local in ("osg", "osg-general", "osg+42") if (target := read(local))] == [
        INT,
        GENERAL,
        INT,
    ]


@pytest.mark.parametrize(
    ("address", "ours"),
    [
        ("osg-general@LISTS.EXAMPLE.ORG", True),
        ("osg-general@lists.example.org.evil.example", False),
        ("osg-general@tickets.example.net", False),
        ("osg-general", False),
        ("postmaster", True),
        ("postmaster@elsewhere.example", False),
        ("help@tickets.example.net", True),
    ],
)
def test_the_domain_decides_too(address: str, ours: bool) -> None:
    assert (read_target(address, QUEUES) is not None) is ours


def test_what_is_written_is_read_back() -> None:
    address = ticket_address(GENERAL, TicketId(42), "unfollow", TOKEN)
    assert address == f"osg-general+42.unfollow.{TOKEN}@lists.example.org"
    target = read_target(address, QUEUES)
    assert target is not None
    assert (target.number, target.verb, target.token) == (42, Verb.UNFOLLOW, TOKEN)


def test_tickets_are_named_in_order_and_once() -> None:
    found = [read(f"osg-general{detail}") for detail in ("+7", "", "+3.done", "+7.mute")]
    assert target_tickets(target for target in found if target is not None) == (7, 3)


def test_an_unknown_recipient_and_a_relay_attempt_differ_by_the_domain() -> None:
    assert is_our_domain("nobody@Lists.Example.org", QUEUES)
    assert not is_our_domain("nobody@elsewhere.example", QUEUES)


MOVED = Queue(
    QueueId(4),
    "osg-support",
    "tickets.example.net",
    "OSG",
    "OSG",
    aliases=("osg-general@lists.old.example", "grid@lists.old.example"),
    first_address="osg-general@lists.old.example",
)


@pytest.mark.parametrize("name", ["osg-support@tickets.example.net", *MOVED.aliases])
def test_every_address_of_a_list_means_it_with_all_that_belongs_to_it(name: str) -> None:
    local, _, domain = name.partition("@")
    wanted = {
        "": (Role.POST, None),
        "+42": (Role.TICKET, None),
        f"+42.{TOKEN}": (Role.TICKET, TOKEN),
        f"+42.done.{TOKEN}": (Role.TICKET, TOKEN),
        "-request": (Role.REQUEST, None),
        f"+unsubscribe.{TOKEN}": (Role.UNSUBSCRIBE, TOKEN),
        f"-bounces+7.{TOKEN}": (Role.BOUNCES, TOKEN),
        f"+x.{TOKEN}": (Role.EXCHANGE, TOKEN),
    }
    for detail, meant in wanted.items():
        target = read_target(f"{local}{detail}@{domain}", (*QUEUES, MOVED))
        assert target is not None, detail
        assert (target.role, target.token) == meant
        assert target.queue == MOVED


def test_a_list_has_only_the_names_that_it_had_at_a_domain() -> None:
    assert read_target("osg-support@lists.old.example", (MOVED,)) is None
    assert read_target("osg-general@tickets.example.net", (MOVED,)) is None
    assert is_our_domain("nobody@lists.old.example", (MOVED,))
    assert read_target("postmaster@lists.old.example", (MOVED,)) is not None


def test_what_is_written_names_the_new_address_and_names_stay() -> None:
    assert ticket_address(MOVED, TicketId(42)) == "osg-support+42@tickets.example.net"
    assert (MOVED.list_id, MOVED.root_domain) == ("osg-general.lists.old.example", "lists.old.example")
    assert (GENERAL.list_id, GENERAL.root_domain) == ("osg-general.lists.example.org", "lists.example.org")
