"""What a mail names of the registry, and what only looks so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.entities import Entity, MailTexts
from routing.matcher import Matcher
from routing.registry import Facility, Registry, Resource, ResourceGroup, Site, VirtualOrganization
from tests.support.grid import GRID

MATCHER = Matcher(GRID)


def found(text: str) -> list[str]:
    return [shown(one) for one in MATCHER.find(MailTexts(new_text=text))]


def shown(one: Entity) -> str:
    return f"{one.kind.value} {one.name} by {one.how.value} in {one.where.value}"


@pytest.mark.parametrize(
    "text",
    [
        "ce1.nu.example does not answer",
        "CE1.NU.EXAMPLE does not answer",
        "Is it ce1.nu.example.?",
        "see https://ce1.nu.example:8443/status",
        "I ran globusrun -r ce1.nu.example:2119/jobmanager-pbs",
        "(ce1.nu.example)",
        "its alias gate.nu.example fails",
        "root@ce1.nu.example cannot log in",
    ],
)
def test_a_host_is_found_however_it_is_written(text: str) -> None:
    assert found(text) == ["resource NU-CE1 by fqdn in prose"]


@pytest.mark.parametrize(
    "text",
    [
        "ce1.nu.example.com is another host",
        "xce1.nu.example",
        "my-ce1.nu.example",
        "ce1.nu.example-old",
        "write to ann@nu.example",
        "/DC=org/DC=grid/OU=Services/CN=host/ce1.nu.example",
        "nu.example",
        "https://www.nu.example/",
        "www.nu.example",
    ],
)
def test_a_host_is_no_part_of_a_longer_one_of_an_address_or_of_a_certificate(text: str) -> None:
    assert [one for one in found(text) if one.startswith("resource")] == []


@pytest.mark.parametrize("text", ["NU-CE1", "nu_ce1", "NU CE1", "nuce1", "the NU-CE1.", "NU-CE1-related"])
def test_a_name_is_found_without_case_blanks_hyphens_and_underscores(text: str) -> None:
    assert found(f"We see {text} fail") == ["resource NU-CE1 by name in prose"]


@pytest.mark.parametrize("text", ["NU-CE12", "xNU-CE1", "NU-CE1/x/y", "~NU-CE1", "NU, is CE1 up"])
def test_a_name_is_no_part_of_a_longer_one(text: str) -> None:
    assert "resource NU-CE1 by name in prose" not in found(f"We see {text} fail")


def test_the_longest_name_wins() -> None:
    assert found("SLAB-CE fails") == ["resource SLAB-CE by name in prose"]
    assert found("SLAB fails") == ["group SLAB by name in prose"]


def test_a_name_may_be_wrapped() -> None:
    assert found("jobs wait at NU\nTier2 since noon") == ["group NU_Tier2 by name in prose"]


def test_an_alias_stands_for_its_name() -> None:
    assert found("ask the North Support Center") == ["center NorthSC by alias in prose"]


@pytest.mark.parametrize("text", ["Swan is a bird", "a swan at the pond", "swan VO", "the black Swans"])
def test_an_everyday_word_is_no_vo(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("text", ["the Swan VO", "VO Swan", "the Swan collaboration"])
def test_an_everyday_word_with_a_qualifier_is_one(text: str) -> None:
    assert found(text) == ["vo Swan by name in prose"]


def test_a_plain_name_counts_where_one_of_its_hosts_is_named_too() -> None:
    registry = Registry(
        facilities=(Facility("F"),),
        sites=(Site("Lakeside", "F"),),
        groups=(ResourceGroup("Jupiter", "Lakeside", "F"),),
        resources=(Resource("Jupiter-CE", "Jupiter", fqdn="ce.lakeside.example"),),
    )
    matcher = Matcher(registry)
    assert matcher.find(MailTexts(new_text="Jupiter is slow")) == ()
    both = matcher.find(MailTexts(new_text="Jupiter is slow: ce.lakeside.example hangs"))
    assert [one.name for one in both] == ["Jupiter-CE", "Jupiter"]


def test_a_short_host_counts_where_it_is_the_only_one_and_telling() -> None:
    registry = Registry(
        resources=(
            Resource("A", "G", fqdn="hagrid07.a.example"),
            Resource("B", "G", fqdn="ce1.b.example"),
            Resource("C", "G", fqdn="weasley2.b.example"),
            Resource("D", "G", fqdn="weasley2.c.example"),
        )
    )
    matcher = Matcher(registry)
    assert [one.name for one in matcher.find(MailTexts(new_text="HAGRID07, ce1 and weasley2 hang"))] == ["A"]
    assert matcher.find(MailTexts(new_text="hagrid07-old, hagrid07.z and xhagrid07 hang")) == ()


def test_an_unknown_host_stands_for_the_site_of_its_domain() -> None:
    assert found("new-ce.nu.example is up") == ["site NU_Physics by domain in prose"]
    assert found("a/b new.ce.slab.example") == ["site SouthLab by domain in prose"]


def test_a_domain_of_several_facilities_is_nobodys() -> None:
    registry = Registry(
        groups=(ResourceGroup("G", "S", "F"), ResourceGroup("H", "T", "U")),
        resources=(Resource("A", "G", fqdn="a.grid.example"), Resource("B", "H", fqdn="b.grid.example")),
    )
    assert Matcher(registry).find(MailTexts(new_text="c.grid.example")) == ()


LOG = """\
Hello,
it fails with

