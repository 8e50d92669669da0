"""Tickets shared with a center's own tracker, by mail both ways (the traps are those of such exchanges)."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from mailgate.exchange import store
from mailgate.exchange.telling import MOST_AN_HOUR
from tests.support.community import LIST, Community

RT = "rt@bnl.example"
UNA = "una@people.example"
STAFF = "sam@bnl.example"
PROFILE = (Path(__file__).parents[2] / "config/exchange/rt.toml").read_text()
RULES = """
[[rule]]
name = "bnl"
phase = "route"
when = "dcache"
then = ["center+=BNL"]
"""


@pytest.fixture
def shared(community: Community) -> Community:
    """A community whose center BNL has a tracker of its own, an RT."""
    community.add_center("BNL", RT, staff=[STAFF])
    community.put_rules(RULES)
    community.secret = community.share("BNL", PROFILE)  # type: ignore[attr-defined]
    return community


def secret_of(community: Community) -> str:
    return str(community.secret)  # type: ignore[attr-defined]


def mail(
    key: str, text: str, sender: str = UNA, subject: str = "dcache is slow", fields: str = "", to: str = LIST
) -> bytes:
    head = f"From: {sender}\nTo: {to}\nSubject: {subject}\nMessage-ID: <{key}@x.example>\n{fields}"
    return f"{head}\n{text}\n".encode()


def reply(key: str, text: str, sender: str = UNA, to_id: str = "q1") -> bytes:
    return mail(key, text, sender, "Re: dcache is slow", f"In-Reply-To: <{to_id}@x.example>\n")


def from_rt(
    community: Community,
    key: str,
    text: str,
    number: int = 4711,
    subject: str = "",
    fields: str = "",
    trust: str = "",
    to: str = "",
) -> dict[str, object]:
    """A mail that the tracker sends to the secret address; a program's, as its fields say."""
    named = subject or f"[rt.example #{number}] dcache is slow"
    machine = "Auto-Submitted: auto-generated\nPrecedence: bulk\n"
    target = to or secret_of(community)
    content = mail(key, text, RT, named, machine + fields, target)
    return community.inject(content, [target], trust=trust)


def acknowledge(community: Community, number: int = 4711, opening: str = "q1") -> dict[str, object]:
    subject = f"[rt.example #{number}] AutoReply: [OSG #1] dcache is slow"
    return from_rt(
        community, f"ack{number}", "We have it.", number, subject, f"In-Reply-To: <{opening}@x.example>\n"
    )


def to(community: Community, address: str) -> list[EmailMessage]:
    found = [copy.content for copy in community.bag.copies if copy.recipient == address]
    return [email.message_from_bytes(one, policy=email.policy.default) for one in found]  # type: ignore[misc]


def status(community: Community, number: int = 1) -> str:
    return str(community.ticket(number)["status"])


def history(community: Community, kind: str, number: int = 1) -> list[str]:
    return [event["after"] for event in community.ticket(number)["history"] if event["kind"] == kind]


def opened(community: Community) -> None:
    """A ticket that its tracker has acknowledged as 4711."""
    community.inject(mail("q1", "dcache is slow today."))
    acknowledge(community)


def test_the_tracker_gets_the_opening_from_the_secret_address_and_nothing_says_it_is_automatic(
    shared: Community,
) -> None:
    shared.inject(mail("q1", "dcache is slow today."))
    (copy,) = to(shared, RT)
    assert copy["From"].addresses[0].addr_spec == secret_of(shared)
    assert copy["Subject"] == "[OSG #1] dcache is slow"
    assert [copy[name] for name in ("Auto-Submitted", "Precedence", "Reply-To", "List-Id")] == [None] * 4
    assert "una@people.example opened ticket 1 of osg-general@lists.example.org:" in copy.get_content()


def test_its_acknowledgement_teaches_its_number_and_tells_nobody(shared: Community) -> None:
    shared.inject(mail("q1", "dcache is slow today."))
    told = len(shared.bag.copies)
    result = acknowledge(shared)
    assert (result["ticket"], result["disposition"]) == (1, "auto_reply")
    assert history(shared, "exchanged") == ["BNL 4711"]
    assert len(shared.bag.copies) == told


def test_a_mail_of_its_threads_by_its_number_alone_and_participants_are_told(shared: Community) -> None:
    opened(shared)
    result = from_rt(shared, "a1", "Restarted the pool manager.")
    assert (result["ticket"], result["evidence"], result["disposition"]) == (1, "address", "post")
    assert "Restarted the pool manager." in to(shared, UNA)[-1].get_content()


