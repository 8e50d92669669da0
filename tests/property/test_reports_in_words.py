"""Any words of mailers are read into recipients that can be, and what came back below adds none."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from mailgate.envelope import Client, Envelope
from mailgate.kinds.bounces import MAX_RECIPIENTS
from mailgate.kinds.classify import understood
from mailgate.message import BouncedRecipient, Disposition, ParsedMessage
from mailgate.parse import parse_message

NOBODY = Envelope(Client("", "", "FILE", "s"), "", ())
BY_ANN = Envelope(Client("", "", "FILE", "s"), "ann@x.example", ())
UTF8 = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
HEAD = b"From: MAILER-DAEMON@mx.example\r\nTo: list@lists.example\r\n" + UTF8
ACTIONS = frozenset({"failed", "delayed", "delivered", "relayed", "expanded", ""})
PIECES = [
    *("<ann@x.example>:", "bob@y.example", "  carl@z.example (full)", "SMTP=dan@x.example;", "ann@", "@x"),
    *(
        "Eve (eve@x.example)",
        "550 5.1.1 no",
        "(#4.4.1)",
        "450",
        "5.7.1",
        "192.0.2.1",
        "<<< 550",
        ">>> RCPT TO:<",
    ),
    *("could not be delivered to:", "will keep trying", "--- transient non-fatal errors ---", "permanent"),
    *(
        "was successfully delivered to:",
        "Final-Recipient: rfc822; fay@x.example",
        "Action: failed",
        "Status: ",
    ),
    *(
        "From: ",
        "contact ",
        "list@lists.example",
        "\n",
        "\n",
        "\n\n",
        " ",
        "\t",
        ">",
        "失败",
        "é",
        "用户@例.example",
    ),
]
words = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=40).map("".join)
few = settings(max_examples=200, deadline=None)


def read(text: str, envelope: Envelope = NOBODY, head: bytes = HEAD) -> tuple[ParsedMessage, Disposition]:
    message, classified = understood(envelope, parse_message(head + text.encode("utf-8", "replace")))
    return message, classified.disposition


def is_sound(each: BouncedRecipient) -> bool:
    status = re.fullmatch(r"[245]\.[0-7]\.\d{1,3}", each.status) is not None or not each.status
    return "@" in each.address and each.address.isprintable() and status and each.action in ACTIONS


@few
@given(words)
def test_recipients_are_addresses_each_once_with_status_and_action(text: str) -> None:
    message, disposition = read(text)
    assert disposition is Disposition.BOUNCE
    assert all(is_sound(each) for each in message.bounces)
    told = [(each.address.casefold(), each.action) for each in message.bounces]
    assert len(told) == len(set(told)) <= MAX_RECIPIENTS
    assert "list@lists.example" not in {address for address, _ in told}


@few
@given(words, words)
def test_what_came_back_adds_no_recipient(text: str, returned: str) -> None:
    marker = "\n\n--- Below this line is a copy of the message.\n\n"
    assert read("Alas.\n" + text + marker + returned)[0].bounces == read("Alas.\n" + text + marker)[0].bounces


@few
@given(words)
def test_in_a_mail_of_a_person_they_are_words(text: str) -> None:
    message, disposition = read(text, BY_ANN, b"From: Ann <ann@x.example>\r\n" + UTF8)
    assert disposition is Disposition.POST
    assert message.bounces == ()
