"""Whether two mails are one: the duplicate gate, and the ids we mint where a mail has none to trust."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mailgate.message import ParsedMessage
from mailgate.threads.likeness import similarity
from tracker.commands import NewAttachment
from tracker.model import Trust
from tracker.people import is_erased
from tracker.storage import keys
from tracker.storage.keys import KnownKey
from tracker.storage.posts import Post

# Real duplicates differ in their bytes: footers, charsets, list tags. Measured on public archives,
# redeliveries are far above this and reused ids far below.
_ALIKE: Final = 0.9
_LONGEST_ID: Final = 250
# Two mails without Date and id that are word for word the same: a retry within a day, two posts beyond.
_RETRY_WINDOW: Final = timedelta(hours=24)
_REWRITTEN: Final = re.compile(r"text/|message/|multipart/|application/(?:pgp|pkcs|x-pkcs|ms-tnef)")
_MOST_NAMED: Final = 100


@dataclass(frozen=True, slots=True)
class Identity:
    """The id a mail goes by here; `original` is its own where we do not use that, `key` finds it."""

    message_id: str
    key: str
    original: str | None


def identity_of(message: ParsedMessage, base: str, domain: str) -> Identity:
    """The mail's own Message-ID; one made of its content where that is missing or longer than is safe.

    Made of content, so that a retry has the same one.
    """
    own = message.message_id
    if own is not None and len(own) <= _LONGEST_ID:
        return Identity(own, keys.message_key(own), None)
    return minted(message, base, domain)


def minted(message: ParsedMessage, base: str, domain: str, salt: str = "") -> Identity:
    """An id of ours for a mail whose own may not be used; the same content gives the same id."""
    date = "" if message.date is None else message.date.isoformat()
    files = (file.sha256 for file in message.attachments)
    said = (message.sender.address, date, base, message.text, message.message_id or "", salt)
    text = "\0".join((*said, *files))
    digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    local = base64.b32encode(digest[:15]).decode("ascii").lower()
    message_id = f"<m.{local}@{domain}>"
    return Identity(message_id, keys.message_key(message_id), message.message_id)


def named_keys(message: ParsedMessage, own_id: str) -> tuple[str, ...]:
    """The keys of what a mail names, nearest first: the first three of In-Reply-To, then References."""
    ids = (*message.in_reply_to[:3], *reversed(message.references))
    return tuple(keys.message_key(i) for i in dict.fromkeys(ids) if i != own_id)[:_MOST_NAMED]


def stored_under(known: tuple[KnownKey, ...], key: str) -> KnownKey | None:
    """The post that is stored under `key`, if any."""
    return next((entry for entry in known if entry.stored and entry.key == key), None)


def is_redelivery(
    message: ParsedMessage, trust: Trust, post: Post, received: datetime, files: Sequence[NewAttachment]
) -> bool:
    """Whether `message` is the mail that `post` was made of, with `files`, come again under the same id."""
    if is_erased(post.author_address):
        # Nothing is left to compare with, and what was erased must not come back by an old copy.
        return True
    if message.sender.address != post.author_address or _brings_another_file(message, files):
        return False
    if trust is Trust.ALIGNED and post.trust is not Trust.ALIGNED:
        # What can be proved is never dropped for a twin that could not.
        return False
    if message.message_id is None and message.date is None:
        return received - post.received <= _RETRY_WINDOW
    return similarity(message.new_text, post.new_text) >= _ALIKE


def _brings_another_file(message: ParsedMessage, files: Sequence[NewAttachment]) -> bool:
    """Whether it has a file that was not there: a scanner sends all its pages with the same few words.

    What is of text, a message or a signature may be written anew on its way, and lists add some of it.
    """
    had = {file.sha256 for file in files}
    return any(
        file.sha256 not in had and not file.inline and not _REWRITTEN.match(file.type)
        for file in message.attachments
    )
