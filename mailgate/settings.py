"""The configuration: frozen values, read from config/default.toml and the site's file over it.

Every mistake is found at once, each as `smtp.listen: "x" is not HOST:PORT`. The keys, their defaults and
what they mean stand in config/default.toml; here stand only their types.
"""

from __future__ import annotations

import dataclasses
import difflib
import ipaddress
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, get_type_hints

from tracker.people import normalise_domain
from tracker.resources import resource_dir

CONFIG_NAME: Final = "mailgate.toml"

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES: Final = {"": 1, "B": 1, "kB": 1000, "KiB": 1024, "MB": 10**6, "MiB": 2**20, "GB": 10**9, "GiB": 2**30}
_DURATION: Final = re.compile(r"(\d{1,9})\s*([smhd])", re.ASCII)
_SIZE: Final = re.compile(r"(\d{1,12})\s*([A-Za-z]*)", re.ASCII)
_NAME: Final = re.compile(r"([^@\s]{1,250}@)?([^@\s.]{1,63}(?:\.[^@\s.]{1,63}){1,20})")
_AUTHS: Final = ("off", "on")
_FIRST_POSTS: Final = ("", "open", "confirm", "hold")
_VERDICTS: Final = ("tag", "hold", "reject")
_MUNGES: Final = ("never", "dmarc", "always")
_LEVELS: Final = ("debug", "info", "warning", "error")


class BadConfig(Exception):
    """The configuration does not hold; `mistakes` are all of them, a line each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class Bytes(int):
    """A size in bytes, written "25 MiB"."""


class Count(int):
    """A whole number, at least 1."""


@dataclass(frozen=True, slots=True)
class HostPort:
    """Where to listen or to connect."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Network(tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]):
    """Networks, written as an array of "10.0.0.0/8"."""


class Names(frozenset[str]):
    """Addresses and domains, written as an array; lower case."""


class Auth(str):
    """How authorship is checked."""


class FirstPost(str):
    """What becomes of the first post of a stranger; "" by how authorship is checked."""


class Words(tuple[str, ...]):
    """A command with its arguments, written as an array."""


class Verdict(str):
    """What becomes of mail that a filter calls spam."""


class Servers(tuple[HostPort, ...]):
    """Servers by their numbers, written as an array of "192.0.2.53" or "192.0.2.53:5353"."""


class Munge(str):
    """Whose name list copies go out under."""


class Level(str):
    """A level of logging."""


@dataclass(frozen=True, slots=True)
class Instance:
    hostname: str
    owner: Names
    key_file: str


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    url: str
    url_file: str


@dataclass(frozen=True, slots=True)
class Listen:
    listen: HostPort | None


@dataclass(frozen=True, slots=True)
class WebSettings:
    listen: HostPort | None
    url: str
    tls_certificate_file: str
    tls_key_file: str


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    message_size: Bytes
    recipients: Count
    messages_per_connection: Count
    connections: Count
    connections_per_address: Count
    trusted_networks: Network
    command_timeout: timedelta
    data_timeout: timedelta
    session_timeout: timedelta
    tls_certificate_file: str
    tls_key_file: str


@dataclass(frozen=True, slots=True)
class MailSettings:
    list_servers: Names
    list_server_networks: Network
    munge: Munge


@dataclass(frozen=True, slots=True)
class TrustSettings:
    upstreams: Names
    upstream_networks: Network
    xforward_networks: Network
    arc_sealers: Names
    deadline: timedelta


@dataclass(frozen=True, slots=True)
class SpamSettings:
    verdict: Verdict
    teach_spam: Words
    teach_ham: Words


@dataclass(frozen=True, slots=True)
class DnsSettings:
    servers: Servers
    timeout: timedelta


@dataclass(frozen=True, slots=True)
class OutgoingSettings:
    smarthost: HostPort | None
    maildir: str
    connections: Count
    timeout: timedelta
    retry_first: timedelta
    give_up: timedelta
    shadow_allow: Names


