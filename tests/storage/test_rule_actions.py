"""What the rarer terms and actions of rules do to a mail."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from typing import Any

import pytest

from routing.registry import Registry
from tests.support.community import LIST, Community
from tests.support.grid import GRID
from tests.support.put_grid import put_grid

UNA = "una@people.example"


def with_security(registry: Registry) -> Registry:
    resources = (
        replace(r, security=("sec@smallc.example",)) if r.name == "SMALLC-CE" else r
        for r in registry.resources
    )
    return replace(registry, resources=tuple(resources))


@pytest.fixture
def grid(community: Community) -> Community:
    put_grid(community, with_security(GRID))
    return community


def rule(when: str, *then: str, phase: str = "route") -> str:
    actions = ", ".join(f"'{one}'" for one in then)
    return f'[[rule]]\nname = "case"\nphase = "{phase}"\nwhen = \'{when}\'\nthen = [{actions}]\n'


def mail(number: int, text: str, sender: str = UNA, fields: str = "") -> bytes:
    head = f"From: {sender}\nTo: {LIST}\nSubject: Question {number}\nMessage-ID: <q{number}@x.example>\n"
    return f"{head}{fields}\n{text}\n".encode()


def reply(number: int, text: str, sender: str = UNA) -> bytes:
    return mail(number, text, sender, "In-Reply-To: <q1@x.example>\n").replace(b"Subject: ", b"Subject: Re: ")


def reasons(result: dict[str, Any]) -> dict[str, str]:
    return {one["address"]: one["reason"] for one in result["recipients"]}


def words_to(community: Community, address: str) -> list[str]:
    mails = (copy.content for copy in community.bag.copies if copy.recipient == address)
    read = (email.message_from_bytes(one, policy=email.policy.default) for one in mails)
    return [str(one.get_content()) for one in read]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("which", "told", "as_whom"),
    [
        ("contact", "cy@smallc.example", "contact"),
        ("security", "sec@smallc.example", "security contact"),
    ],
)
def test_people_of_a_resource_are_told_as_what_they_are(
    grid: Community, which: str, told: str, as_whom: str
) -> None:
    grid.put_rules(rule("resource:*", f"cc+={which}(resource)"))
    result = grid.inject(mail(1, "osg.smallc.example was broken into."))
    assert result["cc"] == [told]
    assert reasons(result)[told] == f"you are the {as_whom} of SMALLC-CE"


def test_the_author_is_not_told_of_his_own_mail(grid: Community) -> None:
    grid.put_rules(rule("resource:*", "cc+=contact(resource)"))
    assert grid.inject(mail(1, "osg.smallc.example is down.", "cy@smallc.example"))["cc"] == []


def test_the_registry_gives_its_centers_alone(grid: Community) -> None:
    grid.put_rules(rule("resource:*", "center+=registry"))
    result = grid.inject(mail(1, "ce1.nu.example is down."))
    assert (result["centers"], result["cc"]) == (["NorthSC"], [])


def test_somebody_takes_part_from_the_first(grid: Community) -> None:
    grid.put_rules(rule("xrootd", "nosy+=ann@x.example"))
    result = grid.inject(mail(1, "xrootd stops."))
    assert reasons(result)["ann@x.example"] == "a routing rule has you take part in tickets like this one"
    grid.inject(reply(2, "It still does."))
    assert "It still does." in words_to(grid, "ann@x.example")[-1]


def test_an_author_is_answered_once_a_day_and_only_where_it_is_known_who_that_is(grid: Community) -> None:
    grid.put_rules(rule("storage", 'reply "We move until Friday."'))
    grid.inject(mail(1, "The storage is slow."))
    assert "We move until Friday.\r\n\r\nYour mail is ticket 1" in words_to(grid, UNA)[0]
    grid.inject(mail(2, "The storage is slow again."))
    grid.inject(mail(3, "The storage is slow.", "eve@evil.example"), trust="none")
    grid.inject(mail(4, "The storage is slow.", "noreply@robot.example"))
    assert len(words_to(grid, UNA)) == 1
    assert words_to(grid, "eve@evil.example") == words_to(grid, "noreply@robot.example") == []
    grid.pass_time(days=1, minutes=1)
    grid.inject(mail(5, "The storage is slow, still."))
    assert len(words_to(grid, UNA)) == 2


def test_a_center_s_staff_is_known_by_its_center(grid: Community) -> None:
    grid.add_staff("NorthSC", "nora@centers.example")
    grid.put_rules(rule("sender.center:north-sc", "tag+=inside"))
    assert grid.inject(mail(1, "We meet.", "nora@centers.example"))["tags"] == ["inside"]
    assert grid.inject(mail(2, "We meet."))["tags"] == []


def test_contacts_are_known_by_what_the_mail_names(grid: Community) -> None:
    grid.put_rules(rule("sender.contact:yes", "tag+=admin"))
    assert grid.inject(mail(1, "osg.smallc.example is down.", "cy@smallc.example"))["tags"] == ["admin"]
    assert grid.inject(mail(2, "ce1.nu.example is down.", "cy@smallc.example"))["tags"] == []


def test_hours_days_silence_and_logs(grid: Community) -> None:
    # It is Monday, 9:00 UTC.
    when = "time:08:00-10:00 weekday:mon log:timeout -log:gatekeeper"
    grid.put_rules(rule(when, "tag+=early"))
    log = "gatekeeper prints\n2026-03-02 08:11:02 ERROR timeout\n"
    assert grid.inject(mail(1, log))["tags"] == ["early"]
    grid.clock.pass_by(hours=4)
    assert grid.inject(mail(2, log))["tags"] == []


def test_a_reply_after_long_silence_is_known(grid: Community) -> None:
    grid.put_rules(rule("silence:>7d age:<30d", "tag+=awake", phase="enrich"))
    grid.inject(mail(1, "A question."))
    assert grid.inject(reply(2, "Nobody?"))["tags"] == []
    grid.clock.pass_by(days=8)
    assert grid.inject(reply(3, "Still nobody?"))["tags"] == ["awake"]
