"""Living behind another list manager: what of its mail is a post of its list, and what it says itself.

A list of ours that has a `front` gets its posts as a member of the list there. Nothing that is read here
proves anything about an author, and nothing stops a loop: that our own MACs alone do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from email.utils import getaddresses
from typing import Final

from mailgate.envelope import Envelope
from mailgate.message import Classified, Disposition, ParsedMessage
from mailgate.senders import ListServers, is_sent_by
from tracker.model import Queue, Trust
from tracker.people import normalise_domain, read_address

# Where a list manager says of which list a post is. Mails of its own have a List-Id too, but none of these.
_OF_A_POST: Final = ("List-Post", "X-BeenThere")
# The addresses that a list manager writes from for itself, of a list and of the whole site.
_OFFICE: Final = re.compile(
    r"(.+)-(?:bounces|request|owner|admin|confirm|join|leave|subscribe|unsubscribe)(?:\+.*)?", re.IGNORECASE
)
_SITE: Final = re.compile(r"(?:noreply|no-reply|mailman|mailman-owner)", re.IGNORECASE)
_LONGEST_FIELD: Final = 1000


def with_fronts(servers: ListServers, queues: Sequence[Queue]) -> ListServers:
    """The list managers whose word on an author is taken, those in front of our lists among them."""
    fronts = {queue.front_address for queue in queues if queue.front and queue.front_address}
    return replace(servers, names=servers.names | fronts) if fronts else servers


def is_front(address: str | None, queue: Queue, servers: ListServers) -> bool:
    """Whether `address` is the list in front of `queue`."""
    if not queue.front or not address:
        return False
    if not queue.front_address:
        return servers.has(address)
    return _spelled(address) == queue.front_address


def is_of_front(address: str, queue: Queue) -> bool:
    """Whether mail to `address` would reach the list in front of `queue`, or its manager."""
    local, _, domain = address.rpartition("@")
    office = _OFFICE.fullmatch(local)
    stem = f"{office[1]}@{domain}" if office else address
    return bool(queue.front_address) and queue.front_address in (_spelled(address), _spelled(stem))


def _spelled(address: str) -> str:
    """`address` as that of a list is kept: lists are named in lower case."""
    return (read_address(address) or "").lower()


def is_on_list(
    message: ParsedMessage, envelope: Envelope, trust: Trust, queue: Queue, servers: ListServers
) -> bool:
    """Whether those who are on the list in front of `queue` get a mail from there.

    It came from there, or went there beside us, as its To and Cc say; what nobody stands for says nothing.
    """
    if not queue.front:
        return False
    if any(is_front(address, queue, servers) for address in _came_by(message, envelope, servers)):
        return True
    written = (box.address for box in (*message.to, *message.cc))
    return trust.believed and any(is_front(address, queue, servers) for address in written)


def _came_by(message: ParsedMessage, envelope: Envelope, servers: ListServers) -> Iterable[str]:
    """The lists whose copy a mail is: it says so, and came from there."""
    for name in _OF_A_POST:
        for _, address in getaddresses([_without_mailto(message.header(name))]):
            if is_sent_by(address, envelope, servers):
                yield address


def _without_mailto(value: str) -> str:
    return value[:_LONGEST_FIELD].replace("mailto:", "")


def classified(found: Classified, message: ParsedMessage, queue: Queue, servers: ListServers) -> Classified:
    """`found`, but for what the list manager in front says itself: digests, notices, requests to confirm."""
    if found.disposition is not Disposition.POST or not _is_by_manager(message, queue, servers):
        return found
    reason = f"written by the list manager in front, {message.header_from.address}"
    return Classified(Disposition.AUTO_REPLY, reason)


def _is_by_manager(message: ParsedMessage, queue: Queue, servers: ListServers) -> bool:
    local, _, domain = message.header_from.address.rpartition("@")
    if not queue.front or not local:
        return False
    office = _OFFICE.fullmatch(local)
    if office and is_front(f"{office[1]}@{domain}", queue, servers):
        return True
    # Of the other lists there too: somebody may have posted in our name. But they have owners who post.
    here = normalise_domain(domain) == queue.front_address.rpartition("@")[2] or servers.has(
        f"{local}@{domain}"
    )
    return here and bool(office or _SITE.fullmatch(local)) and not message.header(_OF_A_POST[0])


def plain_subject(subject: str, queue: Queue) -> str:
    """`subject` without what the list in front puts before it: `[General]`, or numbered `[General 17]`."""
    if not queue.front:
        return subject
    names = {queue.local_part, queue.front_address.partition("@")[0]} - {""}
    words = "|".join(map(re.escape, sorted(names)))
    return re.sub(rf"\[\s?(?:{words})(?:[ :]\d{{1,7}})?\s?\]\s*", "", subject, count=1, flags=re.IGNORECASE)
