"""What mailers say in words when a mail did not reach somebody: the reports that declare no fields.

Nothing here knows a mailer by name. All of them write alike: some sentences, the addresses (each at the start
of a line, or in a line with what went wrong), the replies of the other server, and what came back below.
To be asked only of mail that is a bounce by its envelope or sender: people quote such texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from mailgate.fieldvalues import read_ids, read_mailboxes
from mailgate.kinds.bounces import MAX_RECIPIENTS, declared, returning, status_in
from mailgate.message import BouncedRecipient, ParsedMessage

_MAX_CHARACTERS: Final = 256 * 1024
_OPENING: Final = 3000
_MAX_LINES: Final = 4000
_LONGEST_LINE: Final = 2000
# How far below an address its reason may stand.
_REASON_LINES: Final = 12
_MAX_IN_A_LINE: Final = 20
_LONGEST_LABEL: Final = 80
_FAILED: Final = "failed"
_DELAYED: Final = "delayed"
_DELIVERED: Final = "delivered"

_ADDRESS = re.compile(
    r"[^\s<>()\[\]{}\"'`,;:@|\\\u3001-\u3011\uff08\uff09\uff0c\uff1a\uff1b]{1,64}+@"
    r"[a-z0-9\u00a1-\u2fff\u3040-\ufeff](?:[a-z0-9\u00a1-\u2fff\u3040-\ufeff.-]{0,250}[a-z0-9])?",
    re.IGNORECASE,
)
_TYPES: Final = ("smtp", "address", "addr", "to", "rcpt", "user", "mailto")
# Before an address at the start of a line: a bullet, a number, what it was expanded from, quotes, a bracket.
_BULLET = re.compile(
    r"(?:\(?\d{1,3}[.)][ \t]+|\((?:expanded|generated) from:? |\(originally addressed to )?"
    r"[<\"'\[(]{0,2}",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"[^@:]{0,50}\b(?:for|users?|recipients?|address(?:es)?|mailbox|fail(?:ed|ure)?|attempts?|\w+ to)"
    r"[^@:]{0,30}:[ \t]*[<\"']?",
    re.IGNORECASE,
)
_AFTER = re.compile(r"[>\"'\])]{0,2}[ \t]*(?:<[^>]*>)?[ \t]*(?:$|[:;,(|\uff1a]|\.\.\.|--?[ \t]|on[ \t])")
_NAME_BEFORE = re.compile(r"[^@:;<(]{1,60}[<(\[]['\"]?")
_NAME_AFTER = re.compile(r"['\"]?[>)\]][ \t]*(?:<mailto:[^>]*>)?[ \t]*:?$")
_NOT_RECIPIENT = re.compile(
    r"\b(?:mail[ _-]?from|from|sender|reply[- ]to|on behalf|contact|message-?id|subject|cc|sent|date|"
    r"received|return-path|questions|assistance|help|write to|please (?:send|forward|reply)|"
    r"list-\w+|x-[a-z-]+)\b(?!.{0,20}\bto:)",
    re.IGNORECASE,
)
_TO_FIELD = re.compile(r"[ \t>]*(?:to|an|para|a|à):", re.IGNORECASE)
_NOBODY = re.compile(
    r"(?:mailer-?daemon|postmaster|abuse|hostmaster|webmaster|admin|administrator|support|help ?desk|"
    r"no-?reply|.*-(?:bounces?|request|owner|admin|errors)|owner-.*|.*-bounces\+.*)",
    re.IGNORECASE,
)
_TROUBLE = re.compile(
    r"(?:unknown|not (?:known|found|exist|listed|deliver|accept|allowed|reach|recogni[sz]ed|valid|be )|"
    r"n't (?:be )?(?:deliver|find|found|exist|reach)|fail|undeliver|reject|refused|disabled|no such|"
    r"unavailable|inactive|invalid|unable|could not|cannot|couldn't|can't|quota|full\b|exceed|"
    r"too (?:big|large)|rcpt to|recipient|denied|bounced|addressed|no (?:mailbox|user|account)|unroutable|"
    r"zustell|unbekannt|empfänger|destinat|existe|impossible|投递|收件|失败|"
    r"不存在|退|配信|宛先|届|достав)",
    re.IGNORECASE,
)
# What came back is announced by a word for it, and a word for where it stands.
_MAIL = r"(?:e-?mail|message|mail|letter|headers?)"
_COPY_BELOW = re.compile(
    rf"[ \t>*|=-]*(?:below this line|(?:this|here) is (?:a copy|your (?:message|mail))|"
    rf"(?:[a-z]+ ){{0,4}}{_MAIL}s?(?: (?:text|headers?|contents?|as received|body)){{0,2}} "
    rf"(?:(?:follows?|(?:appears|is) below|(?:is )?attached|included|is as follows)\b|below[ .:-]*$)|"
    rf"(?:start of )?(?:original|returned|unsent|undelivered|old) {_MAIL}(?: headers?| text)?"
    rf"[ ]?:?[ \t>*|=-]*$|mensaje original|message d'origine|ursprüngliche nachricht)",
    re.IGNORECASE,
)
_SAYS_SO = re.compile(
    r"(?:\b(?:not|cannot|unable to|failed to)\b|n't )[^.\n]{0,60}?\b(?:deliver|reach)|undeliver|"
    r"\bdeliver[a-z]*[^.\n]{0,40}? fail|\bfail[a-z]*[^.\n]{0,40}? deliver|permanent error|fatal error|"
    r"non (?:remis|consegnat|entreg)|(?:pas|no) (?:pu|pudo|pôde) [^.\n]{0,20}?(?:remis|livr|entreg)|"
    r"nicht (?:zugestellt|zustell)|niet (?:worden )?(?:bezorgd|afgeleverd)|"
    r"退信|投递失败|无法(?:投递|发送)|"
    r"配信でき|届きませ|届けら|"
    r"не (?:было )?достав",
    re.IGNORECASE,
)
_RETURNED_FIELD = re.compile(
    r"[ \t>|]*(?:received|return-path|message-id|dkim-signature|delivered-to|references|"
    r"in-reply-to|arc-seal|authentication-results)[ \t]*:[ \t]*\S",
    re.IGNORECASE,
)
_MESSAGE_ID = re.compile(
    r"^[ \t>|*]*+(?:original[ -])?message[ -]id[ \t]*+:[ \t]*+(?:\n[ \t>|]*+)?(\S{3,998})",
    re.IGNORECASE | re.MULTILINE,
)
_IS_DELAYED = re.compile(
    r"(?:transient non-?fatal|delayed|not yet been|still (?:being|trying|in the queue)|"
    r"will (?:continue|keep|be retried|try again|retry)|keep trying|need not|"
    r"(?:do|does)(?: not|n't) need to (?:re)?send|no action is required|"
    r"warning(?: only|: message| message)|could not send message for (?:the )?past|"
    r"verzöger|wird weiter versucht)",
    re.IGNORECASE,
)
_IS_FAILED = re.compile(
    r"(?:permanent|fatal errors|delivery failure|delivery failed|"
    r"gave up|given up|giving up|returned to (?:you|sender))",
    re.IGNORECASE,
)
_HEADING = re.compile(r"[ \t]*(?:[-=*|].*|.*:[ \t]*|.*[-=*|])", re.DOTALL)
_IS_DELIVERED = re.compile(
    r"(?:(?:successfully|was|were|been) (?:delivered|relayed|sent) (?:to|successfully)|successful delivery|"
    r"delivered to the following)",
    re.IGNORECASE,
)
_NOT = re.compile(r"\b(?:not|n't|never|cannot|unable|before)\b|n't\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the report, and what was last said of the recipients named in it and below."""

    number: int
    text: str
    action: str


