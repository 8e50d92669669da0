"""What inject, explain and export print has exactly the keys that people's scripts were promised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from mailgate.setup import Wishes, initialise
from tests.support.command_line import CommandLine

# Nine commands, each a process of its own.
pytestmark = pytest.mark.slow

MAIL = b"""From: Ann Lee <ann@a.example>
To: osg-general@lists.example.org
Cc: Bob <bob@b.example>
Subject: Re: [urgent] Disk full
Message-ID: <one@a.example>
In-Reply-To: <parent@a.example>
References: <root@a.example> <parent@a.example>
Date: Mon, 02 Mar 2026 10:00:00 +0100
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/plain; charset=utf-8

It is full.

> Is it?

--\x20
Ann
--b
Content-Type: text/plain; name="df.txt"
Content-Disposition: attachment; filename="df.txt"

100%
--b--
"""
INJECT = [
    "file",
    "inbound",
    "disposition",
    "ticket",
    "created",
    "evidence",
    "rule",
    "centers",
    "cc",
    "fallback",
    "tags",
    "held",
    "reply",
    "recipients",
]
READING = [
    "message_id",
    "subject",
    "from",
    "sender_repaired",
    "to",
    "cc",
    "date",
    "references",
    "text",
    "new_text",
    "quoted_text",
    "signature",
    "html",
    "attachments",
    "forwarded",
    "signed",
    "encrypted",
    "bounces",
    "defects",
]
EXPORT = [
    "ticket",
    "title",
    "status",
    "priority",
    "queue",
    "topic",
    "tags",
    "requester",
    "opener",
    "owner",
    "centers",
    "nosy",
    "private",
    "links",
    "aliases",
    "posts",
    "history",
]
POST = [
    "n",
    "message_id",
    "author",
    "author_name",
    "date",
    "received",
    "subject",
    "text",
    "new_text",
    "trust",
    "disposition",
    "attachments",
]


@dataclass(frozen=True)
class Printed:
    """What the commands print of one mail: before it came, when it came, and after."""

    explained: dict[str, Any]
    before: str
    injected: dict[str, Any]
    stored: dict[str, Any]
    exported: dict[str, Any]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Printed:
    folder = tmp_path_factory.mktemp("printed")
    initialise(Wishes(folder / "home", "osg-general@lists.example.org", tag="OSG"))
    mail = folder / "mail.eml"
    mail.write_bytes(MAIL)
    mailgate = CommandLine(folder / "home")
    mailgate.succeed("lists", "subscribe", "osg-general", "sub@s.example")
    (explained,) = mailgate.rows("explain", "--json", str(mail))
    before = mailgate.succeed("export")
    (injected,) = mailgate.rows("inject", str(mail))
    (stored,) = mailgate.rows("explain", "--json", "--message-id", "<one@a.example>")
    (exported,) = mailgate.rows("export")
    return Printed(explained, before, injected, stored, exported)


def test_inject_prints_every_key_and_no_other(printed: Printed) -> None:
    found = printed.injected
    assert list(found) == INJECT
    assert found["reply"].startswith(f"250 2.6.0 {found['inbound']}")
    assert (found["ticket"], found["created"], found["evidence"]) == (1, True, "new")
    assert (found["centers"], found["cc"], found["tags"], found["fallback"]) == ([], [], [], True)


def test_inject_tells_of_each_recipient_which_copy_and_why(printed: Printed) -> None:
    assert printed.injected["recipients"] == [
        {"address": "sub@s.example", "copy": "list", "reason": "you are subscribed to this list"}
    ]


def test_explain_prints_what_inject_would_and_does_nothing(printed: Printed) -> None:
    differing = {"inbound", "reply"}
    for key in (key for key in INJECT if key not in differing):
        assert printed.explained[key] == printed.injected[key]
    assert printed.before == ""


def test_explain_says_how_a_mail_is_read(printed: Printed) -> None:
    reading = printed.explained["reading"]
    assert list(reading) == READING
    assert reading["from"] == {"address": "ann@a.example", "name": "Ann Lee"}
    assert reading["date"] == "2026-03-02T09:00:00Z"
    assert reading["references"] == ["<root@a.example>", "<parent@a.example>"]
    assert (reading["new_text"].strip(), reading["quoted_text"].strip()) == ("It is full.", "> Is it?")
    assert [(one["name"], one["type"], one["size"]) for one in reading["attachments"]] == [
        ("df.txt", "text/plain", 4)
    ]
    assert reading["forwarded"] is None


def test_explain_of_a_stored_mail_says_what_became_of_it(printed: Printed) -> None:
    assert set(printed.stored) >= {*INJECT, "reading"}
    for key in ("inbound", "ticket", "created", "evidence", "recipients", "disposition"):
        assert printed.stored[key] == printed.injected[key]
    assert printed.stored["reading"] == printed.explained["reading"]


def test_export_prints_every_key_and_no_other(printed: Printed) -> None:
    found = printed.exported
    assert list(found) == EXPORT
    assert found["requester"] == "ann@a.example"
    assert (found["owner"], found["private"], found["queue"]) == (None, False, "osg-general")
    (post,) = found["posts"]
    assert list(post) == POST
    assert (post["message_id"], post["author"], post["author_name"]) == (
        "<one@a.example>",
        "ann@a.example",
        "Ann Lee",
    )
    assert post["date"] == "2026-03-02T09:00:00Z"
    assert post["received"].endswith("Z")
    assert set(post["attachments"][0]) == {"name", "type", "size", "sha256"}
    assert len(post["attachments"][0]["sha256"]) == 64
