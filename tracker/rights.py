"""Who may do what to a ticket, as one table; asked by mail, command line and web alike.

Asked before what a mail itself changes, such as that its author joins. Three things decide: what somebody is
to the ticket (`Standing`), what proves that it is they who ask (`Proof`), and the rule of the act (`RULES`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection

from tracker.model import Ticket
from tracker.nosy import is_requester_or_owner, takes_part
from tracker.storage import centers
from tracker.storage import tickets as store
from tracker.storage.people import Sender


class Act(StrEnum):
    """What somebody may want to do; each is a row of the table."""

    OPEN = "open a ticket, or a private one"
    POST = "post on a public ticket, join, leave and mute it"
    READ_PRIVATE = "read a private ticket, and post on it"
    STATUS = "set the status, claim"
    CHANGE = "change title, tags, topic, owner, priority, centers, links"
    MEND = "change the nosy list of others, quiet, split, merge, move"
    MODERATE = "lift private, approve, reject, ban"
    ADMINISTER = "change rules, registry, roles, lists, and all else of the instance"


class Proof(StrEnum):
    """What proves that it is they who ask.

    `TOKEN`: the mail carries a reply address of the ticket that is its author's own. `CONFIRMED`: they
    answered a confirm mail, or pressed its button. `ALIGNED`: their domain speaks for this very mail.
    `LOGGED_IN`: they run the command line, or are known to the web page.
    """

    NOTHING = "nothing"
    TOKEN = "token"  # noqa: S105  (no password)
    CONFIRMED = "confirmed"
    ALIGNED = "aligned"
    LOGGED_IN = "logged in"


class Ruling(StrEnum):
    """`CONFIRM`: they may, once they confirmed that it is they."""

    YES = "yes"
    CONFIRM = "confirm"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody is to a ticket.

    `staff` of any support center; `own_staff` of one that the ticket is with, or a moderator where it is with
    none. `moderator` of its list. `member`: their address is confirmed.
    """

    requester: bool = False
    owner: bool = False
    takes_part: bool = False
    member: bool = False
    staff: bool = False
    own_staff: bool = False
    moderator: bool = False
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may (`who`, in words `whose`), what must prove it, and whether a confirm mail may prove it later.

    `proofs_on_private`: on a private ticket, where that differs.
    """

    who: Callable[[Standing], bool]
    whose: str
    proofs: frozenset[Proof]
    proofs_on_private: frozenset[Proof] | None = None
    confirmable: bool = False


NOBODY: Final = Standing()
_EVERY: Final = frozenset(Proof)
_PROVEN: Final = frozenset({Proof.ALIGNED, Proof.LOGGED_IN})
_OR_CONFIRMED: Final = _PROVEN | {Proof.CONFIRMED}

RULES: Final[dict[Act, Rule]] = {
    Act.OPEN: Rule(lambda one: True, "anybody", _EVERY),
    Act.POST: Rule(lambda one: True, "anybody", _EVERY),
    Act.READ_PRIVATE: Rule(
        lambda one: one.requester or one.owner or one.takes_part or one.own_staff,
        "those who take part, and staff of its centers",
        _PROVEN | {Proof.TOKEN},
    ),
    Act.STATUS: Rule(
        lambda one: one.requester or one.owner or one.staff or (one.member and one.takes_part),
        "its requester, owner, staff, and members who take part",
        _OR_CONFIRMED | {Proof.TOKEN},
        _OR_CONFIRMED,
        confirmable=True,
    ),
    Act.CHANGE: Rule(
        lambda one: one.staff or (one.member and one.takes_part),
        "staff, and members who take part",
        _OR_CONFIRMED,
        confirmable=True,
    ),
    Act.MEND: Rule(
        lambda one: one.staff or one.moderator, "the staff of a support center, and moderators", _PROVEN
    ),
    Act.MODERATE: Rule(
        lambda one: one.moderator or one.own_staff, "moderators, and staff of its centers", _PROVEN
    ),
    Act.ADMINISTER: Rule(
        lambda one: one.admin, "administrators, on the command line", frozenset({Proof.LOGGED_IN})
    ),
}


def ruling(act: Act, standing: Standing, proof: Proof, *, private: bool = False) -> Ruling:
    """What the table says. Of a private ticket nobody may do what they may not even see, but moderators."""
    rule = RULES[act]
    hidden = private and act in _SEEN_FIRST and not RULES[Act.READ_PRIVATE].who(standing)
    if hidden or not rule.who(standing):
        return Ruling.NO
    proofs = rule.proofs_on_private if private and rule.proofs_on_private is not None else rule.proofs
    if proof in proofs:
        return Ruling.YES
    return Ruling.CONFIRM if rule.confirmable else Ruling.NO


_SEEN_FIRST: Final = frozenset({Act.POST, Act.STATUS, Act.CHANGE, Act.MEND})


def may(act: Act, standing: Standing, proof: Proof, *, private: bool = False) -> bool:
    """Whether they may, here and now."""
    return ruling(act, standing, proof, private=private) is Ruling.YES


def objection(act: Act, standing: Standing, proof: Proof, *, private: bool = False) -> str:
    """Why they may not, half a sentence for them; "" where they may."""
    said = ruling(act, standing, proof, private=private)
    if said is Ruling.YES:
        return ""
    rule = RULES[act]
    return "nothing proves that the mail is from you" if rule.who(standing) else f"that is for {rule.whose}"


def standing_of(connection: Connection, sender: Sender | None, ticket: Ticket) -> Standing:
    """What somebody is to a ticket, as things stand."""
    if sender is None:
        return NOBODY
    person = sender.person
    moderator = sender.roles.moderates(ticket.queue_id)
    return Standing(
        requester=ticket.requester_id == person.id,
        owner=ticket.owner_id == person.id,
        takes_part=_takes_part(connection, sender, ticket),
        member=person.member,
        staff=sender.staff,
        own_staff=_is_own_staff(connection, sender, ticket, moderator=moderator),
        moderator=moderator,
        admin=sender.roles.admin,
    )


def _is_own_staff(connection: Connection, sender: Sender, ticket: Ticket, *, moderator: bool) -> bool:
    if sender.staff and centers.is_staff_of(connection, ticket.id, sender.person):
        return True
    # Somebody must be able to: the last resort of a private ticket are the moderators.
    return moderator and not store.centers_of(connection, (ticket.id,))


def standing_of_opener(sender: Sender | None) -> Standing:
    """What the author of a new ticket is to it."""
    if sender is None:
        return Standing(requester=True, takes_part=True)
    return Standing(
        requester=True,
        takes_part=True,
        member=sender.person.member,
        staff=sender.staff,
        admin=sender.roles.admin,
    )


def standing_of_nothing(sender: Sender | None) -> Standing:
    """What somebody is where no ticket is asked about."""
    if sender is None:
        return NOBODY
    return Standing(member=sender.person.member, staff=sender.staff, admin=sender.roles.admin)


def is_at_home(connection: Connection, sender: Sender | None, ticket: Ticket) -> bool:
    """Whether a ticket is theirs to speak for: staff, requester, owner, or one who takes part."""
    return sender is not None and (sender.staff or _takes_part(connection, sender, ticket))


def may_see(connection: Connection, sender: Sender | None, ticket: Ticket, proof: Proof) -> bool:
    """Whether somebody may read a ticket, and post on it."""
    if not ticket.private:
        return True
    return may(Act.READ_PRIVATE, standing_of(connection, sender, ticket), proof, private=True)


def _takes_part(connection: Connection, sender: Sender, ticket: Ticket) -> bool:
    if is_requester_or_owner(ticket, sender.person.id):
        return True
    return takes_part(store.memberships(connection, (ticket.id,)), sender.person.id)
