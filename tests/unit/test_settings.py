"""The configuration: defaults, durations and sizes, and all mistakes at once."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from mailgate.settings import BadConfig, HostPort, load
from tracker.resources import resource_dir


def site(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mailgate.toml"
    path.write_text(text)
    return path


def mistakes(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(BadConfig) as caught:
        load(site(tmp_path, text))
    return caught.value.mistakes


def test_the_defaults_hold() -> None:
    settings = load(None)
    assert settings.auth == "off"
    assert settings.smtp.listen == HostPort("127.0.0.1", 2525)
    assert settings.intake.message_size == 25 * 2**20
    assert settings.outgoing.give_up == timedelta(days=5)
    assert settings.outgoing.smarthost is None


def test_the_site_file_goes_over_the_defaults(tmp_path: Path) -> None:
    settings = load(site(tmp_path, '[intake]\nmessage_size = "2 MB"\n[smtp]\nlisten = "[::1]:25"\n'))
    assert settings.intake.message_size == 2_000_000
    assert settings.intake.recipients == 100
    assert settings.smtp.listen == HostPort("::1", 25)
    assert str(settings.smtp.listen) == "[::1]:25"


def test_an_empty_address_switches_a_listener_off(tmp_path: Path) -> None:
    assert load(site(tmp_path, '[lmtp]\nlisten = ""\n')).lmtp.listen is None


def test_three_mistakes_are_named_at_once(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path, '[smtp]\nlisten = "nowhere"\n[intake]\ncommand_timeout = "5x"\nrecipents = 7\n'
    )
    assert found == [
        "intake.recipents: there is no such key; did you mean intake.recipients?",
        'smtp.listen: "nowhere" is not HOST:PORT',
        'intake.command_timeout: "5x" is not a duration such as "30s", "5m", "2h", "5d"',
    ]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("smtp = 5\n", "smtp: 5 is not a table; write [smtp]"),
        ("[smtp]\nlisten = 25\n", "smtp.listen: 25 is not HOST:PORT"),
        ('[smtp]\nlisten = "127.0.0.1:65536"\n', 'smtp.listen: "127.0.0.1:65536" is not HOST:PORT'),
        ("[intake]\nrecipients = 0\n", "intake.recipients: 0 is not a whole number above 0"),
        ("[intake]\nrecipients = true\n", "intake.recipients: True is not a whole number above 0"),
        (
            '[intake]\nmessage_size = "many"\n',
            'intake.message_size: "many" is not a size such as "900 kB", "25 MiB"',
        ),
        ('auth = "maybe"\n', 'auth: "maybe" is not one of off, on'),
        ('[log]\nlevel = "loud"\n', 'log.level: "loud" is not one of debug, info, warning, error'),
        ("[instance]\nhostname = 7\n", "instance.hostname: 7 is not a text in quotes"),
        (
            '[intake]\ntls_key_file = "key.pem"\n',
            "intake.tls_certificate_file and intake.tls_key_file: give both or none",
        ),
    ],
)
def test_each_mistake_says_what_was_expected(tmp_path: Path, text: str, mistake: str) -> None:
    assert mistakes(tmp_path, text) == [mistake]


def test_a_network_that_is_none_is_a_mistake(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, '[intake]\ntrusted_networks = ["10.0.0.0/33"]\n')
    assert found.startswith("intake.trusted_networks: '10.0.0.0/33'")


def test_a_file_that_is_no_toml_says_where(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, "[smtp\n")
    assert "line 1" in found


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="mailgate init"):
        load(tmp_path / "mailgate.toml")


def test_every_default_stands_under_a_comment() -> None:
    text = (resource_dir("config") / "default.toml").read_text()
    assert tomllib.loads(text)
    for line in text.splitlines():
        if line.startswith("auth"):
            break
    assert text.count("# ") >= 15
