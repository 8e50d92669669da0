"""The daemon: listeners on an event loop, and a thread for each stage behind them."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from mailgate import inbound, teaching
from mailgate.apart import is_costly
from mailgate.app import App
from mailgate.errands import run_due
from mailgate.gate import Gate
from mailgate.inbound import Mail
from mailgate.instance import InstanceError
from mailgate.listener import Listener
from mailgate.memory import Memory
from mailgate.settings import CONFIG_NAME, HostPort
from mailgate.smtpd import Dialect, House
from mailgate.stage import Pace, Stage
from mailgate.worker import Inbox
from tracker.model import Queue
from tracker.storage.database import Writer

_GRACE_S: Final = 20.0
_LISTS_FRESH_S: Final = 1.0
_ERRANDS_S: Final = 5.0

log = logging.getLogger(__name__)


class _Stoppable(Protocol):
    """A listener of any kind."""

    address: str

    async def stop(self, grace: float) -> None: ...


class Lists:
    """The lists of the instance, looked up anew when they are a second old: the command line adds some."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._known: Sequence[Queue] = ()
        self._read_at = 0.0

    def __call__(self) -> Sequence[Queue]:
        if not self._known or time.monotonic() - self._read_at > _LISTS_FRESH_S:
            self._known = self._app.queues()
            self._read_at = time.monotonic()
        return self._known


@dataclass(frozen=True, slots=True)
class Stages:
    """What happens behind the listeners, in the order in which a mail passes: one of two works on it."""

    work: Stage
    work_costly: Stage
    notify: Stage
    deliver: Stage
    errands: Stage

    def start(self) -> None:
        for stage in self._in_order():
            stage.start()

    def stop(self) -> None:
        """Each finishes the step it is in; what it leaves to the next is in the database."""
        for stage in self._in_order():
            stage.stop()

    def _in_order(self) -> tuple[Stage, ...]:
        return (self.work, self.work_costly, self.errands, self.notify, self.deliver)


@dataclass(frozen=True, slots=True)
class Inboxes:
    """Where accepted mails wait: the quick ones, and those that may cost much."""

    quick: Inbox
    costly: Inbox


def build_stages(app: App, writer: Writer, inboxes: Inboxes) -> Stages:
    """The stages, each kicking the next."""
    worker, notifier, deliverer = app.worker(writer.write), app.notifier, app.deliverer()

    def notify_step() -> int:
        told = writer.write(lambda connection: notifier.advance(connection, app.clock())).result()
        return (
            told
            or writer.write(lambda connection: notifier.advance_changes(connection, app.clock())).result()
        )

    def errands_step() -> int:
        run_due(app.errands, lambda work: writer.write(work).result(), app.clock())
        if app.settings.spam.teach_spam or app.settings.spam.teach_ham:
            # A command of the operator's, which may take long: no transaction waits for it.
            teaching.teach(app)
        deliver.kick()
        return 0

    idle = Memory().give_back
    deliver = Stage("deliver", lambda: deliverer.run_once(writer.write), idle=idle)
    notify = Stage("notify", notify_step, deliver.kick)
    work = Stage("work", lambda: worker.run_once(inboxes.quick), notify.kick)
    costly = Stage("work-costly", lambda: worker.run_once(inboxes.costly), notify.kick, idle=idle)
    errands = Stage("errands", errands_step, notify.kick, pace=Pace(look_again=_ERRANDS_S))
    return Stages(work, costly, notify, deliver, errands)


async def run(app: App) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    told_to_stop = _on_signals()
    writer, inboxes = Writer(app.database), Inboxes(Inbox(), Inbox(quick=False))
    stages = build_stages(app, writer, inboxes)
    # Nothing runs yet: if a port is taken, we end as if we had not begun.
    listeners: dict[str, _Stoppable] = {**await _listen(app, writer, inboxes, stages)}
    if app.settings.web.listen is not None:
        listeners["http"] = await _listen_web(app, writer, app.settings.web.listen)
    writer.start()
    app.write(lambda connection: inbound.release_leases(connection, app.clock()))
    stages.start()
    _say_ready(app, listeners)
    await told_to_stop.wait()
    log.info("stopping")
    await asyncio.gather(*(listener.stop(_GRACE_S) for listener in listeners.values()))
    await asyncio.to_thread(stages.stop)
    await asyncio.to_thread(writer.stop)


async def _listen(app: App, writer: Writer, inboxes: Inboxes, stages: Stages) -> dict[str, Listener]:
    admission = app.admission(writer, Lists(app))

    def accepted(mail: Mail) -> None:
        costly = is_costly(mail.raw)
        (inboxes.costly if costly else inboxes.quick).put(mail)
        (stages.work_costly if costly else stages.work).kick()

    admission.on_accepted(accepted)
    limits = app.limits()
    house = House(app.hostname(), admission, limits, Gate(limits), app.tls())
    wanted = (
        ("smtp", Dialect.SMTP, app.settings.smtp.listen),
        ("lmtp", Dialect.LMTP, app.settings.lmtp.listen),
    )
    return {name: await _listener(house, dialect, at) for name, dialect, at in wanted if at is not None}


async def _listener(house: House, dialect: Dialect, at: HostPort) -> Listener:
    try:
        return await Listener.start(house, dialect, at.host, at.port)
    except OSError as error:
        section = dialect.name.lower()
        advice = f"stop what is there, or change [{section}] listen in {CONFIG_NAME}"
        raise InstanceError(f"cannot listen on {at}: {error.strerror}; {advice}") from None


async def _listen_web(app: App, writer: Writer, at: HostPort) -> _Stoppable:
    # Only now: it costs a tenth of a second, and many an instance has no web.
    from web.server import WebListener
    from web.site import Site

    site = Site(app, lambda work: writer.write(work).result())
    try:
        return await WebListener.start(site.asgi(), app.settings.web, at)
    except OSError as error:
        advice = f"stop what is there, or change [web] listen in {CONFIG_NAME}"
        raise InstanceError(f"cannot listen on {at}: {error.strerror}; {advice}") from None


def _say_ready(app: App, listeners: Mapping[str, _Stoppable]) -> None:
    """One line of JSON for programs, hints for people on stderr."""
    names = ("smtp", "lmtp", "http")
    addresses = {name: listeners[name].address if name in listeners else None for name in names}
    print(json.dumps({"ready": True, **addresses}), flush=True)  # noqa: T201
    lists = ", ".join(queue.address for queue in app.queues())
    sys.stderr.write(f"mailgate serves {lists}\n")


def _on_signals() -> asyncio.Event:
    """Set when we are to stop. Who waits for our ready line may end us at once: it comes after this."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
