"""A list behind Mailman: who gets what from us, what Mailman says, and that nothing of ours goes there."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from mailgate.cli import main
from tests.support.community import LIST, Community, header

FRONT = "general@lists.mailman.example"
PATH = "general-bounces@lists.mailman.example"
ANN, BOB, CID, DAN = "ann@uni.example", "bob@b.example", "cid@c.example", "dan@d.example"
_OF_A_POST = (
    "List-Id: General <general.lists.mailman.example>",
    f"List-Post: <mailto:{FRONT}>",
    f"X-BeenThere: {FRONT}",
    "X-Mailman-Version: 3.3.10",
    "Precedence: list",
)


@pytest.fixture
def behind(community: Community) -> Community:
    """A community behind Mailman: Ann and Dan get all there, Bob nothing, Cid is not on the list."""
    succeed(community, "set", "osg-general", "--front", "mailman", "--front-list", FRONT)
    for address, delivery in ((ANN, "all"), (DAN, "all"), (BOB, "none")):
        community.subscribe(address, delivery)
    return community


def succeed(community: Community, *words: str) -> str:
    result = CliRunner().invoke(main, ["lists", *words, "--home", str(community.app.instance.home)])
    assert result.exit_code == 0, result.output
    return result.stdout


Write = Callable[..., dict[str, object]]


def post(
    community: Community, author: str, message_id: str, *fields: str, to: str = FRONT
) -> dict[str, object]:
    """A post as Mailman passes it on to us."""
    lines = (*_OF_A_POST, f"From: {author}", f"To: {to}", f"Message-ID: {message_id}", *fields)
    raw = "\n".join((*lines, "", f"This is {message_id}.", "")).encode()
    return community.inject(raw, [LIST], PATH)


def direct(
    community: Community, author: str, message_id: str, *fields: str, to: str = LIST, rcpt: str = LIST
) -> dict[str, object]:
    """A mail that comes to us beside Mailman."""
    lines = (f"From: {author}", f"To: {to}", f"Message-ID: {message_id}", *fields)
    raw = "\n".join((*lines, "", f"This is {message_id}.", "")).encode()
    return community.inject(raw, [rcpt])


def told(community: Community, message_id: str) -> list[str]:
    """Who got a copy of a mail from us; each is a ticket copy."""
    copies = [copy for copy in community.bag.copies if header(copy, "Message-ID") == message_id]
    assert all(header(copy, "Subject").find("[OSG #") >= 0 for copy in copies)
    return sorted(copy.recipient for copy in copies)


def test_nobody_gets_an_opening_from_us(behind: Community) -> None:
    assert post(behind, CID, "<q@c.example>", "Subject: [General] Jobs vanish")["created"]
    assert told(behind, "<q@c.example>") == []
    assert behind.ticket(1)["title"] == "Jobs vanish"


def test_who_takes_part_gets_ticket_copies_but_for_what_mailman_sends_them(behind: Community) -> None:
    answer = ("Subject: Re: [General] Jobs vanish", "In-Reply-To: <q@c.example>")
    post(behind, CID, "<q@c.example>", "Subject: [General] Jobs vanish")
    post(behind, ANN, "<a@uni.example>", *answer)
    assert told(behind, "<a@uni.example>") == [CID]
    post(behind, BOB, "<b@b.example>", *answer)
    # Ann has Mailman's copy; Dan does not take part.
    assert told(behind, "<b@b.example>") == [CID]
    post(behind, CID, "<c@c.example>", *answer)
    assert told(behind, "<c@c.example>") == [BOB]


def test_an_answer_to_a_ticket_address_reaches_those_who_take_part_and_nobody_else(behind: Community) -> None:
    post(behind, CID, "<q@c.example>", "Subject: [General] Jobs vanish")
    post(behind, ANN, "<a@uni.example>", "Subject: Re: [General] Jobs vanish", "In-Reply-To: <q@c.example>")
    copy = behind.last_copy(CID, "<a@uni.example>")
    reply_to = header(copy, "Reply-To").rpartition("<")[2].removesuffix(">")
    direct(behind, CID, "<c@c.example>", "In-Reply-To: <a@uni.example>", to=reply_to, rcpt=reply_to)
    assert told(behind, "<c@c.example>") == [ANN]
    assert FRONT not in copy.content.decode()


@pytest.mark.parametrize("first", ["direct", "mailman"])
def test_a_mail_to_the_list_and_to_us_is_one_post_and_one_copy(behind: Community, first: str) -> None:
    post(behind, CID, "<q@c.example>", "Subject: Jobs vanish")
    post(behind, ANN, "<a@uni.example>", "Subject: Re: Jobs vanish", "In-Reply-To: <q@c.example>")
    copy = behind.last_copy(CID, "<a@uni.example>")
    reply_to = header(copy, "Reply-To").rpartition("<")[2].removesuffix(">")
    fields, to = ("In-Reply-To: <a@uni.example>", "Subject: Re: Jobs vanish"), f"{FRONT}, {reply_to}"
    if first == "direct":
        direct(behind, CID, "<c@c.example>", *fields, to=to, rcpt=reply_to)
        again = post(behind, CID, "<c@c.example>", *fields, to=to)
    else:
        post(behind, CID, "<c@c.example>", *fields, to=to)
        again = direct(behind, CID, "<c@c.example>", *fields, to=to, rcpt=reply_to)
    assert again["disposition"] == "duplicate"
    assert len(behind.ticket(1)["posts"]) == 3
    assert told(behind, "<c@c.example>") == []


def test_to_the_list_counts_only_of_a_sender_that_is_believed(behind: Community) -> None:
    post(behind, ANN, "<q@uni.example>", "Subject: Jobs vanish")
    fields = f"From: {CID}\nTo: {FRONT}\nMessage-ID: <c@c.example>\nIn-Reply-To: <q@uni.example>\n\nHm.\n"
    behind.inject(fields.encode(), [LIST], trust="none")
    assert told(behind, "<c@c.example>") == [ANN]


def test_a_list_id_alone_says_nothing(behind: Community) -> None:
    """Anybody can write it: who is on the list would miss the mail."""
    post(behind, ANN, "<q@uni.example>", "Subject: Jobs vanish")
    lines = (
        *_OF_A_POST,
        f"From: {CID}",
        f"To: {LIST}",
        "Message-ID: <c@c.example>",
        "In-Reply-To: <q@uni.example>",
    )
    behind.inject("\n".join((*lines, "", "Hm.", "")).encode(), [LIST], CID)
    assert told(behind, "<c@c.example>") == [ANN]


def test_a_center_that_is_on_the_list_gets_no_second_copy(behind: Community) -> None:
    behind.add_center("USCMS", "desk@cms.example", staff=[DAN])
    behind.add_center("UC", DAN)
    behind.put_rules(
        '[[rule]]\nname="both"\nphase="route"\nwhen="subject:vanish"\nthen=["center+=USCMS","center+=UC"]\n'
    )
    done = post(behind, CID, "<q@c.example>", "Subject: Jobs vanish")
    assert done["centers"] == ["USCMS", "UC"]
    assert told(behind, "<q@c.example>") == ["desk@cms.example"]


def test_whom_mailman_stands_in_for_is_found_without_a_setting(behind: Community) -> None:
    fields = (f"From: Cid via General <{FRONT}>", f"Reply-To: Cid <{CID}>", "Subject: Jobs vanish")
    lines = (*_OF_A_POST, *fields, f"To: {FRONT}", "Message-ID: <q@c.example>")
    behind.inject("\n".join((*lines, "", "Why?", "")).encode(), [LIST], PATH)
    assert behind.ticket(1)["requester"] == CID
    assert FRONT not in behind.ticket(1)["nosy"]


def test_a_post_that_names_nobody_is_held(behind: Community) -> None:
    assert post(behind, FRONT, "<anonymous@mailman.example>", "Subject: Who am I?")["held"]


@pytest.mark.parametrize(
    ("sender", "subject"),
    [
        ("general-request@lists.mailman.example", "General Digest, Vol 1, Issue 2"),
        ("general-bounces@lists.mailman.example", "Your message to General awaits moderator approval"),
        ("general-confirm+0a1b@lists.mailman.example", "Your confirmation is needed to join the list"),
        ("general-owner@lists.mailman.example", "You have been unsubscribed"),
        ("other-bounces@lists.mailman.example", "Your message to Other awaits moderator approval"),
        ("noreply@lists.mailman.example", "Request to mailing list General rejected"),
    ],
)
def test_what_mailman_says_itself_opens_no_ticket(behind: Community, sender: str, subject: str) -> None:
    lines = (
        *_OF_A_POST[:1],
        f"From: {sender}",
        f"To: {LIST}",
        "Message-ID: <m@m.example>",
        f"Subject: {subject}",
    )
    done = behind.inject("\n".join((*lines, "", "Text.", "")).encode(), [LIST], PATH)
    assert (done["disposition"], done["ticket"], done["held"]) == ("auto_reply", None, False)
    assert behind.tickets() == []


def test_a_person_at_mailmans_host_is_a_person(behind: Community) -> None:
    for number, author in enumerate(("list-owner@lists.mailman.example", "joe@lists.mailman.example")):
        assert post(behind, author, f"<{number}@m.example>", f"Subject: Question {number}")["created"]


def test_our_copy_that_comes_back_by_mailman_is_refused(behind: Community) -> None:
    post(behind, CID, "<q@c.example>", "Subject: Jobs vanish")
    post(behind, ANN, "<a@uni.example>", "Subject: Re: Jobs vanish", "In-Reply-To: <q@c.example>")
    copy = behind.last_copy(CID, "<a@uni.example>")
    raw = "\n".join(_OF_A_POST).encode() + b"\n" + copy.content.replace(b"\r\n", b"\n")
    assert behind.inject(raw, [LIST], PATH)["reply"] == "554 5.4.6 This is a mail of ours come back"


def test_no_digest_and_no_reminder_goes_to_subscribers(behind: Community) -> None:
    behind.subscribe("eve@e.example", "digest")
    post(behind, CID, "<q@c.example>", "Subject: Jobs vanish")
    behind.pass_time(days=2)
    behind.pass_time(days=2)
    assert behind.bag.copies == []


def test_nothing_is_sent_to_the_list_in_front(behind: Community) -> None:
    for address in (FRONT, "general-request@lists.mailman.example", "General@Lists.Mailman.Example"):
        direct(behind, CID, f"<{address}>", "Subject: Jobs vanish", f"Cc: {address}")
    behind.put_rules(f'[[rule]]\nname="x"\nphase="route"\nwhen="subject:vanish"\nthen=["nosy+={FRONT}"]\n')
    direct(behind, CID, "<q@c.example>", "Subject: Other jobs vanish")
    direct(behind, BOB, "<a@b.example>", "Subject: Re: Other jobs vanish", "In-Reply-To: <q@c.example>")
    assert {copy.recipient for copy in behind.bag.copies} == {CID}


def test_without_a_front_the_list_is_ours_again(behind: Community) -> None:
    listed = json.loads(succeed(behind, "list", "--json"))
    assert listed["front"] == f"mailman {FRONT}"
    succeed(behind, "set", "osg-general", "--front", "none")
    direct(behind, CID, "<q@c.example>", "Subject: Jobs vanish")
    assert sorted(copy.recipient for copy in behind.bag.copies) == [ANN, DAN]


def test_a_front_without_a_name_is_any_list_that_is_believed(community: Community) -> None:
    assert "mail.list_servers" in succeed(community, "set", "osg-general", "--front", "mailman")
    community.believe(["lists.mailman.example"])
    community.subscribe(ANN)
    post(community, CID, "<q@c.example>", "Subject: Jobs vanish")
    post(community, ANN, "<a@uni.example>", "Subject: Re: Jobs vanish", "In-Reply-To: <q@c.example>")
    post(community, CID, "<c@c.example>", "Subject: Re: Jobs vanish", "In-Reply-To: <a@uni.example>")
    assert [told(community, one) for one in ("<q@c.example>", "<a@uni.example>", "<c@c.example>")] == [
        [],
        [CID],
        [],
    ]


@pytest.mark.parametrize("wish", ["subscribe", "unsubscribe", "set delivery none"])
def test_who_is_on_the_list_is_up_to_mailman(behind: Community, wish: str) -> None:
    request = "osg-general-request@lists.example.org"
    before = succeed(behind, "members", "osg-general")
    fields = f"From: {DAN}\nTo: {request}\nSubject: {wish}\nMessage-ID: <wish@d.example>\n\n"
    behind.inject(fields.encode(), [request])
    [answer] = [copy.content.decode() for copy in behind.bag.copies if copy.recipient == DAN]
    assert "general-request@lists.mailman.example" in " ".join(answer.split())
    assert succeed(behind, "members", "osg-general") == before
