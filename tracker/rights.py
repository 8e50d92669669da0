"""Who may do what to a ticket; asked before what a mail itself changes, such as that its author joins.

What must speak for the identity of the one who asks is the caller's affair.
"""

from __future__ import annotations

from sqlalchemy import Connection

from tracker.model import Ticket
from tracker.nosy import is_requester_or_owner, takes_part
from tracker.storage import centers
from tracker.storage import tickets as store
from tracker.storage.people import Sender


def is_at_home(connection: Connection, sender: Sender | None, ticket: Ticket) -> bool:
    """Whether a ticket is theirs to speak for: staff, requester, owner, or one who takes part."""
    return sender is not None and (sender.staff or _takes_part(connection, sender, ticket))


def may_post_on_private(connection: Connection, sender: Sender | None, ticket: Ticket) -> bool:
    """Participants, and the staff of its own centers only."""
    if sender is None:
        return False
    own_staff = sender.staff and centers.is_staff_of(connection, ticket.id, sender.person)
    return own_staff or _takes_part(connection, sender, ticket)


def may_change_status(connection: Connection, sender: Sender | None, ticket: Ticket) -> bool:
    """Requester, owner, staff, and members who take part; status and owner are in their hands."""
    if sender is None:
        return False
    if sender.staff or is_requester_or_owner(ticket, sender.person.id):
        return True
    return sender.person.member and _takes_part(connection, sender, ticket)


def may_change(connection: Connection, sender: Sender | None, ticket: Ticket) -> bool:
    """Staff, and members who take part: title, tags, topic, owner, priority and centers."""
    if sender is None:
        return False
    return sender.staff or (sender.person.member and _takes_part(connection, sender, ticket))


def _takes_part(connection: Connection, sender: Sender, ticket: Ticket) -> bool:
    if is_requester_or_owner(ticket, sender.person.id):
        return True
    return takes_part(store.memberships(connection, (ticket.id,)), sender.person.id)
