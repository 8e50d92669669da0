"""Rosters of other list managers are read in all the shapes that an admin gets them in."""

from __future__ import annotations

import json

import pytest

from mailgate.roster import changed, decode, read_bans, read_roster
from tracker.model import BadValue, Delivery

Line = tuple[str, str, str, bool]


def read(text: str) -> list[Line]:
    """Address, name, delivery, plain digests, of each."""
    return [(one.address, one.name, one.delivery.value, one.plain) for one in read_roster(text).members]


@pytest.mark.parametrize(
    ("line", "address", "name"),
    [
        ("ann@x.example", "ann@x.example", ""),
        ("  ann@X.Example \r", "ann@x.example", ""),
        ("Ann Onym <ann@x.example>", "ann@x.example", "Ann Onym"),
        ('"Onym, Ann" <ann@x.example>', "ann@x.example", "Onym, Ann"),
        ('"Ann \\"A\\" Onym" <ann@x.example>', "ann@x.example", 'Ann "A" Onym'),
        ("Onym, Ann <ann@x.example>", "ann@x.example", "Onym, Ann"),
        ("=?utf-8?b?w4Vubg==?= <ann@x.example>", "ann@x.example", "Ånn"),
        ("Ånn <ann@x.example>", "ann@x.example", "Ånn"),
        ("<ann@x.example>", "ann@x.example", ""),
        ("o'neil+l@x.example", "o'neil+l@x.example", ""),
    ],
)
def test_a_line_of_text_is_a_member(line: str, address: str, name: str) -> None:
    assert read(line + "\n") == [(address, name, "all", False)]


def test_lines_that_are_none_are_named_by_their_number() -> None:
    roster = read_roster("# of today\n\nann@x.example\nnobody\nList members: see root@x.example\nx@\n")
    assert [one.address for one in roster.members] == ["ann@x.example"]
    assert [one.place for one in roster.faults] == ["line 4", "line 5", "line 6"]
    assert "'nobody'" in roster.faults[0].why


def test_who_stands_there_twice_is_one_member() -> None:
    roster = read_roster("Ann <ann@x.example>\nANN@x.example\n")
    assert (len(roster.members), roster.twice) == (1, 1)


def test_a_csv_says_by_its_heading_what_its_columns_are() -> None:
    text = (
        "Display_Name,Email,delivery_mode,delivery_status,moderation\r\n"
        '"Onym, Ann",ann@x.example,plaintext_digests,enabled,accept\r\n'
        "Bob,bob@x.example,regular,by_bounces,\r\n"
        "Cas,cas@x.example,sometimes,,\r\n"
    )
    assert read(text) == [
        ("ann@x.example", "Onym, Ann", "digest", True),
        ("bob@x.example", "Bob", "none", False),
    ]
    (fault,) = read_roster(text).faults
    assert fault.place == "line 4"
    assert "regular, mime_digests" in fault.why


def test_a_column_without_a_heading_is_text() -> None:
    assert [line[0] for line in read("ann@x.example\r\nbob@x.example\r\n")] == [
        "ann@x.example",
        "bob@x.example",
    ]


ENTRIES = [
    {
        "address": "http://localhost:8001/3.1/addresses/ann@x.example",
        "display_name": "Ann",
        "email": "ann@x.example",
        "delivery_mode": "summary_digests",
        "role": "member",
    },
    {"email": "bob@x.example", "delivery_mode": "regular", "delivery_status": "by_moderator"},
    {"email": "own@x.example", "role": "owner"},
    {"address": "http://localhost:8001/3.1/addresses/cas@x.example", "display_name": None},
    {"email": "nobody"},
]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"start": 0, "total_size": 5, "entries": ENTRIES}),
        json.dumps(ENTRIES, indent=1),
        "\n".join(map(json.dumps, ENTRIES)),
    ],
)
def test_json_of_mailman_3_is_read(text: str) -> None:
    assert read(text) == [
        ("ann@x.example", "Ann", "digest", False),
        ("bob@x.example", "", "none", False),
        ("cas@x.example", "", "all", False),
    ]
    roster = read_roster(text)
    assert roster.others == 1
    assert [one.place for one in roster.faults] == ["entry 5"]


def test_an_empty_roster_has_no_entries() -> None:
    assert read('{"start": 0, "total_size": 0, "http_etag": "x"}') == []


@pytest.mark.parametrize("text", ["{broken", '{"title": "404 Not Found"}', "[1, "])
def test_json_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match="JSON"):
        read_roster(text)


def test_files_beside_the_roster_say_who_gets_what() -> None:
    roster = read_roster("Ann <ann@x.example>\nbob@x.example\ncas@x.example\n")
    roster = changed(roster, read_roster("ANN@x.example\n").members, Delivery.DIGEST, plain=True)
    roster = changed(roster, read_roster("ann@x.example\ndan@x.example\n").members, Delivery.NONE)
    found = {one.address: (one.name, one.delivery.value, one.plain) for one in roster.members}
    assert found == {
        "ann@x.example": ("Ann", "none", True),
        "bob@x.example": ("", "all", False),
        "cas@x.example": ("", "all", False),
        "dan@x.example": ("", "none", False),
    }


@pytest.mark.parametrize(
    "text",
    [
        "mallory@x.example\n^.*@spam\\.example$\n",
        "# General\nban_list = ['mallory@x.example', '^.*@spam\\\\.example$']\nmax_days = 3\n",
        json.dumps({"entries": [{"email": "mallory@x.example"}, {"email": r"^.*@spam\.example$"}]}),
    ],
)
def test_bans_are_read(text: str) -> None:
    assert [one for _, one in read_bans(text)] == ["mallory@x.example", r"^.*@spam\.example$"]


def test_a_roster_of_mailman_2_may_be_in_latin_1() -> None:
    assert decode("Ånn <ann@x.example>".encode("latin-1")) == "Ånn <ann@x.example>"
    assert decode("\ufeffÅnn".encode()) == "Ånn"
