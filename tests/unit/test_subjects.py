"""Subjects: the base that is compared, the title that is shown."""

from __future__ import annotations

import pytest

from mailgate.threads.subjects import read_subject


@pytest.mark.parametrize(
    ("subject", "title"),
    [
        (
            "Re: [OSG-INT] How to get main ML site to recognize a CE",
            "How to get main ML site to recognize a CE",
        ),
        ("[ceph-users] Re: AW: Slow requests", "Slow requests"),
        ("Re: [OSG #42] Site down", "Site down"),
        ("[OSG] Site down", "Site down"),
        ("[PATCH 2/3] Fix the gatekeeper", "[PATCH 2/3] Fix the gatekeeper"),
        ("Re: [urgent] Site down", "[urgent] Site down"),
        ("[CMS] Jobs held", "[CMS] Jobs held"),
        ("[#12] Site down", "[#12] Site down"),
        ("[EXTERNAL] Re: Site down [EXTERNAL]", "Site down"),
        ("R: drive is full", "R: drive is full"),
        ("[OSG]", "[OSG]"),
        ("  Site \t down  ", "Site down"),
        ("", ""),
    ],
)
def test_a_title_keeps_what_tells_a_person_something(subject: str, title: str) -> None:
    assert read_subject(subject, "OSG").title == title


@pytest.mark.parametrize(
    "subject",
    [
        "Re: Site down",
        "RE: re: Re : Site down",
        "Re[2]: Site down",
        "Re(3): Re^2: RE*4: Site down",
        "AW: Antw: SV: Site down",
        "答复: 回复： Site down",
        "R: Re: Site down",
        "[osg-int] Re: Site down",
        "Re: [OSG #42] [rt.center.example #6] Site down!",
        "RE: [EXTERNAL] site   down?",
        "Ynt: Odp: ＳＩＴＥ down [EXTERNAL]",
    ],
)
def test_answers_in_many_languages_share_a_base(subject: str) -> None:
    reading = read_subject(subject, "OSG")
    assert (reading.base, reading.is_reply, reading.is_forward) == ("site down", True, False)


@pytest.mark.parametrize("subject", ["Fwd: Site down", "FW: Site down", "WG: Site down", "转发: Site down"])
def test_a_forward_is_no_reply(subject: str) -> None:
    reading = read_subject(subject, "OSG")
    assert (reading.base, reading.is_reply, reading.is_forward) == ("site down", False, True)


@pytest.mark.parametrize(
    "subject", ["Return of the queue", "Results: all good", "Ref", "Research: storage", "Reading"]
)
def test_words_that_begin_like_a_prefix_are_words(subject: str) -> None:
    reading = read_subject(subject, "OSG")
    assert (reading.base, reading.is_reply) == (subject.casefold(), False)


def test_a_single_letter_is_a_prefix_only_for_whoever_knows_the_rest() -> None:
    reading = read_subject("R: Drive is full", "OSG")
    assert (reading.base, reading.letter_base, reading.is_reply) == (
        "r: drive is full",
        "drive is full",
        False,
    )


def test_only_our_own_tag_names_tickets_leftmost_first() -> None:
    reading = read_subject("Re: [osg #42] [RT #6] [#7] about [OSG #0017]", "OSG")
    assert reading.tag_numbers == (42, 17)


def test_a_tag_may_hold_what_a_pattern_would_mind() -> None:
    assert read_subject("[C++ (x #42] [C++ (x #7]", "C++ (x").tag_numbers == (42, 7)


def test_a_number_no_database_holds_is_no_tag() -> None:
    assert read_subject("[OSG #99999999999999999999]", "OSG").tag_numbers == ()


def test_the_old_topic_stands_in_the_was() -> None:
    reading = read_subject("New topic (was: Re: [OSG #42] Old topic)", "OSG")
    assert (reading.base, reading.was_old, reading.tag_numbers) == ("new topic", "old topic", ())


@pytest.mark.parametrize(
    "subject", ["", "Re:", "hi", "Help!", "(no subject)", "RE: Test", "Question", "[OSG #42]"]
)
def test_some_subjects_name_no_topic(subject: str) -> None:
    assert read_subject(subject, "OSG").generic


def test_a_digest_names_no_topic() -> None:
    assert read_subject("Re: OSG-INT Digest, Vol 106, Issue 21", "OSG").generic


def test_a_topic_is_not_generic() -> None:
    assert not read_subject("Question about xrootd", "OSG").generic


