"""Addresses as keys of people."""

from __future__ import annotations

from typing import Final

from tracker.model import Address, BadValue

# Of who was erased: a domain that no mail goes to (RFC 2606 2).
_ERASED: Final = "@erased.invalid"


def erased_address(person_id: int) -> Address:
    """What stands in place of the addresses of somebody who was erased."""
    return Address(f"erased-{person_id}{_ERASED}")


def is_erased(address: str) -> bool:
    """Whether it stands in place of somebody who was erased."""
    return address.endswith(_ERASED)


def normalise_address(text: str) -> Address:
    """The one spelling of an address: domain in lower-case A-labels, local part to the letter.

    Raises BadValue for what is no address.
    """
    local, at, domain = text.strip().rpartition("@")
    if not (local and at and domain) or not text.strip().isprintable() or set(domain) & set(" <>,;"):
        raise BadValue(f"{text!r} is not an e-mail address")
    return Address(f"{local}@{normalise_domain(domain)}")


def read_address(text: str) -> Address | None:
    """The same of what a stranger wrote; None where that is no address."""
    try:
        return normalise_address(text)
    except BadValue:
        return None


def normalise_domain(domain: str) -> str:
    """Lower case, IDNA A-labels; a name that IDNA refuses is only lowered: it is a key, not a host."""
    if domain.isascii():
        return domain.lower()
    try:
        return domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return domain.casefold()
