"""Tickets searched in the language of rules: by title, all that was written in them, and how they stand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import Final

from sqlalchemy import Connection, func, select

from mailgate.ticketfacts import standing
from routing.entities import Entity, EntityKind, MailTexts
from routing.facts import TEXT_LIMIT, AttachedFile, Facts, Kind, Reading, Text
from routing.faults import RoutingError
from routing.grid import Grid
from routing.lines import log_lines
from routing.query import Either, Every, Node, Not, Present, Query, Term
from tracker.model import QueueId, Ticket, TicketId
from tracker.storage import people, queues
from tracker.storage import tables as t

_BATCH: Final = 100
_OF_TICKETS: Final = frozenset(
    {
        *("text", "subject", "body", "log", "attachment", "attachment.size", "from", "name", "domain"),
        *("list", "topic", "tag", "status", "priority", "assigned", "owner", "requester", "age", "silence"),
        *(kind.value for kind in EntityKind),
        *(f"{kind.value}.where" for kind in EntityKind),
        *("fqdn", "resource.active", "resource.downtime"),
    }
)


def check_asks_tickets(query: Query) -> None:
    """Raise RoutingError where a query asks what no ticket has: it would find nothing, and not say why."""
    for node in _terms(query.node):
        if node.field.name not in _OF_TICKETS and not _asks_private(node):
            asked = node.text.removeprefix("no ") if isinstance(node, Term) else f"{node.field.name}:*"
            raise RoutingError(
                f'"{asked}" is asked of mails, and tickets have no such thing: `ticket list --help`'
            )


def _asks_private(node: Term | Present) -> bool:
    """Whether it is the one thing that tickets are, and mails too."""
    private = Text(Kind.PRIVATE.value)
    return isinstance(node, Term) and node.field.name == "is" and any(one(private) for one in node.searches)


def _terms(node: Node) -> Iterator[Term | Present]:
    if isinstance(node, Every | Either):
        for one in node.nodes:
            yield from _terms(one)
    elif isinstance(node, Not):
        yield from _terms(node.node)
    elif isinstance(node, Term | Present):
        yield node


class _TicketReading(Reading):
    """A ticket as a query sees it: each of its posts is a text, looked at as far as that of a mail."""

    def __init__(self, facts: Facts, posts: Sequence[str]) -> None:
        super().__init__(facts)
        self._posts = posts

    @cached_property
    def body(self) -> tuple[Text, ...]:
        return tuple(map(Text, self._posts))

    @cached_property
    def log(self) -> tuple[Text, ...]:
        return tuple(Text(found) for post in self._posts if (found := log_lines(post)))

    @cached_property
    def entities(self) -> tuple[Entity, ...]:
        grid = self.facts.grid
        if grid is None:
            return ()
        # With each the subject: what stands beside a name may make it one.
        mails = [MailTexts(subject=self.facts.subject, new_text=post) for post in self._posts or ("",)]
        return tuple(dict.fromkeys(one for mail in mails for one in grid.matcher.find(mail)))


def search(
    connection: Connection, query: Query, tickets: Iterable[Ticket], grid: Grid | None, now: datetime
) -> Iterator[Ticket]:
    """Those of `tickets` that meet a query, in their order; as many are read as are asked for."""
    names = {queue.id: queue.local_part for queue in queues.everyone(connection)}
    world = Facts(received=now, grid=grid)
    waiting = iter(tickets)
    while batch := list(islice(waiting, _BATCH)):
        for one, reading in zip(batch, _readings(connection, batch, names, world), strict=True):
            if query.test(reading)[0]:
                yield one


def _readings(
    connection: Connection, batch: Sequence[Ticket], names: dict[QueueId, str], world: Facts
) -> Iterator[Reading]:
    ids = [one.id for one in batch]
    states, texts, files = standing(connection, batch), _texts(connection, ids), _files(connection, ids)
    persons = people.by_ids(connection, frozenset(one.requester_id for one in batch))
    for one in batch:
        facts = replace(
            world,
            sender=states[one.id].requester,
            sender_name=persons[one.requester_id].name,
            queue=names.get(one.queue_id, ""),
            topic=one.topic,
            subject=one.title,
            attachments=tuple(files[one.id]),
            kinds=frozenset({Kind.PRIVATE} if one.private else ()),
            ticket=states[one.id],
        )
        yield _TicketReading(facts, texts[one.id])


def _texts(connection: Connection, ids: Sequence[TicketId]) -> dict[TicketId, list[str]]:
    """What was written in each ticket, post by post."""
    found: dict[TicketId, list[str]] = defaultdict(list)
    beginning = func.substr(t.post.c.new_text, 1, TEXT_LIMIT).label("text")
    of_these = select(t.post.c.ticket_id, beginning).where(t.post.c.ticket_id.in_(ids))
    query = of_these.order_by(t.post.c.ticket_id, t.post.c.n)
    for row in connection.execute(query):
        found[TicketId(row.ticket_id)].append(row.text)
    return found


def _files(connection: Connection, ids: Sequence[TicketId]) -> dict[TicketId, list[AttachedFile]]:
    found: dict[TicketId, list[AttachedFile]] = defaultdict(list)
    query = (
        select(t.post.c.ticket_id, t.attachment.c.name, t.attachment.c.type, t.attachment.c.size)
        .join(t.post, t.post.c.id == t.attachment.c.post_id)
        .where(t.post.c.ticket_id.in_(ids))
    )
    for row in connection.execute(query):
        found[TicketId(row.ticket_id)].append(AttachedFile(row.name, row.type, row.size))
    return found
