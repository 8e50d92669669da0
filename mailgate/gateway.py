"""From an accepted mail to what follows from it, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from mailgate import (
    addressed,
    automatic,
    bouncing,
    carryout,
    centerleaves,
    echoes,
    erasing,
    firstposts,
    floods,
    fronts,
    inbound,
    offering,
    rulereplies,
)
from mailgate.addresses import ASKING, Role, target_tickets
from mailgate.automatic import Proofs
from mailgate.bouncing import USUAL, Limits
from mailgate.carryout import Case, author_address
from mailgate.commands import acts, requests, retelling, transcript, unproven
from mailgate.commands.requestwords import only_asks_to_leave
from mailgate.compose import Composer
from mailgate.exchange import hearing
from mailgate.exchange.hearing import Heard
from mailgate.floods import Floods
from mailgate.inbound import Outcome, State
from mailgate.kinds.classify import AUTOMATIC
from mailgate.message import Disposition
from mailgate.reading import Reading, is_for_people, office_name
from mailgate.saying import Said
from mailgate.threads import identity, thread
from mailgate.threads.identity import Identity
from mailgate.threads.match import Evidence, Match, Question, Writer
from mailgate.ticketfacts import ticket_facts
from mailgate.verdict import Verdict, sign_rows, trace_lines
from mailgate.viewpoint import facts_of
from routing.decide import Decision, decide
from routing.facts import Facts
from routing.registry_store import ActiveRegistry
from routing.store import ActiveRules
from tracker import assign, repair, tickets
from tracker.commands import NORMAL, Brakes
from tracker.events import Actor
from tracker.model import Address, Link, PostId, Trust
from tracker.rights import Proof
from tracker.storage import aliases, bans, centers, keys, people, posts
from tracker.storage import tickets as store
from tracker.storage.keys import KnownKey
from tracker.storage.people import Sender
from tracker.unit_of_work import UnitOfWork

_POSTING = (Role.POST, Role.PRIVATE, Role.TOPIC, Role.TICKET, Role.EXCHANGE)


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which a mail is dealt with.

    `quiet`: nobody is told (an import). `imported` marks the tickets. `released`: a moderator let it in,
    so no rule holds it again.
    """

    now: datetime
    quiet: bool = False
    released: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """What an instance chose: brakes on contacts, when an address bounces, what becomes of first posts, and
    how many posts in an hour are told of one by one.
    """

    brakes: Brakes = NORMAL
    bounces: Limits = USUAL
    first_post: str = firstposts.OPEN
    floods: floods.Limits = field(default_factory=floods.Limits)


