"""Commands on mails: inject, explain, import, export, deliver."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

import click

from mailgate import explaining, exporting, importing, inbound
from mailgate.app import App
from mailgate.cli_base import TICKET_NUMBER, Context, Refusal, done, json_option
from mailgate.envelope import Client, Envelope
from mailgate.errors import MailError, Refused, reply_to
from mailgate.narrating import in_words
from mailgate.redaction import redacted
from mailgate.scan import to_crlf
from tracker.model import Trust

# sysexits.h: what an MTA understands of a program it pipes mail into.
EX_DATAERR = 65
EX_NOUSER = 67
EX_TEMPFAIL = 75

_TRUSTS = {"aligned": Trust.ALIGNED, "none": Trust.NONE}


class _How(TypedDict):
    """Under which envelope a mail from a file is looked at, and what speaks for it."""

    mail_from: str
    recipients: Sequence[str]
    auth: str | None


# These print JSON in any case; a program that says --json everywhere need not know.
always_json = click.option("--json", is_flag=True, hidden=True, expose_value=False)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--mail-from", default="", help="The reverse-path; without it the mail's From.")
@click.option("--rcpt", "recipients", multiple=True, help="A recipient; without any the first list.")
@click.option("--auth", type=click.Choice(sorted(_TRUSTS)), help="What speaks for its From, as if checked.")
@always_json
@click.pass_obj
def inject(
    context: Context, files: Sequence[Path], mail_from: str, recipients: Sequence[str], auth: str | None
) -> None:
    """Accept and process mails as if they had come by SMTP; one JSON object a mail.

    FILES are single mails; - is standard input.
    """
    app = context.app
    trust = _TRUSTS[auth] if auth else Trust.UNCHECKED
    refused = False
    for file, raw in _mails(files):
        envelope = explaining.envelope_for(app, raw, mail_from, tuple(recipients))
        result = explaining.inject(app, file, envelope, raw, trust)
        refused = refused or result["inbound"] is None
        click.echo(json.dumps(result, ensure_ascii=False))
    explaining.deliver_unless_daemon(app)
    if refused:
        sys.exit(1)


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--message-id", help="A mail that is here already: what became of it, and why.")
@click.option("--id", "uid", help="The same, by the word in the 250 reply, the log and `mailgate queue`.")
@click.option("--mail-from", default="", help="The reverse-path; without it the mail's From.")
@click.option("--rcpt", "recipients", multiple=True, help="A recipient; without any the first list.")
@click.option("--auth", type=click.Choice(sorted(_TRUSTS)), help="What speaks for its From, as if checked.")
@json_option
@click.pass_obj
def explain(
    context: Context,
    files: Sequence[Path],
    message_id: str | None,
    uid: str | None,
    as_json: bool,
    **how: Unpack[_How],
) -> None:
    """Say what would become of mails and why, or what became of one that is here, and do nothing.

    \b
    mailgate explain question.eml                    would it open a ticket, who would be told?
    mailgate explain --message-id '<a@x.example>'    why did this mail go where it went?
    mailgate explain --id u4lkjhrr4t44               the same, of a mail that may still wait
    """
    if sum(map(bool, (files, message_id, uid))) != 1:
        raise click.UsageError("give FILES, or --message-id, or --id")
    app = context.app
    if not files:
        _print_explained(_here_already(app, message_id, uid), as_json=as_json)
        return
    trust = _TRUSTS[how["auth"]] if how["auth"] else Trust.UNCHECKED
    for number, (file, raw) in enumerate(_mails(files)):
        envelope = explaining.envelope_for(app, raw, how["mail_from"], tuple(how["recipients"]))
        explained = explaining.explain(app, file, envelope, raw, trust)
        _print_explained([explained], as_json=as_json, follows=number > 0)


def _here_already(app: App, message_id: str | None, uid: str | None) -> list[dict[str, Any]]:
    if message_id is None:
        found, refusal = explaining.explain_accepted(app, uid or ""), f"no mail was accepted as {uid}"
    else:
        found, refusal = explaining.explain_stored(app, message_id), _never_came(app, message_id)
    if not found:
        raise Refusal(refusal)
    return found


def _never_came(app: App, message_id: str) -> str:
    said = f"no mail came here as {message_id}"
    unread = app.read(lambda c: inbound.entries(c, (inbound.State.WAITING, inbound.State.PARKED), limit=1))
    # Their ids are not known before they were read.
    return f"{said}, unless it is one that waits or is parked: `mailgate queue list`" if unread else said


def _print_explained(mails: Sequence[dict[str, Any]], *, as_json: bool, follows: bool = False) -> None:
    for number, each in enumerate(mails):
        if as_json:
            click.echo(redacted(json.dumps(each, ensure_ascii=False)))
            continue
        if number or follows:
            click.echo("\n" + "-" * 72 + "\n")
        click.echo(redacted(in_words(each)))


def _mails(files: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """Each file's name and mail, its line ends made CRLF."""
    for file in files:
        if str(file) == "-":
            yield "-", to_crlf(sys.stdin.buffer.read())
            continue
        try:
            yield str(file), to_crlf(file.read_bytes())
        except OSError as error:
            raise Refusal(f"{file}: {error.strerror}") from None


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.option("--queue", "queue_name", help="The list it is the history of; without it the first.")
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON object.")
@click.pass_obj
def import_history(context: Context, source: Path, queue_name: str | None, as_json: bool) -> None:
    """Bring in history: an mbox file, a Maildir, or a folder of .eml files.

    Mails thread as if each ticket were open at its time; nobody is told. Running it again changes nothing.
    """
    app = context.app
    mails = importing.read_source(source)
    if not mails:
        raise Refusal(
            f"{source} holds no mails: an mbox begins with a line 'From ', a folder has files *.eml; "
            "a single mail goes to `mailgate inject`"
        )
    with click.progressbar(
        length=len(mails), label=f"importing {source.name}", file=sys.stderr, hidden=as_json
    ) as bar:
        summary = importing.import_mails(app, mails, queue_name, lambda: bar.update(1))
    done(
        f"{summary.mails} mails: {summary.posts} posts in {summary.tickets} new tickets, "
        f"{summary.duplicates} already here, {summary.others} set aside, {summary.refused} refused",
        as_json=as_json,
        **summary.as_dict(),
    )


