"""A real archive as a threader meets it: unpacked, perturbed, replayed, scored against its true threads."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType
from typing import Any, Self

from sqlalchemy import Connection

from mailgate import inbound
from mailgate.app import App
from mailgate.envelope import Client, Envelope
from mailgate.exporting import export
from mailgate.gateway import Conditions
from mailgate.importing import split_mbox
from mailgate.inbound import InboundId, Mail
from mailgate.reading import read_mail
from mailgate.scan import to_crlf
from mailgate.verdict import Verdict, verdict_from_json
from tests.bench import synthetic, synthetic_mail
from tests.bench.load import Letter
from tests.support.daemon import LIST
from tracker.model import Queue, Trust
from tracker.storage import keys
from tracker.storage.database import Writer

REVERSE_PATH = "replay@archive.example"
_TAG = "[openbmc]"
_MISSING = "missing:"


class NoArchive(Exception):
    """The shared folder with the archive and the scoring tools is not here."""


@dataclass(frozen=True)
class Archive:
    """Where the shared archive and its tools are."""

    shared: Path

    @property
    def tag(self) -> str:
        """What its list manager puts before subjects, as a pattern."""
        return r"\[openbmc\]"

    @property
    def truth(self) -> Path:
        """The true thread of each mail; read by the perturbing tool, never by us."""
        return self.shared / "data/mail/truth.json"

    @classmethod
    def find(cls) -> Self:
        """In MAILGATE_SHARED, or beside the repository; raises NoArchive."""
        beside = Path(__file__).parents[3] / "shared"
        found = cls(Path(os.environ.get("MAILGATE_SHARED") or beside))
        if not found.mbox.exists():
            raise NoArchive(
                f"no archive at {found.mbox}: set MAILGATE_SHARED to the folder with data/ and tools/"
            )
        return found

    @property
    def mbox(self) -> Path:
        return self.shared / "data/mail/dev.mbox.gz"

    def unpack(self, folder: Path) -> Path:
        """Write the mails to `folder` as numbered .eml files, mboxrd quoting undone."""
        folder.mkdir()
        with gzip.open(self.mbox) as packed:
            mails = split_mbox(packed.read())
        for number, mail in enumerate(mails):
            (folder / f"{number:06}.eml").write_bytes(mail)
        return folder

    def perturb(self, source: Path, target: Path, mode: str, seed: int) -> Replay:
        """What arrives in `mode`, in `target`."""
        tool = self.shared / "tools/threading/perturb.py"
        arguments = [str(source), str(self.truth), str(target), "--mode", mode, "--seed", str(seed)]
        arguments += ["--tag", self.tag]
        subprocess.run([sys.executable, str(tool), *arguments], check=True, capture_output=True)
        return Replay(target)

    def labels(self) -> list[dict[str, Any]]:
        """The hand-read corrections, with the class of trap each stands for."""
        return [json.loads(line) for line in (self.shared / "data/mail/labels.jsonl").open()]

    def scorer(self) -> ModuleType:
        """The scoring tool, as a module."""
        spec = importlib.util.spec_from_file_location("score", self.shared / "tools/threading/score.py")
        if spec is None or spec.loader is None:
            raise NoArchive(f"no scoring tool in {self.shared}")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


@dataclass(frozen=True)
class MadeArchive(Archive):
    """An archive made up by synthetic.py, in a folder of its own, for the same tools."""

    folder: Path = Path()
    seed: int = 1
    threads: int = 500

    @property
    def tag(self) -> str:
        return re.escape(synthetic_mail.TAG)

    @property
    def truth(self) -> Path:
        return self.folder / "true.json"

    @cached_property
    def made(self) -> synthetic_mail.Made:
        return synthetic.make_archive(self.seed, self.threads)

    def unpack(self, folder: Path) -> Path:
        folder.mkdir()
        for number, mail in enumerate(self.made.mails):
            (folder / f"{number:06}.eml").write_bytes(mail.raw())
        self.truth.write_text(json.dumps(self.made.truth()))
        return folder

    def labels(self) -> list[dict[str, Any]]:
        return synthetic_mail.labels_of(self.made)


@dataclass(frozen=True)
class Arrival:
    """One mail of a replay: its own id, without brackets, and its bytes."""

    message_id: str
    raw: bytes


@dataclass(frozen=True)
class Replay:
    """A folder with the mails in the order in which they arrive, and the truth about them."""

    folder: Path

    def arrivals(self) -> list[Arrival]:
        entries = (json.loads(line) for line in (self.folder / "manifest.jsonl").open())
        return [Arrival(each["mid"], to_crlf((self.folder / each["file"]).read_bytes())) for each in entries]

    def letters(self) -> list[Letter]:
        return [Letter(REVERSE_PATH, (LIST,), arrival.raw) for arrival in self.arrivals()]

    def truth(self) -> dict[str, str]:
        """The true thread of each message."""
        found: dict[str, str] = json.loads((self.folder / "truth.json").read_text())
        return found


def take_in(app: App, arrivals: Iterable[Arrival]) -> None:
    """Take the mails through the gateway here and now: no SMTP, no daemon, nobody told."""
    writer, lists = Writer(app.database), app.queues()
    writer.start()
    try:
        futures = [writer.write(partial(_take_in, app=app, lists=lists, raw=each.raw)) for each in arrivals]
        for future in futures:
            future.result()
    finally:
        writer.stop()


def _take_in(connection: Connection, app: App, lists: Sequence[Queue], raw: bytes) -> Verdict:
    now, envelope = app.clock(), Envelope(Client("", "localhost", "FILE", "replay"), REVERSE_PATH, (LIST,))
    mail = Mail(InboundId(0), inbound.new_uid(), envelope, raw, now, Trust.UNCHECKED)
    inbound_id = inbound.accept(connection, mail, now)
    known = inbound.get(connection, inbound_id)
    assert known is not None
    return app.gateway.receive(connection, read_mail(known, lists, app.keys), Conditions(now))


def exported_tickets(app: App) -> dict[str, int]:
    """Message-ID, without brackets, to ticket, as `mailgate export` tells it."""
    tickets = (json.loads(line) for line in export(app, None, mbox=False))
    return {
        post["message_id"].strip("<>"): ticket["ticket"] for ticket in tickets for post in ticket["posts"]
    }


@dataclass(frozen=True)
class Mistake:
    """A mail in the wrong ticket, or in a new one though its ticket was there."""

    kind: str
    message_id: str
    ticket: object
    wanted: object


def mistakes(replay: Replay, tickets: Mapping[str, int]) -> list[Mistake]:
    """What the scorer counts as misfiled and orphaned, mail by mail."""
    truth, seen, found = replay.truth(), set[str](), []
    in_ticket: dict[object, Counter[str]] = defaultdict(Counter)
    in_thread: dict[str, Counter[object]] = defaultdict(Counter)
    for arrival in replay.arrivals():
        message_id = arrival.message_id
        if message_id in seen:
            continue
        seen.add(message_id)
        ticket: object = tickets.get(message_id, _MISSING + message_id)
        thread = truth[message_id]
        mates = in_thread[thread].most_common(1)
        wanted = mates[0][0] if mates else None
        if ticket != wanted and (mates or ticket in in_ticket):
            kind = "misfiled" if ticket in in_ticket else "orphaned"
            found.append(Mistake(kind, message_id, ticket, wanted))
        in_ticket[ticket][thread] += 1
        in_thread[thread][ticket] += 1
    return found


def verdict_on(app: App, message_id: str) -> Verdict | None:
    """What was decided about a mail when it came, and why."""
    key = keys.message_key(f"<{message_id}>")
    entries = app.read(lambda connection: inbound.by_message_key(connection, key))
    return verdict_from_json(entries[0].verdict) if entries and entries[0].verdict else None
