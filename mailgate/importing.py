"""History brought in: it threads as it did then, tells nobody, and ends resolved where it fell silent."""

from __future__ import annotations

import mailbox
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from mailgate import inbound
from mailgate.app import App
from mailgate.envelope import Client, Envelope
from mailgate.errors import MailError
from mailgate.gateway import Conditions
from mailgate.inbound import AlreadyDone, Mail
from mailgate.scan import Header, ScanLimits, scan, to_crlf
from mailgate.verdict import Verdict
from tracker import assign, tickets
from tracker.events import Actor
from tracker.model import Queue, TicketId, Trust
from tracker.storage import queues
from tracker.storage import tickets as store
from tracker.storage.database import Writer
from tracker.unit_of_work import UnitOfWork

_GROUP: Final = 50
_CLIENT: Final = Client("", "localhost", "FILE", "import")
_ACTOR: Final = Actor(None, "import")
_FROM_LINE: Final = re.compile(rb"^From [^\n]*\n", re.MULTILINE)
_QUOTED_FROM: Final = re.compile(rb"^>(>*From )", re.MULTILINE)
_SILENT: Final = tickets.REOPEN_WINDOW
IMPORTED_TAG: Final = "imported"


@dataclass
class Summary:
    """What an import did, in mails; `tickets` are those it opened."""

    mails: int = 0
    posts: int = 0
    tickets: int = 0
    duplicates: int = 0
    others: int = 0
    refused: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def count(self, verdict: Verdict) -> None:
        self.duplicates += verdict.disposition == "duplicate"
        self.tickets += verdict.created
        is_post = verdict.ticket is not None and verdict.disposition != "duplicate"
        self.posts += is_post
        self.others += not is_post and verdict.disposition != "duplicate"


def read_source(source: Path) -> Sequence[bytes]:
    """The mails of an mbox file, a Maildir or a folder of .eml files, in their order, CRLF."""
    if source.is_dir() and (source / "cur").is_dir():
        box = mailbox.Maildir(source, create=False)
        return [to_crlf(box.get_bytes(key)) for key in sorted(box.keys())]
    if source.is_dir():
        return [to_crlf(file.read_bytes()) for file in sorted(source.glob("*.eml"))]
    return [to_crlf(mail) for mail in split_mbox(source.read_bytes())]


def split_mbox(content: bytes) -> Iterator[bytes]:
    """The mails of an mbox: each begins with a line `From …` that follows an empty one (mboxrd quoting)."""
    content = content.replace(b"\r\n", b"\n")
    found = _FROM_LINE.finditer(content)
    starts = [m for m in found if m.start() == 0 or content.endswith(b"\n\n", 0, m.start())]
    ends = [*(match.start() for match in starts[1:]), len(content)][: len(starts)]
    for match, end in zip(starts, ends, strict=True):
        mail = content[match.end() : end]
        # The empty line before the next mail is the mbox's, not the mail's.
        yield _QUOTED_FROM.sub(rb"\1", mail[:-1] if mail.endswith(b"\n\n") else mail)


def import_mails(
    app: App, mails: Sequence[bytes], queue_name: str | None, progress: Callable[[], None]
) -> Summary:
    """Bring in `mails` as the history of a list; `progress` is called after each."""
    queue = (
        app.read(lambda connection: queues.find(connection, queue_name)) if queue_name else app.queues()[0]
    )
    lists = app.queues()
    summary = Summary(mails=len(mails))
    touched: set[TicketId] = set()
    writer = Writer(app.database)
    writer.start()
    try:
        for start in range(0, len(mails), _GROUP):
            futures = []
            for raw in mails[start : start + _GROUP]:
                mail = _mail(app, raw, queue)
                if mail is None:
                    summary.refused += 1
                else:
                    futures.append(writer.write(partial(_take_in, app=app, mail=mail, lists=lists)))
                progress()
            for verdict in [future.result() for future in futures]:
                summary.count(verdict)
                if verdict.created and verdict.ticket is not None:
                    touched.add(verdict.ticket)
        writer.write(lambda connection: _end(app, connection, touched)).result()
    finally:
        writer.stop()
    return summary


def _mail(app: App, raw: bytes, queue: Queue) -> Mail | None:
    """A mail of the archive, as if it had come when it did; None when no listener would have it."""
    try:
        scanned = scan(raw, ScanLimits(received=1000))
    except MailError:
        return None
    # An archive has no envelopes left; a null sender would make it automatic mail.
    envelope = Envelope(_CLIENT, scanned.from_address, (queue.address,))
    mail = Mail(inbound.InboundId(0), inbound.new_uid(), envelope, raw, app.clock(), Trust.UNCHECKED)
    arrival = _arrival(scanned.header)
    return mail if arrival is None else replace(mail, received_at=min(arrival, mail.received_at))


def _arrival(header: Header) -> datetime | None:
    """When the list had it: the date of its topmost Received, else its Date."""
    for value in (header.first("received").rpartition(b";")[2], header.first("date")):
        with suppress(ValueError, TypeError, IndexError, OverflowError):
            at = parsedate_to_datetime(value.strip().decode("ascii", "replace"))
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    return None


def _take_in(connection: Connection, app: App, mail: Mail, lists: Sequence[Queue]) -> Verdict:
    inbound_id = inbound.accept(connection, mail, mail.received_at)
    reading = app.read_mail(replace(mail, id=inbound_id), lists)
    conditions = Conditions(now=mail.received_at, quiet=True)
    with suppress(AlreadyDone):
        return app.gateway.receive(connection, reading, conditions)
    raise AssertionError("a row just written waits")


def _end(app: App, connection: Connection, touched: set[TicketId]) -> None:
    """What has been silent for 30 days ends resolved; all is tagged."""
    now = app.clock()
    uow = UnitOfWork(connection, now, quiet=True)
    for ticket in store.resolve(connection, touched).values():
        assign.add_tags(uow, ticket.id, (IMPORTED_TAG,), _ACTOR)
        if now - ticket.active_at > _SILENT:
            tickets.resolve_silently(uow, ticket, ticket.active_at, _ACTOR)
    uow.flush()
