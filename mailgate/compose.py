"""What a copy looks like, in bytes: the two faces of a post, and a change without text.

What all who get it share is rendered once and kept; what is personal (reply address, way to leave,
reverse-path) is put on when it leaves, so that a ticket with a hundred watchers is rendered once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mailgate.addresses import bounce_address, ticket_address
from mailgate.courier import Copy
from mailgate.deliveries import Due, Outgoing
from mailgate.headers import (
    Field,
    is_address,
    list_id,
    mailboxes,
    split_message,
    strip_fields,
    text,
    tokens,
    verbatim,
    write_header,
)
from mailgate.htmlout import to_html
from mailgate.message import Mailbox
from mailgate.mimeout import Entity, OutPart, alternative, mixed, text_part
from mailgate.quotes.quoting import count_lines, separate, stands_alone
from mailgate.redaction import redacted, redacted_bytes
from mailgate.signing.seal import sealed
from mailgate.signing.signer import Signer
from mailgate.tokens import Keys
from mailgate.urls import Urls
from mailgate.waysout import to_path, way_out
from tracker.model import Address, EventId, PostId, Queue, Ticket, TicketId
from tracker.nosy import Face, Role, Told
from tracker.resources import resource_dir
from tracker.storage.posts import Post
from tracker.unit_of_work import Clock, system_clock

COPY_HEADER: Final = "X-Mailgate-Copy"
LIST_COPY_HEADER: Final = "List-Copy"
_MOST_REFERENCES: Final = 20
_MOST_COPIES: Final = 50
_LIST_COPY: Final = re.compile(rb"^list-copy:[ \t]*([a-z2-7]{10,64})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_DATE: Final = re.compile(rb"^date[ \t]*:", re.IGNORECASE | re.MULTILINE)
_REPLY_TO: Final = re.compile(rb"^reply-to[ \t]*:", re.IGNORECASE | re.MULTILINE)
# What would say of a copy under our name that it is another's; its signatures hold no more.
_SAYS_WHO: Final = frozenset({b"from", b"sender", b"x-original-from", b"dkim-signature"})
# What we found of its author stands on top of a mail that came to us (mailgate.admission).
_FOUND: Final = re.compile(rb"\AAuthentication-Results:(.*(?:\n[ \t].*)*)\n")
# What another list or the way here put on, and what would have a reader send receipts to the author.
_NOT_PASSED_ON: Final = frozenset(
    {
        b"archived-at",
        # Ours, which says where its client stood.
        b"authentication-results",
        b"bcc",
        b"delivered-to",
        b"disposition-notification-to",
        b"list-archive",
        b"list-help",
        b"list-id",
        b"list-owner",
        b"list-post",
        b"list-subscribe",
        b"list-unsubscribe",
        b"list-unsubscribe-post",
        b"return-path",
        b"return-receipt-to",
        b"x-mailgate-copy",
        b"x-mailgate-recipient",
        b"x-mailgate-ticket",
    }
)


@dataclass(frozen=True, slots=True)
class PostMail:
    """A post to be told: its ticket with list and centers, its place among the posts, what goes along.

    `earlier` are the Message-IDs of the posts before it, oldest first. `routed` says where an opening went,
    `asked_by` for whom its author opened the ticket, "" for themselves. `files` travel along, `left_out` are
    names of those too large to. `copy_of` are the lists whose copy its mail itself was, as they prove it.
    `before`: what was said that who comes late does not know, "" for the others. `html`: with an HTML part.
    """

    event_id: EventId
    ticket: Ticket
    queue: Queue
    post: Post
    author: str
    centers: tuple[str, ...] = ()
    routed: str = ""
    asked_by: str = ""
    earlier: tuple[str, ...] = ()
    files: tuple[OutPart, ...] = ()
    left_out: tuple[str, ...] = ()
    copy_of: tuple[str, ...] = ()
    before: str = ""
    html: bool = False

    @property
    def opening(self) -> bool:
        return self.post.n == 1


@dataclass(frozen=True, slots=True)
class ChangeMail:
    """Changes without text by one actor, a line each."""

    event_id: EventId
    ticket: Ticket
    queue: Queue
    actor: str
    at: datetime
    changes: tuple[str, ...]
    earlier: tuple[str, ...] = ()


class Composer:
    """Renders mails and puts the personal fields on copies."""

    def __init__(
        self,
        keys: Keys,
        urls: Urls | None = None,
        signer: Signer | None = None,
        clock: Clock = system_clock,
    ) -> None:
        self.keys = keys
        self.urls = urls or Urls()
        self._signer = signer
        self._clock = clock
        self._templates = Environment(
            loader=FileSystemLoader(resource_dir("templates") / "mail"),
            undefined=StrictUndefined,
            autoescape=False,  # noqa: S701  (plain text, not HTML)
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def ticket_copy(self, mail: PostMail, reason: str, first: Told | None = None) -> Outgoing:
        """The ticket face of a post, for all who get it for the same `reason`.

        `first`: for that contact or center alone, which never heard of us; the mail then says who we are.
        """
        entity = self._post_body(mail, reason, first)
        post = mail.post
        fields = [
            mailboxes("From", [Mailbox(mail.queue.address, f"{mail.author} via {mail.queue.tag}")]),
            *self.thread_fields(mail.ticket, mail.queue, mail.earlier, reply=not mail.opening),
            verbatim("Date", format_datetime(post.date or post.received)),
            tokens("Message-ID", [post.message_id]),
            *original_id(post),
            *self.list_fields(mail.ticket, mail.queue),
            *self._archive_fields(mail.ticket, post),
            text("X-Mailgate-Event", "opened" if mail.opening else "reply"),
            *_state_fields(mail.ticket, mail.centers, reason),
            copy_proof(self.keys, post.message_id),
            # Another tracker on the way writes a mail of its own: what it says of ours comes along.
            *list_proofs(self.keys, mail),
        ]
        return ticket_face(mail, post.id, post.message_id, fields, entity)

    def _post_body(self, mail: PostMail, reason: str, first: Told | None) -> Entity:
        post = mail.post
        shown, folded = _shown(mail)
        author = f"{mail.author} <{post.author_address}>" if post.author_name else post.author_address
        rendered = self.render(
            "post/body.txt.j2",
            author=author,
            opening=mail.opening,
            number=mail.ticket.id,
            routed=mail.routed,
            asked_by=mail.asked_by,
            unverified=not post.trust.believed,
            text=shown.strip("\n"),
            folded=folded,
            left_out=", ".join(mail.left_out),
            before=mail.before,
            reason=reason,
            unfollow=ticket_address(mail.queue, mail.ticket.id, "unfollow"),
            list=mail.queue.address,
            as_center=first is not None and first.role is Role.CENTER,
            never_again="" if first is None else self._way_out_for_good(mail.queue, first.address),
        )
        html = to_html(rendered) if mail.html else ""
        if mail.files:
            return mixed(rendered, mail.files, html)
        return alternative(rendered, html) if html else text_part(rendered)

    def change_copy(self, mail: ChangeMail, reason: str) -> Outgoing:
        """What was changed without a word, for all who are told for the same `reason`."""
        rendered = self.render(
            "change/body.txt.j2",
            actor=mail.actor,
            number=mail.ticket.id,
            changes=mail.changes,
            reason=reason,
            unfollow=ticket_address(mail.queue, mail.ticket.id, "unfollow"),
        )
        entity = text_part(rendered)
        # From ticket and event: a mail made again after a crash is the same mail.
        message_id = f"<{mail.ticket.id}.e{mail.event_id}@{mail.queue.domain}>"
        fields = [
            mailboxes("From", [Mailbox(mail.queue.address, f"{mail.queue.tag} support")]),
            *self.thread_fields(mail.ticket, mail.queue, mail.earlier, reply=True),
            verbatim("Date", format_datetime(mail.at)),
            tokens("Message-ID", [message_id]),
            *self.list_fields(mail.ticket, mail.queue),
            text("Auto-Submitted", "auto-generated"),
            text("X-Mailgate-Event", "status"),
            *_state_fields(mail.ticket, (), reason),
            copy_proof(self.keys, message_id),
        ]
        return ticket_face(mail, None, message_id, fields, entity)

    def list_copy(self, mail: PostMail, raw: bytes) -> Outgoing:
        """The list face of a post: the author's mail as it came, but for the list's own fields."""
        kept, body = passed_on(raw)
        queue = mail.queue
        if not _DATE.search(kept):
            kept = write_header([verbatim("Date", format_datetime(mail.post.received))]) + kept
        if mail.post.munge:
            kept = _under_our_name(kept, mail)
        added = write_header(
            [
                list_id(queue.title, queue.list_id),
                tokens("List-Post", [f"<mailto:{queue.address}>"]),
                *_list_offices(queue),
                *self._archive_fields(mail.ticket, mail.post),
                text(LIST_COPY_HEADER, self.keys.list_copy(queue.address)),
            ]
        )
        return Outgoing(
            event_id=mail.event_id,
            ticket_id=mail.ticket.id,
            post_id=mail.post.id,
            queue_id=queue.id,
            face=Face.LIST,
            message_id=mail.post.message_id,
            head=self._seal(added + kept, body, raw, queue) + added + kept,
            body=None,
            raw_sha256=mail.post.raw_sha256,
            body_offset=len(raw) - len(body),
        )

    def personal(self, outgoing: Outgoing, due: Due, queue: Queue) -> Copy:
        """The copy that one person gets: their reply address, their way out, their reverse-path."""
        fields = self._ticket_fields(outgoing, due, queue)
        if outgoing.face is Face.LIST or (outgoing.face is Face.NOTICE and due.role is Role.SUBSCRIBER):
            token = self.keys.unsubscribe(queue.id, due.address)
            mailto = f"<mailto:{queue.local_part}+unsubscribe.{token}@{queue.domain}>"
            fields = self._ways_out(mailto, due, queue, None)
        header, body = write_header(fields) + outgoing.head, outgoing.body or b""
        content = b"".join((self._signature(header, body, queue), header, b"\r\n", body))
        reverse_path = bounce_address(queue, due.id, self.keys.bounce(due.id))
        return Copy(due.id, reverse_path, due.address, content)

    def _signature(self, header: bytes, body: bytes, queue: Queue) -> bytes:
        """Our name under a copy; last, for it covers all else."""
        if self._signer is None:
            return b""
        return self._signer.field(header, body, queue.domain, int(self._clock().timestamp()))

    def _seal(self, header: bytes, body: bytes, raw: bytes, queue: Queue) -> bytes:
        """What we found of the author of a mail that is passed on, where we looked."""
        found = _FOUND.match(raw)
        if self._signer is None or found is None:
            return b""
        at = int(self._clock().timestamp())
        return sealed(self._signer, header, body, found[1], queue.domain, at)

    def _ticket_fields(self, outgoing: Outgoing, due: Due, queue: Queue) -> list[Field]:
        number = outgoing.ticket_id
        if outgoing.face is Face.NOTICE or number is None or due.role is Role.EXCHANGE:
            return []
        token = self.keys.reply(number, due.address)
        name = f"{queue.tag} ticket {number}"
        mailto = f"<mailto:{ticket_address(queue, number, 'unfollow', token)}>"
        if due.role is Role.CONTACT:
            # Who never joined leaves more than a ticket (product.md, two copies).
            mailto = f"<mailto:{self._way_out_for_good(queue, due.address)}>"
        return [
            mailboxes("Reply-To", [Mailbox(ticket_address(queue, number, token), name)]),
            *self._ways_out(mailto, due, queue, number),
            text("X-Mailgate-Recipient", due.address),
        ]

    def _ways_out(self, mailto: str, due: Due, queue: Queue, number: TicketId | None) -> list[Field]:
        """How to leave (RFC 2369 3.2): by mail, by the web, and where clients may press it, at one click
        (RFC 8058)."""
        leave = way_out(queue, due.role, due.address, number)
        link = self.urls.leave(to_path(leave, self.keys))
        fields = [tokens("List-Unsubscribe", [mailto, *([f"<{link}>"] if link else [])], ",")]
        if link and self.urls.one_click:
            fields.append(text("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
        return fields

    def _way_out_for_good(self, queue: Queue, address: Address) -> str:
        """Where a mail makes that no contact or center of that address is written to again."""
        return f"{queue.local_part}+unsubscribe.{self.keys.contact(address)}@{queue.domain}"

    def thread_fields(
        self, ticket: Ticket, queue: Queue, earlier: Sequence[str], *, reply: bool
    ) -> list[Field]:
        """What keeps all mails of a ticket one thread in every client.

        The root id first in References, and alone in In-Reply-To: Gmail splits where that points
        elsewhere. Subject and To never change.
        """
        root = self.keys.root_id(ticket.id, ticket.nonce, queue.root_domain)
        name = f"{queue.tag} ticket {ticket.id}"
        subject = f"[{queue.tag} #{ticket.id}] {ticket.mail_title}"
        known = references(earlier)
        return [
            mailboxes("To", [Mailbox(ticket_address(queue, ticket.id), name)]),
            text("Subject", f"Re: {subject}" if reply else subject),
            tokens("In-Reply-To", [root]),
            tokens("References", [root, *known]),
        ]

    def list_fields(self, ticket: Ticket, queue: Queue) -> list[Field]:
        """What says of which list a mail about a ticket is."""
        return [
            list_id(queue.title, queue.list_id),
            tokens("List-Post", [f"<mailto:{ticket_address(queue, ticket.id)}>"]),
            *_list_offices(queue),
            text("Precedence", "list"),
            text("X-Auto-Response-Suppress", "All"),
        ]

    def list_wide_fields(self, queue: Queue) -> list[Field]:
        """What says of which list a mail is that is about no one ticket."""
        return [
            list_id(queue.title, queue.list_id),
            tokens("List-Post", [f"<mailto:{queue.address}>"]),
            *_list_offices(queue),
            text("Precedence", "list"),
            text("X-Auto-Response-Suppress", "All"),
        ]

    def _archive_fields(self, ticket: Ticket, post: Post) -> list[Field]:
        """Where ticket and post stand on the web (RFC 2369 3.6, RFC 5064), if anybody may look."""
        if not self.urls.base or ticket.private:
            return []
        return [
            tokens("List-Archive", [f"<{self.urls.ticket(ticket.id)}>"]),
            tokens("Archived-At", [f"<{self.urls.post(ticket.id, post.n)}>"]),
        ]

    def render(self, template: str, **values: object) -> str:
        """The text that a template of mails gives."""
        return self._templates.get_template(template).render(**values)


def passed_on(raw: bytes) -> tuple[bytes, bytes]:
    """Of a mail what a list copy has of it: the header without what is not passed on, and the body."""
    header, body = split_message(raw)
    return redacted_bytes(strip_fields(header, _NOT_PASSED_ON)), body


def _under_our_name(header: bytes, mail: PostMail) -> bytes:
    """A header whose From is the list's: under the author's the copy would be refused (RFC 7489).

    Who answers still answers the author, as with a copy under their name.
    """
    author = Mailbox(mail.post.author_address, mail.post.author_name)
    fields = [
        mailboxes("From", [Mailbox(mail.queue.address, f"{mail.author} via {mail.queue.tag}")]),
        original_from(author),
    ]
    if not _REPLY_TO.search(header) and is_address(author.address):
        fields.append(mailboxes("Reply-To", [author]))
    return write_header(fields) + strip_fields(header, _SAYS_WHO)


def original_from(author: Mailbox) -> Field:
    """Who wrote what goes out under our name, also from an address beyond ASCII (RFC 6531)."""
    if is_address(author.address):
        return mailboxes("X-Original-From", [author])
    return text("X-Original-From", f"{author.name} {author.address}")


def _list_offices(queue: Queue) -> list[Field]:
    """Where a list is asked for help, joined, and whose it is (RFC 2369 3.1, 3.3, 3.5)."""
    office = f"<mailto:{queue.local_part}-{{}}@{queue.domain}{{}}>"
    return [
        tokens("List-Help", [office.format("request", "?subject=help")]),
        tokens("List-Subscribe", [office.format("subscribe", "")]),
        tokens("List-Owner", [office.format("owner", "")]),
    ]


def references(earlier: Sequence[str]) -> list[str]:
    """Of the posts before, oldest first, the first and the last ones (RFC 5322 3.6.4 lets none be left out;
    header caps do)."""
    return [*earlier[:1], *earlier[1:][-_MOST_REFERENCES + 1 :]]


def list_proofs(keys: Keys, mail: PostMail) -> list[Field]:
    """What tells of a copy, whatever another tracker makes of it, that it is of our list and of others'."""
    return [text(LIST_COPY_HEADER, proof) for proof in (keys.list_copy(mail.queue.address), *mail.copy_of)]


