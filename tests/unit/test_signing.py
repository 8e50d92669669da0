"""Signatures and seals of ours, checked by another hand: what we sign dkimpy verifies, and nothing else."""

from __future__ import annotations

from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from mailgate.signing.seal import sealed
from mailgate.signing.signer import BadKey, Signer, create_key, load_key
from tests.support.signed import key_record, seal

DOMAIN = "lists.example.org"
HEADER = (
    b"From: Ann <ann@x.example>\r\nTo: a@b.example,\r\n\tc@d.example\r\nSubject: Hi   there \r\n"
    b"Date: Fri, 27 Nov 2026 10:00:00 +0000\r\nMessage-ID: <a@b>\r\nList-Id: <osg.lists.example.org>\r\n"
    b"List-Unsubscribe: <mailto:x@y.example>,\r\n <https://x.example/z>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
)
BODY = b"Hello  all \r\n\t x\r\n\r\n\r\n"
RSA = Signer(rsa.generate_private_key(65537, 2048), "mg")
CURVE = Signer(ed25519.Ed25519PrivateKey.generate(), "mg")


def verifies(message: bytes, signer: Signer) -> bool:
    record = signer.record().encode()
    return bool(dkim.verify(message, dnsfunc=lambda name, timeout=5: record))


def signed(header: bytes, body: bytes, signer: Signer = RSA) -> bytes:
    return signer.field(header, body, DOMAIN, 1_795_000_000) + header + b"\r\n" + body


@pytest.mark.parametrize("signer", [RSA, CURVE], ids=["rsa", "ed25519"])
def test_what_we_sign_verifies(signer: Signer) -> None:
    message = signed(HEADER, BODY, signer)
    assert verifies(message, signer)
    assert all(len(line) <= 78 for line in message.partition(b"From:")[0].split(b"\r\n"))


def test_the_way_out_is_signed() -> None:
    covered = b"".join(signed(HEADER, BODY).partition(b"h=")[2].partition(b";")[0].split())
    assert {b"list-unsubscribe", b"list-unsubscribe-post", b"from", b"subject"} <= set(covered.split(b":"))


@pytest.mark.parametrize("added", [b"From: boss@x.example", b"Subject: Other", b"Reply-To: me@evil.example"])
def test_nobody_adds_a_field_to_what_we_signed(added: bytes) -> None:
    assert not verifies(added + b"\r\n" + signed(HEADER, BODY), RSA)


def test_a_key_file_is_the_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "dkim.key"
    key = create_key(path)
    assert path.stat().st_mode & 0o077 == 0
    numbers = create_key(path).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert numbers == key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_text("no key")
    with pytest.raises(BadKey, match="holds no private key"):
        load_key(path)


WORDS = st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), max_size=200)
VALUES = st.lists(WORDS, min_size=1, max_size=3).map("\r\n\t".join)
NAMES = st.sampled_from(["From", "To", "Cc", "Subject", "X-Any", "List-Unsubscribe", "Received", "subject"])
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=12)
BODIES = st.lists(
    st.binary(max_size=80).map(lambda b: b.replace(b"\r", b"").replace(b"\n", b"")), max_size=20
)


@settings(max_examples=150, deadline=None)
@given(HEADERS, BODIES, st.integers(0, 10_000))
def test_whatever_we_sign_verifies_and_nothing_else(
    fields: list[tuple[str, str]], lines: list[bytes], place: int
) -> None:
    header = "".join(f"{name}: {value}\r\n" for name, value in (("From", "a@x.example"), *fields)).encode()
    body = b"".join(line + b"\r\n" for line in lines)
    message = signed(header, body, CURVE)
    if b"\r\n\t\r\n" in header or [name for name, _ in fields].count("From"):
        # A line of blanks alone is the end of a header to some; a mail has one From.
        return
    assert verifies(message, CURVE)
    text = body.rstrip()
    if text:
        at = len(message) - len(body) + place % len(text)
        changed = message[:at] + (b"A" if message[at : at + 1] != b"A" else b"B") + message[at + 1 :]
        blank = message[at : at + 1] in b" \t"
        assert blank or not verifies(changed, CURVE)


# Seals.


def chain(message: bytes) -> tuple[str, int]:
    """What dkimpy says of a chain of seals, and of how many sets."""
    records = {b"mg._domainkey.lists.example.org.": RSA.record().encode()}
    found = dkim.arc_verify(message, dnsfunc=lambda name, timeout=5: records.get(name, key_record().encode()))
    return (found[0] or b"none").decode(), len(found[1])


def pass_on(header: bytes, arc: str = "none") -> bytes:
    results = f"{DOMAIN};\r\n\tspf=pass smtp.mailfrom=x.example;\r\n\tarc={arc}".encode()
    return sealed(RSA, header, BODY, results, DOMAIN, 1_795_000_000) + header


def sealed_by_another() -> bytes:
    results = b"Authentication-Results: other.example; spf=pass\r\n"
    return seal(results + HEADER + b"\r\n" + BODY, "other.example", "other.example")


def test_a_seal_of_ours_holds() -> None:
    assert chain(pass_on(HEADER) + b"\r\n" + BODY) == ("pass", 1)
    assert chain(pass_on(HEADER) + b"\r\n" + BODY + b"More.\r\n")[0] == "fail"


def test_a_seal_of_ours_goes_on_from_another_s() -> None:
    first = sealed_by_another()
    header = first.partition(b"\r\n\r\n")[0] + b"\r\n"
    assert chain(pass_on(header, "pass") + b"\r\n" + BODY) == ("pass", 2)


def test_of_a_broken_chain_the_newest_set_says_so() -> None:
    first = sealed_by_another()
    header = first.partition(b"\r\n\r\n")[0].replace(b"Hi   there", b"Hi you") + b"\r\n"
    passed = pass_on(header, "fail")
    assert b"cv=fail" in passed
    assert chain(passed + b"\r\n" + BODY)[0] == "none"


def test_a_chain_that_is_full_gets_no_more() -> None:
    full = b"".join(b"ARC-Seal: i=%d; a=rsa-sha256; d=x; s=y; cv=pass; b=AA==\r\n" % n for n in range(1, 51))
    assert pass_on(full + HEADER, "pass") == full + HEADER
