"""What support centers do by mail: write, be written to beside the list, leave."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest

from tests.support.community import LIST, Community
from tests.support.put_grid import put_grid

NORTH, NORA, UNA = "north@centers.example", "nora@centers.example", "una@people.example"


@pytest.fixture
def grid(community: Community) -> Community:
    put_grid(community)
    community.add_staff("NorthSC", NORA)
    return community


def mail(key: str, text: str, sender: str = UNA, to: str = LIST, fields: str = "") -> bytes:
    head = (
        f"From: {sender}\nTo: {to}\nSubject: All of NU_Tier2 is slow\nMessage-ID: <{key}@x.example>\n{fields}"
    )
    return f"{head}\n{text}\n".encode()


def to(community: Community, address: str) -> list[EmailMessage]:
    found = [copy.content for copy in community.bag.copies if copy.recipient == address]
    return [email.message_from_bytes(one, policy=email.policy.default) for one in found]  # type: ignore[misc]


def test_a_center_that_writes_to_us_opens_one_ticket_and_is_not_told_of_its_own_mail(grid: Community) -> None:
    grid.subscribe("sub@people.example")
    result = grid.inject(mail("c1", "Our NU_Tier2 is down until noon.", NORTH))
    assert (result["ticket"], result["created"]) == (1, True)
    assert to(grid, NORTH) == []
    answer = mail("a1", "Thank you.", "sub@people.example", fields="In-Reply-To: <c1@x.example>\n")
    assert grid.inject(answer)["ticket"] == 1
    # It opened the ticket, and hears what is said.
    assert [copy["Message-ID"] for copy in to(grid, NORTH)] == ["<a1@x.example>"]


def test_a_center_that_is_written_to_beside_the_list_is_in_one_ticket_with_it(grid: Community) -> None:
    result = grid.inject(mail("q1", "It is slow since noon.", to=f"{LIST}, {NORTH}"), [LIST])
    assert (result["ticket"], result["centers"]) == (1, ["NorthSC"])
    # Only our copy lets it act, so it comes in spite of the other.
    assert len(to(grid, NORTH)) == 1
    # Its people answer the copy that came to them directly, to all: author and list.
    reply_to_all = mail("r1", "We look.", NORTH, f"{UNA}, {LIST}", "In-Reply-To: <q1@x.example>\n")
    assert grid.inject(reply_to_all, [LIST])["ticket"] == 1
    # And one of them answers ours.
    address = to(grid, NORTH)[0]["Reply-To"].addresses[0].addr_spec
    ours = mail("r2", "It was a disk.", NORA, address, "In-Reply-To: <q1@x.example>\n")
    assert grid.inject(ours, [address])["ticket"] == 1
    assert len(grid.tickets()) == 1
    assert grid.ticket(1)["status"] == "open"


def test_the_staff_of_a_center_that_leaves_a_ticket_are_told(grid: Community) -> None:
    grid.inject(mail("q1", "It is slow since noon."))
    way_out = str(to(grid, NORTH)[0]["List-Unsubscribe"]).removeprefix("<mailto:").removesuffix(">")
    # As a provider's one-click does it: from nobody in particular.
    grid.inject(mail("u1", "", "machine@provider.example", way_out), [way_out], trust="none")
    (told,) = to(grid, NORA)
    assert "The ticket is still with NorthSC." in told.get_content()
    assert told["Subject"] == "Re: [OSG #1] All of NU_Tier2 is slow"
    follow = next(word for word in told.get_content().split() if "+1.follow." in word)
    grid.inject(mail("f1", "", NORA, follow), [follow], trust="none")
    later = mail("q2", "And still is.", fields="In-Reply-To: <q1@x.example>\n")
    grid.inject(later)
    assert [copy["Message-ID"] for copy in to(grid, NORA)][-1] == "<q2@x.example>"
    assert len(to(grid, NORTH)) == 1


def test_one_click_of_a_person_tells_no_staff(grid: Community) -> None:
    grid.inject(mail("q1", "It is slow since noon."))
    grid.inject(mail("r1", "Same here.", "ben@people.example", fields="In-Reply-To: <q1@x.example>\n"))
    way_out = str(to(grid, UNA)[0]["List-Unsubscribe"]).removeprefix("<mailto:").removesuffix(">")
    grid.inject(mail("u1", "", UNA, way_out), [way_out])
    assert to(grid, NORA) == []
