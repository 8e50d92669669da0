"""Reading the roster of another list manager: who is on a list, and how they want it.

Text, a member a line (Mailman 2's `list_members`, Mailman 3's `mailman members`), CSV with or without a
heading, and the JSON of Mailman 3's REST interface, whole or an entry a line.
"""

from __future__ import annotations

import ast
import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Any, Final

from tracker.model import Address, BadValue, Delivery
from tracker.people import normalise_address

_NAMED: Final = re.compile(r"(?s)\s*(.*?)\s*<([^<>]*)>\s*")
_QUOTED: Final = re.compile(r'(?s)"(.*)"')
_ESCAPED: Final = re.compile(r"\\(.)")
_BANS: Final = re.compile(r"^ban_list\s*=\s*(\[.*\])\s*$", re.MULTILINE)
_LONGEST_NAME: Final = 200
_COLUMNS: Final = {
    "email": "email",
    "address": "email",
    "e-mail": "email",
    "subscriber": "email",
    "display_name": "name",
    "name": "name",
    "full name": "name",
    "realname": "name",
    "delivery_mode": "mode",
    "mode": "mode",
    "delivery_status": "status",
    "status": "status",
    "role": "role",
}
_MODES: Final = {
    "": (Delivery.ALL, False),
    "regular": (Delivery.ALL, False),
    "mime_digests": (Delivery.DIGEST, False),
    "summary_digests": (Delivery.DIGEST, False),
    "plaintext_digests": (Delivery.DIGEST, True),
}
_STATUSES: Final = {"": True, "enabled": True} | dict.fromkeys(
    ("by_user", "by_moderator", "by_bounces", "unknown"), False
)


@dataclass(frozen=True, slots=True)
class Member:
    """One of a roster. `place` is where it stands, "line 7"; `plain`: digests as one text."""

    place: str
    address: Address
    name: str = ""
    delivery: Delivery = Delivery.ALL
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """What is no member, where it stands, and why."""

    place: str
    why: str


@dataclass(frozen=True, slots=True)
class Roster:
    """The members of a file, each once, and what could not be read. `others` are owners, moderators and so
    on, who are not on the list as such; `twice` counts members that stood there before.
    """

    members: tuple[Member, ...] = ()
    faults: tuple[Fault, ...] = ()
    others: int = 0
    twice: int = 0


@dataclass(frozen=True, slots=True)
class _Row:
    """What a file says of one, by the names of `_COLUMNS`."""

    place: str
    values: Mapping[str, str]


