"""Rules in the database: numbered revisions that never change, one draft, and which one is in force.

Every function works on the connection of the running unit of work and never commits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import unified_diff

from sqlalchemy import Connection, delete, func, insert, select, update

from routing.faults import LostUpdate, NoSuchRevision, NothingToApply, RoutingError
from routing.rules import Rule, RuleSet, emit_rules, parse_rules
from routing.tables import actives, drafts, revisions

MESSAGE_LIMIT = 500
NO_DRAFT = "there is no draft; begin one with `rules add`, `rules edit` or `rules import`"


@dataclass(frozen=True, slots=True)
class Change:
    """Who puts rules in force, why, and when (aware)."""

    author: str
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Revision:
    """A set of rules as it was put in force; number 0 is that of no rules at all."""

    number: int
    created_at: datetime
    author: str
    message: str
    text: str
    based_on: int

    @property
    def rules(self) -> RuleSet:
        return parse_rules(self.text)


@dataclass(frozen=True, slots=True)
class Draft:
    """The rules being edited, and the revision in force when that began."""

    text: str
    based_on: int
    updated_at: datetime

    @property
    def rules(self) -> RuleSet:
        return parse_rules(self.text)


@dataclass(frozen=True, slots=True)
class View:
    """Rules and where they stand, for a person: the draft, or a revision in force."""

    rules: RuleSet
    title: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two texts of rules, and what to call them."""

    old_name: str
    old: str
    new_name: str
    new: str

    @property
    def diff(self) -> str:
        """What changes from one to the other, as a unified diff; "" when nothing does."""
        old, new = self.old.splitlines(), self.new.splitlines()
        return "\n".join(unified_diff(old, new, self.old_name, self.new_name, lineterm=""))


# The time beside the number: a restored backup may bring other rules under a number we know.
_IN_FORCE = select(actives.c.number, revisions.c.created_at).join(
    revisions, revisions.c.number == actives.c.number
)


class ActiveRules:
    """The rules in force, parsed once a revision; another process may change which it is at any time."""

    def __init__(self) -> None:
        self._known: tuple[tuple[int, datetime | None], RuleSet] = ((0, None), RuleSet())

    def read(self, conn: Connection) -> tuple[int, RuleSet]:
        """The number in force, 0 when there is none, and its rules."""
        row = conn.execute(_IN_FORCE).first()
        if row is None:
            return 0, RuleSet()
        key = (row.number, row.created_at)
        known, rules = self._known
        if key != known:
            rules = revision(conn, row.number).rules
            self._known = (key, rules)
        return row.number, rules


def active(conn: Connection) -> tuple[int, RuleSet]:
    """The number in force, 0 when there is none, and its rules."""
    number = active_number(conn)
    return number, revision(conn, number).rules


def active_number(conn: Connection) -> int:
    """The number in force, 0 when there is none."""
    return conn.scalar(select(actives.c.number)) or 0


def revision(conn: Connection, number: int) -> Revision:
    """One revision; 0 is the empty one before all others."""
    if number == 0:
        return Revision(0, datetime.fromtimestamp(0, UTC), "", "no rules", "", 0)
    row = conn.execute(select(revisions).where(revisions.c.number == number)).one_or_none()
    if row is None:
        raise NoSuchRevision(f"no revision {number}; `rules history` lists them")
    return Revision(*row)


def history(conn: Connection, limit: int | None = None) -> tuple[Revision, ...]:
    """Revisions, newest first."""
    rows = conn.execute(select(revisions).order_by(revisions.c.number.desc()).limit(limit))
    return tuple(Revision(*row) for row in rows)


def draft(conn: Connection) -> Draft | None:
    """The draft, when there is one."""
    row = conn.execute(select(drafts.c.text, drafts.c.based_on, drafts.c.updated_at)).one_or_none()
    return None if row is None else Draft(*row)


def save_draft(conn: Connection, rules: RuleSet, at: datetime) -> Draft:
    """Make `rules` the draft; a new one is based on the revision in force."""
    old = draft(conn)
    new = Draft(emit_rules(rules), old.based_on if old else active_number(conn), at)
    if old is None:
        conn.execute(
            insert(drafts).values(id=1, text=new.text, based_on=new.based_on, updated_at=new.updated_at)
        )
    else:
        conn.execute(update(drafts).values(text=new.text, updated_at=new.updated_at))
    return new


def replace_draft(conn: Connection, rules: RuleSet, at: datetime) -> Draft:
    """Make `rules` a new draft, based on the revision in force, in place of any other."""
    discard_draft(conn)
    return save_draft(conn, rules, at)


def discard_draft(conn: Connection) -> bool:
    """Forget the draft; return whether there was one."""
    return conn.execute(delete(drafts)).rowcount > 0


