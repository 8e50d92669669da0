"""Rules and the facts of a mail in, a decision with its reasons out. Pure and total."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from routing.actions import BY_REGISTRY, ROUTING, Action, Verb, read_contacts
from routing.entities import Entity
from routing.entity_terms import named_resources
from routing.facts import Facts, Kind, Reading
from routing.registry import Resource
from routing.rules import Phase, Rule, RuleSet

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TraceLine:
    """What became of one rule: whether it matched, and why or why not; `failed`: it broke on this mail."""

    rule: str
    matched: bool
    why: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a center or contact was chosen: the rule, and half a sentence that follows "because" ("" when the
    rule says no more)."""

    recipient: str
    rule: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules say of a mail. `reasons` has one for each of `centers` and `cc`.

    `hold` and `reject` are reasons, or None; the first given counts. `priority`, `queue` and `topic` are
    None when no rule speaks of them; the last given counts. `fallback` is true for an opening that no
    rule gave a center or a cc, or that the registry leaves to the community. `rules` matched, in that order.
    `entities` are what the mail names of the registry, as far as a rule asked, `reminders` as actions write
    them. `nosy` are addresses that take part from the first, `replies` are texts for its author.
    """

    centers: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    priority: str | None = None
    hold: str | None = None
    reject: str | None = None
    private: bool = False
    queue: str | None = None
    topic: str | None = None
    notes: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    fallback: bool = False
    trace: tuple[TraceLine, ...] = ()
    entities: tuple[Entity, ...] = ()
    reminders: tuple[str, ...] = ()
    nosy: tuple[str, ...] = ()
    replies: tuple[str, ...] = ()

    def reason_for(self, recipient: str) -> Reason:
        """Why that center or contact was chosen."""
        return next((one for one in self.reasons if one.recipient == recipient), Reason(recipient, ""))


def decide(rules: RuleSet, facts: Facts) -> Decision:
    """Ask the rules about a mail.

    An opening passes guard, route, enrich, and fallback when nothing gave it a center or a cc. Any other
    mail passes guard and enrich only, and keeps the centers, cc and queue of its ticket. A rule that
    fails is skipped and says so in the trace.
    """
    course = _Course(facts)
    for phase, members in groupby(rules.rules, key=lambda rule: rule.phase):
        course.pass_phase(phase, members)
    return course.decision()


@dataclass(slots=True)
class _Course:
    """A decision in the making."""

    facts: Facts
    reading: Reading = field(init=False)
    opening: bool = field(init=False)
    centers: list[Reason] = field(default_factory=list)
    cc: list[Reason] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    priority: str | None = None
    hold: str | None = None
    reject: str | None = None
    private: bool = False
    queue: str | None = None
    topic: str | None = None
    community: bool = False
    reminders: list[str] = field(default_factory=list)
    nosy: list[str] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    trace: list[TraceLine] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reading = Reading(self.facts)
        self.opening = Kind.NEW in self.facts.kinds

    def pass_phase(self, phase: Phase, members: Iterator[Rule]) -> None:
        """Ask the rules of a phase, each in its turn, up to one that stops it."""
        passed_over = self._passed_over(phase)
        for rule in members:
            if passed_over:
                self.trace.append(TraceLine(rule.name, False, passed_over))
            elif rule.sleeps(self.facts.received):
                self.trace.append(TraceLine(rule.name, False, "disabled"))
            elif self._ask(rule):
                passed_over = f"not asked: {rule.name} stops the phase"

    def decision(self) -> Decision:
        return Decision(
            centers=tuple(one.recipient for one in self.centers),
            cc=tuple(one.recipient for one in self.cc),
            tags=tuple(self.tags),
            priority=self.priority,
            hold=self.hold,
            reject=self.reject,
            private=self.private,
            queue=self.queue,
            topic=self.topic,
            notes=tuple(self.notes),
            rules=tuple(self.rules),
            reasons=(*self.centers, *self.cc),
            fallback=self.opening and (self.community or not self._routed()),
            trace=tuple(self.trace),
            reminders=tuple(self.reminders),
            nosy=tuple(self.nosy),
            replies=tuple(self.replies),
            entities=self.reading.entities_so_far,
        )

    def _routed(self) -> bool:
        return bool(self.centers or self.cc)

    def _passed_over(self, phase: Phase) -> str:
        """Why a whole phase is not asked, or ""."""
        if phase in (Phase.ROUTE, Phase.FALLBACK) and not self.opening:
            return "not asked: a reply is never re-routed"
        if phase is Phase.FALLBACK and self._routed():
            return "not asked: the mail is routed"
        return ""

    def _ask(self, rule: Rule) -> bool:
        """Ask one rule and do what it says; return whether it stops the phase."""
        try:
            holds, why = rule.when.test(self.reading)
        # A shell by decision (house rule: total): one bad rule costs itself, never the mail.
        except Exception as error:
            log.exception("rule=%s failed", rule.name)
            self.trace.append(TraceLine(rule.name, False, f"failed: {type(error).__name__}", failed=True))
            return False
        if not holds:
            self.trace.append(TraceLine(rule.name, False, why))
            return False
        self.rules.append(rule.name)
        idle = [action for action in rule.then if not self._do(rule.name, action)]
        if idle:
            why += f"; a reply is never re-routed: without {', '.join(map(str, idle))}"
        self.trace.append(TraceLine(rule.name, True, why))
        return any(action.verb is Verb.STOP for action in rule.then)

    def _do(self, rule: str, action: Action) -> bool:
        """Do one action; return whether this mail lets it."""
        if action.verb in ROUTING and not self.opening:
            return False
        _DO[action.verb](self, rule, action.argument)
        return True


def _add(items: list[str], item: str) -> None:
    if item.casefold() not in (known.casefold() for known in items):
        items.append(item)


def _choose(chosen: list[Reason], one: Reason) -> None:
    if one.recipient.casefold() not in (known.recipient.casefold() for known in chosen):
        chosen.append(one)


def _add_center(course: _Course, rule: str, name: str) -> None:
    if name.casefold() != BY_REGISTRY:
        _choose(course.centers, Reason(name, rule))
        return
    for one in course.reading.proposal.centers:
        _choose(course.centers, Reason(one.recipient, rule, one.why))


def _add_cc(course: _Course, rule: str, argument: str) -> None:
    which = read_contacts(argument)
    if which is None:
        _choose(course.cc, Reason(argument, rule))
        return
    sender = course.facts.sender.casefold()
    for resource in named_resources(course.reading):
        for address in _contacts_of(resource, which):
            if address.casefold() != sender:
                _choose(course.cc, Reason(address, rule, f"you are the {_WORDS[which]} of {resource.name}"))


_WORDS = {"contact": "contact", "admin": "administrator", "security": "security contact"}


def _contacts_of(resource: Resource, which: str) -> tuple[str, ...]:
    if which == "contact":
        return () if resource.contact is None else (resource.contact,)
    return resource.admin if which == "admin" else resource.security


def _set_center(course: _Course, rule: str, argument: str) -> None:
    course.centers[:] = [Reason(argument, rule)]


def _set_priority(course: _Course, _: str, argument: str) -> None:
    course.priority = argument


def _set_hold(course: _Course, _: str, argument: str) -> None:
    course.hold = course.hold or argument


def _set_reject(course: _Course, _: str, argument: str) -> None:
    course.reject = course.reject or argument


def _set_private(course: _Course, _: str, __: str) -> None:
    course.private = True


def _set_queue(course: _Course, _: str, argument: str) -> None:
    course.queue = argument


def _set_topic(course: _Course, _: str, argument: str) -> None:
    course.topic = argument


def _by_registry(course: _Course, rule: str, _: str) -> None:
    proposal = course.reading.proposal
    for one in proposal.centers:
        _choose(course.centers, Reason(one.recipient, rule, one.why))
    for one in proposal.contacts:
        _choose(course.cc, Reason(one.recipient, rule, one.why))
    for tag in proposal.tags:
        _add(course.tags, tag)
    for note in proposal.notes:
        _add(course.notes, note)
    course.community = course.community or proposal.community


def _nothing(_: _Course, __: str, ___: str) -> None:
    """`stop` is the affair of the phase."""


# Each is given the course, the name of the rule and the argument.
_DO: dict[Verb, Callable[[_Course, str, str], None]] = {
    Verb.ADD_CENTER: _add_center,
    Verb.SET_CENTER: _set_center,
    Verb.ADD_CC: _add_cc,
    Verb.ADD_NOSY: lambda course, _, address: _add(course.nosy, address),
    Verb.ADD_TAG: lambda course, _, tag: _add(course.tags, tag),
    Verb.PRIORITY: _set_priority,
    Verb.HOLD: _set_hold,
    Verb.REJECT: _set_reject,
    Verb.PRIVATE: _set_private,
    Verb.QUEUE: _set_queue,
    Verb.TOPIC: _set_topic,
    Verb.NOTE: lambda course, _, text: _add(course.notes, text),
    Verb.STOP: _nothing,
    Verb.REGISTRY: _by_registry,
    Verb.REPLY: lambda course, _, text: _add(course.replies, text),
    Verb.REMIND: lambda course, _, argument: _add(course.reminders, argument),
}