def decode(content: bytes) -> str:
    """A file's text: UTF-8, or what Mailman 2 wrote for lists in western languages."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def read_roster(text: str) -> Roster:
    """The members in a file of any of the shapes; raises BadValue for JSON or CSV that is none at all."""
    found: dict[str, Member] = {}
    faults: list[Fault] = []
    others = twice = 0
    for row in _rows(text):
        if row.values.get("role", "") not in ("", "member"):
            others += 1
            continue
        try:
            member = _member(row)
        except BadValue as error:
            faults.append(Fault(row.place, str(error)))
            continue
        twice += member.address.casefold() in found
        found.setdefault(member.address.casefold(), member)
    return Roster(tuple(found.values()), tuple(faults), others, twice)


def changed(roster: Roster, others: Iterable[Member], delivery: Delivery, *, plain: bool = False) -> Roster:
    """The roster when `others` get the list that way; who is missing in it is added."""
    found = {one.address.casefold(): one for one in roster.members}
    for one in others:
        known = found.get(one.address.casefold(), one)
        found[one.address.casefold()] = replace(known, delivery=delivery, plain=plain or known.plain)
    return replace(roster, members=tuple(found.values()))


def read_bans(text: str) -> tuple[tuple[str, str], ...]:
    """Who is banned, each with its place: one a line, Mailman 2's `ban_list = […]`, or REST's JSON."""
    listed = _BANS.search(text)
    if listed is not None:
        place = f"line {text.count(chr(10), 0, listed.start()) + 1}"
        with suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return tuple((place, str(one)) for one in ast.literal_eval(listed[1]))
        raise BadValue(f"{place} is no list of bans")
    if text.lstrip()[:1] in ("{", "["):
        return tuple((row.place, row.values.get("email", "")) for row in _json_rows(text))
    return tuple((place, line) for place, line in _lines(text))


def _rows(text: str) -> Iterator[_Row]:
    if text.lstrip()[:1] in ("{", "["):
        return _json_rows(text)
    heading = _heading(text)
    return _text_rows(text) if not heading else _csv_rows(text, heading)


def _json_rows(text: str) -> Iterator[_Row]:
    """Entries of REST: {"entries": […]}, an array, or one object a line."""
    for n, entry in enumerate(_entries(text), 1):
        if not isinstance(entry, dict):
            yield _Row(f"entry {n}", {"email": str(entry)})
            continue
        values = {_COLUMNS[key]: str(entry[key] or "") for key in _COLUMNS if key in entry}
        # REST's `address` is a link to it.
        email = entry.get("email") or str(entry.get("address") or "").rpartition("/")[2]
        yield _Row(f"entry {n}", values | {"email": str(email)})


def _entries(text: str) -> Sequence[Any]:
    try:
        whole = json.loads(text)
    except RecursionError:
        raise BadValue("it begins as JSON, and is nested beyond sense") from None
    except json.JSONDecodeError as first:
        try:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        except (json.JSONDecodeError, RecursionError):
            raise BadValue(f"it begins as JSON, and is none: line {first.lineno}, {first.msg}") from None
    if isinstance(whole, list):
        return whole
    entries = whole.get("entries")
    if entries is None and "email" in whole:
        return [whole]
    if entries is None and whole.get("total_size") != 0:
        raise BadValue('it is JSON without "entries"')
    if not isinstance(entries or [], list):
        raise BadValue('it is JSON, and its "entries" are no list')
    return entries or []


def _heading(text: str) -> list[str]:
    """The columns that the first line of a CSV names; [] where it names none."""
    first = next((line for _, line in _lines(text)), "")
    names = [_COLUMNS.get(cell.strip(' "').casefold(), "") for cell in first.split(",")]
    return names if "email" in names else []


def _csv_rows(text: str, heading: Sequence[str]) -> Iterator[_Row]:
    reader = csv.reader(text.splitlines())
    past = False
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells) or cells[0].lstrip().startswith("#"):
                continue
            if past:
                named = {name: cell.strip() for name, cell in zip(heading, cells, strict=False) if name}
                yield _Row(f"line {reader.line_num}", named)
            past = True
    except csv.Error as error:
        raise BadValue(f"line {reader.line_num}: {error}") from None


def _text_rows(text: str) -> Iterator[_Row]:
    for place, line in _lines(text):
        named = _NAMED.fullmatch(line)
        if named is None:
            yield _Row(place, {"email": line})
        else:
            yield _Row(place, {"email": named[2], "name": _unquoted(named[1])})


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Lines with something on them, and where they stand; not remarks."""
    for n, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield f"line {n}", line.strip()


def _unquoted(name: str) -> str:
    quoted = _QUOTED.fullmatch(name)
    return _ESCAPED.sub(r"\1", quoted[1]) if quoted else name


def _member(row: _Row) -> Member:
    """Raises BadValue for what is no address, or says something that we do not know."""
    address = normalise_address(row.values.get("email", ""))
    if any(character.isspace() or character in "<>,;:" for character in address.rpartition("@")[0]):
        raise BadValue(f"{row.values['email']!r} is not an e-mail address")
    mode = _chosen(row, "mode", _MODES)
    enabled = _chosen(row, "status", _STATUSES)
    delivery = mode[0] if enabled else Delivery.NONE
    return Member(row.place, address, _name(row.values.get("name", "")), delivery, mode[1])


def _chosen(row: _Row, column: str, known: Mapping[str, Any]) -> Any:
    word = row.values.get(column, "").strip().casefold().rpartition(".")[2]
    if word not in known:
        raise BadValue(f"{row.values[column]!r} is none of {', '.join(filter(None, known))}")
    return known[word]


def _name(text: str) -> str:
    """A name as people read it: Mailman 2 writes what is not ASCII as a mail would."""
    with suppress(HeaderParseError, LookupError, UnicodeError):
        text = str(make_header(decode_header(text)))
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))[:_LONGEST_NAME]
