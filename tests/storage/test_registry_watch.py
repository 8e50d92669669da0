"""What is wrong with the registry is told to the owner, once a day."""

from __future__ import annotations

import email
import email.policy

from tests.support.community import Community
from tests.support.grid import WHOLE
from tests.support.put_grid import put_grid

OWNER = "owner@home.example"


def told(community: Community) -> list[str]:
    mails = [copy.content for copy in community.bag.copies if copy.recipient == OWNER]
    read = (email.message_from_bytes(one, policy=email.policy.default) for one in mails)
    return [str(one.get_content()) for one in read]  # type: ignore[attr-defined]


def test_what_does_not_fit_is_told_once_a_day_as_long_as_it_is_so(community: Community) -> None:
    community.own(OWNER)
    put_grid(community)
    community.pass_time(minutes=1)
    (first,) = told(community)
    assert "resource groups: MUTE: its support center MuteSC cannot be mailed" in first
    community.pass_time(hours=2)
    assert len(told(community)) == 1
    # A daemon that stood still for a week tells it once.
    community.pass_time(days=6)
    assert len(told(community)) == 2
    put_grid(community, WHOLE)
    community.pass_time(days=1)
    assert len(told(community)) == 2


def test_nothing_is_told_where_nothing_is_wrong_or_nothing_was_imported(community: Community) -> None:
    community.own(OWNER)
    community.pass_time(days=1)
    put_grid(community, WHOLE)
    community.pass_time(days=30)
    assert told(community) == []


def test_a_source_that_was_read_daily_and_is_no_more_is_told(community: Community) -> None:
    community.own(OWNER)
    put_grid(community, WHOLE)
    community.pass_time(days=1)
    put_grid(community, WHOLE)
    community.pass_time(days=8)
    (mail,) = told(community)
    assert "sources: grid: was read last 8 days ago" in mail
