"""What proves that we wrote an address or an id: MACs under the instance's key.

Each is HMAC-SHA256 over its purpose and what it stands for, cut to 80 bits, in lower-case base32: sixteen
characters that survive a mail client, a phone call and a header that was folded.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from tracker.model import Address, TicketId

TOKEN_LENGTH: Final = 16
_MAC_BYTES: Final = 10
_KEY_BYTES: Final = 32
_ROOT_ID: Final = re.compile(
    r"<t(\d{1,18})\.([a-z2-7]{1,16})\.([a-z2-7]{16})@[^<>\s@]{1,255}>", re.ASCII | re.IGNORECASE
)
_LIKE_A_ROOT_ID: Final = re.compile(
    r"<t(\d{1,18})\.[a-z0-9.]{8,60}@[^<>\s@]{1,255}>", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys in force: the first signs, all are accepted."""

    epochs: tuple[bytes, ...]

    def _mac(self, key: bytes, purpose: str, *parts: object) -> str:
        text = "\0".join((purpose, *map(str, parts))).encode()
        digest = hmac.digest(key, text, hashlib.sha256)[:_MAC_BYTES]
        return base64.b32encode(digest).decode("ascii").lower()

    def _sign(self, purpose: str, *parts: object) -> str:
        return self._mac(self.epochs[0], purpose, *parts)

    def _holds(self, mac: str, purpose: str, *parts: object) -> bool:
        given = mac.lower().encode("ascii", "replace")
        return any(
            hmac.compare_digest(self._mac(key, purpose, *parts).encode(), given) for key in self.epochs
        )

    def reply(self, ticket_id: TicketId, address: Address) -> str:
        """The token in the Reply-To of the copy that goes to `address`."""
        return self._sign("reply", ticket_id, address)

    def is_reply(self, token: str, ticket_id: TicketId, address: Address) -> bool:
        return self._holds(token, "reply", ticket_id, address)

    def root_id(self, ticket_id: TicketId, nonce: str, domain: str) -> str:
        """The root id of a ticket: first in every References we write, the Message-ID of no mail."""
        return f"<t{ticket_id}.{nonce}.{self._sign('root', ticket_id, nonce)}@{domain}>"

    def read_root_id(self, message_id: str) -> TicketId | None:
        """The ticket of a root id that we made, whatever domain we had then; else None."""
        found = _ROOT_ID.fullmatch(message_id)
        if found is None or not self._holds(found[3], "root", int(found[1]), found[2].lower()):
            return None
        return TicketId(int(found[1]))

    def claimed_root(self, message_id: str, domains: Sequence[str]) -> TicketId | None:
        """The ticket of what looks like a root id of `domains` and is none: broken, or forged."""
        found = _LIKE_A_ROOT_ID.fullmatch(message_id)
        if found is None or self.read_root_id(message_id):
            return None
        if message_id.lower().rpartition("@")[2].rstrip(">") not in domains:
            return None
        return TicketId(int(found[1]))

    def bounce(self, delivery: int) -> str:
        """The MAC in the reverse-path of a delivery (VERP)."""
        return self._sign("bounce", delivery)

    def is_bounce(self, mac: str, delivery: int) -> bool:
        return self._holds(mac, "bounce", delivery)

    def copy(self, message_id: str) -> str:
        """The proof that a copy is one of ours, by which we know it when it comes back."""
        return self._sign("copy", message_id)

    def is_copy(self, mac: str, message_id: str) -> bool:
        return self._holds(mac, "copy", message_id)

    def list_copy(self, address: str) -> str:
        """The proof that a list copy is one of ours, whatever was done to it on its way."""
        return self._sign("list copy", address)

    def is_list_copy(self, mac: str, address: str) -> bool:
        return self._holds(mac, "list copy", address)

    def unsubscribe(self, queue_id: int, address: Address) -> str:
        """The token that takes `address` off a list."""
        return self._sign("unsubscribe", queue_id, address)

    def is_unsubscribe(self, token: str, queue_id: int, address: Address) -> bool:
        return self._holds(token, "unsubscribe", queue_id, address)

    def contact(self, address: Address) -> str:
        """The token by which `address` never again hears of us as a contact or a center."""
        return self._sign("contact", address)

    def is_contact(self, token: str, address: Address) -> bool:
        return self._holds(token, "contact", address)

    def leave(self, what: str, queue_id: int, number: int, address: Address) -> str:
        """The token in the link by which one click leaves something."""
        return self._sign("leave", what, queue_id, number, address)

    def is_leave(self, token: str, what: str, queue_id: int, number: int, address: Address) -> bool:
        return self._holds(token, "leave", what, queue_id, number, address)

    def confirm(self, act: str, address: Address, now: datetime) -> str:
        """The token by which who reads the mail of `address` confirms an act; it holds for a week or two."""
        return self._sign("confirm", act, address, _week(now))

    def is_confirm(self, token: str, act: str, address: Address, now: datetime) -> bool:
        weeks = (_week(now), _week(now) - 1)
        return any(self._holds(token, "confirm", act, address, week) for week in weeks)

    def moderate(self, uid: str, address: Address) -> str:
        """The token by which a moderator decides on a held mail."""
        return self._sign("moderate", uid, address)

    def is_moderate(self, token: str, uid: str, address: Address) -> bool:
        return self._holds(token, "moderate", uid, address)

    def login(self, address: Address, now: datetime) -> str:
        """The token in a mail by which its reader's browser becomes known; it holds for an hour or two."""
        return self._sign("login", address, _hour(now))

    def is_login(self, token: str, address: Address, now: datetime) -> bool:
        return any(self._holds(token, "login", address, hour) for hour in (_hour(now), _hour(now) - 1))

    def session(self, address: Address, until: int) -> str:
        """The token of a browser that is known until a time, in seconds of Unix."""
        return self._sign("session", address, until)

    def is_session(self, token: str, address: Address, until: int) -> bool:
        return self._holds(token, "session", address, until)

    def exchange(self, name: str, epoch: int) -> str:
        """The token in the secret address of an exchange."""
        return self._sign("exchange", name, epoch)

    def is_exchange(self, token: str, name: str, epoch: int) -> bool:
        return self._holds(token, "exchange", name, epoch)


