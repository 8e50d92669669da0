"""What all commands share: the instance they work on, how refusals look, how tables are printed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property, wraps
from pathlib import Path
from tempfile import mkstemp
from typing import Any, Final, TypeVar

import click
from sqlalchemy import Connection
from sqlalchemy.exc import ArgumentError, DBAPIError

from mailgate import cli_tables, linting, trying
from mailgate.app import App
from mailgate.errors import MailError
from mailgate.instance import InstanceError, load_instance
from mailgate.settings import BadConfig
from mailgate.trying import Trial
from routing.facts import Facts
from routing.faults import Fault, RoutingError, place
from routing.lint import Finding
from routing.query import Query, parse_query
from routing.rules import RuleSet
from tracker import rights
from tracker.events import Actor
from tracker.model import Address, NoSuchTicket, Queue, Ticket, TrackerError
from tracker.people import normalise_address
from tracker.rights import Act, Proof, Standing
from tracker.storage import aliases, people
from tracker.unit_of_work import UnitOfWork

T = TypeVar("T")


class Context:
    """The instance a command works on; opened when it is first needed, so that --help needs none."""

    def __init__(self) -> None:
        self.home: Path | None = None
        # As whom the command is run; None: as the operator, who may do everything.
        self.acting: Address | None = None

    @cached_property
    def app(self) -> App:
        return App.open(load_instance(self.folder))

    @property
    def folder(self) -> Path:
        """The instance's folder; a click.UsageError says how to name it."""
        if self.home is None:
            raise click.UsageError("which instance? Give --home DIR, or set MAILGATE_HOME")
        return self.home

    @property
    def operator(self) -> str:
        return self.app.operator

    def actor(self, connection: Connection) -> Actor:
        """Who does what is done, for the history."""
        if self.acting is None:
            return Actor(None, self.operator)
        return Actor(people.find(connection, self.acting).id, self.operator)

    def allow(self, connection: Connection, act: Act, ticket: Ticket | None = None) -> None:
        """Raise a Refusal where who runs the command may not do this, to the ticket where there is one."""
        if self.acting is None:
            return
        sender = people.find_sender(connection, self.acting)
        if ticket is not None and not rights.may_see(connection, sender, ticket, Proof.LOGGED_IN):
            moderates = sender is not None and sender.roles.moderates(ticket.queue_id)
            if not (act is Act.MODERATE and moderates):
                raise NoSuchTicket(f"there is no ticket {ticket.id}")
        standing = rights.standing_of_nothing(sender)
        if ticket is not None:
            standing = rights.standing_of(connection, sender, ticket)
        private = ticket is not None and ticket.private
        if why := rights.objection(act, standing, Proof.LOGGED_IN, private=private):
            raise Refusal(f"{self.acting} may not: {why}")

    def allow_moderating(self, connection: Connection, queue: Queue) -> None:
        """Raise a Refusal where who runs the command does not moderate a list."""
        if self.acting is not None:
            sender = people.find_sender(connection, self.acting)
            standing = Standing(moderator=sender is not None and sender.roles.moderates(queue.id))
            if why := rights.objection(Act.MODERATE, standing, Proof.LOGGED_IN):
                raise Refusal(f"{self.acting} may not: {why}")

    def shows(self, connection: Connection, ticket: Ticket) -> bool:
        """Whether who runs the command may see a ticket."""
        if self.acting is None or not ticket.private:
            return True
        sender = people.find_sender(connection, self.acting)
        return rights.may_see(connection, sender, ticket, Proof.LOGGED_IN)

    def write(self, work: Callable[[Connection], T]) -> T:
        return self.app.write(work)

    def read(self, work: Callable[[Connection], T]) -> T:
        return self.app.read(work)

    def change(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run `work` in one transaction, with the events it causes."""

        def in_unit(connection: Connection) -> T:
            uow = UnitOfWork(connection, self.app.clock())
            result = work(uow)
            uow.flush()
            return result

        return self.write(in_unit)

    def facts_of(self, raw: bytes) -> Facts:
        return self.app.facts_of(raw)

    def new_text_file(self, name: str) -> Path:
        """A new empty file beside the configuration, for a text that must not be lost."""
        handle, path = mkstemp(".toml", f"{name}-{self.app.clock():%Y%m%dT%H%M%S}-", self.folder)
        os.close(handle)
        return Path(path)

    def center_names(self) -> frozenset[str]:
        return self.app.center_names()

    def broken_pins(self, rules: RuleSet) -> tuple[str, ...]:
        """A line for each pinned case that `rules` get wrong."""
        trial = Trial(self.app)
        return tuple(
            f"pin {one.pin.id}, ticket {one.pin.ticket_id} ({one.pin.note}):"
            f" must go to {one.pin.expected}, would go to {one.found}"
            for one in self.read(lambda connection: trial.broken(connection, rules))
        )

    def more_findings(self, rules: RuleSet) -> tuple[Finding, ...]:
        """What the registry and the mails of the last months say against rules."""
        grid, now = self.read(self.app.registry.read), self.app.clock()
        return self.read(lambda connection: linting.findings(connection, rules, grid, now))

    def rule_hits(self, span: timedelta) -> dict[str, tuple[int, datetime | None]]:
        """How often each rule matched in the last `span`, and when last, by name."""
        found = self.read(lambda connection: trying.hits(connection, span, self.app.clock()))
        return {name: (one.count, one.last) for name, one in found.items()}


# The commands that ask for the rights of who runs them, ticket by ticket; all others are for administrators.
_ASK_THEMSELVES: Final = frozenset(
    {
        *(("ticket", name) for name in ("list", "show", "set", "split", "merge", "move", "link")),
        *(("ticket", name) for name in ("follow", "unfollow")),
        *(("hold", name) for name in ("list", "approve", "reject")),
    }
)


class Refusal(click.ClickException):
    """A command that was refused: one clear line, exit 1."""

    exit_code = 1


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the library refuses into one clear line and exit 1."""
    try:
        yield
    except (TrackerError, RoutingError, InstanceError, MailError, BadConfig) as error:
        raise Refusal(str(error)) from None
    except DBAPIError as error:
        raise Refusal(f"the database does not answer: {str(error.orig).splitlines()[0]}") from None
    except (ArgumentError, ModuleNotFoundError) as error:
        raise Refusal(f"no database of that kind: {error}; write postgresql://… or leave it out") from None
    except OSError as error:
        raise Refusal(f"{error.filename or 'the system'}: {error.strerror}") from None


class Group(click.Group):
    """A group whose commands refuse in one line."""

    def invoke(self, ctx: click.Context) -> Any:
        with refusals():
            return super().invoke(ctx)


def give_home(command: click.Command) -> None:
    """Let every command below `command` take --home, wherever in the line it stands."""
    command.params.append(
        click.Option(
            ["--home"],
            envvar="MAILGATE_HOME",
            type=click.Path(path_type=Path, file_okay=False),
            metavar="DIR",
            help="The instance's folder.",
            expose_value=False,
            is_eager=True,
            callback=_remember_home,
        )
    )
    command.params.append(
        click.Option(
            ["--as"],
            envvar="MAILGATE_AS",
            metavar="ADDRESS",
            help="Do it as that person, with no more rights than theirs.",
            expose_value=False,
            callback=_remember_as,
        )
    )
    if isinstance(command, click.Group):
        for below in command.commands.values():
            give_home(below)
    elif command.callback is not None:
        command.callback = _for_administrators(command.callback)


def _for_administrators(run: Callable[..., Any]) -> Callable[..., Any]:
    """A command that is for them alone, unless it is one that asks itself who may."""

    @wraps(run)
    def checked(*args: Any, **kwargs: Any) -> Any:
        ctx = click.get_current_context()
        context = ctx.obj
        asks = tuple(ctx.command_path.split()[1:]) in _ASK_THEMSELVES
        if isinstance(context, Context) and context.acting is not None and not asks:
            context.read(lambda connection: context.allow(connection, Act.ADMINISTER))
        return run(*args, **kwargs)

    return checked


def _remember_as(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value and isinstance(ctx.obj, Context):
        with refusals():
            ctx.obj.acting = normalise_address(value)


def _remember_home(ctx: click.Context, _param: click.Parameter, value: Path | None) -> None:
    if ctx.obj is None:
        ctx.obj = Context()
    if value is not None and isinstance(ctx.obj, Context):
        ctx.obj.home = value.absolute()


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")


def print_rows(rows: Sequence[dict[str, Any]], *, as_json: bool, empty: str = "none") -> None:
    """Print `rows` (same keys each) as a table for people, or as JSON lines."""
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    if not rows:
        click.echo(empty, err=True)
        return
    names = list(rows[0])
    cli_tables.show(names, [[_cell(row[name]) for name in names] for row in rows])


def _cell(value: object) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return " ".join(str(value).split())


def parsed_query(text: str) -> Query:
    """A query as it was typed; a Refusal says where it goes wrong."""
    try:
        return parse_query(text)
    except Fault as fault:
        raise Refusal(f"{place(text, fault.offset)}: {fault}") from None


class _Span(click.ParamType[timedelta]):
    """A span of time, as 30d or 12h."""

    name = "span"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d{1,5})\s*([hdw])", str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no span of time; write it as 30d, 12h or 8w", param, ctx)
        hours = {"h": 1, "d": 24, "w": 7 * 24}[found[2]]
        return timedelta(hours=int(found[1]) * hours)


