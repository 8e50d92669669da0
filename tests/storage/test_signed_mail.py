"""Everything that goes out is signed, whatever it is, and verifies; what is passed on is sealed."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from mailgate.compose import Composer
from mailgate.signing.signer import Signer
from mailgate.urls import Urls
from tests.support.community import LIST, Community

SIGNER = Signer(rsa.generate_private_key(65537, 2048), "mg")
PROFILE = (Path(__file__).parents[2] / "config/exchange/rt.toml").read_text()
JANE, BEN, SUE, EVE, PAT = (f"{name}@people.example" for name in ("jane", "ben", "sue", "eve", "pat"))
STAFF, CONTACT = "staff@south.example", "contact@site.example"
REQUEST = "osg-general-request@lists.example.org"
_count = iter(range(10_000))


def mail(sender: str, text: str, subject: str = "Jobs fail at é", **fields: str) -> bytes:
    known = {"To": LIST, "Message_ID": f"<m{next(_count)}@people.example>"} | fields
    extra = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in known.items())
    return f"From: {sender}\nSubject: {subject}\n{extra}\n{text}\n".encode()


@pytest.fixture
def house(community: Community) -> Community:
    """A community that signs, with everybody in it who is sent anything."""
    app = community.app
    urls = Urls("https://tickets.example.org")
    app.__dict__["composer"] = Composer(app.keys, urls, SIGNER, community.clock)
    community.own("owner@lists.example.org")
    community.subscribe(SUE, "all")
    for address in (EVE, PAT):
        community.subscribe(address, "digest")
    community.add_center("SouthSC", "south@centers.example", staff=[STAFF])
    community.add_center("BNL", "rt@bnl.example")
    community.share("BNL", PROFILE)
    community.put_rules(
        '[[rule]]\nname = "r"\nphase = "route"\nwhen = "fail"\n'
        f'then = ["center+=SouthSC", "center+=BNL", "cc+={CONTACT}"]\n'
    )
    return community


def verifies(content: bytes) -> bool:
    record = SIGNER.record().encode()
    return bool(dkim.verify(content, dnsfunc=lambda name, timeout=5: record))


def read(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[return-value]


def live(house: Community) -> None:
    """A month in which mail of every kind goes out."""
    house.inject(mail(PAT, "", "set digest plain"), [REQUEST])
    house.inject(mail(JANE, "They all fail."), trust="aligned")
    ticket = "osg-general+1@lists.example.org"
    house.inject(mail(BEN, "Mine, too.", "Re: Jobs fail at é"), [ticket])
    house.inject(mail(JANE, "!priority high\n!frobnicate", "Re: Jobs fail at é"), [ticket])
    house.inject(mail(STAFF, "!status resolved", "Re: Jobs fail at é"), [ticket], trust="none")
    house.inject(mail("new@people.example", "", "subscribe"), [REQUEST])
    house.inject(mail(SUE, "", "help"), [REQUEST])
    house.inject(mail(BEN, "", "x"), ["osg-general+1.show@lists.example.org"])
    house.pass_time(minutes=5)
    house.operate("resolve", 1)
    house.pass_time(minutes=5)
    house.pass_time(days=1, minutes=10)
    for _ in range(5):
        house.inject(mail(JANE, "Once more.", f"Another {next(_count)}"))
        path = next(one.reverse_path for one in reversed(house.bag.copies) if one.recipient == SUE)
        report = (
            f"From: MAILER-DAEMON@mx.example\nTo: {path}\nSubject: Returned\nAuto-Submitted: auto-replied\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\n\n--x\n\nNo.\n--x\n'
            "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
            f"Final-Recipient: rfc822; {SUE}\nAction: failed\nStatus: 5.1.1\n\n--x--\n"
        )
        house.inject(report.encode(), [path], mail_from="<>")
        house.pass_time(days=1, minutes=10)
    for _ in range(30):
        house.pass_time(days=1)


def test_all_that_we_send_verifies(house: Community) -> None:
    live(house)
    sent = [(one.recipient, read(one.content)) for one in house.bag.copies]
    subjects = [f"{to}: {message['Subject']}" for to, message in sent]
    for kind in (
        f"{SUE}: Jobs fail at é",
        f"{BEN}: Re: [OSG #1] Jobs fail at é",
        "south@centers.example: [OSG #1] Jobs fail at é",
        f"{CONTACT}: [OSG #1] Jobs fail at é",
        "rt@bnl.example:",
        f"{STAFF}: Confirm: ticket 1: !status resolved",
        "new@people.example: Confirm: subscribe",
        f"{SUE}: Re: help",
        f"{EVE}: OSG Digest",
        f"{PAT}: OSG Digest",
        "owner@lists.example.org:",
    ):
        assert any(one.startswith(kind) for one in subjects), (kind, subjects)
    broken = [
        subject for subject, one in zip(subjects, house.bag.copies, strict=True) if not verifies(one.content)
    ]
    assert broken == []
    for message in (read(one.content) for one in house.bag.copies):
        signature = "".join(message["DKIM-Signature"].split())
        covered = signature.partition("h=")[2].partition(";")[0].split(":")
        for name in ("List-Unsubscribe", "List-Unsubscribe-Post"):
            assert message[name] is None or name.lower() in covered
        assert f"d={LIST.partition('@')[2]};" in signature


def test_what_is_passed_on_is_sealed_with_what_we_found(house: Community) -> None:
    house.inject(mail(JANE, "They all fail."), trust="aligned")
    house.inject(mail(BEN, "And nobody looked at this.", "Other"))
    copies = [read(one.content) for one in house.bag.copies if one.recipient == SUE]
    found, unlooked = copies
    assert "arc=none" in found["ARC-Authentication-Results"]
    assert found["Authentication-Results"] is None
    assert unlooked["ARC-Seal"] is None
    record = SIGNER.record().encode()
    content = next(one.content for one in house.bag.copies if one.recipient == SUE)
    assert dkim.arc_verify(content, dnsfunc=lambda name, timeout=5: record)[0] == b"pass"
    assert all("ARC-Seal" not in read(one.content) for one in house.bag.copies if one.recipient != SUE)
