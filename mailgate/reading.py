"""A mail made ready for the gateway: all that can be known of it without the database."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from mailgate import fronts
from mailgate.addresses import ASKING, Role, Target, read_target
from mailgate.apart import read_attachments, read_message
from mailgate.commandwords import Word, of_text, split_subject
from mailgate.inbound import Mail
from mailgate.kinds.classify import understood
from mailgate.message import Attachment, Classified, Mailbox, ParsedMessage
from mailgate.requesters import Asker, askers
from mailgate.senders import ListServers, trust_of_author, with_author
from mailgate.threads.identity import Identity, identity_of, named_keys
from mailgate.threads.subjects import SubjectReading, read_subject
from mailgate.tokens import Keys
from tracker.model import Address, Queue, TicketId, Trust
from tracker.people import read_address
from tracker.storage import keys as key_store

_NO_TITLE: Final = "(no subject)"
_UNREADABLE_TITLE: Final = "A mail that could not be read"
# "[private]", and a bracket that says so among other things: "[private; priority=high]".
_PRIVATE_MARK: Final = re.compile(
    r"\[(?:[^\[\]]{0,400}[;,])?\s{0,9}private\s{0,9}(?:[;,][^\[\]]{0,400})?\]", re.IGNORECASE
)
_MOST_COPIED: Final = 100
# <20260102030405.1234-2-ann@x.example>, before 2016 <1262401445-1234-2-git-send-email-ann@x.example>.
_GIT_ID: Final = re.compile(r"<?(\d{14}\.\d+|\d{9,11}-\d+)-\d+-([^<>\s]+)>?", re.ASCII)
_LONGEST_SERIES: Final = 200
_QUOTED_CHARACTERS: Final = 64 * 1024
_MOST_QUOTED: Final = 100
_MOST_MAILS: Final = 5
# What says which ticket a mail is of, what is asked, and that it is no other mail.
_DECIDING: Final = frozenset({"subject", "date", "message-id", "in-reply-to", "references"})
_SHAPING: Final = frozenset({"content-type"})
_NO_LIST_SERVERS: Final = ListServers()


@dataclass(frozen=True, slots=True)
class Reading:
    """A mail, what it is, and where it wants to go.

    `targets` are the recipients of the envelope, `mentioned` those of To and Cc that are ours, `reported` the
    reverse-path of ours that somebody complains of; `queue` the list it is for. `sender` is its author's
    address, None where it has none, and `trust` what speaks for that. `time` is the earlier of Date and
    arrival. `rooted` are the tickets of root ids of ours, `claimed` those of root ids that look so and are
    not. `copied_to` are the others in its To and Cc, who hold a copy. Of a forward, `asked_by` are the
    senders of what it forwards, the outermost first, and `passed_on` is the key of a message it attaches.
    `list_servers` are no persons. `on_list`: the list manager in front gives it to those on the list.
    `may_command`: its author asks what it asks, and asks it now. `called_spam`: so says the filter in front,
    and it is let in with a tag.
    """

    mail: Mail
    message: ParsedMessage
    classified: Classified
    targets: tuple[Target, ...]
    mentioned: tuple[Target, ...]
    reported: tuple[Target, ...]
    queue: Queue
    sender: Address | None
    trust: Trust
    subject: SubjectReading
    identity: Identity
    time: datetime
    named: tuple[str, ...]
    parent_key: str | None
    thread_key: str | None
    rooted: tuple[TicketId, ...]
    claimed: tuple[TicketId, ...]
    quoted: tuple[TicketId, ...]
    copied_to: tuple[Address, ...]
    asked_by: tuple[Asker, ...]
    passed_on: str | None
    list_servers: ListServers
    on_list: bool = False
    munge: bool = False
    may_command: bool = False
    called_spam: bool = False

    @property
    def title(self) -> str:
        if not self.message.readable:
            return self.subject.title or _UNREADABLE_TITLE
        return self.subject.title or _NO_TITLE

    @property
    def wants_private(self) -> bool:
        """Its author wants it private: by address, also in To or Cc of another copy, or by a word.

        What is said in the wrong form is better kept than published.
        """
        addressed = any(target.role is Role.PRIVATE for target in (*self.targets, *self.mentioned))
        first_line = self.message.new_text.lstrip().partition("\n")[0]
        # Last brackets that ask for more than that are a command: in an answer it is about the ticket.
        marked = _PRIVATE_MARK.search(split_subject(self.message.subject)[0]) is not None
        return addressed or marked or first_line.strip().lower() == "!private"

    @property
    def opens_private(self) -> bool:
        """What it opens is private from the first: before the rules route it, or anybody is offered it."""
        if self.wants_private or any(item.casefold() == Word.PRIVATE.value for item in self.subject.asked):
            return True
        return any(command.word is Word.PRIVATE for command in of_text(self.message.new_text))

    @property
    def notes(self) -> tuple[str, ...]:
        """What was read otherwise than it stands there, a line each."""
        if not self.message.sender_repaired:
            return ()
        written, author = self.message.header_from.address, self.message.sender.address
        return (f"From is the list {written}, which names {author} as the author",)

    def targets_of(self, role: Role) -> tuple[Target, ...]:
        return tuple(target for target in self.targets if target.role is role)


def read_mail(
    mail: Mail, queues: Sequence[Queue], keys: Keys, list_servers: ListServers = _NO_LIST_SERVERS
) -> Reading:
    """Parse and classify a mail, and collect all it says about where it belongs. Total.

    The same mail gives the same reading; one that may cost much is parsed in a process of its own.
    """
    list_servers = fronts.with_fronts(list_servers, queues)
    parsed = with_author(read_message(mail.raw, doubtful=mail.attempts > 0), mail, list_servers, queues)
    parsed = _unwrapped(parsed, mail.raw)
    targets = read_targets(mail.envelope.recipients, queues)
    returned = any(target.role is Role.BOUNCES for target in targets)
    message, classified = understood(mail.envelope, parsed, returned=returned)
    queue = _queue_of(targets, queues)
    classified = fronts.classified(classified, message, queue, list_servers)
    complaint = message.complaint
    subject = read_subject(
        fronts.plain_subject(message.subject, queue), queue.tag, *(one.tag for one in queues)
    )
    identity = identity_of(message, subject.base, queue.domain)
    named = named_keys(message, identity.message_id)
    headers = (*message.to, *message.cc)
    ids = (*message.in_reply_to, *message.references)
    domains = (*queue.domains, queue.root_domain)
    return Reading(
        mail=mail,
        message=message,
        classified=classified,
        targets=targets,
        mentioned=read_targets((box.address for box in headers), queues),
        reported=read_targets([complaint.reverse_path] if complaint else [], queues),
        queue=queue,
        sender=read_address(message.sender.address),
        trust=trust_of_author(message, mail.trust),
        subject=subject,
        identity=identity,
        time=_time_of(message, mail.received_at),
        named=named,
        parent_key=_parent_key(message, named),
        thread_key=_series_key(message, subject) or _thread_key(message),
        rooted=tuple(dict.fromkeys(n for i in ids if (n := keys.read_root_id(i)) is not None)),
        claimed=tuple(n for i in ids if (n := keys.claimed_root(i, domains)) is not None),
        quoted=_quoted_tickets((message.text, *_attached_mails(message, mail.raw)), queue),
        copied_to=_copied_to(headers, queues),
        asked_by=askers(message, list_servers, queues) if subject.passes_on else (),
        passed_on=_passed_on(message) if subject.passes_on else None,
        list_servers=list_servers,
        on_list=fronts.is_on_list(message, mail.envelope, mail.trust, queue, list_servers),
        may_command=_may_command(message, mail, targets, queues),
    )


def _may_command(
    message: ParsedMessage, mail: Mail, targets: Sequence[Target], queues: Sequence[Queue]
) -> bool:
    """Whether the mail proves that its author asks something now, of the addresses that it came to.

    A list copy that somebody sends on to a verb's address names that nowhere, and a signature covers what it
    named; what was signed without what decides the ticket, or how the text is read, may have been given that.
    """
    found = mail.authentication
    if found is None:
        return trust_of_author(message, mail.trust).believed
    if message.sender_repaired:
        return False
    places = [
        frozenset(
            name
            for name, boxes in (("to", message.to), ("cc", message.cc))
            if any(_names(box, target, queues) for box in boxes)
        )
        for target in targets
    ]
    present = {name.lower() for name, _ in message.headers}
    deciding = _DECIDING | (_SHAPING if _is_shaped(message) else frozenset())
    return found.may_command(places, deciding & present, mail.received_at)


def _names(box: Mailbox, target: Target, queues: Sequence[Queue]) -> bool:
    return box.address.lower() == target.address.lower() or read_target(box.address, queues) == target


def _is_shaped(message: ParsedMessage) -> bool:
    """Whether Content-Type makes of its bytes another text than what stands there."""
    kind = message.header("content-type").partition(";")[0].strip().lower()
    return kind not in ("", "text/plain")


def _unwrapped(message: ParsedMessage, raw: bytes) -> ParsedMessage:
    """The text of a mail that its list manager attached whole to one of its own, as what its author said."""
    inside = message.forwarded
    if not message.sender_repaired or message.text.strip() or inside is None or not inside.attached:
        return message
    files = read_attachments(raw)
    if len(files) != 1 or read_address(inside.sender.address) != read_address(message.sender.address):
        return message
    inner = read_message(files[0][1])
    return replace(
        message,
        text=inner.text,
        new_text=inner.new_text,
        quoted_text=inner.quoted_text,
        signature=inner.signature,
        html=inner.html,
        forwarded=inner.forwarded,
    )


def read_targets(addresses: Iterable[str], queues: Sequence[Queue]) -> tuple[Target, ...]:
    """Those of `addresses` that are ours, read."""
    found = (read_target(address, queues) for address in addresses)
    return tuple(target for target in found if target is not None)


def _queue_of(targets: Sequence[Target], queues: Sequence[Queue]) -> Queue:
    named = next((target.queue for target in targets if target.queue is not None), None)
    return named or queues[0]


def _time_of(message: ParsedMessage, received_at: datetime) -> datetime:
    # A Date in the future is a wrong clock; one in the past may be an archive that is being replayed.
    if message.date is None:
        return received_at
    return min(message.date.astimezone(UTC), received_at)


def _parent_key(message: ParsedMessage, named: tuple[str, ...]) -> str | None:
    """The message it answers: In-Reply-To, else the last of References (RFC 5322 3.6.4)."""
    return named[0] if named and (message.in_reply_to or message.references) else None


def _thread_key(message: ParsedMessage) -> str | None:
    """The conversation of a Thread-Index: its first 22 bytes; later ones tell the place in it."""
    try:
        index = base64.b64decode(message.thread_index, validate=True)
    except ValueError:
        return None
    return key_store.thread_key(index[:22].hex()) if len(index) >= 22 else None


def _series_key(message: ParsedMessage, subject: SubjectReading) -> str | None:
    """The series that a patch is of: git numbers the Message-IDs of what it sends at once."""
    if not subject.series or subject.is_reply or message.message_id is None:
        return None
    found = _GIT_ID.fullmatch(message.message_id)
    return None if found is None else key_store.series_key(f"{found[1]}-{found[2]}"[:_LONGEST_SERIES])


def _quoted_tickets(texts: Iterable[str], queue: Queue) -> tuple[TicketId, ...]:
    """Tickets whose addresses stand in a text: in the foot of a mail of ours that was quoted."""
    found: dict[TicketId, None] = {}
    for text in map(_ends, texts):
        for local, _, domain in (address.rpartition("@") for address in queue.addresses):
            if local in text:
                pattern = _ticket_address_pattern(local, domain)
                found |= {TicketId(int(match[1])): None for match in pattern.finditer(text)}
    return tuple(found)[:_MOST_QUOTED]


def _ends(text: str) -> str:
    """What stands first in a text, and last: a foot comes after all that was said."""
    if len(text) <= 2 * _QUOTED_CHARACTERS:
        return text
    return f"{text[:_QUOTED_CHARACTERS]}\n{text[-_QUOTED_CHARACTERS:]}"


@lru_cache(maxsize=64)
def _ticket_address_pattern(local_part: str, domain: str) -> re.Pattern[str]:
    """Also as a link has it: filters and clients write those anew."""
    local, host = re.escape(local_part), re.escape(domain)
    return re.compile(
        rf"(?:\b|(?<=%3A)){local}(?:\+|%2B)(\d{{1,18}})(?:\.[a-z0-9.]{{1,40}})?(?:@|%40){host}\b",
        re.ASCII | re.IGNORECASE,
    )


def _attached_mails(message: ParsedMessage, raw: bytes) -> tuple[str, ...]:
    """Mails that a client attached as if they were any file."""
    if not any(_is_mail_file(file) for file in message.attachments):
        return ()
    files = [data for file, data in read_attachments(raw) if _is_mail_file(file)]
    # Outlook keeps them in UTF-16.
    return tuple(data.replace(b"\0", b"").decode("ascii", "replace") for data in files[:_MOST_MAILS])


def _is_mail_file(file: Attachment) -> bool:
    return file.name.lower().endswith((".eml", ".msg"))


def _passed_on(message: ParsedMessage) -> str | None:
    inside = message.forwarded
    return None if inside is None or inside.message_id is None else key_store.message_key(inside.message_id)


def _copied_to(boxes: Sequence[Mailbox], queues: Sequence[Queue]) -> tuple[Address, ...]:
    addresses = (read_address(box.address) for box in boxes[:_MOST_COPIED])
    theirs = (a for a in addresses if a is not None and read_target(a, queues) is None)
    return tuple(dict.fromkeys(theirs))


def is_for_people(targets: Sequence[Target]) -> bool:
    """Whether all recipients are offices (owner, postmaster, list commands), none a list or a ticket."""
    offices = (Role.OWNER, Role.POSTMASTER, *ASKING)
    return bool(targets) and all(target.role in offices for target in targets)


def office_name(targets: Sequence[Target]) -> str:
    """What to call the office that a mail is for."""
    return targets[0].role.value
