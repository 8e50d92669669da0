"""The command line: what is refused is refused in one line that says what to do."""

from __future__ import annotations

import json
import socket
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from mailgate import inbound
from mailgate.cli import main
from mailgate.envelope import Client, Envelope
from tests.support.community import LIST, START, Community
from tracker.model import Trust

Run = Callable[..., Result]


@pytest.fixture
def run(community: Community) -> Run:
    """Run a command on the community's instance."""
    home = str(community.app.instance.home)
    return lambda *words: CliRunner().invoke(main, [*words, "--home", home])


def ask(community: Community) -> None:
    community.inject(
        b"From: Ann <ann@uni.example>\nSubject: Jobs vanish\nMessage-ID: <q@uni.example>\n\nWhy?\n"
    )


def test_without_an_instance_it_says_how_to_name_one() -> None:
    result = CliRunner().invoke(main, ["ticket", "list"], env={"MAILGATE_HOME": None})
    assert result.exit_code == 2
    assert "--home DIR" in result.output


def test_help_needs_no_instance() -> None:
    for words in (["--help"], ["ticket", "set", "--help"], ["rules", "add", "--help"], ["init", "--help"]):
        assert CliRunner().invoke(main, words).exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ticket", "show", "99"], "there is no ticket 99"),
        (["ticket", "set", "1", "colour=red"], "a ticket has no 'colour'"),
        (["ticket", "set", "1", "status=done"], "'done' is not one of new, open, waiting, resolved"),
        (["ticket", "set", "1", "center=USCSM"], "there is no support center 'USCSM'; did you mean 'USCMS'?"),
        (["ticket", "set", "1", "center=-USCMS"], "ticket 1 is not with USCMS"),
        (["ticket", "unfollow", "1", "zoe@z.example"], "nobody is known as zoe@z.example"),
        (["ticket", "merge", "1", "1"], "a ticket cannot be merged with itself"),
        (["lists", "members", "osg-generl"], "there is no list 'osg-generl'; did you mean 'osg-general'?"),
        (["lists", "subscribe", "osg-general", LIST], f"{LIST} is an address of a list here"),
        (["centers", "add", "us cms"], "there is a support center 'us cms' already"),
        (["people", "show", "nobody"], "'nobody' is not an e-mail address"),
        (["queue", "show", "nothing"], "there is no mail 'nothing'"),
        (["deliveries", "retry", "9999"], "none of these waits or failed"),
        (["explain", "--message-id", "<never@x.example>"], "no mail came here as <never@x.example>"),
    ],
)
def test_each_refusal_is_one_line_and_changes_nothing(
    community: Community, run: Run, words: list[str], said: str
) -> None:
    ask(community)
    community.add_center("USCMS")
    before = community.everything()
    result = run(*words)
    assert result.exit_code == 1
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert community.everything() == before


def test_a_list_of_copies_in_no_state_says_which(run: Run) -> None:
    assert "none is bounced" in run("deliveries", "list", "--state", "bounced").stderr


def test_trouble_with_the_database_is_listed_by_its_name_and_without_the_mail(
    community: Community, run: Run
) -> None:
    said = "Hush."
    raw = f"From: ann@a.example\r\nMessage-ID: <q@a.example>\r\n\r\n{said}\r\n".encode()
    mail = community.app.accept_now(Envelope(Client("", "", "SMTP", ""), "", (LIST,)), raw, Trust.UNCHECKED)
    with pytest.raises(DBAPIError) as trouble:
        community.app.read(lambda c: c.execute(text("SELECT :it FROM nowhere"), {"it": said}))
    error = "".join(traceback.format_exception(trouble.value))
    community.app.write(lambda c: inbound.postpone(c, mail, error, START, park=True))
    (listed,) = [json.loads(run("queue", "list", "--json").stdout)]
    assert (
        listed["why"] == "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) no such table: nowhere"
    )
    assert "Hush" not in run("queue", "show", mail.uid).stdout
    assert "`mailgate queue list`" in run("explain", "--message-id", "<q@a.example>").stderr


def test_a_number_may_stand_as_it_does_in_subjects(community: Community, run: Run) -> None:
    ask(community)
    assert "Jobs vanish" in run("ticket", "show", "#1").stdout


def test_a_ticket_shows_the_files_and_the_id_of_each_post(community: Community, run: Run) -> None:
    opened = community.inject(
        b"From: ann@a.example\nSubject: [private] Logs\nMessage-ID: <logs@a.example>\nMIME-Version: 1.0\n"
        b"Content-Type: text/csv; name=a.csv\nContent-Disposition: attachment; filename=a.csv\n\n1,2\n"
    )
    shown = run("ticket", "show", str(opened["ticket"])).stdout
    assert "list osg-general, private\n" in shown
    assert "<logs@a.example>\n(no text)\nattached: a.csv (text/csv, " in shown


