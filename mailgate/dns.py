"""Questions to the DNS, with a deadline and a memory: an answer is asked for once in some minutes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import dns.exception
import dns.nameserver
import dns.resolver

from mailgate.settings import HostPort

_KEPT_S: Final = 600.0
_MOST_KEPT: Final = 2000
_MOST_CHARACTERS: Final = 4096

# Texts of a name, () where there are none; raises DnsTrouble where nobody knows.
Texts = Callable[[str], tuple[str, ...]]


class DnsTrouble(Exception):
    """No answer: neither that there is something nor that there is nothing."""


def resolver_of(servers: Sequence[HostPort], timeout: timedelta) -> Texts:
    """A lookup of TXT records by these servers, or by the system's where there are none."""
    resolver = dns.resolver.Resolver(configure=not servers)
    if servers:
        resolver.nameservers = [dns.nameserver.Do53Nameserver(one.host, one.port) for one in servers]
    resolver.lifetime = timeout.total_seconds()

    def texts(name: str) -> tuple[str, ...]:
        try:
            answer = resolver.resolve(name, "TXT", search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except (dns.exception.DNSException, ValueError) as error:
            raise DnsTrouble(f"{name}: {type(error).__name__}") from None
        joined = (b"".join(row.strings).decode("utf-8", "replace") for row in answer)
        return tuple(text[:_MOST_CHARACTERS] for text in joined)

    return Memory(texts)


@dataclass
class Memory:
    """The same answers, without asking again for ten minutes; trouble is remembered, too."""

    ask: Texts
    clock: Callable[[], float] = time.monotonic
    _known: OrderedDict[str, tuple[float, tuple[str, ...] | None]] = field(default_factory=OrderedDict)

    def __call__(self, name: str) -> tuple[str, ...]:
        at, known = self._known.get(name, (-_KEPT_S, None))
        if self.clock() - at >= _KEPT_S:
            at, known = self.clock(), self._ask(name)
            self._known[name] = at, known
            while len(self._known) > _MOST_KEPT:
                self._known.popitem(last=False)
        if known is None:
            raise DnsTrouble(name)
        return known

    def _ask(self, name: str) -> tuple[str, ...] | None:
        try:
            return self.ask(name)
        except DnsTrouble:
            return None
