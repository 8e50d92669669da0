"""The targets by name, and which pieces of a mail each begins with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.fuzz import field_targets, gateway_target, reading_targets, routing_targets

Cut = Callable[[bytes], Iterable[bytes]]
_FIELD = re.compile(rb"^([!-9;-~]+):((?:[^\r\n]|\r?\n[ \t])*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Target:
    """A function of bytes that asserts what must hold; `cut` takes from a mail what it begins with.

    `joint` stands between the mails of one input where it takes several.
    """

    name: str
    run: Callable[[bytes], None]
    cut: Cut
    joint: bytes = b""


def _whole(mail: bytes) -> Iterable[bytes]:
    return (re.sub(rb"\r\n|[\r\n]", b"\r\n", mail),)


def _body(mail: bytes) -> Iterable[bytes]:
    return (re.split(rb"\r?\n\r?\n", mail, maxsplit=1)[-1],)


def _fields(*names: bytes) -> Cut:
    return lambda mail: [v.strip() for name, v in _FIELD.findall(mail[:20_000]) if name.lower() in names]


_PEOPLE = _fields(b"from", b"to", b"cc", b"reply-to", b"sender")
_ALL = (
    Target("scan", reading_targets.check_scan, _whole),
    Target("parse", reading_targets.check_parse, _whole),
    Target("line-ends", reading_targets.check_line_ends, _whole),
    Target("quoting", reading_targets.check_quoting, _body),
    Target("html", reading_targets.check_html, _body),
    Target("classify", reading_targets.check_classify, _whole),
    Target("subject", field_targets.check_subject, _fields(b"subject")),
    Target("ids", field_targets.check_ids, _fields(b"message-id", b"in-reply-to", b"references")),
    Target(
        "fields",
        field_targets.check_fields,
        _fields(b"content-type", b"content-disposition", b"date", b"subject"),
    ),
    Target("addresses", field_targets.check_addresses, _PEOPLE),
    Target("paths", field_targets.check_paths, _PEOPLE),
    Target("headers", field_targets.check_headers, _whole),
    Target("cutting", field_targets.check_cutting, _whole),
    Target("mimeout", field_targets.check_mimeout, _whole),
    Target("keys", field_targets.check_keys, _fields(b"message-id", b"to")),
    Target("entities", routing_targets.check_entities, _body),
    Target("query", routing_targets.check_query, _fields(b"subject")),
    Target("tracker", routing_targets.check_tracker, _whole),
    Target("gateway", gateway_target.check_gateway, _whole, gateway_target.NEXT),
)
TARGETS = {target.name: target for target in _ALL}
