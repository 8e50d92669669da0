"""Who and what is let in: the house behind the SMTP and LMTP sessions."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Final

from mailgate import inbound
from mailgate.addresses import is_our_domain, read_target
from mailgate.auth.authentication import Authentication
from mailgate.auth.check import Checker, unchecked
from mailgate.auth.field import write as write_results
from mailgate.auth.upstream import strip
from mailgate.compose import COPY_HEADER, LIST_COPY_HEADER
from mailgate.envelope import Client, Envelope
from mailgate.errors import DiskFull, LoopDetected, NoSuchList, Refused, RelayDenied, Reply, printable
from mailgate.gate import Network, is_in
from mailgate.inbound import InboundId, Mail
from mailgate.kinds.spammarks import spam_mark
from mailgate.scan import Header, ScanLimits, Scanned, scan
from mailgate.tokens import Keys
from tracker.model import Queue, Trust
from tracker.storage.database import Writer
from tracker.unit_of_work import Clock

_COPY: Final = re.compile(rb"^(?:x-mailgate|list)-copy[ \t]*:", re.IGNORECASE | re.MULTILINE)
# Under this share of free space nothing can be promised; what is here is still delivered.
_LEAST_FREE: Final = 0.05
_LARGE: Final = 2**20
# Who accepted a mail deals with it at once; if it cannot, others may after this.
LEASE: Final = timedelta(seconds=30)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Site:
    """What admission knows of the instance: our name, where the database lies (None: elsewhere).

    What clients in `spam_networks` call spam is refused.
    """

    hostname: str
    folder: Path | None
    spam_networks: tuple[Network, ...] = ()
    scan: ScanLimits = field(default_factory=ScanLimits)


class Admission:
    """Lets mail in, and makes it durable. `queues` gives the lists as they are now."""

    def __init__(
        self,
        writer: Writer,
        keys: Keys,
        site: Site,
        queues: Callable[[], Sequence[Queue]],
        clock: Clock,
        check: Checker = unchecked,
    ) -> None:
        self._writer = writer
        self._keys = keys
        self._site = site
        self._queues = queues
        self._clock = clock
        self._check = check
        self._accepted: Callable[[Mail], None] = lambda _mail: None

    def on_accepted(self, tell: Callable[[Mail], None]) -> None:
        """Have `tell` called with every mail that became durable."""
        self._accepted = tell

    def check_sender(self, client: Client, reverse_path: str, size: int | None) -> None:
        """Nobody is refused by name; a full disk refuses all (452), and delivery goes on."""
        self._check_space()

    def _check_space(self) -> None:
        if self._site.folder is not None:
            usage = shutil.disk_usage(self._site.folder)
            if usage.free < usage.total * _LEAST_FREE:
                raise DiskFull("Not enough space to keep your mail, please try again later")

    def check_recipient(self, client: Client, reverse_path: str, address: str) -> None:
        """Only our lists and what belongs to them; any ticket number, for a 550 would tell which exist."""
        queues = self._queues()
        if read_target(address, queues) is not None:
            return
        if is_our_domain(address, queues):
            raise NoSuchList("There is no list of that name here")
        raise RelayDenied("We take mail for our own lists only")

    async def accept(self, envelope: Envelope, raw: bytes) -> tuple[Reply, ...]:
        """Make a mail durable, and answer once for each recipient (RFC 2033 4.2)."""
        mail = await self.examine(envelope, raw)
        future = self._writer.write(
            lambda connection: inbound.accept(connection, mail, mail.received_at + LEASE)
        )
        inbound_id = await asyncio.wrap_future(future)
        self._announce(mail, inbound_id)
        return (accepted_reply(mail),) * len(envelope.recipients)

    def _announce(self, mail: Mail, inbound_id: InboundId) -> None:
        log.info(
            "inbound=%s accepted id=%d from=<%s> size=%d session=%s",
            mail.uid,
            inbound_id,
            mail.envelope.reverse_path,
            len(mail.raw),
            mail.envelope.client.session,
        )
        self._accepted(with_id(mail, inbound_id))

    async def examine(self, envelope: Envelope, raw: bytes) -> Mail:
        """The mail as it will be kept, its author looked into; raises what refuses it (mailgate.errors)."""
        # A large mail takes the scan tenths of a second: the other sessions must not wait for it.
        scanned = await asyncio.to_thread(self._look, raw) if len(raw) > _LARGE else self._look(raw)
        self._check_spam(envelope, scanned.header)
        found = await self._check(envelope, raw[scanned.header.start :], scanned.from_address)
        return self._as_kept(envelope, raw, scanned, found)

    def examine_as(self, envelope: Envelope, raw: bytes, found: Authentication | None) -> Mail:
        """The same, of a mail whose author is spoken for by `found`, or by nothing that was looked for."""
        return self._as_kept(envelope, raw, self._look(raw), found)

    def _as_kept(
        self, envelope: Envelope, raw: bytes, scanned: Scanned, found: Authentication | None
    ) -> Mail:
        header = scanned.header
        received_at = self._clock()
        uid = inbound.new_uid()
        trace = received_field(envelope, self._site.hostname, uid, received_at)
        if found is not None:
            trace = write_results(self._site.hostname, found.findings()) + trace
        # An mbox line in front would end the header where our Received begins.
        raw = trace + strip(raw[header.start :], header.end - header.start)
        trust = Trust.UNCHECKED if found is None else found.trust
        return Mail(InboundId(0), uid, envelope, raw, received_at, trust, authentication=found)

    def _look(self, raw: bytes) -> Scanned:
        scanned = scan(raw, self._site.scan)
        header = scanned.header
        if _COPY.search(raw, header.start, header.end):
            self._check_loop(header)
        return scanned

    def _check_spam(self, envelope: Envelope, header: Header) -> None:
        """What the filter in front of us calls spam, where that is to be refused."""
        if self._site.spam_networks and is_in(envelope.client.connected, self._site.spam_networks):
            fields = ((name, _ascii(value)) for name, value in header.fields)
            if mark := spam_mark(fields):
                raise Refused(f"Called spam on its way here ({printable(mark, 60)})")

    def _check_loop(self, header: Header) -> None:
        """Our own copy come back: it carries our MAC, which no answer to it does."""
        message_id = _ascii(header.first("message-id"))
        own = any(
            self._keys.is_copy(_ascii(proof), message_id) for proof in header.values(COPY_HEADER.lower())
        )
        proofs = [_ascii(proof) for proof in header.values(LIST_COPY_HEADER.lower())]
        lists = [one for queue in self._queues() for one in queue.names] if proofs else []
        if own or any(self._keys.is_list_copy(proof, one) for proof in proofs for one in lists):
            raise LoopDetected("This is a mail of ours come back")


def _ascii(value: bytes) -> str:
    return value.strip().decode("ascii", "replace")


def with_id(mail: Mail, inbound_id: InboundId) -> Mail:
    """`mail` as the spool knows it."""
    return replace(mail, id=inbound_id)


def accepted_reply(mail: Mail) -> Reply:
    """250, with the id by which we know the mail."""
    return Reply(250, "2.6.0", f"{mail.uid} accepted")


def received_field(envelope: Envelope, hostname: str, uid: str, at: datetime) -> bytes:
    """The trace that we add on top (RFC 5321 4.4); the recipient stands in it when there is one only."""
    client = envelope.client
    # Who was here, not the client that it told of: that stands in its own field.
    peer = f" ([{client.connected}])" if client.connected else ""
    helo = f"[{client.via}]" if client.via else client.helo or "localhost"
    recipient = f"\r\n\tfor <{envelope.recipients[0]}>" if len(envelope.recipients) == 1 else ""
    return (
        f"Received: from {helo}{peer}\r\n"
        f"\tby {hostname} with {client.protocol} id {uid}{recipient};\r\n"
        f"\t{format_datetime(at)}\r\n"
    ).encode("utf-8", "replace")
