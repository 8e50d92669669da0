"""A list that got another address: what was sent before goes on meaning what it meant."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from mailgate.cli import main
from mailgate.courier import Copy
from tests.support.community import LIST, Community, header
from tracker.model import QueueId

NEW = "osg-support@tickets.example.net"
ANN, BOB = "ann@uni.example", "bob@b.example"
_LOOP = "554 5.4.6 This is a mail of ours come back"

Run = Callable[..., Result]


@pytest.fixture
def run(community: Community) -> Run:
    """Run a command on the community's instance, which must be done."""
    home = str(community.app.instance.home)

    def command(*words: str) -> Result:
        result = CliRunner().invoke(main, [*words, "--home", home])
        assert result.exit_code == 0, result.output
        return result

    return command


def refused(community: Community, *words: str) -> str:
    result = CliRunner().invoke(main, [*words, "--home", str(community.app.instance.home)])
    assert result.exit_code == 1, result.output
    return result.stderr.strip()


def ask(community: Community) -> Copy:
    """A question and an answer; gives the ticket copy of the answer, as Ann got it."""
    community.inject(
        f"From: Ann <{ANN}>\nTo: {LIST}\nSubject: Jobs vanish\nMessage-ID: <q@uni.example>\n\nWhy?\n".encode()
    )
    community.inject(
        f"From: Bob <{BOB}>\nTo: {LIST}\nSubject: Re: Jobs vanish\nMessage-ID: <a@b.example>\n"
        "In-Reply-To: <q@uni.example>\n\nWhich ones?\n".encode()
    )
    return community.last_copy(ANN, "<a@b.example>")


def answer(to: str, *fields: str) -> bytes:
    lines = (f"From: Ann <{ANN}>", f"To: {to}", *fields, "", "All of them.", "")
    return "\n".join(lines).encode()


def address_of(value: str) -> str:
    return value.rpartition("<")[2].removesuffix(">").removeprefix("mailto:")


def test_the_old_reply_to_continues_its_ticket(community: Community, run: Run) -> None:
    copy = ask(community)
    reply_to = address_of(header(copy, "Reply-To"))
    run("lists", "move", "osg-general", NEW)
    fields = ("Subject: whatever", "In-Reply-To: <lost@uni.example>", "Message-ID: <r@uni.example>")
    done = community.inject(answer(reply_to, *fields), [reply_to])
    assert (done["ticket"], done["evidence"]) == (1, "token")
    told = community.last_copy(BOB, "<r@uni.example>")
    assert address_of(header(told, "From")) == NEW
    assert address_of(header(told, "Reply-To")).startswith("osg-support+1.")
    assert told.reverse_path.startswith("osg-support-bounces+")
    assert NEW.replace("osg-support", "osg-support+1") in header(told, "List-Post")


def test_the_old_root_id_continues_its_ticket_and_stays_its_root_id(community: Community, run: Run) -> None:
    copy = ask(community)
    root = header(copy, "References").split()[0]
    assert root.endswith("@lists.example.org>")
    run("lists", "move", "osg-general", NEW)
    fields = ("Subject: Other words", f"References: {root}", "Message-ID: <r@uni.example>")
    done = community.inject(answer(NEW, *fields), [NEW])
    assert (done["ticket"], done["evidence"]) == (1, "root")
    told = community.last_copy(BOB, "<r@uni.example>")
    # Else a mail client would make two threads of the ticket.
    assert header(told, "References").split()[0] == header(told, "In-Reply-To") == root
    assert "<osg-general.lists.example.org>" in header(told, "List-Id")


def test_a_broken_root_id_of_the_old_domain_is_held(community: Community, run: Run) -> None:
    root = header(ask(community), "References").split()[0]
    run("lists", "move", "osg-general", NEW)
    fields = (
        "Subject: Other words",
        f"References: {root.replace('<t1.', '<t2.')}",
        "Message-ID: <r@u.example>",
    )
    assert community.inject(answer(NEW, *fields), [NEW])["held"]


def test_the_old_address_in_a_quoted_foot_is_read(community: Community, run: Run) -> None:
    ask(community)
    run("lists", "move", "osg-general", NEW)
    foot = "osg-general+1.unfollow@lists.example.org"
    raw = (
        answer(NEW, "Subject: Re: hello", "In-Reply-To: <lost@uni.example>", "Message-ID: <r@uni.example>")
        + f"> Unfollow: {foot}\n".encode()
    )
    assert community.inject(raw, [NEW])["ticket"] == 1


