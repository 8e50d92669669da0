"""One mail that would stop the mail of everybody, or cost a thousand times what it is."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import Connection, event

from mailgate.errands import Errand, run_due
from tests.support.community import LIST, START, Community, header
from tests.support.costs import memory
from web import archive

ANN, MEG, SUE = "ann@people.example", "meg@people.example", "sue@people.example"
REQUEST = "osg-general-request@lists.example.org"
_count = count()


def mail(subject: str, text: str = "", sender: str = ANN, to: str = LIST) -> bytes:
    head = f"From: {sender}\nTo: {to}\nSubject: {subject}\nMessage-ID: <b{next(_count)}@x.example>\n"
    return f"{head}\n{text}\n".encode()


def told(community: Community) -> set[str]:
    return {copy.recipient for copy in community.bag.copies}


# An address beyond ASCII (RFC 6531) can be read, and not be written.


@pytest.mark.parametrize("delivery", ["digest", "all"])
def test_an_author_beyond_ascii_does_not_stop_the_mail_of_the_list(
    community: Community, delivery: str
) -> None:
    community.subscribe(SUE, delivery)
    community.inject(mail("Grid at ours", "text", "zoë@münchen.example"))
    community.pass_time(days=2)
    assert told(community) == {SUE}


def test_an_author_beyond_ascii_is_told_under_the_lists_name(community: Community) -> None:
    community.app.__dict__["_munges"] = lambda _: True
    community.subscribe(SUE)
    community.inject(mail("Grid at ours", "text", '"Zoë" <zoë@münchen.example>'))
    (copy,) = community.bag.copies
    message = email.message_from_bytes(copy.content, policy=email.policy.default)
    assert message["From"].addresses[0].addr_spec == LIST
    assert message["X-Original-From"] == "Zoë zoë@xn--mnchen-3ya.example"


@pytest.mark.parametrize("words", ["subscribe", "help", "queue"])
def test_who_is_beyond_ascii_and_asks_something_is_not_answered(community: Community, words: str) -> None:
    community.inject(mail(words, "", "zoë@x.example", REQUEST), [REQUEST])
    community.inject(mail("Grid at ours", "!done\n!nonsense\ntext", "zoë@x.example"))
    community.inject(mail("x", "", "zoë@x.example", "osg-general+1.show@lists.example.org"))
    assert told(community) == set()


@pytest.mark.parametrize(
    "address", ["a" * 400 + "@x.example", "a..b@x.example", "a<b@x.example", "ä@x.example"]
)
def test_no_confirm_mail_goes_where_none_can(community: Community, address: str) -> None:
    community.add_member(MEG)
    community.inject(mail(f"address {address}", "", MEG, REQUEST), [REQUEST])
    (answer,) = community.bag.copies
    assert b"no" in answer.content
    assert answer.recipient == MEG


def test_an_errand_that_fails_keeps_none_back(community: Community) -> None:
    done = []

    def fail(connection: Connection, now: object) -> int:
        raise ValueError("one of them")

    def do(connection: Connection, now: object) -> int:
        done.append(now)
        return 1

    hour = timedelta(hours=1)
    errands = (Errand("one", hour, fail), Errand("two", hour, do))
    with pytest.raises(ValueError, match="one of them"):
        run_due(errands, community.app.write, START)
    assert done == [START]


# What it costs.


def statements(community: Community, raw: bytes, recipients: list[str]) -> int:
    """How often it is asked for a mail who was sent what."""
    asked = []

    def note(*args: object) -> None:
        asked.extend(re.findall(r"FROM delivery", str(args[2])))

    engine = community.app.database.engine
    event.listen(engine, "before_cursor_execute", note)
    community.inject(raw, recipients)
    event.remove(engine, "before_cursor_execute", note)
    return len(asked)


def tokens(count: int, verb: str = "") -> list[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = (f"{letters[n // 26 % 26]}{letters[n % 26]}{'a' * 14}" for n in range(count))
    return [f"osg-general+1{verb}.{word}@lists.example.org" for word in words]


def test_a_thousand_guessed_reply_addresses_cost_as_much_as_a_few(community: Community) -> None:
    community.inject(mail("Grid at ours"))
    few = statements(community, mail("x", "y", MEG, ", ".join(tokens(20))), [LIST])
    many = statements(community, mail("x", "y", "eve@x.example", ", ".join(tokens(600))), [LIST])
    assert many < few + 20


def test_a_hundred_verbs_cost_as_much_as_a_few(community: Community) -> None:
    community.inject(mail("Grid at ours"))
    few = statements(community, mail("x", "y", MEG), tokens(20, ".mute"))
    many = statements(community, mail("x", "y", "eve@x.example"), tokens(100, ".mute"))
    assert many < few + 20


def test_one_mail_is_answered_with_few(community: Community) -> None:
    for n in range(40):
        community.inject(mail(f"Matter {n} of {'abcdefgh'[n % 8]}", "text", SUE))
    community.bag.copies.clear()
    community.inject(mail("x", "", MEG), [f"osg-general+{n + 1}.show@lists.example.org" for n in range(40)])
    assert 1 <= len([copy for copy in community.bag.copies if header(copy, "Subject")]) <= 21


def test_an_answer_costs_no_more_where_much_was_said_before(community: Community) -> None:
    community.inject(mail("Grid at ours", "text"))
    for n in range(12):
        community.inject(
            mail("Re: [OSG #1] Grid at ours", f"{n}\n" + "words of it\n" * 80_000, f"p{n}@x.example")
        )
    answer = mail("Re: [OSG #1] Grid at ours", "a word", MEG)
    assert memory(lambda: community.inject(answer)) < 8_000_000
    assert memory(lambda: archive_page(community)) < 8_000_000


def archive_page(community: Community) -> object:
    return community.app.read(lambda connection: archive.ticket_of(connection, 1))
