"""The verdicts that spam filters on a mail's way here write into its header.

Anybody can write such a field. So a mark only ever has a mail held for a moderator; that a field says a mail
is good means nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_YES: Final = re.compile(r"(?:yes|true|spam)\b", re.IGNORECASE)
# Exchange counts from -1 to 9; from 5 on it is junk.
_HIGH_LEVEL: Final = re.compile(r"[5-9]\b")
_MARKS: Final = {
    "x-spam-flag": _YES,
    "x-spam-status": _YES,
    "x-spam": _YES,
    "x-barracuda-spam-status": _YES,
    "x-barracuda-spam-flag": _YES,
    "x-bogosity": _YES,
    "x-dspam-result": _YES,
    "x-crm114-status": _YES,
    "x-rspamd-action": re.compile(
        r"(?:add header|rewrite subject|quarantine|soft reject|reject)", re.IGNORECASE
    ),
    "x-spamd-result": re.compile(r"\w+: True\b", re.IGNORECASE),
    "x-ms-exchange-organization-scl": _HIGH_LEVEL,
    "x-forefront-antispam-report": re.compile(
        r"(?:.{0,2000}?;)?\s*(?:SCL:[5-9]|SFV:SPM|CAT:(?:H?SPM|H?PHSH|MALW))\b", re.IGNORECASE
    ),
    "x-proofpoint-spam-details": re.compile(r"rule=(?:\w+_)?spam\b", re.IGNORECASE),
}
_MAILSCANNER: Final = re.compile(r"x-(?:[\w.-]{1,60}-)?mailscanner-spamcheck")
_MAILSCANNER_YES: Final = re.compile(r"spam\b", re.IGNORECASE)
_SHOWN: Final = 60


def spam_mark(headers: Iterable[tuple[str, str]]) -> str:
    """The first field that calls a mail spam, as a line for people, or ""."""
    for name, value in headers:
        if (pattern := _pattern(name.lower())) is not None and pattern.match(value.strip()):
            return f"{name}: {value.strip()[:_SHOWN]}"
    return ""


def _pattern(name: str) -> re.Pattern[str] | None:
    if name.startswith("x-") and name.endswith("mailscanner-spamcheck"):
        return _MAILSCANNER_YES if _MAILSCANNER.fullmatch(name) else None
    return _MARKS.get(name)
