"""Whatever order mail comes in: one thread, one ticket; nobody is told twice; nothing is done twice."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.community import Community

PEOPLE = ("ann@a.example", "bob@b.example", "cat@c.example", "dan@d.example")
SUBSCRIBERS = ("dan@d.example", "eva@e.example", "fay@f.example")
CENTER = "help@center.example"
RULES = """
[[rule]]
name = "everything"
phase = "route"
when = "matter"
then = ["center+=Center"]
"""

few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Post:
    """One mail of a thread: `parent` is the place of the one it answers, None for the opening."""

    n: int
    parent: int | None
    author: str
    copied: tuple[str, ...]
    whole_references: bool


@st.composite
def threads(draw: st.DrawFn) -> list[Post]:
    size = draw(st.integers(2, 6))
    posts = []
    for n in range(size):
        parent = draw(st.integers(0, n - 1)) if n else None
        copied = draw(st.lists(st.sampled_from((*PEOPLE, *SUBSCRIBERS)), max_size=2, unique=True))
        posts.append(Post(n, parent, draw(st.sampled_from(PEOPLE)), tuple(copied), draw(st.booleans())))
    return posts


def mail_of(post: Post, thread: list[Post]) -> bytes:
    chain, parent = [], post.parent
    while parent is not None:
        chain.append(f"<p{parent}@mx.example>")
        parent = thread[parent].parent
    lines = [
        f"From: {post.author}",
        "To: osg-general@lists.example.org",
        f"Subject: {'Re: ' if chain else ''}A matter for everybody",
        f"Message-ID: <p{post.n}@mx.example>",
    ]
    if post.copied:
        lines.append(f"Cc: {', '.join(post.copied)}")
    if chain:
        lines.append(f"In-Reply-To: {chain[0]}")
    if chain and post.whole_references:
        lines.append(f"References: {' '.join(reversed(chain))}")
    return "\n".join([*lines, "", f"This is what post {post.n} has to say.", ""]).encode()


def played(settle: Callable[[Path], Community], mails: list[bytes]) -> tuple[list[Any], list[Any]]:
    """What each mail printed in a new community, and its tickets; that all comes again changes nothing."""
    folder = tempfile.mkdtemp()
    try:
        with closing(_populated(settle(Path(folder) / "home"))) as community:
            printed = [community.inject(mail) for mail in mails]
            before = community.everything()
            copies = len(community.bag.copies)
            again = [community.inject(mail) for mail in mails]
            assert {one["disposition"] for one in again} == {"duplicate"}
            assert len(community.bag.copies) == copies
            assert community.everything() == before
            return printed, community.tickets()
    finally:
        shutil.rmtree(folder)


def _populated(community: Community) -> Community:
    for address in SUBSCRIBERS:
        community.subscribe(address)
    community.add_center("Center", CENTER)
    community.put_rules(RULES)
    return community


@given(st.data())
@few
def test_a_thread_is_one_ticket_in_any_order(
    settle: Callable[[Path], Community], data: st.DataObject
) -> None:
    thread = data.draw(threads())
    order = data.draw(st.permutations(thread))
    _, tickets = played(settle, [mail_of(post, thread) for post in order])
    assert len(tickets) == 1
    ticket = tickets[0]
    assert sorted(post["message_id"] for post in ticket["posts"]) == [f"<p{p.n}@mx.example>" for p in thread]
    assert [post["n"] for post in ticket["posts"]] == list(range(1, len(thread) + 1))
    assert {post.author for post in thread} <= set(ticket["nosy"])
    assert ticket["title"] == "A matter for everybody"


@given(st.data())
@few
def test_nobody_is_told_who_should_not_be(settle: Callable[[Path], Community], data: st.DataObject) -> None:
    thread = data.draw(threads())
    order = data.draw(st.permutations(thread))
    printed, _ = played(settle, [mail_of(post, thread) for post in order])
    took_part: set[str] = set()
    guests = {address for post in thread for address in post.copied}
    for post, result in zip(order, printed, strict=True):
        told = [one["address"] for one in result["recipients"]]
        assert len(told) == len(set(told))
        assert set(told) <= took_part | guests | set(SUBSCRIBERS) | {CENTER}
        assert not {post.author, *post.copied} & set(told)
        # All who took part by then, and all subscribers, but those who hold it: nobody is forgotten either.
        assert set(told) >= {*SUBSCRIBERS} - {post.author, *post.copied}
        took_part.add(post.author)
