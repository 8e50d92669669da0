"""Decisions: phases, order, stop, replies, the community as last resort, and reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing import editing
from routing.decide import Decision, TraceLine, decide
from routing.facts import Facts, Kind, Reading, SenderClass
from routing.query import Outcome, Query
from routing.rules import Rule, RuleSet, make_rule, ruleset

OPENING = Facts(sender="ann@site.example", queue="help", subject="VDT crash", new_text="exit status 1")
REPLY = replace(OPENING, kinds=frozenset({Kind.REPLY}))


def rule(name: str, phase: str, when: str, *then: str) -> Rule:
    return make_rule(name, phase, when, then)


def test_all_matching_rules_of_a_phase_apply_in_order_and_add() -> None:
    found = ruleset(
        [
            rule("one", "route", "vdt", "center+=VDT", "cc+=a@x.example", "tag+=x", 'note "one"'),
            rule("none", "route", "grid", "center+=GRID"),
            rule("two", "route", "crash", "center+=Ops", "center+=vdt", "cc+=b@x.example", "tag+=x"),
        ]
    )
    decision = decide(found, OPENING)
    assert decision.centers == ("VDT", "Ops")
    assert decision.cc == ("a@x.example", "b@x.example")
    assert decision.tags == ("x",)
    assert decision.rules == ("one", "two")
    assert not decision.fallback


def test_center_set_replaces_the_centers_before_it() -> None:
    found = ruleset(
        [
            rule("a", "route", "*", "center+=A", "center+=B"),
            rule("b", "route", "*", "sc=C"),
            rule("c", "route", "*", "sc+=D"),
        ]
    )
    assert decide(found, OPENING).centers == ("C", "D")


def test_stop_ends_its_phase_and_no_other() -> None:
    found = ruleset(
        [
            rule("a", "route", "vdt", "center+=A", "stop"),
            rule("b", "route", "*", "center+=B"),
            rule("c", "enrich", "*", "tag+=c"),
        ]
    )
    decision = decide(found, OPENING)
    assert (decision.centers, decision.tags) == (("A",), ("c",))
    assert decision.trace[1] == TraceLine("b", False, "not asked: a stops the phase")


def test_a_reply_passes_guard_and_enrich_and_is_never_routed() -> None:
    found = ruleset(
        [
            rule("g", "guard", "*", "private", 'hold "look"', "center+=G", "queue=other"),
            rule("r", "route", "*", "center+=R", "tag+=r"),
            rule("e", "enrich", "*", "tag+=e", "cc+=e@x.example", "center=E", "priority=high"),
            rule("f", "fallback", "*", "center+=F"),
        ]
    )
    decision = decide(found, REPLY)
    assert decision == Decision(
        tags=("e",),
        priority="high",
        hold="look",
        private=True,
        rules=("g", "e"),
        trace=(
            TraceLine("g", True, "always; a reply is never re-routed: without center+=G, queue=other"),
            TraceLine("r", False, "not asked: a reply is never re-routed"),
            TraceLine("e", True, "always; a reply is never re-routed: without cc+=e@x.example, center=E"),
            TraceLine("f", False, "not asked: a reply is never re-routed"),
        ),
    )


def test_an_opening_that_nothing_routes_goes_to_the_community() -> None:
    stopping = ruleset([rule("s", "fallback", "*", "tag+=x", "stop")])
    assert decide(RuleSet(), OPENING).fallback
    assert decide(stopping, OPENING).fallback
    assert not decide(RuleSet(), REPLY).fallback


@pytest.mark.parametrize("route", ["center+=A", "cc+=a@x.example"])
def test_the_fallback_phase_is_for_what_nothing_routed(route: str) -> None:
    last = rule("last", "fallback", "*", "center+=Ops")
    assert decide(ruleset([last]), OPENING).centers == ("Ops",)
    assert decide(ruleset([rule("r", "route", "*", route), last]), OPENING).rules == ("r",)


def test_the_first_reason_to_hold_and_the_last_priority_count() -> None:
    found = ruleset(
        [
            rule("a", "guard", "*", 'hold "first"', 'reject "no"', "priority=low", "topic=a"),
            rule("b", "guard", "*", 'hold "second"', "priority=high", "topic=b", "queue=q"),
        ]
    )
    decision = decide(found, OPENING)
    assert (decision.hold, decision.reject) == ("first", "no")
    assert (decision.priority, decision.topic, decision.queue) == ("high", "b", "q")


def test_a_disabled_rule_is_passed_over_and_says_so() -> None:
    found = editing.disable(ruleset([rule("a", "route", "*", "center+=A", "stop")]), "a", date(2030, 1, 1))
    assert decide(found, OPENING).trace == (TraceLine("a", False, "disabled"),)


class _Broken:
    def test(self, reading: Reading) -> Outcome:
        raise ZeroDivisionError("a bug of ours")


def test_a_rule_that_fails_is_skipped_logged_and_the_mail_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    broken = replace(rule("broken", "route", "*", "center+=A", "stop"), when=Query("*", _Broken()))
    decision = decide(ruleset([broken, rule("next", "route", "*", "center+=B")]), OPENING)
    assert decision.centers == ("B",)
    assert decision.trace[0] == TraceLine("broken", False, "failed: ZeroDivisionError", failed=True)
    assert "rule=broken failed" in caplog.text


@settings(max_examples=60, deadline=None)
@given(
    st.builds(
        Facts,
        sender=st.text(max_size=20),
        recipients=st.tuples(st.text(max_size=10)),
        subject=st.text(max_size=30),
        new_text=st.text(max_size=60),
        headers=st.lists(st.tuples(st.text(max_size=5), st.text(max_size=9)), max_size=3).map(tuple),
        kinds=st.frozensets(st.sampled_from(Kind)),
        sender_class=st.sampled_from(SenderClass),
    )
)
def test_it_decides_any_mail_and_no_rule_fails(facts: Facts) -> None:
    found = ruleset(
        [
            rule(
                "a", "guard", 'subject:~/./ or from:*@* or header:a:* or domain:x.example or "ab"', "private"
            ),
            rule("b", "route", "is:new body:a", "center+=A"),
        ]
    )
    decision = decide(found, facts)
    assert not any(line.why.startswith("failed") for line in decision.trace)
    assert decision.fallback == (Kind.NEW in facts.kinds and not decision.centers)
    assert not (decision.centers and Kind.NEW not in facts.kinds)
