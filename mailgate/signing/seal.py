"""A seal on what we pass on (ARC, RFC 8617 5.1): what we found of its author, for those who believe us."""

from __future__ import annotations

import re
from typing import Final

from mailgate.signing.canonical import Relaxed, body_hash, chosen, fields_of, relaxed
from mailgate.signing.signer import Signer, names_to_sign

_SET: Final = ("arc-authentication-results", "arc-message-signature", "arc-seal")
_INSTANCE: Final = re.compile(rb"(?:^|[;\s])i\s*=\s*(\d{1,2})\s*(?:;|$)")
# RFC 8617 4.2.1
_MOST: Final = 50


def sealed(signer: Signer, header: bytes, body: bytes, results: bytes, domain: str, at: int) -> bytes:
    """The three fields of one more set, for the top of a message; b"" where no more is allowed.

    `results` is the value of our Authentication-Results on the mail as it came; its arc= says whether the
    chain so far holds.
    """
    fields = fields_of(header)
    number = 1 + max((_instance(line) for name, line in fields if name in _SET), default=0)
    if number > _MOST:
        return b""
    chain = _state(results) if number > 1 else "none"
    found = b"ARC-Authentication-Results: i=%d; " % number + results.strip() + b"\r\n"
    names = [name for name in names_to_sign(fields) if name not in _SET]
    signature = signer.signed(
        "ARC-Message-Signature",
        [
            ("i", str(number)),
            ("a", signer.algorithm),
            ("c", "relaxed/relaxed"),
            ("d", domain),
            ("s", signer.selector),
            ("t", str(at)),
            ("h", ":".join(names)),
            ("bh", body_hash(body)),
        ],
        chosen(fields, names),
    )
    # Of a chain that fails the newest set alone is sealed (5.1.2).
    before = () if chain == "fail" else fields
    covered = _earlier(before, number) + _line(found) + b"\r\n" + _line(signature) + b"\r\n"
    seal = signer.signed(
        "ARC-Seal",
        [
            ("i", str(number)),
            ("a", signer.algorithm),
            ("t", str(at)),
            ("cv", chain),
            ("d", domain),
            ("s", signer.selector),
        ],
        covered,
    )
    return seal + signature + found


def _instance(line: bytes) -> int:
    found = _INSTANCE.search(line.partition(b":")[2])
    return int(found[1]) if found else 0


def _state(results: bytes) -> str:
    found = re.search(rb";\s*arc=(\w+)", results)
    return "pass" if found is not None and found[1] == b"pass" else "fail"


def _earlier(fields: tuple[Relaxed, ...], number: int) -> bytes:
    """The sets before, in order, each as results, signature, seal."""
    lines = [
        line
        for instance in range(1, number)
        for wanted in _SET
        for name, line in fields
        if name == wanted and _instance(line) == instance
    ]
    return b"".join(line + b"\r\n" for line in lines)


def _line(field: bytes) -> bytes:
    name, _, value = field.partition(b":")
    return relaxed(name, value.removesuffix(b"\r\n"))
