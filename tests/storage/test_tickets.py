"""The life of a ticket: numbers, status, thanks, late openings."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from tests.support.tracked import NOW, OPERATOR, Tracked
from tracker import assign, tickets
from tracker.commands import OpenTicket
from tracker.model import BadValue, Link, NoSuchTicket, Priority, Status, TicketId
from tracker.storage import tickets as store


def test_an_opening_makes_a_new_ticket_of_its_author(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    number = tracked.open(ann)
    ticket = tracked.ticket(number)
    assert (ticket.status, ticket.priority, ticket.requester_id) == (Status.NEW, Priority.NORMAL, ann.id)
    assert (ticket.post_count, ticket.owner_id, ticket.merged_into) == (1, None, None)
    assert tracked.nosy(number) == {"ann": "joined"}
    assert tracked.events(number) == ["opened >Jobs are held", "joined >ann@x.example"]


def test_numbers_begin_at_one_and_go_up(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    assert [tracked.open(ann) for _ in range(3)] == [1, 2, 3]


def test_root_ids_of_two_tickets_differ(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    nonces = {tracked.ticket(tracked.open(ann)).nonce for _ in range(5)}
    assert len(nonces) == 5


def test_the_requester_alone_leaves_a_ticket_new(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    number = tracked.open(ann)
    tracked.answer(number, ann)
    assert tracked.ticket(number).status is Status.NEW


def test_the_first_post_of_anybody_else_opens_it(tracked: Tracked) -> None:
    ann, bob = tracked.person("ann"), tracked.person("bob")
    number = tracked.open(ann)
    tracked.answer(number, bob)
    assert tracked.ticket(number).status is Status.OPEN
    assert tracked.events(number)[2:] == ["posted >", "status new>open", "joined >bob@x.example"]


def test_only_the_requester_ends_waiting(tracked: Tracked) -> None:
    ann, bob = tracked.person("ann"), tracked.person("bob")
    number = tracked.open(ann)
    tracked.set_status(number, Status.WAITING)
    tracked.answer(number, bob, staff=True)
    assert tracked.ticket(number).status is Status.WAITING
    tracked.answer(number, ann)
    assert tracked.ticket(number).status is Status.OPEN


def resolved(tracked: Tracked) -> TicketId:
    """A ticket of ann's that bob owns, resolved."""
    ann, bob = tracked.person("ann"), tracked.person("bob")
    number = tracked.open(ann)
    tracked.do(lambda uow: tickets.set_owner(uow, tickets.find(uow, number), bob, OPERATOR))
    tracked.set_status(number, Status.RESOLVED)
    assert tracked.ticket(number).resolved_at == tracked.now
    return number


@pytest.mark.parametrize(("name", "staff"), [("ann", False), ("bob", False), ("cid", True)])
def test_requester_owner_and_staff_reopen(tracked: Tracked, name: str, staff: bool) -> None:
    number = resolved(tracked)
    tracked.answer(number, tracked.person(name), staff=staff, new_text="It fails again.")
    ticket = tracked.ticket(number)
    assert (ticket.status, ticket.resolved_at) == (Status.OPEN, None)


def test_others_add_to_a_resolved_ticket_and_leave_it_so(tracked: Tracked) -> None:
    number = resolved(tracked)
    tracked.answer(number, tracked.person("cid"), new_text="The same here.")
    ticket = tracked.ticket(number)
    assert (ticket.status, ticket.post_count) == (Status.RESOLVED, 2)
    assert ticket.resolved_at is not None


@pytest.mark.parametrize(
    "thanks", ["Thanks!", "Great, works now.\n\nAnn", "Thank you very much, solved.", "Merci beaucoup"]
)
def test_a_short_thanks_does_not_reopen(tracked: Tracked, thanks: str) -> None:
    number = resolved(tracked)
    tracked.answer(number, tracked.person("ann"), new_text=thanks)
    assert tracked.ticket(number).status is Status.RESOLVED


@pytest.mark.parametrize(
    "text",
    [
        "Thanks, but why did it fail?",
        "This is not solved.",
        "Thanks, but it still fails.",
        "Thanks. It doesn't work.",
        "It is back.",
        "Thanks for the help. " + "Now the transfers to the other site fail in the same way. " * 5,
        "",
    ],
)
def test_anything_more_than_thanks_reopens(tracked: Tracked, text: str) -> None:
    number = resolved(tracked)
    tracked.answer(number, tracked.person("ann"), new_text=text)
    assert tracked.ticket(number).status is Status.OPEN


def test_automatic_mail_changes_nothing_but_is_kept(tracked: Tracked) -> None:
    number = resolved(tracked)
    before = tracked.ticket(number)
    robot = tracked.person("robot")
    tracked.pass_by(hours=1)
    tracked.answer(number, robot, automatic=True, staff=True)
    after = tracked.ticket(number)
    assert (after.status, after.active_at, after.touched_at) == (
        Status.RESOLVED,
        before.active_at,
        before.touched_at,
    )
    assert "robot" not in tracked.nosy(number)
    assert [post.n for post in tracked.posts(number)] == [1, 2]
    assert tracked.events(number)[-1] == "attached >"


