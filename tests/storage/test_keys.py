"""From a Message-ID to its post and ticket: keys, ghosts, base titles."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mailgate.threads.subjects import read_subject
from tests.support.tracked import NOW, Tracked
from tracker.model import TicketId
from tracker.storage import keys
from tracker.storage import tickets as store
from tracker.storage.keys import KnownKey, message_key


def lookup(tracked: Tracked, *wanted: str) -> tuple[KnownKey, ...]:
    return tracked.database.read(lambda connection: keys.lookup(connection, wanted))


@pytest.mark.parametrize(
    "same",
    [
        ("<a.b@X.Example>", "<a.b@x.example>"),
        ("<a@b@X.example>", "<a@b@x.example>"),
        ("a.b@x.example", "<a.b@x.example>"),
    ],
)
def test_the_case_of_the_domain_does_not_matter(same: tuple[str, str]) -> None:
    assert message_key(same[0]) == message_key(same[1])


@pytest.mark.parametrize(
    "different",
    [
        ("<A.b@x.example>", "<a.b@x.example>"),
        ("<A@b@x.example>", "<a@b@x.example>"),
        ("<a.b@x.example>", "<a.b@x.example.org>"),
        ("<NOAT>", "<noat@>"),
    ],
)
def test_the_rest_of_an_id_is_compared_to_the_letter(different: tuple[str, str]) -> None:
    assert message_key(different[0]) != message_key(different[1])


def test_an_id_longer_than_an_index_takes_has_a_key_that_fits(tracked: Tracked) -> None:
    # Not compressible, so that no database squeezes it into its index.
    long = "<" + "".join(chr(33 + (n * 7919 + n // 89) % 90) for n in range(90_000)) + "@x.example>"
    key = message_key(long)
    assert len(key) < 40
    ticket_id = tracked.open(tracked.person("ann"), message_id=long, own_key=key)
    assert [entry.ticket_id for entry in lookup(tracked, key)] == [ticket_id]
    assert tracked.posts(ticket_id)[0].message_id == long


def test_halves_of_surrogate_pairs_have_a_key() -> None:
    assert message_key("<\ud800@x.example>")


def test_a_stored_message_and_a_ghost_are_told_apart(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    parent, further, own = (message_key(f"<{name}@x.example>") for name in ("parent", "further", "own"))
    ticket_id = tracked.open(ann, own_key=own, parent_key=parent, named_keys=(parent, further), is_reply=True)
    (post,) = tracked.posts(ticket_id)
    found = {entry.key: entry for entry in lookup(tracked, own, parent, further, "unknown")}
    assert {key: (entry.stored, entry.direct) for key, entry in found.items()} == {
        own: (True, False),
        parent: (False, True),
        further: (False, False),
    }
    assert {(e.post_id, e.n, e.base, e.is_reply, e.seen_at) for e in found.values()} == {
        (post.id, 1, "jobs are held", True, NOW)
    }


def test_ghosts_go_when_their_message_comes_and_others_stay(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    ghost, other = message_key("<ghost@x.example>"), message_key("<other@x.example>")
    tracked.open(ann, named_keys=(ghost, other))
    stored = tracked.open(ann, own_key=ghost)
    tracked.database.write(lambda connection: keys.forget_ghost(connection, ghost))
    assert [(e.ticket_id, e.stored) for e in lookup(tracked, ghost)] == [(stored, True)]
    assert [e.stored for e in lookup(tracked, other)] == [False]


def test_the_oldest_post_comes_first(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    ghost = message_key("<ghost@x.example>")
    numbers = [tracked.open(ann, named_keys=(ghost,)) for _ in range(3)]
    assert [entry.ticket_id for entry in lookup(tracked, ghost)] == numbers
    assert [entry.ticket_id for entry in lookup(tracked, ghost, "another")] == numbers


def test_posts_of_one_conversation_keep_its_first_place(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    thread = keys.thread_key("01" * 22)
    ticket_id = tracked.open(ann, thread_key=thread)
    tracked.answer(ticket_id, ann, thread_key=thread)
    (found,) = lookup(tracked, thread)
    assert (found.ticket_id, found.n) == (ticket_id, 1)


def test_no_keys_know_nothing(tracked: Tracked) -> None:
    assert lookup(tracked) == ()


def test_very_many_keys_are_looked_up_at_once(tracked: Tracked) -> None:
    key = message_key("<there@x.example>")
    tracked.open(tracked.person("ann"), own_key=key)
    many = [message_key(f"<{n}@x.example>") for n in range(2000)]
    assert [entry.key for entry in lookup(tracked, *many, key)] == [key]


def test_by_base_finds_public_unmerged_tickets_of_the_list_in_the_window(tracked: Tracked) -> None:
    ann = tracked.person("ann")
    old = tracked.open(ann, time=NOW - timedelta(days=20))
    recent, newest = tracked.open(ann, time=NOW - timedelta(days=2)), tracked.open(ann)
    tracked.open(ann, private=True)
    tracked.open(ann, base="another title")
    merged = tracked.open(ann)
    tracked.merge(merged, newest)

    def found(days: int, limit: int = 10) -> list[TicketId]:
        since = NOW - timedelta(days=days)
        rows = tracked.database.read(
            lambda c: store.by_base(c, tracked.queue.id, "jobs are held", since, limit)
        )
        return [ticket.id for ticket in rows]

    assert found(30) == [old, recent, newest]
    assert found(7) == [recent, newest]
    assert found(7, limit=1) == [newest]


def test_the_longest_base_title_fits_an_index(tracked: Tracked) -> None:
    # Four bytes a character, not compressible.
    long = "".join(chr(0x20000 + (n * 7919) % 40_000) for n in range(4000))
    base = read_subject(long, "OSG").base
    ticket_id = tracked.open(tracked.person("ann"), base=base)
    assert base
    assert tracked.ticket(ticket_id).base == base
