"""Reports in words: read in linear time, a hundred recipients at most, whatever they hold."""

from __future__ import annotations

import pytest

from mailgate.envelope import Client, Envelope
from mailgate.kinds.bounces import MAX_RECIPIENTS, declared, status_in
from mailgate.kinds.bouncetext import completed
from mailgate.kinds.classify import understood
from mailgate.message import ParsedMessage
from mailgate.parse import parse_message
from tests.support.costs import cpu_s

NOBODY = Envelope(Client("192.0.2.1", "mx.example", "ESMTP", "s1"), "", ("help@lists.example",))
HEAD = b"From: MAILER-DAEMON@mx.example\r\nSubject: failure notice\r\n\r\n"
SIZE = 100_000


def read(text: str) -> ParsedMessage:
    return understood(NOBODY, parse_message(HEAD + text.encode()))[0]


def filled(piece: str) -> str:
    return piece * (SIZE // len(piece))


@pytest.mark.parametrize(
    "text",
    [
        filled("<ann@x.example>:\nI could not deliver it. (#5.1.1)\n\n"),
        "".join(f"<a{n}@x.example>:\n550 5.1.1 unknown\n\n" for n in range(2500)),
        filled("a@x.example "),
        filled("a@"),
        filled("@"),
        filled("a"),
        filled("smtp=") + "ann@x.example",
        filled("5.1."),
        filled("550-"),
        filled("Final-Recipient: rfc822; a@x.example\n"),
        filled("Final-Recipient: rfc822;\n "),
        filled("Message-ID:\n "),
        filled("not deliver fail "),
        filled("click a link "),
        filled("the original message "),
        filled(" " * 1900 + "a@x.example\n"),
        filled("(expanded from: <"),
        filled("> "),
    ],
)
def test_a_hundred_thousand_characters_are_read_at_once(text: str) -> None:
    assert cpu_s(lambda: read(text)) < 1
    assert len(read(text).bounces) <= MAX_RECIPIENTS


def test_of_ten_thousand_recipients_a_hundred_are_kept() -> None:
    fields = "\n\n".join(f"Final-Recipient: rfc822; a{n}@x.example\nAction: failed" for n in range(10_000))
    assert [each.address for each in declared(fields)] == [f"a{n}@x.example" for n in range(100)]
    listed = read("Not delivered:\n\n" + "\n".join(f"<a{n}@x.example>:" for n in range(10_000)))
    assert [each.address for each in listed.bounces] == [f"a{n}@x.example" for n in range(100)]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("550 5.1.1 <ann@x.example> unknown", "5.1.1"),
        ("no mailbox here by that name. (#5.1.1)", "5.1.1"),
        ("552-Quota exceeded", "5.0.0"),
        ("Remote server returned '450 later'", "4.0.0"),
        ("mx.example[192.0.5.1.1] said so", ""),
        ("Exim 4.92.3 on Mon, 23 Nov 2026", ""),
        ("a message of 512 bytes", ""),
        ("id 1550 in queue", ""),
        ("#550", ""),
    ],
)
def test_a_status_is_no_other_number(text: str, status: str) -> None:
    assert status_in(text) == status


def test_what_fields_tell_goes_before_words() -> None:
    raw = HEAD + b"Reason below.\r\n\r\nFinal-Recipient: rfc822; bob@x.example\r\nAction: failed\r\n"
    raw += b"Status: 5.2.2\r\n\r\n<ann@x.example>: unknown\r\n"
    (only,) = completed(parse_message(raw)).bounces
    assert (only.address, only.status) == ("bob@x.example", "5.2.2")


def test_the_id_of_the_report_is_not_that_of_what_came_back() -> None:
    raw = b"Message-ID: <report@mx.example>\r\n" + HEAD + b"Not delivered: <ann@x.example>\r\n"
    assert completed(parse_message(raw)).returned_message_id is None
