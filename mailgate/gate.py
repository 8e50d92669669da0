"""How much of us one client, and all of them together, may have."""

from __future__ import annotations

import ipaddress
import resource
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mailgate.errors import Reply
from mailgate.smtpreplies import FULL_HOUSE, TOO_MANY_OF_YOU

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Files for the database, the log and outgoing mail; and for the connections that are about to be turned
# away (mailgate.listener).
_FILES_RESERVED = 48


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps and deadlines (seconds) of the sessions; `trusted_networks` are free of the caps per client.

    Those are `connections_per_client` and `messages`, the mails of one connection.
    """

    message_bytes: int = 25 * 2**20
    recipients: int = 100
    messages: int = 1000
    # Commands since the last mail that brought none further: NOOP, RSET, VRFY, refused recipients.
    idle_commands: int = 500
    bad_commands: int = 3
    connections: int = 500
    connections_per_client: int = 50
    # All mails under way together.
    memory_bytes: int = 512 * 2**20
    command_s: float = 60.0
    block_s: float = 180.0
    handshake_s: float = 30.0
    connection_s: float = 1200.0
    trusted_networks: tuple[Network, ...] = ()
    # Whose word on their own clients is taken (mailgate.xforward).
    xforward_networks: tuple[Network, ...] = ()


class Gate:
    """Counts the connections, and the bytes of mails under way, of all listeners."""

    def __init__(self, limits: Limits) -> None:
        self.connections = 0
        self.bytes_held = 0
        self._limits = limits
        self._cap = min(limits.connections, _files_for_connections())
        self._per_client: Counter[str] = Counter()

    def enter(self, address: str) -> Reply | None:
        """Count a connection from `address`, or return the reply that turns it away."""
        if self.connections >= self._cap:
            return FULL_HOUSE
        client = _client(address)
        crowded = self._per_client[client] >= self._limits.connections_per_client
        if crowded and not self.trusts(address):
            return TOO_MANY_OF_YOU
        self.connections += 1
        self._per_client[client] += 1
        return None

    def leave(self, address: str) -> None:
        client = _client(address)
        self.connections -= 1
        self._per_client[client] -= 1
        if not self._per_client[client]:
            del self._per_client[client]

    def may_forward(self, address: str) -> bool:
        """Whether a client may tell of its own client."""
        return is_in(address, self._limits.xforward_networks)

    def trusts(self, address: str) -> bool:
        return is_in(address, self._limits.trusted_networks)

    def hold(self, size: int) -> bool:
        """Count `size` more bytes of mail in memory (fewer, when negative); false when that is too much."""
        self.bytes_held += size
        return self.bytes_held <= self._limits.memory_bytes


def _client(address: str) -> str:
    """Who counts as one client: an IPv4 address, or the /64 that an IPv6 address is in."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address


def _files_for_connections() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 2**31
    return max(1, soft - max(_FILES_RESERVED, soft // 4))


def is_in(address: str, networks: Sequence[Network]) -> bool:
    """Whether an IP address, as text, is in one of the networks; what is none is in none."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in networks)
