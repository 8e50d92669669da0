"""Every script `*.smtp` beside this file is one conversation.

    # text          a comment
    ! name=value    a limit (mailgate.gate.Limits), or dialect=lmtp
    C: text         a line of the client, sent with CR LF; lines that follow each other go in one packet
    C- text         the same without CR LF
    S: text         one whole reply, whose last line begins so
    S: (closed)     the connection is closed
    A: address      what the house was asked about last: a recipient
    M: number       how many mails the house has taken
    B: text         the last mail, byte for byte

In C and B the escapes of Python hold: \\r, \\n, \\0, \\xNN, and \\u for UTF-8.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailgate.gate import Limits
from mailgate.smtpd import Dialect
from tests.support.smtp import FrontDoor, Peer, front_door

SCRIPTS = sorted(Path(__file__).parent.glob("*.smtp"))
# RFC 2034 4, 5: every 2yz, 4yz and 5yz, but for the greeting and the replies to HELO, EHLO and LHLO.
ENHANCED = re.compile(r"(?P<kind>[245])\d\d (?P=kind)\.\d{1,3}\.\d{1,3} [ -~]+")
HELLO = re.compile(r"(?:EHLO|HELO|LHLO) ", re.IGNORECASE)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_conversation_goes_as_written(script: Path) -> None:
    lines = [line for line in script.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    settings = dict(line[1:].strip().split("=") for line in lines if line.startswith("!"))
    dialect = Dialect(settings.pop("dialect", "smtp"))
    limits = Limits(**{name: int(value) for name, value in settings.items()})
    with front_door(limits, dialect) as door, Peer(door.port) as peer:
        play([line for line in lines if not line.startswith("!")], door, peer)


def play(lines: list[str], door: FrontDoor, peer: Peer) -> None:
    outgoing = b""
    hellos: list[bool] = []
    for line in lines:
        kind, text = line[:2], line[3:]
        if kind in {"C:", "C-"}:
            outgoing += octets(text) + (b"\r\n" if kind == "C:" else b"")
            hellos.append(bool(HELLO.match(text)))
            continue
        if outgoing:
            peer.send(outgoing)
            outgoing = b""
        if kind == "S:":
            hear(text, peer, hellos.pop(0) if hellos else False)
        else:
            look(kind, text, door)


def hear(expected: str, peer: Peer, hello: bool) -> None:
    reply = peer.reply()
    if expected == "(closed)":
        assert reply == ""
        return
    assert reply, f"closed instead of {expected!r}"
    last = reply.splitlines()[-1]
    assert last.startswith(expected), f"{last!r} does not begin with {expected!r}"
    if not hello and last[0] != "3":
        assert ENHANCED.fullmatch(last), last


def look(kind: str, text: str, door: FrontDoor) -> None:
    intake = door.intake
    if kind == "A:":
        assert intake.asked[-1].encode() == octets(text)
    elif kind == "B:":
        assert intake.mails[-1][1] == octets(text)
    else:
        assert kind == "M:"
        assert len(intake.mails) == int(text)


def octets(text: str) -> bytes:
    """`text` with its escapes resolved; above \\xff as UTF-8."""
    resolved = text.encode("latin-1", "backslashreplace").decode("unicode_escape")
    try:
        return resolved.encode("latin-1")
    except UnicodeEncodeError:
        return resolved.encode("utf-8")
