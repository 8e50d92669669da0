"""Whether a list copy under its author's own name would be refused: DMARC (RFC 7489) on what we send.

Our servers are not in the author's SPF, so only a signature of theirs that still holds can speak for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import dkim
from publicsuffixlist import PublicSuffixList

from mailgate.dns import DnsTrouble, Texts

_TAG: Final = re.compile(r"\s*([A-Za-z]{1,10})\s*=\s*([^;]*?)\s*(?:;|$)")
_SIGNATURE: Final = re.compile(
    rb"^dkim-signature[ \t]*:((?:.*\r?\n)(?:[ \t].*\r?\n)*)", re.IGNORECASE | re.MULTILINE
)
_LENGTH_TAG: Final = re.compile(rb"(?:^|;)\s*l\s*=")
# A domain has one or two; dkimpy would check hundreds, and canonicalise runs of blanks in quadratic time.
_MOST_SIGNATURES: Final = 5
_MOST_BYTES: Final = 10 * 2**20
_MOST_BLANKS: Final = 200_000
_LONG_BLANKS: Final = re.compile(rb"[ \t]{200}")
_REFUSING: Final = frozenset({"quarantine", "reject"})


@dataclass(frozen=True, slots=True)
class Policy:
    """What a domain wants done to mail that fails in its name; `strict`: only the very domain may sign."""

    refuses: bool
    strict: bool = False


_NO_POLICY: Final = Policy(refuses=False)


def policy_of(domain: str, texts: Texts) -> Policy:
    """The policy that holds for a From domain (RFC 7489 6.6.3). Raises DnsTrouble."""
    record = _record(domain, texts)
    organisation = organisational(domain)
    if record is not None:
        return _read(record, "p")
    if organisation == domain:
        return _NO_POLICY
    record = _record(organisation, texts)
    return _NO_POLICY if record is None else _read(record, "sp" if "sp" in _tags(record) else "p")


def _record(domain: str, texts: Texts) -> str | None:
    found = [text for text in texts(f"_dmarc.{domain}") if text.replace(" ", "").startswith("v=DMARC1")]
    return found[0] if len(found) == 1 else None


def _tags(record: str) -> dict[str, str]:
    return {found[1].lower(): found[2] for found in _TAG.finditer(record[:1000])}


def _read(record: str, tag: str) -> Policy:
    tags = _tags(record)
    return Policy(tags.get(tag, "").lower() in _REFUSING, tags.get("adkim", "r").lower() == "s")


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def organisational(domain: str) -> str:
    """The domain that somebody registered, of a name in it (RFC 7489 3.2)."""
    return str(_suffixes().privatesuffix(domain) or domain)


def would_fail(copy: bytes, domain: str, texts: Texts) -> bool:
    """Whether a copy of a mail from `domain`, as it would go out, fails under a policy that has it refused.

    Where the DNS does not answer, it may: a copy under the list's name is read by everybody.
    """
    try:
        policy = policy_of(domain, texts)
        return policy.refuses and not _speaks_for(copy, domain, policy, texts)
    except DnsTrouble:
        return True


def _speaks_for(copy: bytes, domain: str, policy: Policy, texts: Texts) -> bool:
    """Whether a signature of the author's domain holds on the copy."""
    return any(_is_aligned(signer, domain, policy) for signer in signers(copy, texts))


def _is_aligned(signer: str, domain: str, policy: Policy) -> bool:
    return signer == domain if policy.strict else organisational(signer) == organisational(domain)


def signers(mail: bytes, texts: Texts) -> tuple[str, ...]:
    """The domains whose signatures hold on a mail (RFC 6376); none of one that would cost too much to check.

    Raises DnsTrouble where a key could not be asked for.
    """
    header, _, _ = mail.partition(b"\r\n\r\n")
    found = _SIGNATURE.findall(header + b"\r\n")
    costly = len(mail) > _MOST_BYTES or mail.count(b" ") + mail.count(b"\t") > len(mail) // 2 + _MOST_BLANKS
    if not 0 < len(found) <= _MOST_SIGNATURES or costly or _LONG_BLANKS.search(mail):
        return ()
    return tuple(
        signer
        for index, signature in enumerate(found)
        if not _LENGTH_TAG.search(signature) and (signer := _signer(mail, index, texts)) is not None
    )


def _signer(mail: bytes, index: int, texts: Texts) -> str | None:
    trouble: list[DnsTrouble] = []

    def key(name: bytes, timeout: int = 5) -> bytes | None:
        try:
            found = texts(name.decode("ascii", "replace").rstrip("."))
        except DnsTrouble as error:
            trouble.append(error)
            return None
        return found[0].encode() if found else None

    try:
        checked = dkim.DKIM(mail)
        holds = checked.verify(idx=index, dnsfunc=key)
        signer = checked.domain.decode("ascii", "replace").lower()
    # A shell by decision (house rule: total): whatever the library makes of strange bytes proves nothing.
    except Exception:
        holds, signer = False, ""
    if trouble:
        raise trouble[0]
    return signer if holds else None
