"""More posts than people can read are told of together, none is lost; robots are bounded (I6, I7, L1, X3)."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage

import pytest

from mailgate.floods import Limits
from mailgate.gateway import Gateway, Policy
from routing.store import ActiveRules
from tests.support.community import LIST, Community

UNA, BEN, SUE, MIA = (f"{name}@people.example" for name in ("una", "ben", "sue", "mia"))
TICKET = "osg-general+1@lists.example.org"
_count = iter(range(100_000))


def mail(sender: str, text: str, subject: str = "Jobs fail", **fields: str) -> bytes:
    known = {"To": LIST, "Message_ID": f"<f{next(_count)}@people.example>"} | fields
    extra = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in known.items())
    return f"From: {sender}\nSubject: {subject}\n{extra}\n{text}\n".encode()


def to(house: Community, address: str) -> list[EmailMessage]:
    found = [copy.content for copy in house.bag.copies if copy.recipient == address]
    return [email.message_from_bytes(one, policy=email.policy.default) for one in found]  # type: ignore[misc]


@pytest.fixture
def house(community: Community) -> Community:
    """Few posts an hour are told of one by one."""
    app = community.app
    policy = Policy(floods=Limits(sender=10, ticket=15, list=40))
    app.__dict__["gateway"] = Gateway(app.composer, ActiveRules(), app.registry, policy)
    community.own("owner@lists.example.org")
    community.subscribe(SUE, "all")
    return community


def test_what_one_sender_writes_beyond_is_kept_and_told_of_together(house: Community) -> None:
    house.inject(mail(UNA, "They all fail."))
    house.inject(mail(BEN, "Mine, too.", "Re: Jobs fail"), [TICKET])
    before = len(to(house, UNA))
    for number in range(50):
        house.inject(mail(BEN, f"Line {number} of it.", "Re: Jobs fail"), [TICKET])
    assert len(house.ticket(1)["posts"]) == 52
    assert len(to(house, UNA)) - before == 9
    house.pass_time(minutes=16)
    digest = to(house, UNA)[-1]
    assert digest["Subject"] == "[OSG] 1 busy ticket"
    text = digest.get_content()
    assert "Line 49 of it." in text
    assert TICKET in text
    assert len(to(house, UNA)) - before == 10
    assert len([one for one in to(house, SUE) if "busy" in one["Subject"]]) == 1
    assert all("busy" not in one["Subject"] for one in to(house, BEN))
    assert any(
        "50 posts" in one["Subject"] or "posts are told" in one["Subject"]
        for one in to(house, "owner@lists.example.org")
    )
    house.pass_time(hours=2)
    house.inject(mail(BEN, "An hour later.", "Re: Jobs fail"), [TICKET])
    assert "An hour later." in to(house, UNA)[-1].get_content()


def test_a_flood_of_openings_opens_tickets_and_is_told_of_together(house: Community) -> None:
    for number in range(60):
        house.inject(mail(f"p{number}@bots.example", f"Question {number}?", f"Question number {number}"))
    assert len(house.tickets()) == 60
    assert len(to(house, SUE)) == 40
    house.pass_time(minutes=16)
    (digest,) = to(house, SUE)[40:]
    assert digest["Subject"] == "[OSG] 20 busy tickets"


def test_a_private_ticket_s_flood_is_told_to_its_people_only(house: Community) -> None:
    opened = house.inject(mail(UNA, "Secret."), ["osg-general+private@lists.example.org"])
    address = f"osg-general+{opened['ticket']}@lists.example.org"
    house.add_center("SouthSC", "south@centers.example", staff=[BEN])
    house.hand_to(opened["ticket"], "SouthSC")
    for number in range(30):
        house.inject(mail(BEN, f"Secret line {number}.", "Re: Jobs fail"), [address])
    house.pass_time(minutes=16)
    assert any("busy" in one["Subject"] for one in to(house, UNA))
    assert all("Secret" not in copy.content.decode() for copy in house.bag.copies if copy.recipient == SUE)


def test_a_stranger_s_cc_joins_nobody(house: Community) -> None:
    """I6: fifty thousand addresses in Cc get nothing."""
    crowd = ", ".join(f"v{number}@victims.example" for number in range(5_000))
    house.inject(mail(UNA, "Look at this.", Cc=crowd), trust="none")
    house.inject(mail(UNA, "And at this.", "Re: Jobs fail"), [TICKET], trust="none")
    assert house.ticket(1)["nosy"] == [UNA]
    assert not [copy for copy in house.bag.copies if copy.recipient.endswith("@victims.example")]


def test_a_thousand_forged_wishes_send_a_victim_one_mail_a_day(house: Community) -> None:
    """I7: by every door there is."""
    house.add_list("neighbours@lists.example.org", "N")
    doors = [
        "osg-general-subscribe@lists.example.org",
        "osg-general+subscribe@lists.example.org",
        "osg-general-request@lists.example.org",
        "neighbours-subscribe@lists.example.org",
        "osg-general-unsubscribe@lists.example.org",
    ]
    marker = "Cheap-watches-here"
    for number in range(200):
        house.inject(
            mail(f"{marker} <victim@x.example>", marker, f"subscribe {marker} {number}"),
            [doors[number % len(doors)]],
            trust="none",
        )
    (confirm,) = to(house, "victim@x.example")
    assert marker not in confirm.as_string()


def test_a_headerless_responder_is_not_told_of_its_own_words_again(house: Community) -> None:
    """L1: it answers every copy, with no field that says so."""
    house.inject(mail(UNA, "They all fail."))
    house.inject(mail("robot@away.example", "I am away until Monday.", "Re: Jobs fail"), [TICKET])
    exchanged = 0
    for _ in range(30):
        copies = to(house, "robot@away.example")[exchanged:]
        if not copies:
            break
        exchanged += len(copies)
        for one in copies:
            answer = mail(
                "robot@away.example",
                "I am away until Monday.",
                f"Re: {one['Subject']}",
                In_Reply_To=str(one["Message-ID"]),
            )
            house.inject(answer, [one["Reply-To"].addresses[0].addr_spec])
        house.clock.pass_by(seconds=20)
    assert exchanged <= 2


def test_two_responders_in_one_ticket_end(house: Community) -> None:
    """L1: each answers every copy, and each answer is told to the other."""
    robots = ("r1@away.example", "r2@away.example")
    house.inject(mail(UNA, "They all fail."))
    for robot in robots:
        house.inject(mail(robot, f"Hello from {robot}, we look into it.", "Re: Jobs fail"), [TICKET])
    seen = dict.fromkeys(robots, 0)
    rounds = 0
    while rounds < 40:
        moved = False
        for robot in robots:
            for one in to(house, robot)[seen[robot] :]:
                seen[robot] += 1
                moved = True
                text = f"Thank you for your mail. I am out of the office until Monday ({robot})."
                answer = mail(robot, text, f"Re: {one['Subject']}", In_Reply_To=str(one["Message-ID"]))
                house.inject(answer, [one["Reply-To"].addresses[0].addr_spec])
        house.clock.pass_by(seconds=15)
        rounds += 1
        if not moved:
            break
    assert not moved
    assert sum(seen.values()) <= 8


def test_who_joined_by_posting_closes_nothing_and_what_a_member_did_is_taken_back(house: Community) -> None:
    """X3."""
    house.inject(mail(UNA, "They all fail."))
    house.inject(mail(BEN, "Me, too.\n", "Re: Jobs fail"), [TICKET], trust="aligned")
    for words in ("!status resolved", "!center SouthSC", "!tag +spam", "!private", "!title Bought"):
        house.inject(mail(BEN, words, "Re: Jobs fail"), [TICKET], trust="aligned")
    shown = house.ticket(1)
    assert (shown["status"], shown["tags"], shown["private"], shown["title"]) == (
        "open",
        [],
        False,
        "Jobs fail",
    )
    house.add_member(MIA)
    house.inject(mail(MIA, "I know this.", "Re: Jobs fail"), [TICKET], trust="aligned")
    for number in range(30):
        house.inject(mail(MIA, f"!tag +t{number}", "Re: Jobs fail"), [TICKET], trust="aligned")
    assert len(house.ticket(1)["tags"]) == 20


def test_the_limits_of_an_instance_are_those_of_its_settings(community: Community) -> None:
    app = community.app
    app.settings = replace(app.settings, floods=replace(app.settings.floods, posts_per_sender=2))
    for number in range(4):
        noted = community.inject(mail(UNA, f"Question {number}", f"Subject {number} of them"))
    assert noted["ticket"] == 4
    found = community.app.read(lambda c: c.exec_driver_sql("select count(*) from held_back").scalar())
    assert found == 2
