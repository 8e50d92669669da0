"""Whose mail it is, before we say 250: all evidence, and what it comes to."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from mailgate.auth import arc, signatures, spf
from mailgate.auth.alignment import NO_POLICY, Policy, Wish, is_aligned, policy_of
from mailgate.auth.arc import Arc
from mailgate.auth.authentication import Authentication
from mailgate.auth.dns import Answers, Ask, DnsTrouble, settled
from mailgate.auth.field import Finding, read
from mailgate.auth.signatures import HOST, Signature
from mailgate.auth.spf import Spf
from mailgate.auth.upstream import Upstreams
from mailgate.envelope import Envelope
from mailgate.errors import CannotTell, Forged
from tracker.model import Trust
from tracker.people import normalise_domain

# A look at more text would hold up the other sessions.
_LARGE: Final = 64 * 1024

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Checker(Protocol):
    """Finds what speaks for the author of a mail."""

    async def __call__(self, envelope: Envelope, raw: bytes, author: str) -> Authentication | None:
        """`author` is the address in From; None: nobody looked.

        Raises Forged, and CannotTell where the DNS does not answer.
        """


async def unchecked(envelope: Envelope, raw: bytes, author: str) -> None:
    """The checker of an instance that believes everybody."""


@dataclass(frozen=True, slots=True)
class Believed:
    """Whose word counts: that of `upstreams`, and of the `sealers` of chains, by domain.

    Clients in `near` networks hand on what others wrote: SPF is not asked about them.
    """

    upstreams: Upstreams = field(default_factory=Upstreams)
    sealers: frozenset[str] = frozenset()
    near: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """The checker of an instance that looks. `deadline_s`: for all questions of one mail together."""

    ask: Ask
    believed: Believed
    deadline_s: float

    async def __call__(self, envelope: Envelope, raw: bytes, author: str) -> Authentication | None:
        domain = normalise_domain(author.rpartition("@")[2])

        def work(answers: Answers) -> Authentication | Exception:
            return _look(_Case(envelope, raw, domain, self.believed), answers)

        found = await settled(work, self.ask, self.deadline_s, apart=len(raw) > _LARGE)
        if isinstance(found, Exception):
            raise found
        return found


@dataclass(frozen=True, slots=True)
class _Case:
    envelope: Envelope
    raw: bytes
    domain: str
    believed: Believed


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What was found; `client_known` says that SPF could be asked about who sent it."""

    spf: Spf
    signatures: tuple[Signature, ...]
    arc: Arc
    policy: Policy
    client_known: bool
    trouble: bool
    source: str = ""
    vouched: tuple[str, ...] = ()


def _look(case: _Case, answers: Answers) -> Authentication | Exception:
    """All questions are asked before any answer is weighed: they go out together."""
    policy, trouble = _policy(case.domain, answers)
    word = case.believed.upstreams.word(case.envelope, case.raw)
    known = word is not None or _is_far(case.envelope.client.address, case.believed.near)
    mailfrom = spf.check(case.envelope, answers) if known and word is None else Spf()
    found = _Evidence(
        mailfrom if word is None else _spf_of(word.findings),
        signatures.check(case.raw, case.domain, answers.texts),
        arc.check(case.raw, answers.texts),
        policy,
        known,
        trouble,
        "" if word is None else word.by,
        () if word is None else _signers_of(word.findings),
    )
    return _weigh(case, found)


def _policy(domain: str, answers: Answers) -> tuple[Policy, bool]:
    """What the domain wants, and whether that could not be found."""
    if not HOST.fullmatch(domain):
        return NO_POLICY, False
    try:
        return policy_of(domain, answers.texts), False
    except DnsTrouble:
        return NO_POLICY, True


