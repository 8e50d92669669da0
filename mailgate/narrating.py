"""What `mailgate explain` says in words: what a mail is, its ticket and why, who is told, how to mend it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any, Final

_WIDTH: Final = 100
_LABEL: Final = 14
_MOST_NAMED: Final = 12
_KINDS: Final = {
    "post": "a post: something a person wrote",
    "command": "a command, and nothing besides",
    "bounce": "a bounce: some mail of ours did not arrive",
    "auto_reply": "an automatic answer; nobody is told of it",
    "challenge": "a robot that wants to know whether we are one; nobody answers it",
    "feedback": "a complaint that a mail provider passed on",
    "receipt": "a receipt: somebody opened a mail",
    "loop": "a mail of our own that came back",
    "duplicate": "a mail that came before; nothing was done once more",
    "spam": "marked as spam before it came here",
    "unreadable": "nothing that can be read; it is kept as it came",
    "refused": "nothing: it would not be let in",
    "waiting": "not looked at yet",
    "parked": "set aside, for we failed on it three times",
    "dropped": "set aside by an operator",
}
_TRUSTS: Final = {
    "aligned": "its domain vouches for that, so it is believed",
    "failed": "its domain says that this is forged",
    "none": "nothing vouches for that, so it has no rights but to ask",
    "unchecked": "nobody checked that, for authentication is off, so it is believed",
}
_EVIDENCE: Final = {
    "token": "reply address",
    "address": "ticket address",
    "root": "root id",
    "reference": "references",
    "ghost": "unseen mail",
    "tag": "tag",
    "thread_index": "conversation",
    "quoted_token": "quoted address",
    "subject": "subject",
    "new": "nothing",
}


def in_words(explained: dict[str, Any]) -> str:
    """`explained` as `explain --json` prints it, as a page for a person."""
    blocks = (_mail(explained), _place(explained), _signs(explained), _routing(explained), _told(explained))
    pages = (*blocks, _text(explained), _repairs(explained))
    return "\n\n".join("\n".join(lines) for block in pages if (lines := list(block)))


def _line(label: str, said: str) -> str:
    """A labelled line, broken where it gets too wide."""
    first, later = label.ljust(_LABEL), " " * _LABEL
    return textwrap.fill(said or "-", _WIDTH, initial_indent=first, subsequent_indent=later)


def _item(said: str) -> str:
    return textwrap.fill(said, _WIDTH, initial_indent="  ", subsequent_indent="    ")


def _mail(explained: dict[str, Any]) -> Iterator[str]:
    reading = explained["reading"]
    yield _line("Mail", explained["file"] or f"{reading['message_id'] or 'without an id'}")
    yield _line("It is", _what(explained))
    yield _line("From", _author(explained))
    yield from _proof(explained)
    yield _line("Subject", reading["subject"] or "(none)")
    yield _line("Sent", _moment(reading["date"]) if reading["date"] else "it does not say when")
    if "received" in explained:
        yield _line("Came", f"{_moment(explained['received'])}, as {explained['inbound']}")


def _what(explained: dict[str, Any]) -> str:
    kind = explained["disposition"]
    said = _KINDS.get(kind, kind)
    reason = explained.get("reason")
    return f"{said} ({reason})" if reason else said


def _author(explained: dict[str, Any]) -> str:
    reading = explained["reading"]
    box = reading["from"]
    name = (
        f"{box['name']} <{box['address']}>" if box["name"] else box["address"] or "nobody: it names no author"
    )
    repaired = "; a list stood in From, the person was found elsewhere" if reading["sender_repaired"] else ""
    trust = _TRUSTS.get(explained.get("trust") or "", "")
    return f"{name}{repaired}; {trust}" if trust else f"{name}{repaired}"


def _proof(explained: dict[str, Any]) -> Iterator[str]:
    """What speaks for its author, and what was looked at."""
    found = explained.get("authentication")
    if not found:
        return
    yield _line("Author", _sentence(found["why"]))
    spf = f"SPF {found['spf']}" + (f" of {found['spf_domain']}" if found.get("spf_domain") else "")
    signatures = [
        f"DKIM {one['result']} of {one['domain'] or 'nobody'}" + (f" ({one['why']})" if one["why"] else "")
        for one in found.get("signatures", ())
    ]
    chain = [f"ARC {found['arc']} of {', '.join(found['sealers'])}"] if found.get("sealers") else []
    policy = f"DMARC {found['dmarc']}" + (f", policy {found['policy']}" if found.get("policy") else "")
    yield _item("; ".join((spf, *signatures, *chain, policy)))


def _place(explained: dict[str, Any]) -> Iterator[str]:
    yield _line("Ticket", _ticket(explained))
    why = explained.get("why") or explained.get("reason")
    if why:
        yield _line("Because", _sentence(why))
    if explained["disposition"] == "refused":
        yield _line("Answer", explained["reply"])


def _ticket(explained: dict[str, Any]) -> str:
    number, stored = explained["ticket"], "received" in explained
    if explained["held"]:
        return "none: it " + ("is held" if stored else "would be held") + " until a moderator has seen it"
    if number is None:
        return "none"
    if explained["created"]:
        said = f"it opened ticket {number}" if stored else "it would open a new ticket"
        title = explained.get("title")
        said += f", \u201c{title}\u201d" if title else ""
    else:
        said = f"it went to ticket {number}" if stored else f"it would go to ticket {number}"
    now = explained.get("stands_in")
    return f"{said}; now it is post {explained['n']} of ticket {now}" if now else said


def _signs(explained: dict[str, Any]) -> Iterator[str]:
    signs = explained.get("signs", ())
    if not signs:
        return
    yield "What in it may tell its ticket, the strongest first:"
    for sign in signs:
        outcome = sign["outcome"].upper() if sign["outcome"] == "decided" else sign["outcome"]
        yield _item(f"{_EVIDENCE.get(sign['evidence'], sign['evidence'])}: {sign['says']} \u2013 {outcome}")


def _routing(explained: dict[str, Any]) -> Iterator[str]:
    where = [*explained["centers"], *explained["cc"]]
    if explained["ticket"] is None and not explained.get("trace"):
        return
    if explained["created"]:
        yield _line("Routed to", ", ".join(where) or "nobody in particular: it is for the whole community")
    if explained["tags"]:
        yield _line("Tags", ", ".join(explained["tags"]))
    entities = explained.get("entities") or ()
    if entities:
        yield _line("Names", "of the registry")
        yield from (
            _item(f"{kind} {name}, by {how}, in the {where}: {text}")
            for kind, name, where, how, text in entities
        )
    trace = explained.get("trace", ())
    yield _line("Rules", f"{len(trace) or 'none'} matched")
    yield from (_item(line) for line in trace)
    yield from (_item(f"note: {line}") for line in explained.get("notes", ()))


def _told(explained: dict[str, Any]) -> Iterator[str]:
    if explained["disposition"] == "refused":
        return
    told = explained["recipients"]
    stored = "received" in explained
    if not told:
        yield _line("Told", "nobody was" if stored else "nobody would be")
        return
    people = "one person" if len(told) == 1 else f"{len(told)} people"
    yield _line("Told", f"{people} {'got' if stored else 'would get'} a copy")
    for one in told[:_MOST_NAMED]:
        yield _item(f"{one['address']}, a {one['copy']} copy: {one['reason']}")
    if len(told) > _MOST_NAMED:
        yield _item(f"and {len(told) - _MOST_NAMED} more (--json names all)")


def _text(explained: dict[str, Any]) -> Iterator[str]:
    reading = explained["reading"]
    folded = [(reading["quoted_text"], "quoted"), (reading["signature"], "of signature")]
    said = [f"{_lines(text)} {name}" for text, name in folded if text.strip()]
    yield _line("New text", _lines(reading["new_text"]) + (", made of HTML" if reading["html"] else ""))
    yield _line("Folded away", ", ".join(said) or "nothing")
    for file in reading["attachments"]:
        yield _line("Attached", f"{file['name']} ({file['type']}, {file['size']} bytes)")
    if reading["forwarded"]:
        inner = reading["forwarded"]
        yield _line("Forwards", f"a mail of {inner['from']}, \u201c{inner['subject']}\u201d")
    for bounced in reading["bounces"]:
        yield _line("Not arrived", f"at {bounced['address']}: {bounced['status']} {bounced['action']}")
    sealed = [word for word in ("signed", "encrypted") if reading[word]]
    if sealed:
        yield _line("Sealed", " and ".join(sealed))
    for defect in reading["defects"]:
        yield _line("Defect", defect)


def _repairs(explained: dict[str, Any]) -> Iterator[str]:
    """What to type when it is wrong; nothing for what has not happened."""
    if "received" not in explained:
        return
    commands = list(_commands(explained))
    if commands:
        yield "If that is wrong:"
        width = max(len(command) for command, _ in commands)
        yield from (f"  {command.ljust(width)}  {meaning}" for command, meaning in commands)


def _commands(explained: dict[str, Any]) -> Iterator[tuple[str, str]]:
    uid, ticket = explained["inbound"], explained["stands_in"]
    if explained["held"] and ticket is None:
        yield f"mailgate hold approve {uid}", "let it in"
        yield f"mailgate hold reject {uid}", "keep it out for good"
    if explained["disposition"] == "parked":
        yield f"mailgate queue show {uid}", "what went wrong"
        yield f"mailgate queue retry {uid}", "once more"
    if ticket is None or explained["disposition"] == "duplicate":
        return
    if explained["n"] > 1:
        yield (
            f"mailgate ticket split {ticket} --from {explained['n']}",
            "it is another matter: a ticket of its own",
        )
    yield f"mailgate ticket merge {ticket} N", f"all of ticket {ticket} belongs to ticket N"
    yield f"mailgate ticket move {ticket} LIST", "it belongs to another list"
    yield f"mailgate ticket show {ticket}", "its history, with the number of each event"
    yield "mailgate ticket undo EVENT", "take one of these back"


def _lines(text: str) -> str:
    count = len(text.strip().splitlines())
    return "one line" if count == 1 else f"{count} lines" if count else "nothing"


def _moment(iso: str) -> str:
    return f"{iso[:10]} {iso[11:16]} UTC"


def _sentence(why: str) -> str:
    """`why` begins with a verb where the mail is meant, as in "names a post of ticket 3"."""
    verbs: Iterable[str] = ("names", "is", "carries", "answers", "quotes", "has", "was")
    return f"it {why}" if why.partition(" ")[0] in verbs else why
