"""What moderators do with held mail: told of it by mail, they decide by mail, web, or command line."""

from __future__ import annotations

import base64
from binascii import Error as BadBase64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection

from mailgate import firstposts, inbound, notices
from mailgate.addresses import hold_address, read_target
from mailgate.compose import Composer
from mailgate.inbound import Entry, State
from mailgate.message import Disposition
from mailgate.notices import Notice
from mailgate.parse import parse_header
from mailgate.tokens import Keys
from mailgate.verdict import verdict_from_json
from tracker.model import Address, Person, Queue
from tracker.storage import bans, people, queues, roles

_REASON: Final = "you moderate this list"
_OWNER_REASON: Final = "you look after this mailgate, and the list has no moderators"
# In one mail; of more than that, one by one is no way to look at them.
_MOST: Final = 20
_LONGEST: Final = 70


class Decision(StrEnum):
    """What becomes of a held mail. `SPAM`: rejected, and a filter learns of it; `BAN`: its author is, too."""

    APPROVE = "approve"
    REJECT = "reject"
    SPAM = "spam"
    BAN = "ban"


@dataclass(frozen=True, slots=True)
class Decided:
    """What was done, or why not, in a sentence."""

    done: bool
    text: str


def decide(
    connection: Connection, entry: Entry, decision: Decision, by: str, queue: Queue, now: datetime
) -> Decided:
    """Let a held mail in, or keep it out; who comes second hears who was first."""
    if entry.state is not State.HELD:
        return Decided(False, was(entry))
    if decision is Decision.APPROVE:
        inbound.release(connection, entry.id, by, now)
        if entry.disposition == Disposition.SPAM.value:
            inbound.set_lesson(connection, entry.id, "ham")
        return Decided(True, "It is let in.")
    inbound.refuse(connection, entry.id, by)
    if decision is Decision.REJECT:
        return Decided(True, "It is kept out; its sender is not told.")
    inbound.set_lesson(connection, entry.id, "spam")
    if decision is Decision.SPAM or entry.author is None:
        return Decided(True, "It is kept out as spam.")
    bans.add(connection, queue.id, bans.read_pattern(entry.author), now)
    return Decided(True, f"It is kept out, and {entry.author} is banned from {queue.address}.")


def was(entry: Entry) -> str:
    """What became of a mail that is held no more."""
    if entry.decided_by is None:
        return f"It is not held any more: it is {entry.state.value}."
    fate = "kept out" if entry.state is State.DROPPED else "let in"
    return f"It was {fate} by {entry.decided_by} before."


def queue_of(entry: Entry, lists: Sequence[Queue]) -> Queue:
    """The list that a mail came to."""
    targets = filter(None, (read_target(address, lists) for address in entry.recipients))
    return next((target.queue for target in targets if target.queue is not None), lists[0])


def moderator(
    connection: Connection, keys: Keys, uid: str, token: str, address: Address, queue: Queue
) -> Person | None:
    """Who may decide on a mail by a token: its own person, as long as they moderate the list."""
    if not keys.is_moderate(token, uid, address):
        return None
    sender = people.find_sender(connection, address)
    return sender.person if sender is not None and sender.roles.moderates(queue.id) else None


# Being told.


@dataclass(frozen=True, slots=True)
class Moderating:
    """Tells moderators of what is held, or the `owners` where a list has none."""

    composer: Composer
    owners: tuple[Address, ...]

    def tell(self, connection: Connection, now: datetime) -> int:
        """One mail to each moderator of what came since the last; gives how many mails they hear of."""
        lists = queues.everyone(connection)
        waiting = inbound.untold(connection, 1000)
        if not waiting or not lists:
            return 0
        inbound.set_told(connection, [one.id for one in waiting], now)
        count = 0
        for queue in lists:
            mine = [one for one in waiting if queue_of(one, lists).id == queue.id and not _confirms(one)]
            if mine:
                self._tell_of(connection, queue, mine, now)
                count += len(mine)
        return count

    def _tell_of(self, connection: Connection, queue: Queue, held: Sequence[Entry], now: datetime) -> None:
        found = people.by_ids(connection, frozenset(roles.moderators_of(connection, queue.id)))
        addresses = [person.address for person in found.values()]
        shown = [show(connection, one) for one in held[:_MOST]]
        for address in addresses or self.owners:
            reason = _REASON if addresses else _OWNER_REASON
            body = self.composer.render(
                "moderation/held.txt.j2",
                list=queue.address,
                reason=reason,
                more=len(held) - len(shown),
                held=[(one, self._ways(queue, one.uid, address, addresses)) for one in shown],
            )
            count = len(held)
            notice = Notice(
                key=f"held.{held[0].uid}.{count}.{_encode(address)[:20]}",
                queue=queue,
                to=address,
                subject=f"{count} mail{'' if count == 1 else 's'} held for {queue.address}",
                body=body,
                reason=reason,
            )
            notices.send(connection, self.composer, notice, now)

    def _ways(
        self, queue: Queue, uid: str, address: Address, moderators: Sequence[Address]
    ) -> tuple[str, tuple[tuple[str, str], ...]]:
        """The page of a held mail, and an address for each decision; none for who is no moderator."""
        if address not in moderators:
            return "", ()
        token = self.composer.keys.moderate(uid, address)
        url = self.composer.urls.hold(to_path(queue, uid, address, token))
        return url, tuple((one.value, hold_address(queue, one.value, uid, token)) for one in Decision)


def _confirms(entry: Entry) -> bool:
    """Whether it waits for its author, and not for a moderator."""
    return entry.verdict is not None and verdict_from_json(entry.verdict).reason == firstposts.WAITS


@dataclass(frozen=True, slots=True)
class Shown:
    """A held mail as a moderator sees it."""

    uid: str
    author: str
    subject: str
    received: datetime
    why: str


def show(connection: Connection, entry: Entry) -> Shown:
    """A held mail, for its moderator."""
    mail = inbound.get(connection, entry.id)
    subject = "" if mail is None else parse_header(mail.raw, "").subject
    why = verdict_from_json(entry.verdict).reason if entry.verdict else ""
    return Shown(
        entry.uid,
        entry.author or entry.reverse_path or "nobody",
        subject[:_LONGEST],
        entry.received_at,
        why,
    )


# By the web.


def to_path(queue: Queue, uid: str, address: Address, token: str) -> str:
    """A held mail and its moderator as three parts of a URL."""
    return f"{queue.local_part}/{_encode(f'{uid} {address}')}/{token}"


def from_path(encoded: str) -> tuple[str, Address] | None:
    """The mail and moderator of the second part; None where it is none."""
    uid, _, address = _decode(encoded).partition(" ")
    return (uid, Address(address)) if address else None


def login_path(address: Address, token: str) -> str:
    """Two parts of a URL by which a browser becomes somebody's."""
    return f"{_encode(address)}/{token}"


def of_login(encoded: str) -> Address | None:
    """Whose; None where it is nobody's."""
    return Address(_decode(encoded)) if "@" in _decode(encoded) else None


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


def _decode(text: str) -> str:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (BadBase64, ValueError):
        return ""
