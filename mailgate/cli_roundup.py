"""The command that takes over a Roundup tracker."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mailgate.cli_base import Context, done, json_option
from mailgate.roundup.export import read_export
from mailgate.roundup.takeover import Takeover, list_of


@click.command("import-roundup")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--queue", "queue_name", help="The list it goes to; needed where there are several.")
@json_option
@click.pass_obj
def import_roundup(context: Context, folder: Path, queue_name: str | None, as_json: bool) -> None:
    """Take over a Roundup tracker from DIR, which `roundup-admin export` filled.

    Issues become tickets, messages their posts, with files, people, nosy lists, keywords as tags, what
    superseded what as links, and the history of status, priority, title and owner. [issue17] in a subject
    and `mailgate ticket show issue17` go on meaning what they did. Nobody is told. Done again with a later
    export it adds what is new; a ticket that somebody worked on here since gets new posts only.

    \b
    roundup-admin -i /srv/tracker export /tmp/export
    mailgate import-roundup /tmp/export
    """
    queue = list_of(context.app, queue_name)
    takeover = Takeover(context.app, queue, read_export(folder))
    takeover.check()
    with click.progressbar(
        length=len(takeover.export.issues),
        label=f"taking over {folder.name}",
        file=sys.stderr,
        hidden=as_json,
    ) as bar:
        counts = takeover.run(bar.update)
    for fault in counts.faults:
        click.echo(fault, err=True)
    done(
        f"{counts.tickets} issues, {counts.new_tickets} of them new; {counts.posts} messages, "
        f"{counts.new_posts} new; {counts.files} files, {counts.people} people ({counts.new_people} new), "
        f"{counts.links} superseded; {counts.retired} retired issues left out, {len(counts.faults)} faults",
        as_json=as_json,
        queue=queue.local_part,
        **counts.as_dict(),
    )
    if counts.faults:
        raise click.exceptions.Exit(1)
