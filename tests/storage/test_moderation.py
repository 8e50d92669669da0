"""Mail that waits for somebody: first posts for their author, held mail for a moderator; and who decides."""

from __future__ import annotations

import email
import email.policy
import sys
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import Connection

from mailgate import inbound, teaching
from mailgate.gateway import Conditions, Gateway, Policy
from mailgate.inbound import AlreadyDone, State
from mailgate.settings import SpamSettings, Verdict, Words
from routing.store import ActiveRules
from tests.support.community import LIST, Community
from tracker.people import normalise_address
from tracker.storage import bans, people, queues, roles

ANN, BOB, MO, EVE = "ann@new.example", "bob@people.example", "mo@mod.example", "eve@evil.example"
MARKER = "Buy-cheap-pills https://evil.example/pills"
HOLD = '[[rule]]\nname = "pills"\nphase = "guard"\nwhen = "pills"\nthen = ["hold \\"pills\\""]\n'
_count = iter(range(10_000))


def mail(sender: str, subject: str = "Jobs fail", text: str = "They fail.", **fields: str) -> bytes:
    known = {"Message_ID": f"<m{next(_count)}@x.example>"} | fields
    extra = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in known.items())
    return f"From: {sender}\nTo: {LIST}\nSubject: {subject}\n{extra}\n{text}\n".encode()


def to(house: Community, address: str) -> list[EmailMessage]:
    found = [copy.content for copy in house.bag.copies if copy.recipient == address]
    return [email.message_from_bytes(one, policy=email.policy.default) for one in found]  # type: ignore[misc]


def policy(house: Community, first_post: str) -> None:
    app = house.app
    app.__dict__["gateway"] = Gateway(
        app.composer, ActiveRules(), app.registry, Policy(first_post=first_post)
    )


def work(house: Community) -> None:
    """What the worker does with mail that waits."""
    app = house.app
    while True:
        mails = [
            mail
            for quick in (True, False)
            for mail in app.read(
                lambda c, q=quick: inbound.due(c, house.clock(), 100, 4096, quick=q)  # type: ignore[misc]
            )
        ]
        if not mails:
            break
        for one in mails:
            reading = app.read_mail(one, app.queues())
            conditions = Conditions(house.clock(), released=one.released)
            try:
                app.write(lambda c, r=reading, w=conditions: app.gateway.receive(c, r, w))  # type: ignore[misc]
            except AlreadyDone:
                continue
    house.notify()
    house.deliver()


def moderate(house: Community, address: str = MO) -> None:
    def give(connection: Connection) -> None:
        person = people.register(connection, normalise_address(address), "Mo", house.clock())
        roles.make_moderator(connection, person.id, queues.find(connection, LIST).id)

    house.app.write(give)


def state_of(house: Community, uid: str) -> inbound.Entry:
    entry = house.app.read(lambda connection: inbound.find(connection, uid))
    assert entry is not None
    return entry


# First posts.


def test_a_stranger_s_posts_wait_until_they_answer(community: Community) -> None:
    policy(community, "confirm")
    first = community.inject(mail(ANN, "Jobs fail", "Of the pills."), mail_from=ANN, trust="none")
    second = community.inject(mail(ANN, "Disk full", "It is."), mail_from=ANN, trust="none")
    assert (first["held"], second["held"], community.tickets()) == (True, True, [])
    (asked,) = to(community, ANN)
    assert asked["Subject"] == "Confirm: post"
    assert "pills" not in asked.as_string()
    assert "Jobs fail" not in asked.as_string()
    community.clock.pass_by(minutes=5)
    answer = mail(ANN, f"Re: {asked['Subject']}", "")
    community.inject(answer, [asked["Reply-To"].addresses[0].addr_spec], mail_from=ANN, trust="none")
    work(community)
    assert [one["title"] for one in community.tickets()] == ["Jobs fail", "Disk full"]
    assert community.ticket(1)["posts"][0]["received"].startswith("2026-03-02T09:00")
    third = community.inject(mail(ANN, "More", "Yes."), mail_from=ANN, trust="none")
    assert third["created"]


@pytest.mark.parametrize(
    ("trust", "known", "held"),
    [("none", False, True), ("none", True, False), ("aligned", False, False), ("", False, True)],
)
def test_only_strangers_whom_nothing_speaks_for_wait(
    community: Community, trust: str, known: bool, held: bool
) -> None:
    policy(community, "confirm")
    if known:
        community.add_member(ANN)
    assert community.inject(mail(ANN), mail_from=ANN, trust=trust)["held"] is held


