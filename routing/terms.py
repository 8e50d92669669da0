"""The fields of the query language, and how a value is looked for in each of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

import re2

from routing import measure_terms as measures
from routing.entities import EntityKind, Where
from routing.entity_terms import active, downtime, hosts, named, same_name, sender_is_contact, where
from routing.facts import Kind, Reading, SenderClass, Text, fold
from routing.faults import Fault, one_of

PRIORITIES = ("critical", "high", "normal", "low")
STATUSES = ("new", "open", "waiting", "resolved")
PATTERN_LIMIT = 200

# What a match is explained with; the mail's own words are cut to this.
_EXCERPT = 60
_PATTERN_MEMORY = 1 << 20
# Letters of scripts that put blanks between words. Chinese, Japanese, Thai, Khmer do not and Korean
# puts endings on words: there a word stands inside a run of letters.
_LETTER = re.compile(r"[^\W\u0e00-\u0eff\u1780-\u17ff\u2e80-\uffef\U00020000-\U0003ffff]")
_DOMAIN = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")

Texts = Callable[[Reading], tuple[Text, ...]]
# What was found, or None.
Search = Callable[[Text], str | None]


class Form(Enum):
    """How a value was written."""

    WORD = auto()
    PHRASE = auto()
    PATTERN = auto()


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a term; `offset` is where it stands in the query."""

    form: Form
    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class Field:
    """A field: which texts it looks in, and how it looks for a word or phrase there."""

    name: str
    texts: Texts
    literal: Callable[[Value], Search]


def field(name: str, offset: int) -> Field:
    """The field called `name` in any case; Fault when there is none."""
    found = _FIELDS.get(_SYNONYMS.get(name.lower(), name.lower()))
    if found is None:
        known = [*_FIELDS, "header"]
        raise Fault(offset, f'unknown field "{name}"', f"{one_of(known, name)}, or quotes around plain text")
    return found


def header(name: str) -> Field:
    """The field of all message headers called `name`."""
    wanted = name.lower()
    return Field(f"header:{name}", lambda reading: reading.header(wanted), _in_prose)


def search(where: Field, value: Value) -> Search:
    """How to look for `value` in a text of the field `where`; Fault when it cannot be."""
    if value.form is Form.PATTERN:
        return _pattern(value)
    return where.literal(value)


def excerpt(text: str) -> str:
    """`text` short and on one line, safe for a terminal."""
    line = "".join(c if c.isprintable() else "?" for c in text[: 2 * _EXCERPT])
    return line if len(line) <= _EXCERPT else line[: _EXCERPT - 1] + "…"


def _in_prose(value: Value) -> Search:
    """A word or phrase: literal, in any case, on word boundaries, over wrapped lines."""
    wanted = _folded(value)
    starts_word = _LETTER.match(wanted[0]) is not None
    ends_word = _LETTER.match(wanted[-1]) is not None

    def find(text: Text) -> str | None:
        folded = text.folded
        at = folded.find(wanted)
        while at >= 0:
            end = at + len(wanted)
            inside = (starts_word and _LETTER.match(folded[at - 1 : at])) or (
                ends_word and _LETTER.match(folded[end : end + 1])
            )
            if not inside:
                return wanted
            at = folded.find(wanted, at + 1)
        return None

    return find


def _in_address(value: Value) -> Search:
    """An address; a glob over whole addresses; or, without @ and *, a part of one."""
    wanted = _folded(value)
    if _is_glob(value):
        return _glob(wanted, value.offset)
    if "@" in wanted.strip("@"):
        return _equal(wanted)
    return lambda text: text.folded if wanted in text.folded else None


def _in_domain(value: Value) -> Search:
    """A domain and all below it."""
    wanted = _ascii_domain(value)
    below = "." + wanted

    def find(text: Text) -> str | None:
        return text.folded if text.folded == wanted or text.folded.endswith(below) else None

    return find


def _ascii_domain(value: Value) -> str:
    """The domain in A-labels, as addresses have them (RFC 5890 2.3.2.1)."""
    wanted = _folded(value).lstrip("@")
    try:
        ascii_domain = wanted.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_domain = ""
    if not _DOMAIN.fullmatch(ascii_domain):
        raise Fault(value.offset, f'"{value.text}" is no domain', "a domain; those below it are included")
    return ascii_domain


def _in_names(value: Value) -> Search:
    """A whole name, or a glob over whole names."""
    wanted = _folded(value)
    return _glob(wanted, value.offset) if _is_glob(value) else _equal(wanted)


def _in_registry(value: Value) -> Search:
    """A name of the registry, in any spelling, or a glob over such names."""
    wanted = _folded(value)
    if _is_glob(value):
        return _glob(wanted, value.offset)
    return lambda text: text.folded if same_name(text.folded, wanted) else None


