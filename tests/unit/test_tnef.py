"""winmail.dat: read as far as it goes, whatever it is."""

from __future__ import annotations

import struct

import pytest

from mailgate.mime import rtf
from mailgate.mime.tnef import TnefFile, read_tnef
from tests.support.tnef import HEAD, attribute, prop, properties, renders


def test_other_bytes_are_no_tnef() -> None:
    assert read_tnef(b"") is None
    assert read_tnef(b"PK\x03\x04 and so on") is None


def test_nothing_inside_is_nothing() -> None:
    found = read_tnef(HEAD)
    assert found is not None
    assert (found.files, found.text()) == ((), "")


def test_files_have_the_names_that_outlook_shows() -> None:
    found = read_tnef(
        HEAD
        + attribute(0x00069007, struct.pack("<II", 1251, 0))
        + renders()
        + attribute(0x00018010, b"SHORT~1.TXT\0")
        + attribute(0x0006800F, b"one")
        + attribute(0x00069005, properties(prop(0x3707, 0x1F, "Länger.txt\0".encode("utf-16-le"))))
        + renders()
        + attribute(0x00018010, "отчёт.txt".encode("cp1251"))
        + attribute(0x0006800F, b"two")
    )
    assert found is not None
    assert found.files == (TnefFile("Länger.txt", content=b"one"), TnefFile("отчёт.txt", content=b"two"))


def test_a_file_may_stand_in_the_properties() -> None:
    stream = properties(
        prop(0x0E20, 0x03, struct.pack("<I", 3)),
        prop(0x8001, 0x1E, b"named\0", name=0x8539),
        prop(0x8002, 0x1E, b"named\0", name="keyword"),
        prop(0x3701, 0x102, b"\x89PNG"),
        prop(0x370E, 0x1E, b"image/PNG\0"),
        prop(0x3712, 0x1E, b"i1@x\0"),
    )
    found = read_tnef(HEAD + renders() + attribute(0x00018010, b"a.png\0") + attribute(0x00069005, stream))
    assert found is not None
    assert found.files == (TnefFile("a.png", "image/png", "i1@x", b"\x89PNG"),)


def test_a_message_inside_is_one_file() -> None:
    stream = properties(prop(0x3701, 0x0D, bytes(16) + HEAD))
    found = read_tnef(HEAD + renders() + attribute(0x00069005, stream))
    assert found is not None
    assert found.files == (TnefFile(kind="application/ms-tnef", content=HEAD),)


def test_the_plain_text_comes_before_the_rich_one() -> None:
    body = attribute(0x0002800C, b"Plain.\r\n\0")
    rich = attribute(0x00069003, properties(prop(0x1009, 0x102, stored(rb"{\rtf1 Rich.}"))))
    assert [found.text() for each in (body + rich, rich) if (found := read_tnef(HEAD + each))] == [
        "Plain.\n",
        "Rich.\n",
    ]


def stored(content: bytes) -> bytes:
    return struct.pack("<IIII", len(content) + 12, len(content), 0x414C454D, 0) + content


@pytest.mark.parametrize(
    "data",
    [
        attribute(0x00069003, struct.pack("<I", 2**32 - 1)),
        attribute(0x00069003, struct.pack("<IHHI", 9, 0x1003, 0x1000, 2**32 - 1)),
        attribute(0x00069003, struct.pack("<IHHI", 9, 0x101E, 0x1000, 2**32 - 1)),
        attribute(0x00069003, struct.pack("<IHH", 9, 0x1E, 0x8000)),
        attribute(0x00069003, struct.pack("<IHHII", 9, 0x1E, 0x1000, 1, 2**32 - 1)),
        attribute(0x0006800F, b"no file began"),
        struct.pack("<BII", 2, 0x0006800F, 2**32 - 1) + b"cut",
        renders() * 10_000,
        b"\0" * 1_000_000,
    ],
)
def test_what_is_broken_is_read_as_far_as_it_goes(data: bytes) -> None:
    found = read_tnef(HEAD + data)
    assert found is not None
    assert (found.files, found.text()) == ((), "")


def test_rich_text_is_unpacked() -> None:
    # Literals "{\rtf1 ab", then a reference to the last two (seven bytes of copy), then "}" and the end.
    data = b"\x00{\\rtf1 a" + b"\x02b" + struct.pack(">H", (207 + 7) << 4 | 5) + b"}" + b"\0"
    packed = struct.pack("<IIII", len(data) + 12, 17, 0x75465A4C, 0) + data
    assert rtf.decompress(packed).startswith(rb"{\rtf1 ababababa}")
    assert rtf.to_text(rtf.decompress(packed)) == "ababababa\n"


@pytest.mark.parametrize("data", [b"", b"\0" * 16, struct.pack("<IIII", 99, 2**31, 0x75465A4C, 0)])
def test_broken_rich_text_is_no_text(data: bytes) -> None:
    assert rtf.decompress(data) == b""


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (rb"{\rtf1\ansi\ansicpg1251 \'cf\'f0\'e8\par x}", "При\nx\n"),
        (rb"{\rtf1{\fonttbl{\f0 Arial;}}{\*\generator x;}Caf\u233?\tab \{a\}}", "Café\t{a}\n"),
        (rb"{\rtf1\uc1\u-10179?\u-8704?}", "\U0001f600\n"),
        (rb"{\rtf1{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Seen\htmlrtf }\htmlrtf0 }", "Seen\n"),
        (rb"{\rtf1\ansicpg99999 \'e9" + b"}" * 9, "é\n"),
        (b"{" * 100_000, "\n"),
        (b"\\", "\n"),
    ],
)
def test_rich_text_loses_its_formatting(source: bytes, text: str) -> None:
    assert rtf.to_text(source) == text


@pytest.mark.parametrize(("count", "opened"), [(200, True), (201, False)])
def test_one_of_too_many_files_is_left_whole(count: int, *, opened: bool) -> None:
    file = renders() + attribute(0x00018010, b"a.txt\0") + attribute(0x0006800F, b"text")
    found = read_tnef(HEAD + file * count)
    assert (found is not None and len(found.files) == count) is opened
