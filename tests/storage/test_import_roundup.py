"""What a Roundup tracker may have besides the usual comes over too, and what is broken is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mailgate.cli import main
from mailgate.roundup.export import read_export
from mailgate.roundup.words import priority_of, status_of, tag_of
from tests.support.command_line import CommandLine
from tests.support.community import LIST, Community
from tests.support.roundup_files import T0, later, write_export
from tracker.model import BadValue
from tracker.people import normalise_address
from tracker.storage import people

ANN, BOB = {}, {"id": "4", "username": "bob", "address": "bob@x.example", "realname": None}


def run(community: Community, folder: Path, *words: str) -> Result:
    home = str(community.app.instance.home)
    return CliRunner().invoke(main, ["import-roundup", str(folder), *words, "--home", home])


def take_over(community: Community, folder: Path) -> dict[str, Any]:
    done: dict[str, Any] = json.loads(run(community, folder, "--json").stdout)
    return done


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("unread", "new"),
        ("new", "new"),
        ("deferred", "waiting"),
        ("need-eg", "waiting"),
        ("pending", "waiting"),
        ("testing", "waiting"),
        ("chatting", "open"),
        ("in-progress", "open"),
        ("open", "open"),
        ("", "open"),
        ("done-cbb", "resolved"),
        ("resolved", "resolved"),
        ("closed", "resolved"),
        ("Won't fix", "open"),
    ],
)
def test_statuses_have_their_like(name: str, status: str) -> None:
    assert status_of(name).value == status


def test_priorities_and_keywords_have_their_like() -> None:
    found = [priority_of(name).value for name in ("critical", "urgent", "bug", "feature", "wish", "")]
    assert found == ["critical", "high", "normal", "low", "low", "normal"]
    assert [tag_of(word) for word in ("glide in", " x ", "")] == ["glide-in", "x", ""]


def test_an_export_comes_over_on_each_database(database_url: str, tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "home")
    line.succeed("init", "--list", LIST, "--database", database_url)
    messages = [{}, {"id": "2", "author": "4", "creation": later(60), "content": "Ünd?"}]
    issues = [
        {
            "messages": ["1", "2"],
            "nosy": ["3", "4"],
            "status": "3",
            "title": "Größe: \"x\"\n'y'",
            "keyword": ["1"],
        },
        {"id": "2", "messages": [], "superseder": ["1"]},
    ]
    export = write_export(tmp_path / "export", issue=issues, msg=messages, user=[ANN, BOB])
    assert line.rows("import-roundup", str(export), "--json")[0]["new_posts"] == 3
    one, other = line.rows("export")
    assert (one["title"], one["status"], one["aliases"]) == ("Größe: \"x\" 'y'", "open", ["issue1"])
    assert [(post["author_name"], post["text"].strip()) for post in one["posts"]] == [
        ("Ann", "Words of msg1."),
        ("bob", "Ünd?"),
    ]
    assert (one["tags"], one["nosy"]) == (["glide-in", "imported"], ["ann@x.example", "bob@x.example"])
    assert other["links"] == [{"kind": "duplicate-of", "ticket": one["ticket"]}]
    before = line.succeed("export")
    assert line.rows("import-roundup", str(export), "--json")[0]["new_posts"] == 0
    assert line.succeed("export") == before
    said = line.succeed("explain", "--message-id", one["posts"][1]["message_id"])
    assert "it belongs to what was issue1" in said


def test_what_was_resolved_is_resolved_since_then(community: Community, tmp_path: Path) -> None:
    """And what changed is in the history, by whom it was changed."""
    journal = [
        ("1", T0, "3", "create", {}),
        ("1", later(60), "4", "set", {"status": "1", "priority": "1", "messages": (("+", ["1"]),)}),
        ("1", later(120), "3", "set", {"title": "Disk", "assignedto": None}),
        ("1", later(180), "4", "set", {"status": "3"}),
    ]
    issue = {"status": "8", "priority": "2", "assignedto": "4", "activity": later(180)}
    take_over(community, write_export(tmp_path, issue=[issue], user=[ANN, BOB], journal=journal))
    ticket = community.ticket(1)
    changes = [
        (one["at"][11:19], one["actor"], one["before"], one["after"])
        for one in ticket["history"]
        if one["kind"] in ("status", "priority", "title", "owner")
    ]
    assert changes == [
        ("09:01:00", "bob@x.example", "new", "open"),
        ("09:01:00", "bob@x.example", "normal", "high"),
        ("09:02:00", "ann@x.example", "Disk", "Disk full"),
        ("09:02:00", "ann@x.example", "", "bob@x.example"),
        ("09:03:00", "bob@x.example", "open", "resolved"),
    ]
    assert (ticket["status"], ticket["title"], ticket["owner"]) == ("resolved", "Disk full", "bob@x.example")


def test_a_file_goes_with_the_message_it_was_sent_with(community: Community, tmp_path: Path) -> None:
    files = [
        {"id": "1", "creation": later(1)},
        {"id": "2", "creation": later(600), "name": "../../etc/pass\nwd", "type": "no type"},
        {"id": "3", "creation": later(1), "creator": "4", "type": "message/rfc822"},
    ]
    export = write_export(tmp_path, issue=[{"files": ["1", "2", "3"]}], file=files, user=[ANN, BOB])
    assert take_over(community, export)["files"] == 3
    posts = community.ticket(1)["posts"]
    assert [[file["name"] for file in post["attachments"]] for post in posts] == [
        ["a.log"],
        ["a.log"],
        ["pass wd"],
    ]
    assert [post["author"] for post in posts] == ["ann@x.example", "bob@x.example", "ann@x.example"]


def test_a_message_of_html_is_read(community: Community, tmp_path: Path) -> None:
    message = {"type": "text/html", "content": "<p>Now <b>bold</b> &amp; well</p>"}
    take_over(community, write_export(tmp_path, msg=[message]))
    assert "Now bold & well" in community.ticket(1)["posts"][0]["text"]


@pytest.mark.parametrize(
    "content",
    [
        "!done\n\n[private] and [status=resolved]",
        "This is an automatic reply: I am out of the office.",
        "Delivery to the following recipient failed permanently:\n\n  x@y.example\n\n550 5.1.1 no such user",
        "From here on\n.\n\n> quoted\nnew\n-- \nAnn",
        "unsubscribe",
        "",
    ],
)
def test_whatever_a_message_says_it_is_a_post(community: Community, tmp_path: Path, content: str) -> None:
    take_over(community, write_export(tmp_path, msg=[{"content": content}]))
    ticket = community.ticket(1)
    assert (ticket["status"], ticket["private"]) == ("new", False)
    (post,) = ticket["posts"]
    assert post["disposition"] == "post"
    assert post["text"].split() == content.split()


def test_who_has_no_address_or_left_wrote_and_hears_nothing(community: Community, tmp_path: Path) -> None:
    users = [{"address": None}, BOB | {"is retired": True}, {"id": "5", "address": "no address"}]
    messages = [{}, {"id": "2", "author": "4", "creation": later(60)}, {"id": "3", "author": "9"}]
    issue = {"messages": ["1", "2", "3"], "nosy": ["3", "4", "5"], "assignedto": "4"}
    take_over(community, write_export(tmp_path, issue=[issue], msg=messages, user=users))
    ticket = community.ticket(1)
    assert (ticket["nosy"], ticket["owner"]) == ([], None)
    assert [post["author"] for post in ticket["posts"]] == [
        "osg-general.user3@roundup.invalid",
        "osg-general.user9@roundup.invalid",
        "bob@x.example",
    ]
    community.inject(
        f"From: eve@x.example\nTo: {LIST}\nSubject: [issue1] Disk full\nMessage-ID: <e@x>\n\nx\n".encode()
    )
    assert community.bag.copies == []


def test_people_become_one_with_who_wrote_here_before(community: Community, tmp_path: Path) -> None:
    community.add_member("ann@home.example")
    community.add_member("bob@x.example")
    user = {"alternate_addresses": "ann@home.example\nbob@x.example\n", "timezone": "-5"}
    take_over(community, write_export(tmp_path, user=[user, BOB]))
    app = community.app
    ann = app.read(lambda c: people.find(c, normalise_address("ann@home.example")))
    assert ann.address == "ann@x.example"
    # Somebody else's by Roundup's own account.
    assert app.read(lambda c: people.addresses_of(c, ann.id)) == ("ann@home.example", "ann@x.example")
    assert app.read(lambda c: people.wishes_of(c, (ann.id,)))[ann.id].timezone == "Etc/GMT+5"


def test_a_mail_that_is_here_already_is_not_taken_for_the_message(
    community: Community, tmp_path: Path
) -> None:
    """The archive of the list came in first, and has some of the tracker's mails: both stay whole."""
    community.inject(
        f"From: ann@x.example\nTo: {LIST}\nSubject: Disk full\nMessage-ID: <m@x.example>\n\nFull!\n".encode()
    )
    export = write_export(tmp_path, msg=[{"messageid": "<m@x.example>"}])
    assert take_over(community, export)["new_posts"] == 1
    assert community.ticket(2)["posts"][0]["message_id"].startswith("<issue1.msg1.20240108090000@")
    assert take_over(community, export)["new_posts"] == 0


