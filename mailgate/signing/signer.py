"""The key, and the DKIM signature that it makes (RFC 6376 3.5, RFC 8463 for Ed25519)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from mailgate.signing.canonical import Relaxed, body_hash, chosen, fields_of, folded, relaxed

_RSA_BITS: Final = 2048
# Signed once more than they are there, so that nobody adds one (RFC 6376 8.15).
_GUARDED: Final = (
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "reply-to",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
)
# Signed as they are; the two of the way out must be (RFC 8058 3.1).
_SIGNED: Final = (
    "sender",
    "auto-submitted",
    "list-id",
    "list-post",
    "list-help",
    "list-subscribe",
    "list-owner",
    "list-archive",
    "list-unsubscribe",
    "list-unsubscribe-post",
)
_PEM: Final = re.compile(r"-----[A-Z ]+-----|\s")

PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


class BadKey(ValueError):
    """A file holds no key that mail can be signed with; the text may be shown."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs in the name of any of our domains, under one selector."""

    key: PrivateKey
    selector: str

    @property
    def algorithm(self) -> str:
        return "ed25519-sha256" if isinstance(self.key, ed25519.Ed25519PrivateKey) else "rsa-sha256"

    def field(self, header: bytes, body: bytes, domain: str, at: int) -> bytes:
        """The field DKIM-Signature of a message, with its end of line; `at` in seconds of Unix."""
        fields = fields_of(header)
        names = names_to_sign(fields)
        tags = [
            ("v", "1"),
            ("a", self.algorithm),
            ("c", "relaxed/relaxed"),
            ("d", domain),
            ("s", self.selector),
            ("t", str(at)),
            ("h", ":".join(names)),
            ("bh", body_hash(body)),
        ]
        return self.signed("DKIM-Signature", tags, chosen(fields, names))

    def signed(self, name: str, tags: Sequence[tuple[str, str]], covered: bytes) -> bytes:
        """A field of tags with b= at its end, which covers some lines and the field itself."""
        empty = folded(name, [*tags, ("b", "")])
        value = empty.partition(b":")[2].removesuffix(b"\r\n")
        signature = self._sign(covered + relaxed(name.encode(), value))
        return folded(name, [*tags, ("b", base64.b64encode(signature).decode("ascii"))])

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            # RFC 8463 3: what is signed is the hash.
            return self.key.sign(hashlib.sha256(data).digest())
        return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def record(self) -> str:
        """What the DNS must have at `selector._domainkey.domain` (RFC 6376 3.6.1)."""
        return record_of(self.key)


def names_to_sign(fields: Sequence[Relaxed]) -> list[str]:
    """The value of h=: the guarded fields once more than they are there, the others as they are."""
    present = [name for name, _ in fields]
    guarded = [name for name in _GUARDED for _ in range(present.count(name) + 1)]
    return guarded + [name for name in _SIGNED for _ in range(present.count(name))]


def record_of(key: PrivateKey) -> str:
    """The public half of a key, as a record of the DNS."""
    public = key.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode('ascii')}"
    text = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={_PEM.sub('', text.decode('ascii'))}"


def load_key(path: Path) -> PrivateKey:
    """The private key of a PEM file; raises BadKey, FileNotFoundError."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadKey(f"{path} holds no private key in PEM") from None
    if isinstance(key, ed25519.Ed25519PrivateKey) or (
        isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 1024
    ):
        return key
    raise BadKey(f"{path}: mail is signed with RSA of 1024 bits and more, or Ed25519")


def create_key(path: Path) -> PrivateKey:
    """Write a new RSA key that only the owner may read; one that is there stays. Gives the one there."""
    if not path.exists():
        key = rsa.generate_private_key(65537, _RSA_BITS)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.touch(mode=0o600)
        path.write_bytes(pem)
    return load_key(path)
