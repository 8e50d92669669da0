"""A mail to two lists at once is one ticket, and both lists get it, each person once."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

from tests.support.community import LIST, Community

OTHER = "osg-int@lists.example.org"
JANE, SUE, EVE, BOTH = "jane@people.example", "sue@x.example", "eve@x.example", "both@x.example"


def crosspost(number: int = 1, **fields: str) -> bytes:
    extra = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items())
    head = f"From: {JANE}\nTo: {LIST}\nCc: {OTHER}\nSubject: Disk full {number}\n{extra}"
    return f"{head}Message-ID: <c{number}@x.example>\n\nIt is full.\n".encode()


def to(community: Community, address: str) -> list[EmailMessage]:
    found = [copy.content for copy in community.bag.copies if copy.recipient == address]
    return [email.message_from_bytes(one, policy=email.policy.default) for one in found]  # type: ignore[misc]


def settle(community: Community) -> None:
    community.add_list(OTHER, "OSG-INT")
    community.subscribe(SUE, "all")
    community.subscribe(EVE, "all", OTHER)
    for address in (LIST, OTHER):
        community.subscribe(BOTH, "all", address)


def test_in_one_transaction(community: Community) -> None:
    settle(community)
    result = community.inject(crosspost(), [LIST, OTHER])
    assert (result["ticket"], len(community.tickets())) == (1, 1)
    assert [to(community, one)[0]["List-Id"] for one in (SUE, EVE, BOTH)] == [
        '"OSG" <osg-general.lists.example.org>',
        '"OSG-INT" <osg-int.lists.example.org>',
        '"OSG" <osg-general.lists.example.org>',
    ]
    assert "osg-int+unsubscribe" in to(community, EVE)[0]["List-Unsubscribe"]
    assert [len(to(community, one)) for one in (SUE, EVE, BOTH)] == [1, 1, 1]


def test_as_two_copies_in_either_order(community: Community) -> None:
    settle(community)
    for number, order in enumerate(((LIST, OTHER), (OTHER, LIST)), 1):
        for address in order:
            community.inject(crosspost(number), [address])
    assert [len(to(community, one)) for one in (SUE, EVE, BOTH)] == [2, 2, 2]
    assert len(community.tickets()) == 2


def test_what_is_private_goes_to_neither(community: Community) -> None:
    settle(community)
    community.inject(crosspost(1, X_Note="private"), ["osg-general+private@lists.example.org", OTHER])
    assert [len(to(community, one)) for one in (SUE, EVE, BOTH)] == [0, 0, 0]