def test_what_people_made_of_a_ticket_here_stays(community: Community, tmp_path: Path) -> None:
    messages = [{"messageid": "<m1@x.example>"}, {"id": "2", "author": "4", "creation": later(60)}]
    both = {"messages": ["1", "2"], "status": "3"}
    write_export(tmp_path / "early", msg=messages, user=[ANN, BOB])
    take_over(community, tmp_path / "early")
    community.operate("resolve", 1)
    community.operate("title Solved", 1)
    write_export(tmp_path / "late", issue=[both], msg=messages, user=[ANN, BOB])
    assert take_over(community, tmp_path / "late")["new_posts"] == 1
    ticket = community.ticket(1)
    assert (ticket["status"], ticket["title"], len(ticket["posts"])) == ("resolved", "Solved", 2)
    assert ticket["nosy"] == ["ann@x.example"]
    # Also when it became part of another ticket.
    community.inject(f"From: z@x.example\nTo: {LIST}\nSubject: Z\nMessage-ID: <z@x>\n\nz\n".encode())
    community.operate("merge into 2", 1)
    assert take_over(community, tmp_path / "late")["new_posts"] == 0


def test_a_text_that_is_missing_is_named_and_comes_later(community: Community, tmp_path: Path) -> None:
    messages = [{}, {"id": "2", "creation": later(60), "content": None}]
    issue = {"messages": ["1", "2", "77"]}
    done = run(community, write_export(tmp_path, issue=[issue], msg=messages))
    assert done.exit_code == 1
    assert "issue1 msg2: " in done.stderr
    write_export(tmp_path, issue=[issue], msg=[{}, {"id": "2", "creation": later(60)}])
    assert take_over(community, tmp_path)["new_posts"] == 1


