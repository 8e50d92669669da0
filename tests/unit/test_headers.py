"""The header writer: nothing injected, nothing destroyed, every line within bounds."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.header import decode_header

import pytest

from mailgate.headers import (
    Field,
    HeaderUnsafe,
    is_address,
    list_id,
    mailboxes,
    one_line,
    split_message,
    strip_fields,
    text,
    tokens,
    verbatim,
    write_header,
)
from mailgate.message import Mailbox

LONG_ID = "<" + "a" * 120 + "@mail.uchicago.example>"
LIST_FIELDS = frozenset({b"list-id", b"list-unsubscribe", b"list-post"})


def as_read(raw: bytes, name: str) -> str:
    """What a reader that knows RFC 2047 sees in field `name`."""
    value = message_from_bytes(raw + b"\r\n")[name]
    pieces = decode_header(value.replace("\r\n", ""))
    return "".join(p if isinstance(p, str) else p.decode(charset or "ascii") for p, charset in pieces)


def names(raw: bytes) -> list[str]:
    return message_from_bytes(raw + b"\r\nbody\r\n").keys()


@pytest.mark.parametrize(
    "value",
    [
        "hi\r\nBcc: victim@z.example\r\n\r\nbody",
        "hi\nBcc: victim@z.example",
        "hi\rBcc: victim@z.example",
        "hi\u2028Bcc: victim@z.example",
        "hi\x85Bcc: victim@z.example",
        "hi\0\x0b\x0cBcc: victim@z.example",
    ],
)
@pytest.mark.parametrize("make", [text, verbatim])
def test_a_line_break_in_a_value_starts_no_field(make: type, value: str) -> None:
    raw = write_header([make("Subject", value)])
    assert names(raw) == ["Subject"]
    assert raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n") == 1


def test_text_that_looks_like_an_encoded_word_is_read_as_the_text_it_is() -> None:
    written = "=?utf-8?q?hi=0D=0ABcc:_victim=40z.example?="
    assert as_read(write_header([text("Subject", written)]), "Subject") == written


def test_bidirectional_controls_and_surrogates_do_not_leave() -> None:
    assert one_line("a\u202eb\u2066c\udc80d") == "abcd"


def test_a_value_is_capped_at_900_characters() -> None:
    raw = write_header([text("Subject", "x" * 5000)])
    assert len(raw) == len("Subject: ") + 900 + 2


@pytest.mark.parametrize("name", ["Bcc: x\r\nSubject", "Sub ject", "Sübject", "", "Subject:", "X" * 41])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(HeaderUnsafe):
        write_header([Field(name, ("x",))])


@pytest.mark.parametrize("word", ["x\r\ny", "x\r\n\r\ny", "x\ny", "x\ry", "é", "x\0", "y" * 1000, "", " "])
def test_a_word_that_breaks_its_line_is_refused(word: str) -> None:
    with pytest.raises(HeaderUnsafe):
        write_header([Field("Subject", (word,))])


def test_a_fold_never_leaves_an_empty_line() -> None:
    with pytest.raises(HeaderUnsafe):
        write_header([Field("Subject", ("a" * 75, "", "b" * 76))])


def test_a_long_subject_is_folded_and_read_as_written() -> None:
    subject = "[OSG #42] " + "words and more words " * 20 + "end"
    raw = write_header([text("Subject", subject)])
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert as_read(raw, "Subject") == subject


def test_long_references_are_not_destroyed() -> None:
    ids = ["<t42.q7.9fk2@lists.example.org>", *(f"<{n}{LONG_ID[1:]}" for n in range(20))]
    raw = write_header([tokens("References", ids)])
    assert message_from_bytes(raw + b"\r\n")["References"].split() == ids
    assert b"=?" not in raw


def test_a_long_list_unsubscribe_is_folded_only_between_its_urls() -> None:
    urls = [
        "<mailto:osg-general+42.unfollow.k7f3q9x2@lists.example.org>",
        "<https://tracker.example.org/u/" + "k" * 200 + ">",
    ]
    raw = write_header([tokens("List-Unsubscribe", urls, ",")])
    assert raw.decode() == f"List-Unsubscribe: {urls[0]},\r\n {urls[1]}\r\n"


def test_a_token_that_cannot_stand_is_left_out() -> None:
    ids = ["<a@x.example>", "<b c@x.example>", "<\r\nBcc:@x.example>", "<é@x.example>", "", "<d@x.example>"]
    assert write_header([tokens("References", ids)]) == b"References: <a@x.example> <d@x.example>\r\n"


def test_a_field_without_a_value_is_not_written() -> None:
    assert write_header([tokens("References", []), text("Subject", " "), text("X-A", "b")]) == b"X-A: b\r\n"


def test_the_ascii_part_before_an_encoded_one_stays_readable() -> None:
    raw = write_header([text("Subject", "[OSG #42] Überlauf in der Küche")])
    assert raw.startswith(b"Subject: [OSG #42] =?utf-8?")
    assert as_read(raw, "Subject") == "[OSG #42] Überlauf in der Küche"


@pytest.mark.parametrize("subject", ["答复" * 200, "👩‍💻🎉" * 80, "Zażółć gęślą jaźń " * 30 + "x"])
def test_encoded_words_are_short_whole_and_read_as_written(subject: str) -> None:
    raw = write_header([text("Subject", subject)])
    for line in raw.split(b"\r\n"):
        assert len(line) <= 76
        for word in re.findall(rb"=\?\S+", line):
            assert len(word) <= 75
            [(piece, charset)] = decode_header(word.decode())
            piece.decode(charset)  # a character cut in two would raise
    assert as_read(raw, "Subject") == subject


@pytest.mark.parametrize(
    "name",
    [
        "Jane Doe via OSG",
        'Jane "J" Doe \\ Co, Inc. <x@y.example>',
        "Jürgen Müller",
        "=?utf-8?q?x?=",
        "答" * 300,
    ],
)
def test_a_display_name_never_becomes_an_address(name: str) -> None:
    raw = write_header([mailboxes("From", [Mailbox("osg-general@lists.example.org", name)])])
    read = message_from_bytes(raw + b"\r\n", policy=policy.default)["From"]
    assert [a.addr_spec for a in read.addresses] == ["osg-general@lists.example.org"]
    # The stdlib shows a blank between two encoded words, which RFC 2047 6.2 tells it to drop.
    assert read.addresses[0].display_name.replace(" ", "") == name[:200].replace(" ", "")


def test_an_encoded_word_fits_beside_the_longest_name() -> None:
    raw = write_header([text("X" * 40, "答复" * 40)])
    assert max(map(len, raw.split(b"\r\n"))) <= 76


def test_several_mailboxes_are_separated_by_commas() -> None:
    raw = write_header([mailboxes("To", [Mailbox("a@x.example"), Mailbox("b@x.example", "B")])])
    assert raw == b'To: a@x.example, "B" <b@x.example>\r\n'


@pytest.mark.parametrize(
    "address",
    [
        "a@x.example>\r\nBcc: b@y.example",
        "a@x.example, b@y.example",
        "<a@x.example>",
        "a b@x.example",
        "a@x@y.example",
        "a..b@x.example",
        "a(c)@x.example",
        "é@x.example",
        '"a"b"@x.example',
        "a@",
        "@x.example",
        "",
        "a" * 320 + "@x.example",
        "a@x.example\n",
    ],
)
def test_an_address_that_is_more_or_less_than_one_is_refused(address: str) -> None:
    assert not is_address(address)
    with pytest.raises(HeaderUnsafe):
        mailboxes("To", [Mailbox(address, "x")])


@pytest.mark.parametrize(
    "address", ["a+b.c@x.example", '"a b"@x.example', r'"a\"b"@x.example', "a@[192.0.2.1]"]
)
def test_an_address_of_the_grammar_passes(address: str) -> None:
    assert is_address(address)


def test_a_list_id_carries_its_phrase() -> None:
    raw = write_header([list_id("OSG general", "osg-general.lists.example.org")])
    assert raw == b'List-Id: "OSG general" <osg-general.lists.example.org>\r\n'
    with pytest.raises(HeaderUnsafe):
        list_id("x", "a> <b")


def test_a_signature_is_written_with_every_character_or_not_at_all() -> None:
    signature = (
        "v=1; a=rsa-sha256; d=lists.example.org; h=" + "from:to:subject:" * 60 + "date; b=" + "A" * 344
    )
    raw = write_header([verbatim("DKIM-Signature", signature)])
    assert raw.replace(b"\r\n", b"") == b"DKIM-Signature: " + signature.encode()
    with pytest.raises(HeaderUnsafe):
        verbatim("DKIM-Signature", "v=1; s=é")


def test_the_named_fields_are_stripped_and_every_other_byte_stays() -> None:
    header = (
        b"Received: a;\r\n\tb\r\nLIST-ID: x\r\n\t<y>\r\n z\r\nX-Odd :  two\xff blanks \r\nlist-post : n\r\n"
        b"Subject: List-Id: no\r\n\r"
    )
    kept = b"Received: a;\r\n\tb\r\nX-Odd :  two\xff blanks \r\nSubject: List-Id: no\r\n\r"
    assert strip_fields(header, LIST_FIELDS) == kept


def test_a_field_behind_a_bare_cr_is_a_field_too() -> None:
    # It becomes a line of its own on the way out.
    assert strip_fields(b"X: a\rList-Id: forged\nY: b\r\n", LIST_FIELDS) == b"X: a\rY: b\r\n"


@pytest.mark.parametrize(
    ("raw", "header", "body"),
    [
        (b"A: b\r\n\r\nx\r\n\r\ny", b"A: b\r\n", b"x\r\n\r\ny"),
        (b"A: b\n\nx", b"A: b\n", b"x"),
        (b"A: b\r\rx\r\n\r\n", b"A: b\r", b"x\r\n\r\n"),
        (b"A: b\n\r\nx", b"A: b\n", b"x"),
        (b"A: b\r\n\nx\r\n\r\n", b"A: b\r\n", b"x\r\n\r\n"),
        (b"A: b\r\nC: d", b"A: b\r\nC: d", b""),
        (b"\r\nx", b"", b"x"),
        (b"", b"", b""),
    ],
)
def test_a_message_is_cut_at_its_first_empty_line(raw: bytes, header: bytes, body: bytes) -> None:
    assert split_message(raw) == (header, body)
