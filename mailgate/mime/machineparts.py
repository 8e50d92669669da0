"""Parts by programs for programs: delivery reports, receipts, complaints, headers that came back."""

from __future__ import annotations

import re
from dataclasses import replace

from mailgate.clean import clean_text, decode
from mailgate.fieldvalues import read_ids
from mailgate.kinds import bounces
from mailgate.mime import leaves
from mailgate.mime.body import Body
from mailgate.mime.partcontent import payload
from mailgate.mime.parts import Part, children, field
from mailgate.mime.transfer import undo

# Read, and not shown as files.
REPORTS = frozenset(
    {
        "message/delivery-status",
        "message/global-delivery-status",
        "message/disposition-notification",
        "message/global-disposition-notification",
        "message/feedback-report",
    }
)
RETURNED_HEADERS = frozenset({"text/rfc822-headers", "message/global-headers"})
_ID_FIELD = re.compile(rb"(?mi)^message-id:([^\r\n]*+(?:\r?\n[ \t][^\r\n]*+)*)")
_MAX_HEADERS = 256 * 1024


def read_report(part: Part, kind: str) -> Body:
    """What the fields of a report say."""
    text = _text(part)
    if kind.endswith("delivery-status"):
        return Body(bounces=bounces.declared(text))
    if kind == "message/feedback-report":
        return Body(complaint=bounces.complaint(text))
    return Body(returned_message_id=bounces.received_id(text))


def read_headers(part: Part, kind: str) -> Body:
    """The header of a mail that came back: a file, and the Message-ID in it."""
    match = _ID_FIELD.search(payload(part)[:_MAX_HEADERS])
    found = next(iter(read_ids(match[1])), None) if match else None
    return replace(leaves.read_file(part, kind), returned_message_id=found)


def of_report(body: Body) -> Body:
    """The body of a report (RFC 6522): what it returns is not forwarded by anybody."""
    attached = body.forwarded.message_id if body.forwarded else None
    returned = body.returned_message_id or attached
    bounced = bounces.returning(body.bounces, returned)
    return replace(body, bounces=bounced, returned_message_id=returned, forwarded=None)


def _text(part: Part) -> str:
    """The fields of a part, as text; RFC 3464 has them in groups, of which the library makes parts."""
    groups = [_group(block) for block in children(part)]
    if not groups:
        return clean_text(decode(payload(part)))
    encoding = field(part, "content-transfer-encoding").strip().lower()
    # RFC 2046 5.2 forbids an encoding; some use one, and the library leaves it.
    data = undo(b"\n\n".join(groups), encoding.decode("ascii", "replace")).data
    return clean_text(decode(data))


def _group(block: Part) -> bytes:
    """The fields of one group, and what the library took for a body since it is none of them."""
    fields = [f"{name}: {value}" for name, value in block.raw_items()]
    return "\n".join([*fields, ""]).encode("utf-8", "surrogateescape") + payload(block)