def test_only_the_beginning_of_an_endless_subject_is_read() -> None:
    assert read_subject("Re: " * 1_000_000 + "[OSG #1]", "OSG").tag_numbers == ()


@pytest.mark.parametrize(
    "piece", ["Re: ", "[a] ", "(was: ", "[was [", "R: ", "[OSG #", "﷽", "İ", "*EXTERNAL"]
)
def test_a_hostile_subject_is_read_like_any_other(piece: str) -> None:
    assert len(read_subject(piece * 1000, "OSG").base) <= 4000


def test_tags_of_all_our_lists_name_tickets() -> None:
    reading = read_subject("Re: [INT #42] [OSG #7] [RT #6] Disk full", "OSG", "OSG", "INT")
    assert (reading.tag_numbers, reading.base, reading.title) == ((42, 7), "disk full", "[RT #6] Disk full")


def test_the_word_of_another_list_in_brackets_stays_in_the_title() -> None:
    assert read_subject("[INT] Disk full", "OSG", "INT").title == "[INT] Disk full"


@pytest.mark.parametrize(
    ("subject", "passes_on"),
    [
        ("Fwd: x", True),
        ("[OSG #4] WG: x", True),
        ("Fwd: Re: Fwd: x", True),
        ("I: Re: x", True),
        ("Re: Fwd: x", False),
        ("R: Fwd: x", False),
        ("Re: x", False),
        ("x", False),
    ],
)
def test_the_outermost_prefix_says_whether_it_is_a_forward(subject: str, passes_on: bool) -> None:
    assert read_subject(subject, "OSG").passes_on is passes_on


@pytest.mark.parametrize(
    ("language", "prefix"),
    [
        ("English", "Re:"),
        ("German", "AW:"),
        ("German, old", "Antw:"),
        ("Swedish, Norwegian, Danish", "SV:"),
        ("Finnish", "VS:"),
        ("Hungarian", "Vá:"),
        ("French", "Réf :"),
        ("Spanish and Portuguese", "RES:"),
        ("Italian", "RIF:"),
        ("Polish", "Odp:"),
        ("Turkish", "Ynt:"),
        ("Turkish, in full", "Yanıt:"),
        ("Romanian", "REF:"),
        ("Greek", "ΑΠ:"),
        ("Greek, about", "ΣΧΕΤ:"),
        ("Russian", "На:"),
        ("Russian, answer", "Ответ:"),
        ("Hebrew", "השב:"),
        ("Chinese, simplified", "回复："),
        ("Chinese, simplified, also", "答复:"),
        ("Chinese, traditional", "回覆:"),
        ("Chinese, traditional, also", "答覆："),
        ("Japanese", "返信:"),
        ("counted", "Re[3]:"),
        ("stacked", "AW: Re: Odp:"),
    ],
)
def test_an_answer_is_known_in_each_language(language: str, prefix: str) -> None:
    reading = read_subject(f"{prefix} Site down", "OSG")
    assert (language, reading.base, reading.is_reply) == (language, "site down", True)


@pytest.mark.parametrize(
    ("language", "prefix"),
    [
        ("English", "Fwd:"),
        ("English, short", "FW:"),
        ("German", "WG:"),
        ("French", "TR:"),
        ("Spanish", "RV:"),
        ("Portuguese", "ENC:"),
        ("Finnish", "VL:"),
        ("Dutch", "Doorst:"),
        ("Greek", "ΠΡΘ:"),
        ("Hungarian", "Továbbítás:"),
        ("Chinese, simplified", "转发："),
        ("Chinese, traditional", "轉寄:"),
        ("Japanese", "転送:"),
    ],
)
def test_a_forward_is_known_in_each_language(language: str, prefix: str) -> None:
    reading = read_subject(f"{prefix} Site down", "OSG")
    assert (language, reading.base, reading.is_forward) == (language, "site down", True)


@pytest.mark.parametrize(
    "subject",
    [
        "SOLVED: Site down",
        "Re: Site down [solved]",
        "Site down (closed)",
        "Site down - erledigt",
        "résolu: Site down",
    ],
)
def test_that_it_is_solved_is_no_part_of_a_subject(subject: str) -> None:
    assert read_subject(subject, "OSG").base == "site down"


@pytest.mark.parametrize("subject", ["Solved problems of storage", "Site closed", "Fixed quota", "solved"])
def test_solved_may_be_a_word_of_the_subject(subject: str) -> None:
    assert read_subject(subject, "OSG").base == subject.casefold()
