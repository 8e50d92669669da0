"""Commands that change a list itself: what it is called, where it lives, who sends its copies."""

from __future__ import annotations

import click
from sqlalchemy import Connection

from mailgate.addresses import Role, is_ours, read_target
from mailgate.cli_base import Context, Refusal, done
from mailgate.setup import list_address
from tracker.model import Address, Queue
from tracker.storage import queues

_MAILMAN = "mailman"
_FRONTS = click.Choice([_MAILMAN, "none"])


@click.command("set")
@click.argument("name")
@click.option("--title", help="What List-Id says of it.")
@click.option(
    "--front", type=_FRONTS, help="Which list manager its posts come from; none: people write to us."
)
@click.option("--front-list", metavar="ADDRESS", help="The address of the list there.")
@click.pass_obj
def set_list(
    context: Context, name: str, title: str | None, front: str | None, front_list: str | None
) -> None:
    """Change a list.

    \b
    mailgate lists set osg-general --title "OSG general support"
    mailgate lists set osg-general --front mailman --front-list osg-general@lists.example.org
    mailgate lists set osg-general --front none
    """

    def change(connection: Connection) -> Queue:
        queue = queues.find(connection, name)
        if title is not None:
            queues.rename(connection, queue, title)
        if front is not None or front_list is not None:
            queues.set_front(connection, queue, *_front(connection, queue, front, front_list))
        return queues.find(connection, queue.address)

    if title is None and front is None and front_list is None:
        raise click.UsageError("nothing to change: give --title, --front or --front-list")
    queue = context.app.write(change)
    done(_described(queue))


def _front(
    connection: Connection, queue: Queue, front: str | None, front_list: str | None
) -> tuple[str, str]:
    """The list manager in front, and its list."""
    if front == "none":
        if front_list is not None:
            raise Refusal("--front-list goes with --front mailman")
        return "", ""
    if front is None and not queue.front:
        raise Refusal("--front-list goes with --front mailman")
    if front_list is None:
        return _MAILMAN, queue.front_address
    address = list_address(front_list)
    if is_ours(address, queues.everyone(connection)):
        raise Refusal(f"{address} is an address of a list here; the list in front has one of its own")
    return _MAILMAN, address


def _described(queue: Queue) -> str:
    line = f"list {queue.address}: {queue.title}"
    if not queue.front:
        return line
    behind = queue.front_address or "any list of mail.list_servers"
    return f"{line}\nbehind {queue.front}: {behind}; we send no list copies"


@click.command("move")
@click.argument("name")
@click.argument("address")
@click.pass_obj
def move_list(context: Context, name: str, address: str) -> None:
    """Give a list another address; the old one goes on meaning it.

    \b
    mailgate lists move osg-general osg-general@lists.new.example
    """

    def move(connection: Connection) -> Queue:
        queue, new = queues.find(connection, name), list_address(address)
        if new == queue.address:
            raise Refusal(f"{new} is its address already")
        _must_be_free(connection, queue, new)
        queues.move(connection, queue, new)
        return queue

    was = context.app.write(move)
    done(
        f"list {was.address} is {list_address(address)} now\n"
        f"{was.address}, its ticket addresses and its old copies go on working"
    )


@click.command("alias")
@click.argument("name")
@click.argument("address")
@click.option("--remove", is_flag=True, help="Let it mean the list no more.")
@click.pass_obj
def alias_list(context: Context, name: str, address: str, remove: bool) -> None:
    """Let another address mean a list, with all that belongs to it.

    \b
    mailgate lists alias osg-general support@lists.example.org
    mailgate lists alias osg-general support@lists.example.org --remove
    """

    def change(connection: Connection) -> Queue:
        queue, alias = queues.find(connection, name), list_address(address)
        if remove:
            if not queues.remove_alias(connection, queue, alias):
                raise Refusal(f"{alias} is no other address of {queue.address}")
            return queue
        if alias in queue.addresses:
            raise Refusal(f"{alias} is an address of {queue.address} already")
        _must_be_free(connection, queue, alias)
        queues.add_alias(connection, queue, alias)
        return queue

    queue = context.app.write(change)
    means = "means nothing here any more" if remove else f"means {queue.address}"
    done(f"{list_address(address)} {means}")


def _must_be_free(connection: Connection, queue: Queue, address: Address) -> None:
    target = read_target(address, queues.everyone(connection))
    if target is None or (target.role is Role.POST and target.queue == queue):
        return
    whose = "an office here" if target.queue is None else f"an address of {target.queue.address}"
    raise Refusal(f"{address} is {whose}")