def _among(field_name: str, known: tuple[str, ...]) -> Callable[[Value], Search]:
    """One of a closed set of words."""

    def literal(value: Value) -> Search:
        wanted = _folded(value)
        if wanted not in known:
            raise Fault(value.offset, f'unknown "{field_name}:{value.text}"', one_of(known, wanted))
        return _equal(wanted)

    return literal


def _measured(read: Callable[[str, int], Search]) -> Callable[[Value], Search]:
    """A comparison with a number."""
    return lambda value: read(value.text, value.offset)


def _equal(wanted: str) -> Search:
    return lambda text: wanted if text.folded == wanted else None


def _is_glob(value: Value) -> bool:
    return value.form is Form.WORD and ("*" in value.text or "?" in value.text)


def _glob(wanted: str, offset: int) -> Search:
    parts = (".*" if c == "*" else "." if c == "?" else re2.escape(c) for c in wanted)
    compiled = _compile("^(?:" + "".join(parts) + ")$", offset)
    return lambda text: text.folded if compiled.search(text.folded.encode("utf-8", "replace")) else None


def _pattern(value: Value) -> Search:
    if len(value.text) > PATTERN_LIMIT:
        raise Fault(value.offset, f"a pattern of {len(value.text)} characters", f"at most {PATTERN_LIMIT}")
    compiled = _compile(value.text, value.offset)

    def find(text: Text) -> str | None:
        match = compiled.search(text.encoded)
        return match.group().decode("utf-8", "replace") if match else None

    return find


def _compile(pattern: str, offset: int) -> re2._Regexp[bytes]:
    """Compile by re2 alone: time linear in the text, memory bounded; it refuses what cannot be (traps: a
    repetition of repetitions takes gigabytes elsewhere)."""
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    try:
        return re2.compile(pattern.encode("utf-8", "replace"), options)
    except re2.error as error:
        why = error.args[0].decode("utf-8", "replace") if error.args else "it does not compile"
        raise Fault(offset, f"pattern refused ({excerpt(why)})", "an expression of RE2's syntax") from error


def _folded(value: Value) -> str:
    wanted = fold(value.text)
    if not wanted:
        raise Fault(value.offset, "empty value", "a word, a phrase or *")
    return wanted


_FIELDS: dict[str, Field] = {
    made.name: made
    for made in (
        Field("from", lambda reading: reading.sender, _in_address),
        Field("name", lambda reading: reading.sender_name, _in_prose),
        Field("domain", lambda reading: reading.sender_domain, _in_domain),
        Field("sender", lambda reading: reading.sender_classes, _among("sender", tuple(SenderClass))),
        Field("sender.center", lambda reading: reading.sender_centers, _in_registry),
        Field("sender.contact", sender_is_contact, _among("sender.contact", ("yes", "no"))),
        Field("to", lambda reading: reading.recipients, _in_address),
        Field("list", lambda reading: reading.queue, _in_names),
        Field("topic", lambda reading: reading.topic, _in_names),
        Field("subject", lambda reading: reading.subject, _in_prose),
        Field("body", lambda reading: reading.body, _in_prose),
        Field("log", lambda reading: reading.log, _in_prose),
        Field("quoted", lambda reading: reading.quoted, _in_prose),
        Field("attachment", lambda reading: reading.attachments, _in_names),
        Field("attachment.size", measures.sizes, _measured(measures.size)),
        Field("time", measures.hour, _measured(measures.hours)),
        Field("weekday", measures.weekday, _among("weekday", measures.DAYS)),
        Field("age", measures.age, _measured(measures.span)),
        Field("silence", measures.silence, _measured(measures.span)),
        Field("is", lambda reading: reading.kinds, _among("is", tuple(Kind))),
        Field("tag", lambda reading: reading.tags, _in_names),
        Field("status", lambda reading: reading.status, _among("status", STATUSES)),
        Field("priority", lambda reading: reading.priority, _among("priority", PRIORITIES)),
        Field("assigned", lambda reading: reading.assigned, _in_registry),
        Field("requester", lambda reading: reading.requester, _in_address),
        Field("owner", lambda reading: reading.owner, _in_address),
        *(Field(kind.value, named(kind), _in_registry) for kind in EntityKind),
        *(
            Field(f"{kind.value}.where", where(kind), _among(f"{kind.value}.where", tuple(Where)))
            for kind in EntityKind
        ),
        Field("fqdn", hosts, _in_domain),
        Field("resource.active", active, _among("resource.active", ("yes", "no"))),
        Field("resource.downtime", downtime, _among("resource.downtime", ("now", "planned"))),
    )
}
_SYNONYMS = {"sc": "center", "sc.where": "center.where", "sender.sc": "sender.center"}
# A value without a field looks here.
PROSE = Field("text", lambda reading: reading.prose, _in_prose)