def proofs_of_copies(start: bytes) -> tuple[str, ...]:
    """The `List-Copy` fields of the mail that begins with `start`: the lists it has been to already."""
    header, _ = split_message(start)
    found = (match[1].decode("ascii") for match in _LIST_COPY.finditer(header))
    return tuple(dict.fromkeys(found))[:_MOST_COPIES]


def ticket_face(
    mail: PostMail | ChangeMail, post_id: PostId | None, message_id: str, fields: list[Field], entity: Entity
) -> Outgoing:
    """A rendered mail about a ticket."""
    return Outgoing(
        event_id=mail.event_id,
        ticket_id=mail.ticket.id,
        post_id=post_id,
        queue_id=mail.queue.id,
        face=Face.TICKET,
        message_id=message_id,
        head=write_header([*fields, *entity.fields]),
        body=entity.body,
    )


def original_id(post: Post) -> list[Field]:
    """The id that a post came under, where that was taken and it goes by one of ours."""
    return (
        [] if post.original_message_id is None else [text("X-Original-Message-ID", post.original_message_id)]
    )


def copy_proof(keys: Keys, message_id: str) -> Field:
    """The field by which we know a mail of ours that comes back."""
    return text(COPY_HEADER, keys.copy(message_id))


def _state_fields(ticket: Ticket, centers: tuple[str, ...], reason: str) -> list[Field]:
    fields = [
        text("X-Mailgate-Ticket", str(ticket.id)),
        text("X-Mailgate-Status", ticket.status.value),
        text("X-Mailgate-Priority", ticket.priority.value),
        text("X-Mailgate-Reason", reason),
    ]
    return [*fields, text("X-Mailgate-Center", ", ".join(centers))] if centers else fields


def _shown(mail: PostMail) -> tuple[str, str]:
    """What a ticket copy shows of a post, and what it leaves out, in words ("" where that is nothing).

    The question is kept whole, and so is an answer between quotes: without them nobody knows what it
    answers. Any other is shown without what it quotes and how it is signed.
    """
    post = mail.post
    if mail.opening or not stands_alone(post.new_text, post.text):
        return redacted(post.text), ""
    parts = separate(post.text)
    # A signature that says itself that it is one (RFC 3676 4.3) is missed by nobody.
    closing = "" if parts.signature.startswith("-- \n") else parts.signature
    counted = (_counted(parts.quoted, "quoted line"), _counted(closing, "closing line"))
    return redacted(post.new_text), " and ".join(said for said in counted if said)


def _counted(text: str, what: str) -> str:
    count = count_lines(text)
    return f"{count} {what}{'' if count == 1 else 's'}" if count else ""
