"""What the words of a mail do to its ticket, who may, and what the author hears of it."""

from __future__ import annotations

import email
import email.policy
from typing import Any

import pytest

from tests.support.community import LIST, Community
from tests.support.put_grid import put_grid

TICKET = "osg-general+1@lists.example.org"


def mail(sender: str, subject: str, text: str, **fields: str) -> bytes:
    extra = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items())
    number = abs(hash((sender, subject, text)))
    return (
        f"From: {sender}\nTo: {LIST}\nSubject: {subject}\nMessage-ID: <{number}@x.example>\n{extra}\n{text}\n"
    ).encode()


@pytest.fixture
def grid(community: Community) -> Community:
    """Two centers with staff, the small grid, and ticket 1 of Una, which is with NorthSC."""
    put_grid(community)
    community.add_staff("NorthSC", "ned@north.example")
    community.add_staff("SouthSC", "sue@south.example")
    community.inject(mail("una@people.example", "Jobs fail", "They all fail."))
    answer = community.inject(
        mail("ned@north.example", "Re: Jobs fail", "!center NorthSC\nWe look."), [TICKET]
    )
    assert answer["ticket"] == 1, answer
    community.bag.copies.clear()
    return community


def sent_to(community: Community, address: str) -> list[str]:
    return [
        str(email.message_from_bytes(copy.content, policy=email.policy.default).get_content())  # type: ignore[attr-defined]
        for copy in community.bag.copies
        if copy.recipient == address
    ]


def history(community: Community) -> list[str]:
    events: list[dict[str, Any]] = community.ticket(1)["history"]
    return [f"{event['kind']} {event['after']}" for event in events]


def test_a_hand_over_brings_the_next_center_in_and_keeps_the_one_before(grid: Community) -> None:
    grid.inject(
        mail("ned@north.example", "Re: Jobs fail", "!center SouthSC\nThis is yours, I think."), [TICKET]
    )
    assert grid.ticket(1)["centers"] == ["NorthSC", "SouthSC"]
    (opening,) = sent_to(grid, "south@centers.example")
    assert "They all fail." in opening
    (answer,) = sent_to(grid, "ned@north.example")
    assert "SouthSC has it now" in answer
    assert history(grid)[-1] == "center_added SouthSC"


def test_a_center_is_taken_off_with_a_minus(grid: Community) -> None:
    grid.inject(mail("ned@north.example", "Re: Jobs fail", "!center SouthSC, -NorthSC"), [TICKET])
    assert grid.ticket(1)["centers"] == ["SouthSC"]


def test_the_subjects_brackets_hand_over_too_but_a_reply_does_not_repeat_it(grid: Community) -> None:
    first = mail("ned@north.example", "Re: Jobs fail [center=SouthSC]", "Yours.", X_Test="1")
    grid.inject(first, [TICKET])
    assert grid.ticket(1)["centers"] == ["NorthSC", "SouthSC"]
    message_id = str(email.message_from_bytes(first)["Message-ID"])
    grid.inject(mail("sue@south.example", "Re: Jobs fail", "!center -SouthSC"), [TICKET])
    grid.inject(
        mail("ned@north.example", "Re: Jobs fail [center=SouthSC]", "And?", In_Reply_To=message_id), [TICKET]
    )
    assert grid.ticket(1)["centers"] == ["NorthSC"]


def test_a_group_without_a_center_goes_to_its_contact(grid: Community) -> None:
    grid.inject(mail("ned@north.example", "Re: Jobs fail", "!center OPENC\nyour gatekeeper"), [TICKET])
    (opening,) = sent_to(grid, "ola@openc.example")
    assert "you are the contact of OPENC, to which it was handed over" in " ".join(opening.split())
    assert history(grid)[-1] == "contact_added ola@openc.example"


def test_a_group_of_a_center_goes_to_that(grid: Community) -> None:
    grid.inject(mail("ned@north.example", "Re: Jobs fail", "!center slab"), [TICKET])
    assert grid.ticket(1)["centers"] == ["NorthSC", "SouthSC"]


def test_an_unknown_center_is_answered_with_the_nearest_and_the_text_is_posted(grid: Community) -> None:
    grid.inject(mail("ned@north.example", "Re: Jobs fail", "!center SuthSC\nYours."), [TICKET])
    (answer,) = sent_to(grid, "ned@north.example")
    assert "there is no support center 'SuthSC'; did you mean 'SouthSC'?" in " ".join(answer.split())
    assert grid.ticket(1)["posts"][-1]["new_text"].strip().endswith("Yours.")


def test_who_does_not_take_part_hands_nothing_over(grid: Community) -> None:
    grid.inject(mail("mallory@people.example", "Re: Jobs fail", "!center SouthSC"), [TICKET])
    assert grid.ticket(1)["centers"] == ["NorthSC"]
    (answer,) = sent_to(grid, "mallory@people.example")
    assert "that is for staff, and members who take part" in answer


def test_what_is_not_believed_waits_for_an_answer(grid: Community) -> None:
    grid.inject(mail("ned@north.example", "Re: Jobs fail", "!center SouthSC"), [TICKET], trust="none")
    assert grid.ticket(1)["centers"] == ["NorthSC"]
    (asked,) = sent_to(grid, "ned@north.example")
    assert "ticket 1: !center SouthSC" in asked


def test_of_two_who_claim_the_first_owns_it_and_the_second_is_told(grid: Community) -> None:
    grid.inject(mail("ned@north.example", "Re: Jobs fail", "!claim"), [TICKET])
    grid.inject(mail("sue@south.example", "Re: Jobs fail", "!claim"), [TICKET])
    assert grid.ticket(1)["owner"] == "ned@north.example"
    answers = sent_to(grid, "sue@south.example")
    assert "ned@north.example claimed it before you" in " ".join(answers[-1].split())
    assert history(grid)[-1] == "note claimed it too; it is ned@north.example's"


def test_who_claims_by_address_what_is_claimed_is_told_too(grid: Community) -> None:
    claim = "osg-general+1.claim@lists.example.org"
    grid.inject(mail("ned@north.example", "Re: Jobs fail", ""), [claim])
    assert "you own ticket 1 now" in sent_to(grid, "ned@north.example")[0]
    grid.inject(mail("sue@south.example", "Re: Jobs fail", ""), [claim])
    assert grid.ticket(1)["owner"] == "ned@north.example"
    (answer,) = sent_to(grid, "sue@south.example")
    assert "ned@north.example claimed ticket 1 before" in " ".join(answer.split())


def test_a_command_come_twice_is_done_once(grid: Community) -> None:
    handed = mail("ned@north.example", "Re: Jobs fail", "!center SouthSC\nYours.")
    for _ in range(2):
        grid.inject(handed, [TICKET])
    assert len(sent_to(grid, "ned@north.example")) == 1
    assert history(grid).count("center_added SouthSC") == 1


def test_staff_open_a_ticket_and_hand_it_over_in_one_mail(grid: Community) -> None:
    result = grid.inject(mail("ned@north.example", "Tapes [center=SouthSC]", "They squeak."))
    ticket = grid.ticket(result["ticket"])
    assert (ticket["title"], ticket["centers"]) == ("Tapes", ["SouthSC"])
