"""Bodies of what we write: text and passed-along attachments, in MIME that every reader takes (RFC 2045)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from mailgate.headers import Field, one_line, write_header

MAX_NAME = 100
_MAX_LINE = 998
_ASCII = bytes(range(128))
_OPAQUE = "application/octet-stream"
_LINE_END = re.compile(rb"\r\n|\r|\n")
# RFC 6838 4.2. What holds other parts cannot be base64, and we have no business rewriting it.
_TYPE = re.compile(r"(?!multipart/|message/)[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}")
# The stdlib ends lines at 76 (RFC 2045 6.7), but hides a blank at a line's end after it counted.
_QP_OVERLONG = re.compile(rb"(?<=[^\r\n]{74})=(?:20|09)(?=\r\n)")
_NOT_IN_NAME = re.compile(r'[^ -~]|["\\/:]')
# Of a percent-encoded file name on one line (RFC 2231 3); a cut never falls into a %XX.
_NAME_PIECE = re.compile(r"(?:%[0-9A-F]{2}|[^%]){1,18}")


@dataclass(frozen=True, slots=True)
class Entity:
    """A body, every line of it ended by CRLF, and the fields that describe it, MIME-Version first."""

    fields: tuple[Field, ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class OutPart:
    """An attachment to pass along; nothing in it is trusted."""

    name: str
    type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class _Part:
    fields: tuple[Field, ...]
    body: bytes
    eight_bit: bool = False


def text_part(text: str) -> Entity:
    """`text` as the whole body of a message."""
    part = _text(text)
    return Entity((_version(), *part.fields), part.body)


def alternative(text: str, html: str) -> Entity:
    """`text`, and the same as HTML for readers that prefer that (RFC 2046 5.1.4)."""
    part = _alternative(text, html)
    return Entity((_version(), *part.fields), part.body)


def _alternative(text: str, html: str) -> _Part:
    parts = [_text(text), _text(html, "html")]
    boundary = _boundary([part.body for part in parts])
    kind = Field("Content-Type", ("multipart/alternative;", f'boundary="{boundary}"'))
    return _Part((kind, _encoding("7bit")), _joined(parts, boundary.encode()))


def mixed(text: str, attachments: Sequence[OutPart], html: str = "") -> Entity:
    """`text` and then `attachments`, in their order (RFC 2046 5.1.3). The same input gives the same bytes.

    `html`: the text as HTML, too.
    """
    first = _alternative(text, html) if html else _text(text)
    parts = [first, *(_attachment(attachment) for attachment in attachments)]
    boundary = _boundary([part.body for part in parts])
    kind = Field("Content-Type", ("multipart/mixed;", f'boundary="{boundary}"'))
    # RFC 2045 6.4: the encoding of the whole says what its parts need.
    encoding = "8bit" if any(part.eight_bit for part in parts) else "7bit"
    return Entity((_version(), kind, _encoding(encoding)), _joined(parts, boundary.encode()))


def digest_of(text: str, messages: Sequence[bytes]) -> Entity:
    """`text` and then whole messages, each of which a reader opens and answers (RFC 2046 5.1.5)."""
    parts = [_Part((), one, not one.isascii()) for one in messages]
    inner = _boundary([part.body for part in parts])
    kind = Field("Content-Type", ("multipart/digest;", f'boundary="{inner}"'))
    eight_bit = any(part.eight_bit for part in parts)
    encoding = _encoding("8bit" if eight_bit else "7bit")
    digest = _Part((kind, encoding), _joined(parts, inner.encode()), eight_bit)
    both = [_text(text), digest]
    outer = _boundary([part.body for part in both])
    mixed_kind = Field("Content-Type", ("multipart/mixed;", f'boundary="{outer}"'))
    return Entity((_version(), mixed_kind, encoding), _joined(both, outer.encode()))


def _version() -> Field:
    return Field("MIME-Version", ("1.0",))


def _encoding(name: str) -> Field:
    return Field("Content-Transfer-Encoding", (name,))


def _text(text: str, subtype: str = "plain") -> _Part:
    data = _crlf(text.encode("utf-8", "replace"))
    if data.isascii() and _is_line_clean(data):
        return _Part((_kind_of_text(subtype, "us-ascii"), _encoding("7bit")), data)
    beyond_ascii = len(data.translate(None, _ASCII))
    if beyond_ascii * 2 > len(data):
        return _Part((_kind_of_text(subtype, "utf-8"), _encoding("base64")), _base64(data))
    body = binascii.b2a_qp(data, quotetabs=False, istext=True, header=False)
    return _Part(
        (_kind_of_text(subtype, "utf-8"), _encoding("quoted-printable")),
        _QP_OVERLONG.sub(rb"=\r\n\g<0>", body),
    )


def _kind_of_text(subtype: str, charset: str) -> Field:
    return Field("Content-Type", (f"text/{subtype};", f"charset={charset}"))


def _attachment(attachment: OutPart) -> _Part:
    name = _file_name(attachment.name)
    kind = attachment.type.strip().lower()
    if kind == "message/rfc822":
        body = _crlf(attachment.data)
        if _is_line_clean(body):
            # RFC 2046 5.2.1: a message is never base64; 8bit says what it is.
            encoding = _encoding("7bit" if body.isascii() else "8bit")
            return _Part((_kind(kind, name), encoding, _disposition(name)), body, not body.isascii())
    if not _TYPE.fullmatch(kind):
        kind = _OPAQUE
    fields = (_kind(kind, name), _encoding("base64"), _disposition(name))
    return _Part(fields, _base64(attachment.data))


def _kind(kind: str, name: str) -> Field:
    # The name stands here in ASCII for readers that do not know RFC 2231.
    return Field("Content-Type", (f"{kind};", f'name="{_NOT_IN_NAME.sub("_", name)}"'))


def _disposition(name: str) -> Field:
    """Content-Disposition with the file name (RFC 2183 2.3), in as many pieces as it needs (RFC 2231 3)."""
    if not _NOT_IN_NAME.search(name):
        return Field("Content-Disposition", ("attachment;", f'filename="{name}"'))
    pieces = _NAME_PIECE.findall(quote(name, safe=""))
    if len(pieces) == 1:
        return Field("Content-Disposition", ("attachment;", f"filename*=utf-8''{pieces[0]}"))
    words = [f"filename*{n}*={piece};" for n, piece in enumerate(("utf-8''" + pieces[0], *pieces[1:]))]
    return Field("Content-Disposition", ("attachment;", *words[:-1], words[-1].rstrip(";")))


def _file_name(name: str) -> str:
    """`name` without its path (RFC 2183 2.3), of bounded length, its extension kept."""
    name = one_line(re.split(r"[/\\]", name)[-1], limit=len(name))
    if name.strip(". ") == "":
        return "attachment"
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 20] + name[-20:]


def _boundary(bodies: Sequence[bytes]) -> str:
    """A boundary that occurs in none of `bodies`: nobody can write a body that holds its own digest."""
    digest = hashlib.sha256()
    for body in bodies:
        digest.update(body)
    return "=_" + digest.hexdigest()[:40]


def _joined(parts: Sequence[_Part], boundary: bytes) -> bytes:
    pieces: list[bytes] = []
    for part in parts:
        pieces += (b"--", boundary, b"\r\n", write_header(part.fields), b"\r\n", part.body, b"\r\n")
    return b"".join((*pieces, b"--", boundary, b"--\r\n"))


def _crlf(data: bytes) -> bytes:
    """`data` with CRLF for every CR, LF and CRLF, and at its end."""
    data = _LINE_END.sub(b"\r\n", data)
    return data if not data or data.endswith(b"\r\n") else data + b"\r\n"


def _is_line_clean(data: bytes) -> bool:
    """Whether `data` may go unencoded: no NUL, no line over 998 octets (RFC 2045 2.7)."""
    return b"\0" not in data and max(map(len, data.split(b"\r\n"))) <= _MAX_LINE


def _base64(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")
