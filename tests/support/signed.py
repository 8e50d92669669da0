"""Mail signed by keys of our own, and the records that a DNS would have of them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import cache
from typing import Any

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

FIELDS = ("from", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references", "content-type")


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def private_pem() -> bytes:
    return _key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@cache
def key_record() -> str:
    """What the DNS has under s1._domainkey of every domain that signs here."""
    public = _key().public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


def sign(raw: bytes, domain: str, fields: Sequence[str] = FIELDS, **how: Any) -> bytes:
    """`raw` with a signature of `domain` on top; `how` goes to dkimpy."""
    names = [name.encode() for name in fields]
    canonical = (b"relaxed", b"relaxed")
    signature = dkim.sign(
        raw, b"s1", domain.encode(), private_pem(), include_headers=names, canonicalize=canonical, **how
    )
    return bytes(signature) + raw


def seal(raw: bytes, domain: str, results_by: str) -> bytes:
    """`raw` with one more ARC set of `domain`, which hands on the results that `results_by` wrote."""
    lines = dkim.arc_sign(
        raw,
        b"s1",
        domain.encode(),
        private_pem(),
        results_by.encode(),
        include_headers=[b"from", b"to", b"subject", b"date", b"message-id"],
        timestamp=None,
    )
    return b"".join(lines) + raw
