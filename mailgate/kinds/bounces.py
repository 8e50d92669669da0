"""What the fields of a report say: whom a mail did not reach (RFC 3464), who complains, who received it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Final, TypeAlias

from mailgate.fieldvalues import read_ids, read_mailboxes
from mailgate.message import BouncedRecipient, Complaint

MAX_RECIPIENTS: Final = 100
# Blocks looked at: some are about the message, some name nobody.
_MAX_BLOCKS: Final = 1000
_MAX_CHARACTERS: Final = 1024 * 1024
_LONGEST_KIND: Final = 40
_LONGEST_LINE: Final = 2000
_RECIPIENT_FIELDS: Final = ("original-recipient", "final-recipient")

_FIELD = re.compile(r"([A-Za-z][A-Za-z-]{1,60}+)[ \t]*+:[ \t]*+(.*)")
# Subjects go to 7 (RFC 3463 3); no part of an IP address, a version or a longer number.
_STATUS = re.compile(r"(?<![\d.])([245]\.[0-7]\.\d{1,3})(?![\d.]*\d)")
_REPLY = re.compile(
    r"(?<![\w.#-])([245])[0-5]\d(?=[ \t(#:-]|$)(?![ \t:-]*+(?:bytes|seconds|KB|MB))", re.ASCII
)
_ACTIONS: Final = {"2": "delivered", "4": "delayed", "5": "failed"}
_VAGUE: Final = {"failed": "5.0.0", "delayed": "4.0.0"}
_KNOWN_ACTIONS: Final = frozenset({"failed", "delayed", "delivered", "relayed", "expanded"})
_XTEXT = re.compile(r"\+(2B|3D|20)")
_UTF8_CODE = re.compile(r"\\x\{([0-9A-F]{2,6})\}")
_COMMENT = re.compile(r"[\s(;].*", re.DOTALL)

# The fields of one group, names in lower case; of several with one name the first.
Block: TypeAlias = Mapping[str, str]


def blocks(text: str) -> Iterator[Block]:
    """The groups of fields in `text`, which empty lines part; what is no field is passed over.

    Some mailers forget the empty line: a second recipient of the same name begins a group of its own.
    """
    fields: dict[str, str] = {}
    for line in _unfolded(text[:_MAX_CHARACTERS].split("\n")):
        found = _FIELD.match(line)
        name = found[1].lower() if found else ""
        if fields and (not line.strip() or (name in fields and name in _RECIPIENT_FIELDS)):
            yield fields
            fields = {}
        if found:
            fields.setdefault(name, found[2].strip())
    if fields:
        yield fields


def _unfolded(lines: list[str]) -> Iterator[str]:
    """The lines, those that go on a field joined to it up to some thousand characters (RFC 5322 2.2.3)."""
    last = ""
    for line in lines:
        if last.strip() and line[:1] in (" ", "\t") and line.strip():
            last = f"{last} {line.strip()}" if len(last) < _LONGEST_LINE else last
        else:
            yield last[:_LONGEST_LINE]
            last = line
    yield last[:_LONGEST_LINE]


def declared(text: str) -> tuple[BouncedRecipient, ...]:
    """The recipients that a delivery report names by its fields (RFC 3464 2.3), each once."""
    found: dict[tuple[str, str], BouncedRecipient] = {}
    for block in islice(blocks(text), _MAX_BLOCKS):
        if (each := _recipient(block)) is not None:
            found.setdefault((each.address.casefold(), each.action), each)
    return tuple(found.values())[:MAX_RECIPIENTS]


def received_id(text: str) -> str | None:
    """The Original-Message-ID of a receipt (RFC 8098 3.2.5)."""
    values = (block["original-message-id"] for block in blocks(text) if "original-message-id" in block)
    return next((found for value in values for found in read_ids(value.encode())), None)


def complaint(text: str) -> Complaint:
    """The fields of a feedback report; those of its only group count (RFC 5965 3)."""
    fields = next(blocks(text), {})
    kind = _COMMENT.sub("", fields.get("feedback-type", "")).lower()[:_LONGEST_KIND]
    path, recipient = (_address(fields.get(name, "")) for name in ("original-mail-from", "original-rcpt-to"))
    return Complaint(kind or "other", path, recipient)


def status_in(text: str, classes: str = "245") -> str:
    """The first status of `classes` in `text`: an enhanced one (RFC 3463), else x.0.0 by a reply; or ""."""
    for pattern, vague in ((_STATUS, ""), (_REPLY, ".0.0")):
        for found in pattern.finditer(text):
            if found[0][0] in classes:
                return f"{found[1]}{vague}"
    return ""


def _recipient(block: Block) -> BouncedRecipient | None:
    original, final = (_address(block.get(name, "")) for name in _RECIPIENT_FIELDS)
    # The original one is whom we wrote to; the final one may lie behind a forward.
    address = original or final
    if not address:
        return None
    status = _status(block)
    action = _COMMENT.sub("", block.get("action", "")).lower()
    if action not in _KNOWN_ACTIONS:
        # "failure", "error": some write what is no action (RFC 3464 2.3.3).
        action = _ACTIONS.get(status[:1], action and "failed")
    return BouncedRecipient(address, status or _VAGUE.get(action, ""), action, None)


def _status(block: Block) -> str:
    """The status of a recipient; where the field says no more than its class, the reply of the other MTA."""
    stated = status_in(block.get("status", ""))
    told = status_in(block.get("diagnostic-code", ""))
    vague = not stated or stated.endswith(".0.0")
    return told if told and vague and told[0] == (stated or told)[0] else stated


def _address(value: str) -> str:
    """The address of a recipient field, as `rfc822; ann@x.example` (RFC 3464 2.1.2, RFC 6533 3)."""
    kind, semicolon, rest = value.partition(";")
    if not semicolon:
        kind, rest = "", value
    if kind.strip().lower() == "utf-8":
        rest = _UTF8_CODE.sub(_character, rest)
    # Some MTAs hand ORCPT on as they got it (RFC 3461 4): "+" and "=" are coded there.
    rest = _XTEXT.sub(lambda found: chr(int(found[1], 16)), rest)
    found = read_mailboxes(rest.encode("utf-8", "surrogateescape")).good
    return found[0].address if found else ""


def _character(code: re.Match[str]) -> str:
    number = int(code[1], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else code[0]


def returning(bounced: tuple[BouncedRecipient, ...], message_id: str | None) -> tuple[BouncedRecipient, ...]:
    """`bounced`, each with the Message-ID of the mail that came back."""
    return tuple(replace(each, message_id=message_id) for each in bounced)
