"""What those who passed a mail on found (ARC, RFC 8617); believed of the sealers that are listed only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import dkim

from mailgate.auth.dns import DnsTrouble, Texts
from mailgate.auth.signatures import HOST, SILENT, fields_of, is_costly, key_function, tags_of

_SEAL: Final = "arc-seal"
_RESULTS: Final = "arc-authentication-results"
_SETS: Final = frozenset({_SEAL, "arc-message-signature", _RESULTS})
_INSTANCE: Final = re.compile(rb"\s*i\s*=\s*([1-9][0-9]?)\s*;")
# RFC 8617 4.2.1 allows 50; the library reads the whole text anew for each.
_MOST_SETS: Final = 10


@dataclass(frozen=True, slots=True)
class Arc:
    """A chain: `result` none, pass, fail or temperror; `sealers` from the first to the last.

    `found` is what the first of them found, the value of its Authentication-Results.
    """

    result: str = "none"
    sealers: tuple[str, ...] = ()
    found: bytes = b""


def check(mail: bytes, texts: Texts) -> Arc:
    """Validate the chain of a mail (RFC 8617 5.2). Total."""
    fields = [(name, value) for name, value in fields_of(mail) if name in _SETS]
    if not fields:
        return Arc()
    sealers = _sealers(fields)
    if not sealers or is_costly(mail):
        return Arc("fail")
    trouble: list[DnsTrouble] = []
    try:
        result = dkim.arc_verify(mail, logger=SILENT, dnsfunc=key_function(texts, trouble))[0]
    # A shell by decision (house rule: total), as for signatures.
    except Exception:
        result = dkim.CV_Fail
    if trouble:
        return Arc("temperror", sealers)
    first = next(value for name, value in fields if name == _RESULTS and _instance(value) == 1)
    if result != dkim.CV_Pass:
        return Arc("fail", sealers)
    return Arc("pass", sealers, _INSTANCE.sub(b"", first, count=1))


def _sealers(fields: list[tuple[str, bytes]]) -> tuple[str, ...]:
    """The domains that sealed, in order; () where the sets are not whole, or too many."""
    count = len(fields) // 3
    numbers = sorted((name, _instance(value)) for name, value in fields)
    whole = numbers == sorted((name, n) for name in _SETS for n in range(1, count + 1))
    if not whole or count > _MOST_SETS:
        return ()
    seals = {_instance(value): tags_of(value) for name, value in fields if name == _SEAL}
    domains = tuple(seals[n].get("d", "").lower() for n in range(1, count + 1))
    return domains if all(HOST.fullmatch(domain) for domain in domains) else ()


def _instance(value: bytes) -> int:
    found = _INSTANCE.match(value) or re.search(rb";\s*i\s*=\s*([1-9][0-9]?)\s*(?:;|$)", value[:1000])
    return int(found[1]) if found else 0
