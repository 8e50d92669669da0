"""Ways at what is private: each fell once, or nearly."""

from __future__ import annotations

import base64
import email
import email.policy
from itertools import count

import pytest

from tests.support.community import LIST, Community, header
from tracker.model import TicketId
from tracker.storage import aliases, queues

ANN, EVE, MEG, IVO = "ann@people.example", "eve@y.example", "meg@people.example", "ivo@experts.example"
CONTACT = "cy@smallc.example"
PRIVATE = "osg-general+private@lists.example.org"
REQUEST = "osg-general-request@lists.example.org"
RULES = """
[[rule]]
name = "cms"
phase = "route"
when = 'body:cms'
then = ['cc+=cy@smallc.example']
"""
_count = count()


def mail(subject: str, text: str = "", sender: str = ANN, to: str = LIST, fields: str = "") -> bytes:
    head = f"From: {sender}\nTo: {to}\nSubject: {subject}\nMessage-ID: <a{next(_count)}@x.example>\n{fields}"
    return f"{head}\n{text}\n".encode()


def told(community: Community) -> set[str]:
    return {copy.recipient for copy in community.bag.copies}


def answers(community: Community, address: str) -> list[str]:
    mine = [copy.content for copy in community.bag.copies if copy.recipient == address]
    messages = [email.message_from_bytes(one, policy=email.policy.default) for one in mine]
    return [str(one.get_content()) for one in messages]  # type: ignore[attr-defined]


@pytest.fixture
def house(community: Community) -> Community:
    """Somebody wants to be offered what is about cms, and a rule tells a contact of it."""
    community.put_rules(RULES)
    community.add_member(IVO)
    community.inject(mail("interest cms", "", IVO, REQUEST), [REQUEST])
    community.bag.copies.clear()
    return community


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Hole in cms", "!priority high\n!private\n\ncms is open to all"),
        ("Hole in cms [priority=high; private]", "cms is open to all"),
        ("[private; priority=high] Hole in cms", "cms is open to all"),
        ("[ private ] Hole in cms", "cms is open to all"),
        ("Hole in cms", "!private\n\ncms is open to all"),
    ],
)
def test_what_is_to_be_private_is_so_before_anybody_is_told(
    house: Community, subject: str, text: str
) -> None:
    house.subscribe("sue@people.example")
    opened = house.inject(mail(subject, text))
    house.pass_time(minutes=2)
    assert house.ticket(opened["ticket"])["private"]
    assert told(house) <= {ANN}


@pytest.mark.parametrize("subject", ["[Private cloud] x", "[private-data] x", "a private; matter"])
def test_a_bracket_that_speaks_of_something_private_is_title(house: Community, subject: str) -> None:
    house.inject(mail(subject, "text"))
    assert not house.ticket(1)["private"]


def test_what_became_private_before_it_was_told_is_told_to_no_contact_and_offered_to_nobody(
    house: Community,
) -> None:
    house.pause("notify")
    house.inject(mail("Hole in cms", "cms is open to all"))
    house.change_privacy(1)
    house.resume("notify")
    assert told(house) == set()


def test_what_was_said_in_private_stays_so_when_a_merge_is_undone(community: Community) -> None:
    community.inject(mail("Disk of ours", "first", ANN))
    community.inject(mail("Tape of theirs", "second", MEG))
    opening = community.ticket(1)["posts"][0]["message_id"]
    community.operate("merge into 2", 1)
    community.change_privacy(2)
    community.inject(mail("Re: Disk of ours", "secret", MEG, fields=f"In-Reply-To: {opening}\n"))
    community.operate("undo merged", 2)
    assert [post["text"].strip() for post in community.ticket(1)["posts"]] == ["first", "secret"]
    assert community.ticket(1)["private"]


@pytest.mark.parametrize("form", ["{private}", "0{private}", "099", "99"])
def test_a_link_to_what_is_private_reads_as_one_to_nothing(community: Community, form: str) -> None:
    private = community.inject(mail("A hole", "secret", to=PRIVATE), [PRIVATE])["ticket"]
    community.add_member(MEG)
    community.inject(mail("A disk", "text", MEG))
    number = form.format(private=private)
    community.inject(mail("Re: [OSG #1] A disk", f"!link follows {number}", MEG))
    assert f"    there is no ticket {int(number)}" in answers(community, MEG)[-1].splitlines()


