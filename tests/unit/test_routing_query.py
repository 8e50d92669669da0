"""The condition language: what matches, what does not, and what is said of a slip."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.facts import AttachedFile, Facts, Kind, Reading, SenderClass, TicketFacts
from routing.faults import Fault
from routing.query import DEPTH_LIMIT, QUERY_LIMIT, parse_query

MAIL = Facts(
    sender="ann@cms.site.example",
    sender_name="Ann Example",
    sender_class=SenderClass.MEMBER,
    recipients=("help@lists.example", "bob@x.example"),
    queue="help",
    topic="upgrade",
    subject="Gatekeeper crashed: exit status 137",
    new_text="The VDT installer\nstopped after 50 % (see the log).",
    quoted_text="> did you try turning it off",
    headers=(("X-Spam-Flag", "YES"), ("List-Id", "<help.lists.example>")),
    attachments=(AttachedFile("core.1234", "application/octet-stream", 10),),
    kinds=frozenset({Kind.REPLY, Kind.FORWARD}),
    ticket=TicketFacts(frozenset({"ce"}), "open", "high"),
)


def holds(query: str, mail: Facts = MAIL) -> bool:
    return parse_query(query).test(Reading(mail))[0]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        "*",
        "gatekeeper",
        "GATEKEEPER vdt",
        '"vdt installer stopped"',
        "subject:crashed",
        'subject:"exit  status"',
        "subject:137",
        'body:"50 %"',
        "body:vdt",
        "quoted:turning",
        "from:ann@cms.site.example",
        "from:ANN@CMS.site.example",
        "from:*@cms.site.example",
        "from:?nn@*",
        "from:cms.site",
        "name:ann",
        "domain:site.example",
        "domain:cms.site.example",
        "domain:@example",
        "sender:member",
        "sender:known",
        "to:bob@x.example",
        "list:help",
        "list:h*p",
        "topic:upgrade",
        "header:X-Spam-Flag:yes",
        "header:x-spam-flag:*",
        "header:List-Id:lists.example",
        "attachment:core.*",
        "attachment:application/octet-stream",
        "is:reply",
        "is:new|reply",
        "is:(new | forward)",
        "tag:ce status:open priority:high",
        "subject:~/crash(ed)?/",
        r"subject:~/exit\s+STATUS \d+$/",
        r"body:~/\(see the/",
        "-subject:fine",
        "not subject:fine and not (body:x or body:y)",
        "nope or vdt",
        "(nope | vdt)",
        "nope vdt or vdt",
        "subject:(nope | crashed | ~/x/)",
        "--vdt",
        '"not"  or "or" or vdt',
        "subject:* tag:* attachment:*",
    ],
)
def test_a_condition_that_holds(query: str) -> None:
    assert holds(query)


@pytest.mark.parametrize(
    "query",
    [
        "gate",
        "subject:crash",
        "body:crashed",
        "body:turning",
        'body:"installer vdt"',
        'subject:"~/crash/"',
        "subject:exit.status",
        "from:ann@cms.site.examples",
        "from:nn@cms.site.example",
        "from:bob",
        "from:*@site.example",
        "name:an",
        "domain:te.example",
        "domain:other.example",
        "sender:first",
        "sender:staff",
        "to:ann@cms.site.example",
        "list:hel",
        "header:X-Spam-Flag:no",
        "header:X-None:*",
        "is:new",
        "is:new|auto",
        "vdt nope",
        "-vdt",
        "not (vdt or nope)",
        "subject:~/(?-i)gatekeeper/",
        "status:resolved",
    ],
)
def test_a_condition_that_does_not_hold(query: str) -> None:
    assert not holds(query)


@pytest.mark.parametrize(
    ("query", "offset", "expected"),
    [
        ("subjct:x", 0, 'unknown field "subjct"; expected "subject"'),
        ("vdt zzzz:x", 4, "expected one of from, name, domain"),
        ("is:neww", 3, 'expected "new"'),
        ("sender:boss", 7, "one of first, known, member, staff"),
        ("from:", 5, "no value; expected a word"),
        ("subject:()", 9, "no value; expected a word"),
        ("subject:(a b)", 11, 'expected "|" and another value or ")"'),
        ("a|subject:b|body:c", 12, 'expected "or" with blanks around it'),
        ("(a or b", 7, 'unexpected the end; expected a term or ")"'),
        ("a) b", 1, 'unexpected ")"; expected a term, "and", "or" or the end'),
        ("a or", 4, "no value"),
        ("or a", 0, '"or" without a condition beside it'),
        ("a - b", 3, 'nothing right after "-"'),
        ('"abc', 0, 'a phrase without its end; expected a closing "'),
        ('subject:""', 8, "empty value"),
        ("~/abc", 0, "a pattern without its end"),
        ('a"b"', 1, "expected a blank between two terms"),
        ("crash(ed)", 5, "expected a blank between two terms"),
        ("header:", 7, "expected header:NAME:text"),
        ("header:X-A b", 7, "expected header:NAME:text"),
        ("domain:*.example", 7, "expected a domain; those below it are included"),
        ("subject:~/(a/", 8, "pattern refused (missing ): (a)"),
        ("~/((a{1000}){1000}){1000}/", 0, "pattern refused"),
        ("~/(?=a)b/", 0, "pattern refused"),
        (f"~/{'a' * 201}/", 0, "a pattern of 201 characters; expected at most 200"),
        ("a\x00b", 1, "a control character"),
        ("-" * (DEPTH_LIMIT + 5) + "a", DEPTH_LIMIT, "nested too deep"),
        ("(" * 5000, DEPTH_LIMIT, "nested too deep"),
        ("a " * QUERY_LIMIT, QUERY_LIMIT, f"expected at most {QUERY_LIMIT} characters"),
    ],
)
def test_a_slip_is_named_with_its_place_and_what_was_expected(query: str, offset: int, expected: str) -> None:
    with pytest.raises(Fault) as caught:
        parse_query(query)
    assert expected in str(caught.value)
    assert caught.value.offset == offset


def test_it_says_why_it_holds_and_why_not() -> None:
    reading = Reading(MAIL)
    assert parse_query('is:reply subject:~/status \\d+/ -"all well"').test(reading) == (
        True,
        'is: reply, subject: status 137, not "all well"',
    )
    assert parse_query("vdt subject:(fine | well)").test(reading) == (False, "no subject:(fine | well)")


def test_what_the_mail_says_reaches_a_terminal_as_one_harmless_line() -> None:
    mail = Facts(subject="a \x1b[31mred\x1b[0m\u202e " + "b" * 500)
    why = parse_query("subject:~/a.*/").test(Reading(mail))[1]
    assert why.startswith("subject: a ?[31mred?[0m? bbb")
    assert len(why) < 80


def test_words_are_compared_composed_and_without_case() -> None:
    mail = Facts(subject="Sto\u0308rung in der STRASSE", new_text="数据库连接失败")
    assert holds("störung", mail)
    assert holds("straße", mail)
    assert holds("连接失败", mail)
    assert not holds("rung", mail)


def test_a_domain_may_be_written_in_its_own_script() -> None:
    assert holds("domain:müller.example", Facts(sender="a@www.xn--mller-kva.example"))


def test_the_name_cannot_pose_as_the_address() -> None:
    mail = Facts(sender="mallory@evil.example", sender_name="boss@good.example")
    assert not holds("from:boss@good.example or from:good or domain:good.example", mail)


def test_only_the_first_64_kb_are_searched() -> None:
    mail = Facts(new_text="x " * 40_000 + "needle")
    assert not holds("needle or ~/needle/", mail)
    assert holds("needle", Facts(new_text="x " * 30_000 + "needle"))


def test_staff_are_members_and_only_newcomers_are_first() -> None:
    assert holds("sender:member -sender:first", Facts(sender_class=SenderClass.STAFF))
    assert holds("sender:first -sender:known", Facts(sender_class=SenderClass.FIRST))


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='ab:()|"~/\\*-? or\nnotis.é\ud800', max_size=40) | st.text(max_size=40))
def test_any_text_is_a_query_or_a_fault(text: str) -> None:
    offset = 0
    try:
        query = parse_query(text)
        query.test(Reading(MAIL))
    except Fault as fault:
        offset = fault.offset
    assert 0 <= offset <= len(text)


@pytest.mark.parametrize(
    ("query", "column", "expected"),
    [
        ("attachment.size:5M", 17, "a size, as in attachment.size:>5M"),
        ("silence:>7", 9, "a span of time"),
        ("time:25:00-26:00", 6, "hours of the day"),
        ("weekday:monday", 9, '"mon"'),
        ("sender.contact:maybe", 16, "yes"),
    ],
)
def test_a_measure_that_is_none_says_what_it_wants(query: str, column: int, expected: str) -> None:
    with pytest.raises(Fault) as refused:
        parse_query(query)
    assert f"column {column}" in str(refused.value) or refused.value.offset == column - 1
    assert expected in str(refused.value)


def test_attachments_are_measured() -> None:
    files = (AttachedFile("log.txt", "text/plain", 6_000_000),)
    facts = Facts(attachments=files)
    assert parse_query("attachment.size:>5M").test(Reading(facts))[0]
    assert not parse_query("attachment.size:<5M").test(Reading(facts))[0]


@pytest.mark.parametrize(
    ("at", "inside"), [("23:30", True), ("05:59", True), ("06:00", False), ("12:00", False)]
)
def test_hours_go_over_midnight(at: str, inside: bool) -> None:
    received = datetime.fromisoformat(f"2026-03-02T{at}:00+00:00")
    assert parse_query("time:22:00-06:00").test(Reading(Facts(received=received)))[0] is inside