def test_who_has_a_copy_of_the_ticket_is_no_stranger_to_it(community: Community) -> None:
    community.inject(mail(BOB))
    policy(community, "confirm")
    token = community.app.keys.reply(1, normalise_address(ANN))  # type: ignore[arg-type]
    reply = mail(ANN, "Re: Jobs fail", "Mine, too.")
    address = f"osg-general+1.{token}@lists.example.org"
    assert not community.inject(reply, [address], mail_from=ANN, trust="none")["held"]
    assert community.inject(mail(EVE, "Re: Jobs fail"), [address], mail_from=EVE, trust="none")["held"]


def test_a_program_that_sends_with_no_path_is_asked_nothing(community: Community) -> None:
    policy(community, "confirm")
    community.inject(mail(ANN), mail_from="<>", trust="none")
    assert to(community, ANN) == []


def test_one_mail_a_day_is_sent_whatever_comes(community: Community) -> None:
    policy(community, "confirm")
    for number in range(30):
        community.inject(mail(ANN, f"S{number}"), mail_from=ANN, trust="none")
        community.inject(
            mail(ANN, "subscribe"), ["osg-general-request@lists.example.org"], mail_from=ANN, trust="none"
        )
    assert len(to(community, ANN)) == 1
    community.clock.pass_by(days=1, minutes=1)
    community.inject(mail(ANN, "Again"), mail_from=ANN, trust="none")
    assert len(to(community, ANN)) == 2


def test_hold_waits_for_a_moderator(community: Community) -> None:
    policy(community, "hold")
    held = community.inject(mail(ANN), mail_from=ANN, trust="none")
    assert held["held"]
    assert to(community, ANN) == []
    assert community.approve(held["inbound"]).created


# Moderators.


@pytest.fixture
def house(community: Community) -> Community:
    """A list with a moderator, a subscriber, and a rule that holds."""
    moderate(community)
    community.own("owner@lists.example.org")
    community.subscribe("sue@people.example", "all")
    community.put_rules(HOLD)
    return community


def hold(house: Community, subject: str = "Offer") -> str:
    uid: str = house.inject(mail(EVE, subject, MARKER))["inbound"]
    return uid


def way(house: Community, uid: str, act: str, address: str = MO) -> str:
    """The address of a decision in the mail that a moderator got."""
    text = "".join(str(one.get_content()) for one in to(house, address)).replace("=\n", "")
    return next(word for word in text.split() if word.startswith(f"osg-general+hold.{act}.{uid}."))


def test_moderators_hear_of_what_is_held_in_one_mail(house: Community) -> None:
    uids = [hold(house, f"Offer {number}") for number in range(25)]
    house.pass_time(minutes=6)
    (told,) = to(house, MO)
    assert told["Subject"] == f"25 mails held for {LIST}"
    assert "Offer 19" in told.get_content()
    assert "5 more" in told.get_content()
    assert way(house, uids[0], "approve")
    assert to(house, "sue@people.example") == []
    house.pass_time(hours=1)
    assert len(to(house, MO)) == 1


def test_without_moderators_the_owner_hears(community: Community) -> None:
    community.own("owner@lists.example.org")
    community.put_rules(HOLD)
    uid = hold(community)
    community.pass_time(minutes=6)
    (told,) = to(community, "owner@lists.example.org")
    assert f"mailgate hold approve {uid}" in told.get_content()
    assert "+hold." not in told.get_content()


def test_a_moderator_approves_by_mail_and_it_keeps_its_date(house: Community) -> None:
    uid = hold(house)
    house.pass_time(hours=3)
    house.inject(mail(MO, "", ""), [way(house, uid, "approve")], trust="aligned")
    work(house)
    (ticket,) = house.tickets()
    assert ticket["posts"][0]["received"].startswith("2026-03-02T09:00")
    assert len(to(house, "sue@people.example")) == 1
    assert state_of(house, uid).decided_by == "Mo"
    assert "It is let in." in to(house, MO)[-1].get_content()


@pytest.mark.parametrize(("sender", "trust"), [(EVE, "aligned"), (MO, "none"), (BOB, "")])
def test_nobody_else_decides_by_that_address(house: Community, sender: str, trust: str) -> None:
    uid = hold(house)
    house.pass_time(minutes=6)
    house.inject(mail(sender, "", ""), [way(house, uid, "approve")], trust=trust)
    assert state_of(house, uid).state is State.HELD


