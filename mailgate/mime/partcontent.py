"""The bytes of a part: decoded where it is a leaf, as they were sent where it is a container.

The library's own writer folds fields anew, in time that grows with the square of their length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailgate.fieldvalues import parameter
from mailgate.mime.parts import MESSAGES, Part, children, field, kind_of
from mailgate.mime.transfer import Undone, undo

_CRLF = b"\r\n"
_LINE_END = re.compile(rb"\r\n|[\r\n]")


def payload(part: Part) -> bytes:
    """The bytes of an attachment, its transfer encoding undone; those of a message as it was attached."""
    return content(part).data


def content(part: Part) -> Undone:
    """What is in a part, its transfer encoding undone; of a container, its parts as they were sent."""
    encoding = field(part, "content-transfer-encoding").partition(b"(")[0].strip(b' \t\r\n";')
    if part.is_multipart():
        # A message in base64 is against RFC 2046 5.2.1, and the library takes its lines for a body.
        if not _is_encoded_message(part):
            return Undone(_with_crlf(b"".join(_inside(part))))
        part = children(part)[0]
    return undo(_as_sent(part), encoding.decode("ascii", "replace").lower())


def _with_crlf(data: bytes) -> bytes:
    """`data` as it would have come over the wire, where a file brought it with other line ends."""
    whole = data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r")
    return data if whole else _LINE_END.sub(b"\r\n", data)


def _as_sent(leaf: Part) -> bytes:
    # The library would decode the text by its declared charset, which raises for some.
    text: object = getattr(leaf, "_payload", None)
    return _bytes(text) if isinstance(text, str) else b""


def _bytes(text: str) -> bytes:
    """The bytes that the library made `text` of."""
    return text.encode("utf-8", "surrogateescape")


def _is_encoded_message(part: Part) -> bool:
    encoding = field(part, "content-transfer-encoding").strip().lower()
    inside = children(part)
    return (
        encoding.startswith((b"base64", b"quoted-printable"))
        and kind_of(part) in MESSAGES
        and len(inside) == 1
        and not inside[0].keys()
        and not inside[0].is_multipart()
    )


def _inside(part: Part) -> Iterator[bytes]:
    """All of a part but its header; it recurses, scan.measure has bounded the depth."""
    if not part.is_multipart():
        yield _as_sent(part)
    elif part.get_content_maintype() == "multipart":
        yield from _multipart(part)
    else:
        for child in children(part):
            yield from _whole(child)


def _whole(part: Part) -> Iterator[bytes]:
    for name, value in part.raw_items():
        yield _bytes(f"{name}: {value}\r\n")
    yield _CRLF
    yield from _inside(part)


def _multipart(part: Part) -> Iterator[bytes]:
    boundary = b"--" + parameter(field(part, "content-type"), "boundary").encode()
    if part.preamble:
        yield _bytes(part.preamble) + _CRLF
    for number, child in enumerate(children(part)):
        yield _CRLF * (number > 0) + boundary + _CRLF
        yield from _whole(child)
    yield _CRLF + boundary + b"--" + _CRLF
    yield _bytes(part.epilogue or "")