class Gateway:
    """Decides what a mail does, and does it."""

    def __init__(
        self,
        composer: Composer,
        rules: ActiveRules,
        registry: ActiveRegistry,
        policy: Policy | None = None,
    ) -> None:
        self._composer = composer
        self._keys = composer.keys
        self._policy = policy or Policy()
        self._proofs = Proofs(composer.keys, self._policy.bounces)
        self._rules = rules
        self._registry = registry
        self._floods = Floods(self._policy.floods)

    def receive(self, connection: Connection, reading: Reading, conditions: Conditions) -> Verdict:
        """Do all that follows from a mail, and take it off the spool. Raises inbound.AlreadyDone.

        The caller's transaction makes it one: either all of it is there afterwards, or nothing.
        """
        uow = UnitOfWork(connection, conditions.now, quiet=conditions.quiet)
        known = keys.lookup(connection, _keys_of(reading))
        heard = hearing.listen(connection, reading, self._keys)
        reading = hearing.as_post(reading, heard)
        verdict, post_id = self._decide(uow, reading, known, heard, conditions)
        verdict = self._follow(uow, heard, reading, verdict, post_id)
        uow.flush()
        if verdict.held and inbound.is_held(connection, reading.mail.id, reading.identity.key):
            verdict = Verdict(Disposition.DUPLICATE.value, "the same mail is held already")
        state = State.HELD if verdict.held else State.DONE
        if verdict.held and conditions.quiet:
            # Of an archive nobody hears.
            inbound.set_told(connection, (reading.mail.id,), uow.now)
        inbound.finish(
            connection,
            reading.mail.id,
            Outcome(
                state,
                verdict.disposition,
                verdict.ticket,
                post_id,
                reading.identity.key,
                verdict.to_json(),
                verdict.revision,
                reading.sender,
            ),
        )
        if post_id is not None and verdict.disposition == Disposition.DUPLICATE.value:
            erasing.forget_again(connection, reading.mail.id, post_id)
        return verdict

    def _decide(
        self,
        uow: UnitOfWork,
        reading: Reading,
        known: tuple[KnownKey, ...],
        heard: Heard | None,
        conditions: Conditions,
    ) -> tuple[Verdict, PostId | None]:
        """What kind of mail it is decides who deals with it."""
        disposition = reading.classified.disposition
        is_post = any(target.role in _POSTING for target in reading.targets)
        returned = bool(reading.targets_of(Role.BOUNCES)) and not is_post
        if disposition in AUTOMATIC or (returned and disposition is not Disposition.POST):
            return automatic.attach(uow, reading, known, heard, self._proofs)
        if returned and not conditions.released:
            return _held(reading, "a person, it seems, wrote to an address that is for bounces"), None
        if any(target.token for target in reading.targets_of(Role.UNSUBSCRIBE)):
            verdict = addressed.unsubscribe(uow, reading, self._keys)
            if not is_post:
                return verdict, None
        if is_for_people(reading.targets) and not conditions.released:
            return self._for_people(uow, reading), None
        objection = _objection(reading, heard) or _banned(uow, reading)
        if objection and (reading.sender is None or not conditions.released):
            return _held(reading, objection), None
        return self._post(uow, reading, known, heard, conditions)

    def _follow(
        self, uow: UnitOfWork, heard: Heard | None, reading: Reading, verdict: Verdict, post_id: PostId | None
    ) -> Verdict:
        """Do what follows from a mail of a center's tracker; what came before does nothing again."""
        again = verdict.disposition == Disposition.DUPLICATE.value
        if heard is None or verdict.ticket is None or post_id is None or again or uow.quiet:
            return verdict
        notes = hearing.follow(uow, heard, verdict.ticket, post_id, reading.time)
        return replace(verdict, notes=(*verdict.notes, *notes))

    def _for_people(self, uow: UnitOfWork, reading: Reading) -> Verdict:
        """A mail to an office: a request that we understand is answered, the rest waits for a person."""
        answered = None
        if reading.sender is not None and any(target.role in ASKING for target in reading.targets):
            if inbound.was_done(uow.connection, reading.mail, reading.identity.key):
                return Verdict(Disposition.DUPLICATE.value, "the same request came before")
            sender = people.find_sender(uow.connection, reading.sender)
            grid = self._registry.read(uow.connection)
            answered = requests.answer(uow, self._composer, reading, sender, grid)
        return answered or _held(reading, f"for the {office_name(reading.targets)}, who reads it here")

    def _post(
        self,
        uow: UnitOfWork,
        reading: Reading,
        known: tuple[KnownKey, ...],
        heard: Heard | None,
        conditions: Conditions,
    ) -> tuple[Verdict, PostId | None]:
        """A mail by a person: a post, new or come again, of a ticket, new or known."""
        connection = uow.connection
        writer = Writer(_sender_of(uow, author_address(reading), heard), reading.trust, reading.may_command)
        if reading.trust.believed and not uow.quiet:
            # Who writes lives, and gets mail again.
            bouncing.forget(connection, author_address(reading))
        if _only_wants_out(reading) and not uow.quiet:
            return requests.how_to_leave(uow, self._composer, reading, writer.sender), None
        question = self._question(connection, reading, writer, heard)
        again, question, known = self._again(uow, reading, question, known)
        if again is not None:
            return again
        match = thread.find_ticket(connection, question, known, released=conditions.released)
        if match.held is not None:
            return replace(_held(reading, match.held), signs=sign_rows(match)), None
        match = hearing.in_words(heard, _apart_if_private(reading, match))
        facts = self._facts(connection, reading, writer, match)
        revision, rules = self._rules.read(connection)
        decision = decide(rules, facts)
        if not conditions.released and not conditions.quiet:
            held = self._held_back(uow, reading, question, match, decision)
            if held is not None:
                return replace(held, signs=sign_rows(match)), None
        echo = "" if uow.quiet else echoes.why(uow, question, match.ticket)
        asked = () if echo else addressed.asked(connection, reading, question, self._keys)
        asking = acts.asked(connection, reading, question, match.ticket, known)
        case = Case(
            reading,
            question,
            known,
            match,
            asked,
            asking,
            revision,
            facts,
            decision,
            conditions.released,
            self._policy.brakes,
            heard,
            flooded=not echo and self._is_flood(uow, reading, match),
            echo=echo,
        )
        return self._carry_out(uow, case)

    def _carry_out(self, uow: UnitOfWork, case: Case) -> tuple[Verdict, PostId | None]:
        """The post itself, and all that follows from it."""
        verdict, post_id = carryout.carry_out(uow, case)
        if case.echo:
            return replace(verdict, notes=(*verdict.notes, f"kept, nobody is told: {case.echo}")), post_id
        verdict = self._hold_back(uow, case, verdict, post_id)
        if case.reading.called_spam and verdict.created and verdict.ticket is not None:
            assign.add_tags(uow, verdict.ticket, ("spam",), Actor(None, "spam filter"))
        self._offer(uow, case, verdict)
        return self._command(uow, case, self._reply(uow, case, verdict)), post_id

    def _is_flood(self, uow: UnitOfWork, reading: Reading, match: Match) -> bool:
        ticket = None if match.ticket is None else match.ticket.id
        return not uow.quiet and self._floods.over(author_address(reading), ticket, reading.queue, uow.now)

    def _hold_back(self, uow: UnitOfWork, case: Case, verdict: Verdict, post_id: PostId | None) -> Verdict:
        """What comes too fast is told of with others, later."""
        if not case.flooded or case.asking.quiet or verdict.ticket is None or post_id is None:
            return verdict
        floods.hold_back(uow.connection, verdict.ticket, post_id)
        return replace(verdict, notes=(*verdict.notes, "told of with others: too many came at once"))

    def _held_back(
        self, uow: UnitOfWork, reading: Reading, question: Question, match: Match, decision: Decision
    ) -> Verdict | None:
        """What holds a post: a rule, or that nobody knows its author."""
        objection = decision.hold or decision.reject
        if objection is not None:
            return _held(reading, objection, decision)
        ticket = None if match.ticket is None else match.ticket.id
        stranger = firstposts.objection(self._policy.first_post, question, ticket)
        if not stranger:
            return None
        note = firstposts.ask(uow, self._composer, reading) if stranger == firstposts.WAITS else ""
        return replace(_held(reading, stranger, decision), notes=(note,) if note else ())

    def _again(
        self, uow: UnitOfWork, reading: Reading, question: Question, known: tuple[KnownKey, ...]
    ) -> tuple[tuple[Verdict, PostId | None] | None, Question, tuple[KnownKey, ...]]:
        """What becomes of a mail that came before; else None, with the id that it goes by."""
        connection = uow.connection
        if addressed.is_command_only(reading) and inbound.was_done(
            connection, reading.mail, reading.identity.key
        ):
            done = Verdict(Disposition.DUPLICATE.value, "the same command came before")
            return (done, None), question, known
        twin = _twin(connection, reading, known)
        if twin is None:
            return None, question, known
        if _came_again(connection, reading, twin):
            return (self._redelivered(uow, question, twin), twin.id), question, known
        question, known = _under_an_id_of_ours(connection, reading, question)
        same = _stored(connection, known, question.identity.key)
        again = None if same is None else (self._redelivered(uow, question, same), same.id)
        return again, question, known

    def _reply(self, uow: UnitOfWork, case: Case, verdict: Verdict) -> Verdict:
        """What rules answer to the author of an opening."""
        if not case.decision.replies or verdict.ticket is None or not verdict.created or uow.quiet:
            return verdict
        note = rulereplies.answer(uow, self._composer, case, tickets.find(uow, verdict.ticket))
        return replace(verdict, notes=(*verdict.notes, note)) if note else verdict

    def _offer(self, uow: UnitOfWork, case: Case, verdict: Verdict) -> None:
        """A new public ticket to those who asked for such."""
        if not verdict.created or verdict.ticket is None or uow.quiet:
            return
        offering.offer(uow, verdict.ticket, case.facts)

    def _command(self, uow: UnitOfWork, case: Case, verdict: Verdict) -> Verdict:
        """Do what its addresses and words ask, and tell its author what words did and what failed."""
        if verdict.ticket is None or not (case.asked or case.asking.commands):
            return verdict
        author = people.register(uow.connection, author_address(case.reading), "", uow.now)
        said = list(addressed.carry_out(uow, case.asked, author))
        centerleaves.tell_staff(uow, self._composer, case.asked)
        if not uow.quiet:
            grid = self._registry.read(uow.connection)
            said += acts.carry_out(uow, case.asking, verdict.ticket, author, grid)
        note = "" if uow.quiet else self._answer(uow, case, verdict, said)
        return replace(verdict, notes=(*verdict.notes, *([note] if note else []), *map(str, said)))

    def _answer(self, uow: UnitOfWork, case: Case, verdict: Verdict, said: Sequence[Said]) -> str:
        """Tell the author what became of their commands, or have them confirm; gives what else to note."""
        if verdict.ticket is None:
            return ""
        ticket = tickets.find(uow, verdict.ticket)
        if case.question.proof_of_command(verdict.ticket) is not Proof.NOTHING:
            if said:
                transcript.answer(uow, self._composer, case.reading, ticket, said)
            wanted = retelling.wanted(case.asked, case.asking, verdict)
            retelling.answer(uow, self._composer, case.reading, wanted)
        waiting = (*case.asking.unconfirmed, *addressed.unconfirmed(case.asked, ticket.id))
        return unproven.ask(
            uow, self._composer, case.reading, waiting, (repair.queue_of(uow, ticket), ticket)
        )

    def _question(
        self, connection: Connection, reading: Reading, writer: Writer, heard: Heard | None
    ) -> Question:
        proven = addressed.proven_tickets(connection, reading, self._keys)
        addresses = target_tickets((*reading.targets, *reading.mentioned))
        if heard is not None and heard.ticket_id is not None:
            # Its tracker's own number is as good as an address that its people wrote.
            addresses = (heard.ticket_id, *addresses)
        aliased = aliases.find(connection, reading.queue.id, reading.subject.names)
        unknown = [name for name in reading.subject.names if name not in aliased]
        return Question(
            message=reading.message,
            subject=reading.subject,
            identity=reading.identity,
            queue=reading.queue,
            writer=writer,
            time=reading.time,
            proven=proven,
            addressed=tuple(number for number in addresses if number not in proven),
            rooted=reading.rooted,
            claimed=reading.claimed,
            quoted=reading.quoted,
            aliased=tuple(aliased.values()),
            misnamed=aliases.has_hidden(connection, reading.queue.id, unknown),
            named=reading.named,
            parent_key=reading.parent_key,
            thread_key=reading.thread_key,
            received=reading.mail.received_at,
            own=addressed.own_tickets(reading, writer.sender, self._keys),
            commands=bool(addressed.verbs(reading)),
        )

    def _redelivered(self, uow: UnitOfWork, question: Question, twin: posts.Post) -> Verdict:
        """The same mail again: nothing, unless this copy proves a ticket that the first could not name.

        A mail to the list and to a ticket's address comes twice, and the list's copy may come first.
        """
        ticket = store.resolve(uow.connection, (twin.ticket_id,))[twin.ticket_id]
        verdict = Verdict(Disposition.DUPLICATE.value, "the same mail came before", ticket=ticket.id)
        named = store.resolve(uow.connection, question.proven[:1])
        target = next(iter(named.values()), None)
        if target is None or target.id == ticket.id or ticket.post_count != 1:
            return verdict
        if target.private or ticket.private or posts.former_places(uow.connection, twin.id):
            # Where people put a post, there it stays.
            return verdict
        repair.merge(uow, ticket.id, target.id, Actor(None, "the same mail to a reply address"))
        return replace(
            verdict, ticket=target.id, evidence=Evidence.TOKEN.value, why="merged by its second copy"
        )

    def _facts(self, connection: Connection, reading: Reading, writer: Writer, match: Match) -> Facts:
        standing = None if match.ticket is None else ticket_facts(connection, match.ticket)
        grid = self._registry.read(connection)
        return facts_of(reading, writer, standing, grid, people.staff_of(connection, writer.sender))


