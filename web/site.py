"""The endpoints: a GET changes nothing; a POST acts at once, without cookie or redirect (RFC 8058 3.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Connection
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from mailgate import confirming, leaving, moderation, waysout
from mailgate.app import App
from mailgate.commands import requests
from mailgate.confirming import Act
from mailgate.inbound import State
from mailgate.waysout import Leave
from tracker.model import Queue, TrackerError
from tracker.resources import resource_dir
from tracker.unit_of_work import UnitOfWork
from web import archive, moderating

T = TypeVar("T")
Write = Callable[[Callable[[Connection], T]], T]

_MOST_BYTES: Final = 4096
# As a form of either kind says it: "List-Unsubscribe=One-Click".
_ONE_CLICK: Final = re.compile(
    rb'List-Unsubscribe=One-Click|name="?List-Unsubscribe"?[^\r\n]*(?:\r?\n[^\r\n]+)*\r?\n\r?\nOne-Click'
)
_CONFIRM: Final = re.compile(rb"confirm=yes")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_ACT: Final = re.compile(rb"(?:^|&)act=([a-z]{3,10})(?:&|$)")
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}


class Site:
    """The pages of one instance. `write` runs work in one transaction, beside the daemon's own."""

    def __init__(self, app: App, write: Write[Any]) -> None:
        self._app = app
        self._write = write
        self._templates = Environment(
            loader=FileSystemLoader(resource_dir("templates") / "web"),
            undefined=StrictUndefined,
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def asgi(self) -> Starlette:
        """The application that a server runs."""
        both = ["GET", "POST"]
        app = Starlette(
            routes=[
                Route("/leave/{list}/{what}/{token}", self.leave, methods=both),
                Route("/confirm/{list}/{what}/{token}", self.confirm, methods=both),
                Route("/hold/{list}/{what}/{token}", self.hold, methods=both),
                Route("/login/{what}/{token}", self.login, methods=both),
                Route("/t/{number}", self.ticket),
                Route("/t/{number}/{n}", self.post),
            ],
            exception_handlers={404: self.not_found, 405: self.not_found},
        )
        # Else "/t/1/" is answered with an address made of what the client calls this host.
        app.router.redirect_slashes = False
        return app

    async def leave(self, request: Request) -> Response:
        """A way out: GET shows the button, POST leaves."""
        found = await run_in_threadpool(self._leave_of, request)
        if found is None:
            return self._not_found()
        if request.method != "POST":
            return self._page("leave.html.j2", leave=found)
        if not _ONE_CLICK.search(await _body(request)):
            return self._page("leave.html.j2", status=400, leave=found)
        await run_in_threadpool(self._write, lambda connection: self._do_leave(connection, found))
        return self._page("left.html.j2", leave=found)

    async def confirm(self, request: Request) -> Response:
        """An act that waits for its person: GET shows it, POST does it."""
        act = await run_in_threadpool(self._act_of, request)
        if act is None:
            return self._not_found()
        if request.method != "POST" or not _CONFIRM.search(await _body(request)):
            return self._page("confirm.html.j2", act=act)
        answers = await run_in_threadpool(self._write, lambda connection: self._do_act(connection, act))
        return self._page("confirmed.html.j2", answers=answers)

    async def hold(self, request: Request) -> Response:
        """A held mail: GET shows it to its moderator, POST decides; in a browser known as theirs."""
        found = await run_in_threadpool(moderating.asked, self._app, request)
        if found is None:
            return self._not_found()
        if not moderating.is_known(self._app, request, found.address):
            if request.method == "POST":
                ask = partial(moderating.ask_who, self._app, found=found)
                await run_in_threadpool(self._write, ask)
                return self._page("who.html.j2", status=403)
            return self._page("unknown.html.j2", queue=found.queue)
        act = _ACT.search(await _body(request)) if request.method == "POST" else None
        if act is None:
            return await run_in_threadpool(self._held, found)
        decide = partial(moderating.decide, self._app, found=found, act=act[1].decode("ascii"))
        decided = await run_in_threadpool(self._write, decide)
        return self._page("decided.html.j2", decided=decided)

    def _held(self, found: moderating.Asked) -> Response:
        entry = found.entry
        held = self._app.read(partial(moderation.show, entry=entry))
        was = "" if entry.state is State.HELD else moderation.was(entry)
        text = moderating.text_of(self._app, entry)
        return self._page("held.html.j2", held=held, queue=found.queue, was=was, text=text)

    async def login(self, request: Request) -> Response:
        """A browser becomes known as somebody's, by a link mailed to them: GET shows, POST does it."""
        address = moderating.of_login(self._app, request)
        if address is None:
            return self._not_found()
        known = request.method == "POST" and _CONFIRM.search(await _body(request)) is not None
        page = self._page("login.html.j2", address=address, known=known)
        if known:
            moderating.remember(self._app, page, address, self._app.clock())
        return page

    async def ticket(self, request: Request) -> Response:
        """A public ticket: its posts, a line each."""
        number = _number(request, "number")
        return await self._archived(
            lambda connection: archive.ticket_of(connection, number), "ticket.html.j2"
        )

    async def post(self, request: Request) -> Response:
        """One post of a public ticket."""
        wanted = _number(request, "number"), _number(request, "n")
        return await self._archived(lambda connection: archive.post_of(connection, *wanted), "post.html.j2")

    async def not_found(self, request: Request, error: Exception) -> Response:
        """For everything else, and for what one may not see: the same page."""
        return self._not_found()

    async def _archived(self, read: Callable[[Connection], Any], template: str) -> Response:
        page = await run_in_threadpool(self._app.read, read)
        return self._not_found() if page is None else self._page(template, page=page)

    def _leave_of(self, request: Request) -> Leave | None:
        queue = self._queue(request)
        parts = request.path_params
        keys = self._app.composer.keys
        return None if queue is None else waysout.from_path(queue, parts["what"], parts["token"], keys)

    def _act_of(self, request: Request) -> Act | None:
        queue = self._queue(request)
        act = None if queue is None else confirming.from_path(queue, request.path_params["what"])
        token, now = request.path_params["token"], self._app.clock()
        return None if act is None else confirming.proven(act, token, self._app.composer.keys, now)

    def _queue(self, request: Request) -> Queue | None:
        name = request.path_params["list"]
        return next((one for one in self._app.queues() if one.local_part == name), None)

    def _do_leave(self, connection: Connection, leave: Leave) -> None:
        uow = UnitOfWork(connection, self._app.clock())
        try:
            leaving.carry_out(uow, self._app.composer, leave)
        except TrackerError:
            # What is gone is left.
            return
        uow.flush()

    def _do_act(self, connection: Connection, act: Act) -> tuple[requests.Answer, ...]:
        uow = UnitOfWork(connection, self._app.clock())
        answers = requests.carry_out(uow, act)
        uow.flush()
        return answers

    def _page(self, template: str, status: int = 200, **values: object) -> Response:
        content = self._templates.get_template(template).render(**values)
        return HTMLResponse(content, status, headers=_HEADERS)

    def _not_found(self) -> Response:
        return self._page("missing.html.j2", status=404)


def _number(request: Request, name: str) -> int:
    """A number in a path; 0, which nothing has, where it is none that a database can hold."""
    text = request.path_params[name]
    return int(text) if _NUMBER.fullmatch(text) else 0


async def _body(request: Request) -> bytes:
    """The beginning of what was posted; more than a form of ours is not read."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            return b""
    return body
