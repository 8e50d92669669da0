"""Whole mails from a grammar: nested parts, encodings, charsets, quotes, HTML, reports, odd attachments."""

from __future__ import annotations

import base64
import binascii
import quopri
from collections.abc import Callable, Sequence
from random import Random

from tests.fuzz.words import WORDS

_PEOPLE = (
    b"Ann Lee <ann@x.example>",
    b"bob@y.example",
    b'"Q, \\"P\\"" <q@z.example>',
    b"=?utf-8?q?J=C3=BC?= <j@x.example>",
)
_OURS = (
    b"osg-general@lists.example.org",
    b"osg-general+1@lists.example.org",
    b"osg-general+private@lists.example.org",
)
_IDS = (
    b"<first@osg.example>",
    b"<secret@osg.example>",
    b"<never@osg.example>",
    b"<a1@x.example>",
    b"{root:1}",
    b"bare@x.example",
)
_SUBJECTS = (
    b"Disk full",
    b"Re: Disk full",
    b"AW: [OSG #1] Disk full",
    b"Fwd: Disk full",
    b"[PATCH 1/2] mend it",
    b"=?utf-8?b?w5xiZXIgYWxsZXM=?=",
    b"Help",
    b"Backup fails (was: Disk full)",
    b"Out of office",
)
_SENTENCES = (
    "The disk is full again.",
    "Can you look at node 7?",
    "Grüße",
    "磁盘已满",
    "Привет",
    "Thanks, Ann",
    "!private",
    "\x00\x07",
)
_ATTRIBUTIONS = (
    "On Mon, 2 Mar 2026 at 10:00, Ann <ann@x.example> wrote:",
    "Am 2.3.2026 um 10:00 schrieb Ann:",
    "Le lun. 2 mars 2026 à 10:00, Ann a écrit :",
    "-----Original Message-----",
    "---------- Forwarded message ---------",
    "Ann <ann@x.example> writes:",
)
_TAILS = (
    "-- \nAnn Lee\nx.example",
    "Sent from my phone",
    "_" * 40 + "\nhelp mailing list\nhelp@lists.example",
    "",
)
_CHARSETS = ("utf-8", "iso-8859-1", "utf-16", "iso-2022-jp", "gb18030", "koi8-r", "utf-7")


def mail(rng: Random) -> bytes:
    """One mail, mostly in order and sometimes not."""
    fields = [
        b"From: " + rng.choice(_PEOPLE),
        b"To: " + b", ".join(rng.sample((*_PEOPLE, *_OURS), rng.randint(1, 3))),
    ]
    fields += [
        b"Subject: " + rng.choice(_SUBJECTS),
        b"Date: Mon, 2 Mar 2026 10:00:%02d +0100" % rng.randrange(60),
    ]
    fields += [b"Message-ID: <m%d@x.example>" % rng.randrange(5)] if rng.random() < 0.9 else []
    fields += _some(rng, 0.5, lambda: b"In-Reply-To: " + rng.choice(_IDS))
    fields += _some(rng, 0.5, lambda: b"References: " + b" ".join(rng.choices(_IDS, k=3)))
    fields += _some(
        rng, 0.2, lambda: b"Thread-Index: " + base64.b64encode(rng.randbytes(rng.choice((22, 27, 5))))
    )
    fields += _some(rng, 0.2, lambda: rng.choice(WORDS) + rng.choice(WORDS))
    rng.shuffle(fields)
    return b"\r\n".join(fields) + b"\r\n" + _entity(rng, 0)


def _some(rng: Random, chance: float, make: Callable[[], bytes]) -> list[bytes]:
    return [make()] if rng.random() < chance else []


def _entity(rng: Random, depth: int) -> bytes:
    """The fields that describe a part, an empty line, and its body."""
    makers: Sequence[Callable[[Random, int], bytes]] = (
        _text,
        _text,
        _html,
        _file,
        _calendar,
        _uuencoded,
        _flowed,
    )
    if depth < 4:
        makers = (*makers, _multipart, _multipart, _multipart, _message, _report)
    return rng.choice(makers)(rng, depth)


def _leaf(rng: Random, kind: str, text: str, *parameters: str) -> bytes:
    charset = rng.choice(_CHARSETS)
    data = text.encode(charset, "replace")
    head = "; ".join((kind, f"charset={rng.choice((charset, charset, 'us-ascii', 'x-none'))}", *parameters))
    return b"Content-Type: " + head.encode() + b"\r\n" + _encoded(rng, data)