def _week(now: datetime) -> int:
    return int(now.timestamp()) // (7 * 24 * 3600)


def _hour(now: datetime) -> int:
    return int(now.timestamp()) // 3600


def create_key_file(path: Path) -> None:
    """Write a new key that only the owner may read; one that is there stays."""
    if path.exists():
        return
    path.touch(mode=0o600)
    path.write_text(secrets.token_hex(_KEY_BYTES) + "\n")


def load_keys(path: Path) -> Keys:
    """The keys of a file: a line of hex each, the one in force first. ValueError when one is none."""
    keys = tuple(bytes.fromhex(line.strip()) for line in path.read_text().splitlines() if line.strip())
    if not keys or any(len(key) < _KEY_BYTES for key in keys):
        raise ValueError(f"{path} holds no key of {_KEY_BYTES} bytes")
    return Keys(keys)


def rotate_key_file(path: Path) -> Keys:
    """Put a new key in force; the one before is accepted still, older ones no more. Gives the keys."""
    before = load_keys(path).epochs[0]
    fresh = path.with_name(f".{path.name}.new")
    fresh.touch(mode=0o600)
    fresh.write_text(f"{secrets.token_hex(_KEY_BYTES)}\n{before.hex()}\n")
    fresh.replace(path)
    return load_keys(path)


def fingerprint(key: bytes) -> str:
    """By what a key can be told from another, and nothing be made with."""
    return hashlib.sha256(b"mailgate key\0" + key).hexdigest()[:16]
