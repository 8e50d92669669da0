"""Forwarded messages in a text: whom the block that a client prints says it is from."""

from __future__ import annotations

import pytest

from mailgate.message import Forwarded, Mailbox
from mailgate.quotes.forwards import find_forwarded
from tests.support.costs import cpu_s

ANN = Mailbox("ann@x.example", "Ann Lee")

GMAIL = """Can somebody help her?

---------- Forwarded message ---------
From: Ann Lee <ann@x.example>
Date: Mon, Mar 2, 2026 at 9:00 AM
Subject: Disk full
To: Bob <bob@y.example>


It is full.
"""
APPLE = """
Begin forwarded message:

> From: Ann Lee <ann@x.example>
> Subject: Disk full
> Date: 2 March 2026 at 09:00:00 CET
> To: bob@y.example
>\x20
> It is full.
"""
THUNDERBIRD = """

-------- Forwarded Message --------
Subject: \tDisk full
Date: \tMon, 2 Mar 2026 09:00:00 +0100
From: \tAnn Lee <ann@x.example>
To: \tbob@y.example



It is full.
"""
TABLE = """-------- Weitergeleitete Nachricht --------
Betreff:
Disk full
Datum:
Mon, 2 Mar 2026 09:00:00 +0100
Von:
Ann Lee <ann@x.example>
An:
bob@y.example

It is full.
"""
OUTLOOK = """See below.

From: Ann Lee [mailto:ann@x.example]
Sent: Monday, March 2, 2026 9:00 AM
To: Bob Bond
Subject: Disk full

It is full.
"""
BOLD = """________________________________
*From:* Ann Lee <ann@x.example<mailto:ann@x.example>>
*Sent:* Monday, March 2, 2026 9:00 AM
*To:* Bob Bond <bob@y.example>; Carl Cole <carl@y.example>;
 Dora Dale <dora@y.example>
*Subject:* Disk full

It is full.
"""
MUTT = """----- Forwarded message from Ann Lee <ann@x.example> -----

Date: Mon, 2 Mar 2026 09:00:00 +0100
To: bob@y.example
Subject: Disk full
X-Mailer: Mail 1

It is full.

----- End forwarded message -----
"""
LOTUS = """----- Forwarded by Bob Bond/Org on 02.03.2026 09:30 -----

From:   Ann Lee <ann@x.example>
To:     Bob Bond/Org@Org
Date:   02.03.2026 09:00
Subject:        Disk full

It is full.
"""
FRENCH = """-------- Message transféré --------
De\xa0: Ann Lee <ann@x.example>
Envoyé\xa0: lundi 2 mars 2026
À\xa0: Bob
Objet\xa0: Disk full

Plein.
"""
BELOW_AT_ONCE = """From: Ann Lee <ann@x.example>
Sent: Monday
To: Bob <bob@y.example>
Subject: Disk full
It is full.
"""
PEGASUS = """------- Forwarded message follows -------
From:           \tAnn Lee <ann@x.example>
To:             \tbob@y.example
Subject:        \tDisk full
Date sent:      \tMon, 2 Mar 2026

It is full.
"""
HORDE = """----- Weitergeleitete Nachricht von Ann Lee <ann@x.example> -----
   Datum: Mon, 2 Mar 2026
     Von: Ann Lee <ann@x.example>
 Betreff: Disk full
      An: bob@y.example

Es ist voll.
"""
BAT = """This is a forwarded message
From: Ann Lee <ann@x.example>
To: bob@y.example
Date: Monday, March 2, 2026, 9:00:00 AM
Subject: Disk
  full

===8<==============Original message text===============
"""
ORIGINAL = """-----Original Message-----
From: Lee, Ann <ann@x.example>
Sent: Monday, March 2, 2026 9:00 AM
To: Bob
Subject: Disk full

It is full.
"""


@pytest.mark.parametrize(
    "text",
    [
        GMAIL,
        APPLE,
        THUNDERBIRD,
        TABLE,
        OUTLOOK,
        BOLD,
        MUTT,
        LOTUS,
        FRENCH,
        BELOW_AT_ONCE,
        PEGASUS,
        HORDE,
        BAT,
    ],
    ids=[
        "gmail",
        "apple",
        "thunderbird",
        "table",
        "outlook",
        "bold",
        "mutt",
        "lotus",
        "french",
        "below at once",
        "pegasus",
        "horde",
        "bat",
    ],
)
def test_a_forwarded_message_is_found_with_its_sender_and_subject(text: str) -> None:
    found = find_forwarded(text, "Fwd: Disk full")
    assert found is not None
    assert (found.sender, found.subject, found.inner) == (ANN, "Disk full", None)


