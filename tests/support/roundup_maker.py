"""Makes a tracker with Roundup's own API, and tells what is in it. Roundup's own environment runs it.

    python roundup_maker.py HOME ISSUES SEED    a new tracker in HOME
    python roundup_maker.py HOME more           some more messages, and one more issue, in it

What it prints is JSON: for each issue what should be found after it was taken over.
"""

from __future__ import annotations

import calendar
import hashlib
import json
import random
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from roundup import configuration, date, init, instance, password

WORDS = [
    "gatekeeper",
    "certificate",
    "proxy",
    "queue",
    "disk",
    "site",
    "transfer",
    "squid",
    "token",
    "glexec",
    "bdii",
    "pilot",
    "ärger",
    "日本",
]
STATUSES = ["unread", "deferred", "chatting", "need-eg", "in-progress", "testing", "done-cbb", "resolved"]
PRIORITIES = ["critical", "urgent", "bug", "feature", "wish"]
TYPES = (
    "text/plain",
    "application/octet-stream",
    "image/png",
    "text/html",
    "message/rfc822",
    "application/pdf",
)
BEGIN = calendar.timegm((2024, 1, 8, 9, 0, 0))


class Clock:
    """What time Roundup thinks it is: that of the tracker's life, not of the test's."""

    def __init__(self) -> None:
        self.now = float(BEGIN)
        date.Date.now = lambda _: datetime.fromtimestamp(self.now, UTC).replace(tzinfo=None)

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def install(home: Path) -> Any:
    templates = Path(sys.prefix) / "share" / "roundup" / "templates" / "classic"
    init.install(str(home), str(templates))
    config = configuration.CoreConfig()
    config.HOME = str(home)
    for name, value in {
        "RDBMS_BACKEND": "sqlite",
        "MAIL_DOMAIN": "tracker.example",
        "MAIL_HOST": "localhost",
        "MAIL_DEBUG": str(home / "sent.mbox"),
        "TRACKER_WEB": "http://tracker.example/",
        "TRACKER_EMAIL": "issues@tracker.example",
        "ADMIN_EMAIL": "admin@tracker.example",
        # Passwords are none of our business, and the default takes a second for each.
        "PASSWORD_PBKDF2_DEFAULT_ROUNDS": 1000,
    }.items():
        config[name] = value
    config.save(str(home / "config.ini"))
    tracker = instance.open(str(home))
    tracker.init(password.Password("secret", config=tracker.config))
    return tracker