def apply(conn: Connection, change: Change, if_rev: int | None = None, seen: Draft | None = None) -> Revision:
    """Put the draft in force as a new revision.

    Refused with LostUpdate when another revision is in force than the draft was begun on, or, if given,
    than `if_rev`, and when the draft is not that which was `seen`, and checked, before; with NothingToApply
    when it says nothing new; with RuleError when it does not parse.
    """
    number = _locked_number(conn)
    new = draft(conn)
    if new is None:
        raise NothingToApply(NO_DRAFT)
    if seen is not None and new != seen:
        raise LostUpdate("somebody else changed the draft meanwhile: see `rules diff`, then apply it")
    expected = new.based_on if if_rev is None else if_rev
    if number != expected:
        raise LostUpdate(
            f"revision {number} is in force, not {expected}: see `rules diff`, then `rules apply --if-rev"
            f" {number}` to put the draft in its place, or `rules discard` to begin anew"
        )
    applied = _append(conn, emit_rules(new.rules), number, change)
    discard_draft(conn)
    return applied


def put_in_force(conn: Connection, rules: RuleSet, change: Change, if_rev: int | None = None) -> Revision:
    """Put `rules` in force as a new revision, past the draft: that stays, and must be applied knowingly."""
    number = _locked_number(conn)
    if if_rev is not None and number != if_rev:
        raise LostUpdate(f"revision {number} is in force, not {if_rev}")
    return _append(conn, emit_rules(rules), number, change)


def rollback(conn: Connection, number: int, change: Change) -> Revision:
    """Put an old revision in force again, as a new one; the draft stays here too."""
    return put_in_force(conn, revision(conn, number).rules, change)


def initialise(conn: Connection, rules: RuleSet, change: Change) -> int:
    """Put `rules` in force when no revision ever was; return the number in force."""
    number = _locked_number(conn)
    return number or _append(conn, emit_rules(rules), 0, change).number


def view(conn: Connection, in_force: bool = False) -> View:
    """The rules one works on: the draft where there is one, else, or if wanted, those in force."""
    edited = None if in_force else draft(conn)
    if edited:
        return View(edited.rules, f"draft on revision {edited.based_on}, not in force")
    number, rules = active(conn)
    return View(rules, f"revision {number}, in force")


def compare(conn: Connection, old: int | None = None, new: int | None = None) -> Comparison:
    """What is in force, or revision `old`, beside the draft if there is one, or revision `new`."""
    in_force = active_number(conn)
    first = revision(conn, in_force if old is None else old)
    edited = draft(conn) if new is None else None
    if edited:
        return Comparison(f"revision {first.number}", first.text, "draft", edited.text)
    second = revision(conn, in_force if new is None else new)
    return Comparison(f"revision {first.number}", first.text, f"revision {second.number}", second.text)


def compare_import(conn: Connection, rules: RuleSet) -> Comparison:
    """What is in force beside rules that are not stored."""
    first = revision(conn, active_number(conn))
    return Comparison(f"revision {first.number}", first.text, "import", emit_rules(rules))


@dataclass(frozen=True, slots=True)
class Blame:
    """A part of a rule as it is in force, and the revision that made it so."""

    key: str
    value: str
    revision: Revision


def blame(conn: Connection, name: str) -> tuple[Blame, ...]:
    """Which revision made each part of a rule in force what it is; RoutingError without such a rule."""
    now = _parts(active(conn)[1].rule(name))
    made: dict[str, Revision] = {}
    unchanged = set(now)
    for older in history(conn):
        parts = next((_parts(rule) for rule in older.rules.rules if rule.name == name), {})
        unchanged = {key for key in unchanged if parts.get(key) == now[key]}
        made.update(dict.fromkeys(unchanged, older))
        if not unchanged:
            break
    return tuple(Blame(key, value, made[key]) for key, value in now.items())


def _parts(rule: Rule) -> dict[str, str]:
    asleep = "no" if rule.enabled else f"until {rule.until}" if rule.until else "yes"
    return {
        "phase": rule.phase.value,
        "when": " ".join(rule.when.text.split()),
        "then": ", ".join(map(str, rule.then)),
        "disabled": asleep,
    }


def _locked_number(conn: Connection) -> int:
    """The number in force, locked where rows can be: of two admins, the second waits and is refused."""
    return conn.scalar(select(actives.c.number).with_for_update()) or 0


def _append(conn: Connection, text: str, based_on: int, change: Change) -> Revision:
    if based_on and text == revision(conn, based_on).text:
        raise NothingToApply(f"that says the same as revision {based_on}, which is in force")
    message = " ".join(change.message.split())
    if not message or len(message) > MESSAGE_LIMIT:
        raise RoutingError(f"expected a message of at most {MESSAGE_LIMIT} characters that says why")
    number = (conn.scalar(select(func.max(revisions.c.number))) or 0) + 1
    new = Revision(number, change.at.astimezone(UTC), change.author[:254], message, text, based_on)
    conn.execute(
        insert(revisions).values(
            number=new.number,
            created_at=new.created_at,
            author=new.author,
            message=new.message,
            text=new.text,
            based_on=new.based_on,
        )
    )
    if conn.execute(update(actives).values(number=number)).rowcount == 0:
        conn.execute(insert(actives).values(id=1, number=number))
    return new