def test_posts_are_numbered_without_gap_also_when_many_come_at_once(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    number = tracked.open(ann)
    names = [tracked.person(f"p{n}") for n in range(8)]
    threads = [threading.Thread(target=tracked.answer, args=(number, one)) for one in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [post.n for post in tracked.posts(number)] == list(range(1, 10))
    assert tracked.ticket(number).post_count == 9
    assert tracked.events(number).count("status new>open") == 1


def test_threading_uses_the_earlier_time_and_the_life_of_a_ticket_arrival(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    number = tracked.open(ann, time=NOW - timedelta(days=3))
    ticket = tracked.ticket(number)
    assert (ticket.active_at, ticket.touched_at) == (NOW - timedelta(days=3), NOW)
    tracked.pass_by(days=1)
    tracked.answer(number, ann, time=NOW - timedelta(days=5))
    ticket = tracked.ticket(number)
    assert (ticket.active_at, ticket.touched_at) == (NOW - timedelta(days=3), tracked.now)


def test_a_late_opening_becomes_the_first_post(tracked: Tracked) -> None:
    ann, bob = tracked.person("ann"), tracked.person("bob")
    number = tracked.open(bob, provisional=True, subject="Re: Jobs")
    tracked.answer(number, bob)
    tracked.answer(
        number, ann, late_opening="The real title", base="the real title", subject="The real title"
    )
    assert [(post.n, post.author_name, post.subject) for post in tracked.posts(number)] == [
        (1, "Ann", "The real title"),
        (2, "Bob", "Re: Jobs"),
        (3, "Bob", "Jobs are held"),
    ]
    ticket = tracked.ticket(number)
    assert (ticket.title, ticket.base, ticket.requester_id) == ("The real title", "the real title", ann.id)
    assert ticket.post_count == 3
    tracked.answer(number, ann)
    assert [post.n for post in tracked.posts(number)] == [1, 2, 3, 4]


def test_room_at_the_front_of_a_long_ticket(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    number = tracked.open(ann, provisional=True)
    ids = [tracked.posts(number)[0].id] + [tracked.answer(number, ann) for _ in range(30)]
    late = tracked.answer(number, ann, late_opening="First")
    assert [post.id for post in tracked.posts(number)] == [late, *ids]


def test_a_change_by_a_person_ends_what_is_provisional(tracked: Tracked) -> None:
    number = tracked.open(tracked.person("ann"), provisional=True)
    assert tracked.ticket(number).provisional
    tracked.do(lambda uow: tickets.set_priority(uow, tickets.find(uow, number), Priority.HIGH, OPERATOR))
    assert not tracked.ticket(number).provisional


def test_the_title_in_mail_subjects_stays(tracked: Tracked) -> None:
    number = tracked.open(tracked.person("ann"))
    tracked.do(lambda uow: tickets.set_title(uow, tickets.find(uow, number), "  A  better\ntitle ", OPERATOR))
    ticket = tracked.ticket(number)
    assert (ticket.title, ticket.mail_title) == ("A better title", "Jobs are held")
    with pytest.raises(BadValue, match="needs words"):
        tracked.do(lambda uow: tickets.set_title(uow, tickets.find(uow, number), " \n", OPERATOR))


def test_a_new_owner_joins_and_what_does_not_change_is_no_event(tracked: Tracked) -> None:
    bob = tracked.person("bob")
    number = tracked.open(tracked.person("ann"))
    for owner in (bob, bob, None, None):
        tracked.do(lambda uow, to=owner: tickets.set_owner(uow, tickets.find(uow, number), to, OPERATOR))  # type: ignore[misc]
    tracked.set_status(number, Status.NEW)
    assert tracked.events(number)[2:] == [
        "owner >bob@x.example",
        "joined >bob@x.example",
        "owner bob@x.example>",
    ]
    assert tracked.nosy(number) == {"ann": "joined", "bob": "joined"}


def test_tags_are_kept_once(tracked: Tracked) -> None:
    number = tracked.open(tracked.person("ann"))
    tracked.do(lambda uow: assign.add_tags(uow, number, ("xrootd", "dcache", "xrootd"), OPERATOR))
    tracked.do(lambda uow: assign.add_tags(uow, number, ("xrootd",), OPERATOR))
    tracked.do(lambda uow: assign.remove_tag(uow, number, "dcache", OPERATOR))
    assert tracked.database.read(lambda connection: store.tags_of(connection, number)) == ("xrootd",)
    assert tracked.events(number)[2:] == ["tag_added >xrootd", "tag_added >dcache", "tag_removed dcache>"]


def test_links_are_kept_once_and_never_to_oneself(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    one, two = tracked.open(ann), tracked.open(ann)
    for _ in range(2):
        tracked.do(lambda uow: tickets.link(uow, one, Link.FOLLOWS, two, OPERATOR))
    assert tracked.database.read(lambda connection: store.links_of(connection, one)) == ((Link.FOLLOWS, two),)
    with pytest.raises(BadValue, match="itself"):
        tracked.do(lambda uow: tickets.link(uow, one, Link.FOLLOWS, one, OPERATOR))


@pytest.mark.parametrize("number", [0, -1, 99, 10**18 - 1, 2**63, 10**40])
def test_a_number_that_no_ticket_has_is_refused(tracked: Tracked, number: int) -> None:
    with pytest.raises(NoSuchTicket, match=f"there is no ticket {number}"):
        tracked.do(lambda uow: tickets.find(uow, number))


def test_a_ticket_of_a_list_that_is_not_there_is_refused_whole(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    post = tracked.post_by(ann)
    command = OpenTicket(type(tracked.queue.id)(99), "Jobs", post)
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        tracked.do(lambda uow: tickets.open_ticket(uow, command, ann))
    assert tracked.database.read(store.count) == 0
    assert tracked.journal() == ()
