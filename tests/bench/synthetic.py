"""A made-up support list of a year, with the traps that real ones set, and the truth by construction.

Each mail belongs to the thread that its author meant; labels name the mails that are a trap, with its class.
The same seed gives the same archive.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from tests.bench import synthetic_words as words
from tests.bench.synthetic_mail import TAG, Label, Made, Mail, Person, section, thread_index
from tests.support.daemon import LIST

_START: Final = datetime(2025, 1, 6, tzinfo=UTC)
_YEAR_MINUTES: Final = 340 * 24 * 60
# How the clients of people write what they answer, and how many in a hundred use each.
_CLIENTS: Final = {
    "full": 50, "outlook": 15, "bare": 9, "only-parent": 9, "commas": 4, "truncated": 5, "index-only": 4,
    "silent": 3, "silent-unmarked": 1,
}  # fmt: skip


def make_archive(seed: int, threads: int = 500) -> Made:
    """The mails of a year of a list with about `threads` threads, without those that traps add."""
    maker = _Maker(Random(seed))
    plan = [maker.discussion] * threads
    for trap, hundredths in (
        (maker.hijack, 6), (maker.retitled, 4), (maker.unseen_parent, 3), (maker.digest, 4),
        (maker.repost, 3), (maker.was, 3), (maker.series, 2), (maker.weekly, 1),
        (maker.wrong_parent, 2), (maker.reasked, 3),
    ):  # fmt: skip
        plan += [trap] * (threads * hundredths // 100)
    maker.rng.shuffle(plan)
    for number, story in enumerate(plan):
        maker.at(number, len(plan))
        story()
    maker.copies()
    maker.made.mails.sort(key=lambda mail: mail.arrival)
    return maker.made


class _Maker:
    """Writes the stories of an archive one after another, through the year."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.made = Made()
        self.now = _START
        self.serial = 0
        self.clients = clients = [name for name, share in _CLIENTS.items() for _ in range(share)]
        names = [(first, last) for first in words.FIRST for last in words.LAST]
        self.people = [
            Person(
                f"{a} {b}", f"{a.lower()}.{b.lower()}@site{n % 23}.example", rng.choice(clients), n % 17 == 0
            )
            for n, (a, b) in enumerate(names)
        ]
        # A dozen people answer most of what is asked.
        self.helpers = rng.sample(self.people, 12)

    def at(self, number: int, count: int) -> None:
        """Go to the place of a story in the year."""
        self.now = _START + timedelta(minutes=_YEAR_MINUTES * number / count + self.rng.uniform(0, 600))

    # The pieces.

    def opening(self, who: Person, subject: str, body: str, **fields: str) -> Mail:
        mail = self._mail(who, self.now, f"{TAG} {subject}", body)
        mail = replace(mail, fields=tuple((n.replace("_", "-"), v) for n, v in fields.items()))
        if who.client in ("outlook", "index-only"):
            index = b"\x01" + self.rng.randbytes(21)
            mail = replace(mail, index=index, fields=(*mail.fields, thread_index(index)))
        return self._keep(mail)

    def _mail(self, who: Person, at: datetime, subject: str, body: str) -> Mail:
        self.serial += 1
        host = who.address.partition("@")[2]
        own = f"{self.serial:x}.{self.rng.getrandbits(48):x}@{host}"
        # One in fifty comes late: up to two days.
        late = self.rng.uniform(0, 48 * 60) if self.rng.random() < 0.02 else self.rng.uniform(0.1, 3)
        return Mail(own, own, who, at, at + timedelta(minutes=late), subject, body)

    def _keep(self, mail: Mail, kind: str = "", anchor: str | None = None) -> Mail:
        self.made.mails.append(mail)
        if kind:
            self.made.labels.append(Label(mail.message_id, kind, anchor))
        return mail

    def answer(self, parent: Mail, who: Person | None = None, **changed: str) -> Mail:
        """An answer to `parent` by the client of `who`; `changed` may name its subject, body or client."""
        who = who or self._somebody(parent)
        client = changed.get("client") or (
            who.client if self.rng.random() < 0.8 else self.rng.choice(self.clients)
        )
        at = parent.at + timedelta(minutes=self.rng.expovariate(1 / 600) + 4)
        said = self.rng.choice(words.SHORT_ANSWERS) if self.rng.random() < 0.3 else words.text(self.rng, 1, 4)
        subject = changed.get("subject") or self._reply_subject(parent.subject, client)
        mail = self._mail(who, at, subject, changed.get("body") or self._quoting(said, parent, client))
        mail = replace(mail, thread=parent.thread, chain=(*parent.chain, parent.message_id))
        mail = replace(mail, **self._named(mail, parent, client))
        kind = client if client in ("silent", "silent-unmarked", "index-only", "bare") else ""
        return self._keep(mail, changed.get("kind", kind), parent.thread if kind else None)

    def _somebody(self, parent: Mail) -> Person:
        known = [mail.who for mail in self.made.mails[-40:] if mail.thread == parent.thread]
        others = [who for who in known if who is not parent.who]
        return (
            self.rng.choice(others) if others and self.rng.random() < 0.5 else self.rng.choice(self.helpers)
        )

    def _reply_subject(self, subject: str, client: str) -> str:
        bare = subject
        for prefix in sorted(words.PREFIXES, key=len, reverse=True):
            bare = bare.removeprefix(prefix)
        if client == "silent-unmarked":
            return bare
        if self.rng.random() < 0.15:
            return self.rng.choice(words.PREFIXES) + subject
        return subject if subject.startswith("Re: ") else "Re: " + bare

    def _quoting(self, said: str, parent: Mail, client: str) -> str:
        """What somebody says, with the mail they answer below or above, whole or in part, or not at all."""
        if client in ("outlook", "index-only", "silent-unmarked") and self.rng.random() < 0.85:
            head = f"From: {parent.who.name}\nSent: {parent.at:%A, %B %d, %Y %H:%M}\nTo: {LIST}"
            mark = "-----Original Message-----"
            return f"{said}\n\n{mark}\n{head}\nSubject: {parent.subject}\n\n{parent.body}"
        if self.rng.random() < 0.2:
            return said
        lines = parent.body.splitlines()
        kept = lines[: self.rng.randint(1, len(lines))]
        quote = "\n".join(f"> {line}" for line in kept)
        said_by = f"On {parent.at:%a, %d %b %Y at %H:%M}, {parent.who.name} wrote:"
        return f"{said_by}\n{quote}\n\n{said}" if self.rng.random() < 0.4 else f"{said}\n\n{said_by}\n{quote}"

    def _named(self, mail: Mail, parent: Mail, client: str) -> dict[str, object]:
        chain = list(mail.chain[-12:])
        if self.rng.random() < 0.05:
            # Their mail system gave the parent an id of its own.
            chain[-1] = f"{self.rng.getrandbits(64):x}PR0{self.rng.randint(1, 9)}@prod.exchange.example"
        ids = [f"<{one}>" for one in chain]
        index = (parent.index or b"\x01" + self.rng.randbytes(21)) + self.rng.randbytes(5)
        fields: list[tuple[str, str]]
        match client:
            case "bare":
                fields = [("In-Reply-To", chain[-1])]
            case "only-parent":
                fields = [("In-Reply-To", ids[-1])]
            case "commas":
                fields = [("In-Reply-To", ids[-1]), ("References", ",".join(ids))]
            case "truncated":
                fields = [("In-Reply-To", ids[-1]), ("References", " ".join(ids[-2:]))]
            case "index-only":
                fields = [thread_index(index)] if parent.index else [("In-Reply-To", ids[-1])]
            case "silent" | "silent-unmarked":
                fields = []
            case _:
                fields = [("In-Reply-To", ids[-1]), ("References", "\n\t".join(ids))]
                fields += [thread_index(index)] if client == "outlook" else []
        found = index if parent.index else b""
        return {"fields": tuple(fields), "index": found}

    def _subject(self) -> str:
        return self.rng.choice(words.COMMON) if self.rng.random() < 0.3 else words.own_subject(self.rng)

    def _earlier(self, days: float) -> Mail:
        """Some mail of the last `days`."""
        mails = [m for m in self.made.mails if timedelta() < self.now - m.at < timedelta(days=days)]
        return self.rng.choice(mails or self.made.mails or [self.discussion()])

    def _cascade(self, start: Mail, most: int = 5, least: int = 0, **changed: str) -> list[Mail]:
        thread = [start]
        for _ in range(min(most, least + int(self.rng.expovariate(1 / 2.2)))):
            parent = thread[-1] if self.rng.random() < 0.7 else self.rng.choice(thread)
            thread.append(self.answer(parent, **changed))
        return thread

    # The stories.

    def discussion(self) -> Mail:
        """A question, and what is said about it."""
        start = self.opening(self.rng.choice(self.people), self._subject(), words.text(self.rng, 2, 6))
        self._cascade(start, 12)
        return start

    def hijack(self) -> None:
        """A new question asked by answering an old mail; those who answer it name the old thread too."""
        old = self._earlier(120)
        marked = self.rng.random() < 0.12
        subject = f"{TAG} {self._subject()}"
        body = words.text(self.rng, 3, 6)
        if not marked and self.rng.random() < 0.4:
            body = self._quoting(body, old, "full")
        asked = self.answer(
            replace(old, at=self.now), self.rng.choice(self.people), client="full", body=body, kind="-",
            subject=f"Re: {subject}" if marked else subject,
        )  # fmt: skip
        self._renew(asked, "hijack-re" if marked else "hijack")

    def _renew(self, asked: Mail, kind: str) -> None:
        """That last mail begins a thread of its own, and is answered."""
        self.made.mails.pop()
        self.made.labels.pop()
        start = self._keep(replace(asked, thread=asked.message_id), kind)
        for mail in self._cascade(start, 4, 1)[1:]:
            self.made.labels.append(Label(mail.message_id, f"{kind}-cascade", start.message_id))

    def retitled(self) -> None:
        """The subject changes a little, and the matter stays."""
        old = self._earlier(5)
        bare = old.subject.rpartition(TAG)[2].strip()
        forms = (
            f"Re: {TAG} {bare} [SOLVED]",
            f"{TAG} SOLVED: {bare}",
            f"Re: {TAG} {bare} - more logs",
            f"{bare} (closed)",
        )
        renamed = self.answer(old, client="full", subject=self.rng.choice(forms), kind="-")
        self.made.labels[-1] = Label(renamed.message_id, "retitled", old.thread)
        self._cascade(renamed, 2)

    def unseen_parent(self) -> None:
        """What they answer went to one person only; two or three answer it on the list."""
        asker = self.rng.choice(self.people)
        unseen = replace(self._mail(asker, self.now, words.own_subject(self.rng), words.text(self.rng)))
        first: Mail | None = None
        for _ in range(self.rng.randint(2, 3)):
            mail = self.answer(unseen, self.rng.choice(self.helpers), client="full", kind="-")
            self.made.mails.pop()
            thread = first.message_id if first else mail.message_id
            self.made.labels[-1] = Label(
                mail.message_id, "unseen-parent", first.message_id if first else None
            )
            self.made.mails.append(mail := replace(mail, thread=thread))
            first = first or mail
            self._cascade(mail, 2)

    def digest(self) -> None:
        """People who read digests answer what stands in them."""
        shown = self.rng.sample(self.made.mails[-30:], 4) if len(self.made.mails) > 30 else []
        digest_id = f"mailman.{self.serial}.{self.rng.randint(1, 999)}.osg-general@lists.example.org"
        number = self.rng.randint(1, 400)
        for target in shown[: self.rng.randint(1, 3)]:
            form = self.rng.choice(("one", "one", "subject", "whole"))
            parts = shown if form == "whole" else [target]
            quoted = "\n".join(f"> {line}" for part in parts for line in section(part).splitlines())
            subject = f"Re: osg-general Digest, Vol 106, Issue {number}"
            if form == "subject":
                subject = self._reply_subject(target.subject, "full")
            said_by = f"On {self.now:%d %b %Y}, osg-general-request@lists.example.org wrote:"
            body = f"{words.text(self.rng, 1, 3)}\n\n{said_by}\n{quoted}"
            who = self.rng.choice(self.people)
            mail = self._mail(who, self.now + timedelta(hours=self.rng.uniform(1, 9)), subject, body)
            fields = (("In-Reply-To", f"<{digest_id}>"), ("References", f"<{digest_id}>"))
            mail = replace(mail, chain=(digest_id,), fields=fields)
            # Of a digest that is quoted whole nobody can tell what is meant.
            thread = mail.thread if form == "whole" else target.thread
            self._keep(replace(mail, thread=thread), f"digest-{form}", None if form == "whole" else thread)

    def repost(self) -> None:
        """A question that nobody answered comes once more, word for word or nearly."""
        who = self.rng.choice(self.people)
        start = self.opening(who, self._subject(), words.text(self.rng, 3, 6))
        self.now += timedelta(days=self.rng.uniform(0.2, 5))
        body = start.body if self.rng.random() < 0.6 else f"Nobody answered, so once more:\n\n{start.body}"
        again = replace(self._mail(who, self.now, start.subject, body), thread=start.thread)
        self._cascade(self._keep(again, "repost", start.thread), 3)

    def was(self) -> None:
        """They say themselves that it is another matter."""
        old = self._earlier(4)
        bare = old.subject.rpartition(TAG)[2].strip()
        subject = f"{self.rng.choice(('', 'Re: '))}{TAG} {words.own_subject(self.rng)} (was: {bare})"
        self._renew(self.answer(old, client="full", subject=subject, kind="-"), "was")

    def series(self) -> None:
        """Patches, sent at once, each an answer to the letter that goes before."""
        who, count = self.rng.choice(self.helpers), self.rng.randint(2, 4)
        title = words.own_subject(self.rng)
        stamp = f"{self.now:%Y%m%d%H%M%S}.{self.rng.randint(100, 9999)}"
        letter = self._mail(who, self.now, f"[PATCH 0/{count}] {title}", words.text(self.rng))
        letter = replace(letter, message_id=f"{stamp}-1-{who.address}", thread=f"{stamp}-1-{who.address}")
        self._keep(letter)
        for n in range(1, count + 1):
            patch = self._mail(
                who, self.now, f"[PATCH {n}/{count}] {words.own_subject(self.rng)}", words.text(self.rng)
            )
            fields = (("In-Reply-To", f"<{letter.message_id}>"), ("References", f"<{letter.message_id}>"))
            patch = replace(patch, message_id=f"{stamp}-{n + 1}-{who.address}", thread=letter.thread)
            self._keep(replace(patch, chain=(letter.message_id,), fields=fields), "series", letter.thread)
            self._cascade(patch, 2)

    def weekly(self) -> None:
        """A notice that comes every week under one title."""
        who = self.rng.choice(self.helpers)
        for _ in range(6):
            topics = f"reports of the sites\n{words.text(self.rng, 1, 2)}\nroom 7, 15:00"
            start = self.opening(who, "Operations meeting", f"Agenda of {self.now:%d %B}:\n{topics}")
            self.made.labels.append(Label(start.message_id, "weekly"))
            self._cascade(start, 2)
            self.now += timedelta(days=7)

    def wrong_parent(self) -> None:
        """Their client names another mail than the one they answer; the subject and the quote are right."""
        meant, named = self._earlier(4), self._earlier(30)
        if meant.thread != named.thread:
            mail = self.answer(meant, client="full", kind="-")
            self.made.mails.pop()
            fields = (("In-Reply-To", f"<{named.message_id}>"), ("References", f"<{named.message_id}>"))
            self.made.labels[-1] = Label(mail.message_id, "broken-refs", meant.thread)
            self.made.mails.append(replace(mail, fields=fields))

    def reasked(self) -> None:
        """Another person asks something else under the subject of a discussion that goes on."""
        subject = self._earlier(10).subject.rpartition(TAG)[2].strip()
        start = self.opening(self.rng.choice(self.people), subject, words.text(self.rng, 3, 6))
        self.made.labels.append(Label(start.message_id, "same-subject"))
        self._cascade(start, 4)

    def copies(self) -> None:
        """One mail in three hundred comes twice, with a footer, hours later."""
        for mail in self.rng.sample(self.made.mails, len(self.made.mails) // 300):
            later = mail.arrival + timedelta(hours=self.rng.uniform(0.1, 20))
            footer = "\n_______________________________________________\nosg-general mailing list\n"
            self.made.mails.append(replace(mail, arrival=later, body=mail.body + footer))