def test_what_people_write_goes_to_the_tracker_under_its_number(shared: Community) -> None:
    opened(shared)
    shared.inject(reply("q2", "Any news?"))
    copy = to(shared, RT)[-1]
    assert copy["Subject"] == "Re: [rt.example #4711] [OSG #1] dcache is slow"
    assert "Any news?" in copy.get_content()


def test_the_tracker_is_not_told_what_it_said(shared: Community) -> None:
    opened(shared)
    before = len(to(shared, RT))
    from_rt(shared, "a1", "Restarted the pool manager.")
    # Also where the mail names a person over there as its author.
    content = mail("a2", "It is up.", "bob@bnl.example", "[rt.example #4711] dcache", to=secret_of(shared))
    assert shared.inject(content, [secret_of(shared)])["ticket"] == 1
    shared.pass_time(minutes=2)
    assert len(to(shared, RT)) == before


def test_a_status_is_taken_over_and_not_told_back(shared: Community) -> None:
    opened(shared)
    before = len(to(shared, RT))
    from_rt(shared, "a1", "Status: resolved\n\nDone.")
    assert status(shared) == "resolved"
    (event,) = [e for e in shared.ticket(1)["history"] if e["kind"] == "status" and e["after"] == "resolved"]
    assert event["cause"] == "exchange BNL"
    shared.pass_time(minutes=2)
    assert len(to(shared, RT)) == before


def test_our_status_is_told_in_its_words(shared: Community) -> None:
    opened(shared)
    shared.clock.pass_by(hours=1)
    shared.operate("wait", 1)
    shared.pass_time(minutes=2)
    copy = to(shared, RT)[-1]
    assert copy["Subject"] == "Re: [rt.example #4711] [OSG #1] dcache is slow"
    assert "Status: stalled" in copy.get_content().splitlines()


def test_a_post_that_changes_the_status_says_so_and_no_second_mail_does(shared: Community) -> None:
    opened(shared)
    shared.clock.pass_by(hours=1)
    before = len(to(shared, RT))
    shared.inject(reply("s1", "!done\nIt was a disk.", STAFF))
    shared.pass_time(minutes=2)
    (copy,) = to(shared, RT)[before:]
    assert "Status: resolved" in copy.get_content().splitlines()


def test_what_is_resolved_there_is_only_commented_where_a_mail_would_reopen_it(shared: Community) -> None:
    profile = PROFILE.replace('# comment = "helpdesk-comment@rt.example"', 'comment = "comment@bnl.example"')
    shared.share("BNL", profile)
    opened(shared)
    from_rt(shared, "a1", "Status: resolved\n\nDone.")
    shared.inject(reply("q2", "Thanks!"))
    assert "Thanks!" in to(shared, "comment@bnl.example")[-1].get_content()
    assert status(shared) == "resolved"


def test_of_a_tracker_that_takes_no_status_the_same_said_again_undoes_nothing(shared: Community) -> None:
    shared.share("BNL", "\n".join(line for line in PROFILE.splitlines() if not line.startswith("ours")))
    opened(shared)
    from_rt(shared, "a1", "Status: open\n\nLooking.")
    shared.clock.pass_by(hours=1)
    shared.operate("resolve", 1)
    shared.pass_time(hours=1)
    from_rt(shared, "a2", "Status: open\n\nA remark.")
    assert status(shared) == "resolved"


def test_one_that_was_told_that_it_is_resolved_and_says_open_reopens_it(shared: Community) -> None:
    opened(shared)
    from_rt(shared, "a1", "Status: open\n\nLooking.")
    shared.clock.pass_by(hours=1)
    shared.operate("resolve", 1)
    shared.pass_time(hours=1)
    from_rt(shared, "a2", "Status: open\n\nNot yet.")
    assert status(shared) == "open"


def test_where_both_changed_it_the_older_word_undoes_no_newer_one(shared: Community) -> None:
    opened(shared)
    shared.clock.pass_by(hours=2)
    shared.operate("resolve", 1)
    shared.clock.pass_by(hours=1)
    # Written before we resolved it, and long under way.
    late = "Date: Mon, 02 Mar 2026 09:30:00 +0000\n"
    from_rt(shared, "a1", "Status: stalled\n\nWaiting for a disk.", fields=late)
    assert status(shared) == "resolved"
    assert shared.ticket(1)["posts"][-1]["new_text"].startswith("Status: stalled")


def test_mails_out_of_order_leave_the_last_word(shared: Community) -> None:
    opened(shared)
    shared.clock.pass_by(hours=3)
    from_rt(shared, "a2", "Status: resolved\n\nDone.", fields="Date: Mon, 02 Mar 2026 11:00:00 +0000\n")
    from_rt(shared, "a1", "Status: stalled\n\nWaiting.", fields="Date: Mon, 02 Mar 2026 10:00:00 +0000\n")
    assert status(shared) == "resolved"


