"""Mail that comes back: points, suspension, probes, an end; complaints; and forgeries, which do nothing."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest

from mailgate import bouncing
from mailgate.bouncing import Weight, weight_of
from tests.support.community import LIST, Community
from tracker.people import normalise_address

JANE, SUE, OWNER = "jane@people.example", "sue@dead.example", "owner@lists.example.org"
_count = iter(range(100_000))


def post(community: Community, text: str = "It is full.", sender: str = JANE) -> None:
    raw = f"From: {sender}\nTo: {LIST}\nSubject: Disk {next(_count)}\n\n{text}\n".encode()
    community.inject(raw, [LIST])


def copies(community: Community, address: str) -> list[tuple[str, EmailMessage]]:
    """Reverse-path and mail of all that went to an address."""
    found = [(one.reverse_path, one.content) for one in community.bag.copies if one.recipient == address]
    return [(path, email.message_from_bytes(raw, policy=email.policy.default)) for path, raw in found]  # type: ignore[misc]


def dsn(to: str, recipient: str, status: str = "5.1.1", action: str = "failed") -> bytes:
    return (
        f"From: MAILER-DAEMON@mx.example\nTo: {to}\nSubject: Undelivered Mail Returned to Sender\n"
        f"Message-ID: <b{next(_count)}@mx.example>\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\n\n'
        "--x\nContent-Type: text/plain\n\nIt could not be delivered.\n"
        f"--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n\n--x--\n"
    ).encode()


def bounce(community: Community, address: str = SUE, status: str = "5.1.1", action: str = "failed") -> None:
    """The last mail to an address comes back."""
    path, _ = copies(community, address)[-1]
    community.inject(dsn(path, address, status, action), [path], mail_from="<>")


def suspended(community: Community, address: str = SUE) -> bool:
    found = community.app.read(lambda c: bouncing.find(c, normalise_address(address)))
    return found is not None and found.suspended_at is not None


@pytest.fixture
def house(community: Community) -> Community:
    community.own(OWNER)
    community.subscribe(SUE, "all")
    return community


def die(house: Community, days: int = 5) -> None:
    for _ in range(days):
        post(house)
        bounce(house)
        if suspended(house):
            return
        house.pass_time(days=1, minutes=1)


@pytest.mark.parametrize(
    ("report", "weight"),
    [
        ("failed 5.1.1", Weight.HARD),
        ("550 5.1.10 no such user", Weight.HARD),
        ("failed 5.2.1", Weight.HARD),
        ("failed 5.0.0", Weight.HARD),
        ("550 unknown", Weight.HARD),
        ("failed 5.2.2", Weight.SOFT),
        ("552 5.3.4 too large", Weight.SOFT),
        ("554 5.7.1 it looks like spam", Weight.SOFT),
        ("failed 4.4.1", Weight.SOFT),
        ("451 later", Weight.SOFT),
    ],
)
def test_what_a_bounce_weighs(report: str, weight: Weight) -> None:
    assert weight_of(report) is weight


def test_a_dead_mailbox_is_suspended_on_its_fourth_day_and_the_owner_hears_once(house: Community) -> None:
    die(house)
    assert suspended(house)
    sent = len(copies(house, SUE))
    post(house)
    assert len(copies(house, SUE)) == sent == 4
    house.pass_time(days=1)
    told = [mail for _, mail in copies(house, OWNER) if "came back" in mail["Subject"]]
    assert len(told) == 1
    assert f"{SUE} is suspended" in told[0].get_content()


def test_many_bounces_of_a_day_are_one(house: Community) -> None:
    for _ in range(20):
        post(house)
        bounce(house)
    assert not suspended(house)


def test_points_fade(house: Community) -> None:
    for _ in range(10):
        post(house)
        bounce(house)
        house.pass_time(days=7)
    assert not suspended(house)


def test_soft_bounces_take_longer_and_delays_count_nothing(house: Community) -> None:
    for _ in range(8):
        post(house)
        bounce(house, status="4.4.1", action="delayed")
        bounce(house, status="4.4.1")
        house.pass_time(days=1, minutes=1)
    assert not suspended(house)
    for _ in range(8):
        post(house)
        bounce(house, status="5.2.2")
        house.pass_time(days=1, minutes=1)
    assert suspended(house)


def test_one_delivery_counts_once(house: Community) -> None:
    post(house)
    for _ in range(10):
        bounce(house)
        house.pass_time(days=1, minutes=1)
    assert not suspended(house)


def test_a_probe_that_does_not_come_back_ends_it(house: Community) -> None:
    die(house)
    house.pass_time(days=1, hours=2)
    probe = copies(house, SUE)[-1][1]
    assert probe["Subject"] == "[OSG] Mail to you came back"
    house.pass_time(days=2)
    assert suspended(house)
    house.pass_time(days=1, hours=1)
    assert not suspended(house)
    post(house)
    assert copies(house, SUE)[-1][1]["Subject"].startswith("Disk")


def test_after_three_probes_it_is_off_the_list(house: Community) -> None:
    die(house)
    for _ in range(20):
        before = len(copies(house, SUE))
        house.pass_time(days=1, minutes=1)
        if len(copies(house, SUE)) > before:
            bounce(house)
    probes = [mail for _, mail in copies(house, SUE) if "came back" in mail["Subject"]]
    assert len(probes) == 3
    assert house.members() == []
    assert any("three probes" in mail.get_content() for _, mail in copies(house, OWNER))


def test_who_writes_lives(house: Community) -> None:
    die(house)
    post(house, sender=SUE)
    assert not suspended(house)


@pytest.mark.parametrize("forged", ["mac", "number", "none"])
def test_a_forged_bounce_does_nothing(house: Community, forged: str) -> None:
    for _ in range(10):
        post(house)
        path, _ = copies(house, SUE)[-1]
        local, _, domain = path.partition("@")
        number, _, mac = local.removeprefix("osg-general-bounces+").partition(".")
        wrong = {
            "mac": f"osg-general-bounces+{number}.{'a' * 16}@{domain}",
            "number": f"osg-general-bounces+{int(number) + 1}.{mac}@{domain}",
            "none": LIST,
        }[forged]
        house.inject(dsn(wrong, SUE), [wrong], mail_from="<>")
        house.pass_time(days=1, minutes=1)
    assert house.app.read(bouncing.everybody) == ()


def test_another_s_address_in_the_report_is_not_believed(house: Community) -> None:
    """The delivery says whose mail came back, whatever the report says."""
    house.subscribe("eve@x.example", "all")
    for _ in range(5):
        post(house)
        path, _ = copies(house, SUE)[-1]
        house.inject(dsn(path, "eve@x.example"), [path], mail_from="<>")
        house.pass_time(days=1, minutes=1)
    assert suspended(house)
    assert not suspended(house, "eve@x.example")


def complaint(path: str, recipient: str) -> bytes:
    return (
        f"From: fbl@isp.example\nTo: {path}\nSubject: Complaint\nMessage-ID: <f{next(_count)}@isp.example>\n"
        'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary="x"\n\n'
        "--x\nContent-Type: text/plain\n\nA complaint.\n"
        "--x\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\n"
        f"Original-Mail-From: <{path}>\nOriginal-Rcpt-To: <{recipient}>\n\n"
        "--x\nContent-Type: message/rfc822\n\nFrom: a@x.example\nSubject: Disk\n\nIt is full.\n--x--\n"
    ).encode()


def test_a_complaint_takes_its_reader_off_what_it_was_about(house: Community) -> None:
    post(house, sender="ben@people.example")
    house.inject(
        f"From: {JANE}\nSubject: Re: Disk\n\nMine, too.\n".encode(), ["osg-general+1@lists.example.org"]
    )
    for address in (SUE, "ben@people.example"):
        path, _ = copies(house, address)[-1]
        house.inject(complaint(path, address), ["osg-general-owner@lists.example.org"])
    assert house.members() == []
    assert "ben@people.example" not in house.ticket(1)["nosy"]
    house.pass_time(days=1, minutes=1)
    told = [mail.get_content() for _, mail in copies(house, OWNER) if "came back" in mail["Subject"]]
    assert "called our mail unwanted: it is off the list" in told[-1]


def test_a_forged_complaint_does_nothing(house: Community) -> None:
    post(house)
    path = f"osg-general-bounces+1.{'a' * 16}@lists.example.org"
    house.inject(complaint(path, SUE), ["osg-general-owner@lists.example.org"])
    assert house.members() == [(SUE, "all")]
