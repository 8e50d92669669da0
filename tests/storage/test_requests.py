"""What is asked of a list by mail: subscribing with confirmation, wishes, searching, help."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest
from sqlalchemy import Connection

from tests.support.community import LIST, Community
from tracker.people import normalise_address
from tracker.storage import people, queues, roles

EVE = "eve@experts.example"
REQUEST = "osg-general-request@lists.example.org"
SUBSCRIBE = "osg-general-subscribe@lists.example.org"
UNSUBSCRIBE = "osg-general-unsubscribe@lists.example.org"

_count = iter(range(10_000))


def mail(subject: str, text: str = "", sender: str = EVE, to: str = REQUEST) -> bytes:
    head = f"From: {sender}\nTo: {to}\nSubject: {subject}\nMessage-ID: <r{next(_count)}@x.example>\n"
    return f"{head}\n{text}\n".encode()


def to(community: Community, address: str) -> list[EmailMessage]:
    found = [copy.content for copy in community.bag.copies if copy.recipient == address]
    return [email.message_from_bytes(one, policy=email.policy.default) for one in found]  # type: ignore[misc]


def words(message: EmailMessage) -> str:
    return " ".join(str(message.get_content()).split())


def reply(message: EmailMessage, sender: str, text: str = "") -> tuple[bytes, str]:
    address = message["Reply-To"].addresses[0].addr_spec
    return mail(f"Re: {message['Subject']}", text, sender, address), address


def ask(community: Community, subject: str, text: str = "", sender: str = EVE, trust: str = "") -> str:
    """What the answer to a request says."""
    before = len(to(community, sender))
    community.inject(mail(subject, text, sender), [REQUEST], trust=trust)
    answers = to(community, sender)[before:]
    return words(answers[-1]) if answers else ""


@pytest.fixture
def house(community: Community) -> Community:
    community.add_member(EVE)
    community.subscribe(EVE, "all")
    return community


def confirm(community: Community, sender: str) -> None:
    raw, address = reply(to(community, sender)[-1], sender)
    community.inject(raw, [address])


@pytest.mark.parametrize("address", [SUBSCRIBE, "osg-general+subscribe@lists.example.org", REQUEST])
def test_who_asks_to_be_on_the_list_is_after_an_answer_from_there(community: Community, address: str) -> None:
    community.inject(mail("subscribe", "", "new@x.example", address), [address])
    (asked,) = to(community, "new@x.example")
    assert asked["Subject"] == "Confirm: subscribe"
    assert asked["Auto-Submitted"] == "auto-replied"
    assert community.members() == []
    confirm(community, "new@x.example")
    assert community.members() == [("new@x.example", "all")]
    assert "Welcome to osg-general@lists.example.org" in words(to(community, "new@x.example")[-1])


def test_an_answer_from_another_address_confirms_nothing(community: Community) -> None:
    community.inject(mail("subscribe", "", "new@x.example", SUBSCRIBE), [SUBSCRIBE])
    raw, address = reply(to(community, "new@x.example")[-1], "mallory@x.example")
    community.inject(raw, [address])
    assert community.members() == []
    assert to(community, "mallory@x.example") == []


def test_an_answer_with_other_words_confirms_nothing(community: Community) -> None:
    community.inject(mail("subscribe", "", "new@x.example", SUBSCRIBE), [SUBSCRIBE])
    asked = to(community, "new@x.example")[-1]
    address = asked["Reply-To"].addresses[0].addr_spec
    community.inject(mail("Re: Confirm: unsubscribe", "", "new@x.example", address), [address])
    assert community.members() == []


def test_a_confirm_mail_holds_for_a_week(community: Community) -> None:
    community.inject(mail("subscribe", "", "new@x.example", SUBSCRIBE), [SUBSCRIBE])
    community.clock.pass_by(days=15)
    confirm(community, "new@x.example")
    assert community.members() == []


def test_an_address_is_asked_once_a_day_whoever_mails_for_it(community: Community) -> None:
    for _ in range(20):
        community.inject(mail("subscribe", "", "victim@x.example", SUBSCRIBE), [SUBSCRIBE], trust="none")
        community.inject(mail("help", "", "victim@x.example"), [REQUEST], trust="none")
    assert len(to(community, "victim@x.example")) == 1
    community.clock.pass_by(days=1, minutes=1)
    community.inject(mail("help", "", "victim@x.example"), [REQUEST], trust="none")
    assert len(to(community, "victim@x.example")) == 2


def test_a_forged_unsubscribe_asks_its_person(house: Community) -> None:
    house.inject(mail("unsubscribe", "", EVE, UNSUBSCRIBE), [UNSUBSCRIBE], trust="none")
    assert house.members() == [(EVE, "all")]
    confirm(house, EVE)
    assert house.members() == []


def test_who_is_believed_leaves_at_once_and_hears_so(house: Community) -> None:
    assert f"{EVE} is off osg-general@lists.example.org" in ask(house, "unsubscribe")
    assert house.members() == []


@pytest.mark.parametrize("wish", ["new", "digest", "none", "all"])
def test_delivery_is_set(house: Community, wish: str) -> None:
    assert "You get from osg-general@lists.example.org" in ask(house, "", f"set delivery {wish}\n\nThanks")
    assert house.members() == [(EVE, wish)]


def test_a_topic_s_openings_come_once_also_when_it_is_said_later(house: Community) -> None:
    ask(house, "set delivery topics Upgrade, xrootd")
    before = len(to(house, EVE))
    house.inject(mail("One", "no topic", "una@x.example", LIST), [LIST])
    assert len(to(house, EVE)) == before
    topic = "osg-general+topic.upgrade@lists.example.org"
    house.inject(mail("Two", "with topic", "una@x.example", topic), [topic])
    house.inject(mail("Re: Two", "more", "ben@x.example"), ["osg-general+2@lists.example.org"])
    assert [one["Subject"] for one in to(house, EVE)[before:]] == ["Two"]
    house.set_topic(1, "xrootd")
    assert [one["Subject"] for one in to(house, EVE)[before:]] == ["Two", "One"]


def test_a_closed_topic_takes_no_more(house: Community) -> None:
    topic = "osg-general+topic.upgrade@lists.example.org"
    house.inject(mail("Two", "with topic", "una@x.example", topic), [topic])
    assert "upgrade: 1 tickets" in ask(house, "topics")
    assert "topics are closed by staff" in ask(house, "close topic upgrade")
    house.add_center("USCMS")
    house.add_staff("USCMS", EVE)
    assert "The topic upgrade is closed" in ask(house, "close topic upgrade")
    house.inject(mail("Three", "with topic", "una@x.example", topic), [topic])
    assert house.ticket(2)["topic"] is None


def test_centers_of_ones_choice(house: Community) -> None:
    house.add_center("USCMS")
    assert "did you mean 'USCMS'" in ask(house, "set delivery centers USCSM")
    ask(house, "set delivery centers uscms")
    before = len(to(house, EVE))
    house.inject(mail("One", "hm", "una@x.example", LIST), [LIST])
    assert len(to(house, EVE)) == before
    house.hand_to(1, "USCMS")
    assert [one["Subject"] for one in to(house, EVE)[before:]] == ["One"]


def test_on_vacation_the_list_is_silent_but_not_ones_own_tickets(house: Community) -> None:
    assert "before 2026-03-10" in ask(house, "set vacation until 2026-03-10")
    before = len(to(house, EVE))
    house.inject(mail("One", "hm", "una@x.example", LIST), [LIST])
    house.inject(mail("Mine", "hm", EVE, LIST), [LIST])
    house.inject(mail("Re: Mine", "yes?", "una@x.example"), ["osg-general+2@lists.example.org"])
    assert [one["Subject"] for one in to(house, EVE)[before:]] == ["Re: [OSG #2] Mine"]
    house.clock.pass_by(days=9)
    house.inject(mail("Three", "hm", "una@x.example", LIST), [LIST])
    assert to(house, EVE)[-1]["Subject"] == "Three"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("set delivery everything", "is none of all, new, digest"),
        ("set vacation until tomorrow", "write it as 2026-12-24"),
        ("set vacation until 2020-01-01", "name a day to come"),
        ("set digest yearly", "'yearly' is neither plain nor mime"),
        ("set timezone Europe/Zuerich", "did you mean 'Europe/Zurich'"),
        ("search (xrootd", "Not done: column"),
        ("serach xrootd", "did you mean 'search'"),
        ("set delivry new", "did you mean 'set delivery'"),
    ],
)
def test_what_is_not_understood_is_answered_with_why(house: Community, line: str, answer: str) -> None:
    assert answer in ask(house, line)


def test_a_letter_to_the_request_address_is_for_people(house: Community) -> None:
    result = house.inject(mail("My account", "Dear all,\n\nI lost my account.\n" * 8), [REQUEST])
    assert result["held"] is True


def test_settings_say_how_all_stands(house: Community) -> None:
    ask(house, "", "set name Eve Adams\nset timezone europe/zurich\nset copies on\nset format html")
    said = ask(house, "settings")
    for part in ("Name: Eve Adams", "Time zone: Europe/Zurich", "Format: html", "name you: on", "every post"):
        assert part in said


def test_another_address_becomes_ones_own_by_an_answer_from_there(house: Community) -> None:
    house.inject(mail("Home", "from home", "eve@home.example", LIST), [LIST])
    assert "A mail went to eve@home.example" in ask(house, "address eve@home.example")
    confirm(house, "eve@home.example")
    house.inject(mail("Re: Home", "and?", "una@x.example"), ["osg-general+1@lists.example.org"])
    (told,) = [one for one in house.bag.copies if b"and?" in one.content and "eve@" in one.recipient]
    assert told.recipient == EVE


def test_private_tickets_are_found_by_who_may_see_them_only(house: Community) -> None:
    private = "osg-general+private@lists.example.org"
    house.inject(mail("Secret xrootd", "xrootd", "una@x.example", private), [private])
    house.inject(mail("Open xrootd", "xrootd", "una@x.example", LIST), [LIST])
    assert "Secret" not in ask(house, "search xrootd")
    assert "#1 new Open xrootd" in ask(house, "search xrootd")
    assert "Secret" not in ask(house, "queue")
    assert "Secret xrootd" in ask(house, "queue", sender="una@x.example", trust="aligned")
    assert "Secret" not in ask(house, "queue", sender="una@x.example", trust="none")


def test_help_names_what_can_be_asked(house: Community) -> None:
    assert "set delivery WHAT" in ask(house, "help")
    assert "set delivery WHAT" in ask(house, "help", sender="stranger@x.example", trust="none")


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("unsubscribe", ""),
        ("Re: [OSG #7] Disk", "Please unsubscribe me!"),
        ("", "remove me from this list, thanks"),
    ],
)
def test_a_post_that_only_says_unsubscribe_is_none_and_is_answered_with_how(
    house: Community, subject: str, text: str
) -> None:
    result = house.inject(mail(subject, text, EVE, LIST), [LIST])
    assert (result["ticket"], result["disposition"]) == (None, "command")
    assert to(house, EVE)[-1]["Subject"] == "Confirm: unsubscribe"
    confirm(house, EVE)
    assert house.members() == []


def test_a_question_about_unsubscribing_is_a_post(house: Community) -> None:
    result = house.inject(
        mail("unsubscribe", "How does a script unsubscribe from the queue?", EVE, LIST), [LIST]
    )
    assert result["ticket"] == 1


def test_who_wants_html_gets_it_beside_the_text(house: Community) -> None:
    house.inject(mail("Mine", "hm", EVE, LIST), [LIST])
    ask(house, "set format html")
    house.inject(
        mail("Re: Mine", "See https://x.example/a", "una@x.example"), ["osg-general+1@lists.example.org"]
    )
    copy = to(house, EVE)[-1]
    assert [part.get_content_type() for part in copy.iter_parts()] == ["text/plain", "text/html"]
    assert '<a href="https://x.example/a">' in copy.get_body(("html",)).get_content()  # type: ignore[union-attr]


# What no answer to a mail may do.


def become_one(community: Community, other: str) -> str:
    """Eve asks for an address, whose reader confirms; gives the last answer to them."""
    community.add_member(EVE)
    community.inject(mail(f"address {other}"), [REQUEST])
    confirm(community, other)
    return words(to(community, other)[-1])


def test_rights_do_not_go_over_with_an_address(community: Community) -> None:
    community.add_center("CMS", "cms@c.example", staff=["sam@c.example"])
    community.add_member("mo@x.example")

    def give(connection: Connection) -> None:
        mo = people.find(connection, normalise_address("mo@x.example"))
        roles.make_moderator(connection, mo.id, queues.everyone(connection)[0].id)

    community.app.write(give)
    for other in ("sam@c.example", "mo@x.example", "cms@c.example"):
        assert "is yours, too" not in become_one(community, other), other
    assert "is yours, too" in become_one(community, "plain@x.example")


@pytest.mark.parametrize(
    "asked",
    [
        "interest see https://evil.example/ now",
        "set delivery topics evil.example",
        "set vacation " + "x" * 80,
    ],
)
def test_nobody_has_us_mail_their_words_to_a_member(house: Community, asked: str) -> None:
    house.inject(mail(asked), [REQUEST], trust="none")
    (answer,) = to(house, EVE)
    assert "evil" not in answer.as_string()
    assert "xxx" not in answer.as_string()


def test_what_is_plain_can_be_confirmed(house: Community) -> None:
    house.inject(mail("set timezone Europe/Zurich"), [REQUEST], trust="none")
    assert to(house, EVE)[-1]["Subject"] == "Confirm: set timezone Europe/Zurich"
