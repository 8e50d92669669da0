"""`ticket split|merge|move|undo` on the command line: what they print, and what they refuse in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta, timezone
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mailgate.cli import main
from tests.support.community import Community

Run = Callable[..., Result]


@pytest.fixture
def run(community: Community) -> Run:
    """Run a command on the community's instance."""
    home = str(community.app.instance.home)
    return lambda *words: CliRunner().invoke(main, [*words, "--home", home])


@pytest.fixture
def thread(community: Community) -> Community:
    """A ticket of three posts, the last of which asks something else, and a ticket beside it."""
    mails = (
        ("ann@uni.example", "Jobs vanish", "q1", "", "Why?"),
        ("bo@lab.example", "Re: Jobs vanish", "a1", "q1", "A quota."),
        ("cy@lab.example", "Re: [OSG #1] Jobs vanish and disks fill", "a2", "q1", "Whose are the files?"),
        ("ann@uni.example", "Disk full", "q2", "", "Help!"),
    )
    for author, subject, own, parent, text in mails:
        answers = f"In-Reply-To: <{parent}@x.example>\n" if parent else ""
        head = f"From: {author}\nSubject: {subject}\nMessage-ID: <{own}@x.example>\n{answers}"
        community.inject(f"{head}\n{text}\n".encode())
    return community


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_split_names_the_new_ticket_by_its_first_subject_and_says_the_way_back(
    thread: Community, run: Run
) -> None:
    result = run("ticket", "split", "#1", "--from", "3")
    assert result.stdout.splitlines()[0] == "1 post of ticket 1 is now ticket 3: Jobs vanish and disks fill"
    back = result.stdout.splitlines()[1].removeprefix("to undo it: mailgate ").split()
    assert run(*back).exit_code == 0
    assert len(thread.ticket(1)["posts"]) == 3
    assert thread.ticket(3)["ticket"] == 1


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["--from", "2"], ["q1"]),
        (["--only", "2"], ["q1", "a2"]),
        (["--only", "1,3"], ["a1"]),
        (["--only", "1-2"], ["a2"]),
        (["--only", "2-3, 2"], ["q1"]),
    ],
)
def test_posts_are_named_from_one_on_or_singly_or_by_ranges(
    thread: Community, run: Run, words: list[str], left: list[str]
) -> None:
    assert run("ticket", "split", "1", *words).exit_code == 0
    assert [post["message_id"] for post in thread.ticket(1)["posts"]] == [f"<{n}@x.example>" for n in left]


def test_each_prints_json(thread: Community, run: Run) -> None:
    run("lists", "add", "osg-int@lists.example.org", "--tag", "INT")
    (made,) = rows(run("ticket", "split", "1", "--only", "3", "--title", "Disks", "--json"))
    assert made | {"event": 0} == {"ticket": 3, "from": 1, "title": "Disks", "posts": 1, "event": 0}
    (merged,) = rows(run("ticket", "merge", "3", "2", "--json"))
    assert merged | {"event": 0} == {"ticket": 2, "alias": 3, "event": 0}
    (moved,) = rows(run("ticket", "move", "1", "int", "--json"))
    assert moved | {"event": 0} == {"ticket": 1, "queue": "osg-int", "event": 0}
    (undone,) = rows(run("ticket", "undo", str(moved["event"]), "--json"))
    assert undone == {
        "event": moved["event"],
        "kind": "queue",
        "ticket": 1,
        "before": "osg-general@lists.example.org",
        "after": "osg-int@lists.example.org",
        "undone": True,
        "by": moved["event"] + 1,
        "refused": None,
        "dry_run": False,
    }
    history = thread.ticket(1)["history"]
    assert history[-1]["undoes"] == moved["event"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["split", "99", "--from", "2"], "there is no ticket 99"),
        (["split", "1", "--from", "4"], "ticket 1 has no post 4: its posts are 1 to 3"),
        (["split", "1", "--only", "2-9"], "ticket 1 has no post 4: its posts are 1 to 3"),
        (["split", "1", "--from", "1"], "these are all posts of ticket 1: nothing would stay in it"),
        (["split", "1", "--only", "2", "--title", " "], "a title needs words"),
        (["move", "1", "osg-itn"], "there is no list 'osg-itn'"),
        (["move", "1", "osg-general"], "ticket 1 is in osg-general@lists.example.org already"),
        (["undo", "1"], "a post is not undone; `mailgate ticket split 1` gives it a ticket of its own"),
        (["undo", "99999"], "there is no event 99999"),
        (["undo", str(10**25)], "there is no event"),
        (["undo", "--actor", "zoe@z.example", "--since", "2h"], "nobody is known as zoe@z.example"),
        (["undo", "--actor", "rules rev 77", "--since", "2h"], "rules rev 77 did nothing since"),
    ],
)
def test_each_refusal_is_one_line_and_changes_nothing(
    thread: Community, run: Run, words: list[str], said: str
) -> None:
    before = thread.everything()
    result = run("ticket", *words)
    assert (result.exit_code, len(result.stderr.strip().splitlines())) == (1, 1)
    assert said in result.stderr
    assert thread.everything() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["split", "1"], "say which posts: --from K, or --only K"),
        (["split", "1", "--from", "2", "--only", "2"], "say which posts"),
        (["split", "1", "--only", "3-2"], "'3-2' is no number of a post, nor a range"),
        (["split", "1", "--only", "1-999999999"], "is no number of a post"),
        (["split", "1", "--only", "two"], "'two' is no number of a post"),
        (["undo"], "say an EVENT, or --actor and --since"),
        (["undo", "1", "--actor", "ann@uni.example"], "say an EVENT, or --actor and --since"),
        (["undo", "--since", "2h"], "say an EVENT, or --actor and --since"),
        (["undo", "--actor", "ann@uni.example", "--since", "noon"], "'noon' is neither a span"),
        (["undo", "--actor", "ann@uni.example", "--since", "999999w"], "'999999w' is neither a span"),
    ],
)
def test_wrong_usage_says_what_is_meant(thread: Community, run: Run, words: list[str], said: str) -> None:
    result = run("ticket", *words)
    assert (result.exit_code, said in " ".join(result.stderr.split())) == (2, True), result.stderr


