"""The ways out of a mail as links that prove themselves: whose, and of what."""

from __future__ import annotations

import base64
from binascii import Error as BadBase64
from dataclasses import dataclass
from enum import StrEnum

from mailgate.tokens import Keys
from tracker.model import Address, Queue
from tracker.nosy import Role


class What(StrEnum):
    """What is left: a list, a ticket, or being written to as a contact."""

    LIST = "list"
    TICKET = "ticket"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class Leave:
    """One way out: whose, of what. `number`: the ticket's, 0 where it is none."""

    queue: Queue
    what: What
    address: Address
    number: int = 0

    @property
    def described(self) -> str:
        """Half a sentence that follows "You get no more"."""
        match self.what:
            case What.LIST:
                return f"mail of the list {self.queue.address}"
            case What.TICKET:
                return f"mail about ticket {self.number}"
            case What.CONTACT:
                return "mail as a contact of anything that is asked about"


def way_out(queue: Queue, role: Role, address: Address, number: int | None) -> Leave:
    """What somebody leaves who was told as `role`."""
    if role is Role.SUBSCRIBER or number is None:
        return Leave(queue, What.LIST, address)
    if role is Role.CONTACT:
        return Leave(queue, What.CONTACT, address)
    return Leave(queue, What.TICKET, address, number)


def to_path(leave: Leave, keys: Keys) -> str:
    """A way out, with its token, as the parts of a URL."""
    text = f"{leave.what.value} {leave.number} {leave.address}"
    encoded = base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")
    return f"{leave.queue.local_part}/{encoded}/{_token(leave, keys)}"


def from_path(queue: Queue, encoded: str, token: str, keys: Keys) -> Leave | None:
    """The way out that such parts name; None where they are none, or their token is not theirs."""
    try:
        text = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        what, number, address = text.split(" ", 2)
        leave = Leave(queue, What(what), Address(address), int(number))
    except (BadBase64, ValueError):
        return None
    return leave if keys.is_leave(token, *_of(leave)) else None


def _token(leave: Leave, keys: Keys) -> str:
    return keys.leave(*_of(leave))


def _of(leave: Leave) -> tuple[str, int, int, Address]:
    return leave.what.value, leave.queue.id, leave.number, leave.address