@dataclass(frozen=True, slots=True)
class _Named:
    """An address in a line; `listed` where it stands as an entry does, not in a sentence."""

    address: str
    line: _Line
    listed: bool


def completed(message: ParsedMessage) -> ParsedMessage:
    """A bounce with its recipients and the id of what came back, found in its text where no field tells."""
    found = with_returned_id(message)
    bounced = message.bounces or read_recipients(message)
    return replace(found, bounces=returning(bounced, found.returned_message_id))


def with_returned_id(message: ParsedMessage) -> ParsedMessage:
    """Automatic mail with the id of the mail it is about: that of the one attached, or in its text."""
    attached = message.forwarded.message_id if message.forwarded else None
    found = message.returned_message_id or attached or _returned_id(message.text[:_MAX_CHARACTERS])
    return replace(message, returned_message_id=found)


def read_recipients(message: ParsedMessage) -> tuple[BouncedRecipient, ...]:
    """Whom a report in words says it is about, in order, at most a hundred."""
    text = message.text[:_MAX_CHARACTERS]
    lines = _report_lines(message.subject, text)
    whole = "\n".join(line.text for line in lines)
    if pasted := declared(whole):
        return pasted
    named = _each_once(_chosen(_failed_field(message), list(_addresses(lines, _own(message)))))
    said, general = _said_of(lines), status_in(whole, "45")
    return tuple(_recipient(each, said.get(each.address.casefold(), ""), general) for each in named)


def says_undelivered(message: ParsedMessage) -> bool:
    """Whether its first words are those of a report, and name whom it is about."""
    return _SAYS_SO.search(message.text[:_OPENING]) is not None and bool(read_recipients(message))


def _returned_id(text: str) -> str | None:
    found = _MESSAGE_ID.search(text)
    return next(iter(read_ids(found[1].encode())), None) if found else None


def _own(message: ParsedMessage) -> frozenset[str]:
    """Addresses that the report is from or for, so not about."""
    boxes = (message.header_from, *message.to, *message.cc)
    return frozenset(box.address.casefold() for box in boxes)


