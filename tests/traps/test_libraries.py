"""Inputs on which other libraries for quotes, HTML, charsets, templates and patterns hang, burst or err.

Most of those libraries are none of ours: what we have in their place is given the same inputs.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mailgate.clean import decode
from mailgate.message import SeparatedText
from mailgate.mime.htmltext import to_text
from mailgate.quotes.quoting import separate
from routing.facts import Facts, Reading
from routing.faults import Fault
from routing.query import parse_query
from tests.support.community import LIST, Community
from tests.support.costs import cpu_s, memory

MIB = 2**20
MONDAY = "On Monday, " + "a" * 500 + " "
STRIPPERS = {
    "on": "On " * 20_000,
    "on-lines": "On\n" * 20_000,
    "monday": MONDAY * 200,
    "empty": "\n" * 20_000,
    "tabs": "\t\n" * 10_000,
    "schrieb": "Am 1.1.2020 schrieb" * 3000,
    "schrieb-lines": "Am 1.1.2020 schrieb\n" * 3000,
    "quotes": "> a\n" * 20_000,
    "from": "From: a\n" * 5000,
    "wrote": "wrote:\n" * 20_000,
}
CONVERTERS = {
    "nested": "<div>" * 200_000,
    "ampersands": "&" * MIB,
    "comments": "<!--" * 100_000,
    "less-than": "<" * MIB,
    "entities": "&#x41;" * 150_000,
    "attributes": "<a " + "b=c " * 200_000 + ">x</a>",
    "tables": "<table><tr><td>" * 60_000,
    "lists": "<ul><li>" * 100_000,
    "quotes": "<blockquote>" * 80_000,
    "unclosed": "<p><b><i>x" * 80_000,
    "cdata": "<![CDATA[" * 100_000,
}


@pytest.mark.parametrize("mail", STRIPPERS.values(), ids=STRIPPERS)
def test_d1_what_stops_other_strippers_is_separated_at_once(mail: str) -> None:
    assert isinstance(separate(mail), SeparatedText)
    assert cpu_s(lambda: separate(mail), times=2) < 1


@pytest.mark.parametrize("html", CONVERTERS.values(), ids=CONVERTERS)
def test_d2_what_stops_other_converters_is_text_soon(html: str) -> None:
    assert cpu_s(lambda: to_text(html), times=1) < 3


def test_d3_no_address_of_a_picture_is_left_in_the_text() -> None:
    html = (
        '<p>Hello <img src="http://tracker.example/seen.gif" alt=""> you<link href="http://tracker.example/">'
    )
    assert to_text(html) == "Hello you"


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        ("Привет".encode("koi8-r"), "koi8-r", "Привет"),
        ("Grüße".encode("latin-1"), "iso-8859-1", "Grüße"),
        ("Grüße aus Köln".encode("latin-1"), "", "Grüße aus Köln"),
        ("Добрый день, задачи стоят".encode("koi8-r"), "", "Добрый день, задачи стоят"),
        ("Добрый день, задачи стоят".encode("cp1251"), "", "Добрый день, задачи стоят"),
        ("Grüße".encode(), "koi8-nobody-knows", "Grüße"),
    ],
)
def test_d6_short_legacy_text_is_read_by_its_label_then_by_what_it_looks_like(
    data: bytes, charset: str, text: str
) -> None:
    assert decode(data, charset) == text


@pytest.mark.parametrize("template", ["{{ 'a' * 10**7 }}", "{{ '%09999999d' % 1 }}"])
def test_d8_the_sandbox_of_templates_bounds_no_memory(template: str) -> None:
    sandbox = ImmutableSandboxedEnvironment()
    assert memory(lambda: sandbox.from_string(template).render()) > 9 * MIB


def test_d8_what_a_mail_says_is_a_value_and_no_template(community: Community) -> None:
    said = "{{ 'a' * 10**9 }}{% for x in range(10**9) %}x{% endfor %}{{ self.__class__ }}"
    community.subscribe("bob@y.example")
    community.add_center("Operations", "ops@center.example", "all")
    rule = {"name": "all", "phase": "route", "when": "", "then": ["center+=Operations"]}
    community.put_rules("[[rule]]\n" + "".join(f"{key} = {value!r}\n" for key, value in rule.items()))
    community.inject(f"From: ann@x.example\nTo: {LIST}\nSubject: {said}\n\n{said}\n".encode())
    assert community.tickets()[0]["title"] == said
    assert {copy.recipient for copy in community.bag.copies} >= {"bob@y.example", "ops@center.example"}
    assert all(len(copy.content) < 10_000 for copy in community.bag.copies)


def test_d9_a_pattern_that_hangs_the_standard_library_is_answered_at_once_by_ours() -> None:
    text = "a" * 27 + "!"
    program = f"import re; re.search(r'(a+)+$', {text!r})"
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", program], timeout=1.5, check=False)
    mail = Reading(Facts(subject=text * 1000))
    assert cpu_s(lambda: parse_query("subject:~/(a+)+$/").test(mail)) < 0.1


@pytest.mark.parametrize("pattern", ["((a{1000}){1000}){1000}", "((a{100}){100}){100}", r"(a)\1"])
def test_d9_a_pattern_that_is_a_bomb_or_needs_to_go_back_is_refused(pattern: str) -> None:
    with pytest.raises(Fault, match="pattern refused"):
        parse_query(f"subject:~/{pattern}/")