def _encoded(rng: Random, data: bytes) -> bytes:
    way = rng.choice((b"8bit", b"base64", b"quoted-printable", b""))
    if way == b"base64":
        data = base64.encodebytes(data)
    elif way == b"quoted-printable":
        data = quopri.encodestring(data)
    said = b"Content-Transfer-Encoding: %s\r\n" % way if way else b""
    return said + b"\r\n" + data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n"


def _words(rng: Random, depth: int = 0) -> str:
    """A text as clients write it: answers, attributions, quotes in quotes, and a tail."""
    lines = rng.choices(_SENTENCES, k=rng.randint(1, 4))
    if depth < 3 and rng.random() < 0.7:
        quoted = _words(rng, depth + 1).split("\n")
        lines += ["", rng.choice(_ATTRIBUTIONS)] if rng.random() < 0.8 else []
        lines += [rng.choice(("> ", ">", "", "    ")) + line for line in quoted]
    return "\n".join((*lines, rng.choice(_TAILS)))


def _text(rng: Random, _: int) -> bytes:
    return _leaf(rng, "text/plain", _words(rng))


def _flowed(rng: Random, _: int) -> bytes:
    text = _words(rng).replace("\n", rng.choice((" \n", "\n")))
    return _leaf(rng, "text/plain", text, "format=flowed", f"delsp={rng.choice(('yes', 'no'))}")


def _html(rng: Random, _: int) -> bytes:
    tags = ("p", "div", "blockquote", "pre", "b", "td", "style", 'div class="gmail_quote"', "h1", "li")
    text = ""
    for line in _words(rng).split("\n"):
        tag = rng.choice(tags)
        text += f"<{tag}>{line}" + (f"</{tag.split()[0]}>" if rng.random() < 0.8 else "<br>") + "\n"
    return _leaf(rng, "text/html", text)


def _file(rng: Random, _: int) -> bytes:
    kind = rng.choice(
        (b"application/pdf", b"image/png", b"application/ms-tnef", b"application/pkcs7-mime", b"text/plain")
    )
    name = rng.choice(
        (b'filename="a.pdf"', b"filename*=utf-8''%C3%BC.txt", b"filename=winmail.dat", b'filename=""', b"x=y")
    )
    way = rng.choice((b"attachment", b"inline"))
    data = b"\x78\x9f\x3e\x22\x01\x00" + rng.randbytes(30)
    return b"Content-Type: %s\r\nContent-Disposition: %s; %s\r\n" % (kind, way, name) + _encoded(rng, data)


def _calendar(rng: Random, _: int) -> bytes:
    lines = (
        "BEGIN:VCALENDAR",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        "SUMMARY:" + rng.choice(_SENTENCES),
        "DTSTART:20260302T100000Z",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return _leaf(rng, "text/calendar", "\n".join(lines), "method=REQUEST")


def _uuencoded(rng: Random, _: int) -> bytes:
    body = b"".join(binascii.b2a_uu(rng.randbytes(rng.randint(1, 45))) for _ in range(rng.randint(0, 4)))
    file = b"begin 644 a.bin\n" + body + rng.choice((b"`\nend\n", b"end\n", b""))
    return b"Content-Type: text/plain\r\n\r\n" + (_words(rng).encode() + b"\n" + file).replace(b"\n", b"\r\n")


def _multipart(rng: Random, depth: int) -> bytes:
    kind = rng.choice((b"mixed", b"alternative", b"related", b"signed", b"digest", b"encrypted", b"x-other"))
    edge = b"b%d" % (depth if rng.random() < 0.9 else 0)
    parts = b"".join(b"--%s\r\n" % edge + _entity(rng, depth + 1) for _ in range(rng.randint(0, 3)))
    end = b"--%s--\r\n" % edge if rng.random() < 0.9 else b""
    return b'Content-Type: multipart/%s; boundary="%s"\r\n\r\n' % (kind, edge) + parts + end


def _message(rng: Random, depth: int) -> bytes:
    inner = b"From: %s\r\nSubject: %s\r\n" % (rng.choice(_PEOPLE), rng.choice(_SUBJECTS))
    return b"Content-Type: message/rfc822\r\n\r\n" + inner + _entity(rng, depth + 1)


def _report(rng: Random, depth: int) -> bytes:
    kind = rng.choice((b"delivery-status", b"disposition-notification", b"feedback-report"))
    bounced = b"Final-Recipient: rfc822; ann@x.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    status = b"Reporting-MTA: dns; mx.example\r\n\r\n" + bounced
    parts = (_text(rng, depth), b"Content-Type: message/%s\r\n\r\n" % kind + status, _message(rng, depth + 1))
    body = b"".join(b"--r\r\n" + part + b"\r\n" for part in parts)
    return b"Content-Type: multipart/report; report-type=%s; boundary=r\r\n\r\n" % kind + body + b"--r--\r\n"
