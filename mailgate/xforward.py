"""XFORWARD: what an MTA that we trust tells of its own client, an extension of Postfix (XFORWARD_README).

As in `XFORWARD NAME=mail.example.org ADDR=192.0.2.1 PROTO=ESMTP`; values are xtext (RFC 3461 4).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace
from typing import Final

from mailgate.envelope import Client
from mailgate.errors import printable
from mailgate.smtpreplies import XFORWARD_SYNTAX, CommandRefused

_ATTRIBUTES: Final = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE")
ANNOUNCED: Final = "XFORWARD " + " ".join(_ATTRIBUTES)
_ATTRIBUTE: Final = re.compile(r"([A-Za-z]{1,10})=([!-~]{1,255})", re.ASCII)
_HEX: Final = re.compile(r"\+([0-9A-Fa-f]{2})")
_UNKNOWN: Final = frozenset({"[UNAVAILABLE]", "[TEMPUNAVAIL]"})


def read(argument: bytes) -> dict[str, str]:
    """The attributes of one command, "" for those that are not known. Raises CommandRefused."""
    found: dict[str, str] = {}
    for word in argument.decode("ascii", "replace").split():
        match = _ATTRIBUTE.fullmatch(word)
        if match is None or match[1].upper() not in _ATTRIBUTES:
            raise CommandRefused(XFORWARD_SYNTAX)
        value = _HEX.sub(lambda code: chr(int(code[1], 16)), match[2])
        found[match[1].upper()] = "" if value.upper() in _UNKNOWN else printable(value)
    if not found or ("ADDR" in found and _address(found["ADDR"]) is None):
        raise CommandRefused(XFORWARD_SYNTAX)
    return found


def _address(text: str) -> str | None:
    """An IP address without the prefix of RFC 5321 4.1.3; "" for one that is not known; None for none."""
    bare = re.sub("^ipv6:", "", text, flags=re.IGNORECASE)
    if not bare:
        return ""
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return None


def client_of(client: Client, told: dict[str, str]) -> Client:
    """The client of the MTA that speaks to us, where it told of one."""
    address = _address(told.get("ADDR", ""))
    if not address:
        return client
    return replace(client, address=address, helo=told.get("HELO", ""), via=client.address)