def _sender_of(uow: UnitOfWork, address: Address, heard: Heard | None) -> Sender | None:
    """Who writes; who first writes as a support center is its staff already, its tracker is not."""
    known = people.find_sender(uow.connection, address)
    tracker = heard is not None and heard.has_profile
    if known is None and not tracker and centers.has_address(uow.connection, address):
        people.register(uow.connection, address, "", uow.now)
        known = people.find_sender(uow.connection, address)
    return known


def _only_wants_out(reading: Reading) -> bool:
    """Whether a post says nothing but that its author wants off the list."""
    message = reading.message
    by_verb = bool(addressed.verbs(reading)) or reading.wants_private
    plain = not message.attachments and not by_verb
    return plain and only_asks_to_leave(reading.title, message.new_text)


def _keys_of(reading: Reading) -> list[str]:
    own = [reading.identity.key] + ([reading.thread_key] if reading.thread_key else [])
    return [*own, *reading.named, *([reading.passed_on] if reading.passed_on else [])]


def _held(reading: Reading, reason: str, decision: Decision | None = None) -> Verdict:
    trace = trace_lines(decision) if decision is not None else ()
    return Verdict(reading.classified.disposition.value, reason, held=True, why=reason, trace=trace)


def _objection(reading: Reading, heard: Heard | None) -> str:
    """Why a mail can be no post before a moderator saw it, or ""."""
    if reading.sender is None:
        return "it names no author"
    if reading.trust is Trust.FAILED:
        return "the domain of its author says that such mail is forged"
    if fronts.is_front(reading.sender, reading.queue, reading.list_servers):
        return "the list in front stands in its From, and names nobody as its author"
    if reading.classified.disposition is Disposition.SPAM:
        return reading.classified.reason
    if reading.targets_of(Role.EXCHANGE) and (heard is None or not heard.secret):
        return "it came to a secret address of an exchange that is none, or none any more"
    return ""


