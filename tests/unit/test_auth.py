"""What speaks for an author: SPF, DKIM, DMARC, ARC and upstreams, against a DNS in the hands of the test."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from mailgate.auth import authentication
from mailgate.auth.authentication import Authentication
from mailgate.auth.check import Believed, Check
from mailgate.auth.dns import Question, Records
from mailgate.auth.upstream import Upstreams, strip
from mailgate.envelope import Client, Envelope
from mailgate.errors import CannotTell, Forged
from tests.support.signed import key_record, seal, sign
from tracker.model import Trust

LIST = "osg-general@lists.example.org"
NEAR = (ipaddress.ip_network("127.0.0.0/8"),)
FAR = "192.0.2.7"


@dataclass
class Zone:
    """A DNS; names in `failing` never answer."""

    texts: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    asked: list[Question] = field(default_factory=list)

    async def ask(self, question: Question, seconds: float) -> Records | None:
        self.asked.append(question)
        name, kind = question
        if name in self.failing:
            return None
        known = {"TXT": self.texts, "A": self.addresses}.get(kind, {})
        return (known[name],) if name in known else ()


def zone(**texts: str) -> Zone:
    made = Zone()
    for domain in ("good.example", "lists.example.net", "evil.example", "strict.example", "mild.example"):
        made.texts[f"s1._domainkey.{domain}"] = key_record()
    made.texts |= {
        "good.example": "v=spf1 ip4:192.0.2.7 -all",
        "evil.example": "v=spf1 +all",
        "_dmarc.strict.example": "v=DMARC1; p=reject",
        "strict.example": "v=spf1 ip4:192.0.2.99 -all",
        "_dmarc.mild.example": "v=DMARC1; p=quarantine; sp=none",
        **texts,
    }
    return made


def mail(author: str = "ann@good.example", **fields: str) -> bytes:
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return (
        f"{extra}From: Ann <{author}>\r\nTo: {LIST}\r\nSubject: Disk\r\n"
        f"Date: Fri, 27 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@good.example>\r\n\r\nHello.\r\n"
    ).encode()


def look(
    raw: bytes,
    dns: Zone,
    *,
    path: str = "",
    client: str = FAR,
    via: str = "",
    author: str = "ann@good.example",
    believed: Believed | None = None,
) -> Authentication:
    envelope = Envelope(Client(client, "mx.good.example", "ESMTP", "s", via), path, (LIST,))
    check = Check(dns.ask, believed or Believed(near=NEAR), 5.0)
    found = asyncio.run(check(envelope, raw, author))
    assert found is not None
    assert authentication.from_json(found.to_json()) == found
    return found


def test_a_server_of_the_domain_speaks_for_its_authors() -> None:
    found = look(mail(), zone(), path="ann@good.example")
    assert (found.trust, found.spf, found.spf_aligned) == (Trust.ALIGNED, "pass", True)
    assert found.why == "sent by a server of good.example (SPF)"


def test_a_signature_of_the_domain_speaks_for_its_authors() -> None:
    found = look(sign(mail(), "good.example"), zone(), path="bounce@elsewhere.example")
    assert (found.trust, found.spf, found.aligned) == (Trust.ALIGNED, "none", ("good.example",))


def test_another_domain_speaks_for_nobody_else() -> None:
    found = look(sign(mail(), "evil.example"), zone(), path="x@evil.example")
    assert (found.trust, found.spf) == (Trust.NONE, "pass")
    assert [one.result for one in found.signatures] == ["pass"]


def test_the_greeting_of_a_null_sender_speaks_for_nobody() -> None:
    dns = zone(**{"mx.good.example": "v=spf1 +all"})
    assert look(mail(), dns, path="").trust is Trust.NONE


@pytest.mark.parametrize("path", ["a@evil.example", "", "ann@strict.example"])
def test_mail_that_its_domain_wants_refused_is_refused(path: str) -> None:
    with pytest.raises(Forged, match=r"strict\.example"):
        look(mail("boss@strict.example"), zone(), path=path, author="boss@strict.example")


def test_mail_that_its_domain_wants_set_aside_is_a_forgery_that_we_hold() -> None:
    found = look(mail("boss@mild.example"), zone(), path="x@evil.example", author="boss@mild.example")
    assert (found.trust, found.dmarc, found.policy) == (Trust.FAILED, "fail", "quarantine")


def test_a_domain_below_may_be_under_another_policy() -> None:
    found = look(mail("a@sub.mild.example"), zone(), path="x@evil.example", author="a@sub.mild.example")
    assert found.trust is Trust.NONE


def test_nobody_is_refused_where_nobody_knows_who_sent_it() -> None:
    """The MTA in front of us hands on what others wrote: its own address says nothing of them."""
    found = look(mail("b@strict.example"), zone(), client="127.0.0.1", author="b@strict.example")
    assert found.trust is Trust.NONE


@pytest.mark.parametrize("silent", ["_dmarc.strict.example", "strict.example"])
def test_a_silent_dns_refuses_nobody_for_good(silent: str) -> None:
    dns = zone()
    dns.failing.add(silent)
    with pytest.raises(CannotTell):
        look(mail("b@strict.example"), dns, path="b@strict.example", author="b@strict.example")


def test_a_silent_dns_does_not_matter_where_something_else_speaks() -> None:
    dns = zone()
    dns.failing |= {"_dmarc.good.example"}
    assert look(mail(), dns, path="ann@good.example").trust is Trust.ALIGNED


def test_a_part_of_the_text_is_no_text() -> None:
    found = look(sign(mail(), "good.example", length=True) + b"More.\r\n", zone())
    assert (found.trust, found.signatures[0].result) == (Trust.NONE, "policy")


def test_a_field_added_to_those_it_covers_breaks_it() -> None:
    found = look(b"Subject: Other\r\n" + sign(mail(), "good.example"), zone())
    assert (found.trust, found.signatures[0].why) == (
        Trust.NONE,
        "a field Subject was added to those it covers",
    )


def test_a_signature_that_does_not_cover_the_author_proves_none() -> None:
    raw = b"DKIM-Signature: v=1; a=rsa-sha256; d=good.example; s=s1; h=to; bh=AA==; b=AA==\r\n" + mail()
    found = look(raw, zone())
    assert (found.trust, found.signatures[0].why) == (Trust.NONE, "it does not cover From")


def test_five_signatures_are_checked_and_those_of_the_author_first() -> None:
    raw = sign(mail(), "good.example")
    for _ in range(200):
        raw = b"DKIM-Signature: v=1; a=rsa-sha256; d=evil.example; s=s1; h=from; bh=AA==; b=AA==\r\n" + raw
    dns = zone()
    found = look(raw, dns)
    assert found.trust is Trust.ALIGNED
    assert sum(one.result == "fail" for one in found.signatures) <= 4
    assert len(found.signatures) <= 50


def test_blanks_without_end_are_not_canonicalised() -> None:
    raw = sign(mail() + b" " * 900 + b"\r\n", "good.example")
    assert look(raw, zone()).signatures[0].result == "policy"


def test_what_is_no_name_of_a_host_is_neither_asked_for_nor_repeated() -> None:
    dns = zone()
    raw = (
        b"DKIM-Signature: v=1; a=rsa-sha256; d=good.example(.evil.example; s=s1; h=from; bh=A; b=A\r\n"
        + mail()
    )
    found = look(raw, dns, path="x@good.example(.evil.example")
    assert found.trust is Trust.NONE
    assert all("(" not in name for name, _ in dns.asked)
    assert "(" not in found.to_json().replace(found.why, "")


# The upstream's word.

UPSTREAM = Believed(Upstreams(frozenset({"mx.example.org"}), NEAR), near=NEAR)
RECEIVED = (
    "from mail.evil.example (mail.evil.example [192.0.2.66])\r\n\tby mx.example.org (Postfix) with ESMTP"
)
PASS = "mx.example.org; spf=pass (mx.example.org: domain of ann) smtp.mailfrom=ann@good.example"


def behind(*fields: tuple[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in fields).encode() + mail()


def test_an_upstream_is_believed() -> None:
    raw = behind(("Authentication-Results", PASS), ("Received", RECEIVED))
    found = look(raw, zone(), client="127.0.0.1", believed=UPSTREAM)
    assert (found.trust, found.source, found.spf_aligned) == (Trust.ALIGNED, "mx.example.org", True)
    assert found.why == "sent by a server of good.example (SPF), says mx.example.org"


@pytest.mark.parametrize(
    "raw",
    [
        behind(("Received", RECEIVED), ("Authentication-Results", PASS)),
        behind(("Received", RECEIVED), ("Authentication-Results", PASS), ("Received", RECEIVED)),
        behind(("Authentication-Results", PASS)),
        behind(("Authentication-Results", PASS), ("Received", "from x by mail.evil.example with ESMTP")),
        behind(("Authentication-Results", PASS.replace("mx.", "other.")), ("Received", RECEIVED)),
        behind(("Authentication-Results", PASS + " (and more"), ("Received", RECEIVED)),
        behind(("Authentication-Results", "mx.example.org; none"), ("Received", RECEIVED)),
    ],
    ids=["below", "between", "no hop", "another's hop", "another's", "unclosed", "nothing found"],
)
def test_a_field_that_is_not_the_upstream_s_is_not_believed(raw: bytes) -> None:
    assert look(raw, zone(), client="127.0.0.1", believed=UPSTREAM).trust is Trust.NONE


def test_who_is_not_the_upstream_is_not_believed() -> None:
    raw = behind(("Authentication-Results", PASS), ("Received", RECEIVED))
    assert look(raw, zone(), client="192.0.2.66", believed=UPSTREAM).trust is Trust.NONE
    assert look(raw, zone(), client="127.0.0.1").trust is Trust.NONE
    # The upstream told of its client, and is still the one that connects.
    told = look(raw, zone(), client="192.0.2.66", via="127.0.0.1", believed=UPSTREAM)
    assert told.trust is Trust.ALIGNED


@pytest.mark.parametrize(
    "injected",
    [
        'spf=pass smtp.mailfrom="x;dkim=pass header.d=good.example;y"@evil.example',
        "spf=pass smtp.mailfrom=x@evil.example (;dkim=pass header.d=good.example)",
        "dkim=pass header.d=good.example(.evil.example",
        "dkim=pass header.d=good.example'a.evil.example",
        "dkim=pass header.d=good.example\x00.evil.example",
        'dkim=fail reason="dkim=pass" header.d=good.example',
    ],
)
def test_what_a_sender_writes_into_a_result_is_no_result(injected: str) -> None:
    raw = behind(("Authentication-Results", f"mx.example.org; {injected}"), ("Received", RECEIVED))
    assert look(raw, zone(), client="127.0.0.1", believed=UPSTREAM).trust is Trust.NONE


def test_results_that_others_wrote_are_taken_out() -> None:
    raw = behind(("AUTHENTICATION-results", PASS + "\r\n\t; dkim=pass"), ("Received", RECEIVED))
    assert strip(raw, raw.index(b"\r\n\r\n") + 4) == behind(("Received", RECEIVED))


# Sealers.

RESULTS = "lists.example.net; dkim=pass header.d=good.example; spf=pass smtp.mailfrom=ann@good.example"
SEALERS = Believed(sealers=frozenset({"lists.example.net"}), near=NEAR)


def passed_on(domain: str = "lists.example.net", results: str = RESULTS) -> bytes:
    by = results.partition(";")[0]
    return seal(f"Authentication-Results: {results}\r\n".encode() + mail(), domain, by)


def test_a_listed_sealer_is_believed_and_no_other() -> None:
    found = look(passed_on(), zone(), path="bounce@lists.example.net", believed=SEALERS)
    assert (found.trust, found.source, found.sealers) == (
        Trust.ALIGNED,
        "lists.example.net",
        ("lists.example.net",),
    )
    assert look(passed_on(), zone(), path="bounce@lists.example.net").trust is Trust.NONE
    assert look(passed_on("evil.example"), zone(), believed=SEALERS).trust is Trust.NONE


def test_every_sealer_of_a_chain_must_be_listed() -> None:
    once = b"Authentication-Results: lists.example.net; arc=pass\r\n" + passed_on(
        "evil.example", RESULTS.replace("lists.example.net", "evil.example")
    )
    twice = seal(once, "lists.example.net", "lists.example.net")
    found = look(twice, zone(), believed=SEALERS)
    assert (found.arc, found.sealers) == ("pass", ("evil.example", "lists.example.net"))
    assert found.trust is Trust.NONE


def test_a_chain_that_does_not_hold_proves_nothing() -> None:
    found = look(passed_on().replace(b"Hello.", b"Hullo."), zone(), believed=SEALERS)
    assert (found.arc, found.trust) == ("fail", Trust.NONE)


def test_a_sealer_that_found_another_author_proves_nothing() -> None:
    results = "lists.example.net; dkim=pass header.d=evil.example"
    assert look(passed_on(results=results), zone(), believed=SEALERS).trust is Trust.NONE


# Commands.

NOW = datetime.now(UTC)


def test_a_young_signature_that_covers_what_is_asked_may_command() -> None:
    found = look(sign(mail(), "good.example"), zone())
    assert found.may_command([{"to"}], {"subject"}, NOW)
    assert not found.may_command([{"to"}], {"subject"}, NOW + timedelta(days=8))
    assert not found.may_command([set()], {"subject"}, NOW)
    assert not found.may_command([{"to"}], {"reply-to"}, NOW)


def test_a_server_of_the_domain_may_command() -> None:
    assert look(mail(), zone(), path="ann@good.example").may_command([set()], {"subject"}, NOW)


def test_who_is_not_proven_commands_nothing() -> None:
    assert not look(mail(), zone()).may_command([{"to"}], set(), NOW)
