"""How a center's own tracker writes its mail and wants ours: a profile is data, for trackers change."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import re2

from mailgate.message import ParsedMessage
from tracker.model import Address, BadValue, Status
from tracker.people import read_address
from tracker.words import nearest

CONTENT_LIMIT: Final = 20_000
_PATTERN_LIMIT: Final = 200
_MOST_PATTERNS: Final = 10
_PATTERN_MEMORY: Final = 1 << 20
_SUBJECT_CHARACTERS: Final = 1000
_FIELD_CHARACTERS: Final = 1000
_TEXT_CHARACTERS: Final = 16_000
_NUMBER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,39}", re.ASCII)
# What a center without a profile may call a ticket, in the subject of the mail that acknowledges ours:
# [queue #6], GGUS-Ticket-ID: #40637, ISSUE=49, [TAG-123], Ticket #17, Request 17.
_USUAL_NUMBERS: Final = (
    r"\[[^\]\[#]{1,40} #(\d{1,12})\]",
    r"(?i)ticket[- ]?id:? ?#?(\d{1,12})",
    r"ISSUE=(\d{1,12})",
    r"\[#?([A-Z][A-Z0-9]{1,9}-\d{1,12})\]",
    r"(?i)\b(?:ticket|request|case|incident) (?:number |no\.? )?#?(\d{1,12})\b",
)


@dataclass(frozen=True, slots=True)
class Places:
    """Where something stands in a tracker's mail: patterns with one group, tried in order.

    `fields` are pairs of a field's name, in lower case, and a pattern.
    """

    subject: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    text: tuple[str, ...] = ()

    def find(self, message: ParsedMessage) -> str | None:
        """What the first pattern that fits has in its group: of fields, the subject, then the new text."""
        known: dict[str, str] = {}
        for name, value in message.headers:
            known.setdefault(name.lower(), value[:_FIELD_CHARACTERS])
        subject, words = message.subject[:_SUBJECT_CHARACTERS], message.new_text[:_TEXT_CHARACTERS]
        tried = (
            *((pattern, known.get(name, "")) for name, pattern in self.fields),
            *((pattern, subject) for pattern in self.subject),
            *((pattern, words) for pattern in self.text),
        )
        return next((found for one in tried if (found := _group_of(*one)) is not None), None)


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of one tracker.

    `senders` are addresses its mail comes from, beside the center's. `address` takes our mail, None for the
    center's own; `comment` takes it once the matter is resolved there, for trackers that reopen at a mail.
    `number` is where its number stands, `status` where its word for the status does; `theirs` are its words
    and what they mean here, `ours` what we write there. `acknowledges` are subjects of its automatic answers.
    `tag` goes in front of our subjects and `status_line` under our text: with {number} and {status}.
    """

    about: str
    number: Places
    senders: tuple[Address, ...] = ()
    address: Address | None = None
    comment: Address | None = None
    acknowledges: tuple[str, ...] = ()
    status: Places = Places()
    theirs: tuple[tuple[str, Status], ...] = ()
    ours: tuple[tuple[Status, str], ...] = ()
    tag: str = ""
    status_line: str = ""

    def read_number(self, message: ParsedMessage) -> str | None:
        """What its tracker calls the matter of a mail; None where no pattern finds anything like a number."""
        return _proper(self.number.find(message))

    def read_status(self, message: ParsedMessage) -> tuple[str, Status | None]:
        """Its word for where the matter stands, and what that means here: "" where it says none."""
        word = (self.status.find(message) or "").strip().lower()
        return word, dict(self.theirs).get(word)

    def is_acknowledgement(self, message: ParsedMessage) -> bool:
        subject = message.subject[:_SUBJECT_CHARACTERS].encode("utf-8", "replace").decode()
        return any(_compiled(pattern).search(subject) is not None for pattern in self.acknowledges)

    def subject_tag(self, number: str | None) -> str:
        """What goes in front of a subject so that its tracker knows the matter; "" before it has a number."""
        return "" if number is None else self.tag.replace("{number}", number)

    def status_words(self, status: Status, number: str | None) -> str:
        """The line that tells its tracker where we stand, "" where it has no word for that."""
        word = dict(self.ours).get(status)
        if word is None or not self.status_line:
            return ""
        return self.status_line.replace("{status}", word).replace("{number}", number or "")


def usual_number(message: ParsedMessage) -> str | None:
    """What a tracker nobody described seems to call the matter of its mail."""
    return _proper(Places(subject=_USUAL_NUMBERS).find(message))


def _proper(found: str | None) -> str | None:
    return found if found is not None and _NUMBER.fullmatch(found) else None


def _group_of(pattern: str, text: str) -> str | None:
    # Half a surrogate pair has no UTF-8.
    found = _compiled(pattern).search(text.encode("utf-8", "replace").decode()) if text else None
    return None if found is None else found[1]


@lru_cache(maxsize=500)
def _compiled(pattern: str) -> re2._Regexp[str]:
    """By re2 alone: time linear in the text, whatever an operator wrote and a stranger sends."""
    options = re2.Options()
    options.max_mem = _PATTERN_MEMORY
    options.log_errors = False
    compiled: re2._Regexp[str] = re2.compile(pattern, options)
    return compiled


