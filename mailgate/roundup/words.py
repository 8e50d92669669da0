"""The words of Roundup's trackers in ours: statuses, priorities, keywords."""

from __future__ import annotations

import re
from typing import Final

from tracker.model import Priority, Status

# Those of the classic template, then what others call such.
_STATUSES: Final[tuple[tuple[Status, re.Pattern[str]], ...]] = (
    (Status.NEW, re.compile(r"unread|new|unassigned", re.IGNORECASE)),
    (
        Status.RESOLVED,
        re.compile(r"resolved|done|closed?|fixed|reject|invalid|duplicate|wont", re.IGNORECASE),
    ),
    (Status.WAITING, re.compile(r"deferred|need|testing|pending|wait|hold|languishing", re.IGNORECASE)),
)
_PRIORITIES: Final[tuple[tuple[Priority, re.Pattern[str]], ...]] = (
    (Priority.CRITICAL, re.compile(r"critical|blocker|immediate|crash", re.IGNORECASE)),
    (Priority.HIGH, re.compile(r"urgent|high|major|important", re.IGNORECASE)),
    (Priority.LOW, re.compile(r"feature|wish|low|minor|trivial|enhance", re.IGNORECASE)),
)
_LONGEST_TAG: Final = 64


def status_of(name: str) -> Status:
    """Where an issue of that status stands here; what says nothing is open."""
    return next((status for status, words in _STATUSES if words.match(name)), Status.OPEN)


def priority_of(name: str) -> Priority:
    return next((priority for priority, words in _PRIORITIES if words.match(name)), Priority.NORMAL)


def tag_of(keyword: str) -> str:
    """A keyword as a tag: without blanks; "" where nothing is left."""
    return "-".join(keyword.split())[:_LONGEST_TAG]
