"""Acts that somebody asks in a name that nothing proves: they wait for an answer from that address.

Nothing is kept: the token of the confirm mail says of itself what it confirms, for whom, and for how long.
"""

from __future__ import annotations

import base64
import re
from binascii import Error as BadBase64
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mailgate import notices
from mailgate.addresses import Role, confirm_address
from mailgate.compose import Composer
from mailgate.headers import mailboxes
from mailgate.message import Mailbox
from mailgate.notices import Notice
from mailgate.reading import Reading
from mailgate.tokens import Keys
from tracker import nosy
from tracker.model import Address, Queue
from tracker.unit_of_work import UnitOfWork

REASON: Final = "somebody, it may be you, wrote to this list from your address"
_SUBJECT: Final = re.compile(r"Confirm:\s*(\S.{0,400}?)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Act:
    """What is to be confirmed, in the words of a request, for whom, on which list."""

    queue: Queue
    address: Address
    words: str

    @property
    def text(self) -> str:
        """What its token stands for."""
        return f"{self.queue.id} {self.words}"


def ask(uow: UnitOfWork, composer: Composer, act: Act, key: str, answers: str | None) -> None:
    """Send the confirm mail of an act to whom it concerns: a fixed text that echoes nothing."""
    token = composer.keys.confirm(act.text, act.address, uow.now)
    body = composer.render(
        "request/confirm.txt.j2",
        what=act.words,
        list=act.queue.address,
        url=composer.urls.confirm(to_path(act, token)),
    )
    reply_to = mailboxes("Reply-To", [Mailbox(confirm_address(act.queue, token), f"{act.queue.tag} confirm")])
    notice = Notice(
        key=f"confirm.{key}",
        queue=act.queue,
        to=act.address,
        subject=f"Confirm: {act.words}",
        body=body,
        reason=REASON,
        role=nosy.Role.MEMBER,
        answers=answers,
        extra=(reply_to,),
    )
    notices.send(uow.connection, composer, notice, uow.now)


def confirmed(reading: Reading, keys: Keys, now: datetime) -> Act | None:
    """The act that an answer to a confirm mail confirms; None where it proves none, or proves it no more."""
    found = _SUBJECT.fullmatch(reading.title.strip())
    target = next(iter(reading.targets_of(Role.CONFIRM)), None)
    if found is None or target is None or target.queue is None or reading.sender is None:
        return None
    return proven(Act(target.queue, reading.sender, found[1]), target.token or "", keys, now)


def proven(act: Act, token: str, keys: Keys, now: datetime) -> Act | None:
    """`act`, if the token is its own and holds still."""
    return act if keys.is_confirm(token, act.text, act.address, now) else None


def to_path(act: Act, token: str) -> str:
    """An act and its token as three parts of a URL."""
    return f"{act.queue.local_part}/{_encode(f'{act.address} {act.words}')}/{token}"


def from_path(queue: Queue, encoded: str) -> Act | None:
    """The act of the second part of such a URL; None where it is none."""
    try:
        text = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except (BadBase64, ValueError):
        return None
    address, _, words = text.partition(" ")
    return Act(queue, Address(address), words) if words else None


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")