def _is_far(address: str, near: Sequence[Network]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return not any((mapped or ip) in network for network in near)


def _spf_of(findings: Sequence[Finding]) -> Spf:
    """What an upstream, or a sealer, found of the reverse-path."""
    for one in findings:
        said = one.get("smtp.mailfrom") or one.get("envelope-from")
        if one.method == "spf" and said:
            domain = normalise_domain(said.rpartition("@")[2])
            return Spf(one.result, domain if HOST.fullmatch(domain) else "")
    return Spf()


def _signers_of(findings: Sequence[Finding]) -> tuple[str, ...]:
    passed = (one for one in findings if one.method == "dkim" and one.result == "pass")
    domains = (one.get("header.d") or one.get("header.i").rpartition("@")[2] for one in passed)
    return tuple(domain for domain in domains if HOST.fullmatch(domain))


def _weigh(case: _Case, found: _Evidence) -> Authentication | Exception:
    """DMARC (RFC 7489 6.6.2), with what sealers found where nothing else speaks for the author."""
    domain, policy = case.domain, found.policy
    signers = (*(one.domain for one in found.signatures if one.holds), *found.vouched)
    aligned = tuple(one for one in signers if is_aligned(one, domain, strict=policy.strict))
    by_spf = found.spf.holds and is_aligned(found.spf.domain, domain, strict=policy.strict_spf)
    sealed = not aligned and not by_spf and _is_sealed(case, found)
    trust, why = _verdict(domain, found, aligned=aligned, by_spf=by_spf, sealed=sealed)
    unsure = _is_unsure(found)
    if trust is Trust.NONE and (found.trouble or (unsure and policy.refuses)):
        return CannotTell(f"The DNS does not say whether this mail is by {domain}, please try again later")
    if trust is Trust.FAILED and policy.wish is Wish.REJECT:
        return Forged(f"{domain} wants mail refused that it neither signed nor sent (DMARC): see your sender")
    return Authentication(
        trust=trust,
        why=why,
        domain=domain if HOST.fullmatch(domain) else "",
        spf=found.spf.result,
        spf_domain=found.spf.domain,
        spf_aligned=by_spf,
        signatures=found.signatures,
        aligned=tuple(dict.fromkeys(aligned)),
        policy=policy.wish.value if policy.published else "",
        dmarc=_dmarc(found, passed=bool(aligned) or by_spf),
        arc=found.arc.result,
        sealers=found.arc.sealers,
        source=found.source or (found.arc.sealers[-1] if sealed else ""),
    )


def _verdict(
    domain: str, found: _Evidence, *, aligned: Sequence[str], by_spf: bool, sealed: bool
) -> tuple[Trust, str]:
    told = f", says {found.source}" if found.source else ""
    if aligned:
        own = any(one.holds and one.domain == aligned[0] for one in found.signatures)
        return Trust.ALIGNED, f"signed by {aligned[0]} (DKIM)" + ("" if own else told)
    if by_spf:
        return Trust.ALIGNED, f"sent by a server of {found.spf.domain} (SPF){told}"
    if sealed:
        return Trust.ALIGNED, f"passed on by {found.arc.sealers[-1]}, which found it to be by {domain} (ARC)"
    if found.policy.refuses and found.client_known and not _is_unsure(found) and not found.trouble:
        return Trust.FAILED, f"{domain} neither signed nor sent it, and wants such mail refused (DMARC)"
    return Trust.NONE, f"nothing shows that it is by {domain}"


def _is_unsure(found: _Evidence) -> bool:
    """Whether the DNS left open what might speak for the author."""
    return (
        found.spf.result == "temperror"
        or found.arc.result == "temperror"
        or any(one.result == "temperror" for one in found.signatures)
    )


def _dmarc(found: _Evidence, *, passed: bool) -> str:
    """As RFC 8601 2.7.4 registers it."""
    if found.trouble:
        return "temperror"
    if not found.policy.published:
        return "none"
    return "pass" if passed else "fail"


def _is_sealed(case: _Case, found: _Evidence) -> bool:
    """Whether a chain of listed sealers alone says that the author was proven where it began."""
    chain = found.arc
    if chain.result != "pass" or not all(_is_listed(one, case.believed.sealers) for one in chain.sealers):
        return False
    told = read(chain.found)
    if told is None:
        return False
    told_spf = _spf_of(told.findings)
    policy = found.policy
    return any(is_aligned(one, case.domain, strict=policy.strict) for one in _signers_of(told.findings)) or (
        told_spf.holds and is_aligned(told_spf.domain, case.domain, strict=policy.strict_spf)
    )


def _is_listed(domain: str, sealers: frozenset[str]) -> bool:
    return any(domain == one or domain.endswith("." + one) for one in sealers)
