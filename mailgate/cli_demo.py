"""A community to play with: nothing to set up."""

from __future__ import annotations

import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Final

import click
from sqlalchemy import Connection

from mailgate import registering
from mailgate.admission import with_id
from mailgate.app import App
from mailgate.cli_base import Context, Refusal
from mailgate.envelope import Client, Envelope
from mailgate.gateway import Conditions
from mailgate.inbound import InboundId, Mail, accept, new_uid
from mailgate.instance import load_instance, sole_daemon
from mailgate.scan import ScanLimits, scan, to_crlf
from mailgate.serving import serve_app
from mailgate.setup import Wishes, initialise
from routing import rules as rule_text
from routing import store as rule_store
from routing.registry_store import Import
from tracker.model import Delivery, Trust, Wants
from tracker.people import normalise_address
from tracker.resources import resource_dir
from tracker.storage import centers, people, queues
from tracker.storage import tickets as ticket_store

LIST: Final = "osg-general@lists.example.org"
_AUTHOR: Final = "mailgate demo"
_PEOPLE: Final = (
    ("ann@uni-north.example", "Ann Administrator", Delivery.ALL),
    ("bo@lab-south.example", "Bo Builder", Delivery.ALL),
    ("cho@volunteers.example", "Cho Expert", Delivery.NEW),
)
_CENTERS: Final = (
    ("USCMS", "uscms-support@centers.example", ("US CMS",), "uma@centers.example"),
    ("VDT", "vdt-support@centers.example", ("VDT Support Center",), "vic@centers.example"),
    ("OSG Operations", "operations@centers.example", ("GOC",), "olga@centers.example"),
)


@click.command()
@click.pass_obj
def demo(context: Context) -> None:
    """Serve a sample community: subscribers, centers, rules, tickets. Nothing to set up.

    With --home DIR the instance is kept there, and sown only once; without, it is gone afterwards.
    """
    if context.home is not None:
        _serve_sown(context.home)
        return
    folder = Path(tempfile.mkdtemp(prefix="mailgate-demo-"))
    try:
        _serve_sown(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serve_sown(home: Path) -> None:
    initialise(Wishes(home, LIST, "OSG"))
    app = App.open(load_instance(home))
    try:
        if [queue.address for queue in app.queues()] != [LIST]:
            raise Refusal(f"{home} is an instance of your own; the demo wants a folder to itself")
        with sole_daemon(home) as alone:
            if not alone:
                raise Refusal(f"a daemon serves {home} already; stop it first")
        sow(app)
        sys.stderr.write(_hints(app))
        serve_app(app)
    finally:
        app.close()


def sow(app: App) -> None:
    """Fill an instance with the sample community, unless somebody is on its list already."""
    if app.read(queues.subscribers):
        return
    app.write(lambda connection: _sow_people(connection, app))
    for offset, mail in enumerate(sorted((resource_dir("config") / "demo").glob("*.eml"))):
        _post(app, to_crlf(mail.read_bytes()), offset)


def _sow_people(connection: Connection, app: App) -> None:
    now, queue = app.clock(), queues.everyone(connection)[0]
    for address, name, delivery in _PEOPLE:
        person = people.register(connection, normalise_address(address), name, now)
        people.set_member(connection, person.id, member=True)
        queues.subscribe(connection, queue.id, person.id, delivery, now)
    for name, address, aliases, member in _CENTERS:
        center = centers.create(connection, name, normalise_address(address), Wants.OPENINGS, now)
        for alias in aliases:
            centers.add_alias(connection, center.id, alias)
        person = people.register(connection, normalise_address(member), "", now)
        centers.add_member(connection, center.id, person.id)
    folder = resource_dir("config") / "demo"
    text = (folder / "routing.toml").read_text()
    change = rule_store.Change(_AUTHOR, "the sample community's rules", now)
    rule_store.put_in_force(connection, rule_text.parse_rules(text), change)
    grid = registering.read(folder / "registry.json", lambda _: None).registry
    registering.put(connection, grid, Import("sample grid", "the sample community's grid", _AUTHOR, now))


def _post(app: App, raw: bytes, offset: int) -> None:
    """A ticket of the past, of which nobody is told any more."""
    at = app.clock() - timedelta(days=3) + timedelta(minutes=offset)
    author = scan(raw, ScanLimits()).from_address
    envelope = Envelope(Client("", "localhost", "FILE", "demo"), author, (LIST,))
    mail = Mail(InboundId(0), new_uid(), envelope, raw, at, Trust.UNCHECKED)

    def take_in(connection: Connection) -> None:
        known = with_id(mail, accept(connection, mail, at))
        reading = app.read_mail(known, queues.everyone(connection))
        app.gateway.receive(connection, reading, Conditions(at, quiet=True))

    app.write(take_in)


def _hints(app: App) -> str:
    home, smtp = app.instance.home, app.settings.smtp.listen
    command = Path(sys.argv[0]).name if Path(sys.argv[0]).name == "mailgate" else "mailgate"
    program = str(Path(sys.executable).with_name(command))
    hints = (resource_dir("config") / "demo" / "hints.txt").read_text()
    return hints.format(
        tickets=app.read(ticket_store.count),
        next=app.read(ticket_store.newest) + 1,
        subscribers=len(app.read(queues.subscribers)),
        centers=len(app.read(centers.everyone)),
        host=smtp.host if smtp else "127.0.0.1",
        port=smtp.port if smtp else 0,
        list=LIST,
        web=app.settings.web.listen or "(no web: see [web] in the configuration)",
        mailgate=program,
        home=home,
        maildir=app.instance.maildir,
    )
