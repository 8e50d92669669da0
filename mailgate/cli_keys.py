"""Commands on the keys of an instance, and on what the DNS has to say of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from mailgate.auth.dns import DnsTrouble
from mailgate.cli_base import Context, Group, Refusal, done, json_option, print_rows
from mailgate.exporting import iso
from mailgate.signing.signer import create_key, load_key, record_of
from mailgate.tokens import fingerprint, rotate_key_file


@click.group(cls=Group, name="key")
def key_group() -> None:
    """The key behind reply addresses and links, and the one that signs mail."""


@key_group.command("show")
@json_option
@click.pass_obj
def key_show(context: Context, as_json: bool) -> None:
    """The keys in force, by fingerprints that give nothing away."""
    path = context.folder / context.app.settings.instance.key_file
    since = iso(datetime.fromtimestamp(path.stat().st_mtime, UTC))
    rows: list[dict[str, Any]] = [
        {
            "key": "tokens",
            "epoch": number,
            "fingerprint": fingerprint(key),
            "since": since if not number else None,
        }
        for number, key in enumerate(context.app.keys.epochs)
    ]
    signer = context.app.instance.signer()
    if signer is not None:
        rows.append(
            {"key": f"signing, {signer.algorithm}", "epoch": 0, "fingerprint": signer.selector, "since": None}
        )
    print_rows(rows, as_json=as_json)


@key_group.command("rotate")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def key_rotate(context: Context, yes: bool) -> None:
    """Make a new key for reply addresses, links and root ids; for when the old one may be known to others.

    What the key before made is accepted still, what older ones made no more: rotate again when the mails of
    the last weeks no longer matter. Restart the daemon afterwards. Tickets go on threading by the Message-IDs
    of their posts.
    """
    path = context.folder / context.app.settings.instance.key_file
    if len(context.app.keys.epochs) > 1 and not yes:
        click.confirm("Reply addresses made by the older key end. Go on?", abort=True)
    keys = rotate_key_file(path)
    done(f"key {fingerprint(keys.epochs[0])} is in force; restart the daemon, and put {path} into the backup")


@key_group.command("create-dkim")
@click.argument("selector", default="mailgate")
@click.pass_obj
def key_create_dkim(context: Context, selector: str) -> None:
    """Make a key that signs mail, under a SELECTOR of its own, and say what to publish and set.

    To change keys: make one under a new selector, publish it, set it when the DNS has it, and leave the old
    record for a week, for mail under way.

    \b
    mailgate key create-dkim 2026b
    """
    if not selector.replace("-", "").isalnum() or not selector.isascii():
        raise click.UsageError("a selector is letters, digits and -")
    name = "dkim.key" if selector == "mailgate" else f"dkim-{selector}.key"
    path = context.folder / name
    if path.exists():
        raise Refusal(f"{path} is there already")
    record = record_of(create_key(path))
    for domain in _domains(context):
        click.echo(_zone_line(f"{selector}._domainkey.{domain}", "TXT", record))
    done(
        f'made {path}; publish the above, then set in mailgate.toml: [signing] key_file = "{name}",'
        f' selector = "{selector}"'
    )


@click.group(cls=Group, name="dns")
def dns_group() -> None:
    """What the DNS has to say of the lists."""


@dataclass(frozen=True, slots=True)
class _Record:
    """A record that the DNS should have, and why."""

    name: str
    kind: str
    value: str
    why: str


@dns_group.command("records")
@json_option
@click.pass_obj
def dns_records(context: Context, as_json: bool) -> None:
    """The records to publish, as lines of a zone file with what each is for."""
    wanted = list(_wanted(context))
    if as_json:
        print_rows(
            [{"name": r.name, "type": r.kind, "value": r.value, "why": r.why} for r in wanted], as_json=True
        )
        return
    for record in wanted:
        click.echo(f"; {record.why}")
        click.echo(_zone_line(record.name, record.kind, record.value))


@dns_group.command("check")
@json_option
@click.pass_obj
def dns_check(context: Context, as_json: bool) -> None:
    """Compare the text records with what the DNS says; exit 1 where one is missing or says something else."""
    rows = [_checked(context, record) for record in _wanted(context) if record.kind == "TXT"]
    print_rows(rows, as_json=as_json)
    if any(row["state"] != "ok" for row in rows):
        raise click.exceptions.Exit(1)


def _checked(context: Context, record: _Record) -> dict[str, Any]:
    try:
        found = context.app.dns_texts(record.name)
    except DnsTrouble:
        return {"name": record.name, "state": "no answer", "found": None, "wanted": record.value}
    sort = record.value.split("=", 1)[0] + "=" + record.value.split("=", 1)[1].split(" ")[0].rstrip(";")
    same = [text for text in found if text.replace(" ", "").startswith(sort)]
    if not same:
        return {"name": record.name, "state": "missing", "found": None, "wanted": record.value}
    # SPF and DMARC are the operator's own to write; a key is right or wrong.
    right = sort != "v=DKIM1" or same[0].replace(" ", "") == record.value.replace(" ", "")
    return {
        "name": record.name,
        "state": "ok" if right else "differs",
        "found": same[0],
        "wanted": record.value,
    }


def _domains(context: Context) -> list[str]:
    return sorted({queue.domain for queue in context.app.queues()})


def _wanted(context: Context) -> Iterator[_Record]:
    host = context.app.hostname()
    smarthost = context.app.settings.outgoing.smarthost
    sends = "mx" if smarthost is None or smarthost.host.startswith("127.") else f"mx a:{smarthost.host}"
    signing = context.app.settings.signing
    for domain in _domains(context):
        yield _Record(domain, "MX", f"10 {host}.", "where mail for the lists goes")
        yield _Record(domain, "TXT", f"v=spf1 {sends} ~all", "who may send in its name (SPF)")
        if signing.key_file:
            record = record_of(load_key(context.folder / signing.key_file))
            name = f"{signing.selector}._domainkey.{domain}"
            yield _Record(name, "TXT", record, "the key of our signatures (DKIM)")
        policy = f"v=DMARC1; p=none; rua=mailto:postmaster@{domain}"
        yield _Record(f"_dmarc.{domain}", "TXT", policy, "what others do with forgeries (DMARC)")


def _zone_line(name: str, kind: str, value: str) -> str:
    """A line of a zone file; a text in strings of at most 255 bytes (RFC 1035 3.3.14)."""
    if kind == "TXT":
        value = " ".join(f'"{value[at : at + 255]}"' for at in range(0, len(value), 255))
    return f"{name}. IN {kind} {value}"
