"""Trees of parts as chance grows them: each is read, and each file in it is found again, once."""

from __future__ import annotations

import base64
import hashlib

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailgate.clean import clean_text, decode
from mailgate.mime.armor import read_armor
from mailgate.mime.flowed import unflow
from mailgate.mime.inlinefiles import take_files
from mailgate.mime.invitation import read_invitation
from mailgate.mime.rtf import decompress, to_text
from mailgate.mime.sniff import media_type
from mailgate.mime.tnef import read_tnef
from mailgate.mime.transfer import undo
from mailgate.parse import attachment_bytes, parse_message
from tests.support.tnef import HEAD, attribute, prop, properties, renders

few = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

WINMAIL = (
    HEAD + renders() + attribute(0x00018010, b"a.txt\0") + attribute(0x0006800F, b"In it.") + renders() * 3
)
CONTENTS = st.one_of(
    st.sampled_from(
        [
            b"Text.\r\n",
            b"",
            b"<p>Text.</p>",
            b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:x\r\nEND:VEVENT\r\n",
            b"begin 644 a.txt\r\n#86)C\r\nend\r\n",
            b"-----BEGIN PGP SIGNED MESSAGE-----\r\n\r\nx\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\n"
            b"-----END PGP SIGNATURE-----\r\n",
            b"From: c@z.example\r\nSubject: inner\r\n\r\nInner.\r\n",
            rb"{\rtf1 Text.}",
            WINMAIL,
        ]
    ),
    st.binary(max_size=60),
)
LEAVES = st.sampled_from(
    [
        "text/plain",
        "text/plain; format=flowed",
        "text/html; charset=utf-8",
        "text/calendar; method=REQUEST",
        "text/rtf",
        "text/enriched",
        "image/png",
        "message/rfc822",
        "message/external-body",
        "application/ms-tnef",
        "application/pkcs7-mime",
        "application/octet-stream",
        "",
        "junk",
    ]
)
CONTAINERS = st.sampled_from(
    ["mixed", "alternative", "related", "signed", "encrypted", "report", "digest", "appledouble", "own"]
)
DISPOSITIONS = st.sampled_from(
    ["", "inline", "attachment", 'attachment; filename="../a.txt"', "inline; filename=winmail.dat"]
)
ENCODINGS = st.sampled_from(["", "7bit", "base64", "quoted-printable", "x-uuencode", "x-own"])


@st.composite
def leaf(draw: st.DrawFn) -> bytes:
    kind, disposition, encoding = draw(LEAVES), draw(DISPOSITIONS), draw(ENCODINGS)
    content = draw(CONTENTS)
    if encoding == "base64" and draw(st.booleans()):
        content = base64.encodebytes(content).replace(b"\n", b"\r\n")
    fields = [("Content-Type", kind), ("Content-Disposition", disposition)]
    fields += [("Content-Transfer-Encoding", encoding), ("Content-ID", draw(st.sampled_from(["", "<a@x>"])))]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields if value)
    return head.encode() + b"\r\n" + content


@st.composite
def container(draw: st.DrawFn, inside: st.SearchStrategy[bytes]) -> bytes:
    parts, kind = draw(st.lists(inside, max_size=4)), draw(CONTAINERS)
    boundary = b"b%d" % draw(st.integers(0, 999))
    head = b"Content-Type: multipart/%s; boundary=%s\r\n\r\n" % (kind.encode(), boundary)
    around = draw(st.sampled_from([b"", b"Around.\r\n"]))
    end = b"\r\n--%s--\r\n" % boundary if draw(st.booleans()) else b""
    return head + around + b"".join(b"\r\n--%s\r\n%s" % (boundary, part) for part in parts) + end + around


trees = st.recursive(leaf(), container, max_leaves=8)
HEADER = b"From: Ann Lee <ann@x.example>\r\nMIME-Version: 1.0\r\n"


@few
@given(trees)
def test_any_tree_is_read_and_its_files_are_found_again(tree: bytes) -> None:
    raw = HEADER + tree
    message = parse_message(raw)
    assert message.readable
    found = attachment_bytes(raw, message)
    assert tuple(attachment for attachment, _ in found) == message.attachments
    for attachment, content in found:
        assert (attachment.size, attachment.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert attachment.name
        assert attachment.type.count("/") == 1


@few
@given(st.binary(max_size=80), st.sampled_from(["base64", "quoted-printable", "x-uuencode", "x", ""]))
def test_any_bytes_have_their_encoding_undone(data: bytes, encoding: str) -> None:
    undone = undo(data, encoding)
    # A line of uuencode may have lost the blanks at its end: at most 63 bytes are meant by it.
    most = 63 * (len(data.splitlines()) or 1) if encoding == "x-uuencode" else len(data)
    assert len(undone.data) + len(undone.rest) <= most


@few
@given(st.binary(max_size=200))
def test_base64_is_undone_to_what_was_encoded(data: bytes) -> None:
    assert undo(base64.encodebytes(data), "base64").data == data


@few
@given(
    st.lists(st.sampled_from([b"begin 644 a\r\n", b"#86)C\r\n", b"end\r\n", b"`\r\n", b"x\r\n"])).map(
        b"".join
    )
)
def test_what_is_no_file_stays_in_the_text(data: bytes) -> None:
    text, files = take_files(data)
    assert text == data if not files else len(text) < len(data)


@few
@given(st.text(max_size=80), st.binary(max_size=80))
def test_every_small_reader_reads_anything(text: str, data: bytes) -> None:
    unflow(text, delete_space=True)
    read_armor(text)
    read_invitation("BEGIN:VCALENDAR\nBEGIN:VEVENT\n" + text)
    to_text(b"{\\rtf1 " + data)
    decompress(data)
    assert clean_text(decode(data, text)) == clean_text(clean_text(decode(data, text)))
    assert "/" in media_type("", data)


@few
@given(
    st.lists(st.sampled_from([WINMAIL, renders(), b"\0", b"\xff" * 9]), max_size=5), st.binary(max_size=60)
)
def test_any_winmail_dat_is_read(pieces: list[bytes], data: bytes) -> None:
    stream = attribute(0x00069003, data) + attribute(0x00069005, properties(prop(0x3701, 0x102, data)) + data)
    found = read_tnef(HEAD + b"".join(pieces) + stream + data)
    assert found is not None
    assert clean_text(found.text()) == found.text()
