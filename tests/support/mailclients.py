"""Real mail clients without a screen: each answers a mail that lies in a Maildir, as its user would.

What they send goes through a small `sendmail`: ours to mailgate, for the others it is noted who they are,
as the MTA of a person would do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

_SENDMAIL = """\
#!/bin/sh
ours=""
for word in "$@"; do
    case "$word" in
        *@lists.example.org) ours="$ours $word" ;;
        *@*) [ "$word" = "{address}" ] || echo "$word" >> "{folder}/others" ;;
    esac
done
exec msmtp --host={host} --port={port} --auth=off --tls=off --from={address} -- $ours
"""
# The answer goes above the quote, as most write; the editor gets the file that holds the quote.
_EDITOR = """\
#!/bin/sh
{{ cat "{folder}/answer"; echo; cat "$1"; }} > "$1.new" && mv "$1.new" "$1"
"""
_MUTTRC = """\
set realname="{name}" from="{address}" use_from=yes use_envelope_from=yes
set sendmail="{folder}/sendmail" sendmail_wait=0 editor="{folder}/editor"
set reply_to=yes include=yes fast_reply=yes edit_headers=no autoedit=yes abort_nosubject=no
set copy=no confirmappend=no delete=no move=no header_cache="" signature="" postpone=no quit=yes
set abort_unmodified=no sort=date wait_key=no beep=no user_agent=yes
"""


def missing(*programs: str) -> str | None:
    """Which of `programs` are not installed here; None when all are."""
    found = [program for program in programs if shutil.which(program) is None]
    return f"not installed: {', '.join(found)}" if found else None


class Person:
    """Somebody with a mailbox of their own, whose mail goes out to `smtp`."""

    def __init__(self, folder: Path, name: str, address: str, smtp: tuple[str, int]) -> None:
        self.address = address
        self.smtp = smtp
        self.mailbox = folder / "Mail"
        self._folder = folder
        for part in ("tmp", "new", "cur"):
            (self.mailbox / part).mkdir(parents=True)
        values = {"folder": folder, "name": name, "address": address, "host": smtp[0], "port": smtp[1]}
        for file, text in (("sendmail", _SENDMAIL), ("editor", _EDITOR), ("muttrc", _MUTTRC)):
            (folder / file).write_text(text.format(**values))
            (folder / file).chmod(0o755)

    def fetch(self, outgoing: Path) -> int:
        """Take what the Maildir `outgoing` holds for this person; gives how many mails are there now."""
        for path in outgoing_mails(outgoing, self.address):
            (self.mailbox / "cur" / f"{path.name}:2,S").write_bytes(path.read_bytes())
        return len(list((self.mailbox / "cur").iterdir()))

    def others_written_to(self) -> list[str]:
        """Whom the last mails went to besides mailgate."""
        path = self._folder / "others"
        return path.read_text().split() if path.exists() else []

    def answer_with_neomutt(self, text: str, *, everybody: bool = False) -> None:
        """Answer the last mail, above the quote."""
        (self._folder / "answer").write_text(text + "\n")
        reply = "<group-reply>" if everybody else "<reply>"
        keys = f"push <last-entry>{reply}<send-message><quit>"
        command = f"neomutt -n -F {self._folder}/muttrc -f {self.mailbox} -e '{keys}'"
        self._run(["script", "-qec", command, "/dev/null"], "")

    def answer_with_s_nail(self, text: str, *, everybody: bool = False) -> None:
        """Answer the last mail, below the quote, as this client does."""
        # It has them the other way round: `Reply` is for the sender alone.
        command = "reply" if everybody else "Reply"
        settings = (f"-Smta={self._folder}/sendmail", f"-Sfrom={self.address}", f"-Sfolder={self._folder}")
        flags = ("-#", "-n", "-Sv15-compat", "-Sindentprefix=> ", "-Squote", "-Sreply-to-honour=yes")
        arguments = ["s-nail", *flags, *settings, "-f", str(self.mailbox)]
        self._run(arguments, f"{command} $\n{text}\n~.\nxit\n")

    def _run(self, command: list[str], typed: str) -> None:
        environment = {**os.environ, "HOME": str(self._folder), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
        environment |= {"MAILRC": "/dev/null", "DEAD": "/dev/null"}
        done = subprocess.run(
            command, input=typed, env=environment, capture_output=True, text=True, timeout=30, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{command}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def outgoing_mails(outgoing: Path, address: str = "") -> list[Path]:
    """The mails in the Maildir `outgoing` for `address`, or for everybody, oldest first."""
    new = outgoing / "new"
    found: Iterable[Path] = new.iterdir() if new.exists() else ()
    wanted = f"\nDelivered-To: {address}\n".encode() if address else b""
    return sorted(path for path in found if wanted in path.read_bytes()[:2000])
