"""What kind of file some bytes are: so that no label makes a program of a picture.

A small table of our own: what is to be told apart are the files that people send, and those that do harm.
"""

from __future__ import annotations

import re

# (offset, bytes, type); the first that fits counts.
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftyp", "video/mp4"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"%!PS", "application/postscript"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\0", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (257, b"ustar", "application/x-tar"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"SQLite format 3\0", "application/vnd.sqlite3"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (8, b"WAVE", "audio/wav"),
    (0, b"BEGIN:VCALENDAR", "text/calendar"),
    (0, b"BEGIN:VCARD", "text/vcard"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"MZ", "application/x-msdownload"),
    (0, b"\xfe\xed\xfa\xce", "application/x-mach-binary"),
    (0, b"\xfe\xed\xfa\xcf", "application/x-mach-binary"),
    (0, b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"#!", "text/x-shellscript"),
)
_PROGRAMS = frozenset({"application/x-executable", "application/x-msdownload", "application/x-mach-binary"})
_MARKUPS = frozenset({"text/html", "image/svg+xml"})
_SCRIPT = "text/x-shellscript"
_GENERIC = frozenset(
    {
        "",
        "application/octet-stream",
        "application/binary",
        "application/download",
        "application/force-download",
        "application/unknown",
        "application/x-download",
        "application/x-force-download",
        "application/x-octet-stream",
        "application/x-unknown",
        "application/x-unknown-content-type",
        "binary/octet-stream",
    }
)
# Containers of the kind that the name of the file tells more of.
_INSIDE: dict[tuple[str, str], str] = {
    ("application/zip", "docx"): "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ("application/zip", "xlsx"): "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ("application/zip", "pptx"): "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ("application/zip", "jar"): "application/java-archive",
    ("application/x-ole-storage", "doc"): "application/msword",
    ("application/x-ole-storage", "xls"): "application/vnd.ms-excel",
    ("application/x-ole-storage", "ppt"): "application/vnd.ms-powerpoint",
    ("application/x-ole-storage", "msg"): "application/vnd.ms-outlook",
    ("text/plain", "csv"): "text/csv",
    ("text/plain", "patch"): "text/x-diff",
    ("text/plain", "diff"): "text/x-diff",
}
# Formats of documents: nobody expects a program.
_DOCUMENTS = frozenset({"application/json", "application/msword", "application/pdf", "application/zip"})
_EXTENSIONS = {
    "text/plain": "txt",
    "text/html": "html",
    "text/calendar": "ics",
    "text/csv": "csv",
    "text/vcard": "vcf",
    "text/rtf": "rtf",
    "application/rtf": "rtf",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/gzip": "gz",
    "application/json": "json",
    "application/pgp-signature": "asc",
    "application/pkcs7-mime": "p7m",
    "application/pkcs7-signature": "p7s",
    "application/ms-tnef": "dat",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/svg+xml": "svg",
    "image/tiff": "tif",
    "audio/mpeg": "mp3",
    "video/mp4": "mp4",
    "message/rfc822": "eml",
    "message/global": "eml",
}
_LOOKED_AT = 2048
_MARKUP = re.compile(
    rb"(?:\xef\xbb\xbf)?[\s\0]*+(?>(?:<!--(?>(?:[^-]++|-(?!->))*)-->\s*+)*)"
    rb"<(?:!doctype\s+html|html|head|body|script|iframe|title|style|table|meta|svg|\?xml)(?=[\s>/]|$)",
    re.IGNORECASE,
)
_ODF = re.compile(rb"mimetype(application/[a-z0-9.+-]{1,80})")
_CONTROLS = bytes({*range(0x20)} - {0x09, 0x0A, 0x0C, 0x0D, 0x1B})


def media_type(declared: str, content: bytes, name: str = "") -> str:
    """The type of a file: what it was declared to be, unless that says nothing or hides what does harm.

    `declared` is in lower case, or "" where a Content-Type is missing or broken.
    """
    found = sniff(content)
    if declared in _GENERIC:
        return _INSIDE.get((found, name.rpartition(".")[2].lower()), found)
    return found if _is_mask(declared, found) else declared


def _is_mask(declared: str, found: str) -> bool:
    """Whether who opens a file as `declared` would be deceived by what runs then."""
    if found in _PROGRAMS:
        return not declared.startswith("application/") or declared in _DOCUMENTS
    # Markup and scripts that are declared to be text do nothing: they are shown.
    if found in _MARKUPS:
        return not declared.startswith(("text/", "message/")) and "xml" not in declared
    return found == _SCRIPT and not declared.startswith(("text/", "application/"))


def sniff(content: bytes) -> str:
    """What the first bytes of a file say; application/octet-stream where they say nothing."""
    head = content[:_LOOKED_AT]
    for offset, magic, kind in _MAGIC:
        if head.startswith(magic, offset):
            return _zip_kind(head) if kind == "application/zip" else kind
    markup = _MARKUP.match(head)
    if markup:
        return _markup_kind(head, markup[0])
    return "text/plain" if _is_text(head) else "application/octet-stream"


def _markup_kind(head: bytes, opening: bytes) -> str:
    word = opening.lower().rpartition(b"<")[2]
    if word == b"svg":
        return "image/svg+xml"
    if word != b"?xml":
        return "text/html"
    low = head.lower()
    if b"<svg" in low:
        return "image/svg+xml"
    return "text/html" if b"<html" in low else "application/xml"


def _zip_kind(head: bytes) -> str:
    """A document format whose package begins with its own type (ODF, EPUB), or just a package."""
    match = _ODF.match(head, 30)
    return match[1].decode("ascii") if match else "application/zip"


def _is_text(head: bytes) -> bool:
    if not head or len(head.translate(None, _CONTROLS)) != len(head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character cut by the end of what is looked at is no fault.
        return error.start > len(head) - 4 and len(head) == _LOOKED_AT
    return True


def extension(kind: str) -> str:
    """The usual extension of a file of a type, "bin" where we know none."""
    return _EXTENSIONS.get(kind, "bin")
