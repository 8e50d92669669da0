"""Answers to a list manager's digest: its subject and its id say nothing, what they quote of it may."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from mailgate.threads.match import Question
from mailgate.threads.subjects import read_subject
from tracker.storage import keys
from tracker.storage.keys import KnownKey

_QUOTED_CHARACTERS: Final = 64 * 1024
_MOST_QUOTED: Final = 10
# A digest (RFC 1153) shows of each mail its header, and above all a table of contents without these.
_ID: Final = re.compile(r"^[>| \t]{0,9}Message-ID:[ \t]{0,9}(<[^<>\s]{3,250}>)", re.MULTILINE | re.IGNORECASE)
_SUBJECT: Final = re.compile(r"^[>| \t]{0,9}Subject:[ \t]{0,9}(\S[^\n]{0,300})$", re.MULTILINE)


def out_of_digest(
    connection: Connection, question: Question, known: tuple[KnownKey, ...]
) -> tuple[Question, tuple[KnownKey, ...]]:
    """`question` and what is known to it, as if the one mail that is quoted out of a digest were answered.

    Where it quotes mails of several tickets, nobody can tell; the question stays as it was.
    """
    if not question.subject.digest:
        return question, known
    text = question.message.text[:_QUOTED_CHARACTERS]
    subjects = [read_subject(each, question.queue.tag) for each in _SUBJECT.findall(text)]
    answered = {each.base: each for each in subjects if each.base and not each.digest}
    if len(answered) != 1:
        return question, known
    ids = tuple(dict.fromkeys(keys.message_key(each) for each in _ID.findall(text)))[:_MOST_QUOTED]
    met = tuple(entry for entry in keys.lookup(connection, ids) if entry.stored) if ids else ()
    if len({entry.ticket_id for entry in met}) == 1:
        return replace(question, named=(*ids, *question.named)), (*known, *met)
    return replace(question, subject=replace(*answered.values(), is_reply=True)), known
