"""The HTML of what we send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.htmlout import to_html


def body(text: str) -> str:
    return to_html(text).partition("<body>\n")[2].partition("\n</body>")[0]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("One\ntwo\n\nthree", "<p>One<br>two</p>\n<p>three</p>"),
        ("> was it?\n>\n> yes\n\nNo.", "<blockquote><p>was it?</p>\n<p>yes</p></blockquote>\n<p>No.</p>"),
        (
            "See https://x.example/a?b=1&c.",
            '<p>See <a href="https://x.example/a?b=1&amp;c">https://x.example/a?b=1&amp;c</a>.</p>',
        ),
        ("  indented", "<p>&nbsp;&nbsp;indented</p>"),
        ("<script>x</script>", "<p>&lt;script&gt;x&lt;/script&gt;</p>"),
    ],
)
def test_paragraphs_quotes_and_links(text: str, html: str) -> None:
    assert body(text) == html


@given(st.text(alphabet="<>\"'& \nahtps:/.", max_size=300))
def test_nothing_of_the_text_becomes_markup(text: str) -> None:
    html = body(text)
    for tag in ("<p>", "</p>", "<br>", "<blockquote>", "</blockquote>", "</a>"):
        html = html.replace(tag, "")
    assert "<" not in html.replace('<a href="http', "")
