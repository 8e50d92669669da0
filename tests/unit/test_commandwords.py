"""Which words of a mail are commands: the last brackets of a subject, the first lines of a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate import commandwords as words
from mailgate.commandwords import Command, Word
from mailgate.threads.subjects import read_subject


@pytest.mark.parametrize(
    ("subject", "title", "items"),
    [
        ("CE down [center=USCMS]", "CE down", ("center=USCMS",)),
        ("CE down [ status = resolved ; priority=high ]", "CE down", ("status = resolved", "priority=high")),
        ("Re: [OSG #3] CE down [sc=VDT; private]", "CE down", ("sc=VDT", "private")),
        ("[center=USCMS]", "", ("center=USCMS",)),
        # Other brackets are title.
        ("CE down [urgent]", "CE down [urgent]", ()),
        ("CE down [x=5]", "CE down [x=5]", ()),
        ("[PATCH 2/3] fix [a; b=c]", "[PATCH 2/3] fix [a; b=c]", ()),
        ("[center=USCMS] CE down", "[center=USCMS] CE down", ()),
        ("what is [private] worth", "what is [private] worth", ()),
    ],
)
def test_the_last_brackets_of_a_subject_ask_and_are_no_title(
    subject: str, title: str, items: tuple[str, ...]
) -> None:
    read = read_subject(subject, "OSG")
    assert (read.title, read.asked) == (title, items)


def test_a_subject_with_a_command_is_compared_without_it() -> None:
    assert read_subject("CE down [center=USCMS]", "OSG").base == read_subject("Re: CE down", "OSG").base


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!claim\n\nI look into it.", [Command(Word.CLAIM, "", "!claim")]),
        (
            "\n  !center OSG Operations  \nplease",
            [Command(Word.CENTER, "OSG Operations", "!center OSG Operations")],
        ),
        ("!done", [Command(Word.STATUS, "resolved", "!done")]),
        ("!sc A, -B", [Command(Word.CENTER, "A", "!sc A, -B"), Command(Word.CENTER, "-B", "!sc A, -B")]),
        ("!clam", [Command(None, "", "!clam")]),
        ("Hello\n!claim", []),
        ("!!! it broke", []),
        ("! claim", []),
        ("!important: read this", []),
        ("#!/bin/sh\n!claim", []),
        ("> !claim", []),
    ],
)
def test_the_first_lines_of_a_text_ask(text: str, expected: list[Command]) -> None:
    assert list(words.of_text(text)) == expected


def test_an_unknown_word_is_answered_with_the_nearest() -> None:
    (command,) = words.of_text("!clam")
    assert words.unknown(command) == "there is no command 'clam'; did you mean 'claim'?"


def test_of_many_lines_ten_are_commands() -> None:
    assert len(words.of_text("!claim\n" * 1000)) == 10


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    words.of_text(text)
    words.of_text("!" + text)
    rest, items = words.split_subject(text)
    assert words.of_subject(items) is not None
    assert text.startswith(rest)