def test_a_bounce_to_the_old_reverse_path_is_written_down(community: Community, run: Run) -> None:
    copy = ask(community)
    run("lists", "move", "osg-general", NEW)
    raw = (
        b"From: MAILER-DAEMON@mx.example\nSubject: Undelivered Mail Returned to Sender\n"
        b"Message-ID: <dsn@mx.example>\nMIME-Version: 1.0\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\n\n--x\n\nIt failed.\n'
        b"--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        b"Final-Recipient: rfc822; ann@uni.example\nAction: failed\nStatus: 5.1.1\n\n--x--\n"
    )
    done = community.inject(raw, [copy.reverse_path], mail_from="<>")
    assert (done["disposition"], done["ticket"], done["evidence"]) == ("bounce", 1, "token")
    listed = run("deliveries", "list", "--state", "bounced", "--json").stdout
    assert [json.loads(line)["to"] for line in listed.splitlines()] == [ANN]


def test_a_list_copy_of_before_that_comes_back_is_refused(community: Community, run: Run) -> None:
    community.subscribe(BOB)
    ask(community)
    copy = community.last_copy(BOB, "<q@uni.example>")
    assert header(copy, "List-Copy")
    run("lists", "move", "osg-general", NEW)
    for there in (LIST, NEW):
        assert community.inject(copy.content, [there])["reply"] == _LOOP
    run("lists", "alias", "osg-general", LIST, "--remove")
    assert community.inject(copy.content, [NEW])["reply"] == _LOOP


def test_a_removed_address_is_none_any_more_and_names_stay(community: Community, run: Run) -> None:
    root = header(ask(community), "References").split()[0]
    run("lists", "move", "osg-general", NEW)
    run("lists", "alias", "osg-general", LIST, "--remove")
    assert community.inject(answer(LIST, "Message-ID: <r@uni.example>"), [LIST])["reply"].startswith(
        "550 5.7.1"
    )
    fields = ("Subject: Other words", f"References: {root}", "Message-ID: <r@uni.example>")
    assert community.inject(answer(NEW, *fields), [NEW])["ticket"] == 1
    assert "<osg-general.lists.example.org>" in header(community.last_copy(BOB, "<r@uni.example>"), "List-Id")


def test_an_alias_is_an_address_of_the_list(community: Community, run: Run) -> None:
    fields = ("Subject: x", "Message-ID: <x@uni.example>")
    grid = "grid@lists.example.org"
    assert community.inject(answer(grid, *fields), [grid])["reply"].startswith("550 5.1.1")
    run("lists", "alias", "osg-general", "Grid@lists.example.org")
    assert community.inject(answer(grid, *fields), [grid])["created"]
    assert run("lists", "members", "grid@lists.example.org").exit_code == 0


def test_a_list_that_moves_back_has_its_old_name(community: Community, run: Run) -> None:
    run("lists", "move", "osg-general", NEW)
    run("lists", "move", "osg-support", LIST)
    [queue] = community.app.queues()
    assert (queue.id, queue.address, queue.aliases) == (QueueId(1), LIST, (NEW,))
    assert queue.list_id == "osg-general.lists.example.org"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("move", "osg-general", LIST), "is its address already"),
        (("move", "osg-general", "osg-int@lists.example.org"), "is an address of osg-int@lists.example.org"),
        (("move", "osg-int", "osg-general-request@lists.example.org"), "is an address of osg-general@"),
        (("move", "osg-int", "postmaster@lists.example.org"), "is an office here"),
        (("move", "osg-int", "osg+int@lists.example.org"), "the name of a list is plain"),
        (("alias", "osg-general", LIST), "is an address of osg-general@lists.example.org already"),
        (("alias", "osg-int", LIST), "is an address of osg-general@lists.example.org"),
        (("alias", "osg-int", NEW, "--remove"), "is no other address of osg-int@lists.example.org"),
        (("add", "old-int@lists.example.org"), "there is a list old-int@lists.example.org already"),
        (("set", "osg-int", "--front", "mailman", "--front-list", LIST), "is an address of a list here"),
        (("set", "osg-int", "--front-list", NEW), "--front-list goes with --front mailman"),
    ],
)
def test_an_address_that_is_taken_is_refused(
    community: Community, run: Run, words: tuple[str, ...], said: str
) -> None:
    run("lists", "add", "old-int@lists.example.org", "--tag", "INT")
    run("lists", "move", "old-int", "osg-int@lists.example.org")
    assert said in refused(community, "lists", *words)


def test_a_list_is_given_a_title(community: Community, run: Run) -> None:
    run("lists", "set", "osg-general", "--title", "OSG general support")
    ask(community)
    copy = community.last_copy(ANN, "<a@b.example>")
    assert header(copy, "List-Id") == '"OSG general support" <osg-general.lists.example.org>'
