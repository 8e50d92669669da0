"""What a domain wants done to mail in its name that fails, and who speaks for a domain (RFC 7489)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from publicsuffixlist import PublicSuffixList

from mailgate.auth.dns import Texts

_TAG: Final = re.compile(r"\s*([A-Za-z]{1,10})\s*=\s*([^;]*?)\s*(?:;|$)")


class Wish(StrEnum):
    """What a domain wants done to mail in its name that nothing speaks for."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Policy:
    """A DMARC record: the wish, and whether the very domain must sign (adkim) or send (aspf)."""

    wish: Wish
    strict: bool = False
    strict_spf: bool = False
    published: bool = True

    @property
    def refuses(self) -> bool:
        return self.wish is not Wish.NONE


NO_POLICY: Final = Policy(Wish.NONE, published=False)


def policy_of(domain: str, texts: Texts) -> Policy:
    """The policy that holds for a From domain (RFC 7489 6.6.3). Raises DnsTrouble."""
    record = _record(domain, texts)
    organisation = organisational(domain)
    if record is not None:
        return _read(record, "p")
    if organisation == domain:
        return NO_POLICY
    record = _record(organisation, texts)
    return NO_POLICY if record is None else _read(record, "sp" if "sp" in _tags(record) else "p")


def _record(domain: str, texts: Texts) -> str | None:
    found = [text for text in texts(f"_dmarc.{domain}") if text.replace(" ", "").startswith("v=DMARC1")]
    return found[0] if len(found) == 1 else None


def _tags(record: str) -> dict[str, str]:
    return {found[1].lower(): found[2] for found in _TAG.finditer(record[:1000])}


def _read(record: str, tag: str) -> Policy:
    tags = _tags(record)
    said = tags.get(tag, "").lower()
    # A sample of none of it, or a test, asks for nothing; any other sample is all of it to us.
    trial = tags.get("pct") == "0" or tags.get("t", "").lower() == "y"
    wish = Wish(said) if said in {"quarantine", "reject"} and not trial else Wish.NONE
    return Policy(wish, tags.get("adkim", "r").lower() == "s", tags.get("aspf", "r").lower() == "s")


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def organisational(domain: str) -> str:
    """The domain that somebody registered, of a name in it (RFC 7489 3.2)."""
    return str(_suffixes().privatesuffix(domain) or domain)


def is_aligned(one: str, domain: str, *, strict: bool) -> bool:
    """Whether `one` speaks for the From `domain` (RFC 7489 3.1)."""
    if not one:
        return False
    return one == domain if strict else organisational(one) == organisational(domain)
