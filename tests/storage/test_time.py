"""What happens when nothing happens: reminders, copies that came back, and a year of silence."""

from __future__ import annotations

import email
import email.policy
import gzip
from email.message import EmailMessage

import pytest

from mailgate import importing
from mailgate.scan import to_crlf
from tests.support.community import LIST, Community
from tests.support.grid import WHOLE
from tests.support.put_grid import put_grid
from tests.support.shared import shared_folder

RULES = """
[[rule]]
name = "private"
phase = "guard"
when = "secret"
then = ["private"]

[[rule]]
name = "south"
phase = "route"
when = "pilot or secret"
then = ["center+=SouthSC", "remind after 7d to center,list"]

[[rule]]
name = "nobody"
phase = "route"
when = "orphan"
then = ["cc+=gone@away.example"]
"""
SOUTH, READER, OWNER = "south@centers.example", "reader@people.example", "owner@home.example"


@pytest.fixture
def house(community: Community) -> Community:
    put_grid(community, WHOLE)
    community.put_rules(RULES)
    community.subscribe(READER, "new")
    community.own(OWNER)
    return community


def mail(number: int, text: str, subject: str = "", sender: str = "") -> bytes:
    author = sender or f"una{number}@people.example"
    head = f"From: {author}\nTo: {LIST}\nSubject: {subject or f'Matter {number}'}\n"
    return f"{head}Message-ID: <q{number}@x.example>\n\n{text}\n".encode()


def to(community: Community, address: str) -> list[EmailMessage]:
    found = [copy.content for copy in community.bag.copies if copy.recipient == address]
    return [email.message_from_bytes(one, policy=email.policy.default) for one in found]  # type: ignore[misc]


def words(message: EmailMessage) -> str:
    return " ".join(str(message.get_content()).split())


def days(community: Community, number: int) -> None:
    for _ in range(number):
        community.pass_time(days=1)


def test_silence_reminds_the_center_then_the_list_in_a_digest_and_then_ends(house: Community) -> None:
    house.inject(mail(1, "the pilot is stuck"))
    days(house, 6)
    assert len(to(house, SOUTH)) == 1
    days(house, 2)
    _, reminder = to(house, SOUTH)
    assert reminder["Subject"] == "Re: [OSG #1] Matter 1"
    assert "Nobody has answered this ticket" in words(reminder)
    assert len(to(house, READER)) == 1
    days(house, 7)
    _, digest = to(house, READER)
    assert digest["Subject"] == "[OSG] Tickets that wait for somebody: 1"
    assert "[OSG #1] Matter 1" in words(digest)
    days(house, 60)
    assert (len(to(house, SOUTH)), len(to(house, READER))) == (2, 2)
    assert [e["after"] for e in house.ticket(1)["history"] if e["kind"] == "reminded"] == [
        "center SouthSC",
        "list",
    ]


def test_an_answer_begins_the_silence_anew_and_a_resolved_ticket_is_left_alone(house: Community) -> None:
    house.inject(mail(1, "the pilot is stuck"))
    days(house, 5)
    house.inject(
        mail(2, "Still so.", "Re: Matter 1", "una1@people.example"), ["osg-general+1@lists.example.org"]
    )
    days(house, 6)
    assert len(to(house, SOUTH)) == 1
    days(house, 2)
    assert len(to(house, SOUTH)) == 2
    house.operate("resolve", 1)
    days(house, 60)
    assert len(to(house, SOUTH)) == 2


def test_several_silent_tickets_are_one_mail_to_their_center(house: Community) -> None:
    for number in (1, 2, 3):
        house.inject(mail(number, "the pilot is stuck", f"Stuck in way {number * 11}"))
    days(house, 8)
    *_, reminder = to(house, SOUTH)
    assert reminder["Subject"] == "[OSG] 3 tickets are silent"
    assert len(to(house, SOUTH)) == 4


def test_a_daemon_that_stood_still_for_a_month_reminds_once(house: Community) -> None:
    house.inject(mail(1, "the pilot is stuck"))
    house.pass_time(days=40)
    assert len(to(house, SOUTH)) == 2


def test_a_private_ticket_is_never_the_lists_affair(house: Community) -> None:
    opened = house.inject(mail(1, "a secret pilot"))
    days(house, 20)
    assert to(house, READER) == []
    assert f"Ticket {opened['ticket']} is silent" in str(to(house, OWNER)[0]["Subject"])


def test_a_copy_to_a_contact_that_comes_back_is_the_communitys(house: Community) -> None:
    house.inject(mail(1, "an orphan"))
    (copy,) = [one for one in house.bag.copies if one.recipient == "gone@away.example"]
    report = (
        b"From: MAILER-DAEMON@away.example\nTo: x@y.example\nSubject: Undelivered\nMIME-Version: 1.0\n"
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nNo such user.\n"
        b"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; away.example\n\n"
        b"Final-Recipient: rfc822; gone@away.example\nAction: failed\nStatus: 5.1.1\n\n--b--\n"
    )
    house.inject(report, [copy.reverse_path], "<>")
    house.inject(report, [copy.reverse_path], "<>")
    days(house, 1)
    _, digest = to(house, READER)
    assert "[OSG #1] Matter 1 whom it was routed to could not be reached" in words(digest)
    assert "gone@away.example" not in digest.as_string()
    assert [e["kind"] for e in house.ticket(1)["history"]].count("unreached") == 1
    days(house, 3)
    assert len(to(house, READER)) == 2


def test_of_a_private_ticket_the_owner_hears_that_nobody_was_reached(house: Community) -> None:
    opened = house.inject(mail(1, "a secret pilot"))
    house.fail_copies_to(SOUTH)
    days(house, 1)
    assert f"Ticket {opened['ticket']} reached nobody" in str(to(house, OWNER)[0]["Subject"])
    assert to(house, READER) == []


ARCHIVE = b"".join(
    b"From una Mon Mar  2 09:00:00 2020\n"
    + b"Date: Mon, 2 Mar 2020 09:00:00 +0000\n"
    + mail(number, "the pilot is stuck", f"Stuck in way {number * 11}")
    + b"\n"
    for number in range(1, 30)
)


@pytest.mark.parametrize("archive", ["own", "real"])
def test_an_archive_imported_and_a_year_on_nothing_goes_out(house: Community, archive: str) -> None:
    real = shared_folder() / "data" / "mail" / "dev.mbox.gz"
    if archive == "real" and not real.is_file():
        pytest.skip("needs ../shared or MAILGATE_SHARED")
    content = ARCHIVE if archive == "own" else gzip.decompress(real.read_bytes())
    mails = [to_crlf(one) for one in importing.split_mbox(content)]
    importing.import_mails(house.app, mails, None, lambda: None)
    assert len(house.tickets()) > 20
    for _ in range(13):
        house.pass_time(days=30)
    assert house.bag.copies == []