def test_its_date_stays_as_it_is_written() -> None:
    found = find_forwarded(GMAIL, "")
    assert found is not None
    assert found.date == "Mon, Mar 2, 2026 at 9:00 AM"


@pytest.mark.parametrize("text", [OUTLOOK, BOLD, ORIGINAL], ids=["outlook", "bold", "original"])
def test_a_header_alone_is_a_forward_only_under_the_subject_of_one(text: str) -> None:
    assert find_forwarded(text, "Re: Disk full") is None
    assert find_forwarded(text, "WG: Disk full") is not None


@pytest.mark.parametrize(
    "text", [GMAIL, APPLE, THUNDERBIRD, MUTT], ids=["gmail", "apple", "thunderbird", "mutt"]
)
def test_a_line_that_says_so_is_enough(text: str) -> None:
    assert find_forwarded(text, "Disk full") is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Forwarded message:\n\nIt is full.",
        "---------- Forwarded message ---------\n\nIt is full.",
        "---------- Forwarded message ---------",
        "From: here to eternity\nSubject: films\n",
        "Begin forwarded message:\nTo: bob@y.example\n\nHello.\nFrom: Ann <ann@x.example>\n",
        "I forwarded message and all.\nFrom: Ann <ann@x.example>\nTo: Bob\n",
    ],
    ids=["empty", "no dashes", "no header", "the end", "prose", "below the header", "in a sentence"],
)
def test_what_names_no_sender_is_none(text: str) -> None:
    assert find_forwarded(text, "Fwd: Disk full") is None


@pytest.mark.parametrize(
    ("written", "sender"),
    [
        ("ann@x.example", Mailbox("ann@x.example")),
        ('"Lee, Ann" <ann@X.example>', Mailbox("ann@X.example", "Lee, Ann")),
        ("'Ann Lee' <ann@x.example>", ANN),
        ("ann@x.example <mailto:ann@x.example>", Mailbox("ann@x.example")),
        ("Ann Lee (ann@x.example)", ANN),
        ("Ann Lee\n    <ann@x.example>", ANN),
        ("Ann Lee", Mailbox("", "Ann Lee")),
        ("Ann Lee/Org@Org", Mailbox("", "Ann")),
        ("Team <team@x.example> on behalf of Ann <ann@x.example>", Mailbox("", "Team")),
    ],
)
def test_one_address_makes_a_sender(written: str, sender: Mailbox) -> None:
    text = f"---------- Forwarded message ---------\nFrom: {written}\nSubject: Disk full\n\nIt is.\n"
    found = find_forwarded(text, "Fwd: x")
    assert found is not None
    assert found.sender == sender


def test_a_forward_in_a_forward_is_inside_it() -> None:
    outer = "---------- Forwarded message ---------\nFrom: Carl <carl@z.example>\nSubject: Fwd: Disk full\n\n"
    found = find_forwarded(outer + GMAIL, "Fwd: Fwd: Disk full")
    assert found is not None
    assert found.inner is not None
    assert (found.sender.address, found.inner.sender) == ("carl@z.example", ANN)
    assert found.inner.inner is None


def test_a_chain_has_an_end() -> None:
    found: Forwarded | None = find_forwarded(GMAIL * 100, "")
    length = 0
    while found is not None:
        found, length = found.inner, length + 1
    assert length == 5


@pytest.mark.parametrize(
    "text",
    [
        "From: x\n" * 200_000,
        "---------- Forwarded message ---------\n" * 100_000,
        "From: " + "a@b." * 500_000,
        "> " * 1_000_000,
        "a" * 2_000_000 + ":",
        "From: x\nTo: y\nDate:\n" * 100_000,
        "- " * 500_000 + "\n-- forwarded by from " + "a " * 100_000,
    ],
    ids=["heads", "marks", "addresses", "quotes", "one line", "blocks", "dashes"],
)
def test_hostile_texts_cost_little(text: str) -> None:
    assert cpu_s(lambda: find_forwarded(text, "Fwd: x")) < 1
