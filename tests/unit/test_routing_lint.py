"""Lint: what is allowed in rules and hardly meant, and nothing that is meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.decide import decide
from routing.facts import Facts, Kind
from routing.lint import Finding, lint
from routing.rules import Rule, RuleSet, make_rule, ruleset

CENTERS = frozenset({"USCMS", "USATLAS", "VDT", "VDT-Core"})


def rule(name: str, phase: str, when: str, *then: str) -> Rule:
    return make_rule(name, phase, when, then)


def found(*rules: Rule) -> list[tuple[str, str]]:
    return [(one.rule, one.text) for one in lint(ruleset(rules), CENTERS)]


def test_rules_that_are_meant_are_let_be() -> None:
    assert (
        found(
            rule("spam", "guard", "header:X-Spam-Flag:yes", 'hold "spam"'),
            rule("tools", "route", "VDT", "center+=VDT", "stop"),
            rule("cms", "route", "VDT CMS", "center=USCMS"),
            rule("registry", "route", "*", "registry", "cc+=contact(resource)"),
            rule("more", "route", "*", "tag+=seen"),
            rule("mine", "route", "is:new -tag:x", "center+=registry"),
            rule("dated", "enrich", "*", "priority=low"),
            rule("crash", "enrich", "crash", "priority=high"),
            rule("night", "fallback", "time:22:00-06:00", "center+=USATLAS"),
            rule("rest", "fallback", "*", "center+=USCMS"),
        )
        == []
    )


def test_slips_of_one_rule_are_found_in_the_order_of_the_rules() -> None:
    assert found(
        rule("known", "route", "vdt", "center+=uscms"),
        rule("typo", "route", "vdt", "center+=USCSM"),
        rule("elsewhere", "enrich", "", "tag+=y"),
        rule("idle", "enrich", "vdt"),
    ) == [
        ("typo", 'unknown center "USCSM"; the nearest is "USCMS"'),
        ("elsewhere", "has an empty condition, which always holds: write * if meant"),
        ("idle", "does nothing: its list of actions is empty"),
    ]


def test_the_nearest_centers_are_named() -> None:
    assert found(rule("typo", "route", "x", "center+=VTD")) == [
        ("typo", 'unknown center "VTD"; the nearest is "VDT"')
    ]
    assert found(rule("typo", "route", "x", "center=VDT-Cor")) == [
        ("typo", 'unknown center "VDT-Cor"; the nearest are "VDT-Core", "VDT"')
    ]


ALWAYS = ["*", "is:new", "( * )", "x or *", "* is:new", "is:(reply | new)"]


@pytest.mark.parametrize("when", ALWAYS)
def test_a_rule_that_always_holds_and_stops_takes_the_mail_of_all_behind(when: str) -> None:
    assert found(
        rule("all", "route", when, "center+=VDT", "stop"),
        rule("cms", "route", "CMS", "center+=USCMS"),
        rule("atlas", "route", "ATLAS", "center+=USATLAS"),
        rule("crash", "enrich", "crash", "tag+=crash"),
    ) == [
        ("all", 'always holds, and takes all mail from "cms" and "atlas": move it behind "atlas"'),
        ("cms", 'is never reached: "all" always stops the phase before it'),
        ("atlas", 'is never reached: "all" always stops the phase before it'),
    ]


@pytest.mark.parametrize("when", ALWAYS)
def test_a_rule_that_always_holds_before_others_gives_their_mail_away(when: str) -> None:
    said = 'always holds, and stands before "cms": all their mail goes to VDT, ann@x.example as well'
    ((name, text),) = found(
        rule("all", "route", when, "center+=VDT", "cc+=ann@x.example"),
        rule("cms", "route", "CMS", "center+=USCMS"),
    )
    assert (name, text.partition(";")[0]) == ("all", said)


def test_a_rule_that_always_holds_replaces_those_before_it() -> None:
    assert found(
        rule("tag", "route", "x", "tag+=x"),
        rule("cms", "route", "CMS", "center+=USCMS"),
        rule("all", "route", "*", "center=VDT"),
    ) == [("all", 'always holds, and takes all mail from "cms" before it; center+= would add to them')]


@pytest.mark.parametrize(("action", "fate"), [('hold "x"', "held"), ('reject "x"', "rejected")])
def test_a_guard_that_always_holds_is_seen(action: str, fate: str) -> None:
    assert found(
        rule("all", "guard", "*", action),
        rule("a", "guard", "a", "private"),
        rule("b", "guard", "b", "private"),
        rule("c", "guard", "c", "private"),
    ) == [("all", f'always holds, and stands before "a" and 2 others: their mail too is {fate}')]


def test_a_guard_of_openings_leaves_replies_to_others() -> None:
    assert found(rule("new", "guard", "is:new", 'hold "x"', "stop"), rule("a", "guard", "a", "private")) == []


def test_a_rule_behind_one_that_asks_the_same_and_stops_is_never_reached() -> None:
    assert found(
        rule("first", "route", "subject:VDT  crash", "center+=VDT", "stop"),
        rule("again", "route", "subject:VDT crash", "center+=USCMS"),
    ) == [("again", 'is never reached: "first" holds of the same mail and stops the phase before it')]


def test_a_fallback_behind_a_rule_for_everything_is_never_asked() -> None:
    assert found(
        rule("all", "route", "*", "center+=VDT"),
        rule("rest", "fallback", "*", "center+=USCMS"),
    ) == [("rest", 'is never asked: "all" gives every opening to somebody')]


def test_a_rule_that_sleeps_takes_nothing() -> None:
    asleep = make_rule("all", "route", "*", ("center+=VDT", "stop"))
    rules = RuleSet(
        (
            Rule(asleep.name, asleep.phase, asleep.when, asleep.then, enabled=False),
            rule("cms", "route", "CMS", "center+=USCMS"),
        )
    )
    assert lint(rules, CENTERS) == ()


WORDS = st.sampled_from(["*", "", "is:new", "is:reply", "a", "-a", "a or *", "* a", "b", "( is:new )"])
ACTIONS = st.sampled_from(["center+=VDT", "center=USCMS", "stop", "tag+=x", "registry", "cc+=a@x.example"])
RULES = st.lists(
    st.tuples(
        st.sampled_from(["guard", "route", "enrich", "fallback"]),
        WORDS,
        st.lists(ACTIONS, min_size=1, max_size=3),
    ),
    max_size=6,
)
MAILS = st.tuples(st.sampled_from(["", "a", "b", "a b"]), st.sampled_from([Kind.NEW, Kind.REPLY]))


@given(RULES, st.lists(MAILS, min_size=1, max_size=4))
def test_what_is_called_never_asked_never_is(
    written: list[tuple[str, str, list[str]]], mails: list[tuple[str, Kind]]
) -> None:
    rules = ruleset(make_rule(f"r{n}", *one) for n, one in enumerate(written))
    dead = {one.rule for one in lint(rules, CENTERS) if _is_dead(one)}
    for text, kind in mails:
        decision = decide(rules, Facts(subject=text, kinds=frozenset({kind})))
        assert not dead & set(decision.rules)


def _is_dead(finding: Finding) -> bool:
    return finding.text.startswith(("is never reached", "is never asked"))