def test_the_names_of_another_tracker_do_not_tell_which_are_private(community: Community) -> None:
    private = community.inject(mail("A hole", "secret", to=PRIVATE), [PRIVATE])["ticket"]
    public = community.inject(mail("A disk", "text", MEG))["ticket"]

    def name(word: str, number: int) -> None:
        community.app.write(
            lambda c: aliases.add(c, queues.everyone(c)[0].id, word, TicketId(number)),
        )

    name("issue17", private)
    name("bug3", public)
    found = [community.inject(mail(f"[{one}] Hello", "x", EVE)) for one in ("issue17", "issue18")]
    assert [(one["held"], one["ticket"]) for one in found] == [(True, None)] * 2
    assert community.inject(mail("[bug4] Hello", "x", EVE))["created"]
    assert community.inject(mail("[issues18] Hello", "x", EVE))["created"]


def test_no_copy_names_a_private_ticket(house: Community) -> None:
    house.subscribe("sue@people.example")
    house.inject(mail("A hole", "secret cms", to=PRIVATE), [PRIVATE])
    house.pass_time(days=8)
    assert [header(copy, "Subject") for copy in house.bag.copies] == []


def test_a_copy_that_waited_does_not_go_out_when_its_ticket_became_private(house: Community) -> None:
    house.subscribe("sue@people.example")
    house.pause("deliver")
    opened = house.inject(mail("Hole in cms", "cms is open to all"))["ticket"]
    house.change_privacy(opened)
    house.resume("deliver")
    assert told(house) == set()
    house.inject(mail("Another disk", "text"))
    assert told(house) == {"sue@people.example"}


@pytest.fixture
def hidden(community: Community) -> tuple[Community, int]:
    """A private ticket of which Ann has a copy, beside a public one."""
    community.subscribe("sue@people.example")
    number = community.inject(mail("A hole", "secret", MEG, PRIVATE), [PRIVATE])["ticket"]
    community.operate(f"own {ANN}", number)
    community.clock.pass_by(minutes=1)
    at = f"osg-general+{number}@lists.example.org"
    community.inject(mail("Re: A hole", "more of the secret", MEG, at), [at])
    community.inject(mail("A disk", "text", MEG))
    return community, number


def forms(community: Community, number: int) -> dict[str, tuple[str, str]]:
    """Ways to pass on a mail of a private ticket: fields and text of each."""
    copy = next(one for one in community.bag.copies if one.recipient == ANN)
    inner = base64.encodebytes(copy.content).decode()
    file = f"Content-Disposition: attachment; filename=x.eml\nContent-Transfer-Encoding: base64\n\n{inner}"
    mixed = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n"
    footer = f"osg-general+{number}.unfollow@lists.example.org"
    as_link = footer.replace("+", "%2B").replace("@", "%40")
    return {
        "file": (mixed, f"--b\n\nsee\n--b\nContent-Type: application/octet-stream\n{file}\n--b--"),
        "link": ("", f"> https://links.example/?url=mailto%3A{as_link}&data=1"),
        "far below": ("", "a word\n" * 40_000 + footer),
        "mangled root id": (f"References: {community.root_id(number).replace('@', 'a@')}\n", "x"),
    }


@pytest.mark.parametrize("form", ["file", "link", "far below", "mangled root id"])
@pytest.mark.parametrize("sender", [ANN, EVE])
def test_what_passes_on_a_private_mail_is_not_published(
    hidden: tuple[Community, int], form: str, sender: str
) -> None:
    community, number = hidden
    fields, text = forms(community, number)[form]
    community.bag.copies.clear()
    found = community.inject(mail("Fwd: Something", text, sender, fields=fields))
    assert found["held"] or community.ticket(found["ticket"])["private"]
    assert "sue@people.example" not in told(community)


def test_a_quoted_number_does_not_tell_which_are_private(hidden: tuple[Community, int]) -> None:
    community, number = hidden
    texts = [f"> osg-general+{one}@lists.example.org" for one in (number, 77)]
    found = [community.inject(mail("A question", text, EVE), trust="none") for text in texts]
    assert [(one["held"], one["ticket"]) for one in found] == [(True, None)] * 2
