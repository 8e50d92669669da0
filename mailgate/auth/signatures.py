"""The DKIM signatures of a mail that hold (RFC 6376), checked by dkimpy behind guards of our own.

dkimpy takes a signature that covers a part of the text only (l=), or not From, or one by SHA-1; it checks as
many as there are, and needs quadratic time for runs of blanks. A field that stands there once more than it
was signed is read by some and not by others, so such a signature proves nothing, either.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import dkim

from mailgate.auth.alignment import organisational
from mailgate.auth.dns import DnsTrouble, Texts

_FIELD: Final = re.compile(rb"^([!-9;-~]+)[ \t]*:(.*(?:\r?\n[ \t].*)*)", re.MULTILINE)
_TAG: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]{0,19})\s*=([^;]*)")
HOST: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)+",
    re.ASCII,
)
_SELECTOR: Final = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,10}", re.ASCII)
_ALGORITHMS: Final = frozenset({"rsa-sha256", "ed25519-sha256"})
# What decides who wrote, to whom, about what, and how the text is read.
_GUARDED: Final = (
    "from",
    "sender",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "reply-to",
    "content-type",
    "content-transfer-encoding",
    "mime-version",
)
# A domain has one or two.
_MOST_SIGNATURES: Final = 5
_MOST_READ: Final = 50
_MOST_BYTES: Final = 40 * 2**20
_MOST_BLANKS: Final = 200_000
_LONG_BLANKS: Final = re.compile(rb"[ \t]{200}")
_LONGEST_FIELD: Final = 8 * 1024
# What is wrong with a stranger's signature is kept with the mail, and no error of ours.
SILENT: Final = logging.Logger("dkimpy", logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class Signature:
    """A DKIM-Signature: `result` as in RFC 8601 2.7.1 (pass, fail, policy, neutral, temperror), and `why`.

    `fields` are the names it covers, in lower case, once for each time; `at` is when it was made, in seconds
    of Unix, None where it does not say.
    """

    domain: str
    selector: str
    result: str
    why: str = ""
    fields: tuple[str, ...] = ()
    at: int | None = None

    @property
    def holds(self) -> bool:
        return self.result == "pass"


def fields_of(mail: bytes) -> tuple[tuple[str, bytes], ...]:
    """The header fields of a mail in order: names in lower case, values with their folds."""
    header = mail.partition(b"\r\n\r\n")[0]
    return tuple((name.decode("ascii").lower(), value) for name, value in _FIELD.findall(header))


def tags_of(value: bytes) -> dict[str, str]:
    """The tags of a signature (RFC 6376 3.2), blanks and folds taken out; {} where one comes twice."""
    text = value[:_LONGEST_FIELD].decode("ascii", "replace")
    found = [(name, re.sub(r"\s+", "", said)) for name, said in _TAG.findall(text)]
    tags = dict(found)
    return tags if len(tags) == len(found) else {}


def is_costly(mail: bytes) -> bool:
    """Whether checking it may take long: it is huge, or mostly blanks."""
    blanks = mail.count(b" ") + mail.count(b"\t")
    return (
        len(mail) > _MOST_BYTES
        or blanks > len(mail) // 2 + _MOST_BLANKS
        or _LONG_BLANKS.search(mail) is not None
    )


def check(mail: bytes, domain: str, texts: Texts) -> tuple[Signature, ...]:
    """The signatures of a mail, at most five checked: those of the author's `domain` first. Total."""
    fields = fields_of(mail)
    read = [
        _read(index, value, fields)
        for index, value in enumerate(value for name, value in fields if name == "dkim-signature")
    ]
    if not read:
        return ()
    costly = is_costly(mail)
    home = organisational(domain)
    read.sort(key=lambda one: (one.signature.result != "", organisational(one.signature.domain) != home))
    del read[_MOST_READ:]
    return tuple(
        one.signature
        if one.signature.result
        else one.judged("policy", "not checked: it would cost too much")
        if costly or place >= _MOST_SIGNATURES
        else _checked(mail, one, texts)
        for place, one in enumerate(read)
    )


def signers(mail: bytes, texts: Texts) -> tuple[str, ...]:
    """The domains whose signatures hold on a mail. Raises DnsTrouble where a key could not be asked for."""
    found = check(mail, "", texts)
    if any(one.result == "temperror" for one in found):
        raise DnsTrouble("a key")
    return tuple(one.domain for one in found if one.holds)


@dataclass(frozen=True, slots=True)
class _Read:
    """A signature as read, before it is checked: its place among those of the mail."""

    index: int
    signature: Signature

    def judged(self, result: str, why: str = "") -> Signature:
        one = self.signature
        return Signature(one.domain, one.selector, result, why, one.fields, one.at)


def _read(index: int, value: bytes, fields: Iterable[tuple[str, bytes]]) -> _Read:
    """A signature, with its result already where the library need not be asked."""
    tags = tags_of(value)
    domain, selector = tags.get("d", "").lower(), tags.get("s", "").lower()
    if not HOST.fullmatch(domain) or not _SELECTOR.fullmatch(selector):
        # Neither is repeated: what is no name of a host has no place in a result.
        return _Read(index, Signature("", "", "neutral", "it names no domain"))
    signed = tuple(filter(None, tags.get("h", "").lower().split(":")))
    at = int(tags["t"]) if re.fullmatch(r"\d{1,12}", tags.get("t", ""), re.ASCII) else None
    result, why = _objection(tags, signed, fields)
    return _Read(index, Signature(domain, selector, result, why, signed, at))


def _objection(
    tags: dict[str, str], signed: tuple[str, ...], fields: Iterable[tuple[str, bytes]]
) -> tuple[str, str]:
    if tags.get("a", "").lower() not in _ALGORITHMS:
        return "policy", "its algorithm is not taken (RFC 8301)"
    if "l" in tags:
        return "policy", "it covers a part of the text only (l=)"
    if "from" not in signed:
        return "policy", "it does not cover From"
    names = [name for name, _ in fields]
    for name in _GUARDED:
        if name in signed and names.count(name) > signed.count(name):
            return "policy", f"a field {name.title()} was added to those it covers"
    return "", ""


def _checked(mail: bytes, one: _Read, texts: Texts) -> Signature:
    trouble: list[DnsTrouble] = []
    try:
        holds = dkim.DKIM(mail, logger=SILENT).verify(idx=one.index, dnsfunc=key_function(texts, trouble))
    # A shell by decision (house rule: total): whatever the library makes of strange bytes proves nothing.
    except Exception as error:
        holds, why = False, str(error)[:100] if isinstance(error, dkim.DKIMException) else ""
    else:
        why = ""
    if trouble:
        return one.judged("temperror", "the DNS does not give its key")
    return one.judged("pass") if holds else one.judged("fail", why or "the signature does not hold")


def key_function(texts: Texts, trouble: list[DnsTrouble]) -> Callable[..., bytes | None]:
    """What dkimpy asks for a key; that there was no answer is noted in `trouble`."""

    def key(name: bytes, timeout: int = 5) -> bytes | None:
        try:
            found = texts(name.decode("ascii", "replace").rstrip("."))
        except DnsTrouble as error:
            trouble.append(error)
            return None
        return found[0].encode() if found else None

    return key
