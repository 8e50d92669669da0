"""A label is believed as long as it deceives nobody."""

from __future__ import annotations

import pytest

from mailgate.mime.sniff import extension, media_type, sniff

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
PROGRAM = b"MZ\x90\0\x03"
PAGE = b"\xef\xbb\xbf <!-- hello --> <!DOCTYPE html><p>x"
DRAWING = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "image/png"),
        (PROGRAM, "application/x-msdownload"),
        (PAGE, "text/html"),
        (DRAWING, "image/svg+xml"),
        (b"<?xml version='1.0'?><a/>", "application/xml"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/epub+zipPK", "application/epub+zip"),
        (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", "application/zip"),
        (b"\0" * 257 + b"ustar", "application/x-tar"),
        ("ein Stück Text".encode(), "text/plain"),
        (b"x" * 2047 + "ü".encode(), "text/plain"),
        (b"caf\xe9", "application/octet-stream"),
        (b"\0\1\2", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_the_first_bytes_of_a_file_tell_its_type(content: bytes, kind: str) -> None:
    assert sniff(content) == kind


@pytest.mark.parametrize("declared", ["", "application/octet-stream", "application/x-download"])
def test_a_label_that_says_nothing_is_replaced(declared: str) -> None:
    assert media_type(declared, PNG) == "image/png"


@pytest.mark.parametrize(
    ("declared", "content", "kind"),
    [
        ("image/png", PAGE, "text/html"),
        ("image/png", PROGRAM, "application/x-msdownload"),
        ("image/png", DRAWING, "image/svg+xml"),
        ("image/png", b"#!/bin/sh\n", "text/x-shellscript"),
        ("application/pdf", PROGRAM, "application/x-msdownload"),
        ("application/pdf", PAGE, "text/html"),
        ("text/plain", PROGRAM, "application/x-msdownload"),
    ],
)
def test_a_label_that_hides_what_does_harm_is_replaced(declared: str, content: bytes, kind: str) -> None:
    assert media_type(declared, content) == kind


@pytest.mark.parametrize(
    ("declared", "content"),
    [
        ("text/plain", PAGE),
        ("text/x-python", b"#!/usr/bin/env python3\n"),
        ("application/xhtml+xml", PAGE),
        ("image/svg+xml", DRAWING),
        ("application/x-dosexec", PROGRAM),
        ("image/jpeg", PNG),
        ("application/x-own", b"anything"),
        ("image/png", b""),
    ],
)
def test_any_other_label_is_believed(declared: str, content: bytes) -> None:
    assert media_type(declared, content) == declared


def test_of_a_package_the_name_tells_more() -> None:
    assert media_type("", b"PK\x03\x04", "a.DOCX").endswith("wordprocessingml.document")
    assert media_type("", b"PK\x03\x04", "a.exe") == "application/zip"


def test_a_type_has_an_extension() -> None:
    assert (extension("image/png"), extension("x/y")) == ("png", "bin")
