"""The arguments of MAIL and RCPT, read strictly by RFC 5321 4.1.2 from the bytes as they came.

Nothing is repaired: an argument is what the grammar says, or it is refused. Two liberties are taken: a
blank after the colon, which people and old programs write; and a source route is dropped, as RFC 5321
appendix C asks, so that the mailbox behind it is judged like any other.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from mailgate.errors import Reply
from mailgate.smtpreplies import (
    BAD_PARAMETER,
    BAD_RECIPIENT,
    BAD_SENDER,
    MAIL_SYNTAX,
    NEEDS_SMTPUTF8,
    RCPT_SYNTAX,
    UNKNOWN_PARAMETER,
    CommandRefused,
)

# RFC 5321 4.5.3.1 asks for 64 and 255 at least; senders with coded return addresses use longer local parts.
_LOCAL_PART_BYTES = 255
_DOMAIN_BYTES = 255
_LABEL_CHARACTERS = 63

# RFC 6531 3.3, less the C1 controls, the line separators and the halves of surrogate pairs.
_WIDE = "\u00a0-\u2027\u202a-\ud7ff\ue000-\U0010ffff"
_ATOM = rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~{_WIDE}-]+"
_LOCAL = rf'{_ATOM}(?:\.{_ATOM})*|"(?:[ !#-\[\]-~{_WIDE}]|\\[ -~])*"'
_NAME = rf"[A-Za-z0-9.{_WIDE}-]+"
_PATH = re.compile(
    rf"<(?P<route>@{_NAME}(?:,@{_NAME})*:)?"
    rf"(?P<address>(?P<local>{_LOCAL})@(?P<domain>{_NAME}|\[[!-Z^-~]*\]))>"
)
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?")
_POSTMASTER = "<postmaster>"


@dataclass(frozen=True, slots=True)
class MailArguments:
    """What MAIL said. `reverse_path` is "" for `<>`; `size` as declared by RFC 1870, None when it was not."""

    reverse_path: str
    size: int | None = None
    utf8: bool = False


def parse_mail(argument: bytes, extended: bool) -> MailArguments:
    """Read the argument of MAIL; parameters are known only after EHLO or LHLO (`extended`).

    Raises CommandRefused.
    """
    text = _after(b"FROM:", argument, MAIL_SYNTAX)
    if text.startswith("<>"):
        return _with_parameters("", text[2:], extended)
    address, rest = _path(text, BAD_SENDER)
    arguments = _with_parameters(address, rest, extended)
    if not arguments.utf8 and not address.isascii():
        raise CommandRefused(NEEDS_SMTPUTF8)
    return arguments


def parse_rcpt(argument: bytes, utf8: bool) -> str:
    """Read the argument of RCPT, and return the address; `utf8` when MAIL came with SMTPUTF8.

    The bare `<Postmaster>`, in any case, gives "postmaster" (RFC 5321 4.5.1). Raises CommandRefused.
    """
    text = _after(b"TO:", argument, RCPT_SYNTAX)
    if text[: len(_POSTMASTER)].lower() == _POSTMASTER:
        address, rest = "postmaster", text[len(_POSTMASTER) :]
    else:
        address, rest = _path(text, BAD_RECIPIENT)
    if _parameters(rest):
        raise CommandRefused(UNKNOWN_PARAMETER)
    if not utf8 and not address.isascii():
        raise CommandRefused(NEEDS_SMTPUTF8)
    return address


def _after(keyword: bytes, argument: bytes, syntax: Reply) -> str:
    """What follows `keyword`, as text; bytes that are no UTF-8 become surrogates, which no path holds."""
    if argument[: len(keyword)].upper() != keyword:
        raise CommandRefused(syntax)
    text = argument[len(keyword) :].decode("utf-8", "surrogateescape").lstrip(" ")
    if not text:
        raise CommandRefused(syntax)
    return text


def _path(text: str, bad: Reply) -> tuple[str, str]:
    """The address of the path at the beginning of `text`, and what follows it."""
    match = _PATH.match(text)
    if match is None or len(match["local"].encode()) > _LOCAL_PART_BYTES or not _is_domain(match["domain"]):
        raise CommandRefused(bad)
    return match["address"], text[match.end() :]


def _is_domain(domain: str) -> bool:
    if len(domain.encode()) > _DOMAIN_BYTES:
        return False
    if domain.startswith("["):
        return _is_literal(domain[1:-1])
    return all(
        0 < len(label) <= _LABEL_CHARACTERS and not label.startswith("-") and not label.endswith("-")
        for label in domain.split(".")
    )


def _is_literal(literal: str) -> bool:
    """Whether it is an address literal of RFC 5321 4.1.3; general ones (no tag is registered) are none."""
    try:
        if literal[:5].upper() == "IPV6:":
            ipaddress.IPv6Address(literal[5:])
        else:
            ipaddress.IPv4Address(literal)
    except ValueError:
        return False
    return True


def _with_parameters(reverse_path: str, rest: str, extended: bool) -> MailArguments:
    parameters = _parameters(rest)
    known = {"SIZE", "BODY", "SMTPUTF8"} if extended else set()
    if parameters.keys() - known:
        raise CommandRefused(UNKNOWN_PARAMETER)
    size = parameters.get("SIZE", "0")
    if not re.fullmatch("[0-9]{1,20}", size) or parameters.get("SMTPUTF8", "") != "":
        raise CommandRefused(BAD_PARAMETER)
    if parameters.get("BODY", "7BIT").upper() not in {"7BIT", "8BITMIME"}:
        raise CommandRefused(BAD_PARAMETER)
    return MailArguments(reverse_path, int(size) if "SIZE" in parameters else None, "SMTPUTF8" in parameters)


def _parameters(rest: str) -> dict[str, str]:
    """What follows a path, by RFC 5321 4.1.1.11; a parameter without value has the value ""."""
    if rest and not rest.startswith(" "):
        raise CommandRefused(BAD_PARAMETER)
    parameters: dict[str, str] = {}
    for word in filter(None, rest.split(" ")):
        match = _PARAMETER.fullmatch(word)
        if match is None or match[1].upper() in parameters:
            raise CommandRefused(BAD_PARAMETER)
        parameters[match[1].upper()] = match[2] or ""
    return parameters