def test_retired_issues_and_messages_stay_out(community: Community, tmp_path: Path) -> None:
    messages = [{}, {"id": "2", "is retired": True}]
    issues = [{"messages": ["1", "2"]}, {"id": "2", "is retired": True, "superseder": ["1"]}]
    assert take_over(community, write_export(tmp_path, issue=issues, msg=messages))["retired"] == 1
    assert len(community.tickets()) == 1
    assert len(community.ticket(1)["posts"]) == 1


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("issue.csv", "id:title:messages:nosy:superseder\n'1':__import__('os')", "issue.csv, line 2: "),
        (
            "issue.csv",
            "id:title:messages:nosy:superseder\n'1':'x'",
            "issue.csv, line 2: 2 cells, and 5 columns",
        ),
        ("issue.csv", "id:title\n'1':'x'\n", "has no issues"),
        ("msg.csv", "id:author:creation\n'x':'3':None", "msg.csv, line 2: "),
        ("user.csv", "id\n'[[[[1'", "user.csv, line 2: "),
        ("file.csv", "", ""),
    ],
)
def test_what_is_broken_is_named(tmp_path: Path, file: str, content: str, said: str) -> None:
    export = write_export(tmp_path)
    (export / file).write_text(content)
    if said:
        with pytest.raises(BadValue, match=said):
            read_export(export)
    else:
        assert len(read_export(export).issues) == 1


def test_an_export_without_texts_is_refused(community: Community, tmp_path: Path) -> None:
    export = write_export(tmp_path, msg=[{"content": None}])
    (export / "msg-files" / "0").rmdir()
    (export / "msg-files").rmdir()
    assert "`roundup-admin export` writes them" in run(community, export).stderr
