"""What stands in the fields of a header: mailboxes, Message-IDs, dates, parameters.

Field values come as bytes with their folds, as they stand in the mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import count, islice
from urllib.parse import unquote_to_bytes

from mailgate.clean import clean_line, decode, decode_words
from mailgate.message import Mailbox

_MAX_MAILBOXES = 500
_MAX_LIST = 64 * 1024
_MAX_IDS = 100
_MAX_ID = 998

_LEXEME = re.compile(
    r"""(?P<space>[ \t\r\n]++)
      | (?P<quoted>"(?:[^"\\]++|\\.)*+")
      | (?P<literal>\[[^\[\]\\\s]*+\])
      | (?P<special>[<>,;:@.])
      | (?P<atom>[^\x00-\x20\x7f"()<>\[\],;:@.\\]++)""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT_STEP = re.compile(r"[^()\\]*+(?:\\.[^()\\]*+)*+([()])", re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_DOT_ATOM = re.compile(r"[^\s\"(),.:;<>@\[\\\]]+(?:\.[^\s\"(),.:;<>@\[\\\]]+)*")

_ID = re.compile(r"<([^<>]*+)>")
_FOLD = re.compile(r"[\r\n]+[ \t]*")
_BARE_ID = re.compile(r"[^\s<>@,]+@[^\s<>@,]+")

_PARAMETER = re.compile(rb';\s*+([^\s=;"]++)\s*+=\s*+("(?:[^"\\]++|\\.)*+"|[^;]*+)', re.DOTALL)
_MIME_TYPE = re.compile(rb"\s*+([A-Za-z0-9.+_-]++)\s*+/\s*+([A-Za-z0-9.+_-]++)(?:[;(\s]|$)")


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """The mailboxes of an address list, and how many of its elements are none by RFC 5322 3.4."""

    good: tuple[Mailbox, ...]
    broken: int


# A lexeme of an address list: its kind (space, quoted, literal, special, atom, comment or junk) and text.
_Token = tuple[str, str]
_DOT: _Token = ("special", ".")
_AT: _Token = ("special", "@")
_OPEN: _Token = ("special", "<")
_CLOSE: _Token = ("special", ">")
_COMMA: _Token = ("special", ",")


def read_mailboxes(value: bytes) -> Mailboxes:
    """The mailboxes of a From, To, Cc or Reply-To field, groups opened, at most 500 in 64 KiB.

    Where `<...>` stands, the address is in it, whatever the words before it look like. A source route
    is no addr-spec here: nobody writes one but to deceive.
    """
    good: list[Mailbox] = []
    broken = 0
    words: list[_Token] = []
    for element in _elements(_tokens(value[:_MAX_LIST].decode("ascii", "surrogateescape"))):
        if _is_phrase(element):
            # "Doe, John <jd@x.example>": an unquoted comma belongs to the name.
            words += [*element, _COMMA] if _has_content(element) else []
            continue
        mailbox = _mailbox(element, words)
        words = []
        if mailbox is None:
            broken += 1
        else:
            good.append(mailbox)
        if len(good) + broken >= _MAX_MAILBOXES:
            break
    # Words without an address at the end: an undisclosed recipient, no fault of the others.
    return Mailboxes(tuple(good), broken)


def _tokens(text: str) -> Iterable[_Token]:
    """The lexemes of `text` (RFC 5322 3.2); an unclosed quoted-string makes all after it junk."""
    at = 0
    while at < len(text):
        match = _LEXEME.match(text, at)
        if match:
            yield str(match.lastgroup), match[0]
            at = match.end()
        elif text[at] == "(":
            end = _comment_end(text, at + 1)
            yield "comment", text[at + 1 : end - 1]
            at = end
        else:
            end = len(text) if text[at] == '"' else at + 1
            yield "junk", text[at:end]
            at = end


def _comment_end(text: str, at: int) -> int:
    """Where the comment whose inside begins at `at` ends; comments nest (RFC 5322 3.2.2)."""
    depth = 1
    while depth:
        match = _COMMENT_STEP.match(text, at)
        if match is None:
            return len(text) + 1
        depth += 1 if match[1] == "(" else -1
        at = match.end()
    return at


def _elements(tokens: Iterable[_Token]) -> Iterable[list[_Token]]:
    """The elements of an address list, split at commas, semicolons (as Outlook does) and names of groups."""
    element: list[_Token] = []
    for token in tokens:
        kind, text = token
        if kind == "special" and text in ",;:":
            # A colon in angle brackets stands after a route; else it ends the name of a group.
            if element and (text != ":" or _OPEN in element):
                yield element
            element = []
        else:
            element.append(token)
    yield element


def _has_content(element: list[_Token]) -> bool:
    return any(kind not in ("space", "comment") for kind, _ in element)


def _is_phrase(element: list[_Token]) -> bool:
    """Whether `element` holds no sign of an address."""
    return not any(kind == "junk" or (kind == "special" and text in "<>@") for kind, text in element)


def _mailbox(element: list[_Token], words: list[_Token]) -> Mailbox | None:
    """The mailbox that `element` is, its name preceded by `words`; None where it is none."""
    opened = [i for i, token in enumerate(element) if token == _OPEN]
    if not opened:
        address = _addr_spec(element)
        name = next((text for kind, text in element if kind == "comment"), "")
        return Mailbox(address, _name(name)) if address else None
    start = opened[0]
    if _CLOSE not in element[start:]:
        return None
    end = element.index(_CLOSE, start)
    address = "" if _has_content(element[end + 1 :]) else _addr_spec(element[start + 1 : end])
    phrase = "".join(_phrase_text(token) for token in (*words, *element[:start]))
    return Mailbox(address, _name(phrase)) if address else None


def _phrase_text(token: _Token) -> str:
    kind, text = token
    if kind == "quoted":
        return _QUOTED_PAIR.sub(r"\1", text[1:-1])
    return "" if kind == "comment" else text


def _name(text: str) -> str:
    """A display name, decoded and on one line. Encoded words in quotes are decoded too: many send them."""
    decoded = clean_line(decode_words(text.encode("utf-8", "surrogateescape")))
    return " ".join(decoded.split())


def _addr_spec(tokens: list[_Token]) -> str:
    """The addr-spec (RFC 5322 3.4.1) that `tokens` are, its domain in A-labels; "" where they are none."""
    parts = [token for token in tokens if token[0] not in ("space", "comment")]
    at = next((i for i, token in enumerate(parts) if token == _AT), 0)
    local = _local_part(parts[:at])
    domain = _domain(parts[at + 1 :])
    address = f"{local}@{domain}"
    return address if local and domain and len(address.encode()) <= 320 else ""


def _local_part(parts: list[_Token]) -> str:
    if len(parts) == 1 and parts[0][0] == "quoted":
        content = _utf8(_QUOTED_PAIR.sub(r"\1", parts[0][1][1:-1]))
        # RFC 5322 3.4.1: quotes that are not needed mean nothing.
        if not content or _DOT_ATOM.fullmatch(content):
            return content
        escaped = content.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return _utf8(".".join(_dot_atoms(parts)))


def _domain(parts: list[_Token]) -> str:
    if len(parts) == 1 and parts[0][0] == "literal":
        return _utf8(parts[0][1].lower())
    labels = [_a_label(_utf8(atom)) for atom in _dot_atoms(parts)]
    return ".".join(labels) if labels and all(labels) else ""


def _dot_atoms(parts: list[_Token]) -> list[str]:
    """The atoms of a dot-atom (RFC 5322 3.2.3); none where `parts` are no such thing."""
    dots = all(token == _DOT for token in parts[1::2])
    atoms = all(kind == "atom" for kind, _ in parts[::2])
    return [text for _, text in parts[::2]] if dots and atoms and len(parts) % 2 else []


def _utf8(text: str) -> str:
    """`text`, read as ASCII so far, as UTF-8 (RFC 6532); "" where it is not or does not print."""
    try:
        decoded = text.encode("ascii", "surrogateescape").decode("utf-8")
    except UnicodeError:
        return ""
    return decoded if decoded.isprintable() else ""


def _a_label(label: str) -> str:
    """One label of a domain name in lower case and ASCII (RFC 5890); "" where it is none.

    What a full-width colon or dot becomes is no label.
    """
    try:
        ascii_label = label if label.isascii() else label[:63].encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return ascii_label.lower() if len(label) <= 63 and _LABEL.fullmatch(ascii_label) else ""


def read_ids(value: bytes, addresses: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The Message-IDs of a Message-ID, In-Reply-To or References field, in order, in angle brackets.

    Ids equal to one of `addresses` (case folded) are the work of clients that ask for an id and are
    given a person. Ids without brackets count where nothing else stands in the field: a widely used
    web interface writes them so. At most 100: the first, which names the thread, and the last.
    """
    text = value.decode("utf-8", "replace")
    found = [_FOLD.sub("", inside) for inside in _ID.findall(text)] if "<" in text else _bare_ids(text)
    ids: dict[str, None] = {}
    for each in found:
        content = _without_brackets(each.strip())
        if _is_id(content) and content.casefold() not in addresses:
            ids[f"<{content}>"] = None
    return tuple(ids) if len(ids) <= _MAX_IDS else (next(iter(ids)), *list(ids)[1 - _MAX_IDS :])


def _without_brackets(content: str) -> str:
    """`content` without the square brackets around it; those of a domain literal alone are part of it."""
    around = min(len(content) - len(content.lstrip("[")), len(content) - len(content.rstrip("]")))
    return content[around : len(content) - around]


def _bare_ids(text: str) -> list[str]:
    pieces = [piece.strip("[]") for piece in text.replace(",", " ").split()]
    return pieces if all(_BARE_ID.fullmatch(piece) for piece in pieces) else []


def _is_id(content: str) -> bool:
    long_enough = "@" in content or len(content) >= 8
    return long_enough and len(content.encode()) <= _MAX_ID and _is_one_word(content)


def _is_one_word(content: str) -> bool:
    return bool(content) and content.isprintable() and " " not in content and "\ufffd" not in content


def read_date(value: bytes) -> datetime | None:
    """The moment a Date field names, in UTC; None where it names none that there can be.

    A missing zone, and -0000 (RFC 5322 3.3), count as UTC.
    """
    text = value[:200].decode("ascii", "replace").strip()
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def mime_type(value: bytes, default: str = "text/plain") -> str:
    """The type of a Content-Type field in lower case; text/plain where it is none (RFC 2045 5.2)."""
    match = _MIME_TYPE.match(value)
    return b"/".join(match.groups()).decode("ascii").lower() if match else default


def parameter(value: bytes, name: str) -> str:
    """The parameter `name` of a Content-Type or Content-Disposition field, decoded; "" where absent.

    Of one that stands twice the first counts, and the plain form before the extended one: so does the
    library read a boundary. Encoded words are decoded, as all clients do.
    """
    wanted = name.encode("ascii")
    if wanted not in value.lower():
        return ""
    found = _parameters(value)
    return clean_line(decode_words(found[wanted])) if wanted in found else _extended(found, wanted)


def file_parameter(value: bytes, name: str) -> str:
    """The parameter `name`, its extended form before the plain one: it says more (RFC 6266 4.3)."""
    wanted = name.encode("ascii")
    if wanted + b"*" not in value.lower():
        return parameter(value, name)
    return _extended(_parameters(value), wanted) or parameter(value, name)


def _parameters(value: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for match in islice(_PARAMETER.finditer(value), 200):
        found.setdefault(match[1].lower(), _unquote(match[2]))
    return found


def _extended(found: dict[bytes, bytes], name: bytes) -> str:
    """A parameter in the forms of RFC 2231; with encoded words in them, which some clients cut in pieces."""
    charset, data = _continued(found, name)
    return clean_line(decode(data, charset) if charset else decode_words(data))


def _continued(found: dict[bytes, bytes], name: bytes) -> tuple[str, bytes]:
    """Charset and bytes of a parameter written as name*, or name*0, name*1*, ... (RFC 2231 3, 4)."""
    if name + b"*" in found:
        pieces = [(found[name + b"*"], True)]
    else:
        pieces = []
        for index in count():
            key = name + b"*%d" % index
            if key not in found and key + b"*" not in found:
                break
            pieces.append((found.get(key + b"*", found.get(key, b"")), key + b"*" in found))
    charset = ""
    if pieces and pieces[0][1] and pieces[0][0].count(b"'") >= 2:
        label, _, first = pieces[0][0].split(b"'", 2)
        charset = label.decode("ascii", "replace")
        pieces[0] = (first, True)
    return charset, b"".join(unquote_to_bytes(data) if extended else data for data, extended in pieces)


def _unquote(value: bytes) -> bytes:
    value = value.strip()
    if len(value) >= 2 and value[:1] == value[-1:] == b'"':
        return re.sub(rb"\\([\"\\])", rb"\1", value[1:-1])
    return value
