"""A GNU Mailman 3 core of our own: its folders, ports and lists are the test's, and nothing can leave it.

It is installed from the index, once, into an environment of its own outside the repository: it brings forty
packages, some of other versions than ours.
"""

from __future__ import annotations

import base64
import json
import os
import smtplib
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mailgate.scan import to_crlf
from tests.support.environments import programs
from tests.support.postfix import free_port
from tests.support.waiting import wait_until

# SQLAlchemy 2.1 takes no SELECT as a FROM any more, which its rosters are.
_WANTED = ("mailman==3.3.10", "sqlalchemy<2.1")
_START_S, _STOP_S = 60.0, 30.0
_QUEUES = ("in", "pipeline", "out", "virgin", "digest", "command", "retry")
_CREDENTIALS = base64.b64encode(b"restadmin:restpass").decode()

# No aliases written, no DNS asked for longer than it takes to fail, and what runs looks often.
_CONFIGURATION = """\
[mailman]
layout: here
site_owner: site-owner@site.example
[paths.here]
var_dir: {base}/var
[mta]
incoming: mailman.mta.null.NullMTA
smtp_host: 127.0.0.1
smtp_port: {relay}
lmtp_host: 127.0.0.1
lmtp_port: {lmtp}
max_recipients: 500
[webservice]
hostname: 127.0.0.1
port: {rest}
workers: 1
[dmarc]
resolver_timeout: 1s
resolver_lifetime: 1s
org_domain_data_url: file://{base}/suffixes
[runner.master]
sleep_time: 0.1s
[runner.archive]
start: no
[runner.bounces]
start: no
[runner.retry]
start: no
[runner.task]
start: no
"""


class Mailman:
    """A running core that hands its mail to the SMTP server at `relay`."""

    def __init__(self, base: Path, relay: tuple[str, int]) -> None:
        self._bin = programs(*_WANTED)
        self._base = base
        self.lmtp = ("127.0.0.1", free_port())
        self._rest = ("127.0.0.1", free_port())
        self._configuration = base / "mailman.cfg"
        base.mkdir(parents=True, exist_ok=True)
        (base / "suffixes").write_text("example\n")
        self._configuration.write_text(
            _CONFIGURATION.format(base=base, relay=relay[1], lmtp=self.lmtp[1], rest=self._rest[1])
        )

    @contextmanager
    def running(self) -> Iterator[Mailman]:
        command = [self._bin / "python", self._bin / "master", "-C", self._configuration]
        with (self._base / "master.log").open("wb") as log:
            master = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._base)
        try:
            wait_until(lambda: _listens(self.lmtp) and _listens(self._rest), _START_S)
            yield self
        finally:
            master.terminate()
            master.wait(_STOP_S)

    def make_list(self, address: str, **settings: str) -> None:
        """A list that takes posts from everybody, whatever they look like."""
        domain = address.rpartition("@")[2]
        if not any(one["mail_host"] == domain for one in self._ask("GET", "domains").get("entries", [])):
            self._ask("POST", "domains", {"mail_host": domain})
        self._ask("POST", "lists", {"fqdn_listname": address})
        open_to_all = {
            "default_nonmember_action": "accept",
            "default_member_action": "accept",
            "require_explicit_destination": "false",
            "administrivia": "false",
            "max_message_size": "0",
            "max_num_recipients": "0",
            "send_welcome_message": "false",
        }
        self._ask("PATCH", f"lists/{address}/config", open_to_all | settings)

    def subscribe(
        self, list_address: str, member: str, *, name: str = "", confirmed: bool = True, **settings: str
    ) -> None:
        """Put somebody on a list; `settings` as delivery_mode, delivery_status, moderation_action."""
        said = str(confirmed).lower()
        wishes = {"list_id": list_address.replace("@", "."), "subscriber": member, "pre_verified": said}
        if name:
            wishes["display_name"] = name
        self._ask("POST", "members", wishes | {"pre_confirmed": said, "pre_approved": said})
        where = f"members/{self._member(list_address, member)}" if settings else ""
        for setting, value in settings.items():
            # Whether somebody gets mail is a preference, which kind a field of the membership.
            place = f"{where}/preferences" if setting == "delivery_status" else where
            self._ask("PATCH", place, {setting: value})

    def unsubscribe(self, list_address: str, member: str) -> None:
        self._ask("DELETE", f"members/{self._member(list_address, member)}")

    def roster(self, list_address: str) -> list[dict[str, Any]]:
        """The members of a list, as Mailman tells of them."""
        found = self._ask("GET", f"lists/{list_address}/roster/member")
        entries: list[dict[str, Any]] = found.get("entries", [])
        return entries

    def ban(self, list_address: str, pattern: str) -> None:
        self._ask("POST", f"lists/{list_address}/bans", {"email": pattern})

    def rest(self, path: str) -> dict[str, Any]:
        """What an admin is told at an address of its REST interface."""
        return self._ask("GET", path)

    def run(self, *words: str) -> str:
        """What `mailman` prints."""
        command = [self._bin / "mailman", "--run-as-root", "-C", self._configuration, *words]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_START_S)
        return done.stdout

    def _member(self, list_address: str, member: str) -> str:
        [found] = [one for one in self.roster(list_address) if one["email"] == member]
        return str(found["member_id"])

    def send_digest(self, list_address: str) -> None:
        self._ask("POST", f"lists/{list_address}/digest", {"send": "true"})

    def post(self, list_address: str, reverse_path: str, content: bytes) -> None:
        """Hand a mail to the list, as the MTA in front of Mailman does."""
        with smtplib.LMTP(*self.lmtp) as session:
            session.sendmail(reverse_path, [list_address], to_crlf(content))

    def is_idle(self) -> bool:
        """Whether all it was given has gone out."""
        queue = self._base / "var" / "queue"
        return not any(name for one in _QUEUES if (queue / one).exists() for name in os.listdir(queue / one))

    def shunted(self) -> int:
        """How many mails it could not deal with."""
        folder = self._base / "var" / "queue" / "shunt"
        return len(list(folder.iterdir())) if folder.exists() else 0

    def _ask(self, method: str, path: str, values: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What its REST interface answers."""
        data = None if values is None else urllib.parse.urlencode(values).encode()
        url = f"http://{self._rest[0]}:{self._rest[1]}/3.1/{path}"
        request = urllib.request.Request(url, data, {"Authorization": f"Basic {_CREDENTIALS}"}, method=method)
        with urllib.request.urlopen(request, timeout=_START_S) as answer:
            content = answer.read()
        found: dict[str, Any] = json.loads(content) if content else {}
        return found


def _listens(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return False
    return True
