"""Commands by mail that mend a ticket, or show it; and that reply-all repeats none."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest
from sqlalchemy import Connection

from tests.support.community import LIST, Community
from tracker.people import normalise_address
from tracker.storage import people

UNA, BEN, SUE = "una@people.example", "ben@people.example", "sue@south.example"
TICKET = "osg-general+1@lists.example.org"
_count = iter(range(10_000))


def mail(sender: str, text: str, subject: str = "Re: Jobs fail", **fields: str) -> bytes:
    known = {"To": LIST, "Message_ID": f"<m{next(_count)}@x.example>"} | fields
    extra = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in known.items())
    return f"From: {sender}\nSubject: {subject}\n{extra}\n{text}\n".encode()


def to(community: Community, address: str) -> list[EmailMessage]:
    found = [copy.content for copy in community.bag.copies if copy.recipient == address]
    return [email.message_from_bytes(one, policy=email.policy.default) for one in found]  # type: ignore[misc]


def said(community: Community, sender: str, command: str, subject: str = "Re: Jobs fail") -> str:
    """What the transcript of a command says."""
    before = len(to(community, sender))
    community.clock.pass_by(minutes=1)
    community.inject(mail(sender, command, subject), [TICKET])
    answers = [one for one in to(community, sender)[before:] if one["Auto-Submitted"] == "auto-replied"]
    return " ".join(str(answers[0].get_content()).split()) if answers else ""


@pytest.fixture
def house(community: Community) -> Community:
    """Ticket 1 of Una with three posts, ticket 2 of Ben, a center with staff, another list."""
    community.add_center("SouthSC", "south@centers.example", staff=[SUE])
    community.add_list("osg-int@lists.example.org", "OSG-INT")
    community.inject(mail(UNA, "They all fail.", "Jobs fail"))
    community.inject(mail(BEN, "My disk is full, too."), [TICKET])
    community.inject(mail(UNA, "That is another matter."), [TICKET])
    community.inject(mail(BEN, "It is full.", "Disk full"))
    community.bag.copies.clear()
    return community


def test_staff_part_posts_by_mail_and_replies_follow_them(house: Community) -> None:
    assert "2 posts, from 2 on, are ticket 3 now: Jobs fail" in said(house, SUE, "!split 2")
    assert [one["text"].strip() for one in house.ticket(3)["posts"]] == [
        "My disk is full, too.",
        "That is another matter.",
    ]
    assert house.ticket(3)["links"] == [{"kind": "branched-from", "ticket": 1}]


def test_who_is_not_staff_parts_nothing(house: Community) -> None:
    assert "that is for the staff of a support center" in said(house, UNA, "!split 2")
    assert "it has no post 9" in said(house, SUE, "!split 9")
    assert "say from which post on" in said(house, SUE, "!split all")


def test_staff_merge_by_mail_and_both_numbers_mean_one(house: Community) -> None:
    assert "ticket 1 is part of ticket 2 now" in said(house, SUE, "!merge #2")
    house.inject(mail(UNA, "Still here?"), [TICKET])
    assert house.ticket(2)["aliases"] == [1]
    assert house.ticket(2)["posts"][-1]["text"].strip() == "Still here?"


def test_a_misposted_thread_moves_with_its_people(house: Community) -> None:
    assert "it is in osg-int@lists.example.org now" in said(house, SUE, "!move OSG-INT")
    house.inject(mail(UNA, "And now?"), [TICKET])
    (copy,) = [one for one in to(house, BEN) if "And now?" in str(one.get_content())]
    assert copy["List-Id"] == '"OSG-INT" <osg-int.lists.example.org>'


def test_links_are_made_by_mail_and_tell_of_no_private_ticket(house: Community) -> None:
    house.add_member(UNA)
    private = "osg-general+private@lists.example.org"
    house.inject(mail(BEN, "Secret.", "A leak"), [private])
    assert "it follows ticket 2" in said(house, UNA, "!link follows 2")
    assert "there is no ticket 3" in said(house, UNA, "!link mentions 3")
    assert "there is no ticket 99" in said(house, UNA, "!link mentions 99")
    assert "say how and to which" in said(house, UNA, "!link near 2")
    assert house.ticket(1)["links"] == [{"kind": "follows", "ticket": 2}]


def test_staff_bring_people_in_and_take_them_off(house: Community) -> None:
    answer = said(house, SUE, "Look.", "Re: Jobs fail [nosy=+ann@x.example,-ben@people.example]")
    assert "ann@x.example takes part; ben@people.example is off it" in answer
    assert "ann@x.example" in house.ticket(1)["nosy"]
    assert BEN not in house.ticket(1)["nosy"]
    assert "is not an e-mail address" in said(house, SUE, "!nosy +ann")


def test_of_a_quiet_post_nobody_is_told(house: Community) -> None:
    assert "nobody is told of this post" in said(house, SUE, "!quiet\nA note for the file.")
    assert to(house, UNA) == []
    assert house.ticket(1)["posts"][-1]["text"].strip().endswith("A note for the file.")
    assert "for the staff" in said(house, BEN, "!quiet\nHush.")
    assert len(to(house, UNA)) == 1, "what may not be quiet is told"


def test_undo_takes_back_what_one_mail_changed(house: Community) -> None:
    said(house, SUE, "!center SouthSC\n!tag +disk")
    said(house, SUE, "!done")
    assert "undone: status open -> resolved" in said(house, SUE, "!undo")
    assert house.ticket(1)["status"] == "open"
    answer = said(house, SUE, "!undo")
    assert "center added" in answer
    assert "tag added" in answer
    assert house.ticket(1)["tags"] == []
    assert "there is nothing that you changed" in said(house, UNA, "!undo")


def test_a_member_changes_twenty_things_in_an_hour(house: Community) -> None:
    house.add_member(UNA)
    for number in range(10):
        said(house, UNA, f"!title Jobs fail {number}\n!topic t{number}")
    assert "try again later" in said(house, UNA, "!title One more")
    house.clock.pass_by(hours=1, minutes=1)
    assert "title is changed" in said(house, UNA, "!title One more")


def test_show_tells_the_question_and_all_posts(house: Community) -> None:
    house.inject(mail(SUE, ""), ["osg-general+1.show@lists.example.org"])
    (answer,) = to(house, SUE)
    text = str(answer.get_content())
    for part in ("Ticket 1: Jobs fail", "They all fail.", "My disk is full, too.", "another matter"):
        assert part in text
    assert answer["Subject"] == "Re: [OSG #1] Jobs fail"
    house.inject(mail(UNA, "More."), [TICKET])
    assert len(to(house, SUE)) == 1, "showing is not following"


def test_who_follows_is_told_all_at_once_and_not_again(house: Community) -> None:
    house.inject(mail(SUE, ""), ["osg-general+1.follow@lists.example.org"])
    answer, told = sorted(to(house, SUE), key=lambda one: "Post 1" in str(one.get_content()))
    assert "you follow ticket 1" in str(answer.get_content())
    assert "Post 3, una" in str(told.get_content())
    house.inject(mail(UNA, "More."), [TICKET])
    assert "before this" not in str(to(house, SUE)[-1].get_content())


def test_a_private_ticket_is_shown_to_no_stranger(house: Community) -> None:
    house.inject(mail(BEN, "Secret.", "A leak"), ["osg-general+private@lists.example.org"])
    house.bag.copies.clear()
    house.inject(mail(UNA, ""), ["osg-general+3.show@lists.example.org"])
    assert not any(b"Secret" in copy.content for copy in house.bag.copies)


def test_reply_all_repeats_no_verb(house: Community) -> None:
    done = "osg-general+1.done@lists.example.org"
    house.inject(mail(UNA, "It works.", To=LIST, Cc=done, Message_ID="<done@x.example>"), [done])
    assert house.ticket(1)["status"] == "resolved"
    house.inject(mail(UNA, "No, it does not.", In_Reply_To="<done@x.example>", Cc=done), [TICKET, done])
    assert house.ticket(1)["status"] == "open"


def test_reply_all_repeats_no_bracket(house: Community) -> None:
    house.inject(
        mail(UNA, "It works.", "Re: Jobs fail [status=resolved]", Message_ID="<b@x.example>"), [TICKET]
    )
    again = mail(UNA, "No.", "Re: Jobs fail [status=resolved]", In_Reply_To="<b@x.example>")
    house.inject(again, [TICKET])
    assert house.ticket(1)["status"] == "open"


def test_what_nothing_proves_waits_for_an_answer_from_there(house: Community) -> None:
    house.inject(mail(UNA, "!done\n!title Buy at spam.example\nIt works."), [TICKET], trust="none")
    assert house.ticket(1)["status"] == "open"
    (asked,) = to(house, UNA)
    assert asked["Subject"] == "Confirm: ticket 1: !status resolved"
    assert "spam.example" not in str(asked.get_content())
    house.inject(mail(UNA, "!claim"), [TICKET], trust="none")
    assert len(to(house, UNA)) == 1, "one a day"
    address = asked["Reply-To"].addresses[0].addr_spec
    house.inject(mail(BEN, "", f"Re: {asked['Subject']}"), [address], trust="none")
    assert house.ticket(1)["status"] == "open"
    house.inject(mail(UNA, "", f"Re: {asked['Subject']}"), [address], trust="none")
    assert house.ticket(1)["status"] == "resolved"


def set_member(house: Community, address: str, *, member: bool) -> None:
    def change(connection: Connection) -> None:
        people.set_member(connection, people.find(connection, normalise_address(address)).id, member)

    house.app.write(change)


def test_who_may_not_is_asked_to_confirm_nothing(house: Community) -> None:
    house.inject(mail(BEN, "!status resolved"), [TICKET], trust="none")
    assert to(house, BEN) == []


def test_who_confirms_may_do_no_more_than_they_may_then(house: Community) -> None:
    set_member(house, BEN, member=True)
    house.inject(mail(BEN, "!status resolved"), [TICKET], trust="none")
    asked = to(house, BEN)[-1]
    set_member(house, BEN, member=False)
    address = asked["Reply-To"].addresses[0].addr_spec
    house.inject(mail(BEN, "", f"Re: {asked['Subject']}"), [address], trust="none")
    assert house.ticket(1)["status"] == "open"
    assert "that is for its requester" in " ".join(str(to(house, BEN)[-1].get_content()).split())


def test_what_an_address_asks_waits_for_an_answer_too(house: Community) -> None:
    house.inject(mail(UNA, "It works."), ["osg-general+1.done@lists.example.org"], trust="none")
    asked = to(house, UNA)[-1]
    assert asked["Subject"] == "Confirm: ticket 1: !status resolved"
    address = asked["Reply-To"].addresses[0].addr_spec
    house.inject(mail(UNA, "", f"Re: {asked['Subject']}"), [address], trust="none")
    assert house.ticket(1)["status"] == "resolved"