class Maker:
    """Fills a tracker with what people do in one."""

    def __init__(self, tracker: Any, seed: int) -> None:
        self.tracker, self.clock, self.random = tracker, Clock(), random.Random(seed)
        self.serial, self.seed = 0, seed
        self.clock.pass_by(seed * 1000)

    def people(self) -> None:
        db = self.tracker.open("admin")
        for n in range(24):
            values: dict[str, Any] = {
                "username": f"user{n}",
                "address": f"user{n}@people.example",
                "roles": "User",
            }
            values["realname"] = f"Användare {n}" if n % 5 == 0 else f"Person {n}"
            if n % 4 == 0:
                values["alternate_addresses"] = f"u{n}@home.example\nu{n}@work.example"
            if n % 3 == 0:
                values["timezone"] = ("Europe/Zurich", "America/Chicago", "2")[n % 9 // 3]
            db.user.create(**values)
        db.user.create(username="robot", roles="User")
        for word in ("xrootd", "glide in", "vdt"):
            db.keyword.create(name=word)
        db.commit()
        db.close()

    def as_somebody(self) -> Any:
        """Anybody but user23, who is going to leave."""
        return self.tracker.open(f"user{self.random.randrange(23)}")

    def text(self, words: int) -> str:
        return " ".join(self.random.choice(WORDS) for _ in range(words))

    def file(self, db: Any) -> str:
        kind = self.random.choice(TYPES)
        self.serial += 1
        content = (
            self.random.randbytes(self.random.randrange(1, 4000))
            if not kind.startswith(("text/", "message/"))
            else f"From: x@y.example\nSubject: {self.serial}\n\nlines\nüber {self.serial}\n".encode()
        )
        if self.serial % 40 == 0:
            # A file that is read in a process of its own.
            content = self.random.randbytes(300_000)
        name = f"lög {self.serial}.txt" if self.serial % 6 == 0 else f"file{self.serial}.dat"
        return str(db.file.create(name=name, type=kind, content=content))

    def message(self, db: Any, parent: str | None) -> str:
        self.serial += 1
        values: dict[str, Any] = {
            "author": db.getuid(),
            "date": date.Date(),
            "content": f"{self.text(12)}\n\n{self.text(6)}\n",
        }
        values["summary"] = values["content"][:30]
        if self.serial % 3:
            values["messageid"] = f"<made{self.seed}.{self.serial}@people.example>"
        if parent:
            values["inreplyto"] = parent
        if self.random.random() < 0.2:
            values["files"] = [self.file(db)]
        return str(db.msg.create(**values))

    def issue(self, number: int) -> None:
        db = self.as_somebody()
        title = f"{self.text(3)} [{number}]" if number % 11 == 0 else f"{self.text(4)} no {number}"
        values: dict[str, Any] = {
            "title": title,
            "priority": db.priority.lookup(self.random.choice(PRIORITIES)),
        }
        if number % 25:
            values["messages"] = [self.message(db, None)]
        if number % 7 == 0:
            values["files"] = [self.file(db)]
        if number % 4 == 0:
            values["keyword"] = self.random.sample(db.keyword.list(), 2)
        if number % 10 == 0:
            values["nosy"] = [db.user.lookup("robot"), db.user.lookup("user23"), db.getuid()]
        made = db.issue.create(**values)
        db.commit()
        db.close()
        for _ in range(self.random.randrange(0, 6)):
            self.clock.pass_by(self.random.randrange(60, 90_000))
            self.reply(made)
        self.clock.pass_by(self.random.randrange(60, 90_000))
        self.change(made, number)
        self.clock.pass_by(self.random.randrange(600, 9_000))

    def reply(self, issue: str) -> None:
        db = self.as_somebody()
        known = db.issue.get(issue, "messages")
        parent = db.msg.get(self.random.choice(known), "messageid") if known else None
        db.issue.set(issue, messages=[*known, self.message(db, parent)])
        db.commit()
        db.close()

    def change(self, issue: str, number: int) -> None:
        db = self.as_somebody()
        # One that people are at, and one that is done for good, whatever chance says.
        status = {"17": "chatting", "18": "resolved"}.get(issue, self.random.choice(STATUSES))
        values: dict[str, Any] = {"status": db.status.lookup(status)}
        if number % 3 == 0:
            values["assignedto"] = db.user.lookup(f"user{self.random.randrange(24)}")
        if number % 13 == 0:
            values["title"] = f"{db.issue.get(issue, 'title')} again"
        if number % 20 == 0:
            values["superseder"] = [str(number - 1)]
        db.issue.set(issue, **values)
        if number % 9 == 0:
            # Files that came without a message.
            self.clock.pass_by(3600)
            db.issue.set(issue, files=[*db.issue.get(issue, "files"), self.file(db)])
        db.commit()
        db.close()

    def retire(self) -> None:
        """Spam, and somebody who left."""
        db = self.tracker.open("admin")
        db.issue.retire(db.issue.create(title="Pills", messages=[self.message(db, None)]))
        db.user.retire(db.user.lookup("user23"))
        db.commit()
        db.close()


def everything(tracker: Any) -> dict[str, Any]:
    """What there is, by Roundup's own account."""
    db = tracker.open("admin")
    people = {}
    for number in db.user.list() + db.user.getnodeids(retired=True):
        user = db.user.getnode(number)
        people[number] = {
            "name": user.realname or user.username,
            "address": user.address,
            "others": (user.alternate_addresses or "").split(),
            "timezone": user.timezone,
            "gone": db.user.is_retired(number),
        }
    issues = {}
    for number in db.issue.list():
        issue = db.issue.getnode(number)
        files = {*issue.files, *(one for m in issue.messages for one in db.msg.get(m, "files"))}
        issues[f"issue{number}"] = {
            "title": issue.title,
            "status": db.status.get(issue.status, "name"),
            "priority": db.priority.get(issue.priority, "name"),
            "owner": issue.assignedto,
            "keywords": [db.keyword.get(one, "name") for one in issue.keyword],
            "superseder": [f"issue{one}" for one in issue.superseder],
            "nosy": list(issue.nosy),
            "messages": [_message(db, one) for one in issue.messages],
            "files": sorted(_file(db, one) for one in files),
        }
    db.close()
    return {"people": people, "issues": issues}


def _message(db: Any, number: str) -> dict[str, Any]:
    message = db.msg.getnode(number)
    return {
        "author": message.author,
        "content": message.content,
        "message_id": message.messageid,
        "date": None if message.date is None else message.date.timestamp(),
        "created": message.creation.timestamp(),
    }


def _file(db: Any, number: str) -> tuple[str, str]:
    return db.file.get(number, "name"), hashlib.sha256(db.file.get(number, "binary_content")).hexdigest()


def main(home: Path, what: str, seed: int = 0) -> None:
    if what != "more":
        maker = Maker(install(home), seed)
        maker.people()
        for number in range(1, int(what) + 1):
            maker.issue(number)
        maker.retire()
    else:
        maker = Maker(instance.open(str(home)), 99)
        maker.serial = 100_000
        maker.clock.pass_by(500 * 86_400)
        maker.reply("3")
        maker.reply("17")
        maker.change("17", 3)
        maker.issue(1001)
    json.dump(everything(maker.tracker), sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int((sys.argv[3:] or ["0"])[0]))