def test_a_replayed_mail_does_nothing_again(shared: Community) -> None:
    opened(shared)
    from_rt(shared, "a1", "Status: resolved\n\nDone.")
    shared.clock.pass_by(hours=1)
    shared.operate("reopen", 1)
    posts = len(shared.ticket(1)["posts"])
    assert from_rt(shared, "a1", "Status: resolved\n\nDone.")["disposition"] == "duplicate"
    assert (status(shared), len(shared.ticket(1)["posts"])) == ("open", posts)


def test_a_word_the_profile_does_not_know_is_no_status(shared: Community) -> None:
    opened(shared)
    from_rt(shared, "a1", "Status: frobnicated\n\nHm.")
    assert status(shared) in ("new", "open")


def test_a_tracker_s_post_does_not_reopen(shared: Community) -> None:
    opened(shared)
    shared.operate("resolve", 1)
    from_rt(shared, "a1", "One more remark, is it read?")
    assert status(shared) == "resolved"


def test_a_forged_mail_of_the_tracker_s_threads_and_changes_nothing(shared: Community) -> None:
    opened(shared)
    forged = mail("f1", "Status: resolved", RT, "[rt.example #4711] dcache is slow")
    result = shared.inject(forged, trust="none")
    assert (result["ticket"], status(shared) != "resolved") == (1, True)
    # Nor does it teach another number.
    shared.inject(mail("f2", "x", RT, "[rt.example #666] y", "In-Reply-To: <q1@x.example>\n"), trust="none")
    assert [pair.foreign_id for pair in shared.app.read(lambda c: store.latest_pairs(c, 9))] == ["4711"]
    # The number in a stranger's subject is text.
    assert shared.inject(mail("f3", "x", "eve@evil.example", "[rt.example #4711] y"))["ticket"] != 1


def test_a_secret_address_that_is_none_is_held(shared: Community) -> None:
    wrong = "osg-general+x.aaaaaaaaaaaaaaaa@lists.example.org"
    result = shared.inject(mail("f1", "Status: resolved", RT, "[rt.example #4711] x", to=wrong), [wrong])
    assert (result["held"], result["ticket"]) == (True, None)


def test_a_private_ticket_is_not_shared(shared: Community) -> None:
    private = "osg-general+private@lists.example.org"
    result = shared.inject(mail("q1", "dcache leaks passwords.", to=private), [private])
    assert to(shared, RT) == []
    assert "it was routed to your support center BNL" in to(shared, STAFF)[0].get_content().replace("\n", " ")
    opened_elsewhere = from_rt(shared, "a1", "x", fields=f"References: {shared.root_id(result['ticket'])}\n")
    assert opened_elsewhere["held"] is True


def test_once_private_it_is_shared_no_more(shared: Community) -> None:
    opened(shared)
    shared.operate("private", 1)
    before = len(to(shared, RT))
    shared.inject(reply("q2", "Is it?"))
    shared.operate("resolve", 1)
    shared.pass_time(minutes=2)
    assert len(to(shared, RT)) == before


def test_a_ticket_taken_from_the_center_is_shared_no_more_and_it_has_no_say(shared: Community) -> None:
    opened(shared)
    shared.inject(reply("s1", "!center -BNL", STAFF))
    before = len(to(shared, RT))
    shared.inject(reply("q2", "Hello?"))
    assert len(to(shared, RT)) == before
    assert from_rt(shared, "a1", "Status: resolved")["ticket"] == 1
    assert status(shared) != "resolved"


def test_a_ticket_that_the_tracker_opens_is_its_center_s_and_goes_both_ways(shared: Community) -> None:
    result = from_rt(shared, "n1", "Our door is shut for repairs.", 99, "[rt.example #99] Door is shut")
    assert (result["ticket"], result["created"]) == (1, True)
    assert [event["after"] for event in shared.ticket(1)["history"] if event["kind"] == "center_added"] == [
        "BNL"
    ]
    assert to(shared, RT) == []
    shared.inject(reply("q1", "For how long?", to_id="n1"))
    (copy,) = to(shared, RT)
    assert str(copy["Subject"]).startswith("Re: [OSG #1] [rt.example #99] Door")


def test_the_number_leads_to_the_ticket_that_another_became(shared: Community) -> None:
    opened(shared)
    shared.inject(mail("z1", "xrootd is slow, too.", subject="xrootd is slow"))
    shared.operate("merge into 2", 1)
    assert from_rt(shared, "a1", "Restarted it.")["ticket"] == 2
    shared.inject(reply("q2", "And now?", to_id="z1"))
    assert "[rt.example #4711]" in to(shared, RT)[-1]["Subject"]


