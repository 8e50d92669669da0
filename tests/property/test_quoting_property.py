"""Nothing of a text is lost by separating it, whatever clients and people do to it."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailgate.mime.htmltext import to_text
from mailgate.quotes.quoting import separate

# What separators look at, so that chance finds the places where they cut.
LINES = [
    *(
        "",
        " ",
        "\t",
        "Yes.",
        "It is up, since noon.",
        "Ann",
        "> Is it up?",
        ">",
        ">> older",
        ">>> import sys",
    ),
    *("On Sun, 22 Nov 2026 at 10:00, Ann <ann@x.example> wrote:", "<ann@x.example> wrote:", "wrote:"),
    *("On Sun, 22 Nov 2026 at 10:00, Ann", "Am 22.11.2026 schrieb Ann Lee:", "2026年11月22日 <a@x.example>:"),
    *("-----Original Message-----", "---------- Forwarded message ---------", "Begin forwarded message:"),
    *("From: Ann", "Sent: Sunday", "To: Bob", "Subject: Help", "Cc: Carl", "Received: from x", "Von: Ann"),
    *("_" * 32, "_" * 47, "-" * 20, "=====", "-- ", "--", "@@ -1,2 +1,2 @@", "Sent from my iPhone", "-- Ann"),
    *(
        "users mailing list -- users@lists.example",
        "To unsubscribe, mail users-leave@lists.example",
        "Tel. 12",
    ),
    *(
        "Kind regards,",
        "Phone: +49 30 1234567",
        "[EXTERNAL] Do not click links.",
        "answers inline",
        "[Ann] No.",
    ),
    "This message is confidential, for the intended recipient only; if in error notify us, delete it, "
    "do not disclose it: that is prohibited.",
    *("$ cat \\", "| Is it up?", "AL> Is it up?", "    Is it up?", "a" * 500, "> " + "b" * 500),
]
texts = st.lists(st.one_of(st.sampled_from(LINES), st.text(max_size=20)), max_size=40).map("\n".join)
words = st.text(alphabet="abcdefgh ", min_size=1, max_size=30).map(lambda word: f"x{word}".strip())
some = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def filled(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def is_in_order(part: list[str], whole: list[str]) -> bool:
    lines = iter(whole)
    return all(line in lines for line in part)


@some
@given(texts)
def test_each_line_stands_in_one_part_in_its_order(text: str) -> None:
    parts = separate(text)
    pieces = [filled(part) for part in (parts.new, parts.quoted, parts.signature)]
    assert sorted(line for piece in pieces for line in piece) == sorted(filled(text))
    assert all(is_in_order(piece, filled(text)) for piece in pieces)


@some
@given(texts)
def test_no_part_begins_or_ends_with_an_empty_line(text: str) -> None:
    parts = separate(text)
    assert not [part for part in (parts.new, parts.quoted, parts.signature) if part.strip("\n") != part]


@some
@given(st.lists(words, max_size=30))
def test_who_writes_words_alone_has_all_of_them_new(lines: list[str]) -> None:
    parts = separate("\n".join(lines))
    assert (parts.new, parts.quoted, parts.signature) == ("\n".join(lines), "", "")


@some
@given(st.lists(st.tuples(st.booleans(), words), max_size=30))
def test_words_between_marked_lines_are_new_and_marked_lines_are_not(lines: list[tuple[bool, str]]) -> None:
    parts = separate("\n".join(f"> {word}" if marked else word for marked, word in lines))
    assert parts.new == "\n".join(word for marked, word in lines if not marked)
    assert parts.quoted == "\n".join(f"> {word}" for marked, word in lines if marked)


@some
@given(texts, st.sampled_from([">>", "> >", ">"]))
def test_a_text_quoted_as_a_whole_has_nothing_new_of_words(text: str, mark: str) -> None:
    quoted = "\n".join(f"{mark} {line}" for line in text.split("\n"))
    parts = separate(f"I see.\n\nOn Sun, 22 Nov 2026 at 10:00, Ann <ann@x.example> wrote:\n{quoted}")
    assert parts.new == "I see."


TAGS = [
    *("p", "div", "span", "b", "blockquote", "ul", "ol", "li", "table", "tr", "td", "pre", "a", "h1"),
    *("font", "section"),
]
pages = st.recursive(
    words,
    lambda inside: st.one_of(
        st.lists(inside, max_size=4).map("".join),
        st.tuples(st.sampled_from(TAGS), inside).map(lambda pair: f"<{pair[0]}>{pair[1]}</{pair[0]}>"),
        st.tuples(inside, inside).map("<br>".join),
    ),
    max_leaves=25,
)


@some
@given(pages)
def test_every_word_of_a_page_is_in_its_text(page: str) -> None:
    seen = "".join(to_text(page).replace("*", "").split())
    said = "".join(part.partition(">")[2] if "<" in f"<{part}" else part for part in f">{page}".split("<"))
    letters = "abcdefghx"
    assert [c for c in seen if c in letters] == [c for c in said if c in letters]


@some
@given(
    st.text(max_size=200),
    st.lists(st.sampled_from([f"<{t}>" for t in TAGS] + ["</p>", "<!--", "&"]), max_size=20),
)
def test_any_page_has_a_text(text: str, tags: list[str]) -> None:
    assert isinstance(to_text("".join(tags) + text + "".join(reversed(tags))), str)
