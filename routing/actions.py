"""What a rule does: typed actions, read from and written to their one-line form."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from routing.faults import Fault, one_of
from routing.terms import PRIORITIES, excerpt

ACTION_LIMIT = 400
_NAME_LIMIT = 100

_SHAPE = re.compile(r"\s*([A-Za-z]+)\s*(\+=|=)?\s*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*')
_PLAIN = re.compile(r'[^\s"\\=]+')
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ADDRESS = re.compile(r"[^\s@<>(),;:\"]+@[^\s@<>(),;:\"]+")


class Verb(StrEnum):
    """All that rules can do. The value is the text in front of the argument."""

    ADD_CENTER = "center+="
    SET_CENTER = "center="
    ADD_CC = "cc+="
    ADD_NOSY = "nosy+="
    ADD_TAG = "tag+="
    PRIORITY = "priority="
    HOLD = "hold"
    REJECT = "reject"
    PRIVATE = "private"
    QUEUE = "queue="
    TOPIC = "topic="
    NOTE = "note"
    REPLY = "reply"
    STOP = "stop"
    REGISTRY = "registry"
    REMIND = "remind"


# What decides where a ticket goes: a reply never does these (a reply is never re-routed).
ROUTING = frozenset(
    {
        Verb.ADD_CENTER,
        Verb.SET_CENTER,
        Verb.ADD_CC,
        Verb.ADD_NOSY,
        Verb.QUEUE,
        Verb.REGISTRY,
        Verb.REMIND,
        Verb.REPLY,
    }
)
# Whom of a resource that the mail names, instead of an address: "cc+=security(resource)".
CONTACTS = ("contact", "admin", "security")
# Instead of a center's name: those that the registry names, and nobody else.
BY_REGISTRY = "registry"

_SYNONYMS = {"sc": "center"}
_BARE = frozenset({Verb.PRIVATE, Verb.STOP, Verb.REGISTRY})
_PHRASES = frozenset({Verb.REMIND})
_TEXTS = frozenset({Verb.HOLD, Verb.REJECT, Verb.NOTE, Verb.REPLY})


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do; `argument` is "" for the verbs that take none."""

    verb: Verb
    argument: str = ""

    def __str__(self) -> str:
        """The form that parse_action reads."""
        if self.verb in _BARE:
            return self.verb.value
        if self.verb in _TEXTS:
            return f"{self.verb.value} {_quote(self.argument)}"
        if self.verb in _PHRASES:
            return f"{self.verb.value} {self.argument}"
        plain = _PLAIN.fullmatch(self.argument)
        return self.verb.value + (self.argument if plain else _quote(self.argument))


def parse_action(text: str) -> Action:
    """Read one action, as `center+=USCMS` or `hold "advertising?"`; Fault says what was expected."""
    if len(text) > ACTION_LIMIT:
        raise Fault(ACTION_LIMIT, "a longer action", f"at most {ACTION_LIMIT} characters")
    if control := _CONTROL.search(text):
        raise Fault(control.start(), "a control character", "one line of text")
    shape = _SHAPE.match(text)
    if shape is None:
        raise Fault(0, "no action", one_of(Verb, text))
    verb = _verb(shape)
    argument = _argument(text, shape.end(), verb)
    check = _CHECKS.get(verb)
    return Action(verb, check(argument, shape.end()) if check else argument)


def _verb(shape: re.Match[str]) -> Verb:
    word = shape[1].lower()
    word = _SYNONYMS.get(word, word)
    spelled = word + (shape[2] or "")
    for verb in Verb:
        if verb.value == spelled:
            return verb
    forms = [verb.value for verb in Verb if verb.value.rstrip("+=") == word]
    if forms:
        raise Fault(shape.start(1), f'"{shape[1]}{shape[2] or ""}"', " or ".join(forms))
    raise Fault(shape.start(1), f'unknown action "{shape[1]}"', one_of(Verb, word))


def _argument(text: str, start: int, verb: Verb) -> str:
    """The rest of the action: one quoted text, or the line as it stands."""
    rest = text[start:].strip()
    if verb in _BARE:
        if rest:
            raise Fault(start, f'"{excerpt(rest)}" after "{verb.value}"', "nothing more")
        return ""
    if not rest:
        raise Fault(len(text), "no value", _example(verb))
    if not rest.startswith('"'):
        return _unquoted(rest, start, verb)
    quoted = _QUOTED.fullmatch(text, start)
    if quoted is None or not quoted[1].strip():
        raise Fault(start, "not one quoted text", _example(verb))
    return re.sub(r'\\(["\\])', r"\1", quoted[1]).strip()