@lru_cache(maxsize=100)
def read_profile(content: str) -> Profile:
    """A profile from TOML; raises BadValue that names the key and what was expected."""
    if len(content) > CONTENT_LIMIT:
        raise BadValue(f"a profile has at most {CONTENT_LIMIT} characters")
    try:
        table = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise BadValue(f"the profile is no TOML: {error}") from None
    _check_keys(table, _KEYS, "")
    number = _places(table, "number")
    if number == Places():
        raise BadValue("number: say where its number stands, as in subject = ['\\[rt #(\\d+)\\]']")
    write = _table(table, "write", _WRITE_KEYS)
    status = _table(table, "status", _STATUS_KEYS)
    return Profile(
        about=_text(table, "about"),
        number=number,
        senders=_addresses(table, "senders"),
        address=_address(table, "address"),
        comment=_address(table, "comment"),
        acknowledges=_patterns(table, "acknowledges", "", groups=0),
        status=_places(status, "read", within="status."),
        theirs=_theirs(_table(status, "theirs", None, within="status.")),
        ours=_ours(_table(status, "ours", None, within="status.")),
        tag=_template(write, "tag", "{number}"),
        status_line=_template(write, "status", "{status}"),
    )


_KEYS: Final = ("about", "senders", "address", "comment", "acknowledges", "number", "status", "write")
_PLACES: Final = ("subject", "fields", "text")
_STATUS_KEYS: Final = ("read", "theirs", "ours")
_WRITE_KEYS: Final = ("tag", "status")


def _check_keys(table: Mapping[str, Any], known: Iterable[str], within: str) -> None:
    known = tuple(known)
    for key in table:
        if key not in known:
            raise BadValue(f"{within}{key}: unknown, expected one of {', '.join(known)}{nearest(key, known)}")


def _table(
    table: Mapping[str, Any], key: str, known: tuple[str, ...] | None, within: str = ""
) -> dict[str, Any]:
    found = table.get(key, {})
    if not isinstance(found, dict):
        raise BadValue(f"{within}{key}: expected a table")
    if known is not None:
        _check_keys(found, known, f"{within}{key}.")
    return found


def _text(table: Mapping[str, Any], key: str, within: str = "") -> str:
    found = table.get(key, "")
    if not isinstance(found, str) or not (found.isprintable() or not found):
        raise BadValue(f"{within}{key}: expected a text of one line")
    return found


def _template(table: Mapping[str, Any], key: str, must_hold: str) -> str:
    found = _text(table, key, "write.")
    if found and must_hold not in found:
        raise BadValue(f"write.{key}: expected {must_hold} somewhere in it")
    return found


def _address(table: Mapping[str, Any], key: str) -> Address | None:
    found = _text(table, key)
    address = read_address(found) if found else None
    if found and address is None:
        raise BadValue(f"{key}: {found!r} is no address")
    return address


def _texts(table: Mapping[str, Any], key: str, within: str) -> tuple[str, ...]:
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise BadValue(f"{within}{key}: expected a list of texts")
    if len(found) > _MOST_PATTERNS:
        raise BadValue(f"{within}{key}: expected at most {_MOST_PATTERNS}")
    return tuple(found)


def _addresses(table: Mapping[str, Any], key: str) -> tuple[Address, ...]:
    texts = _texts(table, key, "")
    read = [read_address(one) for one in texts]
    wrong = next((text for text, address in zip(texts, read, strict=True) if address is None), None)
    if wrong is not None:
        raise BadValue(f"{key}: {wrong!r} is no address")
    return tuple(address for address in read if address is not None)


def _places(table: Mapping[str, Any], key: str, within: str = "") -> Places:
    inside = f"{within}{key}."
    found = _table(table, key, _PLACES, within)
    fields = _table(found, "fields", None, inside)
    checked = [
        (name.lower(), _pattern(one, f"{inside}fields.{name}", groups=1)) for name, one in fields.items()
    ]
    subject, text = _patterns(found, "subject", inside), _patterns(found, "text", inside)
    return Places(subject=subject, fields=tuple(checked), text=text)


def _patterns(table: Mapping[str, Any], key: str, within: str, groups: int = 1) -> tuple[str, ...]:
    return tuple(_pattern(one, f"{within}{key}", groups=groups) for one in _texts(table, key, within))


def _pattern(pattern: object, where: str, *, groups: int) -> str:
    if not isinstance(pattern, str) or len(pattern) > _PATTERN_LIMIT:
        raise BadValue(f"{where}: expected a pattern of at most {_PATTERN_LIMIT} characters")
    try:
        compiled = _compiled(pattern)
    except re2.error as error:
        raise BadValue(f"{where}: {pattern!r} is no pattern: {error}") from None
    if groups and compiled.groups != groups:
        raise BadValue(f"{where}: expected one group around the value, as in 'ID: (\\d+)'")
    return pattern


def _theirs(table: Mapping[str, Any]) -> tuple[tuple[str, Status], ...]:
    return tuple((word.lower(), _status(ours, f"status.theirs.{word}")) for word, ours in table.items())


def _ours(table: Mapping[str, Any]) -> tuple[tuple[Status, str], ...]:
    return tuple((_status(ours, "status.ours"), _text(table, ours, "status.ours.")) for ours in table)


def _status(word: object, where: str) -> Status:
    known = [one.value for one in Status]
    if word not in known:
        raise BadValue(f"{where}: {word!r} is none of {', '.join(known)}{nearest(str(word), known)}")
    return Status(word)
