"""What a decision of threading costs at few tickets and at many: `python -m tests.bench.threading_cost`.

Fills an instance by bulk insert, three posts a ticket, and prints CPU per decision for each kind of evidence,
the duplicate gate's look-up included, reading the mail not. `--tickets 1000000` takes minutes and gigabytes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from mailgate.app import App
from mailgate.envelope import Client, Envelope
from mailgate.inbound import InboundId, Mail
from mailgate.reading import Reading, read_mail
from mailgate.threads.match import Match, Question, Writer
from mailgate.threads.subjects import read_subject
from mailgate.threads.thread import find_ticket
from tests.bench import synthetic_words as words
from tests.support.daemon import LIST, new_instance
from tracker.model import Trust
from tracker.storage import keys, people
from tracker.storage import tables as t

_FEW = 1000
_PEOPLE = 1000
_POSTS = 3
_BATCH = 5000
_ROUNDS = 200
# A busy list: sixty tickets a day.
_PACE = timedelta(days=1) / 60
_NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_TEXT = "The door closes every connection after eleven seconds since Tuesday, on node {0} of rack {1}."

# The fields of an answer to the newest ticket, and its text.
_MAILS: Mapping[str, tuple[dict[str, str], str]] = {
    "reference": ({"Subject": "Re: {own}", "In-Reply-To": "<{last}.0@mx.example>"}, "Text."),
    "long references": ({"Subject": "Re: {own}", "References": "{chain}"}, "Text."),
    "unseen parent": ({"Subject": "Re: {own}", "In-Reply-To": "<unseen@mx.example>"}, "Text."),
    "own subject": ({"Subject": "Re: {own}"}, "Text."),
    "common subject, quote": ({"Subject": "Re: {common}"}, "Text.\n\n> {text}"),
    "common subject, none": ({"Subject": "Re: {common}"}, "Text."),
    "unmarked": (
        {"Subject": "{common}"},
        "A new question, of which nobody has heard so far, I hope.",
    ),
    "hijack": ({"Subject": "Another matter of mine", "In-Reply-To": "<{last}.0@mx.example>"}, "Text."),
    "new": ({"Subject": "What nobody asked before"}, "Text."),
}


def fill(app: App, count: int) -> None:
    """`count` tickets: every other has a subject of its own, the rest share those that everybody uses."""

    def work(connection: Connection) -> None:
        made = {"created_at": _NOW, "member": False, "name": "Somebody"}
        everyone = [made | {"id": n + 1, "address": f"p{n}@a.example"} for n in range(_PEOPLE)]
        connection.execute(insert(t.person), everyone)
        addresses = [{"address": person["address"], "person_id": person["id"]} for person in everyone]
        connection.execute(insert(t.address), addresses)
        connection.execute(insert(t.blob), [{"sha256": "0", "content": b""}])
        for first in range(1, count + 1, _BATCH):
            numbers = range(first, min(first + _BATCH, count + 1))
            connection.execute(insert(t.ticket), [_ticket(n, count) for n in numbers])
            posts = [_post(n, k, count) for n in numbers for k in range(_POSTS)]
            connection.execute(insert(t.post), posts)
            connection.execute(insert(t.message_key), list(map(_key, posts)))

    app.write(work)


def subject_of(number: int) -> str:
    return words.COMMON[number % len(words.COMMON)] if number % 2 else f"Question {number} about the door"


def _ticket(number: int, count: int) -> dict[str, Any]:
    title, at = subject_of(number), _NOW - _PACE * (count - number)
    return {
        "id": number,
        "queue_id": 1,
        "title": title,
        "mail_title": title,
        "base": read_subject(title, "OSG").base,
        "status": "open",
        "priority": "normal",
        "requester_id": number % _PEOPLE + 1,
        "nonce": "n",
        "post_count": _POSTS,
        "created_at": at,
        "active_at": at,
        "touched_at": at,
    }


def _post(number: int, k: int, count: int) -> dict[str, Any]:
    title, at = subject_of(number), _NOW - _PACE * (count - number)
    text = _TEXT.format(number, k)
    return {
        "id": number * _POSTS + k,
        "ticket_id": number,
        "n": k + 1,
        "author_id": (number + k) % _PEOPLE + 1,
        "author_address": "a@a.example",
        "author_name": "Some Body",
        "message_id": f"<{number}.{k}@mx.example>",
        "subject": title,
        "base": read_subject(title, "OSG").base,
        "is_reply": k > 0,
        "received": at,
        "text": text,
        "new_text": text,
        "trust": "unchecked",
        "disposition": "post",
        "raw_sha256": "0",
        "copied_to": "",
    }


def _key(post: dict[str, Any]) -> dict[str, Any]:
    key = keys.message_key(post["message_id"])
    row = {"key": key, "ticket_id": post["ticket_id"], "post_id": post["id"], "seen_at": post["received"]}
    return row | {"stored": True, "direct": False}


def _mail(fields: Mapping[str, str], text: str, count: int) -> bytes:
    own = count if count % 2 == 0 else count - 1
    values = {
        "own": subject_of(own),
        "common": subject_of(own - 1),
        "last": str(own),
        "text": _TEXT.format(own - 1, 0),
        "chain": " ".join(f"<{own}.{49 - n}@mx.example>" for n in range(50)),
    }
    given = {"From": "p7@a.example", "To": LIST, "Message-ID": "<new@mx.example>"} | dict(fields)
    lines = [f"{name}: {value.format(**values)}" for name, value in given.items()]
    return "\r\n".join([*lines, "", text.format(**values), ""]).encode()


@dataclass(frozen=True)
class Cost:
    """Of one kind of mail: milliseconds of CPU a decision, and what decided."""

    kind: str
    ms: float
    evidence: str


def costs(app: App, count: int) -> Iterator[Cost]:
    for kind, (fields, text) in _MAILS.items():
        envelope = Envelope(Client("", "localhost", "FILE", "-"), "p7@a.example", (LIST,))
        mail = Mail(InboundId(0), "-", envelope, _mail(fields, text, count), _NOW, Trust.UNCHECKED)
        reading = read_mail(mail, app.queues(), app.keys)

        def decide(connection: Connection, reading: Reading = reading) -> tuple[float, Match]:
            match = _decide(connection, reading)
            started = time.process_time()
            for _ in range(_ROUNDS):
                match = _decide(connection, reading)
            return (time.process_time() - started) / _ROUNDS * 1000, match

        ms, match = app.read(decide)
        yield Cost(kind, ms, match.evidence.value)


def _decide(connection: Connection, reading: Reading) -> Match:
    known = keys.lookup(connection, [reading.identity.key, *reading.named])
    sender = None if reading.sender is None else people.find_sender(connection, reading.sender)
    question = Question(
        message=reading.message,
        subject=reading.subject,
        identity=reading.identity,
        queue=reading.queue,
        writer=Writer(sender, reading.mail.trust),
        time=reading.time,
        named=reading.named,
        parent_key=reading.parent_key,
        received=reading.mail.received_at,
    )
    return find_ticket(connection, question, known)


def _measure(count: int) -> list[Cost]:
    with tempfile.TemporaryDirectory(prefix="mailgate-bench-") as folder:
        app = new_instance(Path(folder) / "home")
        started = time.perf_counter()
        fill(app, count)
        print(
            f"{count} tickets, {count * _POSTS} posts, made in {time.perf_counter() - started:.1f} s",
            flush=True,
        )
        found = list(costs(app, count))
        app.close()
        return found


def main() -> int:
    parser = argparse.ArgumentParser(description="CPU per decision of threading, at few tickets and at many.")
    parser.add_argument("--tickets", type=int, default=100_000)
    many = parser.parse_args().tickets
    few = _measure(_FEW)
    found = _measure(many)
    print(f"\n{'ms of CPU a decision':<26}{_FEW:>10}{many:>10}  decided by")
    for one, other in zip(few, found, strict=True):
        print(f"{one.kind:<26}{one.ms:>10.3f}{other.ms:>10.3f}  {other.evidence}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