@dataclass(frozen=True, slots=True)
class SigningSettings:
    key_file: str
    selector: str


@dataclass(frozen=True, slots=True)
class NotifySettings:
    attach: Bytes


@dataclass(frozen=True, slots=True)
class DigestSettings:
    every: timedelta
    size: Bytes


@dataclass(frozen=True, slots=True)
class BounceSettings:
    threshold: Count
    half_life: timedelta


@dataclass(frozen=True, slots=True)
class BrakeSettings:
    contacts_per_mail: Count
    openings_per_contact: Count
    copies_per_mail: Count
    usual_hours: Count
    least_copies_an_hour: Count


@dataclass(frozen=True, slots=True)
class FloodSettings:
    posts_per_sender: Count
    posts_per_ticket: Count
    posts_per_list: Count


@dataclass(frozen=True, slots=True)
class WorkSettings:
    attempts: Count
    retry_first: timedelta


@dataclass(frozen=True, slots=True)
class LogSettings:
    level: Level


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it."""

    auth: Auth
    first_post: FirstPost
    instance: Instance
    database: DatabaseSettings
    smtp: Listen
    lmtp: Listen
    web: WebSettings
    intake: IntakeSettings
    mail: MailSettings
    trust: TrustSettings
    spam: SpamSettings
    dns: DnsSettings
    outgoing: OutgoingSettings
    signing: SigningSettings
    notify: NotifySettings
    digests: DigestSettings
    bounces: BounceSettings
    brakes: BrakeSettings
    floods: FloodSettings
    work: WorkSettings
    log: LogSettings


def load(path: Path | None) -> Settings:
    """The defaults, and the site's file at `path` over them; raises BadConfig with every mistake."""
    merged = tomllib.loads((resource_dir("config") / "default.toml").read_text())
    mistakes: list[str] = []
    if path is not None:
        _merge(merged, _read_site_file(path), "", mistakes)
    settings: Settings = _build(Settings, merged, "", mistakes)
    if not mistakes:
        mistakes += _contradictions(settings)
    if mistakes:
        raise BadConfig(mistakes)
    return settings


def _contradictions(settings: Settings) -> Iterator[str]:
    for name, section in (("intake", settings.intake), ("web", settings.web)):
        if bool(section.tls_certificate_file) != bool(section.tls_key_file):
            yield f"{name}.tls_certificate_file and {name}.tls_key_file: give both or none"
    if settings.web.url and not settings.web.url.startswith(("https://", "http://")):
        yield f'web.url: "{settings.web.url}" begins with neither https:// nor http://'


