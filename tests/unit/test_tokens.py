"""Proofs that we wrote an address or an id."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from mailgate.tokens import TOKEN_LENGTH, Keys, create_key_file, load_keys, rotate_key_file
from tracker.model import Address, TicketId

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
KEYS = Keys((NEW, OLD))
ANN, BOB = Address("ann@a.example"), Address("bob@b.example")
ONE, TWO = TicketId(1), TicketId(2)


def test_a_token_has_eighty_bits_in_lower_case_base32() -> None:
    token = KEYS.reply(ONE, ANN)
    assert re.fullmatch(r"[a-z2-7]{16}", token)
    assert len(token) == TOKEN_LENGTH


def test_a_token_holds_for_its_person_and_ticket_alone() -> None:
    token = KEYS.reply(ONE, ANN)
    assert KEYS.is_reply(token, ONE, ANN)
    assert KEYS.is_reply(token.upper(), ONE, ANN)
    assert not KEYS.is_reply(token, ONE, BOB)
    assert not KEYS.is_reply(token, TWO, ANN)


def test_a_token_serves_one_purpose() -> None:
    checks: dict[str, Callable[[str], bool]] = {
        "bounce": lambda mac: KEYS.is_bounce(mac, 1),
        "copy": lambda mac: KEYS.is_copy(mac, "1"),
        "unsubscribe": lambda mac: KEYS.is_unsubscribe(mac, 1, ANN),
        "reply": lambda mac: KEYS.is_reply(mac, ONE, ANN),
    }
    made = {
        "bounce": KEYS.bounce(1),
        "copy": KEYS.copy("1"),
        "unsubscribe": KEYS.unsubscribe(1, ANN),
        "reply": KEYS.reply(ONE, ANN),
    }
    holds = {
        (purpose, check) for purpose, mac in made.items() for check, holds in checks.items() if holds(mac)
    }
    assert holds == {(purpose, purpose) for purpose in made}


@pytest.mark.parametrize("broken", ["", "a", "é" * 16, "a" * 16, "\0" * 16, "a" * 10_000])
def test_what_is_no_token_does_not_hold(broken: str) -> None:
    assert not KEYS.is_reply(broken, ONE, ANN)


def test_a_key_that_was_rotated_out_signs_nothing_but_is_believed() -> None:
    before = Keys((OLD,))
    token, root = before.reply(ONE, ANN), before.root_id(ONE, "abcdefgh", "d.example")
    assert KEYS.is_reply(token, ONE, ANN)
    assert KEYS.read_root_id(root) == 1
    assert KEYS.reply(ONE, ANN) != token
    assert not Keys((NEW,)).is_reply(token, ONE, ANN)


def test_a_root_id_names_its_ticket_whatever_the_domain_is_now() -> None:
    root = KEYS.root_id(ONE, "abcdefgh", "old.example")
    assert root.startswith("<t1.abcdefgh.")
    assert KEYS.read_root_id(root) == 1
    assert KEYS.read_root_id(root.replace("old.example", "New.Example")) == 1
    assert KEYS.read_root_id(root.upper()) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda root: root.replace("<t1.", "<t2."),
        lambda root: root.replace("abcdefgh", "abcdefgi"),
        lambda root: root.strip("<>"),
        lambda root: f" {root}",
        lambda root: root.replace("@", "@@"),
        lambda _: "<t1.abcdefgh.aaaaaaaaaaaaaaaa@d.example>",
        lambda _: "<t٤.abcdefgh.aaaaaaaaaaaaaaaa@d.example>",
        lambda _: "",
    ],
)
def test_a_root_id_that_was_changed_names_nothing(change: Callable[[str], str]) -> None:
    assert KEYS.read_root_id(change(KEYS.root_id(ONE, "abcdefgh", "d.example"))) is None


def test_a_key_file_is_its_owners_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    create_key_file(path)
    first = path.read_text()
    create_key_file(path)
    assert path.read_text() == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(load_keys(path).epochs) == 1


@pytest.mark.parametrize("content", ["", "\n\n", "abcd\n", "not hex at all\n"])
def test_a_file_without_a_whole_key_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secret.key"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"hex|key"):
        load_keys(path)


def test_two_rotations_end_what_the_first_key_made(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    create_key_file(path)
    first = load_keys(path)
    token = first.reply(TicketId(1), ANN)
    second = rotate_key_file(path)
    assert path.stat().st_mode & 0o077 == 0
    assert second.is_reply(token, TicketId(1), ANN)
    assert second.reply(TicketId(1), ANN) != token
    third = rotate_key_file(path)
    assert len(third.epochs) == 2
    assert not third.is_reply(token, TicketId(1), ANN)
    assert third.is_reply(second.reply(TicketId(1), ANN), TicketId(1), ANN)
    assert [one.name for one in tmp_path.iterdir()] == ["secret.key"]
