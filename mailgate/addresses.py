"""What the addresses of a list mean: `L@D`, `L+42@D`, `L+42.<token>@D`, `L+x.<token>@D`, ..."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mailgate.tokens import TOKEN_LENGTH
from tracker.model import Address, Queue, TicketId
from tracker.people import normalise_domain

POSTMASTER: Final = "postmaster"
_TICKET: Final = re.compile(
    rf"(\d{{1,18}})(?:\.([a-z]+))?(?:\.([a-z2-7]{{{TOKEN_LENGTH}}}))?", re.ASCII | re.IGNORECASE
)
_BOUNCES: Final = re.compile(rf"(\d{{1,18}})\.([a-z2-7]{{{TOKEN_LENGTH}}})", re.ASCII | re.IGNORECASE)
_TOKEN: Final = re.compile(rf"[a-z2-7]{{{TOKEN_LENGTH}}}", re.ASCII | re.IGNORECASE)
_EXCHANGE: Final = re.compile(rf"x\.([a-z2-7]{{{TOKEN_LENGTH}}})", re.ASCII | re.IGNORECASE)
_HOLD: Final = re.compile(
    rf"hold\.([a-z]{{3,10}})\.([a-z2-7]{{12}})\.([a-z2-7]{{{TOKEN_LENGTH}}})", re.ASCII | re.IGNORECASE
)
_TOPIC: Final = re.compile(r"topic\.([A-Za-z0-9][A-Za-z0-9._-]{0,63})", re.ASCII)

# Addresses that no person reads; they are made neither guests nor requesters.
_NOBODY: Final = re.compile(
    r"(?:no-?reply|do-?not-?reply|mailer-daemon|postmaster|bounces?|notifications?|root|daemon"
    r"|.*-(?:request|owner|bounces|subscribe|unsubscribe|admin)|owner-.*|.*\+.*)",
    re.IGNORECASE,
)


class Role(StrEnum):
    """What an address is for."""

    POST = "post"
    PRIVATE = "private"
    TOPIC = "topic"
    TICKET = "ticket"
    BOUNCES = "bounces"
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    OWNER = "owner"
    REQUEST = "request"
    CONFIRM = "confirm"
    POSTMASTER = "postmaster"
    EXCHANGE = "exchange"
    HOLD = "hold"


# Where mail asks for something of a list, or confirms it.
ASKING: Final = (Role.REQUEST, Role.SUBSCRIBE, Role.UNSUBSCRIBE, Role.CONFIRM, Role.HOLD)


class Verb(StrEnum):
    """What an address asks to be done to its ticket."""

    DONE = "done"
    REOPEN = "reopen"
    CLAIM = "claim"
    FOLLOW = "follow"
    UNFOLLOW = "unfollow"
    MUTE = "mute"
    SHOW = "show"


@dataclass(frozen=True, slots=True)
class Target:
    """One recipient as read. `number` is a ticket's or, for BOUNCES, a delivery's; `token` its MAC.

    `address` is as it was given. `act` is what is to be done with the held mail `uid`.
    """

    address: str
    role: Role
    queue: Queue | None = None
    number: int | None = None
    verb: Verb | None = None
    token: str | None = None
    topic: str = ""
    act: str = ""
    uid: str = ""

    @property
    def ticket_id(self) -> TicketId | None:
        return TicketId(self.number) if self.role is Role.TICKET and self.number is not None else None


_ROLES: Final = {
    "subscribe": Role.SUBSCRIBE,
    "unsubscribe": Role.UNSUBSCRIBE,
    "owner": Role.OWNER,
    "request": Role.REQUEST,
    "confirm": Role.CONFIRM,
}


def read_target(address: str, queues: Sequence[Queue]) -> Target | None:
    """What `address` means to us; None: it is none of ours.

    A list's local part is compared in lower case: people type addresses, and lists are ours to name.
    """
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = address, ""
    local, domain = _unquoted(local).lower(), normalise_domain(domain)
    if local == POSTMASTER and (not domain or _is_domain(domain, queues)):
        return Target(address, Role.POSTMASTER)
    for queue in queues:
        for name, _, here in (own.rpartition("@") for own in queue.addresses):
            if here == domain and (target := _read_local_part(address, local, name, queue)) is not None:
                return target
    return None


def is_our_domain(address: str, queues: Sequence[Queue]) -> bool:
    """Whether the domain of `address` is that of a list, now or before."""
    return _is_domain(normalise_domain(address.rpartition("@")[2]), queues)


def _is_domain(domain: str, queues: Sequence[Queue]) -> bool:
    return any(domain in queue.domains for queue in queues)


def _unquoted(local: str) -> str:
    return local[1:-1] if len(local) > 1 and local[0] == local[-1] == '"' else local


def _read_local_part(address: str, local: str, name: str, queue: Queue) -> Target | None:
    """What `local` means, where the list goes by `name`."""
    if local == name:
        return Target(address, Role.POST, queue)
    if not local.startswith(name):
        return None
    rest = local[len(name) :]
    if rest.startswith("+"):
        return _read_detail(address, rest[1:], queue)
    if rest.startswith("-bounces+"):
        found = _BOUNCES.fullmatch(rest[len("-bounces+") :])
        return Target(address, Role.BOUNCES, queue, int(found[1]), token=found[2]) if found else None
    if rest == "-bounces":
        return Target(address, Role.BOUNCES, queue)
    role = _ROLES.get(rest[1:]) if rest.startswith("-") else None
    return Target(address, role, queue) if role else None


def _read_detail(address: str, detail: str, queue: Queue) -> Target | None:
    word, _, token = detail.partition(".")
    if word in _ROLES and (not token or _TOKEN.fullmatch(token)):
        return Target(address, _ROLES[word], queue, token=token or None)
    if detail == "private":
        return Target(address, Role.PRIVATE, queue)
    if secret := _EXCHANGE.fullmatch(detail):
        return Target(address, Role.EXCHANGE, queue, token=secret[1])
    if held := _HOLD.fullmatch(detail):
        act, uid = held[1].lower(), held[2].lower()
        return Target(address, Role.HOLD, queue, token=held[3], act=act, uid=uid)
    if topic := _TOPIC.fullmatch(detail):
        return Target(address, Role.TOPIC, queue, topic=topic[1])
    return _read_ticket(address, detail, queue)


def _read_ticket(address: str, detail: str, queue: Queue) -> Target | None:
    """`42`, `42.done`, `42.<token>`, `42.done.<token>`; a broken token is still the ticket's address."""
    number, _, rest = detail.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        return None
    found = _TICKET.fullmatch(detail)
    word = found[2] if found else None
    if word is not None and len(word) == TOKEN_LENGTH and found is not None and found[3] is None:
        # Sixteen letters and no digit: a token may look so, a verb never does.
        return Target(address, Role.TICKET, queue, int(number), token=word)
    verb = Verb(word) if word in set(Verb) else None
    if found is None or (word is not None and verb is None):
        return Target(address, Role.TICKET, queue, int(number), token=rest)
    return Target(address, Role.TICKET, queue, int(number), verb, found[3])


