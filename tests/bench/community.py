"""The community the bench runs on: a list, ten rules, their centers, and the mails people write to it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

from sqlalchemy import Connection

from mailgate.app import App
from routing import rules as rule_text
from routing import store as rule_store
from tests.bench.load import Letter
from tests.support.daemon import LIST
from tracker import nosy
from tracker.events import Actor
from tracker.model import TicketId, Wants
from tracker.people import normalise_address
from tracker.resources import resource_dir
from tracker.storage import centers, people
from tracker.unit_of_work import UnitOfWork

WATCHERS = 10
_CENTERS = ("USCMS", "USATLAS", "VDT", "Security", "Storage", "Operations")
# With the rule that ships, ten: a guard, routes by word, phrase, domain and pattern, and two that enrich.
_RULES = r"""
[[rule]]
name = "upstream-spam-verdict"
phase = "guard"
when = 'header:X-Spam-Flag:yes -sender:member'
then = ['hold "marked as spam upstream"']

[[rule]]
name = "key-compromise"
phase = "guard"
when = 'body:("private host key" | "key compromise" | "compromised account")'
then = ["private", "priority=critical"]

[[rule]]
name = "cms-people"
phase = "route"
when = 'domain:(cms.example | uscms.example) or subject:CMS'
then = ["center+=USCMS"]

[[rule]]
name = "atlas"
phase = "route"
when = 'subject:ATLAS or body:"panda job"'
then = ["center+=USATLAS"]

[[rule]]
name = "vdt-bugs"
phase = "route"
when = 'VDT (bug or crash or "exit status")'
then = ["center+=VDT", 'note "best effort, no guarantee"']

[[rule]]
name = "certificates"
phase = "route"
when = 'subject:(certificate | CRL | proxy) or body:~/CN=[A-Za-z ]+/'
then = ["center+=Security"]

[[rule]]
name = "storage"
phase = "route"
when = 'gridftp or xrootd or "storage element" or subject:~/\b(dcache|srm)\b/'
then = ["center+=Storage", "tag+=storage"]

[[rule]]
name = "crashes"
phase = "enrich"
when = 'subject:~/\b(crash(ed|es)?|segfault)\b/ or attachment:core.*'
then = ["tag+=crash", "priority=high"]

[[rule]]
name = "nights-at-the-desk"
phase = "fallback"
when = '*'
then = ["center+=Operations"]
"""
_TOPICS = (
    "xrootd door refuses connections",
    "VDT installer ends with exit status 2",
    "CMS jobs stay idle at the gatekeeper",
    "host certificate expires on Friday",
    "worker nodes lose their mounts",
    "ATLAS pilots find no software area",
)
_TEXT = """Hello,

since yesterday evening we see this on {host}:

    {host} gatekeeper[{number}]: Failure: globus_gss_assist_gridmap() failed authorization
    {host} gatekeeper[{number}]: TIME: {number} seconds, 3 retries, giving up

Restarting the service helps for an hour or so. Nothing was changed here but the usual
updates of the operating system. Did anybody see the same, and what did you do about it?
Other users of the same site report no trouble; those of the second cluster do.

Best regards,
{name}
"""
_ANSWER = """On Monday, {other} wrote:
> Restarting the service helps for an hour or so. Nothing was changed here but the usual
> updates of the operating system. Did anybody see the same, and what did you do about it?

We had that in spring (case {number}): the clock of {host} was off by six minutes, and every
proxy looked as if it came from the future. Compare the output of ntpq on both machines.

{name}
"""


def settle(app: App) -> None:
    """The centers, which have no address so that nobody is mailed, and the rules."""

    def work(connection: Connection) -> None:
        now = app.clock()
        for name in _CENTERS:
            centers.create(connection, name, None, Wants.OPENINGS, now)
        shipped = (resource_dir("config") / "routing.toml").read_text()
        rules = rule_text.parse_rules(shipped + _RULES)
        rule_store.put_in_force(connection, rules, rule_store.Change("bench", "ten rules", now))

    app.write(work)


def watch(app: App, ticket_id: TicketId) -> None:
    """Let the watchers follow a ticket."""

    def work(connection: Connection) -> None:
        uow = UnitOfWork(connection, app.clock())
        for n in range(WATCHERS):
            person = people.register(connection, normalise_address(_watcher(n)), f"Watcher {n}", app.clock())
            nosy.join(uow, ticket_id, person, "followed", Actor(person.id, "bench"))
        uow.flush()

    app.write(work)


def question(n: int) -> Letter:
    """A new mail, from one of fifty people."""
    person = f"user{n % 50}"
    host = f"ce{n % 90}.site{n % 30}.example"
    text = _TEXT.format(host=host, number=4711 + n, name=person.title())
    fields = {
        "From": f"{person.title()} <{person}@uni{n % 20}.example>",
        "Subject": f"{_TOPICS[n % len(_TOPICS)]} on ce{n}",
        "Message-ID": f"<q{n}.bench@mail.uni{n % 20}.example>",
    }
    return _letter(fields, text, f"{person}@uni{n % 20}.example")


def answer(n: int, to: Letter) -> Letter:
    """A reply to `to` by its author or one of the watchers, in turn."""
    writer = n % (WATCHERS + 1)
    address = _watcher(writer - 1) if writer else to.sender
    text = _ANSWER.format(other="User0", number=n, host="ce0.site0.example", name=f"Watcher {writer}")
    fields = {
        "From": f"Watcher {writer} <{address}>",
        "Subject": f"Re: {_TOPICS[0]} on ce0",
        "Message-ID": f"<a{n}.bench@mail.lab.example>",
        "In-Reply-To": "<q0.bench@mail.uni0.example>",
        "References": "<q0.bench@mail.uni0.example>",
    }
    return _letter(fields, text, address)


def _watcher(n: int) -> str:
    return f"watcher{n}@lab{n}.example"


def _letter(fields: dict[str, str], text: str, sender: str) -> Letter:
    common = {
        "To": LIST,
        "Date": format_datetime(datetime.now(UTC)),
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "User-Agent": "bench",
    }
    head = "".join(f"{name}: {value}\n" for name, value in (fields | common).items())
    return Letter(sender, (LIST,), f"{head}\n{text}".replace("\n", "\r\n").encode())
