"""What Roundup, Mailman 3 and the help desks get wrong, each tried on us from outside.

Numbers are those of README.md, which also names the tests elsewhere that show the rest.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailgate.headers import split_message
from mailgate.settings import HostPort
from tests.support.community import LIST, Clock, Community, header
from tests.support.daemon import Daemon, mailgate, new_instance
from tests.support.sink import Script, Sink
from tests.support.smtp import Peer
from tests.support.waiting import wait_until
from tracker.people import normalise_address
from tracker.storage import people

BOB = "bob@people.example"


def mail(*fields: str, text: str = "It is down since noon.", author: str = "ann@x.example") -> bytes:
    return "\r\n".join([f"From: {author}", f"To: {LIST}", *fields, "", text, ""]).encode()


def posts_of(community: Community, number: int = 1) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = community.ticket(number)["posts"]
    return found


def told(community: Community) -> set[str]:
    """Who got a copy so far; forgets them."""
    copies, community.bag.copies = community.bag.copies, []
    return {copy.recipient for copy in copies}


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Community]:
    """An instance beside whose daemon a test looks into the database."""
    app = new_instance(tmp_path / "home")
    yield Community(app, Clock())
    app.close()


@pytest.fixture
def daemon(tmp_path: Path, instance: Community) -> Iterator[Daemon]:
    with Daemon(tmp_path / "home") as running:
        yield running


# Roundup


@pytest.mark.integration
def test_roundup_1_with_the_way_out_down_the_mail_is_a_ticket_and_told_later(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    home = tmp_path / "home"
    instance = Community(new_instance(home, smarthost=HostPort("127.0.0.1", port)), Clock())
    instance.subscribe(BOB)
    with Daemon(home) as daemon:
        with Peer(daemon.smtp[1]) as peer:
            assert peer.deliver(mail("Subject: Jobs are held"), (LIST,)).startswith("250")
        wait_until(lambda: "cannot connect" in (home / "daemon.log").read_text(), 30)
        assert [ticket["title"] for ticket in instance.tickets()] == ["Jobs are held"]
        with Sink(Script(), port) as sink:
            mailgate(home, "deliveries", "retry")
            wait_until(lambda: sink.mails, 30)
        assert [(one.recipients, one.content.count(b"It is down")) for one in sink.mails] == [((BOB,), 1)]
        daemon.stop()
    instance.close()


@pytest.mark.integration
def test_roundup_2_what_cannot_be_taken_is_refused_and_what_stands_behind_it_goes_on(
    instance: Community, daemon: Daemon
) -> None:
    nested = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(3000))
    content = {
        mail("Subject: bad author", author="ann at home"): "550 5.6.0",
        mail("Subject: nested", nested): "554 5.6.0",
        mail("Subject: charset", "Content-Type: text/plain; charset=x-klingon", text="Grüße"): "250 2.6.0",
        mail("Subject: behind"): "250 2.6.0",
    }
    with Peer(daemon.smtp[1]) as peer:
        for raw, reply in content.items():
            assert peer.deliver(raw, (LIST,))[:9] == reply
    wait_until(lambda: len(instance.tickets()) == 2, 30)
    texts = [ticket["posts"][0]["text"].strip() for ticket in instance.tickets()]
    assert texts == ["Grüße", "It is down since noon."]


@pytest.mark.integration
def test_roundup_3_the_same_mail_before_and_after_a_kill_is_one_post(
    tmp_path: Path, instance: Community, daemon: Daemon
) -> None:
    home, raw = tmp_path / "home", mail("Subject: Jobs are held", "Message-ID: <one@x.example>")
    with Peer(daemon.smtp[1]) as peer:
        assert peer.deliver(raw, (LIST,)).startswith("250")
        daemon.kill()
    with Daemon(home) as again:
        with Peer(again.smtp[1]) as peer:
            assert peer.deliver(raw, (LIST,)).startswith("250")
        wait_until(lambda: "duplicate" in (home / "daemon.log").read_text(), 30)
        again.stop()
    assert [len(ticket["posts"]) for ticket in instance.tickets()] == [1]


def test_roundup_4_a_subject_gives_nobody_any_rights(community: Community) -> None:
    community.add_center("Core", staff=["chief@x.example"])
    subject = "Hello [roles=Admin] [status=resolved;member=yes]"
    for author in ("chief@x.example", "eve@x.example"):
        community.inject(mail(f"Subject: {subject}", author=author))
    found = [
        community.app.read(lambda c, a=each: people.find_sender(c, normalise_address(a)))  # type: ignore[misc]
        for each in ("chief@x.example", "eve@x.example")
    ]
    assert [(one.person.member, one.staff) for one in found if one] == [(False, True), (False, False)]
    assert {(ticket["title"], ticket["status"]) for ticket in community.tickets()} == {(subject, "new")}


def test_roundup_5_an_answer_is_known_by_its_references_and_not_by_a_common_title(
    community: Community,
) -> None:
    community.inject(mail("Subject: Problem", "Message-ID: <p@x.example>"))
    by_title = community.inject(mail("Subject: Re: Problem", author="eve@z.example", text="Mine too."))
    by_id = community.inject(
        mail("Subject: Re: your question", "References: <p@x.example>", author=BOB, text="Try again.")
    )
    assert (by_title["created"], by_id["ticket"]) == (True, 1)
    (copy,) = (one for one in community.bag.copies if header(one, "Subject").startswith("Re: [OSG #1]"))
    assert copy.recipient == "ann@x.example"
    assert "<p@x.example>" in header(copy, "References")
    assert header(copy, "List-Id")


@pytest.mark.parametrize(
    ("fields", "sender"),
    [
        (("Subject: Away", "Precedence: junk"), "ann@x.example"),
        (("Subject: Away", "X-Autoreply: yes"), "ann@x.example"),
        (("Subject: Away",), "<>"),
        (("Subject: Away", "Auto-Submitted: auto-replied"), "ann@x.example"),
        (("Subject: Undeliverable: hello", "X-Failed-Recipients: bob@people.example"), "<>"),
    ],
)
def test_roundup_6_automatic_mail_opens_nothing_and_is_not_answered(
    fields: tuple[str, ...], sender: str, community: Community
) -> None:
    community.subscribe(BOB)
    community.inject(mail(*fields), mail_from=sender)
    assert (community.tickets(), told(community)) == ([], set())


@pytest.mark.parametrize(
    "fields",
    [
        ("Subject: Question about autoreply settings",),
        ("Subject: Hello", "Auto-Submitted: no (a person)"),
        ("Subject: Hello", "Precedence: list", "List-Id: <users.lists.example>"),
        ("Subject: Hello", "X-Auto-Response-Suppress: All"),
    ],
    ids=["roundup 6, a word", "roundup 6 and trap 4, no", "trap 1, list", "trap 4, Exchange"],
)
def test_roundup_6_traps_1_4_what_a_person_wrote_is_posted(
    fields: tuple[str, ...], community: Community
) -> None:
    community.subscribe(BOB)
    assert community.inject(mail(*fields))["created"]
    assert told(community) == {BOB}


@pytest.mark.parametrize(
    ("fields", "text", "title"),
    [
        (("Subject: Down", "Content-Type: text/html"), "<p>It is <b>down</b></p>", "Down"),
        (("Subject: [OSG] Down",), "It is down", "Down"),
        (("Subject: Down [urgent]",), "It is down", "Down [urgent]"),
    ],
)
def test_roundup_7_ordinary_mail_is_taken(
    fields: tuple[str, ...], text: str, title: str, community: Community
) -> None:
    assert community.inject(mail(*fields, text=text))["created"]
    assert community.ticket(1)["title"] == title
    assert posts_of(community)[0]["text"].strip() == "It is down"


def test_roundup_9_trap_6_sixty_strangers_in_cc_become_nobody_and_copies_name_one_each(
    community: Community,
) -> None:
    strangers = [f"u{n}@strangers.example" for n in range(60)]
    community.subscribe(BOB)
    community.subscribe("cat@people.example")
    community.inject(mail("Subject: Hello all", "Cc: " + ",\r\n ".join(strangers)))
    assert community.ticket(1)["nosy"] == ["ann@x.example"]
    known = community.app.read(
        lambda c: [people.find_sender(c, normalise_address(each)) for each in strangers]
    )
    assert known == [None] * 60
    assert [copy.recipient for copy in community.bag.copies] == [BOB, "cat@people.example"]
    assert all(BOB.encode() not in copy.content for copy in community.bag.copies)


FLOWED = (
    "It is \r\ndown.\r\n\r\nOn Mon, 2 Mar 2026 at 10:00, Bob Builder\r\n"
    "<bob@people.example> wrote:\r\n> Is it?"
)
OUTLOOK = (
    "It is down.\r\n\r\nFrom: Bob <bob@people.example>\r\nSent: Monday, 2 March 2026 10:00\r\n"
    "To: Ann\r\nSubject: Site\r\n\r\nIs it?"
)


@pytest.mark.parametrize(
    ("field", "text", "new"),
    [
        ("X-None: 1", "Grüße aus Łódź", "Grüße aus Łódź"),
        ("Content-Type: text/plain; format=flowed", FLOWED, "It is down."),
        ("X-None: 1", OUTLOOK, "It is down."),
    ],
    ids=["no charset", "flowed, attribution of two lines", "Outlook's block"],
)
def test_roundup_10_text_is_read_as_it_was_meant(
    field: str, text: str, new: str, community: Community
) -> None:
    community.inject(mail("Subject: Site", "Message-ID: <s@x.example>"))
    community.inject(mail("Subject: Re: Site", "In-Reply-To: <s@x.example>", field, text=text, author=BOB))
    assert posts_of(community)[-1]["new_text"].strip() == new


def test_roundup_10_the_name_of_a_file_is_no_path(community: Community) -> None:
    file = 'Content-Type: text/x; name="../../../etc/passwd"\r\nContent-Disposition: attachment\r\n\r\nx'
    kind = "Content-Type: multipart/mixed; boundary=b"
    community.inject(mail("Subject: File", kind, text=f"--b\r\n\r\nSee.\r\n--b\r\n{file}\r\n--b--"))
    assert [each["name"] for each in posts_of(community)[0]["attachments"]] == ["passwd"]


# Mailman 3


def test_mailman_2_a_post_with_an_urgent_field_is_a_post(community: Community) -> None:
    community.subscribe(BOB)
    result = community.inject(mail("Subject: Down", "Urgent: let-me-through"))
    assert (result["created"], result["held"], told(community)) == (True, False, {BOB})


@pytest.mark.integration
def test_mailman_3_our_received_stands_on_top_of_what_is_kept(
    tmp_path: Path, instance: Community, daemon: Daemon
) -> None:
    received = "Received: from a by b; Mon, 2 Mar 2026 10:00:00 +0000"
    with Peer(daemon.smtp[1]) as peer:
        reply = peer.deliver(mail(received, "Subject: s"), (LIST,))
    wait_until(instance.tickets, 30)
    kept = mailgate(tmp_path / "home", "export", "--ticket", "1", "--format", "mbox")
    assert kept.splitlines()[1].startswith("Received: from client.example ([127.0.0.1])")
    assert f"id {reply.split()[2]}" in kept.partition(received)[0]


SIGNED = ("from", "to", "subject", "date", "message-id", "mime-version", "content-type", "dkim-signature")


def test_mailman_5_a_list_copy_is_what_its_author_signed(community: Community) -> None:
    community.subscribe(BOB)
    covered = "h=from:to:subject:date:message-id"
    signature = f"DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=k;\r\n\t{covered};\r\n\tb=AAAA"
    raw = mail(
        signature,
        "Subject: =?iso-8859-1?Q?Caf=E9?=  two  blanks",
        "Date: Mon, 2 Mar 2026 10:00:00 +0100",
        "Message-ID: <signed@x.example>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=iso-8859-1",
        text="odd  blanks \t \r\n.\r\n\r\n\r\n",
    ).replace(b"odd", b"caf\xe9")
    community.inject(raw)
    (copy,) = community.bag.copies
    (theirs, body), (ours, copied) = split_message(raw), split_message(copy.content)
    assert copied == body
    assert signed_lines(ours) == signed_lines(theirs)


def signed_lines(header_lines: bytes) -> list[bytes]:
    """The fields a signature covers, byte for byte, in order."""
    fields = header_lines.replace(b"\r\n\t", b"\0\t").replace(b"\r\n ", b"\0 ").split(b"\r\n")
    return [field for field in fields if field.partition(b":")[0].decode().lower() in SIGNED]


# Traps seen in the code of help desks


def test_trap_3_a_number_in_the_subject_of_a_stranger_opens_no_private_ticket(community: Community) -> None:
    opened = community.inject(mail("Subject: A key was stolen"), ["osg-general+private@lists.example.org"])
    number = opened["ticket"]
    result = community.inject(mail(f"Subject: Re: [OSG #{number}] A key was stolen", author="eve@z.example"))
    assert (result["held"], told(community), len(posts_of(community, number))) == (True, set(), 1)


def test_trap_5_who_stands_in_reply_to_or_in_a_forwarded_text_is_not_the_author(community: Community) -> None:
    forwarded = (
        "---------- Forwarded message ---------\r\nFrom: Carl <carl@z.example>\r\nSubject: x\r\n\r\nHelp!"
    )
    community.inject(mail("Subject: Fwd: x", f"Reply-To: {BOB}", text=forwarded))
    ticket = community.ticket(1)
    assert (posts_of(community)[0]["author"], ticket["nosy"]) == ("ann@x.example", ["ann@x.example"])
    assert ticket["requester"] == "ann@x.example"


def test_trap_7_no_copy_says_where_to_write_and_answers_between_quotes_are_kept(community: Community) -> None:
    community.inject(mail("Subject: Site", "Message-ID: <s@x.example>"))
    between = "> Is the door open?\r\nYes.\r\n> And the disk?\r\nFull."
    community.inject(mail("Subject: Re: Site", "In-Reply-To: <s@x.example>", text=between, author=BOB))
    assert posts_of(community)[-1]["new_text"].split() == ["Yes.", "Full."]
    assert all(b"above this line" not in copy.content for copy in community.bag.copies)
