"""History brought in: mbox, Maildir, folders; as it was then, told to nobody, the same twice."""

from __future__ import annotations

import mailbox
from pathlib import Path

import pytest

from mailgate.importing import import_mails, read_source, split_mbox
from tests.support.community import Community
from tests.support.costs import cpu_s

QUESTION = b"""From: Ann <ann@uni.example>
To: osg-general@lists.example.org
Subject: [OSG-INT] Jobs vanish
Message-ID: <q1@uni.example>
Date: Mon, 03 Jan 2022 09:00:00 +0000

They were there yesterday.
"""
ANSWER = b"""From: Bo <bo@lab.example>
To: osg-general@lists.example.org
Subject: Re: [OSG-INT] Jobs vanish
Message-ID: <a1@lab.example>
In-Reply-To: <q1@uni.example>
Date: Mon, 03 Jan 2022 10:00:00 +0000

>From here they look fine.
"""
RECENT = b"""From: Ann <ann@uni.example>
To: osg-general@lists.example.org
Subject: Still alive
Message-ID: <q2@uni.example>
Date: Mon, 23 Feb 2026 09:00:00 +0000

A question of last week.
"""


def mbox(*mails: bytes) -> bytes:
    return b"\n".join(
        b"From x Mon Jan  3 09:00:00 2022\n" + mail.replace(b"\n>From", b"\n>>From") for mail in mails
    )


def run(community: Community, mails: list[bytes]) -> object:
    return import_mails(community.app, [mail.replace(b"\n", b"\r\n") for mail in mails], None, lambda: None)


def test_an_mbox_is_split_where_mails_begin() -> None:
    first = QUESTION + b"From the look of it it is a quota.\n"
    assert list(split_mbox(mbox(first, ANSWER))) == [first, ANSWER]


def test_an_mbox_with_crlf_is_split_the_same() -> None:
    assert list(split_mbox(mbox(QUESTION, ANSWER).replace(b"\n", b"\r\n"))) == [QUESTION, ANSWER]


def test_an_mbox_of_many_mails_is_split_in_time_linear_in_it() -> None:
    content = mbox(*[QUESTION] * 30_000)
    assert len(list(split_mbox(content))) == 30_000
    assert cpu_s(lambda: list(split_mbox(content))) < 2


def test_maildir_folder_and_mbox_give_the_same_mails(tmp_path: Path) -> None:
    wanted = [QUESTION.replace(b"\n", b"\r\n"), ANSWER.replace(b"\n", b"\r\n")]
    (tmp_path / "a.mbox").write_bytes(mbox(QUESTION, ANSWER))
    folder = tmp_path / "folder"
    folder.mkdir()
    box = mailbox.Maildir(tmp_path / "maildir")
    for number, mail in enumerate((QUESTION, ANSWER)):
        (folder / f"{number}.eml").write_bytes(mail)
        box.add(mail)
    assert list(read_source(tmp_path / "a.mbox")) == wanted
    assert list(read_source(folder)) == wanted
    assert sorted(read_source(tmp_path / "maildir")) == sorted(wanted)


def test_history_threads_as_it_did_then_and_ends_where_it_fell_silent(community: Community) -> None:
    run(community, [QUESTION, ANSWER, RECENT])
    old, recent = community.tickets()
    assert [post["message_id"] for post in old["posts"]] == ["<q1@uni.example>", "<a1@lab.example>"]
    assert (old["title"], old["status"], old["tags"]) == ("Jobs vanish", "resolved", ["imported"])
    assert old["posts"][0]["received"] == "2022-01-03T09:00:00Z"
    assert (recent["status"], recent["tags"]) == ("new", ["imported"])


def test_nobody_is_told_of_history(community: Community) -> None:
    community.subscribe("reader@uni.example")
    run(community, [QUESTION, ANSWER])
    now = community.app.clock
    while community.app.write(lambda c: community.app.notifier.advance(c, now())):
        pass
    community.clock.pass_by(minutes=5)
    while community.app.write(lambda c: community.app.notifier.advance_changes(c, now())):
        pass
    community.deliver()
    assert community.bag.copies == []


def test_the_same_archive_again_changes_nothing(community: Community) -> None:
    run(community, [QUESTION, ANSWER])
    before = community.everything()
    summary = run(community, [QUESTION, ANSWER])
    assert summary.duplicates == 2  # type: ignore[attr-defined]
    assert community.everything() == before


def test_what_no_listener_would_take_is_counted(community: Community) -> None:
    summary = run(community, [b"Subject: nobody wrote this\n\nx\n", QUESTION])
    assert (summary.refused, summary.posts) == (1, 1)  # type: ignore[attr-defined]


@pytest.mark.parametrize("content", [b"", b"no mail at all\n"])
def test_a_file_without_mails_has_none(content: bytes) -> None:
    assert list(split_mbox(content)) == []
