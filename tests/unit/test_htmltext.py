"""The text of an HTML mail, whatever its tags are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailgate.mime.htmltext import to_text
from tests.support.costs import cpu_s


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("<!-- nothing -->", ""),
        ("a<br>b", "a\nb"),
        ("a<br><br><br><br>b", "a\n\nb"),
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("<p class=MsoNormal>a</p><p class=MsoNormal>&nbsp;</p><p class=MsoNormal>b</p>", "a\n\nb"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("a \n b\t c", "a b c"),
        ("a&nbsp;&nbsp;b &lt;c&gt; &#233;", "a  b <c> é"),
        ("<pre>a\n  b\n\n\tc</pre>", "a\n  b\n\n\tc"),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>c", "> a\n>\n>> b\n\nc"),
        ('<blockquote style="border:none">a</blockquote>', "a"),
        ("<ul><li>a<li>b<ol><li>c</ol></ul>", "* a\n* b\n  1. c"),
        ('<ol start="7"><li>a</li><li>b</li></ol>', "7. a\n8. b"),
        ("<table><tr><td>a<td>b<tr><td>c<td>d</table>", "a\tb\nc\td"),
        ('<a href="https://x.example/a">b</a>', "b <https://x.example/a>"),
        ('<a href="https://x.example/">x.example</a>', "x.example"),
        ('<a href="mailto:ann@x.example">ann@x.example</a>', "ann@x.example"),
        ('<a href="javascript:alert(1)">b</a>', "b"),
        ('<a href="https://x.example/a"><div>b</div></a>', "b\n<https://x.example/a>"),
        ('<img src="cid:1" alt="A queue">', "[A queue]"),
        ('<img src="https://t.example/p" width="1" height="1" alt="p">', ""),
        ('<p style="display:none">a</p>b<script>c</script><style>d</style><b hidden>e</b>', "b"),
        ("a<hr>b", "a\n" + "_" * 32 + "\nb"),
        ("<p>a<div><b>b", "a\n\nb"),
        ("<div>" * 300 + "a" + "</div>" * 300, "a"),
        ("<div>" * 3000 + "a", "a"),
    ],
)
def test_a_page_has_the_text_that_is_seen(html: str, text: str) -> None:
    assert to_text(html) == text


HOSTILE: list[Callable[[int], str]] = [
    lambda n: "<div>" * n,
    lambda n: "<!--" * n,
    lambda n: "<" * 5 * n,
    lambda n: "&" * 5 * n,
    lambda n: "<blockquote>a" * n,
    lambda n: "<a href=http://x.example>a" * n,
    lambda n: "<table><tr><td>a" * n,
    lambda n: "<div " + "a=b " * n,
    lambda n: "<p>a" * n,
    lambda n: "<font><b><i>" * n,
    lambda n: "<ul>" + "<li>a" * n,
    lambda n: "<b>" * n + "</i>" * n,
    lambda n: "<div>" * 250 + "</p>" * n,
    lambda n: "<div class=signature>a</div><blockquote>b</blockquote>" * n,
    lambda n: '<p style="display' + " " * 5 * n,
    lambda n: '<p class="' + "a " * n,
    lambda n: "<pre>" + "\n" * 5 * n,
    lambda n: "<hr>a" * n,
]


@pytest.mark.parametrize("make", HOSTILE, ids=range(len(HOSTILE)))
def test_four_times_the_hostile_page_costs_no_sixteen_times(make: Callable[[int], str]) -> None:
    small, large = make(5_000), make(20_000)
    assert cpu_s(lambda: to_text(large)) <= 9 * cpu_s(lambda: to_text(small)) + 0.02
