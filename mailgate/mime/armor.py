"""OpenPGP in the text itself (RFC 9580 6, 7): what is signed is made readable, what is encrypted is told."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SIGNED = re.compile(
    r"^-----BEGIN PGP SIGNED MESSAGE-----[ \t]*+\n(?:[A-Za-z-]{1,40}: [^\n]*+\n)*+(?:[ \t]*+\n|\Z)",
    re.MULTILINE,
)
_SIGNATURE = "\n-----BEGIN PGP SIGNATURE-----"
_SIGNATURE_END = "\n-----END PGP SIGNATURE-----"
_ENCRYPTED = re.compile(r"^-----BEGIN PGP MESSAGE-----", re.MULTILINE)
_DASH_ESCAPE = re.compile(r"^- ", re.MULTILINE)
_MAX_BLOCKS = 100


@dataclass(frozen=True, slots=True)
class Armored:
    """A text without the armor around what it signs; `signatures` are the blocks that were taken out."""

    text: str
    signatures: tuple[str, ...] = ()
    signed: bool = False
    encrypted: bool = False


def read_armor(text: str) -> Armored:
    """`text` as a person reads it. Quoted armor (behind `>`) is part of the quote; nothing is verified."""
    if "-----BEGIN PGP " not in text:
        return Armored(text)
    kept: list[str] = []
    signatures: list[str] = []
    at = 0
    while (opening := _SIGNED.search(text, at)) and len(signatures) < _MAX_BLOCKS:
        # The blank line before the text belongs to the match: a signature may follow at once.
        start = text.find(_SIGNATURE, opening.end() - 1)
        end = text.find(_SIGNATURE_END, start) if start >= 0 else -1
        if end < 0:
            break
        end += len(_SIGNATURE_END)
        kept += [text[at : opening.start()], _DASH_ESCAPE.sub("", text[opening.end() : start + 1])]
        signatures.append(text[start + 1 : end] + "\n")
        at = end + (text[end : end + 1] == "\n")
    kept.append(text[at:])
    return Armored(
        "".join(kept),
        tuple(signatures),
        signed=bool(signatures) or opening is not None,
        encrypted=_ENCRYPTED.search(text) is not None,
    )
