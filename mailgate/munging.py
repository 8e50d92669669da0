"""Whether the list copies of a mail go out under the list's name instead of their author's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mailgate.addresses import Role
from mailgate.auth import dmarc
from mailgate.auth.dns import Texts
from mailgate.compose import passed_on
from mailgate.message import Disposition
from mailgate.reading import Reading
from tracker.people import normalise_domain

_POSTS: Final = frozenset({Role.POST, Role.TOPIC, Role.TICKET})
# The fields that a list copy has and its mail had not: a signature may say that there are none such.
_ADDED: Final = b"".join(
    name + b": <mailto:list@example.org>\r\n"
    for name in (
        b"List-Id",
        b"List-Post",
        b"List-Help",
        b"List-Subscribe",
        b"List-Owner",
        b"List-Unsubscribe",
    )
)

Munges = Callable[[Reading], bool]


def munges(mode: str, texts: Callable[[], Texts]) -> Munges:
    """The decision by the setting mail.munge; `texts` is made only where the DNS is to be asked."""
    if mode == "dmarc":
        return lambda reading: _is_listed(reading) and _would_fail(reading, texts())
    return lambda _: mode == "always"


def _is_listed(reading: Reading) -> bool:
    """Whether list copies may come of it."""
    is_post = reading.classified.disposition is Disposition.POST
    return is_post and any(target.role in _POSTS for target in reading.targets)


def _would_fail(reading: Reading, texts: Texts) -> bool:
    domain = normalise_domain(reading.message.header_from.address.rpartition("@")[2])
    header, body = passed_on(reading.mail.raw)
    return bool(domain) and dmarc.would_fail(_ADDED + header + b"\r\n" + body, domain, texts)
