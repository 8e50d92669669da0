"""What `mailgate rules try` takes: `make bench-try`.

An instance with ten thousand stored posts, a registry of a thousand resources, eleven rules in force, and
a draft with one more. Seconds of the whole command, beside a floor measured in the same run: reading them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection

from mailgate import inbound, registering, trying
from mailgate.admission import with_id
from mailgate.app import App
from mailgate.envelope import Client, Envelope
from mailgate.gateway import Conditions
from mailgate.inbound import InboundId, Mail, new_uid
from mailgate.instance import load_instance
from mailgate.setup import Wishes, initialise
from routing import editing, store
from routing.editing import Place
from routing.registry_store import Import
from routing.rules import make_rule
from tests.bench.community import question, settle
from tests.bench.routing import synthetic
from tests.support.daemon import LIST
from tracker.model import Trust
from tracker.unit_of_work import system_clock

_POSTS = 10_000
_BATCH = 200


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        initialise(Wishes(home, LIST, "OSG"), system_clock)
        app = App.open(load_instance(home))
        settle(app)
        by = Import("grid", "", "bench", app.clock())
        app.write(lambda connection: registering.put(connection, synthetic(1_000), by))
        for first in range(0, _POSTS, _BATCH):
            app.write(lambda connection, first=first: fill(app, connection, first))  # type: ignore[misc]
        rule = make_rule("idle", "route", "idle", ["center+=Security"])
        app.write(lambda c: store.save_draft(c, editing.add(store.active(c)[1], rule, Place()), app.clock()))
        floor = read_all(app)
        app.close()
        begun = time.monotonic()
        command = [
            str(Path(sys.executable).with_name("mailgate")),
            "rules",
            "try",
            "--home",
            str(home),
            "--json",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        took = time.monotonic() - begun
    print(done.stderr.strip().splitlines()[-1])
    print(f"{_POSTS} posts: {took:.1f} s, {took / floor:.1f} times reading them ({floor:.1f} s)")


def fill(app: App, connection: Connection, first: int) -> None:
    for n in range(first, first + _BATCH):
        letter = question(n)
        envelope = Envelope(Client("", "bench", "FILE", "-"), letter.sender, (LIST,))
        mail = Mail(InboundId(0), new_uid(), envelope, letter.content, app.clock(), Trust.UNCHECKED)
        known = with_id(mail, inbound.accept(connection, mail, app.clock()))
        app.gateway.receive(
            connection, app.read_mail(known, app.queues()), Conditions(app.clock(), quiet=True)
        )


def read_all(app: App) -> float:
    """Seconds of reading every stored mail once."""
    lists = app.queues()
    begun = time.monotonic()
    for stored in trying.since(app, app.clock() - timedelta(days=1)):
        app.read_mail(stored.mail, lists)
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