def _read_site_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise BadConfig([f"{path}: there is no such file; `mailgate init` makes one"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig([f"{path}: {error}"]) from None


def _merge(base: dict[str, Any], site: dict[str, Any], prefix: str, mistakes: list[str]) -> None:
    for key, value in site.items():
        name = prefix + key
        if key not in base:
            close = difflib.get_close_matches(key, base, n=1)
            mistakes.append(
                f"{name}: there is no such key" + (f"; did you mean {prefix}{close[0]}?" if close else "")
            )
        elif isinstance(base[key], dict) and isinstance(value, dict):
            _merge(base[key], value, name + ".", mistakes)
        elif isinstance(base[key], dict):
            mistakes.append(f"{name}: {value!r} is not a table; write [{name}]")
        else:
            base[key] = value


def _build(kind: type[Any], values: dict[str, Any], prefix: str, mistakes: list[str]) -> Any:
    types = get_type_hints(kind)
    made: dict[str, Any] = {}
    for key in (field.name for field in dataclasses.fields(kind)):
        value, wanted = values[key], types[key]
        if isinstance(wanted, type) and dataclasses.is_dataclass(wanted):
            made[key] = _build(wanted, value, f"{prefix}{key}.", mistakes)
            continue
        try:
            made[key] = _READERS[wanted](value)
        except ValueError as error:
            mistakes.append(f"{prefix}{key}: {error}")
            made[key] = None
    return kind(**made)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text in quotes")
    return value


def _count(value: object) -> Count:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{value!r} is not a whole number above 0")
    return Count(value)


def _duration(value: object) -> timedelta:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f'{_shown(value)} is not a duration such as "30s", "5m", "2h", "5d"')
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def _size(value: object) -> Bytes:
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[2] not in _SIZES:
        raise ValueError(f'{_shown(value)} is not a size such as "900 kB", "25 MiB"')
    return Bytes(int(found[1]) * _SIZES[found[2]])


def read_host_port(value: object) -> HostPort | None:
    """HOST:PORT, or None for ""."""
    if value == "":
        return None
    host, colon, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    host = host.removeprefix("[").removesuffix("]")
    if not (host and colon and port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError(f"{_shown(value)} is not HOST:PORT")
    return HostPort(host, int(port))


def _networks(value: object) -> Network:
    if not isinstance(value, list):
        raise ValueError(f'{_shown(value)} is not an array of networks such as ["10.0.0.0/8"]')
    return Network(ipaddress.ip_network(_text(entry)) for entry in value)


def _names(value: object) -> Names:
    if not isinstance(value, list):
        raise ValueError(f'{_shown(value)} is not an array such as ["lists.example", "users@groups.example"]')
    return Names(_name(_text(entry)) for entry in value)


def _name(entry: str) -> str:
    """An address or a domain, as addresses are compared with it."""
    found = _NAME.fullmatch(entry)
    if found is None:
        raise ValueError(f'"{entry}" is neither a domain nor an address')
    return (found[1] or "").lower() + normalise_domain(found[2])


def _auth(value: object) -> Auth:
    if value not in _AUTHS:
        raise ValueError(f"{_shown(value)} is not one of {', '.join(_AUTHS)}")
    return Auth(value)


def _words(value: object) -> Words:
    if not isinstance(value, list):
        raise ValueError(f'{_shown(value)} is not an array such as ["rspamc", "learn_spam"]')
    return Words(_text(entry) for entry in value)


def _verdict(value: object) -> Verdict:
    if value not in _VERDICTS:
        raise ValueError(f"{_shown(value)} is not one of {', '.join(_VERDICTS)}")
    return Verdict(value)


def _first_post(value: object) -> FirstPost:
    if value not in _FIRST_POSTS:
        raise ValueError(f"{_shown(value)} is not one of open, confirm, hold")
    return FirstPost(value)


def _servers(value: object) -> Servers:
    if not isinstance(value, list):
        raise ValueError(f'{_shown(value)} is not an array such as ["192.0.2.53", "127.0.0.1:5353"]')
    return Servers(_server(_text(entry)) for entry in value)


def _server(entry: str) -> HostPort:
    host, _, port = entry.rpartition(":") if entry.count(":") == 1 or "]" in entry else (entry, "", "53")
    try:
        return HostPort(str(ipaddress.ip_address(host.strip("[]"))), int(port))
    except ValueError:
        raise ValueError(f'"{entry}" is neither an IP address nor one with a port') from None


def _munge(value: object) -> Munge:
    if value not in _MUNGES:
        raise ValueError(f"{_shown(value)} is not one of {', '.join(_MUNGES)}")
    return Munge(value)


def _level(value: object) -> Level:
    if value not in _LEVELS:
        raise ValueError(f"{_shown(value)} is not one of {', '.join(_LEVELS)}")
    return Level(value)


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


_READERS: Final[dict[Any, Callable[[object], Any]]] = {
    str: _text,
    Count: _count,
    timedelta: _duration,
    Bytes: _size,
    HostPort | None: read_host_port,
    Network: _networks,
    Names: _names,
    Auth: _auth,
    FirstPost: _first_post,
    Words: _words,
    Verdict: _verdict,
    Level: _level,
    Munge: _munge,
    Servers: _servers,
}
