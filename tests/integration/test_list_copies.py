"""List copies and their authors' signatures: untouched they verify; where they would fail they are ours."""

from __future__ import annotations

import base64
import email
import email.policy
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import Connection

from mailgate.settings import HostPort
from tests.support.daemon import LIST, Daemon, new_instance
from tests.support.dnsserver import DnsServer
from tests.support.sink import Sink
from tests.support.waiting import wait_until
from tracker.model import Delivery
from tracker.people import normalise_address
from tracker.storage import people, queues

pytestmark = pytest.mark.integration

SUE = "sue@subscribers.example"
_KEY = rsa.generate_private_key(65537, 2048)
_PEM = _KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
_PUBLIC = base64.b64encode(
    _KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
).decode()

RECORDS = {
    "s1._domainkey.signer.example": f"v=DKIM1; k=rsa; p={_PUBLIC}",
    "s1._domainkey.strict.example": f"v=DKIM1; k=rsa; p={_PUBLIC}",
    "_dmarc.signer.example": "v=DMARC1; p=reject",
    "_dmarc.strict.example": "v=DMARC1; p=quarantine; adkim=s",
    "_dmarc.lax.example": "v=DMARC1; p=none",
    "_dmarc.parent.example": "v=DMARC1; p=none; sp=reject",
}
BODY = "Dear all,\r\n\r\nthe disk  is full.\t \r\n\r\nJane\r\n\r\n\r\n"


def mail(sender: str, number: int, **fields: str) -> bytes:
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return (
        f"From: Jane Doe <{sender}>\r\nTo: {LIST}\r\nSubject: Disk {number}\r\n{extra}"
        f"Date: Fri, 27 Nov 2026 10:00:00 +0000\r\n"
        f"Message-ID: <{number}@{sender.partition('@')[2]}>\r\n\r\n{BODY}"
    ).encode()


def signed(raw: bytes, domain: str, *, length: bool = False) -> bytes:
    """`raw` with a signature of `domain`, over what mail servers sign."""
    fields = [b"from", b"to", b"subject", b"date", b"message-id", b"from", b"reply-to"]
    signature = dkim.sign(
        raw,
        b"s1",
        domain.encode(),
        _PEM,
        include_headers=fields,
        canonicalize=(b"relaxed", b"simple"),
        length=length,
    )
    return bytes(signature) + raw


@dataclass
class House:
    """A daemon whose only subscriber is Sue."""

    daemon: Daemon
    sink: Sink
    dns: DnsServer

    def copy_of(self, raw: bytes) -> bytes:
        """What Sue gets of a mail."""
        before = len(self.sink.mails)
        with smtplib.SMTP(*self.daemon.smtp) as session:
            session.sendmail("jane@envelope.example", [LIST], raw)
        wait_until(lambda: len(self.sink.mails) > before, 30)
        return self.sink.mails[-1].content

    def verifies(self, copy: bytes) -> bool:
        texts = self.dns.texts

        def look(name: bytes, timeout: int = 5) -> bytes | None:
            found = texts.get(name.decode().rstrip(".").lower())
            return None if found is None else found.encode()

        return bool(dkim.verify(copy, dnsfunc=look))


def house_with(home: Path, dns: DnsServer, sink: Sink) -> Iterator[House]:
    extra = f'mail.munge = "dmarc"\ndns.servers = ["{dns.address}"]\ndns.timeout = "1s"'
    app = new_instance(home, smarthost=HostPort(*sink.address), extra=extra)

    def settle(connection: Connection) -> None:
        sue = people.register(connection, normalise_address(SUE), "", app.clock())
        queues.subscribe(connection, queues.everyone(connection)[0].id, sue.id, Delivery.ALL, app.clock())

    app.write(settle)
    app.close()
    with Daemon(home) as daemon:
        yield House(daemon, sink, dns)
        daemon.stop()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with DnsServer(RECORDS) as dns, Sink() as sink:
        yield from house_with(tmp_path / "home", dns, sink)


def read(copy: bytes) -> EmailMessage:
    message = email.message_from_bytes(copy, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def is_ours(copy: bytes) -> bool:
    """Whether a copy is under the list's name, its author one reply away, its text as it was."""
    message = read(copy)
    if message["From"].addresses[0].addr_spec != LIST:
        return False
    assert message["From"].addresses[0].display_name == "Jane Doe via OSG"
    assert message["Reply-To"].addresses[0].display_name == "Jane Doe"
    assert message["Reply-To"].addresses[0].addr_spec in message["X-Original-From"]
    assert message["DKIM-Signature"] is None
    assert len(message.get_all("From", [])) == 1
    assert copy.partition(b"\r\n\r\n")[2] == BODY.encode()
    return True


def test_a_signed_mail_still_verifies_at_the_subscriber(house: House) -> None:
    copy = house.copy_of(signed(mail("jane@signer.example", 1), "signer.example"))
    assert house.verifies(copy)
    assert read(copy)["From"].addresses[0].addr_spec == "jane@signer.example"
    assert read(copy)["Reply-To"] is None
    assert read(copy)["List-Id"] == '"OSG" <osg-general.lists.example.org>'


def test_where_the_policy_would_have_the_copy_refused_it_is_ours(house: House) -> None:
    unsigned = mail("jane@signer.example", 1)
    tampered = signed(mail("jane@signer.example", 2), "signer.example").replace(b"Disk 2", b"Disk two")
    shortened = signed(mail("jane@signer.example", 3), "signer.example", length=True)
    by_another = signed(mail("jane@signer.example", 4), "strict.example")
    not_strictly = signed(mail("jane@mail.strict.example", 5), "strict.example")
    by_parent = mail("jane@some.parent.example", 6)
    many = b"DKIM-Signature: v=1; d=signer.example\r\n" * 20 + mail("jane@signer.example", 7)
    for raw in (unsigned, tampered, shortened, by_another, not_strictly, by_parent, many):
        assert is_ours(house.copy_of(raw)), raw.decode()


def test_where_no_policy_refuses_nothing_is_touched(house: House) -> None:
    for number, sender in enumerate(("jane@lax.example", "jane@nothing.example", "jane@parent.example")):
        copy = house.copy_of(mail(sender, number))
        assert not is_ours(copy)
        assert read(copy)["From"].addresses[0].addr_spec == sender


def test_its_own_reply_address_stays(house: House) -> None:
    copy = house.copy_of(mail("jane@signer.example", 1, Reply_To="desk@signer.example"))
    assert read(copy)["From"].addresses[0].addr_spec == LIST
    assert read(copy).get_all("Reply-To") == ["desk@signer.example"]


def test_where_the_dns_is_silent_the_copy_is_ours(tmp_path: Path) -> None:
    with DnsServer({}, silent=True) as dns, Sink() as sink:
        for house in house_with(tmp_path / "home", dns, sink):
            assert is_ours(house.copy_of(mail("jane@lax.example", 1)))


def test_a_domain_is_asked_for_once_in_a_while(house: House) -> None:
    for number in range(5):
        house.copy_of(mail("jane@lax.example", number))
    assert house.dns.asked.count("_dmarc.lax.example") == 1