def test_two_programs_that_answer_each_other_are_stopped_and_the_owner_is_told_once(
    shared: Community,
) -> None:
    shared.own("owner@home.example")
    opened(shared)
    for number in range(MOST_AN_HOUR + 5):
        answer = mail(
            f"r{number}", f"Again {number}.", subject="Re: dcache", fields="In-Reply-To: <q1@x.example>\n"
        )
        shared.inject(answer)
    assert len(to(shared, RT)) == MOST_AN_HOUR
    (told,) = to(shared, "owner@home.example")
    assert "is not shared with BNL for an hour" in told["Subject"]
    shared.pass_time(hours=2)
    shared.inject(reply("q9", "And now?"))
    assert len(to(shared, RT)) == MOST_AN_HOUR + 1


def test_files_travel_and_an_empty_one_hurts_nobody(shared: Community) -> None:
    opened(shared)
    parts = EmailMessage()
    parts["From"], parts["To"], parts["Subject"] = UNA, LIST, "Re: dcache is slow"
    parts["Message-ID"], parts["In-Reply-To"] = "<q2@x.example>", "<q1@x.example>"
    parts.set_content("Here is the log.")
    parts.add_attachment(b"line\n", maintype="text", subtype="plain", filename="door.log")
    parts.add_attachment(b"", maintype="application", subtype="octet-stream", filename="empty.bin")
    shared.inject(parts.as_bytes())
    names = [part.get_filename() for part in to(shared, RT)[-1].iter_attachments()]
    assert names == ["door.log", "empty.bin"]


def test_a_center_without_a_profile_gets_the_opening_only_and_teaches_its_number(
    community: Community,
) -> None:
    community.add_center("BNL", RT)
    community.put_rules(RULES)
    community.inject(mail("q1", "dcache is slow today."))
    reply_to = to(community, RT)[0]["Reply-To"].addresses[0].addr_spec
    acknowledgement = mail(
        "k1",
        "We have it.",
        RT,
        "[bnl.gov #17] AutoReply: [OSG #1] dcache is slow",
        "Auto-Submitted: auto-replied\nIn-Reply-To: <q1@x.example>\n",
        reply_to,
    )
    assert community.inject(acknowledgement, [reply_to])["ticket"] == 1
    assert history(community, "exchanged") == ["BNL 17"]
    answer = community.inject(mail("k2", "Fixed.", RT, "[bnl.gov #17] dcache"))
    assert (answer["ticket"], answer["evidence"]) == (1, "address")


def test_neither_our_tag_nor_what_people_of_a_center_say_teaches_a_number(community: Community) -> None:
    community.add_center("BNL", RT)
    community.put_rules(RULES)
    community.inject(mail("q1", "dcache is slow today."))
    machine = "Auto-Submitted: auto-replied\nIn-Reply-To: <q1@x.example>\n"
    community.inject(mail("k1", "We are out.", RT, "Automatic answer: [OSG #1] dcache is slow", machine))
    person = "In-Reply-To: <q1@x.example>\n"
    community.inject(mail("k2", "As in ticket 17.", RT, "Re: dcache is slow, see ticket 17", person))
    assert history(community, "exchanged") == []


def test_a_tracker_that_cannot_be_reached_leaves_the_ticket_to_the_community(shared: Community) -> None:
    shared.inject(mail("q1", "dcache is slow today."))
    shared.fail_copies_to(RT)
    shared.pass_time(minutes=2)
    assert [e["before"] for e in shared.ticket(1)["history"] if e["kind"] == "unreached"] == [RT]


def test_a_stranger_s_number_without_a_center_is_title_text(community: Community) -> None:
    result = community.inject(mail("q1", "Hello.", "eve@evil.example", "[rt.example #4711] hello"))
    assert result["created"] is True
    assert history(community, "exchanged") == []


def test_a_center_that_comes_later_gets_the_opening_in_its_tracker(shared: Community) -> None:
    shared.add_member("mia@people.example")
    shared.inject(mail("q1", "The door is slow today.", "mia@people.example", "door"))
    assert to(shared, RT) == []
    shared.inject(reply("s1", "!center BNL\nIs it yours?", "mia@people.example"))
    shared.pass_time(minutes=2)
    (copy,) = to(shared, RT)
    assert copy["From"].addresses[0].addr_spec == secret_of(shared)
    assert "The door is slow today." in copy.get_content()


def test_a_disabled_exchange_is_a_center_as_any_other(shared: Community) -> None:
    shared.app.write(lambda c: store.enable(c, "BNL", shared.clock(), enabled=False))
    shared.inject(mail("q1", "dcache is slow today."))
    (copy,) = to(shared, RT)
    assert copy["From"].addresses[0].addr_spec == LIST
    result = from_rt(shared, "a1", "Status: resolved")
    assert (result["disposition"], status(shared)) == ("auto_reply", "new")
