"""Questions to the DNS, with a deadline and a memory: an answer is asked for once in some minutes.

Two ways to ask. `resolver_of` gives texts, and waits. Where many mails are checked at once nobody may wait
for a silent server of one of them: `Answers` gives what is known and notes what is not, and `settled` asks
for that without holding a thread, and begins anew.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.TXT
import dns.resolver

from mailgate.settings import HostPort

T = TypeVar("T")

_KEPT_S: Final = 600.0
_TROUBLE_KEPT_S: Final = 30.0
_MOST_KEPT: Final = 2000
_MOST_CHARACTERS: Final = 4096
_MOST_RECORDS: Final = 100
# SPF asks for a dozen at most (RFC 7208 4.6.4), five signatures for one each, a chain for two a set.
_MOST_QUESTIONS: Final = 60

# A name and a kind of record: TXT, A, AAAA, MX, PTR.
Question = tuple[str, str]
# Records as text, of MX "10 mx.example.org"; None where nobody knows.
Records = tuple[str, ...]
# Texts of a name, () where there are none; raises DnsTrouble where nobody knows.
Texts = Callable[[str], tuple[str, ...]]
Ask = Callable[[Question, float], Awaitable[Records | None]]


class DnsTrouble(Exception):
    """No answer: neither that there is something nor that there is nothing."""


def resolver_of(servers: Sequence[HostPort], timeout: timedelta) -> Texts:
    """A lookup of TXT records by these servers, or by the system's where there are none."""
    resolver = dns.resolver.Resolver(configure=not servers)
    _configure(resolver, servers, timeout)

    def texts(name: str) -> tuple[str, ...]:
        try:
            return _records(resolver.resolve(name, "TXT", search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except (dns.exception.DNSException, ValueError) as error:
            raise DnsTrouble(f"{name}: {type(error).__name__}") from None

    return Memory(texts)


def _configure(resolver: dns.resolver.BaseResolver, servers: Sequence[HostPort], timeout: timedelta) -> None:
    if servers:
        resolver.nameservers = [dns.nameserver.Do53Nameserver(one.host, one.port) for one in servers]
    resolver.lifetime = timeout.total_seconds()


def _records(answer: dns.resolver.Answer) -> Records:
    return tuple(_text(row)[:_MOST_CHARACTERS] for row in list(answer)[:_MOST_RECORDS])


def _text(row: object) -> str:
    match row:
        case dns.rdtypes.ANY.TXT.TXT():
            return b"".join(row.strings).decode("utf-8", "replace")
        case dns.rdtypes.ANY.MX.MX():
            return f"{row.preference} {row.exchange.to_text(omit_final_dot=True)}"
    return str(row).removesuffix(".")


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


class Resolver:
    """Asks without holding a thread. One for a process: it remembers, for at most ten minutes."""

    def __init__(self, servers: Sequence[HostPort], timeout: timedelta) -> None:
        self._servers = servers
        self._timeout = timeout
        self._known: OrderedDict[Question, tuple[float, Records | None]] = OrderedDict()

    async def ask(self, question: Question, seconds: float) -> Records | None:
        """The records of a name within so many seconds; None where nobody knows."""
        until, known = self._known.get(question, (0.0, None))
        if time.monotonic() < until:
            return known
        kept, known = await self._look(question, seconds)
        self._known[question] = time.monotonic() + kept, known
        while len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
        return known

    async def _look(self, question: Question, seconds: float) -> tuple[float, Records | None]:
        name, kind = question
        # Bound to its event loop, and cheap to make: a process may have several, one after another.
        resolver = dns.asyncresolver.Resolver(configure=not self._servers)
        _configure(resolver, self._servers, self._timeout)
        lifetime = min(seconds, self._timeout.total_seconds())
        try:
            answer = await resolver.resolve(name, kind, search=False, lifetime=lifetime)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return _KEPT_S / 2, ()
        except (dns.exception.DNSException, ValueError, OSError):
            return _TROUBLE_KEPT_S, None
        ttl = 0 if answer.rrset is None else answer.rrset.ttl
        return min(_KEPT_S, float(ttl)), _records(answer)


class Answers:
    """What the DNS said so far. A question that nobody asked yet is noted in `missing`."""

    def __init__(self) -> None:
        self._known: dict[Question, Records | None] = {}
        self.missing: dict[Question, None] = {}

    def __call__(self, name: str, kind: str) -> Records:
        """The records of a name, () where there are none; raises DnsTrouble where nobody knows."""
        question = name.lower().rstrip("."), kind
        found = self._known.get(question)
        if found is None:
            if question not in self._known:
                self.missing[question] = None
            raise DnsTrouble(name)
        return found

    def texts(self, name: str) -> Records:
        """The TXT records of a name."""
        return self(name, "TXT")

    def learn(self, question: Question, records: Records | None) -> None:
        """Note what the DNS said."""
        self._known[question] = records


async def settled(work: Callable[[Answers], T], ask: Ask, deadline_s: float, *, apart: bool = False) -> T:
    """What `work` gives once it has all the answers it asks for, or the deadline has passed.

    `work` is done anew after each round of questions, so it asks first and reckons afterwards; `apart`: in a
    thread, for it takes long.
    """
    answers = Answers()
    end = time.monotonic() + deadline_s
    asked = 0
    while True:
        result = await asyncio.to_thread(work, answers) if apart else work(answers)
        wanted = tuple(answers.missing)
        answers.missing.clear()
        if not wanted:
            return result
        asked += len(wanted)
        left = end - time.monotonic()
        if left <= 0 or asked > _MOST_QUESTIONS:
            for question in wanted:
                answers.learn(question, None)
            continue
        found = await asyncio.gather(*(ask(question, left) for question in wanted))
        for question, records in zip(wanted, found, strict=True):
            answers.learn(question, records)
