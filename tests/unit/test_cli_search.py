"""Tickets and held mails are searched in the language of rules."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from mailgate.cli import main
from tests.support.community import LIST, Community
from tests.support.put_grid import put_grid

Find = Callable[..., list[int]]


def mail(key: str, subject: str, text: str, fields: str = "") -> bytes:
    head = f"From: una@people.example\nTo: {LIST}\nSubject: {subject}\nMessage-ID: <{key}@x.example>\n"
    return f"{head}{fields}\n{text}\n".encode()


def with_a_log(key: str, author: str, text: str) -> bytes:
    part = 'Content-Disposition: attachment; filename="gate.log"\nContent-Type: text/plain\n\nfull\n'
    head = f"From: {author}\nTo: {LIST}\nSubject: A log\nMessage-ID: <{key}@x.example>\nMIME-Version: 1.0\n"
    return f"{head}Content-Type: multipart/mixed; boundary=b\n\n--b\n\n{text}\n--b\n{part}--b--\n".encode()


def run(community: Community, *words: str) -> Result:
    home = str(community.app.instance.home)
    return CliRunner().invoke(main, [*words[:2], "--home", home, *words[2:]])


@pytest.fixture
def grid(community: Community) -> Community:
    """Three tickets: of NorthSC, of a contact, and of everybody, where a reply says more."""
    put_grid(community)
    community.inject(mail("m1", "CE down", "ce1.nu.example does not answer."))
    community.inject(mail("m2", "CE slow", "osg.smallc.example is slow."))
    community.inject(mail("m3", "A question", "How do I begin?"))
    community.inject(mail("r3", "Re: A question", "With xrootd, I mean.", "In-Reply-To: <m3@x.example>\n"))
    return community


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (("CE",), [1, 2]),
        (("CE", "-slow"), [1]),
        (("assigned:north-sc",), [1]),
        (("resource:SMALLC-CE",), [2]),
        (("xrootd",), [3]),
        (("-assigned:*", "requester:una@people.example"), [2, 3]),
        (("status:new | owner:*",), [1, 2, 3]),
        (("age:>365000d",), []),
    ],
)
def test_tickets_are_found(grid: Community, query: tuple[str, ...], numbers: list[int]) -> None:
    said = run(grid, "ticket", "list", "--json", "--", *query)
    assert sorted(json.loads(line)["ticket"] for line in said.stdout.splitlines()) == numbers


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (("attachment:*.log",), [4]),
        (("attachment.size:>1k",), []),
        (("name:author",), [4]),
        (("from:una@people.example", "is:private"), []),
        (("-is:private", "first"), [4]),
        (('"first answer"',), []),
        (("last-word",), [4]),
        (("resource:NU-CE1",), [1, 4]),
    ],
)
def test_all_of_a_ticket_is_looked_at(grid: Community, query: tuple[str, ...], numbers: list[int]) -> None:
    """Each post is a text: none is too far down, and a phrase does not run from one to the next."""
    grid.inject(with_a_log("m4", "Ann Author <ann@people.example>", "It is the first"))
    for n in range(3):
        many = "answer " + "word " * 12_000 + ("ce1.nu.example last-word" if n == 2 else "")
        grid.inject(mail(f"r4{n}", "Re: A log", many, "In-Reply-To: <m4@x.example>\n"))
    said = run(grid, "ticket", "list", "--json", "--", *query)
    assert said.stderr == ""
    assert sorted(json.loads(line)["ticket"] for line in said.stdout.splitlines()) == numbers


@pytest.mark.parametrize(
    "asked", ["header:X-Y:z", "to:a", "sender:first", "weekday:sat", "is:new", "quoted:*", "-(CE or to:*)"]
)
def test_what_no_ticket_has_is_refused(grid: Community, asked: str) -> None:
    said = run(grid, "ticket", "list", "--", asked)
    assert said.exit_code == 1
    assert "is asked of mails" in said.stderr
    assert said.stderr.count("\n") == 1


def test_work_is_bounded_and_what_was_left_out_is_said(grid: Community) -> None:
    said = run(grid, "ticket", "list", "--json", "--look", "2", "CE")
    assert [json.loads(line)["ticket"] for line in said.stdout.splitlines()] == [2]
    assert "older tickets than the newest 2 were not asked" in said.stderr
    assert run(grid, "ticket", "list", "--look", "3", "CE").stderr == ""


def test_a_limit_counts_what_is_found(grid: Community) -> None:
    assert len(run(grid, "ticket", "list", "--json", "--limit", "1", "CE").stdout.splitlines()) == 1


def test_a_slip_is_shown_with_its_place(grid: Community) -> None:
    said = run(grid, "ticket", "list", "colour:red")
    assert said.exit_code == 1
    assert 'column 1: unknown field "colour"' in said.stderr


@pytest.fixture
def office(grid: Community) -> Community:
    """Held mails, and the time that passes between them."""
    when = 'when = "watches or pills"\nthen = [\'hold "no"\']\n'
    other = 'when = "course"\nthen = [\'hold "a course?"\']\n'
    rule = '[[rule]]\nname = "{}"\nphase = "guard"\n{}'
    grid.put_rules(rule.format("h", when) + rule.format("o", other))
    return grid


def hold(
    community: Community, key: str, author: str, text: str, subject: str = "Offer", trust: str = ""
) -> str:
    """The id of a mail that is held."""
    raw = f"From: {author}\nTo: {LIST}\nSubject: {subject}\nMessage-ID: <{key}@x.example>\n\n{text}\n"
    said = community.inject(raw.encode(), trust=trust)
    assert said["held"]
    return str(said["inbound"])


def held(community: Community, *words: str) -> list[str]:
    said = run(community, "hold", "list", "--json", *words)
    assert said.exit_code == 0, said.stderr
    return [json.loads(line)["id"] for line in said.stdout.splitlines()]


WATCHES = "Buy these watches now: all of them are of gold, and cost less than the bread that you eat."


def test_held_mails_are_found(office: Community) -> None:
    one = hold(office, "h1", "a@spam.example", "Buy.", "Cheap watches")
    two = hold(office, "h2", "b@spam.example", "Buy.", "Cheap pills")
    assert held(office) == [one, two]
    assert held(office, "subject:pills") == [two]
    assert held(office, "from:a@spam.example", "sender:first") == [one]
    assert held(office, f"to:{LIST}", "subject:nothing") == []


def test_what_is_held_and_not_shown_is_said(office: Community) -> None:
    first = hold(office, "h1", "a@spam.example", "Pills.")
    second = hold(office, "h2", "b@spam.example", "Pills.")
    said = run(office, "hold", "list", "--json", "--limit", "1")
    assert (json.loads(said.stdout)["id"], said.stderr) == (first, "the first 1; --limit shows more\n")
    said = run(office, "hold", "list", "--json", "--look", "1", "from:b@spam.example")
    assert (said.stdout, said.stderr) == ("", "1 more were not looked at; --look says how many\n")
    assert held(office, "from:b@spam.example") == [second]


def test_like_a_mail_are_those_of_its_author_and_of_its_text_held_for_its_reason(office: Community) -> None:
    one = hold(office, "h1", "a@spam.example", WATCHES)
    other = hold(office, "h2", "a@spam.example", "We sell pills, too, and you want them.")
    same = hold(office, "h3", "c@else.example", WATCHES + " Hurry!", "Gold")
    hold(office, "h4", "d@else.example", "Your watches came to the wrong door; whom may I ask about that?")
    hold(office, "h5", "a@spam.example", "A course on this and that.")
    assert held(office, "--like", one) == [one, other, same]
    assert held(office, "--like", one, "subject:gold") == [same]


def test_a_forged_author_is_not_like_the_true_one(office: Community) -> None:
    true = hold(office, "h1", "ann@site.example", "The watches of the nodes differ.", trust="aligned")
    forged = hold(office, "h2", "ann@site.example", "Click here for pills.", trust="none")
    again = hold(office, "h3", "ann@site.example", "One of the watches stands still.", trust="aligned")
    assert held(office, "--like", true) == [true, again]
    assert held(office, "--like", forged) == [forged]


def test_all_that_is_like_a_mail_is_rejected(office: Community) -> None:
    ids = [hold(office, f"h{n}", f"s{n}@spam.example", WATCHES) for n in range(3)]
    kept = hold(office, "k", "d@else.example", "Do your watches run?")
    said = run(office, "hold", "reject", "--like", ids[1])
    assert (said.exit_code, said.stdout) == (0, "3 rejected\n")
    assert held(office) == [kept]


def test_all_that_is_like_a_mail_is_let_in_and_what_stays_is_said(office: Community) -> None:
    one = hold(office, "h1", "ann@site.example", "The watches of the nodes differ.", "Clocks")
    two = hold(office, "h2", "ann@site.example", "One of the watches stands still.", "More clocks")
    said = run(office, "hold", "approve", "--like", one)
    assert (said.exit_code, said.stdout) == (0, f"{one}: ticket 4\n{two}: ticket 5\n")
    assert held(office) == []
    assert f"{one} is not held" in run(office, "hold", "approve", "--like", one).stderr


@pytest.mark.parametrize("words", [(), ("7", "--like", "7")])
@pytest.mark.parametrize("what", ["approve", "reject"])
def test_ids_or_one_that_they_are_like(office: Community, what: str, words: tuple[str, ...]) -> None:
    assert run(office, "hold", what, *words).exit_code == 2
