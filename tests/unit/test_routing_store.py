"""Rules in the database: revisions, the draft, lost updates, roll-back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import StatementError

from routing import store, tables
from routing.faults import LostUpdate, NoSuchRevision, NothingToApply, RoutingError
from routing.rules import RuleSet, make_rule, ruleset
from routing.store import ActiveRules, Change

AT = datetime(2030, 5, 1, 12, 30, 0, 7, tzinfo=timezone(timedelta(hours=2)))
WHY = Change("ann", "because", AT)


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{tmp_path / 'rules.db'}")
    with engine.begin() as made:
        tables.metadata.create_all(made)
        yield made
    engine.dispose()


def rules(*names: str) -> RuleSet:
    return ruleset(make_rule(name, "route", "*", [f"center+={name}"]) for name in names)


def test_before_the_first_revision_no_rules_are_in_force(conn: Connection) -> None:
    assert store.active(conn) == ActiveRules().read(conn) == (0, RuleSet())
    assert store.history(conn) == ()
    assert store.draft(conn) is None


def test_a_draft_is_not_in_force_until_it_is_applied(conn: Connection) -> None:
    store.save_draft(conn, rules("a"), AT)
    assert store.active(conn) == (0, RuleSet())
    applied = store.apply(conn, WHY)
    assert store.active(conn) == (1, rules("a"))
    assert (applied.number, applied.based_on, applied.author, applied.message) == (1, 0, "ann", "because")
    assert store.draft(conn) is None


def test_a_draft_that_was_changed_since_it_was_checked_is_not_applied(conn: Connection) -> None:
    checked = store.save_draft(conn, rules("a"), AT)
    store.save_draft(conn, rules("b"), AT)
    with pytest.raises(LostUpdate, match="changed the draft meanwhile"):
        store.apply(conn, WHY, seen=checked)
    assert store.active_number(conn) == 0
    assert store.apply(conn, WHY, seen=store.draft(conn)).rules == rules("b")


def test_times_come_back_aware_and_in_utc(conn: Connection) -> None:
    store.initialise(conn, rules("a"), WHY)
    found = store.revision(conn, 1).created_at
    assert found == AT
    assert found.tzinfo is UTC


def test_a_time_without_zone_is_a_bug_of_the_caller(conn: Connection) -> None:
    with pytest.raises(StatementError, match="without its zone"):
        store.save_draft(conn, rules("a"), datetime(2030, 1, 1))  # noqa: DTZ001


def test_a_draft_keeps_the_revision_it_was_begun_on(conn: Connection) -> None:
    store.initialise(conn, rules("a"), WHY)
    store.save_draft(conn, rules("a", "b"), AT)
    store.put_in_force(conn, rules("z"), WHY)
    store.save_draft(conn, rules("a", "b", "c"), AT)
    with pytest.raises(LostUpdate, match="revision 2 is in force, not 1"):
        store.apply(conn, WHY)
    assert store.active(conn) == (2, rules("z"))
    assert store.apply(conn, WHY, if_rev=2).number == 3
    assert store.active(conn) == (3, rules("a", "b", "c"))


def test_if_rev_refuses_when_another_revision_is_in_force(conn: Connection) -> None:
    store.initialise(conn, rules("a"), WHY)
    store.save_draft(conn, rules("b"), AT)
    with pytest.raises(LostUpdate):
        store.apply(conn, WHY, if_rev=7)
    with pytest.raises(LostUpdate):
        store.put_in_force(conn, rules("b"), WHY, if_rev=7)
    assert store.active(conn) == (1, rules("a"))


def test_nothing_new_makes_no_revision(conn: Connection) -> None:
    with pytest.raises(NothingToApply, match="no draft"):
        store.apply(conn, WHY)
    store.initialise(conn, rules("a"), WHY)
    store.save_draft(conn, rules("a"), AT)
    with pytest.raises(NothingToApply, match="the same as revision 1"):
        store.apply(conn, WHY)
    with pytest.raises(NothingToApply):
        store.rollback(conn, 1, WHY)
    assert len(store.history(conn)) == 1


def test_a_reason_is_required(conn: Connection) -> None:
    store.save_draft(conn, rules("a"), AT)
    with pytest.raises(RoutingError, match="says why"):
        store.apply(conn, Change("ann", "  ", AT))
    assert store.active_number(conn) == 0


def test_a_rollback_is_a_new_revision(conn: Connection) -> None:
    store.initialise(conn, rules("a"), WHY)
    store.put_in_force(conn, rules("b"), WHY)
    rolled = store.rollback(conn, 1, Change("bob", "too many hits", AT))
    assert (rolled.number, rolled.based_on) == (3, 2)
    assert store.active(conn) == (3, rules("a"))
    assert [revision.number for revision in store.history(conn)] == [3, 2, 1]
    assert [revision.number for revision in store.history(conn, 2)] == [3, 2]
    assert store.revision(conn, 2).rules == rules("b")


def test_a_revision_that_is_not_there_is_said(conn: Connection) -> None:
    with pytest.raises(NoSuchRevision, match="no revision 9"):
        store.rollback(conn, 9, WHY)


def test_initialise_happens_once(conn: Connection) -> None:
    assert store.initialise(conn, rules("a"), WHY) == 1
    assert store.initialise(conn, rules("b"), WHY) == 1
    assert store.active(conn) == (1, rules("a"))


def test_the_reader_follows_what_is_in_force_and_parses_a_revision_once(conn: Connection) -> None:
    reader = ActiveRules()
    store.initialise(conn, rules("a"), WHY)
    first = reader.read(conn)[1]
    assert reader.read(conn)[1] is first
    store.put_in_force(conn, rules("b"), WHY)
    assert reader.read(conn) == (2, rules("b"))


def test_one_looks_at_the_draft_where_there_is_one(conn: Connection) -> None:
    store.initialise(conn, rules("a"), WHY)
    assert store.view(conn) == store.View(rules("a"), "revision 1, in force")
    store.save_draft(conn, rules("b"), AT)
    assert store.view(conn) == store.View(rules("b"), "draft on revision 1, not in force")
    assert store.view(conn, in_force=True).rules == rules("a")
    assert store.discard_draft(conn)
    assert not store.discard_draft(conn)


def test_a_diff_shows_what_the_draft_changes(conn: Connection) -> None:
    store.initialise(conn, rules("a"), WHY)
    assert store.compare(conn).diff == ""
    store.save_draft(conn, rules("b"), AT)
    lines = store.compare(conn).diff.splitlines()
    assert lines[:2] == ["--- revision 1", "+++ draft"]
    assert "-name  = 'a'" in lines
    assert "+name  = 'b'" in lines
    assert store.compare(conn, 0, 1).old == ""