def test_all_that_somebody_did_is_undone_or_said_why_not(thread: Community, run: Run) -> None:
    thread.inject(
        b"From: ann@uni.example\nSubject: x\nMessage-ID: <d1@x.example>\n\n",
        ["osg-general+1.done@lists.example.org"],
    )
    assert thread.ticket(1)["status"] == "resolved"
    before = thread.everything()
    tried = run("ticket", "undo", "--actor", "ann@uni.example", "--since", "2026-03-02", "--dry-run")
    assert thread.everything() == before
    lines = tried.stdout.splitlines()
    assert lines[0].endswith("status open -> resolved, of ticket 1: would be undone")
    assert "opened Jobs vanish, of ticket 1: stays; " in lines[-1]
    done = rows(run("ticket", "undo", "--actor", "ann@uni.example", "--since", "2026-03-02", "--json"))
    assert [one["undone"] for one in done] == [line.endswith("undone") for line in lines]
    assert thread.ticket(1)["status"] == "open"


def test_since_leaves_out_what_was_before(thread: Community, run: Run) -> None:
    later = (thread.clock.now + timedelta(seconds=1)).isoformat()
    assert "did nothing since" in run("ticket", "undo", "--actor", "ann@uni.example", "--since", later).stderr
    at = thread.clock.now.astimezone(timezone(timedelta(hours=5))).isoformat()
    assert len(rows(run("ticket", "undo", "--actor", "ann@uni.example", "--since", at, "--json"))) == 4


def test_an_operator_is_an_actor_by_name(thread: Community, run: Run) -> None:
    run("ticket", "set", "1", "priority=high", "title=Other")
    (event, *_) = [one for one in thread.ticket(1)["history"] if one["kind"] == "priority"]
    done = rows(run("ticket", "undo", "--actor", event["cause"], "--since", "1d", "--json"))
    assert [one["kind"] for one in done] == ["title", "priority"]
    assert thread.ticket(1)["priority"] == "normal"


def test_history_shows_what_undid_what(thread: Community, run: Run) -> None:
    run("ticket", "set", "1", "priority=high")
    event = thread.ticket(1)["history"][-1]["event"]
    run("ticket", "undo", str(event))
    assert (
        f"priority high -> normal  ({thread.app.operator}, undoes {event})"
        in run("ticket", "show", "1").stdout
    )


@pytest.mark.parametrize("name", ["split", "merge", "move", "undo"])
def test_help_needs_no_instance_and_teaches(name: str) -> None:
    result = CliRunner().invoke(main, ["ticket", name, "--help"])
    assert result.exit_code == 0
    assert "ticket" in result.stdout


def test_explain_says_where_a_mail_went_and_where_it_stands_now(thread: Community, run: Run) -> None:
    run("ticket", "split", "1", "--from", "3")
    (told,) = rows(run("explain", "--json", "--message-id", "<a2@x.example>"))
    assert (told["ticket"], told["stands_in"]) == (1, 3)
