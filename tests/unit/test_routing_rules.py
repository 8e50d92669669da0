"""Rules as TOML: round trip, actions, and errors that name rule, key and column."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing import editing
from routing.actions import Action, Verb, parse_action
from routing.editing import Place
from routing.faults import Fault, NoSuchRule, RoutingError, RuleError
from routing.rules import Phase, Rule, RuleSet, emit_rules, make_rule, parse_rules, ruleset

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,8}", fullmatch=True)
LINES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=20)
TEXTS = LINES.map(str.strip).filter(bool)
QUERIES = st.one_of(
    st.just(""),
    TEXTS.map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'),
    st.just("is:new\n  subject:~/'''\\d+\"/\nor\tbody:'a'"),
)
ACTIONS = st.one_of(
    st.builds(Action, st.sampled_from([Verb.ADD_CENTER, Verb.SET_CENTER, Verb.ADD_TAG, Verb.NOTE]), TEXTS),
    st.just(Action(Verb.STOP)),
    st.just(Action(Verb.PRIORITY, "high")),
)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    enabled = draw(st.booleans())
    phase = draw(st.sampled_from(Phase))
    rule = make_rule(draw(NAMES), phase, draw(QUERIES), map(str, draw(st.lists(ACTIONS, max_size=3))))
    until = None if enabled else draw(st.none() | st.dates())
    return Rule(rule.name, rule.phase, rule.when, rule.then, enabled, until)


@settings(max_examples=60, deadline=None)
@given(st.lists(rules(), max_size=4, unique_by=lambda rule: rule.name))
def test_rules_written_as_toml_read_back_equal(found: list[Rule]) -> None:
    try:
        made = ruleset(found)
    except RuleError:
        return
    assert parse_rules(emit_rules(made)) == made


@settings(max_examples=60, deadline=None)
@given(ACTIONS)
def test_an_action_written_reads_back_equal(action: Action) -> None:
    assert parse_action(str(action)) == action


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("center+=USCMS", Action(Verb.ADD_CENTER, "USCMS")),
        ("sc+=USCMS", Action(Verb.ADD_CENTER, "USCMS")),
        (' sc += "OSG Operations" ', Action(Verb.ADD_CENTER, "OSG Operations")),
        ("center = USCMS", Action(Verb.SET_CENTER, "USCMS")),
        ("cc+=ann@site.example", Action(Verb.ADD_CC, "ann@site.example")),
        ("tag+=x", Action(Verb.ADD_TAG, "x")),
        ("Priority=HIGH", Action(Verb.PRIORITY, "high")),
        ('hold "say \\"why\\""', Action(Verb.HOLD, 'say "why"')),
        ('reject "no executables"', Action(Verb.REJECT, "no executables")),
        ("private", Action(Verb.PRIVATE)),
        ("queue=osg-int", Action(Verb.QUEUE, "osg-int")),
        ("topic=upgrade", Action(Verb.TOPIC, "upgrade")),
        ('note "best effort"', Action(Verb.NOTE, "best effort")),
        ("stop", Action(Verb.STOP)),
    ],
)
def test_an_action_is_read(text: str, action: Action) -> None:
    assert parse_action(text) == action


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("", 0, "no action"),
        ("centre+=X", 0, 'unknown action "centre"; expected "center'),
        ("sc++X", 0, '"sc"; expected center+= or center='),
        ("tag=x", 0, '"tag="; expected tag+='),
        ("hold", 4, "expected the reason in quotes"),
        ("hold advertising", 5, "expected the reason in quotes"),
        ('hold ""', 5, "expected the reason in quotes"),
        ('note "a" b', 5, "not one quoted text"),
        ("center+=", 8, "expected a value, as in center+=NAME"),
        ("center+=A B", 8, 'expected a value, as in center+=NAME or center+="A NAME"'),
        ("cc+=ann", 4, "expected one, as in cc+=ann@site.example"),
        ("cc+=<ann@x.example>", 4, "is no address"),
        ("priority=hihg", 9, 'expected "high"'),
        ("stop now", 5, "expected nothing more"),
        ('note "a\r\nBcc: x"', 7, "a control character"),
    ],
)
def test_a_slip_in_an_action_is_named(text: str, offset: int, expected: str) -> None:
    with pytest.raises(Fault) as caught:
        parse_action(text)
    assert expected in str(caught.value)
    assert caught.value.offset == offset


GOOD = "[[rule]]\nname = 'a'\nphase = 'route'\nwhen = '*'\nthen = ['center+=X']\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("'*'", "'subjct:x'"), 'rule "a", key when, column 1: unknown field "subjct"'),
        (
            GOOD.replace("'*'", "'''\nvdt\n  subjct:x'''"),
            'rule "a", key when, line 2, column 3: unknown field',
        ),
        (
            GOOD.replace("center+=X', ", "").replace("X'", "X', 'stp'"),
            'rule "a", key then, action 2, column 1',
        ),
        (
            GOOD.replace("'route'", "'rout'"),
            'rule "a", key phase, column 1: unknown "rout"; expected "route"',
        ),
        (GOOD.replace("'a'", "'a b'"), 'rule "a b", key name, column 1: expected letters'),
        (GOOD.replace("when", "whn"), 'rule "a", key whn, column 1: unknown key; expected "when"'),
        (GOOD.replace("name = 'a'\n", ""), 'rule "#1", key name, column 1: missing; expected a text'),
        (GOOD.replace("['center+=X']", "'center+=X'"), "key then, column 1: a str; expected a list of texts"),
        (GOOD.replace("['center+=X']", "[1]"), "key then, column 1: expected a list of texts"),
        (GOOD + "enabled = 'no'\n", "key enabled, column 1: a str; expected true or false"),
        (GOOD + "until = 2030-01-01\n", "key until, column 1: the rule is enabled"),
        (
            GOOD + "enabled = false\nuntil = 2030-01-01T00:00:00Z\n",
            "key until, column 1: a time; expected a day",
        ),
        (GOOD + GOOD, 'rule "a", key name, column 1: stands twice'),
        (GOOD.replace("[[rule]]", "[rule]"), "expected [[rule]], with two brackets"),
        (GOOD.replace("[[rule]]", "[[rules]]"), "key rules, column 1: unknown; expected [[rule]]"),
        ("rule = [1]", 'rule "#1"'),
        ("rule = ", "(at end of document)"),
        ("a = " + "[" * 5000, "nested too deep"),
    ],
)
def test_a_rule_that_does_not_parse_is_refused_with_rule_key_and_column(text: str, said: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse_rules(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def rule(name: str, phase: str = "route", when: str = "vdt", *then: str) -> Rule:
    return make_rule(name, phase, when, then or ("center+=X",))


def names(found: RuleSet) -> list[str]:
    return [made.name for made in found.rules]


def test_phases_come_in_their_order_and_rules_in_theirs() -> None:
    found = ruleset([rule("f", "fallback"), rule("b"), rule("g", "guard"), rule("a"), rule("e", "enrich")])
    assert names(found) == ["g", "b", "a", "e", "f"]


def test_rules_are_added_moved_changed_and_removed() -> None:
    found = ruleset([rule("a"), rule("b"), rule("g", "guard")])
    assert names(editing.add(found, rule("c"), Place())) == ["g", "a", "b", "c"]
    assert names(editing.add(found, rule("c"), Place(before="b"))) == ["g", "a", "c", "b"]
    assert names(editing.add(found, rule("c"), Place(after="a"))) == ["g", "a", "c", "b"]
    assert names(editing.move(found, "b", Place(before="a"))) == ["g", "b", "a"]
    assert names(editing.change(found, "a", rule("z"))) == ["g", "z", "b"]
    assert names(editing.remove(found, "a")) == ["g", "b"]


def test_what_cannot_be_edited_is_said() -> None:
    found = ruleset([rule("hold-ads", "guard"), rule("b")])
    with pytest.raises(NoSuchRule, match='no rule "hold-adds"; the nearest is "hold-ads"'):
        editing.remove(found, "hold-adds")
    with pytest.raises(RoutingError, match="order counts within a phase only"):
        editing.move(found, "b", Place(before="hold-ads"))
    with pytest.raises(RoutingError, match="already"):
        editing.add(found, rule("b"), Place())
    with pytest.raises(RuleError, match="stands twice"):
        editing.change(found, "b", rule("hold-ads"))


def test_a_disabled_rule_sleeps_until_its_day() -> None:
    found = editing.disable(ruleset([rule("a")]), "a", date(2030, 5, 2)).rules[0]
    assert found.sleeps(datetime(2030, 5, 1, 23, 59, tzinfo=UTC))
    assert not found.sleeps(datetime(2030, 5, 2, 0, 0, tzinfo=UTC))
    assert editing.disable(ruleset([rule("a")]), "a", None).rules[0].sleeps(datetime(2090, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("remind after 7d to sc,list", "remind after 7d to center,list"),
        ("remind  AFTER 12h to list", "remind after 12h to list"),
        ("remind after 30d to center, list, owner", "remind after 30d to center,list,owner"),
    ],
)
def test_a_reminder_is_kept_in_its_one_form(written: str, kept: str) -> None:
    assert str(parse_action(written)) == kept
    assert parse_action(kept) == parse_action(written)


@pytest.mark.parametrize(
    "written", ["remind", "remind soon", "remind after 7 to list", "remind after 7d to boss"]
)
def test_a_reminder_that_says_not_when_or_whom_is_refused(written: str) -> None:
    with pytest.raises(Fault):
        parse_action(written)
