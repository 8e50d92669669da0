"""What texts and titles have in common."""

from __future__ import annotations

import pytest

from mailgate.threads.likeness import MOST_ROWS, common_numbers, containment, rows_of_words
from mailgate.threads.titles import alike, refines, share_a_word
from tests.support.costs import cpu_s

TEXT = "The door of our storage element closes every connection after eleven seconds."


def test_a_quote_has_the_rows_of_what_it_quotes_however_its_lines_are_broken() -> None:
    quote = "> The door of our storage\n>> element closes every\n> connection after eleven seconds."
    assert rows_of_words(quote) == rows_of_words(TEXT)


def test_another_text_has_no_row_in_common() -> None:
    other = "After eleven seconds our door closes, and every connection of the storage element with it."
    assert rows_of_words(other).isdisjoint(rows_of_words(TEXT))


def test_three_words_are_no_row() -> None:
    assert rows_of_words("Any news yet?") == frozenset()


def test_a_long_text_is_read_so_far_only() -> None:
    rows = rows_of_words(" ".join(map(str, range(100_000))))
    assert MOST_ROWS <= len(rows) < 600


def test_few_words_stand_in_many_texts_and_tell_nothing() -> None:
    assert containment("Any news?", "Any news? I have none.") == 0.0
    assert containment(TEXT, f"Once more:\n\n{TEXT}") == 1.0


@pytest.mark.parametrize(
    ("part", "whole", "share"),
    [
        ("node 17 of rack 4", "node 17 of rack 4", 1.0),
        ("node 17 of rack 4", "node 93 of rack 4", 0.5),
        ("no number", "none here", 1.0),
    ],
)
def test_numbers_tell_notices_apart(part: str, whole: str, share: float) -> None:
    assert common_numbers(part, whole) == share


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("storage door refuses", "storage door refuses", True),
        ("storage dor refuses", "storage door refuses", True),
        ("storage door refuses, second log", "storage door refuses", True),
        ("xrootd and what became of it", "xrootd", False),
        ("tape robot drops", "storage door refuses", False),
    ],
)
def test_a_typo_or_an_addition_makes_no_other_title(one: str, other: str, same: bool) -> None:
    assert alike(one, other) is same


@pytest.mark.parametrize(
    ("new", "old", "refined"),
    [
        ("tape library robot", "tape library", True),
        ("interface to the entity manager", "information for the entity manager", True),
        ("security of the scanner", "security working group", False),
        ("lunch", "tape library", False),
        ("a new one", "the old", False),
    ],
)
def test_a_title_is_refined_when_half_of_the_old_one_stays(new: str, old: str, refined: bool) -> None:
    assert refines(new, old) is refined


def test_short_words_tie_no_titles() -> None:
    assert not share_a_word("how do we do it", "how we do that")
    assert share_a_word("client release", "where is the release?")


def test_hostile_texts_cost_little() -> None:
    text = "> " * 500_000 + "a " * 500_000
    assert cpu_s(lambda: rows_of_words(text)) < 2
    assert cpu_s(lambda: containment(text, text)) < 2
    assert cpu_s(lambda: common_numbers(text, text)) < 2
