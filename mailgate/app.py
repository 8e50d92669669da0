"""The composition root: everything is wired here, by hand."""

from __future__ import annotations

import asyncio
import getpass
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TypeVar

from sqlalchemy import Connection

from mailgate import contact_digest, digests, firstposts, inbound
from mailgate.admission import LEASE, Admission, Site, with_id
from mailgate.auth.authentication import said
from mailgate.auth.check import Believed, Check, Checker, unchecked
from mailgate.auth.dns import Resolver, Texts, resolver_of
from mailgate.auth.upstream import Upstreams
from mailgate.bouncing import Limits as BounceLimits
from mailgate.brake import Brake, Limits, owners_of
from mailgate.compose import Composer
from mailgate.courier import Courier
from mailgate.courier_maildir import MaildirCourier
from mailgate.courier_shadow import ShadowCourier
from mailgate.courier_smtp import SmtpCourier
from mailgate.courier_wire import Limits as CourierLimits
from mailgate.courier_wire import Smarthost
from mailgate.deliver import Deliverer, Patience
from mailgate.envelope import Client, Envelope
from mailgate.errands import Errand
from mailgate.floods import FloodDigests
from mailgate.floods import Limits as FloodLimits
from mailgate.gate import Limits as GateLimits
from mailgate.gate import is_in
from mailgate.gateway import Gateway, Policy
from mailgate.inbound import InboundId, Mail
from mailgate.instance import Instance
from mailgate.listdigest import ListDigests, When
from mailgate.message import Classified, Disposition
from mailgate.moderation import Moderating
from mailgate.munging import Munges, munges
from mailgate.notify import Notifier
from mailgate.probing import Probing
from mailgate.reading import Reading, read_mail
from mailgate.registry_watch import RegistryWatch
from mailgate.reminding import Reminding
from mailgate.senders import ListServers
from mailgate.threads.match import Writer as MailWriter
from mailgate.tokens import Keys
from mailgate.unreached import Unreached
from mailgate.urls import Urls
from mailgate.verdict import Verdict
from mailgate.viewpoint import facts_of
from mailgate.worker import Tries, Worker
from routing.facts import Facts
from routing.registry_store import ActiveRegistry
from routing.store import ActiveRules
from tracker.commands import Brakes
from tracker.model import Address, Queue, Trust
from tracker.storage import centers, people, queues
from tracker.storage.database import Database, Work, Writer
from tracker.unit_of_work import Clock, system_clock

T = TypeVar("T")

log = logging.getLogger(__name__)