def test_an_answer_between_quotes_is_shown_with_them(community: Community, run: Run) -> None:
    ask(community)
    community.inject(
        b"From: Bob <bob@b.example>\nSubject: Re: Jobs vanish\nIn-Reply-To: <q@uni.example>\n\n"
        b"Ann wrote:\n> Which disk?\nThe second.\n> Since when?\nMonday.\n"
    )
    assert "> Which disk?\nThe second.\n> Since when?\nMonday.\n" in run("ticket", "show", "1").stdout


def test_the_opening_is_shown_whole_and_of_an_answer_how_much_is_not(community: Community, run: Run) -> None:
    community.inject(
        b"From: Ann <ann@uni.example>\nSubject: Jobs vanish\nMessage-ID: <q@uni.example>\n\n"
        b"Why?\n\nOn Mon, 2 Mar 2026 at 09:00, Eve <eve@x.example> wrote:\n> They always did.\n"
    )
    community.inject(
        b"From: Bob <bob@b.example>\nSubject: Re: Jobs vanish\nIn-Reply-To: <q@uni.example>\n\n"
        b"No idea.\n\nOn Mon, 2 Mar 2026 at 10:00, Ann <ann@uni.example> wrote:\n> Why?\n"
    )
    shown = run("ticket", "show", "1").stdout
    assert "> They always did." in shown
    assert "No idea.\n[2 more lines, quoted or closing: `mailgate export`]\n" in shown


def test_an_automatic_answer_is_shown_as_one(community: Community, run: Run) -> None:
    ask(community)
    community.inject(
        b"From: Bob <bob@b.example>\nSubject: Re: Jobs vanish\nIn-Reply-To: <q@uni.example>\n"
        b"Auto-Submitted: auto-replied\n\nI am away.\n"
    )
    assert "(auto_reply)\n" in run("ticket", "show", "1").stdout


def test_a_ticket_that_was_opened_for_another_says_so(community: Community, run: Run) -> None:
    community.add_member("bob@b.example")
    block = (
        "---------- Forwarded message ---------\nFrom: Ann <ann@a.example>\nSubject: Jobs vanish\n\nAll.\n"
    )
    community.inject(f"From: bob@b.example\nSubject: Fwd: Jobs vanish\n\n{block}".encode())
    community.inject(b"From: cat@c.example\nSubject: Quota\n\nGone.\n")
    said = "asked by ann@a.example, forwarded by bob@b.example"
    assert [said in run("ticket", "show", number).stdout for number in ("1", "2")] == [True, False]


def test_what_holds_no_mails_is_not_imported(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no mail in here\n")
    result = run("import", str(tmp_path / "notes.txt"))
    assert (result.exit_code, "an mbox begins with" in result.stderr) == (1, True)


def test_a_failed_init_leaves_nothing_that_the_next_would_trip_over(tmp_path: Path) -> None:
    words = ["init", "--home", str(tmp_path / "home"), "--list", LIST]
    failed = CliRunner().invoke(main, [*words, "--database", "mysql://nowhere"])
    assert failed.exit_code == 1
    assert len(failed.stderr.strip().splitlines()) == 1
    assert CliRunner().invoke(main, words).exit_code == 0


def test_init_says_what_it_did_not_do(run: Run) -> None:
    result = run("init", "--list", LIST, "--smarthost", "127.0.0.1:26")
    assert "nothing of --smarthost" in result.stdout


def test_a_folder_that_cannot_be_made_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = CliRunner().invoke(main, ["init", "--home", str(tmp_path / "file" / "home"), "--list", LIST])
    assert (result.exit_code, len(result.stderr.strip().splitlines())) == (1, 1)


def test_a_port_that_is_taken_is_named(community: Community, run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        config = community.app.instance.home / "mailgate.toml"
        config.write_text(f'[smtp]\nlisten = "127.0.0.1:{port}"\n[lmtp]\nlisten = ""\n')
        result = run("serve")
    assert result.exit_code == 1
    assert f"Error: cannot listen on 127.0.0.1:{port}: Address already in use" in result.stderr


def test_the_demo_keeps_off_an_instance_of_ones_own(community: Community, run: Run) -> None:
    assert run("lists", "add", "other@lists.example.org").exit_code == 0
    result = run("demo")
    assert (result.exit_code, "an instance of your own" in result.stderr) == (1, True)


def test_a_mail_is_explained_by_the_word_of_its_250_before_it_is_worked_on(
    community: Community, run: Run
) -> None:
    raw = b"From: ann@a.example\r\nSubject: Slow\r\n\r\nWhy?\r\n"
    envelope = Envelope(Client("", "", "FILE", "-"), "ann@a.example", (LIST,))
    waiting = community.app.accept_now(envelope, raw, Trust.UNCHECKED)
    assert "not looked at yet" in run("explain", "--id", waiting.uid).stdout
    assert "no mail was accepted as nobody" in run("explain", "--id", "nobody").stderr