def _banned(uow: UnitOfWork, reading: Reading) -> str:
    """Why its author may not post, or ""; what somebody wrote before they were banned is history."""
    if reading.sender is None or uow.quiet:
        return ""
    covered = bans.covering(uow.connection, reading.queue.id, reading.sender)
    return "" if covered is None else "its author is banned from this list"


def _apart_if_private(reading: Reading, match: Match) -> Match:
    """What its author wants private does not go to a public ticket, but opens one of its own."""
    if not reading.wants_private or match.ticket is None or match.ticket.private:
        return match
    why = "its author wants it private: a ticket of its own"
    links = ((Link.BRANCHED_FROM, match.ticket.id),)
    return Match(None, Evidence.NEW, why, links=links, private=True, signs=match.signs)


def _twin(connection: Connection, reading: Reading, known: tuple[KnownKey, ...]) -> posts.Post | None:
    """The post stored under the mail's id, if any."""
    return _stored(connection, known, reading.identity.key)


def _came_again(connection: Connection, reading: Reading, twin: posts.Post) -> bool:
    files = posts.attachments_of(connection, twin.id)
    return identity.is_redelivery(reading.message, reading.trust, twin, reading.mail.received_at, files)


def _stored(connection: Connection, known: tuple[KnownKey, ...], key: str) -> posts.Post | None:
    entry = identity.stored_under(known, key)
    return None if entry is None else posts.by_ids(connection, (entry.post_id,))[entry.post_id]


def _under_an_id_of_ours(
    connection: Connection, reading: Reading, question: Question
) -> tuple[Question, tuple[KnownKey, ...]]:
    """Another mail under an id that is taken: it gets one of ours, so that neither hides the other."""
    salt = reading.mail.uid if reading.message.message_id is None else ""
    own = identity.minted(reading.message, reading.subject.base, reading.queue.domain, salt)
    if reading.message.message_id is not None:
        own = Identity(own.message_id, own.key, reading.message.message_id)
    return replace(question, identity=own), keys.lookup(connection, [own.key, *_keys_of(reading)[1:]])
