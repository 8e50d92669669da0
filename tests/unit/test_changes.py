"""Changes without text: one mail a minute later, to those who take part, never to who made them."""

from __future__ import annotations

from tests.support.community import Community, header


def tell(community: Community) -> list[tuple[str, str]]:
    """Who was told since last time, and of what."""
    community.bag.copies.clear()
    app = community.app
    while app.write(lambda connection: app.notifier.advance_changes(connection, app.clock())):
        pass
    community.deliver()
    return [(copy.recipient, copy.content.decode()) for copy in community.bag.copies]


def ask(community: Community) -> None:
    community.inject(
        b"From: Ann <ann@uni.example>\nSubject: Jobs vanish\nMessage-ID: <q1@uni.example>\n\nWhy?\n"
    )


def test_changes_wait_a_minute_and_become_one_mail(community: Community) -> None:
    ask(community)
    community.operate("title Jobs vanish at night", 1)
    community.clock.pass_by(seconds=59)
    community.operate("resolve", 1)
    assert tell(community) == []
    community.clock.pass_by(seconds=1)
    ((address, content),) = tell(community)
    assert address == "ann@uni.example"
    assert "title: Jobs vanish -> Jobs vanish at night" in content
    assert "status: new -> resolved" in content
    assert tell(community) == []


def test_a_change_is_a_mail_of_the_same_thread_that_no_robot_answers(community: Community) -> None:
    ask(community)
    community.operate("title Another", 1)
    community.clock.pass_by(minutes=2)
    tell(community)
    (copy,) = community.bag.copies
    assert header(copy, "Subject") == "Re: [OSG #1] Jobs vanish"
    assert header(copy, "Auto-Submitted") == "auto-generated"
    assert header(copy, "In-Reply-To") == header(copy, "References").split()[0]
    assert header(copy, "References").split()[1:] == ["<q1@uni.example>"]


def test_what_a_post_caused_stands_in_its_copy_only(community: Community) -> None:
    ask(community)
    community.inject(
        b"From: bo@lab.example\nSubject: Re: Jobs vanish\nMessage-ID: <a1@lab.example>\n"
        b"In-Reply-To: <q1@uni.example>\n\nQuota.\n"
    )
    assert community.ticket(1)["status"] == "open"
    community.clock.pass_by(minutes=2)
    assert tell(community) == []


def test_who_made_the_change_is_not_told(community: Community) -> None:
    ask(community)
    community.inject(
        b"From: ann@uni.example\nSubject: x\nMessage-ID: <d1@uni.example>\n\n",
        ["osg-general+1.done@lists.example.org"],
    )
    assert community.ticket(1)["status"] == "resolved"
    community.clock.pass_by(minutes=2)
    assert tell(community) == []
