"""The envelope of a message (RFC 5321 2.3.1), and the client that handed it to us."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """Who speaks to us, and how.

    `address` is the IP address as text ("" for a pipe or a file); `helo` what the client called itself,
    one line of printable ASCII; `protocol` a keyword of RFC 3848 (SMTP, ESMTP, ESMTPS, LMTP, LMTPS,
    UTF8SMTP, ...) or PIPE, FILE; `session` a short id that stands in every log line of the session. `via` is
    the address of the MTA that told us all this of its own client (XFORWARD), "" where nobody did.
    """

    address: str
    helo: str
    protocol: str
    session: str
    via: str = ""

    @property
    def connected(self) -> str:
        """The address of who speaks to us."""
        return self.via or self.address


@dataclass(frozen=True, slots=True)
class Envelope:
    """Reverse-path and recipients.

    `reverse_path` is "" for the null sender `<>`. `recipients` are the addresses that RCPT accepted, in
    order, without angle brackets, spelled as the client spelled them.
    """

    client: Client
    reverse_path: str
    recipients: tuple[str, ...]