@click.command()
@click.option("--ticket", "number", type=TICKET_NUMBER, help="Only this ticket.")
@click.option("--format", "form", type=click.Choice(["jsonl", "mbox"]), default="jsonl", show_default=True)
@always_json
@click.pass_obj
def export(context: Context, number: int | None, form: str) -> None:
    """Write tickets to standard output: JSON lines with posts and history, or an mbox of the raw mails."""
    app = context.app
    out = sys.stdout.buffer
    for piece in exporting.export(app, number, mbox=form == "mbox"):
        out.write(piece)
    out.flush()


@click.command()
@click.option("--mail-from", "-f", default="", help="The reverse-path; empty for the null sender.")
@click.argument("recipients", nargs=-1, required=True)
@click.pass_obj
def deliver(context: Context, mail_from: str, recipients: Sequence[str]) -> None:
    """Accept a mail from standard input, for the pipe of an MTA.

    \b
    Exit codes are those of sysexits.h: 0 accepted and durable, 67 no such list,
    65 refused for what it is, 75 trouble of ours: keep it and come again.
    """
    client = Client("", "localhost", "PIPE", "-")
    raw = to_crlf(sys.stdin.buffer.read())
    try:
        context.app.accept_now(
            Envelope(client, mail_from, tuple(recipients)), raw, Trust.UNCHECKED, hand_over=True
        )
    except MailError as error:
        click.echo(str(reply_to(error)), err=True)
        sys.exit(_exit_code(error))
    except Exception as error:
        # The shell of this program: whatever it was, the MTA must keep the mail.
        click.echo(f"trouble of ours: {type(error).__name__}", err=True)
        sys.exit(EX_TEMPFAIL)


def _exit_code(error: MailError) -> int:
    reply = reply_to(error)
    if reply.enhanced == "5.1.1":
        return EX_NOUSER
    return EX_DATAERR if isinstance(error, Refused) else EX_TEMPFAIL
