"""What a mail to the tracker of a center looks like.

Nothing in a post says that it is automatic or of a list: what acknowledges it teaches us its number.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import format_datetime

from mailgate.compose import (
    ChangeMail,
    Composer,
    PostMail,
    copy_proof,
    list_proofs,
    original_id,
    references,
    ticket_face,
)
from mailgate.deliveries import Outgoing
from mailgate.headers import Field, mailboxes, text, tokens, verbatim
from mailgate.message import Mailbox
from mailgate.mimeout import mixed, text_part
from mailgate.redaction import redacted
from tracker.model import Address


@dataclass(frozen=True, slots=True)
class Wording:
    """What is a tracker's own about a mail to it.

    `sender` is the secret address that it is to answer; `tag` stands in front of the subject, `status` under
    the text; "" where there is nothing to say.
    """

    to: Address
    sender: Address
    tag: str
    status: str


def post_copy(composer: Composer, mail: PostMail, wording: Wording) -> Outgoing:
    """A post, from the address that the tracker is to answer."""
    post = mail.post
    rendered = composer.render(
        "post/exchange.txt.j2",
        author=f"{mail.author} <{post.author_address}>" if post.author_name else post.author_address,
        opening=mail.opening,
        number=mail.ticket.id,
        list=mail.queue.address,
        unverified=not post.trust.believed,
        text=redacted(post.text if mail.opening else post.new_text or post.text).strip("\n"),
        left_out=", ".join(mail.left_out),
        status=wording.status,
    )
    entity = mixed(rendered, mail.files) if mail.files else text_part(rendered)
    fields = [
        *_fields(composer, mail, wording, mail.author, reply=not mail.opening),
        verbatim("Date", format_datetime(post.date or post.received)),
        tokens("Message-ID", [post.message_id]),
        *original_id(post),
        text("X-Mailgate-Event", "opened" if mail.opening else "reply"),
        copy_proof(composer.keys, post.message_id),
        *list_proofs(composer.keys, mail),
    ]
    return ticket_face(mail, post.id, post.message_id, fields, entity)


def change_copy(composer: Composer, mail: ChangeMail, wording: Wording) -> Outgoing:
    """What was changed without a word."""
    rendered = composer.render(
        "change/exchange.txt.j2",
        actor=mail.actor,
        number=mail.ticket.id,
        list=mail.queue.address,
        changes=mail.changes,
        status=wording.status,
    )
    message_id = f"<{mail.ticket.id}.e{mail.event_id}.x@{mail.queue.domain}>"
    fields = [
        *_fields(composer, mail, wording, mail.queue.tag, reply=True),
        verbatim("Date", format_datetime(mail.at)),
        tokens("Message-ID", [message_id]),
        text("Auto-Submitted", "auto-generated"),
        text("X-Mailgate-Event", "status"),
        copy_proof(composer.keys, message_id),
    ]
    return ticket_face(mail, None, message_id, fields, text_part(rendered))


def _fields(
    composer: Composer, mail: PostMail | ChangeMail, wording: Wording, author: str, *, reply: bool
) -> list[Field]:
    ticket, queue = mail.ticket, mail.queue
    root = composer.keys.root_id(ticket.id, ticket.nonce, queue.root_domain)
    # What its tracker opened here has its tag in the title.
    tag = "" if wording.tag in ticket.mail_title else wording.tag
    tagged = " ".join(filter(None, (tag, f"[{queue.tag} #{ticket.id}]", ticket.mail_title)))
    known = references(mail.earlier)
    return [
        mailboxes("From", [Mailbox(wording.sender, f"{author} via {queue.tag}")]),
        mailboxes("To", [Mailbox(wording.to, "")]),
        text("Subject", f"Re: {tagged}" if reply else tagged),
        tokens("In-Reply-To", known[-1:] or [root]),
        tokens("References", [root, *known]),
        text("X-Mailgate-Ticket", str(ticket.id)),
        text("X-Mailgate-Status", ticket.status.value),
        text("X-Mailgate-Priority", ticket.priority.value),
    ]
