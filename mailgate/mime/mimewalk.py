"""From the tree of parts to what a person reads: the text, the attachments, the reports inside.

The walk recurses; scan.measure has bounded depth and parts before.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from mailgate.clean import clean_text, decode
from mailgate.fieldvalues import parameter
from mailgate.mime import leaves, machineparts
from mailgate.mime.body import Body, union
from mailgate.mime.parts import MESSAGES, Part, children, content_id, field, file_name, is_attached, kind_of

# Forms of the text for other eyes: pages that programs of one maker show, and the watch.
_SPECIAL_FORMS = frozenset({"text/x-amp-html", "text/watch-html"})

# What a sender writes as plain text who has none.
_PLACEHOLDER = re.compile(
    r"(?:e-?mail|mail|message|client|reader|viewer)\b[^\n]{0,60}\b(?:not|n't|unable to)\b[^\n]{0,40}\bhtml"
    r"|\bhtml\b[^\n]{0,40}\b(?:capable|compatible|enabled|only|e-?mails?|mails?|messages?|format|version|client|viewer)\b"
    r"|\bkein(?:e|en)? html\b|\bpas (?:le |du )?(?:format )?html\b|\bno (?:soporta|admite) html\b",
    re.IGNORECASE,
)
_MAX_PLACEHOLDER = 300
# What stands before the first part for readers of before 1992.
_NOT_MIME = re.compile(r"\bmulti-?part|\bmime\b", re.IGNORECASE)


def read_body(message: Part) -> Body:
    """The text of a mail, with its attachments and reports, each once."""
    kind = kind_of(message)
    if kind in leaves.SHOWN_TEXT and not is_attached(message):
        # A name alone makes no file of a mail that is nothing else.
        return leaves.read_text(message, kind)
    body = _walk(message)
    if body.spare is None or body.text.strip():
        return body
    spare = body.spare()
    return replace(body, text=spare.text, html=spare.html)


def _walk(part: Part) -> Body:
    kind = kind_of(part)
    if kind.startswith("multipart/") and part.is_multipart():
        return _outside(_containers().get(kind, _mixed)(part), part)
    if kind in machineparts.REPORTS:
        return machineparts.read_report(part, kind)
    if kind in machineparts.RETURNED_HEADERS:
        return machineparts.read_headers(part, kind)
    if kind in MESSAGES:
        return leaves.read_message(part)
    if _is_text(part, kind):
        return leaves.read_text(part, kind)
    return leaves.read_file(part, kind)


def _containers() -> dict[str, Callable[[Part], Body]]:
    return {
        "multipart/alternative": _alternative,
        "multipart/appledouble": _appledouble,
        "multipart/related": _related,
        "multipart/signed": lambda part: replace(_mixed(part), signed=True),
        "multipart/encrypted": lambda part: replace(_mixed(part), encrypted=True),
        "multipart/report": lambda part: machineparts.of_report(_mixed(part)),
    }


def _mixed(part: Part) -> Body:
    """Every text of the parts, in order."""
    bodies = [_walk(child) for child in children(part)]
    texts = [body.text for body in bodies if body.text.strip()]
    text = texts[0] if len(texts) == 1 else "\n\n".join(each.strip("\n") for each in texts)
    return replace(union(bodies), text=text, html=any(body.html for body in bodies))


def _alternative(part: Part) -> Body:
    """The plain one of the texts unless it says nothing; the files of all: some clients put them in one."""
    inside = children(part)
    shown = [child for child in inside if kind_of(child) not in _SPECIAL_FORMS] or inside
    bodies: list[Body] = []
    plain = False
    for child in shown:
        kind = kind_of(child)
        if kind in leaves.SHOWN_TEXT and not is_attached(child):
            # The HTML beside a plain text says the same: not worth its conversion.
            if not (plain and kind == "text/html"):
                bodies.append(leaves.read_text(child, kind))
        else:
            bodies.append(_walk(child))
        plain = plain or bool(bodies and not bodies[-1].html and _says_something(bodies[-1].text))
    full = [body for body in bodies if body.text.strip()]
    chosen = min(full, key=lambda body: (not _says_something(body.text), body.html), default=Body())
    return replace(union(bodies), text=chosen.text, html=chosen.html)


def _says_something(text: str) -> bool:
    """Whether `text` is more than a hint that the real one is in HTML."""
    content = text.strip()
    return bool(content) and (len(content) > _MAX_PLACEHOLDER or _PLACEHOLDER.search(content) is None)


def _related(part: Part) -> Body:
    """The text of the root, the first part or the one that is named (RFC 2387 3.2); the others are files."""
    inside = children(part)
    start = parameter(field(part, "content-type"), "start").strip("<> ")
    if start:
        inside.sort(key=lambda child: content_id(child) != start)
    bodies = [_walk(child) for child in inside]
    root = next((body for body in bodies if body.text.strip()), Body())
    return replace(union(bodies), text=root.text, html=root.html)


def _appledouble(part: Part) -> Body:
    """The file; what a Macintosh knew of it besides (RFC 1740) is for no other."""
    data = [child for child in children(part) if kind_of(child) != "application/applefile"]
    return union([_walk(child) for child in data])


def _outside(body: Body, part: Part) -> Body:
    """`body`, with what stands around its parts (RFC 2046 5.1.1) to be read where they hold no text."""
    around = [each for each in (part.preamble, part.epilogue) if each and each.strip()]
    if body.spare or body.text.strip() or not around:
        return body
    text = "\n\n".join(clean_text(decode(each.encode("utf-8", "surrogateescape"))) for each in around)
    return body if _NOT_MIME.search(text[:400]) else replace(body, spare=lambda: Body(text=text))


def _is_text(part: Part, kind: str) -> bool:
    """Whether a leaf is to be read, not saved."""
    if kind.startswith("multipart/"):
        return True
    return kind in leaves.SHOWN_TEXT and not is_attached(part) and not file_name(part)
