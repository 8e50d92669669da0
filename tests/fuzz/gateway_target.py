"""What must hold of any mail that is let in: it ends as one thing, and its second copy as a duplicate.

All of an input happens in one transaction that is rolled back: every input meets the same community.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, func, select

from mailgate import deliveries, inbound
from mailgate.envelope import Client, Envelope
from mailgate.errors import MailError
from mailgate.gateway import Conditions
from mailgate.inbound import Mail, State
from mailgate.message import Disposition
from mailgate.parse import parse_message
from mailgate.reading import read_mail, read_targets
from mailgate.scan import ScanLimits, scan, to_crlf
from mailgate.verdict import Verdict, verdict_from_json
from tests.support.community import Community, communities
from tracker.model import Queue, Trust
from tracker.nosy import Face
from tracker.storage import queues, tables
from tracker.storage import tickets as store

NEXT = b"\r\n=== the next mail ===\r\n"
_MOST_MAILS = 4
_CLIENT = Client("192.0.2.1", "mx.example", "ESMTP", "s1")
_DISPOSITIONS = {each.value for each in Disposition}
_RULES = """
[[rule]]
name = "disks"
phase = "route"
when = 'subject:disk'
then = ["center+=Storage"]
"""
_OPENINGS = (
    (
        "osg-general@lists.example.org",
        b"From: ann@x.example\r\nSubject: Disk full on node 7\r\nMessage-ID: <first@osg.example>\r\n"
        b"Thread-Index: AdoAAAAAAAAAAAAAAAAAAAAAAAAAAA==\r\n\r\nIt is full.\r\n",
    ),
    (
        "osg-general+private@lists.example.org",
        b"From: bob@y.example\r\nSubject: My password\r\nMessage-ID: <secret@osg.example>\r\n\r\nHush.\r\n",
    ),
    (
        "osg-general@lists.example.org",
        b"From: q@z.example\r\nSubject: Re: Backup fails at night\r\nMessage-ID: <b2@osg.example>\r\n"
        b"In-Reply-To: <never@osg.example>\r\n\r\nHere too.\r\n",
    ),
)


class _TakeBack(Exception):
    """Rolls back what an input did."""


@cache
def _community() -> tuple[Community, tuple[Queue, ...], dict[bytes, bytes]]:
    """The community of this process, its lists, and the root ids that stand for {root:N}."""
    folder = tempfile.TemporaryDirectory(prefix="mailgate-fuzz-")
    settle = communities(Path(folder.name) / "template")
    made = settle(Path(folder.name) / "home")
    # The folder lives as long as the process.
    made.__dict__["folder"] = folder
    made.subscribe("dan@d.example")
    made.add_member("ann@x.example")
    made.add_center("Storage", "storage@c.example", "all", ["carl@c.example"])
    made.put_rules(_RULES)
    opened = [made.inject(raw, [recipient])["ticket"] for recipient, raw in _OPENINGS]
    roots = {b"{root:%d}" % n: made.root_id(number).encode() for n, number in enumerate(opened, 1)}
    return made, made.app.queues(), roots


def check_gateway(data: bytes) -> None:
    """Each mail that is let in becomes one post, or is held, automatic, a command, a duplicate."""
    community, lists, roots = _community()
    for name, root in roots.items():
        data = data.replace(name, root)
    mails = [mail for raw in data.split(NEXT)[:_MOST_MAILS] if (mail := _let_in(community, lists, raw))]

    def all_of_it(connection: Connection) -> None:
        for mail in mails:
            first = _deliver(community, connection, mail)
            _check_second(first, _deliver(community, connection, replace(mail, uid=inbound.new_uid())))
        _check_copies(community, connection)
        raise _TakeBack

    if mails:
        with suppress(_TakeBack):
            community.app.write(all_of_it)


def _let_in(community: Community, lists: Sequence[Queue], raw: bytes) -> Mail | None:
    """The mail as a listener lets it in; None where it is refused."""
    raw = to_crlf(raw)
    message = parse_message(raw)
    named = [t.address for t in read_targets((box.address for box in (*message.to, *message.cc)), lists)]
    reverse_path = "" if message.header("Return-Path") == "<>" else message.header_from.address
    envelope = Envelope(_CLIENT, reverse_path, tuple(named[:10]) or (lists[0].address,))
    try:
        return community.app.examine(envelope, raw, Trust.UNCHECKED)
    except MailError:
        return None


def _deliver(community: Community, connection: Connection, mail: Mail) -> Verdict:
    app = community.app
    before = _counts(connection)
    inbound_id = inbound.accept(connection, mail, mail.received_at)
    known = inbound.get(connection, inbound_id)
    assert known is not None and known.raw == mail.raw
    reading = read_mail(known, queues.everyone(connection), app.keys)
    verdict = app.gateway.receive(connection, reading, Conditions(app.clock()))
    entry = inbound.find(connection, mail.uid)
    assert entry is not None and entry.verdict is not None
    assert verdict_from_json(entry.verdict) == verdict
    assert entry.state is (State.HELD if verdict.held else State.DONE)
    assert verdict.disposition in _DISPOSITIONS
    tickets, posts = (now - then for now, then in zip(_counts(connection), before, strict=True))
    _check_verdict(verdict, tickets, posts)
    while app.notifier.advance(connection, app.clock()):
        pass
    return verdict


def _check_verdict(verdict: Verdict, tickets: int, posts: int) -> None:
    """That what was said is what was done."""
    assert (tickets, posts) in ((0, 0), (0, 1), (1, 1)), f"{tickets} tickets, {posts} posts"
    assert verdict.created is (tickets == 1)
    if verdict.held or verdict.disposition == Disposition.DUPLICATE:
        assert posts == 0
    elif verdict.disposition == Disposition.POST:
        assert (posts, verdict.ticket is None) == (1, False) or "unsubscribe" in verdict.reason
    assert not (posts and verdict.ticket is None)


def _check_second(first: Verdict, second: Verdict) -> None:
    """That the same mail again does nothing."""
    assert not second.created
    if first.disposition in (Disposition.POST, Disposition.DUPLICATE) or first.held:
        assert second.disposition == Disposition.DUPLICATE, f"{first.disposition}, then {second.disposition}"


def _counts(connection: Connection) -> tuple[int, int]:
    """How many tickets there are, and posts."""
    return tuple(  # type: ignore[return-value]
        connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in (tables.ticket, tables.post)
    )


def _check_copies(community: Community, connection: Connection) -> None:
    """That nobody is told twice, no list of what is private, and each copy is a mail that we would let in."""
    app = community.app
    lists = {queue.id: queue for queue in queues.everyone(connection)}
    batch = deliveries.due(connection, app.clock(), 200)
    told = Counter((due.address, due.outgoing_id) for due in batch)
    assert max(told.values(), default=1) == 1
    rendered = deliveries.load(connection, {due.outgoing_id for due in batch}) if batch else {}
    for due in batch:
        ready = rendered[due.outgoing_id]
        private = store.by_ids(connection, (due.ticket_id,))[due.ticket_id].private
        assert not (private and ready.face is Face.LIST), "a private post went to the list"
        copy = app.composer.personal(ready, due, lists[ready.queue_id])
        scan(copy.content, ScanLimits(received=100))
