"""The hostile mails of the shared folder, each with its right outcome; and the way to hand them in."""

from __future__ import annotations

import json
import os
import re
import smtplib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.daemon import LIST

_DOT = re.compile(rb"(?m)^\.")


class NoHostileMail(Exception):
    """The shared folder is not here."""


@dataclass(frozen=True)
class Hostile:
    """One mail; `codes` are the replies that are right, as "250" or "554 5.6.0"."""

    name: str
    raw: bytes
    codes: tuple[str, ...]


def hostile_mails(folder: Path) -> list[Hostile]:
    """Have them written to `folder`; raises NoHostileMail."""
    beside = Path(__file__).parents[3] / "shared"
    maker = Path(os.environ.get("MAILGATE_SHARED") or beside) / "data/nasty/make.py"
    if not maker.exists():
        raise NoHostileMail(f"no {maker}: set MAILGATE_SHARED to the folder with data/")
    subprocess.run([sys.executable, str(maker), str(folder)], check=True, capture_output=True)
    lines = (folder / "expect.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    return [
        Hostile(each["file"], (folder / each["file"]).read_bytes(), tuple(each["code"].split("|")))
        for each in entries
    ]


def hand_in(smtp: tuple[str, int], raw: bytes, sender: str = "ann@x.test") -> str:
    """Hand in one mail, bytes as they are; the reply that ended it."""
    with smtplib.SMTP(*smtp, timeout=60) as session:
        session.ehlo("client.example")
        for command in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{LIST}>", "DATA"):
            code, text = session.docmd(command)
            if code not in (250, 354):
                return f"{code} {text.decode('ascii')}"
        session.send(_DOT.sub(b"..", raw) + (b"" if raw.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        code, text = session.getreply()
        return f"{code} {text.decode('ascii')}"
