"""Each mail in `reading/` is read as the TOML beside it says; what that leaves out may be anything.

`reverse_path` is that of its envelope, by default a person's.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mailgate.envelope import Client, Envelope
from mailgate.inbound import InboundId, Mail
from mailgate.kinds.classify import understood
from mailgate.message import Forwarded, Mailbox, ParsedMessage
from mailgate.parse import attachment_bytes, parse_message
from mailgate.senders import ListServers, with_author
from tracker.model import Trust

MAILS = sorted((Path(__file__).parent / "reading").glob("*.eml"))
ENVELOPE = Envelope(
    Client("192.0.2.1", "mx.example", "ESMTP", "s1"), "ann@x.example", ("help@lists.example",)
)


def shown(box: Mailbox) -> str:
    return f"{box.name} <{box.address}>" if box.name else box.address


def forwarded(one: Forwarded | None) -> dict[str, Any]:
    """A message that is forwarded, and what is forwarded in it; empty: none."""
    if one is None:
        return {}
    shown = {"from": one.sender.address, "name": one.sender.name, "subject": one.subject, "date": one.date}
    return shown | {"message_id": one.message_id, "automatic": one.automatic, "inner": forwarded(one.inner)}


def reading(message: ParsedMessage, reverse_path: str) -> dict[str, Any]:
    """All of `message` that an expectation may name, as TOML has it."""
    message, classified = understood(replace(ENVELOPE, reverse_path=reverse_path), message)
    complaint = message.complaint
    return {
        "message_id": message.message_id,
        "in_reply_to": list(message.in_reply_to),
        "references": list(message.references),
        "thread_index": message.thread_index,
        "subject": message.subject,
        "from": shown(message.header_from),
        "sender": shown(message.sender),
        "sender_repaired": message.sender_repaired,
        "to": [shown(box) for box in message.to],
        "cc": [shown(box) for box in message.cc],
        "reply_to": [shown(box) for box in message.reply_to],
        "date": message.date.isoformat() if message.date else "",
        "text": message.text,
        "new_text": message.new_text,
        "quoted_text": message.quoted_text,
        "signature": message.signature,
        "html": message.html,
        "attachments": [asdict(each) for each in message.attachments],
        "forwarded": forwarded(message.forwarded),
        "signed": message.signed,
        "encrypted": message.encrypted,
        "bounces": [asdict(each) for each in message.bounces],
        "returned_message_id": message.returned_message_id,
        "complaint": asdict(complaint) if complaint else {},
        "readable": message.readable,
        "disposition": str(classified.disposition),
        "reason": classified.reason,
    }


def read(raw: bytes, behind: dict[str, Any]) -> ParsedMessage:
    """`behind`: `list_servers` that are believed, and the `reverse_path` the mail came with."""
    envelope = replace(ENVELOPE, reverse_path=behind.get("reverse_path", ENVELOPE.reverse_path))
    mail = Mail(InboundId(0), "-", envelope, raw, datetime(2026, 3, 2, tzinfo=UTC), Trust.UNCHECKED)
    servers = ListServers(frozenset(behind.get("list_servers", ())))
    return with_author(parse_message(raw), mail, servers, ())


def only(named: object, found: object) -> object:
    """Of `found`, what `named` names: tables may leave out keys, lists may not leave out elements."""
    if isinstance(named, dict) and isinstance(found, dict):
        return {key: only(value, found.get(key)) for key, value in named.items()}
    if isinstance(named, list) and isinstance(found, list) and len(named) == len(found):
        return [only(each, other) for each, other in zip(named, found, strict=True)]
    return found


@pytest.mark.parametrize("mail", MAILS, ids=[mail.stem for mail in MAILS])
def test_a_mail_is_read_as_expected(mail: Path) -> None:
    expected = tomllib.loads(mail.with_suffix(".toml").read_text(encoding="utf-8"))
    message = read(mail.read_bytes(), expected.pop("behind", {}))
    assert expected.pop("why")
    defects = expected.pop("defects", None)
    found = reading(message, expected.pop("reverse_path", ENVELOPE.reverse_path))
    assert only(expected, found) == expected
    if defects is not None:
        assert len(message.defects) >= len(defects)
        assert all(any(part in defect for defect in message.defects) for part in defects)


@pytest.mark.parametrize("mail", MAILS, ids=[mail.stem for mail in MAILS])
def test_its_attachments_are_found_again(mail: Path) -> None:
    raw = mail.read_bytes()
    message = parse_message(raw)
    found = attachment_bytes(raw, message)
    assert tuple(each for each, _ in found) == message.attachments
    assert [hashlib.sha256(content).hexdigest() for _, content in found] == [
        each.sha256 for each in message.attachments
    ]


def test_every_expectation_has_its_mail() -> None:
    folder = Path(__file__).parent / "reading"
    assert {path.stem for path in folder.glob("*.toml")} == {mail.stem for mail in MAILS}
    assert len(MAILS) > 30
