"""No reply address, link or return path of ours is handed on with what proves it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, select

from mailgate.addresses import bounce_address, confirm_address, exchange_address, hold_address
from mailgate.cli import main
from mailgate.redaction import redacted, redacted_bytes
from tests.support.community import LIST, Community
from tracker.people import normalise_address
from tracker.storage import tables as t
from web.site import Site

UNA, BEN, SUE, EVE = (f"{name}@people.example" for name in ("una", "ben", "sue", "eve"))
URL = "https://tickets.example.org"


def tokens(house: Community) -> dict[str, tuple[str, str]]:
    """One of each kind: what carries it, and the token itself."""
    keys, queue, una = house.app.keys, house.app.queues()[0], normalise_address(UNA)
    reply, leave = keys.reply(1, una), keys.unsubscribe(queue.id, una)  # type: ignore[arg-type]
    confirm, secret = keys.confirm("1 subscribe", una, house.clock()), keys.exchange("BNL", 1)
    bounce, hold, login = keys.bounce(17), keys.moderate("abcdefghijkl", una), keys.login(una, house.clock())
    return {
        "reply": (f"osg-general+1.{reply}@lists.example.org", reply),
        "verb": (f"osg-general+1.done.{reply}@lists.example.org", reply),
        "unsubscribe": (f"osg-general+unsubscribe.{leave}@lists.example.org", leave),
        "confirm": (confirm_address(queue, confirm), confirm),
        "exchange": (exchange_address(queue, secret), secret),
        "bounce": (bounce_address(queue, 17, bounce), bounce),
        "hold": (hold_address(queue, "approve", "abcdefghijkl", hold), hold),
        "leave link": (f"{URL}/leave/osg-general/bGlzdCAw/{leave}", leave),
        "confirm link": (f"{URL}/confirm/osg-general/YW5u/{confirm}", confirm),
        "hold link": (f"{URL}/hold/osg-general/YW5u/{hold}", hold),
        "login link": (f"{URL}/login/YW5u/{login}", login),
    }


KINDS = (
    *("reply", "verb", "unsubscribe", "confirm", "exchange", "bounce", "hold"),
    *("leave link", "confirm link", "hold link", "login link"),
)


@pytest.fixture
def house(community: Community) -> Community:
    community.subscribe(SUE, "all")
    community.subscribe(EVE, "digest")
    return community


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_is_taken_out_of_what_carries_it(house: Community, kind: str) -> None:
    carrier, token = tokens(house)[kind]
    for text in (carrier, f"<mailto:{carrier}>", f"To: OSG ticket 1 <{carrier.upper()}>,", f"x {carrier}."):
        assert token not in redacted(text).lower()
        assert token.encode() not in redacted_bytes(text.encode()).lower()


def test_other_words_stay(house: Community) -> None:
    plain = "a misunderstanding@x.example, osg-general+42@lists.example.org, foo/misunderstanding, C++.x@y"
    assert redacted(plain) == plain


def test_what_is_left_of_a_reply_address_is_its_ticket_s() -> None:
    assert redacted("L+42.abcdefghijklmnop@D.example") == "L+42@D.example"


def test_no_view_copy_or_export_hands_one_on(house: Community) -> None:
    planted = tokens(house)
    text = "\n".join(f"See {carrier}" for carrier, _ in planted.values())
    to = planted["reply"][0]
    house.inject(f"From: {UNA}\nTo: {LIST}\nSubject: One\nMessage-ID: <1@x.example>\n\nFirst.\n".encode())
    raw = (
        f"From: {UNA}\nTo: OSG ticket 1 <{to}>\nCc: {planted['verb'][0]}\nSubject: Re: One {to}\n"
        f"In-Reply-To: <1@x.example>\nMessage-ID: <2@x.example>\n\n{text}\n"
    )
    house.inject(raw.encode(), [to])
    quoted = "".join(f"> {line}\n" for line in text.splitlines())
    house.inject(
        f"From: {BEN}\nTo: {LIST}\nSubject: Re: One\nIn-Reply-To: <2@x.example>\n"
        f"Message-ID: <3@x.example>\n\nI see.\n\n> To: {to}\n{quoted}".encode()
    )
    house.inject(
        f"From: {BEN}\nSubject: x\nMessage-ID: <4@x.example>\n\n".encode(),
        ["osg-general+1.show@lists.example.org"],
    )
    house.pass_time(days=1, minutes=10)
    home = str(house.app.instance.home)
    views = [
        CliRunner().invoke(main, [*words, "--home", home]).output
        for words in (
            ["ticket", "show", "1"],
            ["ticket", "show", "1", "--json"],
            ["export"],
            ["export", "--format", "mbox"],
            ["explain", "--message-id", "<2@x.example>", "--json"],
            ["explain", "--message-id", "<3@x.example>"],
        )
    ]
    site = Site(house.app, house.app.write).asgi()
    views += [asyncio.run(_get(site, path)) for path in ("/t/1", "/t/1/2", "/t/1/3")]
    for kind, (_, token) in planted.items():
        for view in views:
            assert token not in view.lower(), (kind, view[:200])
    for copy in house.bag.copies:
        header, _, body = copy.content.lower().partition(b"\r\n\r\n")
        is_list_copy = b"list-copy:" in header and b"x-mailgate-ticket:" not in header
        for kind, (_, token) in planted.items():
            own = copy.recipient == UNA and kind in ("reply", "verb", "unsubscribe")
            assert own or token.encode() not in header, (kind, copy.recipient, header)
            # The text of a list copy is the author's to a byte, or their signature would not hold.
            assert own or is_list_copy or token.encode() not in body, (kind, copy.recipient)


async def _get(site: Any, path: str) -> str:
    found: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        found.append(message.get("body", b"").decode())

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "http_version": "1.1",
        "scheme": "https",
        "server": ("tickets.example.org", 443),
        "client": ("192.0.2.1", 1),
        "root_path": "",
    }
    await site(scope, receive, send)
    return "".join(found)


def test_the_public_page_shows_no_address(house: Community) -> None:
    raw = f"From: {UNA}\nTo: {LIST}\nSubject: Mail to {BEN} fails\n\nAsk {BEN}, not {EVE}.\n"
    house.inject(raw.encode())
    page = asyncio.run(_get(Site(house.app, house.app.write).asgi(), "/t/1"))
    for address in (UNA, BEN, EVE):
        assert address not in page
        assert address.partition("@")[0] + "@" not in page
    assert "fails" in page


def test_what_is_kept_is_as_it_came(house: Community) -> None:
    """Redaction is of what is shown: the evidence stays."""
    to, token = tokens(house)["reply"]
    house.inject(f"From: {UNA}\nTo: {LIST}\nSubject: One\n\nFirst.\n".encode())
    house.inject(f"From: {UNA}\nTo: {to}\nSubject: Re: One\n\nSee {to}\n".encode(), [to])

    def texts(connection: Connection) -> list[str]:
        return [row.text for row in connection.execute(select(t.post.c.text))]

    assert any(token in text for text in house.app.read(texts))
