"""The word of the MTA in front of us, in the field Authentication-Results that it writes (RFC 8601).

A sender can write such a field, too. That of the upstream stands above its own Received, the topmost of all:
what came with the mail stands below.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from mailgate.auth import field
from mailgate.auth.field import Results
from mailgate.auth.signatures import fields_of
from mailgate.envelope import Envelope
from tracker.people import normalise_domain

_NAME: Final = field.NAME.lower()
_BY: Final = re.compile(rb"(?:^|\s)by\s+([A-Za-z0-9._-]{1,253})(?=[\s;]|$)")
_COMMENT: Final = re.compile(rb"\([^()]*\)")
_FIELDS: Final = re.compile(
    rb"^authentication-results[ \t]*:.*(?:\r?\n[ \t].*)*\r?\n", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Upstreams:
    """The MTAs that are believed: the names in their fields (authserv-id, Received), whence they connect."""

    names: frozenset[str] = frozenset()
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    def word(self, envelope: Envelope, raw: bytes) -> Results | None:
        """What the upstream that hands a mail on found; None where there is none, or it says nothing."""
        if not self.names or not self._has_sent(envelope):
            return None
        found: list[Results] = []
        for name, value in fields_of(raw):
            if name == "received":
                by = _BY.search(_COMMENT.sub(b" ", value))
                who = "" if by is None else normalise_domain(by[1].decode("ascii"))
                told = [one for one in found if one.by == who and who in self.names]
                findings = tuple(finding for one in told for finding in one.findings)
                return Results(who, findings) if told else None
            if name == _NAME and (results := field.read(value)) is not None:
                found.append(results)
        return None

    def _has_sent(self, envelope: Envelope) -> bool:
        try:
            ip = ipaddress.ip_address(envelope.client.connected)
        except ValueError:
            # A pipe of the MTA on this machine, or a file that an operator hands in.
            return envelope.client.protocol == "PIPE"
        return any(ip in network for network in self.networks)


def strip(raw: bytes, header_end: int) -> bytes:
    """A mail without the results that others wrote: what stands in it from now on is ours."""
    header = raw[:header_end]
    if b"uthentication-" not in header and _NAME.encode() not in header.lower():
        return raw
    return _FIELDS.sub(b"", header) + raw[header_end:]
