"""Changes without text: one mail a minute later, to those who take part, never to who made them."""

from __future__ import annotations

from mailgate.explaining import envelope_for
from mailgate.gateway import Conditions
from mailgate.reading import read_mail
from mailgate.scan import to_crlf
from tests.support.community import Community, header
from tracker.model import Trust


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


def answer(community: Community, author: str, number: int, parent: str) -> None:
    community.inject(
        f"From: {author}\nSubject: Re: Jobs vanish\nMessage-ID: <a{number}@lab.example>\n"
        f"In-Reply-To: <{parent}>\n\nAnswer {number}.\n".encode()
    )


def told_of(community: Community) -> dict[str, list[str]]:
    """For each one told, the lines that say what was done."""
    community.clock.pass_by(minutes=2)
    said = dict(tell(community))
    return {
        address: [" ".join(line.split()) for line in content.splitlines() if line.startswith("  ")]
        for address, content in said.items()
    }


def test_those_of_both_tickets_are_told_of_a_split_once_and_no_post_goes_out_again(
    community: Community,
) -> None:
    ask(community)
    answer(community, "bo@lab.example", 1, "q1@uni.example")
    answer(community, "cy@lab.example", 2, "a1@lab.example")
    community.bag.copies.clear()
    community.operate("split 3", 1)
    app = community.app
    while app.write(lambda connection: app.notifier.advance(connection, app.clock())):
        pass
    community.deliver()
    assert community.bag.copies == []
    went = ["some posts went to ticket 2, with the replies to them"]
    assert told_of(community) == {
        "ann@uni.example": went,
        "bo@lab.example": went,
        "cy@lab.example": ["these posts were part of ticket 1, and are a ticket of their own now"],
    }


def test_those_of_both_tickets_are_told_of_a_merge_and_of_its_undoing(community: Community) -> None:
    ask(community)
    community.inject(b"From: bo@lab.example\nSubject: Disk full\nMessage-ID: <q2@lab.example>\n\nHelp!\n")
    community.operate("merge into 1", 2)
    merged = ["ticket 2 and its posts are part of this one now"]
    assert told_of(community) == {"ann@uni.example": merged, "bo@lab.example": merged}
    community.operate("undo merged", 1)
    assert told_of(community) == {
        "ann@uni.example": ["some posts went to ticket 2, with the replies to them"],
        "bo@lab.example": ["these posts were part of ticket 1, and are a ticket of their own now"],
    }


def test_a_late_merge_is_not_told(community: Community) -> None:
    ask(community)
    answer(community, "bo@lab.example", 1, "missing@lab.example")
    community.inject(
        b"From: cy@lab.example\nSubject: Re: Jobs vanish\nMessage-ID: <missing@lab.example>\n"
        b"In-Reply-To: <q1@uni.example>\n\nWhich?\n"
    )
    assert len(community.tickets()) == 1
    assert told_of(community) == {}


def test_a_move_names_both_lists(community: Community) -> None:
    community.add_list("osg-int@lists.example.org", "INT")
    ask(community)
    community.operate("move osg-int", 1)
    line = "list: osg-general@lists.example.org -> osg-int@lists.example.org"
    assert told_of(community) == {"ann@uni.example": [line]}


def test_a_post_that_was_split_off_before_anybody_was_told_goes_out_as_one_of_its_new_ticket(
    community: Community,
) -> None:
    """The notifier was paused, or behind."""
    ask(community)
    answer(community, "bo@lab.example", 1, "q1@uni.example")
    app = community.app
    raw = to_crlf(
        b"From: bo@lab.example\nSubject: Re: Jobs vanish\nMessage-ID: <a2@lab.example>\n"
        b"In-Reply-To: <a1@lab.example>\n\nAnd whose disk is full?\n"
    )
    mail = app.accept_now(envelope_for(app, raw, "", ()), raw, Trust.UNCHECKED)
    reading = read_mail(mail, app.queues(), app.keys)
    app.write(lambda connection: app.gateway.receive(connection, reading, Conditions(app.clock())))
    community.operate("split 2", 1)
    community.bag.copies.clear()
    answer(community, "cy@lab.example", 3, "a2@lab.example")
    assert {header(copy, "Subject") for copy in community.bag.copies} == {"Re: [OSG #2] Split off"}
    assert {copy.recipient for copy in community.bag.copies} == {"bo@lab.example", "cy@lab.example"}
