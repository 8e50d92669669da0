"""The fields of the query language that measure: sizes, spans of time, the hour and the day of the week."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from routing.facts import Reading, Text
from routing.faults import Fault

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_SIZE: Final = re.compile(r"([<>])=?(\d{1,9})([kmg]?)b?", re.IGNORECASE)
_SPAN: Final = re.compile(r"([<>])=?(\d{1,6})([mhdw])", re.IGNORECASE)
_HOURS: Final = re.compile(r"(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d)")
_BYTES: Final = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3}
_SECONDS: Final = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DAY: Final = 24 * 60

Search = Callable[[Text], str | None]


def sizes(reading: Reading) -> tuple[Text, ...]:
    """The size of each attachment, in bytes."""
    return tuple(Text(str(file.size)) for file in reading.facts.attachments)


def hour(reading: Reading) -> tuple[Text, ...]:
    """When the mail came, in minutes since midnight (UTC)."""
    at = reading.facts.received
    return () if at is None else (Text(str(_utc(at).hour * 60 + _utc(at).minute)),)


def weekday(reading: Reading) -> tuple[Text, ...]:
    """The day on which the mail came (UTC)."""
    at = reading.facts.received
    return () if at is None else (Text(DAYS[_utc(at).weekday()]),)


def age(reading: Reading) -> tuple[Text, ...]:
    """How long ago its ticket was opened, in seconds."""
    ticket = reading.facts.ticket
    return () if ticket is None else _since(reading, ticket.opened_at)


def silence(reading: Reading) -> tuple[Text, ...]:
    """How long nobody did anything to its ticket before it came, in seconds."""
    ticket = reading.facts.ticket
    return () if ticket is None else _since(reading, ticket.touched_at)


def _since(reading: Reading, then: datetime | None) -> tuple[Text, ...]:
    at = reading.facts.received
    if at is None or then is None:
        return ()
    return (Text(str(max(0, int((at - then) / timedelta(seconds=1))))),)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def size(text: str, offset: int) -> Search:
    """`>5M`, `<100k`: more or less than so many bytes."""
    return _compared(text, offset, _SIZE, _BYTES, "a size, as in attachment.size:>5M")


def span(text: str, offset: int) -> Search:
    """`>30d`, `<2h`: longer or shorter than that."""
    return _compared(text, offset, _SPAN, _SECONDS, "a span of time, as in silence:>30d (m, h, d, w)")


def _compared(text: str, offset: int, shape: re.Pattern[str], units: dict[str, int], expected: str) -> Search:
    found = shape.fullmatch(text.strip())
    if found is None:
        raise Fault(offset, f'"{text[:40]}"', expected)
    limit = int(found[2]) * units[found[3].lower()]
    if found[1] == ">":
        return lambda one: text if int(one.folded) > limit else None
    return lambda one: text if int(one.folded) < limit else None


def hours(text: str, offset: int) -> Search:
    """`22:00-06:00`: from then on, and before then; it may go over midnight."""
    found = _HOURS.fullmatch(text.strip())
    numbers = [int(number) for number in found.groups()] if found else [99] * 4
    begin, end = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
    if max(begin, end) > _DAY or max(numbers[1], numbers[3]) > 59:
        raise Fault(offset, f'"{text[:40]}"', "hours of the day (UTC), as in time:22:00-06:00")
    if begin <= end:
        return lambda one: text if begin <= int(one.folded) < end else None
    return lambda one: text if int(one.folded) >= begin or int(one.folded) < end else None
