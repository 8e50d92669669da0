"""Reply addresses, links and return paths of ours without what proves them, for everybody but their owner.

Whoever answers a copy with all in Cc, quotes its header, or exports a ticket, would hand on what was for one
person. What is left of a reply address is the address of its ticket, which works for everybody.
"""

from __future__ import annotations

import re
from typing import Final

_PROOF: Final = r"[a-z2-7]{16}"
# L+42.<token>@, L+42.done.<token>@, L+unsubscribe.<token>@, L+hold.approve.<id>.<token>@, L-bounces+17.<mac>@
# Also in a URL, as mail filters that rewrite links and clients that show them have it, and broken at a line's
# end. A ticket's number before it is enough to know one, whatever became of the @.
_PLUS: Final = r"(?:\+|%2B|&#43;)"
_BEFORE: Final = (
    rf"{_PLUS}(?:[a-z0-9_-]{{1,40}}\.){{0,3}}[a-z0-9_-]{{1,40}}(?=\.{_PROOF}\"?\s{{0,2}}(?:@|%40|&#64;))"
    rf"|{_PLUS}[0-9]{{1,18}}(?:\.[a-z]{{1,10}})?|-bounces{_PLUS}[0-9]{{1,18}}"
)
_ADDRESS: Final = rf"({_BEFORE})\.{_PROOF}(?![a-z0-9])"
_SLASH: Final = r"(?:/|%2F)"
_STEP: Final = r"(?:(?!%2F)[^\s/])"
_PATH: Final = (
    rf"{_SLASH}(?:leave|confirm|hold){_SLASH}{_STEP}{{1,100}}{_SLASH}{_STEP}{{1,400}}{_SLASH}"
    rf"|{_SLASH}login{_SLASH}{_STEP}{{1,400}}{_SLASH}"
)
_LINK: Final = rf"({_PATH})(?:\r?\n[> ]{{0,9}})?{_PROOF}"
_ADDRESS_TEXT: Final = re.compile(_ADDRESS, re.IGNORECASE | re.ASCII)
_LINK_TEXT: Final = re.compile(_LINK, re.IGNORECASE | re.ASCII)
_ADDRESS_BYTES: Final = re.compile(_ADDRESS.encode(), re.IGNORECASE)
_LINK_BYTES: Final = re.compile(_LINK.encode(), re.IGNORECASE)


def redacted(text: str) -> str:
    """A text in which no token of ours stands."""
    return _LINK_TEXT.sub(r"\1...", _ADDRESS_TEXT.sub(r"\1", text))


def redacted_bytes(raw: bytes) -> bytes:
    """The same of bytes, as of a header; what is encoded (base64) is not looked into."""
    return _LINK_BYTES.sub(rb"\1...", _ADDRESS_BYTES.sub(rb"\1", raw))
