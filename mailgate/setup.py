"""Making an instance: its configuration, key, database and first list; never anything over what is there."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from mailgate.instance import METADATAS, Instance, load_instance
from mailgate.settings import CONFIG_NAME, HostPort
from mailgate.signing.signer import create_key
from mailgate.tokens import create_key_file
from routing import rules as rule_text
from routing import store as rule_store
from tracker.model import Address, BadValue, Queue, QueueId
from tracker.people import normalise_address
from tracker.resources import resource_dir
from tracker.storage import migrate, queues
from tracker.storage.database import Database
from tracker.unit_of_work import Clock, system_clock

_SMTP_PORT: Final = 2525
_LMTP_PORT: Final = 2424
_WEB_PORT: Final = 8025
_TAG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", re.ASCII)
_ANY_PORT: Final = 0
_SIGNING_KEY: Final = "dkim.key"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What `init` is asked for."""

    home: Path
    list_address: str
    tag: str | None = None
    smarthost: HostPort | None = None
    database_url: str | None = None


def initialise(wishes: Wishes, clock: Clock = system_clock) -> tuple[Instance, list[str]]:
    """Make what is missing of an instance; gives it, and a line for each thing made."""
    queue = _queue(wishes)
    wishes.home.mkdir(parents=True, exist_ok=True, mode=0o750)
    made: list[str] = []
    config = wishes.home / CONFIG_NAME
    fresh = not config.exists()
    if fresh:
        config.write_text(_config_text(wishes))
        made.append(f"configuration {config}")
    try:
        return _complete(wishes, queue, made, clock)
    except Exception:
        if fresh:
            # Or the next try would go on with what was wrong in this one.
            config.unlink()
        raise


def _complete(wishes: Wishes, queue: Queue, made: list[str], clock: Clock) -> tuple[Instance, list[str]]:
    """All but the configuration."""
    instance = load_instance(wishes.home)
    made += _kept(wishes, instance)
    key_file = wishes.home / instance.settings.instance.key_file
    if not key_file.exists():
        create_key_file(key_file)
        made.append(f"key {key_file}")
    signing_key = instance.settings.signing.key_file
    if signing_key and not (wishes.home / signing_key).exists():
        create_key(wishes.home / signing_key)
        made.append(f"key {wishes.home / signing_key}; `mailgate dns records` says what to publish")
    database = Database.open(instance.database_url)
    try:
        if migrate.current(database) != migrate.head():
            migrate.upgrade(database, METADATAS)
            made.append("database at schema " + (migrate.head() or ""))
        made += database.write(lambda connection: _first_rows(connection, queue, clock))
    finally:
        database.close()
    return instance, made


def _kept(wishes: Wishes, instance: Instance) -> list[str]:
    """What was wished and is not done, for the configuration there says otherwise."""
    lines: list[str] = []
    if wishes.smarthost is not None and wishes.smarthost != instance.settings.outgoing.smarthost:
        lines.append(f"nothing of --smarthost: {CONFIG_NAME} is there already, change it by hand")
    if wishes.database_url is not None and wishes.database_url != instance.settings.database.url:
        lines.append(f"nothing of --database: {CONFIG_NAME} is there already, change it by hand")
    return lines


def _first_rows(connection: Connection, queue: Queue, clock: Clock) -> list[str]:
    made: list[str] = []
    if all(queue.address not in known.addresses for known in queues.everyone(connection)):
        queues.create(connection, queue, clock())
        made.append(f"list {queue.address}, tickets [{queue.tag} #1]")
    if rule_store.active_number(connection) == 0:
        text = (resource_dir("config") / "routing.toml").read_text()
        change = rule_store.Change("mailgate init", "the rules that ship with mailgate", clock())
        rule_store.initialise(connection, rule_text.parse_rules(text), change)
        made.append("routing rules, revision 1")
    return made


def _queue(wishes: Wishes) -> Queue:
    local, _, domain = list_address(wishes.list_address).rpartition("@")
    tag = wishes.tag or local
    check_tag(tag)
    return Queue(QueueId(0), local, domain, tag, tag)


def list_address(text: str) -> Address:
    """An address that a list may have; BadValue for one that it may not."""
    local, _, domain = normalise_address(text).rpartition("@")
    if "+" in local or not local.isascii() or not local.isprintable() or " " in local:
        raise BadValue(f"{text}: the name of a list is plain, without + and blanks")
    return Address(f"{local.lower()}@{domain}")


def check_tag(tag: str) -> None:
    """Raise BadValue for a tag that could not stand in a subject as [TAG #1]."""
    if not _TAG.fullmatch(tag):
        raise BadValue(f"{tag!r} is no tag: letters, digits and . _ - only, at most 32")


def _config_text(wishes: Wishes) -> str:
    """The site's file: only what is this site's; every key there is stands in config/default.toml."""
    smtp, lmtp, web = _free_port(_SMTP_PORT), _free_port(_LMTP_PORT), _free_port(_WEB_PORT)
    lines = [
        "# What differs from the defaults; `mailgate config show` prints every key with its value.",
        "[smtp]",
        f'listen = "127.0.0.1:{smtp}"',
        "",
        "[lmtp]",
        f'listen = "127.0.0.1:{lmtp}"',
        "",
        "[web]",
        f'listen = "127.0.0.1:{web}"',
        "# Where it is seen from outside, through a proxy that speaks TLS; until then mails carry no links.",
        '# url = "https://tickets.example.org"',
    ]
    if wishes.smarthost is not None:
        lines += ["", "[outgoing]", f'smarthost = "{wishes.smarthost}"']
        lines += ["", "[mail]", 'munge = "dmarc"']
        lines += ["", "[signing]", f'key_file = "{_SIGNING_KEY}"']
    if wishes.database_url is not None:
        lines += ["", "[database]", f'url = "{wishes.database_url}"']
    return "\n".join(lines) + "\n"


def _free_port(wanted: int) -> int:
    """`wanted` when nobody listens there, else a free one."""
    for port in (wanted, _ANY_PORT):
        try:
            with socket.create_server(("127.0.0.1", port)) as probe:
                return int(probe.getsockname()[1])
        except OSError:
            continue
    return wanted