class App:
    """An instance with its parts. The command line and the daemon are both built on it."""

    def __init__(self, instance: Instance, database: Database, clock: Clock = system_clock) -> None:
        self.instance = instance
        self.settings = instance.settings
        # Whether the daemon only plays: it delivers to those on a list, and to nobody else.
        self.shadow = False
        self.database = database
        self.clock = clock

    @classmethod
    def open(cls, instance: Instance, clock: Clock = system_clock) -> App:
        return cls(instance, instance.open_database(), clock)

    def close(self) -> None:
        self.database.close()

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction."""
        return self.database.write(work)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one snapshot."""
        return self.database.read(work)

    @property
    def operator(self) -> str:
        """Who runs the command, for the history."""
        return f"operator {getpass.getuser()}"

    @cached_property
    def keys(self) -> Keys:
        return self.instance.keys()

    @cached_property
    def composer(self) -> Composer:
        signer = self.instance.signer()
        return Composer(self.keys, Urls(self.settings.web.url), signer, self.clock)

    @cached_property
    def gateway(self) -> Gateway:
        chosen = self.settings.floods
        return Gateway(
            self.composer,
            ActiveRules(),
            self.registry,
            Policy(
                self.brakes,
                self.bounces,
                self._first_post,
                FloodLimits(chosen.posts_per_sender, chosen.posts_per_ticket, chosen.posts_per_list),
            ),
        )

    @property
    def _first_post(self) -> str:
        """What becomes of the first post of somebody whom nothing speaks for."""
        usual = firstposts.OPEN if self.settings.auth == "off" else firstposts.CONFIRM
        return self.settings.first_post or usual

    @property
    def bounces(self) -> BounceLimits:
        """When an address is sent nothing but probes."""
        chosen = self.settings.bounces
        return BounceLimits(chosen.threshold, chosen.half_life)

    @property
    def brakes(self) -> Brakes:
        """On what rules may do to contacts."""
        chosen = self.settings.brakes
        return Brakes(chosen.contacts_per_mail, chosen.openings_per_contact)

    @cached_property
    def registry(self) -> ActiveRegistry:
        return ActiveRegistry()

    @cached_property
    def notifier(self) -> Notifier:
        return Notifier(self.composer, self.settings.notify.attach, self.brake)

    @cached_property
    def brake(self) -> Brake:
        chosen = self.settings.brakes
        limits = Limits(chosen.copies_per_mail, chosen.usual_hours, chosen.least_copies_an_hour)
        return Brake(limits, self.owners, self.composer)

    @property
    def owners(self) -> tuple[Address, ...]:
        """Who is told when something needs a person."""
        return owners_of(tuple(self.settings.instance.owner))

    @cached_property
    def errands(self) -> tuple[Errand, ...]:
        """What the daemon does from time to time."""
        return (
            Errand("unreached", timedelta(minutes=1), Unreached(self.composer, self.owners).look),
            Errand("reminders", timedelta(days=1), Reminding(self.composer, self.owners).remind),
            Errand("moderators", timedelta(minutes=5), Moderating(self.composer, self.owners).tell),
            Errand("floods", timedelta(minutes=15), FloodDigests(self.composer, self.brake).send),
            Errand("contact digest", timedelta(days=1), partial(self._write_home, contact_digest.send_all)),
            Errand("registry", timedelta(days=1), RegistryWatch(self.composer, self.owners).look),
            Errand(
                "digests", min(timedelta(minutes=5), self.settings.digests.every), self._list_digests.send
            ),
            Errand("bouncing", timedelta(hours=1), self._probing.look),
            Errand("owner's bounces", timedelta(days=1), self._probing.tell_owners),
            Errand("list digest", timedelta(days=1), partial(self._write_home, digests.send_to_lists)),
        )

    @cached_property
    def _probing(self) -> Probing:
        return Probing(self.composer, self.owners, self.bounces)

    @cached_property
    def _list_digests(self) -> ListDigests:
        chosen = self.settings.digests
        return ListDigests(self.composer, When(chosen.every, chosen.size))

    def _write_home(
        self, send: Callable[[Connection, Composer, datetime], int], connection: Connection, now: datetime
    ) -> int:
        return send(connection, self.composer, now)

    @cached_property
    def list_servers(self) -> ListServers:
        chosen = self.settings.mail
        return ListServers(chosen.list_servers, chosen.list_server_networks)

    def read_mail(self, mail: Mail, lists: Sequence[Queue]) -> Reading:
        """`mail` as this instance reads it; `lists` are its own."""
        reading = self._tagged(read_mail(mail, lists, self.keys, self.list_servers))
        return replace(reading, munge=True) if self._munges(reading) else reading

    def _tagged(self, reading: Reading) -> Reading:
        """What the filter in front of us calls spam is let in with a tag, where that is wished."""
        if self.settings.spam.verdict != "tag" or reading.classified.disposition is not Disposition.SPAM:
            return reading
        client = reading.mail.envelope.client
        if client.protocol != "PIPE" and not is_in(client.connected, self.settings.trust.upstream_networks):
            return reading
        said = Classified(Disposition.POST, reading.classified.reason)
        return replace(reading, classified=said, called_spam=True)

    @cached_property
    def _munges(self) -> Munges:
        return munges(self.settings.mail.munge, lambda: self.dns_texts)

    @cached_property
    def dns_texts(self) -> Texts:
        """Texts in the DNS, as this instance asks for them."""
        chosen = self.settings.dns
        return resolver_of(chosen.servers, chosen.timeout)

    def queues(self) -> tuple[Queue, ...]:
        """The lists as they are now."""
        return self.read(queues.everyone)

    def center_names(self) -> frozenset[str]:
        """The names of all support centers, and their aliases."""

        def names(connection: Connection) -> frozenset[str]:
            found = centers.everyone(connection)
            aliases = (alias for center in found for alias in centers.aliases(connection, center.id))
            return frozenset((*(center.name for center in found), *aliases))

        return self.read(names)

    def facts_of(self, raw: bytes) -> Facts:
        """Read a mail as the rules would see it, as the opening of a ticket."""
        lists = self.queues()
        envelope = Envelope(Client("", "", "FILE", "-"), "", (lists[0].address,))
        mail = Mail(InboundId(0), "-", envelope, raw, self.clock(), Trust.UNCHECKED)
        reading = self.read_mail(mail, lists)
        sender = reading.sender
        known = None if sender is None else self.read(partial(people.find_sender, address=sender))
        grid = self.read(self.registry.read)
        staff_of = self.read(partial(people.staff_of, sender=known))
        return facts_of(reading, MailWriter(known, reading.trust), None, grid, staff_of)

    def worker(self, write: Callable[[Work[Verdict]], Future[Verdict]]) -> Worker:
        work = self.settings.work
        tries = Tries(work.attempts, work.retry_first)
        return Worker(self.database, write, self.gateway, self.read_mail, tries, self.clock)

    def admission(self, writer: Writer, lists: Callable[[], Sequence[Queue]]) -> Admission:
        return Admission(writer, self.keys, self.site(), lists, self.clock, self._checker)

    @cached_property
    def _checker(self) -> Checker:
        if self.settings.auth == "off":
            return unchecked
        chosen, dns = self.settings.trust, self.settings.dns
        near = (*self.settings.intake.trusted_networks, *chosen.upstream_networks)
        upstreams = Upstreams(chosen.upstreams, tuple(chosen.upstream_networks))
        believed = Believed(upstreams, chosen.arc_sealers, near)
        ask = Resolver(dns.servers, dns.timeout).ask
        return Check(ask, believed, chosen.deadline.total_seconds())

    def site(self) -> Site:
        refuses = self.settings.spam.verdict == "reject"
        return Site(
            self.hostname(),
            self.instance.home if self.instance.is_sqlite else None,
            tuple(self.settings.trust.upstream_networks) if refuses else (),
        )

    def hostname(self) -> str:
        """The name we greet with."""
        lists = self.queues()
        return self.settings.instance.hostname or (lists[0].domain if lists else socket.getfqdn())

    def deliverer(self) -> Deliverer:
        chosen = self.settings.outgoing
        patience = Patience(chosen.retry_first, chosen.give_up)
        return Deliverer(self.database, self.composer, self.couriers(), patience, self.clock, self.bounces)

    def couriers(self) -> list[Courier]:
        """One for each connection of the smarthost, or the one that writes the Maildir."""
        chosen = self.settings.outgoing
        real = self._real_couriers()
        return [ShadowCourier(one, chosen.shadow_allow) for one in real] if self.shadow else real

    def _real_couriers(self) -> list[Courier]:
        chosen = self.settings.outgoing
        if chosen.smarthost is None:
            return [MaildirCourier(self.instance.maildir)]
        limits = CourierLimits(answer_s=chosen.timeout.total_seconds())
        target = Smarthost(chosen.smarthost.host, chosen.smarthost.port, self.hostname(), limits=limits)
        return [SmtpCourier(target) for _ in range(chosen.connections)]

    def limits(self) -> GateLimits:
        """The caps and deadlines of the listeners."""
        intake = self.settings.intake
        return GateLimits(
            message_bytes=intake.message_size,
            recipients=intake.recipients,
            messages=intake.messages_per_connection,
            connections=intake.connections,
            connections_per_client=intake.connections_per_address,
            command_s=intake.command_timeout.total_seconds(),
            block_s=intake.data_timeout.total_seconds(),
            connection_s=intake.session_timeout.total_seconds(),
            trusted_networks=tuple(intake.trusted_networks),
            xforward_networks=tuple(self.settings.trust.xforward_networks),
        )

    def tls(self) -> ssl.SSLContext | None:
        """For STARTTLS, when a certificate is configured."""
        intake, home = self.settings.intake, self.instance.home
        if not intake.tls_certificate_file:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(home / intake.tls_certificate_file, home / intake.tls_key_file)
        return context

    def examine(self, envelope: Envelope, raw: bytes, trust: Trust) -> Mail:
        """A mail as a listener would let it in; raises what refuses it (mailgate.errors).

        `trust`: what an operator says of its author; unchecked: it is looked into as by the listener.
        """
        admission = self.admission(Writer(self.database), self.queues)
        for recipient in envelope.recipients:
            admission.check_recipient(envelope.client, envelope.reverse_path, recipient)
        if trust is not Trust.UNCHECKED:
            return admission.examine_as(envelope, raw, said(trust))
        if self.settings.auth == "off":
            return admission.examine_as(envelope, raw, None)
        return asyncio.run(admission.examine(envelope, raw))

    def accept_now(self, envelope: Envelope, raw: bytes, trust: Trust, *, hand_over: bool = False) -> Mail:
        """Let a mail in as a listener would, and make it durable; raises what refuses it.

        The caller deals with it, or after the lease a daemon; with `hand_over` the daemon, at once.
        """
        mail = self.examine(envelope, raw, trust)
        due_at = mail.received_at if hand_over else mail.received_at + LEASE
        inbound_id = self.write(lambda connection: inbound.accept(connection, mail, due_at))
        return with_id(mail, inbound_id)

    def write_at_once(self, work: Work[T]) -> Future[T]:
        """Run `work` now, and give what came of it as the writer would."""
        future: Future[T] = Future()
        try:
            future.set_result(self.write(work))
        except Exception as error:
            future.set_exception(error)
        return future
