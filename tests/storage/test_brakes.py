"""Contacts are not flooded, may go for good, and too much mail stops by itself."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest

from mailgate.brake import Brake, Limits
from tests.support.community import LIST, Community
from tests.support.put_grid import put_grid
from tracker.model import Address

CY = "cy@smallc.example"


def mail(number: int, text: str, sender: str = "una@people.example", subject: str = "") -> bytes:
    head = f"From: {sender}\nTo: {LIST}\nSubject: {subject or f'Question {number}'}\n"
    return f"{head}Message-ID: <q{number}@x.example>\n\n{text}\n".encode()


def to(community: Community, address: str) -> list[EmailMessage]:
    found = [copy.content for copy in community.bag.copies if copy.recipient == address]
    return [email.message_from_bytes(one, policy=email.policy.default) for one in found]  # type: ignore[misc]


def words(message: EmailMessage) -> str:
    return " ".join(str(message.get_content()).split())


def notes(community: Community, number: int) -> list[str]:
    return [event["after"] for event in community.ticket(number)["history"] if event["kind"] == "note"]


@pytest.fixture
def grid(community: Community) -> Community:
    put_grid(community)
    return community


def test_the_first_mail_to_a_contact_says_who_we_are_and_later_ones_do_not(grid: Community) -> None:
    for number in (1, 2):
        grid.inject(mail(number, "osg.smallc.example fails"))
    first, second = (words(one) for one in to(grid, CY))
    assert "You get this because you are the contact of SMALLC-CE, named in the text." in first
    assert "This is the first mail that we send you." in first
    assert "You get this because you are the contact of SMALLC-CE, named in the text." in second
    assert "first mail" not in second


def test_the_way_out_of_a_contact_is_for_good_and_serves_whoever_holds_it(grid: Community) -> None:
    grid.inject(mail(1, "osg.smallc.example fails"))
    (first,) = to(grid, CY)
    way_out = str(first["List-Unsubscribe"]).removeprefix("<mailto:").removesuffix(">")
    assert way_out.startswith("osg-general+unsubscribe.")
    assert way_out in str(first.get_content())
    # From another address, with nothing that speaks for it: the token is enough.
    grid.inject(mail(2, "", "cy@elsewhere.example", "unsubscribe"), [way_out], trust="none")
    result = grid.inject(mail(3, "osg.smallc.example fails again"))
    assert (result["cc"], result["fallback"]) == ([], True)
    assert len(to(grid, CY)) == 1
    assert notes(grid, 2) == [f"not told: {CY} wants no mail as a contact"]


def test_another_s_token_lets_nobody_go(grid: Community) -> None:
    grid.inject(mail(1, "osg.smallc.example fails"))
    token = grid.app.keys.contact(Address("una@people.example"))
    grid.inject(
        mail(2, "", "cy@smallc.example"), [f"osg-general+unsubscribe.{token[::-1]}@lists.example.org"]
    )
    grid.inject(mail(3, "osg.smallc.example fails again"))
    assert len(to(grid, CY)) == 2


def test_a_contact_is_told_of_three_openings_a_day_and_of_the_rest_in_a_digest(grid: Community) -> None:
    for number in range(1, 6):
        result = grid.inject(
            mail(number, "osg.smallc.example fails", subject=f"Failure of kind {number * 111}")
        )
        assert result["cc"] == [CY]
    assert len(to(grid, CY)) == 3
    assert notes(grid, 4) == [f"{CY} hears of it in a digest: enough openings for a day"]
    grid.pass_time(days=1)
    *_, digest = to(grid, CY)
    assert digest["Subject"] == "[OSG] 2 tickets that you may know of"
    assert "[OSG #4] Failure of kind 444" in words(digest)
    assert "[OSG #5] Failure of kind 555" in words(digest)
    grid.pass_time(days=1)
    assert len(to(grid, CY)) == 4


def test_who_follows_from_the_digest_takes_part(grid: Community) -> None:
    for number in range(1, 5):
        grid.inject(mail(number, "osg.smallc.example fails", subject=f"Failure of kind {number * 111}"))
    grid.pass_time(days=1)
    *_, digest = to(grid, CY)
    follow = next(word for word in words(digest).split() if word.startswith("osg-general+4.follow."))
    grid.inject(mail(9, "", CY, "follow"), [follow])
    assert CY in [one["address"] if isinstance(one, dict) else one for one in grid.ticket(4)["nosy"]]


def test_a_contact_is_not_told_of_a_private_ticket(grid: Community) -> None:
    result = grid.inject(mail(1, "osg.smallc.example fails"), ["osg-general+private@lists.example.org"])
    assert result["cc"] == []
    assert to(grid, CY) == []


def test_a_contact_who_answers_joins_and_one_who_does_not_hears_no_more(grid: Community) -> None:
    grid.inject(mail(1, "osg.smallc.example fails"))
    grid.inject(mail(2, "More of it.", subject="Re: Question 1"), ["osg-general+1@lists.example.org"])
    assert len(to(grid, CY)) == 1
    reply_to = to(grid, CY)[0]["Reply-To"].addresses[0].addr_spec
    grid.inject(mail(3, "I look into it.", CY, "Re: Question 1"), [reply_to])
    grid.inject(
        mail(4, "Thank you, it is urgent though.", subject="Re: Question 1"),
        ["osg-general+1@lists.example.org"],
    )
    assert len(to(grid, CY)) == 2


def test_a_center_that_is_away_is_stood_in_for_and_without_a_delegate_the_community_hears(
    grid: Community,
) -> None:
    grid.set_center("NorthSC", "away", delegate="SouthSC")
    result = grid.inject(mail(1, "all of NU_Tier2 fails"))
    assert result["centers"] == ["SouthSC"]
    (told,) = to(grid, "south@centers.example")
    assert "you stand in for NorthSC, which is away: NU_Tier2 (named in the text)" in words(told)
    grid.set_center("SouthSC", "off")
    result = grid.inject(mail(2, "all of NU_Tier2 fails again"))
    assert (result["centers"], result["fallback"]) == ([], True)
    assert notes(grid, 2) == ["not routed to NorthSC: SouthSC takes no tickets"]


def test_delegates_in_a_circle_end(grid: Community) -> None:
    grid.set_center("NorthSC", "away", delegate="SouthSC")
    grid.set_center("SouthSC", "away", delegate="NorthSC")
    assert grid.inject(mail(1, "all of NU_Tier2 fails"))["fallback"] is True


def brakes(grid: Community, **limits: int) -> None:
    chosen = {"copies_a_mail": 2000, "usual_hours": 5, "least_an_hour": 1000} | limits
    owner = (Address("owner@home.example"),)
    grid.app.__dict__["brake"] = Brake(Limits(**chosen), owner, grid.app.composer)
    grid.app.__dict__.pop("notifier", None)


def test_one_mail_to_too_many_stops_tells_the_owner_and_loses_nothing(grid: Community) -> None:
    for number in range(5):
        grid.subscribe(f"sub{number}@people.example")
    grid.inject(mail(1, "A question."))
    assert len(to(grid, "sub1@people.example")) == 1
    brakes(grid, copies_a_mail=3)
    grid.inject(mail(2, "Another question."))
    assert len(to(grid, "sub1@people.example")) == 1
    (told,) = to(grid, "owner@home.example")
    assert "one mail to 5 people" in words(told)
    grid.inject(mail(3, "A third."))
    grid.pass_time(hours=3)
    assert len(to(grid, "owner@home.example")) == 1
    grid.resume("notify")
    assert [len(to(grid, f"sub{number}@people.example")) for number in range(5)] == [3] * 5
    # What comes after that is counted again.
    grid.clock.pass_by(minutes=1)
    grid.inject(mail(4, "A fourth."))
    assert len(to(grid, "owner@home.example")) == 2


def test_too_much_in_an_hour_stops(grid: Community) -> None:
    for number in range(5):
        grid.subscribe(f"sub{number}@people.example")
    brakes(grid, least_an_hour=12)
    grid.inject(mail(0, "What people ask on a usual day."))
    grid.clock.pass_by(hours=26)
    for number in range(1, 6):
        grid.inject(mail(number, "A question."))
        grid.clock.pass_by(minutes=2)
    assert len(to(grid, "sub1@people.example")) == 1 + 3
    assert "15 copies within an hour" in words(to(grid, "owner@home.example")[0])
    grid.resume("notify")
    assert len(to(grid, "sub1@people.example")) == 1 + 5


def test_on_its_first_day_an_instance_knows_no_usual_hour(grid: Community) -> None:
    for number in range(5):
        grid.subscribe(f"sub{number}@people.example")
    brakes(grid, least_an_hour=12)
    for number in range(1, 6):
        grid.inject(mail(number, "A question."))
        grid.clock.pass_by(minutes=2)
    assert len(to(grid, "sub1@people.example")) == 5


def test_what_is_paused_goes_out_once_it_goes_on(grid: Community) -> None:
    grid.subscribe("sub@people.example")
    grid.pause("deliver")
    grid.inject(mail(1, "A question."))
    assert to(grid, "sub@people.example") == []
    grid.resume("deliver")
    assert len(to(grid, "sub@people.example")) == 1