def test_who_moderates_no_more_decides_nothing(house: Community) -> None:
    uid = hold(house)
    house.pass_time(minutes=6)
    house.app.write(lambda c: roles.take(c, people.find(c, normalise_address(MO)).id))
    house.inject(mail(MO, "", ""), [way(house, uid, "approve")], trust="aligned")
    assert state_of(house, uid).state is State.HELD


def test_the_address_of_one_mail_or_act_is_that_of_no_other(house: Community) -> None:
    one, other = hold(house, "Offer 1"), hold(house, "Offer 2")
    house.pass_time(minutes=6)
    moved = way(house, one, "approve").replace(one, other)
    house.inject(mail(MO, "", ""), [moved], trust="aligned")
    assert state_of(house, other).state is State.HELD


def test_who_comes_second_hears_who_was_first(house: Community) -> None:
    moderate(house, "max@mod.example")
    uid = hold(house)
    house.pass_time(minutes=6)
    house.inject(mail(MO, "", ""), [way(house, uid, "reject")], trust="aligned")
    late = way(house, uid, "approve", "max@mod.example")
    house.inject(mail("max@mod.example", "", ""), [late], trust="aligned")
    work(house)
    assert house.tickets() == []
    assert "It was kept out by Mo before." in " ".join(
        str(to(house, "max@mod.example")[-1].get_content()).split()
    )


def test_a_ban_keeps_its_author_out(house: Community) -> None:
    uid = hold(house)
    house.pass_time(minutes=6)
    house.inject(mail(MO, "", ""), [way(house, uid, "ban")], trust="aligned")
    queue = house.app.queues()[0]
    assert house.app.read(lambda c: bans.of_list(c, queue.id)) == (EVE,)
    assert house.inject(mail(EVE, "Hello", "Me again."))["held"]


def test_a_held_post_keeps_its_place_among_the_replies_to_it(house: Community) -> None:
    """Others had it by Cc, and answered: the replies are in a ticket before the opening is let in."""
    opening = mail(EVE, "Offer", MARKER, Message_ID="<open@x.example>", Cc="bob@people.example")
    uid = house.inject(opening)["inbound"]
    for number in range(2):
        house.clock.pass_by(minutes=10)
        house.inject(mail(BOB, "Re: Offer", f"Answer {number}.", In_Reply_To="<open@x.example>"))
    house.pass_time(minutes=10)
    house.inject(mail(MO, "", ""), [way(house, uid, "approve")], trust="aligned")
    work(house)
    (ticket,) = house.tickets()
    assert sorted(one["received"] for one in ticket["posts"])[0].startswith("2026-03-02T09:00")
    assert {one["author"] for one in ticket["posts"]} == {EVE, BOB}
    assert ticket["requester"] == EVE
    keys = [
        (copy.recipient, one["Message-ID"])
        for copy in house.bag.copies
        for one in [email.message_from_bytes(copy.content, policy=email.policy.default)]
    ]
    assert len(keys) == len(set(keys))


def teach_with(house: Community, folder: Path, exit_code: int = 0) -> Path:
    """Have lessons written into a file by a command, as a filter would take them."""
    learnt = folder / "learnt"
    script = f"import sys; open({str(learnt)!r}, 'ab').write(sys.stdin.buffer.read()); sys.exit({exit_code})"
    command = Words((sys.executable, "-c", script))
    spam = SpamSettings(Verdict("hold"), command, command)
    house.app.settings = replace(house.app.settings, spam=spam)
    return learnt


def test_the_filter_learns_what_moderators_decide_once(house: Community, tmp_path: Path) -> None:
    learnt = teach_with(house, tmp_path)
    uid = hold(house)
    house.pass_time(minutes=6)
    house.inject(mail(MO, "", ""), [way(house, uid, "spam")], trust="aligned")
    assert teaching.teach(house.app) == 1
    assert teaching.teach(house.app) == 0
    assert MARKER.encode() in learnt.read_bytes()


def test_a_filter_that_fails_learns_later(house: Community, tmp_path: Path) -> None:
    teach_with(house, tmp_path, exit_code=1)
    uid = hold(house)
    house.pass_time(minutes=6)
    house.inject(mail(MO, "", ""), [way(house, uid, "spam")], trust="aligned")
    assert teaching.teach(house.app) == 0
    learnt = teach_with(house, tmp_path)
    learnt.unlink()
    assert teaching.teach(house.app) == 1
