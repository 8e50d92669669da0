"""A Postfix of our own: its folders, ports and mailboxes are the test's, and nothing can leave it.

What joins it to mailgate are the files of config/postfix, as they stand there but for ports and paths.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.waiting import wait_until

HOWTO = Path(__file__).parents[2] / "config" / "postfix"
_PROGRAMS = ("postfix", "postconf", "postqueue", "swaks")
_NOBODY = 65534

# No DNS, no way out but our own mailboxes; retries in a second instead of minutes.
_MAIN = """\
compatibility_level = 3.6
queue_directory = {base}/spool
data_directory = {base}/data
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_authorized_xclient_hosts = 127.0.0.0/8
maillog_file = {base}/log
maillog_file_prefixes = {base}
smtp_dns_support_level = disabled
smtp_host_lookup = native
lmtp_host_lookup = native
relayhost = [127.0.0.1]:9
alias_maps =
alias_database =
local_transport = error:there are no local users
virtual_mailbox_domains = people.example, centers.example
virtual_mailbox_maps = texthash:{base}/etc/mailboxes
virtual_mailbox_base = {base}/mail
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
"""

_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def why_not() -> str | None:
    """Why there can be no Postfix here; None when there can."""
    missing = [program for program in _PROGRAMS if shutil.which(program, path=_path()) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    return None if os.geteuid() == 0 else "Postfix starts as root only"


def free_port() -> int:
    """A port that is free, and none of those that the kernel gives to whoever asks for any: another process
    may have such a one before Postfix listens.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class Postfix:
    """A running instance: `port` takes mail from the world, `back_port` what mailgate sends."""

    def __init__(self, base: Path, mailboxes: Iterable[str], port: int, back_port: int) -> None:
        self._mailboxes = tuple(mailboxes)
        self.port = port
        self.back_port = back_port
        self._base = base

    def start(self, lmtp: tuple[str, int], transports: str = "") -> None:
        """Start it before a mailgate at `lmtp`; `transports` are more lines for the transport map."""
        self._write_configuration(lmtp, transports)
        self._run("postfix", "start")
        wait_until(self._is_listening, 20)

    def stop(self) -> None:
        if (self._base / "spool/pid/master.pid").exists():
            self._run("postfix", "stop")

    def _write_configuration(self, lmtp: tuple[str, int], transports: str) -> None:
        etc = self._base / "etc"
        for name in ("etc", "etc/mailgate", "spool", "data", "mail"):
            (self._base / name).mkdir()
        shutil.chown(self._base / "data", "postfix")
        os.chown(self._base / "mail", _NOBODY, _NOBODY)
        replaced = {
            "/etc/postfix": str(etc),
            "[127.0.0.1]:2424": f"[{lmtp[0]}]:{lmtp[1]}",
            "127.0.0.1:10025": f"127.0.0.1:{self.back_port}",
        }
        howto = {path.name: _with(path.read_text(), replaced) for path in HOWTO.iterdir()}
        (etc / "main.cf").write_text(_MAIN.format(base=self._base) + howto["main.cf"])
        (etc / "master.cf").write_text(_MASTER.format(port=self.port) + howto["master.cf"])
        (etc / "mailboxes").write_text("".join(f"{address} {address}/\n" for address in self._mailboxes))
        (etc / "mailgate/transport").write_text(howto["transport"] + transports)
        (etc / "mailgate/recipients").write_text(howto["recipients"])

    def _run(self, *command: str) -> str:
        program, *arguments = command
        environment = {**os.environ, "PATH": _path(), "MAIL_CONFIG": str(self._base / "etc")}
        done = subprocess.run(
            [program, *arguments], env=environment, capture_output=True, text=True, timeout=30, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}{self.log()}")
        return done.stdout

    def _is_listening(self) -> bool:
        for port in (self.port, self.back_port):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                return False
        return True

    def log(self) -> str:
        path = self._base / "log"
        return path.read_text() if path.exists() else ""

    def queue(self) -> str:
        """What waits in the queue, a JSON object a line; "" when nothing does."""
        return self._run("postqueue", "-j")

    def flush(self) -> None:
        """Try what was deferred now."""
        self._run("postqueue", "-f")

    def mails_of(self, address: str) -> list[bytes]:
        """What lies in somebody's mailbox, oldest first."""
        folder = self._base / "mail" / address / "new"
        return [path.read_bytes() for path in sorted(folder.iterdir())] if folder.exists() else []

    def swaks(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Send a mail into it; the exit code is 0 for accepted, 24 when no recipient was."""
        return subprocess.run(
            ["swaks", "--server", f"127.0.0.1:{self.port}", "--helo", "client.example", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@contextmanager
def postfix(*mailboxes: str) -> Iterator[Postfix]:
    """An instance with `mailboxes` at people.example and centers.example.

    It is not started yet: mailgate is to know its ports first.
    """
    # Not under pytest's folder: Postfix and its mailboxes have users of their own, who may not look there.
    base = Path(tempfile.mkdtemp(prefix="mailgate-postfix-"))
    base.chmod(0o755)
    made = Postfix(base, mailboxes, free_port(), free_port())
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(base, ignore_errors=True)


def _with(text: str, replaced: dict[str, str]) -> str:
    for old, new in replaced.items():
        text = text.replace(old, new)
    return text


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