SPAN = _Span()


# As in "issue17" or "[issue17]" of another tracker.
_FOREIGN_NAME: Final = re.compile(r"\[?[a-z][a-z_]{0,30}\d{1,9}\]?", re.IGNORECASE | re.ASCII)


class _TicketNumber(click.ParamType[int]):
    """A ticket's number, as 42 or as it stands in subjects, #42; or its name from elsewhere, issue17."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value).removeprefix("#")
        context = None if ctx is None else ctx.find_object(Context)
        if _FOREIGN_NAME.fullmatch(text) and context is not None:
            return self._named(text.strip("[]").lower(), context)
        if not (text.isascii() and text.isdigit()):
            self.fail(f"{value!r} is not a ticket's number", param, ctx)
        return int(text)

    def _named(self, name: str, context: Context) -> int:
        """The ticket that was called that; a Refusal when it is none, or not the only one."""
        with refusals():
            found = context.read(lambda connection: aliases.on_lists(connection, name))
        if not found:
            raise Refusal(f"no ticket was called {name}")
        if len(found) > 1:
            numbers = ", ".join(map(str, sorted(found.values())))
            raise Refusal(f"tickets of several lists were called {name}: {numbers}")
        return next(iter(found.values()))


TICKET_NUMBER = _TicketNumber()


def done(text: str, *, as_json: bool = False, **values: Any) -> None:
    """Say that something is done."""
    click.echo(json.dumps(values, ensure_ascii=False) if as_json else text)
