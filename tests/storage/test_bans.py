"""Who is banned from a list neither posts on it nor subscribes to it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from mailgate.cli import main
from tests.support.community import LIST, Community
from tests.support.tracked import Tracked
from tracker.model import Address, BadValue
from tracker.storage import bans

SUBSCRIBE = "osg-general-subscribe@lists.example.org"


def mail(sender: str, key: str = "p1", to: str = LIST) -> bytes:
    return f"From: {sender}\nTo: {to}\nSubject: Jobs\nMessage-ID: <{key}@x.example>\n\nText.\n".encode()


def run(community: Community, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--home", str(community.app.instance.home)])


@pytest.mark.parametrize(
    ("pattern", "address", "covered"),
    [
        ("mallory@x.example", "mallory@x.example", True),
        ("Mallory@X.example", "mallory@x.example", True),
        ("mallory@x.example", "Mallory@x.example", True),
        ("mallory@x.example", "not.mallory@x.example", False),
        (r"^.*@spam\.example$", "a@spam.example", True),
        (r"^.*@SPAM\.example$", "a@spam.example", True),
        (r"^.*@spam\.example$", "a@spam.example.org", False),
        ("^mal", "somal@x.example", False),
        ("^[^@]*+[0-9]{4}@", "mal2026@x.example", False),
    ],
)
def test_a_ban_covers(pattern: str, address: str, covered: bool) -> None:
    try:
        kept = bans.read_pattern(pattern)
    except BadValue:
        assert not covered
    else:
        assert bans.covers(kept, Address(address)) is covered


@pytest.mark.parametrize("pattern", ["mallory", "^(?=x)y", "^(a", "^" + "a" * 200, ""])
def test_what_is_no_ban_says_so(pattern: str) -> None:
    with pytest.raises(BadValue):
        bans.read_pattern(pattern)


def test_bans_are_of_one_list_and_go_again(tracked: Tracked) -> None:
    queue, address = tracked.queue, Address("mallory@x.example")
    assert tracked.do(lambda uow: bans.add(uow.connection, queue.id, address, uow.now))
    assert not tracked.do(lambda uow: bans.add(uow.connection, queue.id, address, uow.now))
    assert tracked.do(lambda uow: bans.of_list(uow.connection, queue.id)) == (address,)
    assert tracked.do(lambda uow: bans.covering(uow.connection, queue.id, address)) == address
    assert tracked.do(lambda uow: bans.remove(uow.connection, queue.id, address))
    assert not tracked.do(lambda uow: bans.remove(uow.connection, queue.id, address))
    assert tracked.do(lambda uow: bans.covering(uow.connection, queue.id, address)) is None


def test_a_post_of_somebody_banned_is_held_until_a_moderator_lets_it_in(community: Community) -> None:
    run(community, "lists", "ban", "osg-general", r"^.*@x\.example")
    held = community.inject(mail("mallory@x.example"))
    assert (held["held"], held["ticket"]) == (True, None)
    assert community.inject(mail("ann@y.example", "p2"))["created"]
    assert community.approve(held["inbound"]).created


def test_who_is_banned_cannot_subscribe_and_hears_nothing(community: Community) -> None:
    run(community, "lists", "ban", "osg-general", "mallory@x.example")
    community.inject(mail("mallory@x.example", to=SUBSCRIBE), [SUBSCRIBE])
    assert community.bag.copies == []
    said = run(community, "lists", "subscribe", "osg-general", "Mallory@x.example")
    assert said.exit_code == 1
    assert "is banned from" in said.stderr
    assert community.members() == []


def test_a_member_who_was_banned_since_does_not_come_back(community: Community) -> None:
    community.add_member("mallory@x.example")
    community.add_address("mallory@x.example", "mallory@home.example")
    run(community, "lists", "ban", "osg-general", "mallory@x.example")
    community.inject(mail("mallory@home.example", to=SUBSCRIBE), [SUBSCRIBE])
    assert community.members() == []


def test_the_command_line_bans_shows_and_unbans(community: Community) -> None:
    community.subscribe("mallory@x.example")
    said = run(community, "lists", "ban", "osg-general", "Mallory@x.example", "^spam")
    assert "mailgate lists unsubscribe osg-general mallory@x.example" in said.stderr
    assert run(community, "lists", "bans", "osg-general", "--json").stdout.splitlines() == [
        '{"banned": "^spam"}',
        '{"banned": "mallory@x.example"}',
    ]
    assert run(community, "lists", "unban", "osg-general", "mallory@X.example").exit_code == 0
    assert run(community, "lists", "unban", "osg-general", "mallory@x.example").exit_code == 1
    assert run(community, "lists", "ban", "osg-general", "^(a").exit_code == 1
