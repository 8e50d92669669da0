"""Words of somebody found, and taken out, in what others wrote."""

from __future__ import annotations

import base64
import email
import hashlib
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.scrubbing import GONE, Words, scrubbed, words_of
from tracker.model import Address

UNA, NAME = Address("una.rareling@people.example"), "Una Rareling"
STANDS = Address("erased-7@erased.invalid")
SAID = "The storage of the northern site refuses all of our transfers since Monday.\nPlease look.\n"
FILE = b"\x00\x01 core dump of hers"
WORDS = words_of(STANDS, [UNA], [NAME], [SAID], [hashlib.sha256(FILE).hexdigest()])


@pytest.mark.parametrize(
    ("text", "fresh"),
    [
        (f"On Monday, {NAME} <{UNA}> wrote:", f"On Monday, {GONE} <{STANDS}> wrote:"),
        ("UNA  RARELING said", f"{GONE} said"),
        ("bounce+una.rareling=people.example@x.example", "bounce+erased-7=erased.invalid@x.example"),
        ("<a href='mailto:una.rareling%40people.example'>", "<a href='mailto:erased-7%40erased.invalid'>"),
        ("x-una.rareling@people.example is somebody else", "x-una.rareling@people.example is somebody else"),
        (
            "> The storage of the northern site refuses all\n> of our transfers since Monday.",
            f"> {GONE}\n> {GONE}.",
        ),
        ("> Please look.\nI did. Please look.", f"> {GONE}.\nI did. Please look."),
        ("The storage of the northern site is fine.", f"{GONE} is fine."),
        ("Nothing of hers.", "Nothing of hers."),
    ],
)
def test_what_is_hers_is_taken_out(text: str, fresh: str) -> None:
    assert WORDS.out_of_post(text) == fresh


def mail(body: bytes, *fields: str) -> bytes:
    header = "\r\n".join(("From: ben@x.example", "Subject: Re: Jobs", "MIME-Version: 1.0", *fields))
    return header.encode() + b"\r\n\r\n" + body


CODED = f"Ask {UNA}, or {NAME}.\r\n> Please look.\r\nGruss, J\u00f6rg\r\n".encode()


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("base64", base64.encodebytes(CODED)),
        ("quoted-printable", quopri.encodestring(CODED)),
        ("8bit", CODED),
    ],
)
def test_what_is_encoded_is_found(coding: str, body: bytes) -> None:
    raw = mail(body, "Content-Type: text/plain; charset=utf-8", f"Content-Transfer-Encoding: {coding}")
    message = email.message_from_bytes(scrubbed(raw, WORDS))
    content = message.get_payload(decode=True)
    assert isinstance(content, bytes)
    text = content.decode()
    assert text.split() == f"Ask {STANDS}, or {GONE}. > {GONE}. Gruss, J\u00f6rg".split()


def test_encoded_fields_and_names_of_files_are_read() -> None:
    name = base64.b64encode(NAME.encode()).decode()
    raw = mail(
        b"Nothing.\r\n",
        f"To: =?utf-8?b?{name}?= <{UNA}>",
        f'Content-Disposition: attachment; filename="{NAME}.txt"',
    )
    fresh = scrubbed(raw, WORDS)
    assert name.encode() not in fresh
    assert NAME.encode() not in fresh
    assert UNA.encode() not in fresh
    assert b"Nothing." in fresh


def test_a_file_of_hers_that_another_passes_on_goes() -> None:
    coded = base64.encodebytes(FILE)
    body = b"--x\r\n\r\nSee hers.\r\n--x\r\nContent-Type: application/octet-stream\r\n"
    body += b"Content-Transfer-Encoding: base64\r\n\r\n" + coded + b"\r\n--x--\r\n"
    fresh = scrubbed(mail(body, 'Content-Type: multipart/mixed; boundary="x"'), WORDS)
    assert coded.strip() not in fresh
    assert b"See hers." in fresh


def test_what_is_quoted_in_html_goes_whatever_tags_part_it() -> None:
    page = "<p>Yes.</p><blockquote>The storage of the <b>northern</b> site refuses all</blockquote>"
    fresh = scrubbed(mail(page.encode(), "Content-Type: text/html"), WORDS)
    assert b"refuses" not in fresh
    assert b"Yes." in fresh


def test_a_mail_with_nothing_of_hers_stays_to_the_byte() -> None:
    raw = mail(b"Nothing \xff of hers.\r\n", "Content-Type: text/plain; charset=nonsense")
    assert scrubbed(raw, WORDS) == raw


@given(
    st.binary(max_size=300),
    st.sampled_from(["text/plain", "text/html", "multipart/mixed; boundary=x", "message/rfc822"]),
)
def test_any_bytes_are_rewritten_and_hold_nothing_of_hers(body: bytes, kind: str) -> None:
    fresh = scrubbed(mail(body + b"\r\n" + UNA.encode() + b"\r\n" + body, f"Content-Type: {kind}"), WORDS)
    assert not WORDS.are_in_bytes(fresh)


def test_without_names_and_texts_only_addresses_are_found() -> None:
    few: Words = words_of(STANDS, [UNA], ["Ann", ""], [""], [])
    assert few.out_of_post(f"Ann and {UNA}") == f"Ann and {STANDS}"