def _unquoted(rest: str, start: int, verb: Verb) -> str:
    if verb in _TEXTS or '"' in rest or (" " in rest and verb not in _PHRASES):
        raise Fault(start, f"{excerpt(rest)} without quotes around it", _example(verb))
    return rest


def _example(verb: Verb) -> str:
    return _EXAMPLES.get(verb) or f'a value, as in {verb.value}NAME or {verb.value}"A NAME"'


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _name(argument: str, offset: int) -> str:
    if len(argument) > _NAME_LIMIT:
        raise Fault(offset, "a longer name", f"at most {_NAME_LIMIT} characters")
    return argument


def read_contacts(argument: str) -> str | None:
    """Which contacts `security(resource)` names; None for an address."""
    found = _OF_RESOURCE.fullmatch(argument.lower())
    return found[1] if found else None


def _cc(argument: str, offset: int) -> str:
    word, bracket, _ = argument.partition("(")
    if not bracket:
        return _address(argument, offset)
    if read_contacts(argument) is None:
        raise Fault(offset, f'"{excerpt(argument)}"', one_of([f"{one}(resource)" for one in CONTACTS], word))
    return argument.lower()


def _address(argument: str, offset: int) -> str:
    if not _ADDRESS.fullmatch(argument) or len(argument) > 254:  # RFC 5321 4.5.3.1.3, without its brackets
        raise Fault(offset, f'"{excerpt(argument)}" is no address', "one, as in cc+=ann@site.example")
    return argument


def _remind(argument: str, offset: int) -> str:
    """`after 7d to center, list` in its one form, `after 7d to center,list`."""
    found = _REMIND.fullmatch(argument.strip().lower())
    if found is None:
        raise Fault(offset, f'"{excerpt(argument)}"', _EXAMPLES[Verb.REMIND])
    steps = [_SYNONYMS.get(step, step) for step in re.split(r"\s*,\s*", found[3])]
    for step in steps:
        if step not in REMINDED:
            raise Fault(offset, f'"{step}" is nobody to be reminded', one_of(REMINDED, step))
    return f"after {int(found[1])}{found[2]} to {','.join(steps)}"


def read_remind(argument: str) -> tuple[int, tuple[str, ...]]:
    """The hours of silence and whom to tell, of what parse_action() let in."""
    _, span, _, steps = argument.split(" ")
    return int(span[:-1]) * (24 if span.endswith("d") else 1), tuple(steps.split(","))


def _priority(argument: str, offset: int) -> str:
    word = argument.lower()
    if word not in PRIORITIES:
        raise Fault(offset, f'unknown priority "{excerpt(argument)}"', one_of(PRIORITIES, word))
    return word


REMINDED = ("center", "list", "owner")
_REMIND = re.compile(r"after\s+(\d{1,3})\s*([dh])\s+to\s+([a-z]+(?:\s*,\s*[a-z]+){0,2})")
_OF_RESOURCE = re.compile(r"(contact|admin|security)\(resource\)")
_EXAMPLES = {
    Verb.REPLY: 'the text in quotes, as in reply "We move until Friday; mail is read after that."',
    Verb.ADD_NOSY: "an address, as in nosy+=ann@site.example",
    Verb.REMIND: "how long and whom, as in remind after 7d to center,list",
    Verb.HOLD: 'the reason in quotes, as in hold "advertising?"',
    Verb.REJECT: 'the reason in quotes, as in reject "this list takes no executables"',
    Verb.NOTE: 'the text in quotes, as in note "best effort, no guarantee"',
    Verb.PRIORITY: one_of(PRIORITIES, ""),
    Verb.ADD_CC: "an address, as in cc+=ann@site.example, or cc+=contact(resource)",
}
_CHECKS: dict[Verb, Callable[[str, int], str]] = {
    Verb.ADD_CENTER: _name,
    Verb.SET_CENTER: _name,
    Verb.ADD_TAG: _name,
    Verb.QUEUE: _name,
    Verb.TOPIC: _name,
    Verb.ADD_CC: _cc,
    Verb.ADD_NOSY: _address,
    Verb.PRIORITY: _priority,
    Verb.REMIND: _remind,
}
