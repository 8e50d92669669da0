"""What a mail costs from end to end, beside the floor of the stack: `python -m tests.bench.pipeline`.

(a) new mails: from SMTP to stored, routed tickets; eight connections, ten rules, durable before the 250.
(b) replies to a ticket that ten people watch: each is told by SMTP, each with a reply address of their own.
CPU is user and system of all our processes; the load generator and the sink are others, and not counted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select

from mailgate import deliveries, inbound
from mailgate.app import App
from mailgate.settings import HostPort
from tests.bench.community import WATCHERS, answer, question, settle, watch
from tests.bench.load import Letter, hand_in
from tests.support.daemon import Daemon, Process, new_instance
from tests.support.waiting import wait_until
from tracker.model import TicketId
from tracker.storage import tables as t

_DEADLINE_S = 300.0
# What we mean to reach, CPU ms a mail.
_AIMS = {"new mail": 2.0, "reply, 10 told": 6.0}


@dataclass(frozen=True)
class Figure:
    """One measured run: `peak_mib` is the largest memory of the process up to its end."""

    what: str
    mails: int
    mails_a_second: float
    cpu_ms: float
    peak_mib: float


def _measure(what: str, process: Process, letters: Sequence[Letter], send: Callable[[], float]) -> Figure:
    """Take the CPU that `process` needs for `send`, which gives the seconds it took."""
    before = process.usage()
    seconds = send()
    after = process.usage()
    cpu_ms = (after.cpu_s - before.cpu_s) / len(letters) * 1000
    return Figure(what, len(letters), len(letters) / seconds, cpu_ms, after.peak_bytes / 2**20)


def _hand_in(address: tuple[str, int], letters: Sequence[Letter], work: Path) -> float:
    """Hand in all; gives the seconds from the first connection to the last answer."""
    handed = hand_in(address, letters, work)
    if handed.replies != {"250": len(letters)}:
        raise RuntimeError(f"{len(letters)} mails sent, answered {handed.replies}: {handed.refusals}")
    return handed.seconds


def _until_idle(app: App) -> float:
    """Wait until nothing waits to be worked on, told or sent; gives the seconds that took."""
    begin = time.monotonic()
    wait_until(lambda: app.read(_is_idle), _DEADLINE_S)
    return time.monotonic() - begin


def _floor(what: str, letters: Sequence[Letter], work: Path) -> Figure:
    database = work / f"floor-{time.monotonic_ns()}.db"
    with Process(["-m", "tests.bench.floor", str(database)], work / "floor.log") as floor:
        address = _address(floor)
        return _measure(what, floor, letters, lambda: _hand_in(address, letters, work))


def _address(process: Process) -> tuple[str, int]:
    host, _, port = str(process.ready["address"]).rpartition(":")
    return host, int(port)


def _new_mails(letters: Sequence[Letter], work: Path) -> Figure:
    home = work / f"new-{time.monotonic_ns()}"
    app = new_instance(home)
    settle(app)
    with Daemon(home) as daemon:
        figure = _measure(
            "new mail", daemon, letters, lambda: _hand_in(daemon.smtp, letters, work) + _until_idle(app)
        )
        daemon.stop()
    if app.read(_routed_tickets) != len(letters):
        raise RuntimeError(f"{app.read(_routed_tickets)} routed tickets of {len(letters)} mails")
    app.close()
    return figure


def _replies(letters: Sequence[Letter], work: Path) -> Figure:
    home = work / f"replies-{time.monotonic_ns()}"
    with Process(["-m", "tests.support.sink", "--count-only"], work / "sink.log") as sink:
        app = new_instance(home, smarthost=HostPort(*_address(sink)))
        settle(app)
        with Daemon(home) as daemon:
            _hand_in(daemon.smtp, [question(0)], work)
            _until_idle(app)
            watch(app, TicketId(1))
            _until_idle(app)
            figure = _measure(
                "reply, 10 told",
                daemon,
                letters,
                lambda: _hand_in(daemon.smtp, letters, work) + _until_idle(app),
            )
            daemon.stop()
        counted = json.loads(sink.stop())["mails"]
    app.close()
    if counted != len(letters) * WATCHERS:
        raise RuntimeError(f"the sink counted {counted} copies of {len(letters)} replies")
    return figure


def _is_idle(connection: Connection) -> bool:
    waiting = inbound.counts(connection).get("waiting", 0)
    last = connection.execute(select(func.max(t.event.c.id))).scalar() or 0
    told = connection.execute(select(func.min(t.cursor.c.event_id))).scalar() or 0
    return not waiting and told >= last and not deliveries.counts(connection).get("waiting", 0)


def _routed_tickets(connection: Connection) -> int:
    routed = select(func.count(t.ticket_center.c.ticket_id.distinct()))
    return int(connection.execute(routed).scalar_one())


def _median(figures: Sequence[Figure]) -> Figure:
    """The run with the middle CPU; of an even number, the dearer of the two."""
    return sorted(figures, key=lambda figure: figure.cpu_ms)[len(figures) // 2]


def _print_table(figures: Sequence[Figure]) -> None:
    print(f"{'':<24}{'mails':>7}{'mails/s':>9}{'CPU ms':>9}{'aim':>7}{'x floor':>9}{'peak MiB':>10}")
    floors = {figure.what: figure for figure in figures if figure.what.startswith("floor")}
    for figure in figures:
        aim = _AIMS.get(figure.what)
        floor = floors.get(f"floor, {figure.what.partition(',')[0]}")
        times = "" if floor is None or floor is figure else f"{figure.cpu_ms / floor.cpu_ms:.1f}"
        print(
            f"{figure.what:<24}{figure.mails:>7}{figure.mails_a_second:>9.0f}{figure.cpu_ms:>9.2f}"
            f"{aim or '':>7}{times:>9}{figure.peak_mib:>10.0f}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the whole path of a mail.")
    parser.add_argument("--mails", type=int, default=500, help="new mails a run")
    parser.add_argument("--replies", type=int, default=300, help="replies a run")
    parser.add_argument("--runs", type=int, default=3, help="the median of so many is shown")
    parser.add_argument("--json", action="store_true", help="every run as one JSON object")
    options = parser.parse_args()
    news = [question(n) for n in range(options.mails)]
    answers = [answer(n, question(0)) for n in range(options.replies)]
    with tempfile.TemporaryDirectory(prefix="mailgate-bench-") as folder:
        work = Path(folder)
        measures: tuple[Callable[[], Figure], ...] = (
            lambda: _floor("floor, new mail", news, work),
            lambda: _new_mails(news, work),
            lambda: _floor("floor, reply", answers, work),
            lambda: _replies(answers, work),
        )
        # In turn, not one after the other: what else the machine does falls on all alike.
        runs = [[measure() for measure in measures] for _ in range(options.runs)]
    if options.json:
        print(json.dumps([[asdict(figure) for figure in run] for run in runs]))
        return 0
    _print_table([_median(same) for same in zip(*runs, strict=True)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
