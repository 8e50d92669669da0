"""Sender repair: who wrote a mail that a list manager has put itself in From of.

List managers do so where DMARC would refuse their copy. They leave the person in X-Original-From, in their
own address (ann=x.example@lists.example), or in Reply-To. Only the managers that are configured are taken at
their word, for any sender can write such fields; and the word of a list is no proof of who wrote.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mailgate.addresses import is_ours
from mailgate.envelope import Envelope
from mailgate.inbound import Mail
from mailgate.message import Mailbox, ParsedMessage
from tracker.model import Queue, Trust
from tracker.people import normalise_domain, read_address

# "Ann Lee via Users", "'Ann Lee' via Users", "Ann Lee (via Users)", and as translated list managers say it.
_VIA: Final = re.compile(r"(.*?)\s*[(\[]?\b(?:via|vía|über|tramite|przez|через)\s+\S.*", re.IGNORECASE)
# LISTSERV hides the person behind an address of its own: <000001234abcd-dmarc-request@lists.example>.
_HIDDEN: Final = "-dmarc-request"
_LONGEST_NAME: Final = 300


@dataclass(frozen=True, slots=True)
class ListServers:
    """The list managers whose word on an author is taken.

    `names` are their addresses, and domains all of whose addresses are theirs; lower case. `networks` are
    where they connect from; none: not looked at.
    """

    names: frozenset[str] = frozenset()
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    def has(self, address: str) -> bool:
        """Whether it is the address of one."""
        local, _, domain = address.rpartition("@")
        domain = normalise_domain(domain)
        return domain in self.names or f"{local.lower()}@{domain}" in self.names


def with_author(
    message: ParsedMessage, mail: Mail, servers: ListServers, queues: Sequence[Queue]
) -> ParsedMessage:
    """`message`, its sender repaired where a list manager that is believed names one person as its author."""
    author = message.header_from
    if not servers.has(author.address) or is_ours(author.address, queues):
        return message
    if not _came_from(author.address, mail, servers):
        return message
    person = _person(message, servers, queues)
    if person is None:
        return message
    return replace(message, sender=replace(person, name=_name(person, author)), sender_repaired=True)


def is_written_by_a_list(author: Mailbox) -> bool:
    """Whether a From says itself that a list manager stands in it for a person."""
    hidden = author.address.rpartition("@")[0].lower().endswith(_HIDDEN)
    return hidden or _VIA.fullmatch(author.name[:_LONGEST_NAME]) is not None


def trust_of_author(message: ParsedMessage, trust: Trust) -> Trust:
    """What speaks for `message.sender`: a list that proves itself has not proved who wrote to it."""
    return Trust.NONE if message.sender_repaired and trust is Trust.ALIGNED else trust


def _came_from(address: str, mail: Mail, servers: ListServers) -> bool:
    """Whether a mail from a list's address comes from that list, as far as can be told.

    An aligned From is the list's own proof. Without one its reverse-path must be of the list's domain, and
    the client in the networks of list managers, where some are named.
    """
    if mail.trust is Trust.ALIGNED:
        return True
    if mail.trust is Trust.FAILED:
        return False
    return is_sent_by(address, mail.envelope, servers)


def is_sent_by(address: str, envelope: Envelope, servers: ListServers) -> bool:
    """Whether the envelope of a mail speaks for the list `address`: its reverse-path, and whence it came."""
    domain = normalise_domain(address.rpartition("@")[2])
    path = normalise_domain(envelope.reverse_path.rpartition("@")[2])
    ours = bool(domain) and (path == domain or path.endswith("." + domain))
    return ours and _is_from_network(envelope, servers)


def _is_from_network(envelope: Envelope, servers: ListServers) -> bool:
    # A file was handed in by an operator, who knows where it comes from.
    if not servers.networks or envelope.client.protocol == "FILE":
        return True
    try:
        client = ipaddress.ip_address(envelope.client.address)
    except ValueError:
        return False
    return any(client in network for network in servers.networks)


def _person(message: ParsedMessage, servers: ListServers, queues: Sequence[Queue]) -> Mailbox | None:
    """The one person whom all places that name any agree on."""
    author = message.header_from
    places = [message.original_from, _written_into(author.address)]
    if is_written_by_a_list(author):
        # Without such a mark it is a mail by the list itself, and answers go to whom it names.
        places.append(message.reply_to)
    found: dict[str, Mailbox] = {}
    for box in (box for place in places for box in _people(place, servers, queues)):
        named = found.get(box.address.lower())
        found[box.address.lower()] = named if named is not None and named.name else box
    return next(iter(found.values())) if len(found) == 1 else None


def _people(boxes: Iterable[Mailbox], servers: ListServers, queues: Sequence[Queue]) -> Iterable[Mailbox]:
    """Those of `boxes` that are no list's."""
    for box in boxes:
        if read_address(box.address) and not servers.has(box.address) and not is_ours(box.address, queues):
            yield box


def _written_into(address: str) -> tuple[Mailbox, ...]:
    """The person in ann=x.example@lists.example, or ann=40x.example@lists.example."""
    local = address.rpartition("@")[0]
    name, found, domain = local.rpartition("=40") if "=40" in local else local.rpartition("=")
    return (Mailbox(f"{name}@{normalise_domain(domain)}"),) if found and "." in domain else ()


def _name(person: Mailbox, author: Mailbox) -> str:
    """The person's name, "" where only their address stands for it."""
    via = _VIA.fullmatch(author.name[:_LONGEST_NAME])
    for name in (person.name, via[1] if via else ""):
        found = _VIA.fullmatch(name[:_LONGEST_NAME])
        plain = (found[1] if found else name).strip(" '\"")
        if plain and "@" not in plain:
            return plain
    return ""