def _report_lines(subject: str, text: str) -> list[_Line]:
    """The lines above what came back, each with what its section says of recipients."""
    lines = list(_above_returned(text.split("\n", _MAX_LINES)[:_MAX_LINES]))
    said = "\n".join([subject, *lines])
    action = _DELAYED if _IS_DELAYED.search(said) and not _IS_FAILED.search(said) else _FAILED
    found: list[_Line] = []
    for number, line in enumerate(lines):
        action = _section(line) or action
        found.append(_Line(number, line, action))
    return found


def _above_returned(lines: list[str]) -> Iterator[str]:
    for number, whole in enumerate(lines):
        line = whole[:_LONGEST_LINE]
        if number and (_COPY_BELOW.match(line) or _RETURNED_FIELD.match(line)):
            return
        yield line


def _section(line: str) -> str:
    """What a heading says of the recipients below it, or ""."""
    if "@" in line or not _HEADING.fullmatch(line):
        return ""
    if _IS_DELIVERED.search(line) and not _NOT.search(line):
        return _DELIVERED
    if _IS_DELAYED.search(line):
        return _DELAYED
    return _FAILED if _IS_FAILED.search(line) else ""


def _failed_field(message: ParsedMessage) -> tuple[str, ...]:
    """X-Failed-Recipients, as Exim and those who learned from it write it."""
    value = message.header("X-Failed-Recipients")
    return tuple(box.address for box in read_mailboxes(value.encode("utf-8", "replace")).good)


def _addresses(lines: list[_Line], own: frozenset[str]) -> Iterator[_Named]:
    for line in lines:
        trouble = "@" in line.text and bool(_TROUBLE.search(line.text) or status_in(line.text))
        for found in islice(_ADDRESS.finditer(line.text), _MAX_IN_A_LINE):
            address = _bare(found)
            if not address or address.casefold() in own or _NOBODY.fullmatch(address.rpartition("@")[0]):
                continue
            listed = _is_listed(line.text, found)
            if listed or (trouble and _may_be_about(line.text, found)):
                yield _Named(address, line, listed)


def _bare(found: re.Match[str]) -> str:
    """The address that stands there, without `SMTP=` and the like; "" where it is none."""
    address = found[0].strip(".=-")
    kind, equals, rest = address.rpartition("=")
    if equals and kind.lower().endswith(_TYPES):
        address = rest
    good = read_mailboxes(address.encode("utf-8", "surrogateescape")).good
    return good[0].address if good and "." in good[0].address.rpartition("@")[2] else ""


def _is_listed(line: str, found: re.Match[str]) -> bool:
    """Whether an address stands as an entry does: first in its line, or after a name or a label."""
    if found[0][:5].lower() == "smtp=":
        return True
    before, after = line[: found.start()].lstrip(" \t>*|\u2022-"), line[found.end() :]
    if len(before) > _LONGEST_LABEL:
        return False
    if _BULLET.fullmatch(before) or (_LABEL.fullmatch(before) and not _NOT_RECIPIENT.search(before)):
        return _AFTER.match(after) is not None
    return _NAME_BEFORE.fullmatch(before) is not None and _NAME_AFTER.match(after) is not None


def _may_be_about(line: str, found: re.Match[str]) -> bool:
    """Whether what stands before an address in a sentence lets it be one that was not reached."""
    before = line[max(0, found.start() - _LONGEST_LABEL) : found.start()]
    return not (_NOT_RECIPIENT.search(before) or _TO_FIELD.fullmatch(before))


def _chosen(failed: tuple[str, ...], named: list[_Named]) -> list[_Named]:
    """The addresses that count: those of a field, else those listed, else those in sentences."""
    listed = [each for each in named if each.listed]
    if not failed:
        return listed or named
    spare = _Line(0, "", _FAILED)
    where = {each.address.casefold(): each for each in reversed(named)}
    return [where.get(each.casefold(), _Named(each, spare, True)) for each in failed]


def _each_once(named: list[_Named]) -> list[_Named]:
    first: dict[str, _Named] = {}
    for each in named:
        first.setdefault(each.address.casefold(), each)
    return list(first.values())[:MAX_RECIPIENTS]


def _said_of(lines: list[_Line]) -> dict[str, str]:
    """For each address, case folded: the lines that name it and those below, to the next address."""
    said: dict[str, list[str]] = {}
    last: list[str] = []
    room = 0
    for line in lines:
        found = [_bare(match) for match in islice(_ADDRESS.finditer(line.text), _MAX_IN_A_LINE)]
        if found:
            last, room = [address.casefold() for address in found if address], _REASON_LINES
        if room:
            room -= 1
            for key in last:
                said.setdefault(key, []).append(line.text)
    return {key: "\n".join(texts) for key, texts in said.items()}


def _recipient(each: _Named, said: str, general: str) -> BouncedRecipient:
    action = each.line.action
    if action == _DELIVERED:
        return BouncedRecipient(each.address, "2.0.0", action, None)
    spare = "4.0.0" if action == _DELAYED else "5.0.0"
    return BouncedRecipient(each.address, status_in(said, "45") or general or spare, action, None)
