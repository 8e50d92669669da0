"""A Roundup export as values: people, messages, files, issues and what was changed in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from mailgate.headers import one_line
from mailgate.roundup.cells import Row, columns, journal, rows, tables, time_of
from tracker.model import Address, BadValue
from tracker.people import read_address

# What makes a class one of issues (roundup.roundupdb.IssueClass), whatever a tracker calls it.
_OF_ISSUES: Final = frozenset({"title", "messages", "nosy", "superseder"})
# The classic template's name first, then those of the templates that come beside it.
_OWNERS: Final = ("assignedto", "assignee")
_KEYWORDS: Final = ("keyword", "keywords", "topic")
_PRIORITIES: Final = ("priority", "severity")
_LONGEST_NAME: Final = 200
_SAME_MOMENT: Final = timedelta(seconds=5)
_FILES_IN_A_FOLDER: Final = 1000


@dataclass(frozen=True, slots=True)
class User:
    """Somebody; `address` is None where they have none. `gone`: retired, so not to be written to."""

    id: int
    name: str
    address: Address | None
    others: tuple[Address, ...] = ()
    timezone: str = ""
    gone: bool = False


@dataclass(frozen=True, slots=True)
class File:
    """A file that somebody added; its bytes are at `path`."""

    id: int
    name: str
    type: str
    creator: int
    at: datetime
    path: Path


@dataclass(frozen=True, slots=True)
class Note:
    """What becomes one mail: a message, or a file that came without one.

    `source` is what Roundup calls it, "msg45". `path` is where its text is, None where it has none; `at` when
    it was written, `entered` when Roundup had it.
    """

    source: str
    author: int
    at: datetime
    entered: datetime
    path: Path | None = None
    html: bool = False
    message_id: str = ""
    in_reply_to: str = ""
    recipients: tuple[int, ...] = ()
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A property of an issue that somebody changed: title, status, priority (names) or owner (a user)."""

    at: datetime
    by: int
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue; `name` is what its mails call it, "issue17". `notes` and `changes` are in order."""

    name: str
    title: str
    status: str
    priority: str
    owner: int
    creator: int
    created: datetime
    active: datetime
    keywords: tuple[str, ...]
    nosy: tuple[int, ...]
    superseded_by: tuple[str, ...]
    notes: tuple[Note, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Export:
    """A whole export. `retired` counts issues that somebody threw away there; they are not among them."""

    users: Mapping[int, User]
    issues: tuple[Issue, ...]
    retired: int = 0


@dataclass(frozen=True, slots=True)
class _Set:
    """A line of a journal: what was set, by whom, and what was there before, by column."""

    at: datetime
    by: int
    before: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Shelf:
    """All that issues refer to."""

    notes: Mapping[int, Note]
    files: Mapping[int, File]
    names: Mapping[str, Mapping[int, str]]


def read_export(folder: Path) -> Export:
    """The export in `folder`. Raises BadValue that says which line of which file cannot be read."""
    found = tables(folder)
    files = {one.id: one for one in _files(folder, found["file"])}
    if not (folder / "msg-files").is_dir() and any(rows(found["msg"])):
        raise BadValue(
            f"{folder} has no msg-files: `roundup-admin export` writes them, `exporttables` does not"
        )
    names = {stem: _names(file) for stem, file in found.items() if "name" in columns(file)}
    shelf = _Shelf(dict(_messages(folder, found["msg"], files)), files, names)
    issues: list[Issue] = []
    retired = 0
    for stem, file in found.items():
        if not _OF_ISSUES.issubset(columns(file)):
            continue
        changes = _journal(folder / f"{stem}-journals.csv")
        for row in rows(file):
            if row.retired:
                retired += 1
            else:
                issues.append(_issue(stem, row, shelf, changes.get(row.id(), ())))
    if not issues and not retired:
        raise BadValue(f"{folder} has no issues: no table of it has title, messages, nosy and superseder")
    issues.sort(key=lambda one: (one.created, one.name))
    return Export(dict(_users(found["user"])), tuple(issues), retired)


def _names(file: Path) -> dict[int, str]:
    return {row.id(): one_line(row.text("name")) for row in rows(file)}


def _users(file: Path) -> Iterator[tuple[int, User]]:
    for row in rows(file):
        name = row.text("realname") or row.text("username") or f"user{row.id()}"
        lines = row.text("alternate_addresses").replace(",", "\n").split()
        others = tuple(found for line in lines if (found := read_address(line)) is not None)
        address = read_address(row.text("address"))
        yield (
            row.id(),
            User(row.id(), one_line(name, _LONGEST_NAME), address, others, row.text("timezone"), row.retired),
        )


def _files(folder: Path, file: Path) -> Iterator[File]:
    for row in rows(file):
        if not row.retired:
            path = _content(folder, "file", row.id())
            kind = row.text("type") or "application/octet-stream"
            yield File(row.id(), one_line(row.text("name")), kind, row.id("creator"), _created(row), path)


def _messages(folder: Path, file: Path, files: Mapping[int, File]) -> Iterator[tuple[int, Note]]:
    for row in rows(file):
        if row.retired:
            continue
        yield (
            row.id(),
            Note(
                source=f"msg{row.id()}",
                author=row.id("author") or row.id("creator"),
                at=row.time("date") or _created(row),
                entered=_created(row),
                path=_content(folder, "msg", row.id()),
                html=row.text("type") == "text/html",
                message_id=row.text("messageid").strip(),
                in_reply_to=row.text("inreplyto").strip(),
                recipients=row.ids("recipients"),
                files=tuple(files[one] for one in row.ids("files") if one in files),
            ),
        )


def _content(folder: Path, stem: str, number: int) -> Path:
    """Where an export keeps the bytes of a message or file (roundup.backends.blobfiles)."""
    return folder / f"{stem}-files" / str(number // _FILES_IN_A_FOLDER) / f"{stem}{number}"


def _created(row: Row) -> datetime:
    at = row.time("creation") or row.time("activity")
    if at is None:
        raise BadValue(f"{row.place}: it does not say when it was made")
    return at


def _issue(stem: str, row: Row, shelf: _Shelf, journaled: Sequence[_Set]) -> Issue:
    name, created = f"{stem}{row.id()}", _created(row)
    words = next((shelf.names[one] for one in _KEYWORDS if one in shelf.names), {})
    return Issue(
        name=name,
        title=one_line(row.text("title")),
        status=_named(shelf, row, "status"),
        priority=next((found for one in _PRIORITIES if (found := _named(shelf, row, one))), ""),
        owner=next((row.id(one) for one in _OWNERS if one in row.cells), 0),
        creator=row.id("creator"),
        created=created,
        active=row.time("activity") or created,
        keywords=tuple(words[one] for name in _KEYWORDS for one in row.ids(name) if one in words),
        nosy=row.ids("nosy"),
        superseded_by=tuple(f"{stem}{one}" for one in row.ids("superseder")),
        notes=tuple(_notes(name, row, shelf, created)),
        changes=tuple(_changes(row, shelf, journaled)),
    )


def _named(shelf: _Shelf, row: Row, column: str) -> str:
    return shelf.names.get(column, {}).get(row.id(column), "") if column in row.cells else ""


def _notes(name: str, row: Row, shelf: _Shelf, created: datetime) -> list[Note]:
    """What becomes mails, in the order Roundup had them; an issue without a message still gets an opening."""
    notes = [shelf.notes[one] for one in dict.fromkeys(row.ids("messages")) if one in shelf.notes]
    if not notes:
        notes = [Note(name, row.id("creator"), created, created)]
    with_one = {file.id for note in notes for file in note.files}
    for number in dict.fromkeys(row.ids("files")):
        if number in shelf.files and number not in with_one:
            _put(notes, shelf.files[number])
    return sorted(notes, key=lambda note: note.entered)


def _put(notes: list[Note], file: File) -> None:
    """Give a file to the message it was sent with, else a note of its own.

    What is typed into Roundup's page makes a message and a file, each of the issue, at the same moment.
    """
    for n, note in enumerate(notes):
        if note.author == file.creator and abs(note.entered - file.at) <= _SAME_MOMENT:
            notes[n] = replace(note, files=(*note.files, file))
            return
    notes.append(Note(f"file{file.id}", file.creator, file.at, file.at, files=(file,)))


def _journal(file: Path) -> dict[int, list[_Set]]:
    """What was set in each issue, oldest first."""
    found: dict[int, list[_Set]] = {}
    for place, (number, time, user, action, before) in journal(file):
        at = time_of(time)
        if action != "set" or not isinstance(before, dict):
            continue
        if at is None or not _is_number(number):
            raise BadValue(f"{place}: no line of a journal")
        by = int(user) if _is_number(user) else 0
        found.setdefault(int(number), []).append(_Set(at, by, before))
    for several in found.values():
        several.sort(key=lambda one: one.at)
    return found


def _changes(row: Row, shelf: _Shelf, journaled: Sequence[_Set]) -> list[Change]:
    """The journal keeps what was before; what came after is what was before the next change, or is now."""
    followed = tuple(_followed(row))
    now: dict[str, Any] = {what: row.cells.get(column) for what, column in followed}
    found: list[Change] = []
    for one in reversed(journaled):
        for what, column in reversed(followed):
            if column in one.before:
                before = one.before[column]
                texts = _shown(shelf, column, before), _shown(shelf, column, now[what])
                found.append(Change(one.at, one.by, what, *texts))
                now[what] = before
    return found[::-1]


def _followed(row: Row) -> Iterator[tuple[str, str]]:
    for what, known in (
        ("title", ("title",)),
        ("status", ("status",)),
        ("priority", _PRIORITIES),
        ("owner", _OWNERS),
    ):
        column = next((one for one in known if one in row.cells), None)
        if column is not None:
            yield what, column


def _shown(shelf: _Shelf, column: str, value: Any) -> str:
    """A title to the letter, the name of a status or priority, the number of a user."""
    if value is None:
        return ""
    text = one_line(str(value))
    return shelf.names[column].get(int(text), "") if column in shelf.names and _is_number(text) else text


def _is_number(value: object) -> bool:
    return str(value).isascii() and str(value).isdigit()
