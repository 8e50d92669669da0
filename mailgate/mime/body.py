"""What a mail holds besides its header: the value that the walk over its parts makes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from mailgate.message import Attachment, BouncedRecipient, Complaint, Forwarded

# How the bytes of an attachment are taken: most are decoded again, so that no mail is held twice.
Source: TypeAlias = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Body:
    """What a tree of parts holds; `sources` give the bytes of `attachments`, in the same order.

    `spare` gives a text for a mail that has no other: the one of an invitation, or of a winmail.dat.
    """

    text: str = ""
    html: bool = False
    attachments: tuple[Attachment, ...] = ()
    sources: tuple[Source, ...] = ()
    spare: Callable[[], Body] | None = None
    forwarded: Forwarded | None = None
    signed: bool = False
    encrypted: bool = False
    bounces: tuple[BouncedRecipient, ...] = ()
    returned_message_id: str | None = None
    complaint: Complaint | None = None
    defects: tuple[str, ...] = ()

    def with_files(self, other: Body) -> Body:
        """This, with the files of `other` behind its own."""
        return replace(
            self,
            attachments=self.attachments + other.attachments,
            sources=self.sources + other.sources,
            defects=self.defects + other.defects,
        )


def file(label: Attachment, content: bytes, source: Source | None = None) -> Body:
    """One attachment: `label` without size and digest, which are of `content`; `source` gives it again."""
    attachment = replace(label, size=len(content), sha256=hashlib.sha256(content).hexdigest())
    return Body(attachments=(attachment,), sources=(source or (lambda: content),))


def union(bodies: Sequence[Body]) -> Body:
    """All but the text of `bodies`."""
    return Body(
        attachments=tuple(each for body in bodies for each in body.attachments),
        sources=tuple(each for body in bodies for each in body.sources),
        spare=next((body.spare for body in bodies if body.spare), None),
        forwarded=next((body.forwarded for body in bodies if body.forwarded), None),
        signed=any(body.signed for body in bodies),
        encrypted=any(body.encrypted for body in bodies),
        bounces=tuple(each for body in bodies for each in body.bounces),
        returned_message_id=next(
            (body.returned_message_id for body in bodies if body.returned_message_id), None
        ),
        complaint=next((body.complaint for body in bodies if body.complaint), None),
        defects=tuple(each for body in bodies for each in body.defects),
    )
