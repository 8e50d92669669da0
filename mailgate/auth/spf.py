"""Whether a client may send for a domain: SPF (RFC 7208), by pyspf, which asks through us."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import spf

from mailgate.auth.dns import Answers, DnsTrouble
from mailgate.auth.signatures import HOST
from mailgate.envelope import Envelope
from tracker.people import normalise_domain

_KINDS: Final = frozenset({"TXT", "A", "AAAA", "MX", "PTR"})


@dataclass(frozen=True, slots=True)
class Spf:
    """What SPF says of an envelope: `result` as in RFC 7208 2.6, of `domain`.

    `helo`: the null sender has no domain, so it is that of the greeting, which speaks for no author.
    """

    result: str = "none"
    domain: str = ""
    helo: bool = False

    @property
    def holds(self) -> bool:
        return self.result == "pass" and not self.helo


def check(envelope: Envelope, answers: Answers) -> Spf:
    """Ask SPF about the reverse-path, or the greeting of who sends with none (RFC 7208 2.4). Total."""
    helo = not envelope.reverse_path
    said = envelope.client.helo if helo else envelope.reverse_path.rpartition("@")[2]
    domain = normalise_domain(said)
    # What is no name of a host is not asked for, and not repeated.
    if not envelope.client.address or not HOST.fullmatch(domain):
        return Spf(helo=helo)
    sender = f"postmaster@{domain}" if helo else f"{envelope.reverse_path.rpartition('@')[0]}@{domain}"
    greeting = envelope.client.helo if HOST.fullmatch(envelope.client.helo.lower()) else domain
    return Spf(_result(envelope.client.address, sender, greeting, answers), domain, helo)


def _result(address: str, sender: str, greeting: str, answers: Answers) -> str:
    try:
        question = _Query(address, sender, greeting)
        question.answers = answers
        return str(question.check()[0])
    # A shell by decision (house rule: total): whatever the library makes of strange records is no proof.
    except Exception:
        return "permerror"


class _Query(spf.query):  # type: ignore[misc]
    """A question of pyspf, whose own way to the DNS waits, and knows no servers of ours."""

    answers: Answers

    def dns(self, name: object, qtype: str, cnames: object = None, ignore_void: bool = False) -> list[Any]:
        try:
            found = self.answers(str(name), qtype) if qtype in _KINDS else ()
        except (DnsTrouble, UnicodeError):
            raise spf.TempError(f"DNS: no answer for {name}") from None
        if not found and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError("too many names without records (RFC 7208 4.6.4)")
        return [_as_pyspf(qtype, one) for one in found]

    def get_explanation(self, spec: str) -> None:
        """Nobody is shown what a stranger's DNS says about it (RFC 7208 6.2)."""


def _as_pyspf(kind: str, record: str) -> object:
    if kind == "TXT":
        return (record.encode(),)
    if kind == "MX":
        preference, _, host = record.partition(" ")
        return int(preference), host
    return record
