"""What people change of themselves by a request: what they get of a list, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from mailgate.commands.requestwords import Ask, Request
from mailgate.offering import read_interest
from tracker.model import Address, BadValue, Delivery, Person, Queue
from tracker.storage import bans, centers, interests, people, queues, roles, topics
from tracker.storage.queues import Subscriber
from tracker.unit_of_work import UnitOfWork
from tracker.words import nearest

_LONGEST_VACATION: Final = timedelta(days=400)
_OFF: Final = ("off", "no", "none", "end")


@dataclass(frozen=True, slots=True)
class Wisher:
    """Somebody who changes what concerns them, on one list."""

    uow: UnitOfWork
    queue: Queue
    person: Person

    @property
    def subscriber(self) -> Subscriber:
        """How they are on the list; raises BadValue when they are not."""
        found = queues.subscriber(self.uow.connection, self.queue.id, self.person.id)
        if found is None:
            raise BadValue(f"you are not on {self.queue.address}; `subscribe` puts you there")
        return found


def change(wisher: Wisher, request: Request) -> str:
    """Do what a request asks; says what is so now. Raises TrackerError where it makes no sense."""
    return _DO[request.ask](wisher, request.argument)


def _must_be_ours(queue: Queue) -> None:
    """Raise BadValue where a list manager stands in front: who is on its list is settled there."""
    if queue.front:
        local, _, domain = queue.front_address.partition("@")
        where = f": write to {local}-request@{domain}" if domain else ""
        raise BadValue(f"who is on this list, and what they get of it, is up to {queue.front}{where}")


def _subscribe(wisher: Wisher, _: str) -> str:
    connection, queue = wisher.uow.connection, wisher.queue
    _must_be_ours(queue)
    for address in people.addresses_of(connection, wisher.person.id):
        if bans.covering(connection, queue.id, address) is not None:
            raise BadValue(f"{address} is banned from {queue.address}")
    people.set_member(connection, wisher.person.id, member=True)
    was = queues.subscriber(connection, queue.id, wisher.person.id)
    chosen = queues.subscribe(connection, queue.id, wisher.person.id, None, wisher.uow.now)
    said = "You are on the list already" if was is not None else f"Welcome to {queue.address}"
    return f"{said}; you get: {_DESCRIBED[chosen]}."


def _unsubscribe(wisher: Wisher, _: str) -> str:
    _must_be_ours(wisher.queue)
    if not queues.unsubscribe(wisher.uow.connection, wisher.queue.id, wisher.person.id):
        raise BadValue(f"{wisher.person.address} is not on {wisher.queue.address}")
    return (
        f"{wisher.person.address} is off {wisher.queue.address}. Tickets you take part in still reach you, "
        "until you leave them: each of their mails says how."
    )


def _delivery(wisher: Wisher, argument: str) -> str:
    _must_be_ours(wisher.queue)
    was = wisher.subscriber
    word, _, rest = argument.partition(" ")
    delivery = {one.value: one for one in Delivery}.get(word.lower())
    if delivery is None:
        known = [one.value for one in Delivery]
        raise BadValue(f"{word!r} is none of {', '.join(known)}{nearest(word, known)}")
    words = _chosen(wisher, delivery, rest.strip())
    uow = wisher.uow
    queues.set_delivery(uow.connection, wisher.queue.id, was.person.id, delivery, uow.now, words)
    described = _DESCRIBED[delivery]
    return f"You get from {wisher.queue.address}: {described}{': ' + ', '.join(words) if words else ''}."


def _chosen(wisher: Wisher, delivery: Delivery, rest: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in rest.split(",") if name.strip()))[:50]
    example = _WITH_WORDS.get(delivery)
    if example is None:
        if rest:
            raise BadValue(f"{delivery.value} takes no words; it is a wish of its own")
        return ()
    if not names and not (delivery is Delivery.INTEREST and _interests(wisher)):
        raise BadValue(f"say which, as in: set delivery {example}")
    if delivery is Delivery.TOPICS:
        return tuple(topics.read_name(name) for name in names)
    if delivery is Delivery.CENTERS:
        return tuple(centers.find(wisher.uow.connection, name).name for name in names)
    if names:
        interests.add(wisher.uow.connection, wisher.person, read_interest(rest), wisher.uow.now)
    return ()


def _interests(wisher: Wisher) -> tuple[str, ...]:
    return tuple(one.query for one in interests.of_person(wisher.uow.connection, wisher.person))


def _vacation(wisher: Wisher, argument: str) -> str:
    person = wisher.subscriber.person
    if argument.lower() in _OFF:
        queues.set_vacation(wisher.uow.connection, wisher.queue.id, person.id, None)
        return f"Your vacation from {wisher.queue.address} is over."
    until = _day(argument.lower().removeprefix("until").strip(), wisher)
    if not wisher.uow.now < until < wisher.uow.now + _LONGEST_VACATION:
        raise BadValue("name a day to come, within a year, or `set delivery none`")
    queues.set_vacation(wisher.uow.connection, wisher.queue.id, person.id, until)
    return (
        f"Nothing of {wisher.queue.address} reaches you before {until.date().isoformat()}, but for tickets "
        "that you take part in."
    )


def _day(text: str, wisher: Wisher) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadValue(f"{text!r} is no day; write it as 2026-12-24, or `off`") from None
    zone = _wishes(wisher).timezone
    return datetime.combine(day, time(), ZoneInfo(zone) if zone else UTC)


def _digest(wisher: Wisher, argument: str) -> str:
    plain = _one_of(argument, {"plain": True, "mime": False})
    queues.set_plain_digest(wisher.uow.connection, wisher.queue.id, wisher.subscriber.person.id, plain=plain)
    return "Digests come as one plain text." if plain else "Digests come with each mail as a part of its own."


def _copies(wisher: Wisher, argument: str) -> str:
    always = _one_of(argument, {"on": True, "off": False})
    _set_wishes(wisher, always_copy=always)
    if always:
        return "You get the ticket copy also of mails that name you in To or Cc."
    return "Of mails that name you in To or Cc you get no copy from us."


def _name(wisher: Wisher, argument: str) -> str:
    name = " ".join(argument.split())[:100]
    people.set_name(wisher.uow.connection, wisher.person.id, name)
    return f"You are called {name}."


def _timezone(wisher: Wisher, argument: str) -> str:
    known = {zone.lower(): zone for zone in available_timezones()}
    zone = known.get(argument.lower())
    if zone is None:
        hint = nearest(argument, known.values())
        raise BadValue(f"{argument!r} is no time zone, as Europe/Zurich is{hint}")
    _set_wishes(wisher, timezone=zone)
    return f"Times are told to you as in {zone}."


def _format(wisher: Wisher, argument: str) -> str:
    html = _one_of(argument, {"html": True, "plain": False})
    _set_wishes(wisher, html=html)
    return "Ticket mail has an HTML part beside the text." if html else "Ticket mail is plain text."


def _one_of(argument: str, known: dict[str, bool]) -> bool:
    value = known.get(argument.lower())
    if value is None:
        raise BadValue(f"{argument!r} is neither {' nor '.join(known)}")
    return value


def _wishes(wisher: Wisher) -> people.Wishes:
    found = people.wishes_of(wisher.uow.connection, (wisher.person.id,))
    return found.get(wisher.person.id, people.Wishes())


def _set_wishes(wisher: Wisher, **changes: bool | str) -> None:
    wishes = replace(_wishes(wisher), **changes)  # type: ignore[arg-type]
    people.set_wishes(wisher.uow.connection, wisher.person.id, wishes)


def _interest(wisher: Wisher, argument: str) -> str:
    if not argument:
        return _known_interests(wisher)
    interests.add(wisher.uow.connection, wisher.person, read_interest(argument), wisher.uow.now)
    return f"Each new ticket about this is offered to you, once: {argument}"


def _known_interests(wisher: Wisher) -> str:
    known = _interests(wisher)
    if not known:
        return "You have no interests. Write `interest` and what you know of, as in: interest xrootd"
    return "\n".join(("Your interests; `no interest` and the words take one away:", *known))


def _no_interest(wisher: Wisher, argument: str) -> str:
    query = " ".join(argument.split()) or None
    count = interests.remove(wisher.uow.connection, wisher.person, query)
    if query is None:
        return f"{count} interests are gone."
    return f"{'You are no longer offered tickets about' if count else 'You had no such interest'}: {query}"


def _settings(wisher: Wisher, _: str) -> str:
    connection, person, wishes = wisher.uow.connection, wisher.person, _wishes(wisher)
    addresses = ", ".join(people.addresses_of(connection, person.id))
    lines = [f"Name: {person.name or '(none)'}", f"Addresses: {addresses}"]
    lines += [f"Time zone: {wishes.timezone or 'UTC'}", f"Format: {'html' if wishes.html else 'plain'}"]
    lines.append(f"Copies of mails that name you: {'on' if wishes.always_copy else 'off'}")
    for queue in queues.everyone(connection):
        one = queues.subscriber(connection, queue.id, person.id)
        if one is not None:
            lines += _of_list(queue, one, wisher.uow.now)
    return "\n".join(lines)


def _of_list(queue: Queue, one: Subscriber, now: datetime) -> list[str]:
    words = f": {', '.join(one.words)}" if one.words else ""
    lines = [f"{queue.address}: {_DESCRIBED[one.delivery]}{words}"]
    if one.away_until is not None and one.is_away(now):
        lines.append(f"  on vacation until {one.away_until.date().isoformat()}")
    if one.delivery is Delivery.DIGEST:
        lines.append(f"  digests: {'plain' if one.plain_digest else 'mime'}")
    return lines


def own_address(wisher: Wisher, address: Address) -> str:
    """`address` belongs to this person, too: who reads its mail has said so.

    What it may do beyond what everybody may it does not bring along: no mail gives such rights.
    """
    other = people.find_sender(wisher.uow.connection, address)
    theirs = other is not None and other.person.id != wisher.person.id
    if other is not None and theirs and (other.staff or other.roles != roles.NONE):
        raise BadValue(f"{address} has rights here that no mail passes on; the owner of the list can")
    if centers.has_address(wisher.uow.connection, address):
        raise BadValue(f"{address} is that of a support center")
    people.adopt(wisher.uow.connection, wisher.person, address)
    return f"{address} is yours, too: what comes from there is yours, mail goes to {wisher.person.address}."


_DESCRIBED: Final = {
    Delivery.ALL: "every post",
    Delivery.NEW: "the first post of each ticket",
    Delivery.DIGEST: "a digest",
    Delivery.TOPICS: "the first post of each ticket of these topics",
    Delivery.CENTERS: "the first post of each ticket of these support centers",
    Delivery.INTEREST: "the first post of each ticket that meets an interest of yours",
    Delivery.NONE: "nothing, but for tickets that you take part in",
}
_WITH_WORDS: Final = {
    Delivery.TOPICS: "topics upgrade, xrootd",
    Delivery.CENTERS: "centers USCMS",
    Delivery.INTEREST: "interest xrootd",
}
_DO: Final[dict[Ask, Callable[[Wisher, str], str]]] = {
    Ask.SUBSCRIBE: _subscribe,
    Ask.UNSUBSCRIBE: _unsubscribe,
    Ask.DELIVERY: _delivery,
    Ask.VACATION: _vacation,
    Ask.DIGEST: _digest,
    Ask.COPIES: _copies,
    Ask.NAME: _name,
    Ask.TIMEZONE: _timezone,
    Ask.FORMAT: _format,
    Ask.INTEREST: _interest,
    Ask.NO_INTEREST: _no_interest,
    Ask.SETTINGS: _settings,
}
