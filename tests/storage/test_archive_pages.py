"""What a public page shows of a ticket, on each kind of database."""

from __future__ import annotations

import pytest

from mailgate.redaction import redacted
from tests.support.tracked import Tracked
from web import archive

TOKEN = "abcdefgh234567aa"


@pytest.mark.parametrize(
    "text",
    [
        "ann@x.example",
        "zoë@münchen.example",
        "ann%40x.example",
        "o'hara!#$%&'*+/=?^_`{|}~-@x.example",
        "<ann@x.example>,<bob@y.example>",
    ],
)
def test_no_address_can_be_read(text: str) -> None:
    shown = archive.masked(f"write to {text} soon")
    assert not any(name in shown for name in ("ann", "bob", "zoë", "hara"))
    assert shown.startswith("write to ")
    assert shown.endswith(" soon")


@pytest.mark.parametrize(
    "text",
    [
        f"osg%2B42.{TOKEN}%40lists.example.org",
        f"osg+42.{TOKEN} @lists.example.org",
        f"osg+42.{TOKEN}.",
        f"osg+42.done.{TOKEN}\n@lists.example.org",
        f"osg+unsubscribe.{TOKEN}@lists.example.org",
        f"https://links.example/?url=https%3A%2F%2Ft.example%2Fleave%2Fosg%2Fabc%2F{TOKEN}&data=1",
        f"https://t.example/leave/osg/dGlja2V0/\n> {TOKEN}",
    ],
)
def test_no_token_can_be_read_however_it_is_written(text: str) -> None:
    assert TOKEN not in redacted(text)


def test_what_only_looks_so_stays() -> None:
    text = "a+b.characterization, C+42.notes, +41.1234567890123456 and x+42.abcdefgh234567aab@y"
    assert redacted(text) == text


def test_long_posts_are_cut(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    number = tracked.open(ann, text="word " * 100_000)
    for _ in range(60):
        tracked.answer(number, ann, text="word " * 5_000)
    page = tracked.do(lambda uow: archive.ticket_of(uow.connection, number))
    assert page is not None
    assert len(page.posts) == 61
    assert page.posts[0].text.endswith("\n[... cut here]")
    assert sum(len(post.text) for post in page.posts) < 1_100_000
    alone = tracked.do(lambda uow: archive.post_of(uow.connection, number, 1))
    assert alone is not None
    assert 100_000 < len(alone.text) < 300_000
    assert tracked.do(lambda uow: archive.post_of(uow.connection, number, 62)) is None
