"""Digests: by time and size, MIME and plain, without what their reader knows; answers to them thread."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest

from tests.support.community import LIST, Community

JANE, BEN, EVE, SUE = "jane@people.example", "ben@people.example", "eve@x.example", "sue@x.example"
REQUEST = "osg-general-request@lists.example.org"
_count = iter(range(10_000))


def mail(sender: str, subject: str, text: str, **fields: str) -> bytes:
    extra = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items())
    head = f"From: {sender}\nSubject: {subject}\nMessage-ID: <d{next(_count)}@x.example>\n{extra}"
    return f"{head}\n{text}\n".encode()


def to(community: Community, address: str) -> list[EmailMessage]:
    found = [copy.content for copy in community.bag.copies if copy.recipient == address]
    return [email.message_from_bytes(one, policy=email.policy.default) for one in found]  # type: ignore[misc]


def messages_in(digest: EmailMessage) -> list[EmailMessage]:
    _, inner = digest.iter_parts()
    assert inner.get_content_type() == "multipart/digest"
    return [part.get_content() for part in inner.iter_parts()]


@pytest.fixture
def house(community: Community) -> Community:
    """Eve and Sue get digests, Sue plain ones."""
    for address in (EVE, SUE):
        community.subscribe(address, "digest")
    community.inject(mail(SUE, "", "set digest plain"), [REQUEST])
    community.pass_time(minutes=10)
    community.bag.copies.clear()
    return community


def talk(house: Community) -> None:
    house.inject(mail(JANE, "Disk full", "It is full."))
    house.inject(mail(BEN, "Jobs fail", "They fail: é."))
    house.inject(mail(BEN, "Re: Disk full", "Empty it."), ["osg-general+1@lists.example.org"])


def test_a_day_s_posts_come_as_messages_in_threads(house: Community) -> None:
    talk(house)
    house.pass_time(hours=12)
    assert to(house, EVE) == []
    house.pass_time(hours=13)
    (digest,) = to(house, EVE)
    assert digest["Subject"] == "OSG Digest, Vol 2026, Issue 1"
    assert digest["List-Id"] == '"OSG" <osg-general.lists.example.org>'
    assert [(one["Subject"], one.get_content().strip()) for one in messages_in(digest)] == [
        ("[OSG #1] Disk full", "It is full."),
        ("Re: [OSG #1] Disk full", "Empty it."),
        ("[OSG #2] Jobs fail", "They fail: é."),
    ]
    house.pass_time(days=2)
    assert len(to(house, EVE)) == 1, "of nothing new nobody is told"


def test_the_plain_one_is_as_rfc_1153_has_it(house: Community) -> None:
    talk(house)
    house.pass_time(hours=25)
    (digest,) = to(house, SUE)
    assert digest.get_content_type() == "text/plain"
    lines = digest.get_content().splitlines()
    assert lines.count("-" * 70) == 1
    assert lines.count("-" * 30) == 3
    assert lines[-2:] == ["End of OSG Digest, Vol 2026, Issue 1", "*" * 36]


def test_much_text_does_not_wait(house: Community) -> None:
    house.inject(mail(JANE, "Log", "A line of it.\n" * 3000))
    house.pass_time(minutes=6)
    assert len(to(house, EVE)) == 1


def test_nobody_finds_what_they_wrote_or_were_sent(house: Community) -> None:
    talk(house)
    house.inject(mail(EVE, "Re: Disk full", "Mine, too."), ["osg-general+1@lists.example.org"])
    house.inject(mail(JANE, "Re: Disk full", "Done."), ["osg-general+1@lists.example.org"])
    house.pass_time(hours=25)
    digest = to(house, EVE)[-1]
    assert [one.get_content().strip() for one in messages_in(digest)] == [
        "It is full.",
        "Empty it.",
        "They fail: é.",
    ]


def test_what_is_private_is_in_no_digest(house: Community) -> None:
    house.inject(mail(JANE, "Leak", "Secret."), ["osg-general+private@lists.example.org"])
    opened = house.inject(mail(JANE, "Disk", "Open."), [LIST])
    house.change_privacy(opened["ticket"])
    house.pass_time(hours=25)
    assert to(house, EVE) == []


def test_who_is_away_gets_none(house: Community) -> None:
    house.inject(mail(EVE, "", "set vacation until 2026-04-01"), [REQUEST])
    house.bag.copies.clear()
    talk(house)
    house.pass_time(hours=25)
    assert (len(to(house, EVE)), len(to(house, SUE))) == (0, 1)


def test_an_answer_to_a_post_of_a_digest_goes_to_its_ticket(house: Community) -> None:
    talk(house)
    house.pass_time(hours=25)
    post = messages_in(to(house, EVE)[0])[1]
    address = post["Reply-To"].addresses[0].addr_spec
    house.inject(mail(EVE, post["Subject"], "Did it help?", In_Reply_To=post["Message-ID"]), [address])
    assert house.ticket(1)["posts"][-1]["text"].strip() == "Did it help?"


def test_an_answer_to_the_plain_one_goes_where_what_it_quotes_does(house: Community) -> None:
    talk(house)
    house.pass_time(hours=25)
    digest = to(house, SUE)[0]
    body = digest.get_content()
    quoted = "\n".join(
        f"> {line}" for line in body[body.index("Date:") :].split("-" * 30)[2].strip().splitlines()
    )
    answer = mail(
        SUE, f"Re: {digest['Subject']}", f"Which ones?\n\n{quoted}", In_Reply_To=digest["Message-ID"]
    )
    house.inject(answer, [LIST])
    assert house.ticket(2)["posts"][-1]["author"] == SUE