def target_tickets(targets: Iterable[Target]) -> tuple[TicketId, ...]:
    """The tickets whose addresses stand among `targets`, in order."""
    return tuple(dict.fromkeys(t.ticket_id for t in targets if t.ticket_id is not None))


def ticket_address(queue: Queue, ticket_id: TicketId, *extra: str) -> str:
    """`L+42@D`, and with `extra` words `L+42.unfollow.<token>@D`."""
    detail = ".".join((str(ticket_id), *extra))
    return f"{queue.local_part}+{detail}@{queue.domain}"


def exchange_address(queue: Queue, token: str) -> Address:
    """The secret address of an exchange, where the tracker of a center writes to."""
    return Address(f"{queue.local_part}+x.{token}@{queue.domain}")


def confirm_address(queue: Queue, token: str) -> Address:
    """Where an answer confirms what was asked in somebody's name."""
    return Address(f"{queue.local_part}+confirm.{token}@{queue.domain}")


def hold_address(queue: Queue, act: str, uid: str, token: str) -> Address:
    """Where a moderator's mail decides on one that is held."""
    return Address(f"{queue.local_part}+hold.{act}.{uid}.{token}@{queue.domain}")


def bounce_address(queue: Queue, delivery: int, mac: str) -> str:
    """The reverse-path of a delivery (VERP)."""
    return f"{queue.local_part}-bounces+{delivery}.{mac}@{queue.domain}"


def is_ours(address: Address | str, queues: Sequence[Queue]) -> bool:
    """Whether an address is a list's or a ticket's."""
    return read_target(address, queues) is not None


def is_nobody(address: Address) -> bool:
    """Whether an address looks like one that no person reads."""
    return _NOBODY.fullmatch(address.rpartition("@")[0]) is not None
