"""The condition language: parse a query, ask it of a mail, and say why it holds or not.

    query  = [ either ]                                an empty query holds always
    either = every *( ( "or" / "|" ) every )
    every  = unary *( [ "and" ] unary )
    unary  = ( "not" / "-" ) unary / "(" either ")" / term
    term   = "*" / value / field ":" values / "header:" name ":" values
    values = "*" / value *( "|" value ) / "(" value *( "|" value ) ")"     blanks around "|" only in ( )
    value  = word / <"> phrase <"> / "~/" pattern "/"

A word or phrase is literal, in any case, on word boundaries; without a field it is looked for in the
subject and the new text. `field:*` asks whether there is any. In a phrase `\\"` is a quote and `\\\\` a
backslash, in a pattern `\\/` is a slash. Patterns are RE2's, in any case unless they say (?-i).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Protocol

from routing import terms
from routing.facts import Reading
from routing.faults import Fault
from routing.terms import Field, Form, Search, Value

QUERY_LIMIT = 8000
DEPTH_LIMIT = 20

_SPACE = re.compile(r"\s*")
_KEYWORD = re.compile(r"(and|or|not)(?=[\s()]|$)", re.IGNORECASE)
_FIELD = re.compile(r"([A-Za-z][A-Za-z_.-]*):")
_HEADER = re.compile(r"([!-9;-~]+):")  # a field name by RFC 5322 2.2
_WORD = re.compile(r'[^\s"()|]+')
_PHRASE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_PATTERN = re.compile(r"~/((?:[^/\\]|\\.)*)/", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

# Whether it holds, and why or why not.
Outcome = tuple[bool, str]


class Node(Protocol):
    """A part of a query."""

    def test(self, reading: Reading) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Always:
    def test(self, reading: Reading) -> Outcome:
        return True, "always"


@dataclass(frozen=True, slots=True)
class Not:
    node: Node
    text: str

    def test(self, reading: Reading) -> Outcome:
        holds, why = self.node.test(reading)
        return not holds, why if holds else self.text


@dataclass(frozen=True, slots=True)
class Every:
    nodes: tuple[Node, ...]

    def test(self, reading: Reading) -> Outcome:
        reasons = []
        for node in self.nodes:
            holds, why = node.test(reading)
            if not holds:
                return False, why
            reasons.append(why)
        return True, ", ".join(reasons)


@dataclass(frozen=True, slots=True)
class Either:
    nodes: tuple[Node, ...]
    text: str

    def test(self, reading: Reading) -> Outcome:
        for node in self.nodes:
            holds, why = node.test(reading)
            if holds:
                return True, why
        return False, self.text


@dataclass(frozen=True, slots=True)
class Present:
    field: Field

    def test(self, reading: Reading) -> Outcome:
        found = bool(self.field.texts(reading))
        return found, f"{self.field.name}:*" if found else f"no {self.field.name}"


@dataclass(frozen=True, slots=True)
class Term:
    field: Field
    searches: tuple[Search, ...]
    text: str

    def test(self, reading: Reading) -> Outcome:
        for text in self.field.texts(reading):
            for search in self.searches:
                found = search(text)
                if found is not None:
                    return True, f"{self.field.name}: {terms.excerpt(found)}"
        return False, self.text


@dataclass(frozen=True, slots=True)
class Query:
    """A condition as it was written; two are equal when they were written alike."""

    text: str
    node: Node = attribute(compare=False, repr=False)

    @property
    def unconditional(self) -> bool:
        return isinstance(self.node, Always)

    def test(self, reading: Reading) -> Outcome:
        """Whether the mail meets the condition, and why or why not."""
        return self.node.test(reading)


def parse_query(text: str) -> Query:
    """Read a condition; Fault says where it goes wrong and what was expected."""
    if len(text) > QUERY_LIMIT:
        raise Fault(QUERY_LIMIT, "a longer query", f"at most {QUERY_LIMIT} characters")
    if control := _CONTROL.search(text):
        raise Fault(control.start(), "a control character", "text")
    return Query(text, _Parser(text).parse())


class _Parser:
    """Recursive descent over the text; every method begins and ends at `_at`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def parse(self) -> Node:
        self._skip_space()
        if self._ended():
            return Always()
        node = self._either()
        if not self._ended():
            raise Fault(self._at, f'unexpected "{self._text[self._at]}"', 'a term, "and", "or" or the end')
        return node

    def _either(self) -> Node:
        start = self._at
        nodes = [self._every()]
        while self._take("|") or self._take_keyword("or"):
            nodes.append(self._every())
        return nodes[0] if len(nodes) == 1 else Either(tuple(nodes), self._missed(start))

    def _every(self) -> Node:
        nodes = [self._unary()]
        while not (self._ended() or self._text[self._at] in "|)" or self._keyword() == "or"):
            self._take_keyword("and")
            nodes.append(self._unary())
        return nodes[0] if len(nodes) == 1 else Every(tuple(nodes))

    def _unary(self) -> Node:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise Fault(self._at, "nested too deep", f"at most {DEPTH_LIMIT} levels")
        start = self._at
        if self._take_keyword("not") or self._take_minus():
            node: Node = self._unary()
            node = Not(node, f"not {terms.excerpt(self._text[start : self._at].lstrip('-').strip())}")
        elif self._take("("):
            node = self._either()
            self._expect_end_of_group("a term")
        else:
            node = self._term()
        self._depth -= 1
        return node

    def _term(self) -> Node:
        start = self._at
        if self._keyword():
            raise Fault(
                start, f'"{self._keyword()}" without a condition beside it', "a term, or quotes around it"
            )
        named = _FIELD.match(self._text, self._at)
        where = self._field(named) if named else terms.PROSE
        if self._any_value():
            return Present(where) if named else Always()
        values = self._values() if named else [self._single()]
        return Term(where, tuple(terms.search(where, value) for value in values), self._missed(start))

    def _field(self, named: re.Match[str]) -> Field:
        self._at = named.end()
        if named[1].lower() != "header":
            return terms.field(named[1], named.start())
        name = _HEADER.match(self._text, self._at)
        if name is None:
            raise Fault(
                self._at, "no name of a header", 'header:NAME:text, as in header:X-Mailer:"Example 1"'
            )
        self._at = name.end()
        return terms.header(name[1])

    def _any_value(self) -> bool:
        """Take a lone `*`, which is no glob."""
        word = _WORD.match(self._text, self._at)
        if word is None or word[0] != "*":
            return False
        self._at = word.end()
        self._gap()
        return True

    def _values(self) -> list[Value]:
        if self._take("("):
            return self._group()
        values = [self._value()]
        while self._text.startswith("|", self._at):
            self._at += 1
            if _FIELD.match(self._text, self._at):
                raise Fault(self._at, '"|" before another field', '"or" with blanks around it')
            values.append(self._value())
        self._gap()
        return values

    def _single(self) -> Value:
        value = self._value()
        self._gap()
        return value

    def _group(self) -> list[Value]:
        values = [self._value()]
        self._skip_space()
        while self._take("|"):
            values.append(self._value())
            self._skip_space()
        self._expect_end_of_group('"|" and another value')
        return values

    def _value(self) -> Value:
        at = self._at
        for form, shape in ((Form.PHRASE, _PHRASE), (Form.PATTERN, _PATTERN), (Form.WORD, _WORD)):
            if found := shape.match(self._text, at):
                self._at = found.end()
                return _checked(Value(form, _unescaped(form, found), at))
        if self._text.startswith('"', at):
            raise Fault(at, "a phrase without its end", 'a closing "')
        raise Fault(at, "no value", 'a word, a "phrase", ~/a pattern/ or *')

    def _gap(self) -> None:
        """What follows a term is set off from it: `a"b"` and `f(x)` are slips, not two terms."""
        if not self._ended() and self._text[self._at] not in ")|" and not self._text[self._at].isspace():
            raise Fault(self._at, f'unexpected "{self._text[self._at]}"', "a blank between two terms")
        self._skip_space()

    def _expect_end_of_group(self, other: str) -> None:
        if not self._take(")"):
            found = "the end" if self._ended() else f'"{self._text[self._at]}"'
            raise Fault(self._at, f"unexpected {found}", f'{other} or ")"')

    def _take(self, mark: str) -> bool:
        if not self._text.startswith(mark, self._at):
            return False
        self._at += len(mark)
        self._skip_space()
        return True

    def _take_minus(self) -> bool:
        if not self._text.startswith("-", self._at):
            return False
        self._at += 1
        if self._ended() or self._text[self._at].isspace():
            raise Fault(self._at, 'nothing right after "-"', "a term, as in -subject:test")
        return True

    def _take_keyword(self, word: str) -> bool:
        return self._keyword() == word and self._take(self._text[self._at : self._at + len(word)])

    def _keyword(self) -> str:
        found = _KEYWORD.match(self._text, self._at)
        return found[1].lower() if found else ""

    def _skip_space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _ended(self) -> bool:
        return self._at >= len(self._text)

    def _missed(self, start: int) -> str:
        """How to say that the part of the query from `start` to here does not hold."""
        return f"no {terms.excerpt(' '.join(self._text[start : self._at].split()))}"


def _checked(value: Value) -> Value:
    if value.form is Form.WORD and value.text.startswith("~/"):
        raise Fault(value.offset, "a pattern without its end", "a closing /")
    return value


def _unescaped(form: Form, found: re.Match[str]) -> str:
    match form:
        case Form.PHRASE:
            return re.sub(r'\\(["\\])', r"\1", found[1])
        case Form.PATTERN:
            return found[1].replace("\\/", "/")
        case Form.WORD:
            return found[0]