2026-03-02 10:00:01 ERROR cannot reach se1.nu.example:8443
Mar  2 10:00:02 worker sshd[77]: from se1.nu.example
$ condor_q -name ce.slab.example

What is wrong with NU-CE1?
"""


def test_prose_and_log_are_told_apart() -> None:
    assert found(LOG) == [
        "resource NU-SE1 by fqdn in log",
        "resource SLAB-CE by fqdn in log",
        "resource NU-CE1 by name in prose",
    ]


def test_the_trace_of_a_mail_names_no_machine_that_is_meant() -> None:
    text = "Look:\nReceived: from ce1.nu.example (ce1.nu.example [192.0.2.1])\n\tby mx.example; Mon\nWhy?"
    assert found(text) == ["resource NU-CE1 by fqdn in received"]


def test_quotes_signature_and_subject_are_told_apart() -> None:
    texts = MailTexts("NU-CE1 down", "see the subject", "> SLAB-CE was down", "-- \nAnn, NU_Tier2")
    assert [shown(one) for one in MATCHER.find(texts)] == [
        "resource NU-CE1 by name in subject",
        "resource SLAB-CE by name in quoted",
        "group NU_Tier2 by name in signature",
    ]


def test_an_acronym_may_be_written_small_unless_it_is_a_word() -> None:
    registry = Registry(vos=(VirtualOrganization("AURX"), VirtualOrganization("MAP", word=True)))
    names = [one.name for one in Matcher(registry).find(MailTexts(new_text="aurx jobs on the map; MAP it"))]
    assert names == ["AURX"]


@given(st.text())
def test_any_text_is_looked_through(text: str) -> None:
    for texts in (MailTexts(text, text, text, text), MailTexts(new_text=f"NU-{text}ce1.nu.example{text}")):
        for one in MATCHER.find(texts):
            assert one.text


@given(st.text(alphabet="aé1-_.@/: \n", max_size=30), st.sampled_from(["ce1.nu.example", "NU-CE1"]))
def test_what_is_found_stands_in_the_text(around: str, name: str) -> None:
    text = f"{around}{name}{around}"
    for one in MATCHER.find(MailTexts(new_text=text)):
        assert one.text in text


def test_no_more_than_two_hundred_entities_are_kept() -> None:
    many = Registry(resources=tuple(Resource(f"R{n}", "G", fqdn=f"h{n}.many.example") for n in range(500)))
    text = " ".join(f"h{n}.many.example" for n in range(500))
    assert len(Matcher(many).find(MailTexts(new_text=text))) == 200


def test_an_acronym_beside_words_of_its_other_meaning_is_none() -> None:
    find = Matcher(Registry(vos=(VirtualOrganization("CMS"),))).find
    assert not find(MailTexts(new_text="Our pages moved to a new CMS (Drupal)."))
    assert [one.name for one in find(MailTexts(new_text="Our CMS jobs fail."))] == ["CMS"]


def test_words_around_a_name_say_whose_it_is() -> None:
    grid = Registry(
        vos=(VirtualOrganization("AURORA"),),
        sites=(Site("AURORA", "North University"),),
        groups=(ResourceGroup("NU", "AURORA", "North University"),),
    )

    def kinds(text: str) -> list[str]:
        return sorted(one.kind.value for one in Matcher(grid).find(MailTexts(new_text=text)))

    assert kinds("Members of the AURORA VO cannot log in.") == ["vo"]
    assert kinds("Is there an outage at AURORA?") == ["site"]
    assert kinds("Something about AURORA.") == ["site", "vo"]


def test_a_mail_address_is_no_machine_and_a_login_is() -> None:
    find = Matcher(GRID).find
    assert not find(MailTexts(new_text="Write to me at una@ce1.nu.example from now on."))
    assert find(MailTexts(new_text="I tried ssh una@ce1.nu.example from home."))
    assert find(MailTexts(new_text="Copy it to una@ce1.nu.example:/tmp, please."))
