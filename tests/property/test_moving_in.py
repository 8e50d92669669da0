"""Whatever stands in a file that is to be taken over: it is read, or refused by name."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailgate.roster import decode, read_bans, read_roster
from mailgate.roundup.export import read_export
from tests.support.roundup_files import write_export
from tracker.model import BadValue

_PIECES = st.sampled_from(
    [
        *"{}[]\",:<>@\\\n\r\t\0#'()",
        "email",
        "entries",
        "ann@x.example",
        "ban_list = ",
        "display_name,email\n",
        "null",
    ]
)
_TEXTS = st.one_of(st.text(max_size=200), st.lists(_PIECES, max_size=40).map("".join))
_CELLS = st.sampled_from(
    [
        "'1'",
        "None",
        "[]",
        "['1', 'x', None]",
        "(2024, 1, 1)",
        "{[]: 1}",
        "{'title': None}",
        "'\\x00\\xff'",
        "(((",
        "1e999",
        "(2024, 13, 1, 0, 0, 0.0)",
        "(2024, 1, 8, 9, 0, 1e99, 0, 0, 0)",
        "('x', 1, 8, 9, 0, 0.0)",
        "True",
        "'-5'",
    ]
)


@given(_TEXTS)
def test_a_roster_is_read_or_refused(text: str) -> None:
    with suppress(BadValue):
        for one in read_roster(text).members:
            assert one.address.count("@") >= 1
            assert one.name.isprintable()
    with suppress(BadValue):
        read_bans(text)


@given(st.binary(max_size=50))
def test_any_bytes_are_some_text(content: bytes) -> None:
    assert isinstance(decode(content), str)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    st.sampled_from(["issue.csv", "msg.csv", "user.csv", "file.csv", "issue-journals.csv", "status.csv"]),
    st.lists(_CELLS, min_size=16, max_size=16),
)
def test_an_export_is_read_or_refused(tmp_path: Path, file: str, cells: list[str]) -> None:
    export = write_export(tmp_path)
    journal = file.endswith("-journals.csv")
    width = 5 if journal else len((export / file).read_text().splitlines()[0].split(":"))
    row = ["'1'", *cells[:2], "'set'", "{'title': 'x'}"] if journal else cells[:width]
    with (export / file).open("a", encoding="utf-8") as out:
        out.write(":".join(row) + "\n")
    with suppress(BadValue):
        for issue in read_export(export).issues:
            assert issue.notes
