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


def test_a_limit_counts_what_is_found(grid: Community) -> None:
    assert len(run(grid, "ticket", "list", "--json", "--limit", "1", "CE").stdout.splitlines()) == 1


def test_a_slip_is_shown_with_its_place(grid: Community) -> None:
    said = run(grid, "ticket", "list", "colour:red")
    assert said.exit_code == 1
    assert 'column 1: unknown field "colour"' in said.stderr


def test_held_mails_are_found(grid: Community) -> None:
    when = 'when = "watches or pills"\nthen = [\'hold "no"\']\n'
    grid.put_rules(f'[[rule]]\nname = "h"\nphase = "guard"\n{when}')
    grid.inject(mail("h1", "Cheap watches", "Buy."))
    grid.inject(mail("h2", "Cheap pills", "Buy."))
    assert len(run(grid, "hold", "list", "--json", "subject:pills").stdout.splitlines()) == 1
    assert len(run(grid, "hold", "list", "--json").stdout.splitlines()) == 2
