"""Mails that name nothing: placed by their subject and one more sign, or not at all."""

from __future__ import annotations

from tests.support.community import LIST, Community

QUESTION = "The door of our storage refuses every transfer since the update of Tuesday night."


def send(community: Community, sender: str, subject: str, text: str, **fields: str) -> object:
    """The ticket that a mail comes to, an hour after the one before."""
    community.clock.pass_by(hours=1)
    lines = [f"From: {sender}@a.example", f"To: {LIST}", f"Subject: {subject}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return community.inject("\n".join([*lines, "", text, ""]).encode(), [LIST])["ticket"]


def test_the_same_question_asked_again_from_another_address_joins(community: Community) -> None:
    first = send(community, "ann", "Storage door refuses", QUESTION)
    assert send(community, "ann.at.home", "Storage door refuses", QUESTION + " Anybody?") == first


def test_the_same_notice_a_week_later_is_a_ticket_of_its_own(community: Community) -> None:
    first = send(community, "ann", "Meeting of the operators", QUESTION)
    community.clock.pass_by(days=7)
    assert send(community, "ann", "Meeting of the operators", QUESTION) != first


def test_another_question_under_a_known_title_is_a_ticket_of_its_own(community: Community) -> None:
    first = send(community, "ann", "Storage door refuses", QUESTION)
    assert send(community, "bob", "Storage door refuses", "Ours does too, but for a year now.") != first


def test_who_takes_part_goes_on_without_any_mark_once_somebody_answered(community: Community) -> None:
    first = send(community, "ann", "Storage door refuses", QUESTION)
    send(community, "bob", "Re: Storage door refuses", "Which version is it?")
    assert send(community, "ann", "Storage door refuses", "It is the newest one.") == first


def test_an_author_whom_nobody_answered_asks_something_new(community: Community) -> None:
    first = send(community, "ann", "Storage door refuses", QUESTION)
    assert send(community, "ann", "Storage door refuses", "Today it is another door.") != first


def test_an_unmarked_answer_is_known_by_what_it_quotes(community: Community) -> None:
    first = send(community, "ann", "Storage door refuses", QUESTION)
    community.clock.pass_by(days=12)
    text = f"Restart it.\n\nOn Monday, ann wrote:\n> {QUESTION}"
    assert send(community, "bob", "Storage door refuses", text) == first


def test_an_unmarked_answer_may_quote_without_marks(community: Community) -> None:
    first = send(community, "ann", "Storage door refuses", QUESTION)
    community.clock.pass_by(days=12)
    assert send(community, "bob", "Storage door refuses", f"Restart it.\n\n{QUESTION}") == first


def test_a_forward_by_one_who_takes_part_comes_to_the_ticket(community: Community) -> None:
    first = send(community, "ann", "Storage door refuses", QUESTION)
    assert send(community, "ann", "FW: Storage door refuses", "Any news?") == first


def test_a_forward_by_a_stranger_is_a_ticket_of_its_own(community: Community) -> None:
    first = send(community, "ann", "Storage door refuses", QUESTION)
    assert send(community, "bob", "FW: Storage door refuses", "For your information.") != first


def test_an_answer_after_two_months_needs_a_quote(community: Community) -> None:
    first = send(community, "ann", "Storage door refuses", QUESTION)
    community.clock.pass_by(days=60)
    assert send(community, "bob", "Re: Storage door refuses", f"> {QUESTION}\n\nSame here.") == first


def test_an_answer_after_two_months_without_a_quote_is_new(community: Community) -> None:
    first = send(community, "ann", "Storage door refuses", QUESTION)
    community.clock.pass_by(days=60)
    assert send(community, "bob", "Re: Storage door refuses", "Same here.") != first


def test_a_single_letter_answers_where_there_is_such_a_ticket(community: Community) -> None:
    first = send(community, "ann", "Storage door refuses", QUESTION)
    assert send(community, "bob", "R: Storage door refuses", "Restart it.") == first


def test_an_answer_to_a_retitled_answer_finds_it(community: Community) -> None:
    first = send(community, "ann", "Storage door refuses", QUESTION, Message_ID="<1@a.example>")
    send(community, "bob", "Re: Certificates of doors", "Look there.", In_Reply_To="<1@a.example>")
    assert send(community, "cat", "Re: Certificates of doors", "That was it.") == first


def test_a_new_version_of_a_patch_is_a_ticket_of_its_own(community: Community) -> None:
    first = send(community, "ann", "[PATCH] door: refuse less", QUESTION)
    assert send(community, "ann", "[PATCH v2] door: refuse less", QUESTION) != first


def test_an_answer_finds_its_version_of_a_patch(community: Community) -> None:
    send(community, "ann", "[PATCH] door: refuse less", QUESTION)
    second = send(community, "ann", "[PATCH v2] door: refuse less", QUESTION)
    assert send(community, "bob", "Re: [list-name] [PATCH v2] door: refuse less", "Fine.") == second


def test_the_pieces_of_a_series_that_lost_their_references_stay_together(community: Community) -> None:
    ids = [f"<20260302090000.4711-{n}-ann@a.example>" for n in (1, 2)]
    first = send(community, "ann", "[PATCH 1/2] door: refuse less", "One.", Message_ID=ids[0])
    assert send(community, "ann", "[PATCH 2/2] door: open more", "Two.", Message_ID=ids[1]) == first


def test_a_discussion_that_drifts_keeps_its_ticket(community: Community) -> None:
    first = send(community, "ann", "Storage door refuses", QUESTION, Message_ID="<1@a.example>")
    subject = "Version of the storage door (was: Storage door refuses)"
    assert send(community, "bob", subject, "Which is it?", In_Reply_To="<1@a.example>") == first


def test_a_title_with_words_put_before_it_is_still_that_title(community: Community) -> None:
    first = send(community, "ann", "Storage door refuses", QUESTION, Message_ID="<1@a.example>")
    subject = "about certificates. Storage door refuses"
    assert send(community, "bob", subject, "Look there.", In_Reply_To="<1@a.example>") == first
