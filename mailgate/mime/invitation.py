"""Invitations to meetings (RFC 5545, 5546), told in a few lines."""

from __future__ import annotations

import re

_MAX_CHARACTERS = 256 * 1024
_FOLD = re.compile(r"\n[ \t]")
_LINE = re.compile(r"^([A-Za-z-]{1,40})((?>(?:;(?:[^\":;\n]++|\"[^\"\n]*+\")*)*)):([^\n]*+)$", re.MULTILINE)
_ZONE = re.compile(r";TZID=\"?([^\":;\n]{1,80})", re.IGNORECASE)
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d(Z?))?")
_ESCAPE = re.compile(r"\\([\\;,nN])")
_LABELS = {"location": "Where", "organizer": "Organizer", "status": "Status"}


def read_invitation(text: str) -> str:
    """What the first event of a calendar says, to be read by a person; "" where there is none."""
    calendar = _FOLD.sub("", text[:_MAX_CHARACTERS])
    fields = _first_event(calendar)
    if not fields:
        return ""
    method = fields.get("method", ("", ""))[1].strip().upper()
    lines = [f"Invitation{f' ({method})' if method else ''}: {_value(fields, 'summary')}".rstrip(": ")]
    when = " - ".join(each for name in ("dtstart", "dtend") if (each := _time(*fields.get(name, ("", "")))))
    lines += [f"When: {when}"] if when else []
    for name, label in _LABELS.items():
        value = _value(fields, name)
        lines += [f"{label}: {value}"] if value else []
    description = _value(fields, "description")
    return "\n".join([*lines, "", description] if description else lines) + "\n"


def _first_event(calendar: str) -> dict[str, tuple[str, str]]:
    """Parameters and value of each field of the first event, by lower-case name; and METHOD."""
    fields: dict[str, tuple[str, str]] = {}
    inside: list[str] = []
    for match in _LINE.finditer(calendar):
        name, parameters, value = match[1].lower(), match[2], match[3]
        if name == "begin":
            inside.append(value.strip().lower())
        elif name == "end":
            if inside and inside.pop() == "vevent":
                break
        elif inside[-1:] == ["vevent"] or (name == "method" and inside == ["vcalendar"]):
            fields.setdefault(name, (parameters, value))
    return fields if fields.keys() - {"method"} else {}


def _value(fields: dict[str, tuple[str, str]], name: str) -> str:
    parameters, value = fields.get(name, ("", ""))
    value = _ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], value).strip()
    if name != "organizer":
        return value
    address = value[7:] if value[:7].lower() == "mailto:" else value
    known = re.search(r";CN=\"?([^\":;\n]{1,200})", parameters, re.IGNORECASE)
    return f"{known[1]} <{address}>" if known else address


def _time(parameters: str, value: str) -> str:
    """A moment as `2026-11-22 10:00 Europe/Berlin`, in the zone it was written in."""
    match = _TIME.match(value.strip())
    if match is None:
        return ""
    year, month, day, hour, minute, utc = match.groups()
    date = f"{year}-{month}-{day}"
    zone = _ZONE.search(parameters)
    where = "UTC" if utc else zone[1] if zone else ""
    return f"{date} {hour}:{minute} {where}".rstrip() if hour else date
