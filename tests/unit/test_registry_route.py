"""From what a mail names to who can help, by the registry."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from routing import rules as rule_text
from routing.decide import Decision, decide
from routing.facts import Facts, Kind
from routing.grid import make_grid
from routing.registry import CenterKind, Component, Registry, Resource, ResourceGroup, SupportCenter
from tests.support.grid import GRID

RULES = rule_text.parse_rules(
    """
[[rule]]
name = "registry"
phase = "route"
when = "resource:* or group:* or site:* or facility:* or vo:* or center:* or component:*"
then = ["registry"]
"""
)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
IN_FORCE = make_grid(1, GRID)


def routed(text: str, *, registry: Registry = GRID, **more: Any) -> Decision:
    grid = IN_FORCE if registry is GRID else make_grid(2, registry)
    facts = Facts(sender="una@people.example", new_text=text, received=NOW, grid=grid)
    return decide(RULES, replace(facts, **more))


def summary(decision: Decision) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    return decision.centers, decision.cc, decision.fallback


@pytest.mark.parametrize(
    ("text", "centers", "cc", "fallback"),
    [
        # The resource: its group's center, and its contact.
        ("ce1.nu.example fails", ("NorthSC",), ("ann.admin@nu.example",), False),
        # The group: its center alone.
        ("all of NU_Tier2 fails", ("NorthSC",), (), False),
        # Self supported: the contact, and nobody else.
        ("osg.smallc.example fails", (), ("cy@smallc.example",), False),
        ("SMALLC fails", (), ("cy@smallc.example",), False),
        # The community's: the contact, and the community.
        ("ce.openc.example fails", (), ("ola@openc.example",), True),
        # A center that cannot be mailed.
        ("ce.mute.example fails", (), ("mia@mute.example",), False),
        # The VO's center, when no real one was found.
        ("AURORA jobs fail", ("NorthSC",), (), False),
        ("AURORA jobs fail at osg.smallc.example", ("NorthSC",), ("cy@smallc.example",), False),
        ("AURORA jobs fail at ce.slab.example", ("SouthSC",), ("sid@slab.example",), False),
        ("GALE jobs fail", (), (), True),
        # The site, when all its groups are as one.
        ("new-ce.nu.example fails", ("NorthSC",), (), False),
        ("how do I install it?", (), (), True),
        # A center by name.
        ("could SouthSC look at it?", ("SouthSC",), (), False),
        # Two at once.
        (
            "ce1.nu.example cannot copy to ce.slab.example",
            ("NorthSC", "SouthSC"),
            ("ann.admin@nu.example", "sid@slab.example"),
            False,
        ),
    ],
)
def test_who_is_to_help(text: str, centers: tuple[str, ...], cc: tuple[str, ...], fallback: bool) -> None:
    assert summary(routed(text)) == (centers, cc, fallback)


def test_each_recipient_carries_its_reason() -> None:
    decision = routed("ce1.nu.example fails")
    assert (
        decision.reason_for("ann.admin@nu.example").why == "you are the contact of NU-CE1, named in the text"
    )
    assert decision.reason_for("NorthSC").why == (
        "NU-CE1 (named in the text) is of NU_Tier2, which you support"
    )


def test_the_contact_who_writes_is_not_told() -> None:
    decision = routed("osg.smallc.example fails", sender="Cy@smallc.example")
    assert summary(decision) == ((), (), True)


def test_the_center_that_writes_is_not_told() -> None:
    assert routed("NU_Tier2 fails", sender="north@centers.example").centers == ()


def test_a_component_in_trouble_goes_to_its_center_and_one_that_is_used_does_not() -> None:
    assert routed("I found a bug in Pilotkit 2.1").centers == ("SouthSC",)
    assert routed("the pilot kit crashes at start").centers == ("SouthSC",)
    assert summary(routed("I install Pilotkit and wonder how to set the port")) == ((), (), True)
    assert routed("I use Pilotkit. My disk is down. What now?").centers == ()
    assert routed('Pilotkit gives "404 not found" for all packages').centers == ("SouthSC",)
    assert routed("Pilotkit gives 500 slots to each user").centers == ()
    assert routed("With Pilotkit my portal gives 404").centers == ()


def test_a_log_routes_only_when_it_points_to_one_group() -> None:
    one = "It fails:\n2026-03-02 10:00:01 ERROR ce1.nu.example\n2026-03-02 10:00:02 ERROR se1.nu.example"
    two = one.replace("se1.nu", "ce.slab")
    assert routed(one).centers == ("NorthSC",)
    assert summary(routed(two)) == ((), (), True)


def test_prose_beats_the_log() -> None:
    text = "SLAB-CE fails:\n2026-03-02 10:00:01 ERROR ce1.nu.example refused"
    assert routed(text).centers == ("SouthSC",)


def test_quotes_and_signatures_route_nothing() -> None:
    decision = routed("me too", quoted_text="> ce1.nu.example fails", signature="-- \nAnn, NU_Tier2")
    assert summary(decision) == ((), (), True)


def test_a_reply_is_not_routed_again() -> None:
    decision = routed("ce1.nu.example fails", kinds=frozenset({Kind.REPLY}))
    assert summary(decision) == ((), (), False)


def test_of_more_than_three_groups_the_community_hears() -> None:
    decision = routed("ce1.nu.example ce.slab.example osg.smallc.example ce.openc.example fail")
    assert summary(decision) == ((), (), True)
    assert decision.tags == ("nu-tier2", "slab", "smallc", "openc")


def test_inactive_and_down_are_tags_and_no_reason_to_drop() -> None:
    assert routed("old.smallc.example fails").tags == ("inactive-resource",)
    decision = routed("se1.nu.example fails")
    assert (decision.tags, decision.centers) == (("known-downtime",), ("NorthSC",))
    assert routed("se1.nu.example fails", received=NOW.replace(month=4)).tags == ()


def test_an_unregistered_host_is_tagged() -> None:
    assert routed("new-ce.nu.example fails").tags == ("unregistered",)


def test_owners_of_what_has_no_center_are_tags() -> None:
    owners = (("CMS", 50), ("ATLAS", 50))
    registry = Registry(
        groups=(ResourceGroup("SHARED", "S", "F"),),
        resources=(Resource("X-CE1", "SHARED", "x1.shared.example", owners=owners, contact="a@b.example"),),
    )
    decision = routed("x1.shared.example fails", registry=registry)
    assert (decision.tags, decision.cc, decision.centers) == (("cms", "atlas"), ("a@b.example",), ())


def test_three_contacts_a_mail_and_who_is_left_out_is_noted() -> None:
    resources = tuple(
        Resource(f"X-CE{n}", "X1", fqdn=f"x{n}.many.example", contact=f"c{n}@many.example") for n in range(5)
    )
    registry = Registry(groups=(ResourceGroup("X1", "S", "F"),), resources=resources)
    decision = routed(" ".join(f"x{n}.many.example" for n in range(5)), registry=registry)
    assert decision.cc == ("c0@many.example", "c1@many.example", "c2@many.example")
    assert any("at most 3 contacts a mail" in note for note in decision.notes)


def test_a_center_that_is_gone_is_not_mailed() -> None:
    registry = Registry(
        centers=(SupportCenter("OldSC", CenterKind.GONE),),
        groups=(ResourceGroup("X1", "S", "F", center="OldSC"),),
        components=(Component("Old thing", center="OldSC"),),
    )
    decision = routed("the X1 cluster and a bug in Old thing", registry=registry)
    assert summary(decision) == ((), (), True)
    assert decision.notes == ("X1 is supported by OldSC, which cannot be mailed",)


@pytest.mark.parametrize(
    ("condition", "text", "holds"),
    [
        ("resource:nu_ce1", "ce1.nu.example fails", True),
        ("group:NU_Tier2", "ce1.nu.example fails", True),
        ("site:nu-physics facility:North*", "ce1.nu.example fails", True),
        ("vo:aurora -group:*", "AURORA jobs", True),
        ("vo:aurora -group:*", "AURORA jobs at NU_Tier2", False),
        ("sc:NorthSC", "ask NorthSC", True),
        ("fqdn:nu.example", "ce1.nu.example fails", True),
        ("resource.where:log", "2026-03-02 10:00:01 ERROR ce1.nu.example", True),
        ("resource.where:prose", "2026-03-02 10:00:01 ERROR ce1.nu.example", False),
        ("resource.active:no", "old.smallc.example", True),
        ("resource.downtime:now", "se1.nu.example", True),
        ("resource.downtime:now", "ce1.nu.example", False),
        ("service:CE", "the CE fails", False),
        ("component:pilotkit", "a bug in pilot kit", True),
    ],
)
def test_rules_ask_what_a_mail_names(condition: str, text: str, holds: bool) -> None:
    head = "[[rule]]\nname = 'r'\nphase = 'enrich'\nthen = ['tag+=yes']\n"
    rules = rule_text.parse_rules(f"{head}when = '{condition}'\n")
    decision = decide(rules, Facts(new_text=text, received=NOW, grid=IN_FORCE))
    assert (decision.tags == ("yes",)) is holds
