"""A decision of threading takes a few indexed look-ups, whatever decides, however many tickets there are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import event

from mailgate.scan import to_crlf
from tests.support.community import LIST, Community

# Those of the duplicate gate are among them.
MOST_LOOKUPS = 6
TABLES = re.compile(r"FROM (?:message_key|ticket|post|membership)\b")
QUESTION = "The door of our storage element closes every connection after eleven seconds since Tuesday."
INDEX = "AdWABCDEFGHIJKLMNOPQRSTUVWXYZQ=="
LATER_INDEX = "AdWABCDEFGHIJKLMNOPQRSTUVWXYZQAAAAA="
QUOTE = f"Raise it.\n\n> {QUESTION}"
DIGEST = f"Raise it.\n\n> Subject: Door closes\n> Message-ID: <ann@mx.example>\n>\n> {QUESTION}"

# What the answer says, and what it is placed by.
ANSWERS: dict[str, tuple[dict[str, str], str, str]] = {
    "root": ({"Subject": "Re: x", "References": "{root}"}, "Text.", "root"),
    "address": ({"Subject": "Re: x", "To": "osg-general+1@lists.example.org"}, "Text.", "address"),
    "reference": ({"Subject": "Re: Door closes", "In-Reply-To": "<ann@mx.example>"}, "Text.", "reference"),
    "edited tag": ({"Subject": "Re: [OSG #2] x", "In-Reply-To": "<ann@mx.example>"}, "Text.", "reference"),
    "tag": ({"Subject": "Re: [OSG #1] x"}, "Text.", "tag"),
    "ghost": ({"Subject": "Re: Unseen", "In-Reply-To": "<unseen@mx.example>"}, "Text.", "ghost"),
    "thread index": ({"Subject": "RE: Door closes", "Thread-Index": LATER_INDEX}, "Text.", "thread_index"),
    "quoted address": (
        {"Subject": "Re: Door closes"},
        "Text.\n> osg-general+1@lists.example.org",
        "quoted_token",
    ),
    "subject": ({"Subject": "Re: Door closes"}, "Text.", "subject"),
    "subject and quote": ({"Subject": "Re: Door closes"}, QUOTE, "subject"),
    "unmarked": ({"Subject": "Door closes"}, QUOTE, "subject"),
    "forward": ({"Subject": "Fwd: Door closes"}, QUOTE, "subject"),
    "letter": ({"Subject": "R: Door closes"}, "Text.", "subject"),
    "digest": ({"Subject": "Re: OSG Digest, Vol 1, Issue 2"}, DIGEST, "reference"),
    "hijack": ({"Subject": "Tape drops", "In-Reply-To": "<ann@mx.example>"}, "Text.", "new"),
    "broken reference": ({"Subject": "Re: Door closes", "In-Reply-To": "<eve@mx.example>"}, QUOTE, "subject"),
    "nothing": ({"Subject": "Something else"}, "Text.", "new"),
}


@dataclass
class Recorder:
    """The look-ups of threading, in order, with what they asked."""

    lookups: list[tuple[str, Any]] = field(default_factory=list)

    def __call__(self, _connection: Any, _cursor: Any, statement: str, asked: Any, *_: Any) -> None:
        self.lookups.append((statement, asked))

    def of_the_decision(self) -> list[tuple[str, Any]]:
        """From the first key that is looked up until the rules are asked."""
        first = next(n for n, (text, _) in enumerate(self.lookups) if "FROM message_key" in text)
        rest = self.lookups[first:]
        last = next(n for n, (text, _) in enumerate(rest) if re.search(r"FROM (?:rule|ticket_tag)", text))
        return [lookup for lookup in rest[:last] if TABLES.search(lookup[0])]


@pytest.fixture
def community(community: Community) -> Community:
    """One with three tickets."""
    send(
        community, {"From": "ann@a.example", "Subject": "Door closes", "Thread-Index": INDEX}, QUESTION, "ann"
    )
    send(community, {"From": "eve@e.example", "Subject": "Robot"}, "Text.", "eve")
    send(
        community,
        {"From": "eve@e.example", "Subject": "Re: Unseen", "In-Reply-To": "<unseen@mx.example>"},
        "Text.",
        "g",
    )
    return community


def send(community: Community, fields: dict[str, str], text: str, name: str) -> dict[str, Any]:
    community.clock.pass_by(minutes=1)
    given = {"From": "bob@b.example", "To": LIST, "Message-ID": f"<{name}@mx.example>"} | fields
    raw = "\n".join([*(f"{key}: {value}" for key, value in given.items()), "", text, ""])
    return community.inject(to_crlf(raw.encode()), [given["To"]])


@pytest.mark.parametrize("sign", ANSWERS)
def test_a_decision_takes_a_few_look_ups_and_each_has_its_index(community: Community, sign: str) -> None:
    fields, text, evidence = ANSWERS[sign]
    root = community.root_id(1)
    recorder, engine = Recorder(), community.app.database.engine
    event.listen(engine, "before_cursor_execute", recorder)
    result = send(
        community, {name: value.replace("{root}", root) for name, value in fields.items()}, text, "bob"
    )
    event.remove(engine, "before_cursor_execute", recorder)
    assert result["evidence"] == evidence
    lookups = recorder.of_the_decision()
    assert len(lookups) <= MOST_LOOKUPS, "\n".join(statement for statement, _ in lookups)
    with engine.connect() as connection:
        for statement, asked in lookups:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", asked).all()
            steps = [str(row[3]) for row in plan]
            assert any(step.startswith("SEARCH") for step in steps), (statement, steps)
            assert not [step for step in steps if step.startswith("SCAN")], (statement, steps)
