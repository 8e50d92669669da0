"""Commands of moderators: mails that are held, let in or kept out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from itertools import islice

import click
from sqlalchemy import Connection

from mailgate import holding, inbound, moderation, teaching
from mailgate.cli_base import Context, Group, Refusal, done, json_option, parsed_query, print_rows
from mailgate.cli_queue import entry_of, row_of
from mailgate.gateway import Conditions
from mailgate.inbound import AlreadyDone, Entry, State
from mailgate.moderation import Decision
from mailgate.verdict import Verdict
from tracker.model import Queue
from tracker.storage import people


@click.group(cls=Group)
def hold() -> None:
    """Mails that wait for a moderator; shown to nobody else."""


like_option = click.option(
    "--like", metavar="ID", help="That mail, and those held for the same reason that are like it."
)
look_option = click.option(
    "--look",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="How many to look at, those that wait longest first.",
)


@hold.command("list")
@click.argument("query", nargs=-1)
@like_option
@look_option
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Show at most so many.")
@json_option
@click.pass_obj
def hold_list(
    context: Context, /, query: tuple[str, ...], like: str | None, look: int, limit: int, as_json: bool
) -> None:
    """What is held, and why; with QUERY the mails that meet it, in the language of rules.

    \b
    mailgate hold list
    mailgate hold list 'sender:first subject:~/\\d+ ?%/'
    mailgate hold list --like 7            what `approve --like 7` would let in
    """
    wanted = parsed_query(" ".join(query))
    waiting = _waiting(context, look)
    chosen = holding.like(context.app, _held_entry(context, like), waiting) if like else iter(waiting)
    met = list(islice(holding.meeting(context.app, wanted, chosen), limit + 1))
    print_rows([row_of(entry) for entry in met[:limit]], as_json=as_json, empty="nothing is held")
    if len(met) > limit:
        click.echo(f"the first {limit}; --limit shows more", err=True)
    _say_what_was_not_seen(context, waiting, look)


def _say_what_was_not_seen(context: Context, waiting: Sequence[Entry], look: int) -> None:
    if len(waiting) == look and (more := holding.count(context.app) - look) > 0:
        click.echo(f"{more} more were not looked at; --look says how many", err=True)


@hold.command("approve")
@click.argument("names", nargs=-1, metavar="ID...")
@like_option
@look_option
@click.pass_obj
def hold_approve(context: Context, names: Sequence[str], like: str | None, look: int) -> None:
    """Let held mails in, with the date they came at.

    A mail is like another that is held for the same reason when it has the same author or almost the same
    text; `mailgate hold list --like ID` shows which these are.

    \b
    mailgate hold approve 7 8
    mailgate hold approve --like 7
    """
    stay = 0
    for entry in _chosen(context, names, like, look):
        verdict = _approve(context, entry)
        if verdict.held:
            stay += 1
            click.echo(f"{entry.uid} stays held: {verdict.reason}", err=True)
        else:
            done(f"{entry.uid}: " + (f"ticket {verdict.ticket}" if verdict.ticket else verdict.disposition))
    if stay:
        raise Refusal(f"{stay} stay held")


def _chosen(context: Context, names: Sequence[str], like: str | None, look: int) -> list[Entry]:
    """The mails that are named, or like one; a Refusal when one of them is not held."""
    if bool(names) == (like is not None):
        raise click.UsageError("give IDs, or --like ID")
    if like is None:
        return [_held_entry(context, name) for name in names]
    waiting = _waiting(context, look)
    found = list(holding.like(context.app, _held_entry(context, like), waiting))
    _say_what_was_not_seen(context, waiting, look)
    return found


def _approve(context: Context, entry: Entry) -> Verdict:
    """Let a held mail in, and deal with it now, so that what became of it can be said."""
    app = context.app

    def let_in(connection: Connection) -> Verdict:
        queue = _queue_of(context, entry)
        by = _by(context)
        decided = moderation.decide(connection, entry, Decision.APPROVE, by, queue, app.clock())
        mail = inbound.get(connection, entry.id)
        if mail is None or not decided.done:
            raise Refusal(decided.text)
        reading = app.read_mail(mail, app.queues())
        return app.gateway.receive(connection, reading, Conditions(app.clock(), released=True))

    try:
        return app.write(let_in)
    except AlreadyDone:
        raise Refusal(f"{entry.uid} has been dealt with by somebody else") from None


def _by(context: Context) -> str:
    return context.acting or context.operator


def _held_entry(context: Context, name: str) -> Entry:
    entry = entry_of(context, name)
    if entry.state is not State.HELD:
        raise Refusal(f"{name} is not held, it is {entry.state.value}")
    context.read(lambda connection: context.allow_moderating(connection, _queue_of(context, entry)))
    return entry


def _waiting(context: Context, look: int) -> tuple[Entry, ...]:
    """What is held longest, of the lists that who asks moderates."""
    waiting = holding.held(context.app, look)
    if context.acting is None:
        return waiting
    sender = context.read(partial(people.find_sender, address=context.acting))
    return tuple(
        entry
        for entry in waiting
        if sender is not None and sender.roles.moderates(_queue_of(context, entry).id)
    )


def _queue_of(context: Context, entry: Entry) -> Queue:
    """The list that a mail came to."""
    return moderation.queue_of(entry, context.app.queues())


@hold.command("reject")
@click.argument("names", nargs=-1, metavar="ID...")
@like_option
@look_option
@click.option("--spam", is_flag=True, help="It is spam: the filter learns of it, where [spam] has a command.")
@click.option("--ban", is_flag=True, help="The same, and nothing more of its author is let in.")
@json_option
@click.pass_obj
def hold_reject(
    context: Context,
    /,
    names: Sequence[str],
    like: str | None,
    look: int,
    as_json: bool,
    **how: bool,
) -> None:
    """Keep held mails out; their senders are not told.

    \b
    mailgate hold reject 7 8
    mailgate hold reject --like 7 --spam
    """
    decision = Decision.BAN if how["ban"] else Decision.SPAM if how["spam"] else Decision.REJECT
    found = _chosen(context, names, like, look)
    count = 0
    with click.progressbar(found, label="rejecting", file=sys.stderr, hidden=len(found) < 50) as entries:
        for entry in entries:
            count += _decide(context, entry, decision)
    taught = teaching.teach(context.app)
    learnt = f", {taught} learnt by the filter" if taught else ""
    done(f"{count} rejected{learnt}", as_json=as_json, rejected=count, learnt=taught)


def _decide(context: Context, entry: Entry, decision: Decision) -> bool:
    queue, now = _queue_of(context, entry), context.app.clock()
    decided = context.app.write(
        lambda connection: moderation.decide(connection, entry, decision, _by(context), queue, now)
    )
    return decided.done


@hold.command("ban")
@click.argument("names", nargs=-1, required=True, metavar="ID...")
@click.pass_context
def hold_ban(ctx: click.Context, names: Sequence[str]) -> None:
    """Keep held mails out as spam, and let in nothing more of their authors; like `reject --ban`.

    \b
    mailgate hold ban 7
    """
    ctx.invoke(hold_reject, names=names, like=None, look=1000, as_json=False, spam=False, ban=True)


@hold.command("teach")
@json_option
@click.pass_obj
def hold_teach(context: Context, as_json: bool) -> None:
    """Have the filter learn what moderators decided by mail and web; the daemon does so every minute.

    The commands are those of [spam]: teach_spam, teach_ham.

    \b
    mailgate hold teach
    """
    count = teaching.teach(context.app)
    done(f"{count} learnt", as_json=as_json, learnt=count)
