"""Held mail on the web, for the moderator whom a link was mailed to, in a browser that is known as theirs.

A link is only half of a key: scanners fetch it, and people forward it. A browser becomes known by a mail to
its moderator, and stays so for a month.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from mailgate import deliveries, inbound, moderation, notices
from mailgate.apart import read_message
from mailgate.app import App
from mailgate.inbound import Entry
from mailgate.moderation import Decision
from mailgate.notices import Notice
from tracker.model import Address, Person, Queue

COOKIE: Final = "mailgate"
_KNOWN_FOR: Final = timedelta(days=30)
_LOGIN: Final = "somebody, it may be you, wants to moderate from a browser"
_EVERY: Final = timedelta(minutes=10)
_LONGEST_TEXT: Final = 20_000

Page = Callable[..., Response]


@dataclass(frozen=True, slots=True)
class Asked:
    """A link to a held mail, proven: the mail, its list, and whose link it is."""

    entry: Entry
    queue: Queue
    person: Person
    address: Address


def asked(app: App, request: Request) -> Asked | None:
    """What a link leads to; None where it leads nowhere, or whose it is moderates no more."""
    parts = request.path_params
    named = moderation.from_path(parts["what"])
    if named is None:
        return None
    uid, address = named

    def look(connection: Connection) -> Asked | None:
        lists = app.queues()
        entry = inbound.find(connection, uid)
        if entry is None or entry.uid != uid:
            return None
        queue = moderation.queue_of(entry, lists)
        person = moderation.moderator(connection, app.keys, uid, parts["token"], address, queue)
        known = queue.local_part == parts["list"] and person is not None
        return Asked(entry, queue, person, address) if known and person is not None else None

    return app.read(look)


def text_of(app: App, entry: Entry) -> str:
    """What a held mail says."""
    mail = app.read(lambda connection: inbound.get(connection, entry.id))
    return "" if mail is None else read_message(mail.raw).text[:_LONGEST_TEXT]


def decide(app: App, connection: Connection, found: Asked, act: str) -> moderation.Decided:
    """Do what a button says."""
    entry = inbound.find(connection, found.entry.uid)
    if entry is None or act not in set(Decision):
        return moderation.Decided(False, "Nothing was done.")
    by = found.person.name or found.address
    return moderation.decide(connection, entry, Decision(act), by, found.queue, app.clock())


# Browsers.


def is_known(app: App, request: Request, address: Address) -> bool:
    """Whether a browser is known as a person's."""
    said = request.cookies.get(COOKIE, "")
    until, _, token = said.partition(".")
    if not (until.isascii() and until.isdigit() and len(until) < 15) or int(until) < app.clock().timestamp():
        return False
    return app.keys.is_session(token, address, int(until))


def ask_who(app: App, connection: Connection, found: Asked) -> None:
    """Send its moderator a link that makes a browser known; one in ten minutes."""
    now = app.clock()
    if deliveries.had(connection, found.address, _LOGIN, now - _EVERY):
        return
    token = app.keys.login(found.address, now)
    body = app.composer.render(
        "moderation/login.txt.j2",
        url=app.composer.urls.login(moderation.login_path(found.address, token)),
        reason=_LOGIN,
    )
    key = f"login.{found.entry.uid}.{int(now.timestamp())}"
    subject = f"Moderate {found.queue.address} from this browser"
    notice = Notice(key, found.queue, found.address, subject, body, _LOGIN)
    notices.send(connection, app.composer, notice, now)


def of_login(app: App, request: Request) -> Address | None:
    """Whose browser a link makes known; None where it is over."""
    address = moderation.of_login(request.path_params["what"])
    token = request.path_params["token"]
    return address if address is not None and app.keys.is_login(token, address, app.clock()) else None


def remember(app: App, response: Response, address: Address, now: datetime) -> None:
    """Make the browser known."""
    until = int((now + _KNOWN_FOR).timestamp())
    value = f"{until}.{app.keys.session(address, until)}"
    secure = app.settings.web.url.startswith("https://")
    response.set_cookie(
        COOKIE,
        value,
        max_age=int(_KNOWN_FOR.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=secure,
    )
