"""Bodies of what we write: every reader gets the text and the files that were meant, and nothing else."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from random import Random

import pytest

from mailgate.headers import write_header
from mailgate.mimeout import Entity, OutPart, mixed, text_part

PLAIN_MAIL = b"From: a@x.example\r\nSubject: inner\r\n\r\nhello\r\n.\r\nFrom here\r\n"


def written(entity: Entity) -> bytes:
    return write_header(entity.fields) + b"\r\n" + entity.body


def read(entity: Entity) -> EmailMessage:
    message = message_from_bytes(written(entity), policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message


def attached(name: str = "a.txt", kind: str = "text/x-log", data: bytes = b"data") -> EmailMessage:
    """The one attachment, as a reader sees it."""
    _, part = read(mixed("text\n", [OutPart(name, kind, data)])).iter_parts()
    assert isinstance(part, EmailMessage)
    return part


def text_of(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode(part.get_content_charset("?")).replace("\r\n", "\n")


def assert_clean_lines(raw: bytes, limit: int) -> None:
    assert raw.count(b"\r") == raw.count(b"\n") == raw.count(b"\r\n")
    assert raw.endswith(b"\r\n")
    assert max(map(len, raw.split(b"\r\n"))) <= limit


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("hello\n\n-- \nJane\n", "7bit"),
        (".\n..\n.x\nFrom me\n", "7bit"),
        ("x" * 998 + "\n", "7bit"),
        ("x" * 999 + "\n", "quoted-printable"),
        ("with a \0 inside\n", "quoted-printable"),
        ("Grüße aus der Küche = 7\n.\n-- \nJürgen\t\n" * 9, "quoted-printable"),
        ("答复：作业提交失败\n" * 40, "base64"),
        ("👩‍💻\n", "base64"),
    ],
)
def test_text_is_read_back_as_written(text: str, encoding: str) -> None:
    message = read(text_part(text))
    assert message["Content-Transfer-Encoding"] == encoding
    assert text_of(message) == text
    assert_clean_lines(written(text_part(text)), 998 if encoding == "7bit" else 76)


def test_quoted_printable_keeps_its_76_columns_however_the_blanks_fall() -> None:
    random = Random(5)
    for _ in range(500):
        text = "é" + "".join(random.choices([" ", "\t", "=", ".", "word", "ü", "-- \n"], k=60)) + "ascii" * 20
        assert text_of(read(text_part(text + "\n"))) == text + "\n"
        body = text_part(text).body
        assert_clean_lines(body, 76)
        assert b" \r\n" not in body
        assert b"\t\r\n" not in body


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\r\nb\r\n"])
def test_every_kind_of_line_end_becomes_crlf_and_the_last_line_is_ended(text: str) -> None:
    assert text_part(text).body == b"a\r\nb\r\n"


def test_a_lone_surrogate_does_not_stop_a_mail() -> None:
    assert text_of(read(text_part("a\udc80é\n"))) == "a?é\n"


def test_an_empty_text_is_an_empty_body() -> None:
    assert text_part("").body == b""
    assert [part.get_payload() for part in read(mixed("", [])).iter_parts()] == [""]


def test_attachments_follow_the_text_in_their_order() -> None:
    files = [OutPart(f"{n}.bin", "application/x-core", bytes(range(n, 256)) * 40) for n in (3, 1, 2)]
    entity = mixed("Küche\n", files)
    assert_clean_lines(written(entity), 78)
    text, *rest = read(entity).iter_parts()
    assert isinstance(text, EmailMessage)
    assert text_of(text) == "Küche\n"
    assert [(p.get_filename(), p.get_payload(decode=True)) for p in rest] == [(f.name, f.data) for f in files]
    assert [p.get_content_disposition() for p in rest] == ["attachment"] * 3


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("report.pdf", "report.pdf"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\win.ini", "win.ini"),
        ("a/..", "attachment"),
        ("", "attachment"),
        (" . ", "attachment"),
        ("a\r\nBcc: v@x.example", "a Bcc: v@x.example"),
        ('a"; x="b.txt', 'a"; x="b.txt'),
        ("gpj.\u202eexe", "gpj.exe"),
        ("Übersicht.odt", "Übersicht.odt"),
        ("50%20off.txt", "50%20off.txt"),
        ("答" * 90 + ".tar.gz", "答" * 90 + ".tar.gz"),
        ("x" * 3000 + ".tar.gz", "x" * 93 + ".tar.gz"),
    ],
)
def test_a_file_name_is_a_label_without_a_path(name: str, label: str) -> None:
    part = attached(name)
    assert part.get_filename() == label
    assert part.keys() == ["Content-Type", "Content-Transfer-Encoding", "Content-Disposition"]
    assert_clean_lines(written(mixed("", [OutPart(name, "text/x-log", b"")])), 150)


def test_a_long_foreign_name_is_written_in_pieces() -> None:
    raw = written(mixed("", [OutPart("é" * 60 + ".txt", "text/x-log", b"")]))
    assert b"filename*0*=utf-8''%C3%A9" in raw
    assert b"filename*1*=" in raw
    assert b"filename=" not in raw


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text",
        "text/",
        "text/plain; charset=x",
        "text/html\r\nX: y",
        'a/"b"',
        "é/x",
        "multipart/mixed",
        "message/partial",
        "message/external-body",
        "a/" + "b" * 65,
    ],
)
def test_a_type_we_cannot_vouch_for_is_opaque(kind: str) -> None:
    part = attached(kind=kind, data=b"--x\r\n\r\nno part\r\n--x--")
    assert part.get_content_type() == "application/octet-stream"
    assert part.get_payload(decode=True) == b"--x\r\n\r\nno part\r\n--x--"


def test_a_type_of_the_grammar_is_kept_in_lower_case() -> None:
    assert attached(kind=" Image/SVG+xml ").get_content_type() == "image/svg+xml"


@pytest.mark.parametrize(("tail", "encoding"), [(b"", "7bit"), ("Küche\r\n".encode(), "8bit")])
def test_a_clean_message_is_passed_along_as_a_message(tail: bytes, encoding: str) -> None:
    entity = mixed("see below\n", [OutPart("m.eml", "message/rfc822", PLAIN_MAIL + tail)])
    message = read(entity)
    assert PLAIN_MAIL + tail in entity.body
    assert message["Content-Transfer-Encoding"] == encoding
    _, part = message.iter_parts()
    assert part["Content-Transfer-Encoding"] == encoding
    assert part.get_content_type() == "message/rfc822"
    [inner] = part.iter_parts()
    assert inner["Subject"] == "inner"


def test_a_message_with_other_line_ends_leaves_with_crlf() -> None:
    entity = mixed("", [OutPart("m.eml", "message/rfc822", PLAIN_MAIL.replace(b"\r\n", b"\n"))])
    assert PLAIN_MAIL in entity.body


@pytest.mark.parametrize("tail", [b"y" * 999, b"\0"])
def test_a_message_that_no_server_must_take_is_opaque(tail: bytes) -> None:
    part = attached(kind="message/rfc822", data=PLAIN_MAIL + tail)
    assert part.get_content_type() == "application/octet-stream"
    assert part["Content-Transfer-Encoding"] == "base64"
    assert part.get_payload(decode=True) == PLAIN_MAIL + tail


def test_the_boundary_stands_in_no_part_even_if_one_holds_that_of_an_earlier_mail() -> None:
    # Passed along unencoded, so its author has every byte of the outer body in hand but the digest.
    raw = written(mixed("", [OutPart("m.eml", "message/rfc822", PLAIN_MAIL)]))
    entity = mixed("", [OutPart("m.eml", "message/rfc822", raw)])
    boundary = read(entity).get_boundary()
    assert boundary is not None
    assert boundary.encode() not in raw
    assert entity.body.count(boundary.encode()) == 3


def test_the_same_input_gives_the_same_bytes() -> None:
    files = [OutPart("a", "a/b", b"c"), OutPart("m", "message/rfc822", PLAIN_MAIL)]
    assert written(mixed("text", files)) == written(mixed("text", files))
