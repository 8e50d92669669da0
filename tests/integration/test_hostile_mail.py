"""Every hostile mail gets the right reply by SMTP, and what is kept of it is what `hostile.toml` says."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mailgate import inbound
from mailgate.app import App
from mailgate.exporting import ticket_json
from tests.support.daemon import Daemon, new_instance
from tests.support.hostile import Hostile, NoHostileMail, hand_in, hostile_mails
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

EXPECTED: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("hostile.toml").read_text(encoding="utf-8")
)
_WORKED_S = 30.0


@dataclass
class Door:
    """A daemon, and what its database says."""

    app: App
    daemon: Daemon
    mails: dict[str, Hostile]

    def kept(self, uid: str) -> dict[str, Any]:
        """What became of an accepted mail, when it was worked on."""

        def entry() -> inbound.Entry | None:
            found = self.app.read(lambda connection: inbound.find(connection, uid))
            return found if found is not None and found.state is not inbound.State.WAITING else None

        wait_until(entry, _WORKED_S)
        done = entry()
        assert done is not None
        result = {"state": done.state.value, "disposition": done.disposition}
        return result | (self._post(done) if done.ticket_id is not None else {})

    def _post(self, done: inbound.Entry) -> dict[str, Any]:
        number = done.ticket_id
        assert number is not None
        ticket = self.app.read(lambda connection: ticket_json(connection, number))
        assert len(ticket["posts"]) == 1
        post = ticket["posts"][0]
        return {
            "title": ticket["title"],
            "text": post["text"],
            "author": f"{post['author_name']} <{post['author']}>",
            "date": post["date"] or "",
            "files": [f"{one['name']} {one['type']} {one['size']}" for one in post["attachments"]],
        }


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("hostile")
    try:
        mails = {mail.name: mail for mail in hostile_mails(folder / "mails")}
    except NoHostileMail as error:
        pytest.skip(str(error))
    app = new_instance(folder / "instance")
    with Daemon(folder / "instance") as daemon:
        yield Door(app, daemon, mails)
        daemon.stop()
    app.close()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_hostile_mail(door: Door, name: str) -> None:
    expected, mail = dict(EXPECTED[name]), door.mails[name]
    reply = hand_in(door.daemon.smtp, mail.raw)
    wanted = expected.pop("reply", "250 2.6.0")
    assert any(wanted.startswith(code) for code in mail.codes)
    assert reply.startswith(wanted)
    if not reply.startswith("250"):
        assert expected == {}
        return
    text = expected.pop("text_begins", None)
    kept = door.kept(reply.split()[2])
    assert {key: kept[key] for key in expected} == expected
    assert "\0" not in str(kept)
    if text is not None:
        assert kept["text"].startswith(text)
    assert {"title", "files", "author"} <= expected.keys() or "title" not in kept


def test_every_mail_is_expected(door: Door) -> None:
    assert set(EXPECTED) == set(door.mails)
