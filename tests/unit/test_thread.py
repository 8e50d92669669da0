"""Which evidence outranks which; the stories of tests/corpus/gateway tell what each does alone."""

from __future__ import annotations

from email.utils import parseaddr

import pytest

from mailgate.message import ParsedMessage
from mailgate.threads.identity import named_keys
from mailgate.threads.match import Evidence
from tests.support.community import LIST, Community, header
from tracker.storage.keys import message_key

INDEX = "AdWABCDEFGHIJKLMNOPQRSTUVWXYZQ=="
LATER_INDEX = "AdWABCDEFGHIJKLMNOPQRSTUVWXYZQAAAAA="
STRONGEST_FIRST = (
    "token",
    "root",
    "address",
    "reference",
    "tag",
    "ghost",
    "thread_index",
    "quoted_token",
    "new",
)


def send(
    community: Community, fields: dict[str, str], text: str = "Text.", to: str = LIST
) -> dict[str, object]:
    lines = [f"{name}: {value}" for name, value in ({"From": "ann@a.example", "To": LIST} | fields).items()]
    community.clock.pass_by(minutes=1)
    return community.inject("\n".join([*lines, "", text, ""]).encode(), [to])


class Signs:
    """Eight tickets, and a mail that points at all of them, at each by another sign."""

    def __init__(self, community: Community) -> None:
        self.community = community
        self.tickets: dict[str, object] = {}
        for sign in reversed(STRONGEST_FIRST[:-1]):
            fields = {"Subject": f"The one of the {sign}", "Message-ID": f"<{sign}@mx.example>"}
            if sign == "quoted_token":
                fields |= {"Subject": "Shared words", "From": "cat@c.example"}
            if sign == "ghost":
                fields |= {"Subject": "Re: Shared words", "In-Reply-To": "<unseen@mx.example>"}
            if sign == "thread_index":
                fields |= {"Subject": "Shared words", "Thread-Index": INDEX}
            self.tickets[sign] = send(community, fields, f"What {sign} asks.")["ticket"]
        assert len(set(self.tickets.values())) == len(self.tickets)
        send(
            community,
            {
                "From": "bob@b.example",
                "Subject": "Re: token",
                "In-Reply-To": "<token@mx.example>",
                "Message-ID": "<answer@mx.example>",
            },
        )
        copy = community.last_copy("ann@a.example", "<answer@mx.example>")
        self.reply_to = parseaddr(header(copy, "Reply-To"))[1]

    def mail(self, kept: tuple[str, ...]) -> dict[str, object]:
        """Send a mail with only those signs; gives what became of it."""
        root = self.community.root_id(int(str(self.tickets["root"])))
        references = [
            one
            for sign, one in (
                ("ghost", "<unseen@mx.example>"),
                ("root", root),
                ("reference", "<reference@mx.example>"),
            )
            if sign in kept
        ]
        tag = f"[OSG #{self.tickets['tag']}] " if "tag" in kept else ""
        quoted = f"osg-general+{self.tickets['quoted_token']}.unfollow@lists.example.org"
        address = f"osg-general+{self.tickets['address']}@lists.example.org"
        fields = {"Subject": f"Re: {tag}Shared words", "From": "zoe@z.example"}
        if references:
            fields["References"] = " ".join(references)
        if "thread_index" in kept:
            fields["Thread-Index"] = LATER_INDEX
        if "token" in kept:
            fields["Cc"] = self.reply_to
        text = f"Text.\n\n> To leave: {quoted}" if "quoted_token" in kept else "Text."
        return send(self.community, fields, text, address if "address" in kept else LIST)


@pytest.mark.parametrize("sign", STRONGEST_FIRST)
def test_evidence_ranks_in_this_order(community: Community, sign: str) -> None:
    signs = Signs(community)
    kept = STRONGEST_FIRST[STRONGEST_FIRST.index(sign) : -1]
    result = signs.mail(kept)
    assert (result["evidence"], result["ticket"]) == (
        sign,
        signs.tickets.get(sign, len(signs.tickets) + 1),
    )


def test_every_evidence_of_the_product_has_its_name() -> None:
    names = "token address root reference ghost tag thread_index quoted_token subject new"
    assert {evidence.value for evidence in Evidence} == set(names.split())


def test_a_mail_names_its_parent_first_and_never_itself() -> None:
    message = ParsedMessage(
        in_reply_to=("<parent@x.example>",),
        references=("<root@x.example>", "<own@x.example>", "<near@x.example>", "<parent@x.example>"),
    )
    named = named_keys(message, "<own@x.example>")
    wanted = ("<parent@x.example>", "<near@x.example>", "<root@x.example>")
    assert named == tuple(message_key(one) for one in wanted)


def test_a_mail_that_names_thousands_is_read_so_far_only() -> None:
    message = ParsedMessage(references=tuple(f"<{n}@x.example>" for n in range(5000)))
    named = named_keys(message, "<own@x.example>")
    assert len(named) == 100
    assert named[0] == message_key("<4999@x.example>")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("<a.B@Mx.Example>", "<a.B@mx.example>", True),
        ("<a.B@mx.example>", "a.B@mx.example", True),
        ("<a.B@mx.example>", "<a.b@mx.example>", False),
    ],
)
def test_only_the_domain_of_an_id_has_no_case(one: str, other: str, same: bool) -> None:
    assert (message_key(one) == message_key(other)) is same
