"""Profiles of other trackers: what is read with them, and how a wrong one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailgate.apart import read_message
from mailgate.exchange.profiles import read_profile, usual_number
from tracker.model import BadValue, Status

NUMBER = "[number]\nsubject = ['#(\\d+)']\n"
SHIPPED = Path(__file__).parents[2] / "config" / "exchange"


def shipped(name: str) -> str:
    return (SHIPPED / f"{name}.toml").read_text()


def message(subject: str, text: str = "", fields: str = "") -> bytes:
    return f"From: t@bnl.example\r\nSubject: {subject}\r\n{fields}\r\n{text}\r\n".encode()


@pytest.mark.parametrize(
    ("profile", "subject", "fields", "number"),
    [
        ("rt", "[rt.example #4711] disk", "", "4711"),
        ("rt", "Re: [bnl queue #6] disk", "", "6"),
        ("rt", "disk", "RT-Ticket: rt.example #17\r\n", "17"),
        ("rt", "a subject without a number sign 4711", "", None),
        ("ggus", "NOTIFICATION of GGUS-Ticket-ID: #40637 UPDATE", "", "40637"),
        ("ggus", "GGUS-Ticket-ID: 40637", "", "40637"),
        ("mailgate", "Re: [OSG #12] disk", "", "12"),
        ("mailgate", "disk", "X-Mailgate-Ticket: 13\r\n", "13"),
        ("mailgate", "disk", "X-Mailgate-Ticket: 13 and more\r\n", None),
    ],
)
def test_where_the_number_stands(profile: str, subject: str, fields: str, number: str | None) -> None:
    read = read_profile(shipped(profile))
    assert read.read_number(read_message(message(subject, fields=fields))) == number


@pytest.mark.parametrize(
    ("profile", "text", "fields", "status"),
    [
        ("rt", "Status: resolved", "", ("resolved", Status.RESOLVED)),
        ("rt", "Status: stalled", "", ("stalled", Status.WAITING)),
        ("rt", "Status: odd", "", ("odd", None)),
        ("rt", "The Status: resolved is meant otherwise.", "", ("", None)),
        ("ggus", "STATUS: in progress", "", ("in progress", Status.OPEN)),
        ("mailgate", "", "X-Mailgate-Status: waiting\r\n", ("waiting", Status.WAITING)),
    ],
)
def test_what_its_words_for_the_status_mean(
    profile: str, text: str, fields: str, status: tuple[str, Status | None]
) -> None:
    assert read_profile(shipped(profile)).read_status(read_message(message("x", text, fields))) == status


@pytest.mark.parametrize(
    ("subject", "number"),
    [
        ("[bnl.gov #17] AutoReply: disk", "17"),
        ("Ticket ID: 40637 was opened", "40637"),
        ("ISSUE=49 PROJ=114 disk", "49"),
        ("[HELP-12] disk", "HELP-12"),
        ("Request #99 was received", "99"),
        ("Re: disk of 4711 bytes", None),
        ("Re: [OSG] disk", None),
    ],
)
def test_what_trackers_nobody_described_call_a_matter(subject: str, number: str | None) -> None:
    assert usual_number(read_message(message(subject))) == number


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[number]\nsubject = ['#(\\d+)']\n[stauts]\n", "stauts: unknown, expected one of"),
        ("about = 'x'", "number: say where its number stands"),
        ("[number]\nsubject = ['#\\d+']", "number.subject: expected one group around the value"),
        ("[number]\nsubject = ['(']", "is no pattern"),
        ("[number]\nsubject = '#(\\d+)'", "number.subject: expected a list of texts"),
        (
            "[number]\nsubject = ['#(\\d+)']\n[status]\ntheirs = {done = 'resolvd'}",
            "did you mean 'resolved'?",
        ),
        ("[number]\nsubject = ['#(\\d+)']\n[status]\nours = {done = 'x'}", "'done' is none of"),
        ("address = 'nowhere'\n[number]\nsubject = ['#(\\d+)']", "address: 'nowhere' is no address"),
        ("senders = ['nowhere']\n[number]\nsubject = ['#(\\d+)']", "senders: 'nowhere' is no address"),
        ("[number]\nsubject = ['#(\\d+)']\n[write]\ntag = '[x]'", "write.tag: expected {number}"),
        ("number = 7", "number: expected a table"),
        ("= what", "the profile is no TOML"),
        ("#" * 30_000, "at most 20000 characters"),
    ],
)
def test_a_wrong_profile_is_refused_with_key_and_expectation(content: str, says: str) -> None:
    with pytest.raises(BadValue) as refused:
        read_profile(content)
    assert says in str(refused.value)


def test_a_pattern_costs_linear_time() -> None:
    read = read_profile("[number]\nsubject = ['(?:a+)+#(\\d+)']")
    assert read.read_number(read_message(message("a" * 900 + "!"))) is None


def test_half_a_character_is_no_trouble() -> None:
    read = read_profile(shipped("rt"))
    assert read.read_number(read_message(message("=?utf-7?q?+2AA-?= [rt.example #5]"))) in ("5", None)
