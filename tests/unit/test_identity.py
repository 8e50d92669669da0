"""Whether two mails are one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mailgate.message import Attachment, Mailbox, ParsedMessage
from mailgate.threads.identity import identity_of, is_redelivery, minted
from mailgate.threads.likeness import similarity
from tracker.commands import NewAttachment
from tracker.model import Address, PersonId, PostId, TicketId, Trust
from tracker.storage.posts import Post

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TEXT = "The last backup is of Friday, and nobody was told of it by the machine that makes it."
MAIL = ParsedMessage(
    message_id="<one@a.example>",
    subject="Backup",
    sender=Mailbox("ann@a.example", "Ann"),
    date=NOON,
    text=TEXT,
    new_text=TEXT,
)
POST = Post(
    id=PostId(1),
    ticket_id=TicketId(1),
    n=1,
    author_id=PersonId(1),
    author_address=Address("ann@a.example"),
    author_name="Ann",
    message_id="<one@a.example>",
    original_message_id=None,
    parent_key=None,
    subject="Backup",
    base="backup",
    is_reply=False,
    date=NOON,
    received=NOON,
    text=TEXT,
    new_text=TEXT,
    trust=Trust.UNCHECKED,
    disposition="post",
    raw_sha256="0" * 64,
    copied_to=(),
)


def test_a_mail_goes_by_its_own_id() -> None:
    identity = identity_of(MAIL, "backup", "d.example")
    assert (identity.message_id, identity.original) == ("<one@a.example>", None)


def test_a_mail_without_id_gets_the_same_one_at_every_try() -> None:
    bare = replace(MAIL, message_id=None)
    first, second = (identity_of(bare, "backup", "d.example") for _ in range(2))
    assert first == second
    assert first.message_id.endswith("@d.example>")
    assert first.original is None


@pytest.mark.parametrize(
    "other",
    [
        replace(MAIL, message_id=None, sender=Mailbox("bob@b.example")),
        replace(MAIL, message_id=None, date=NOON + timedelta(seconds=1)),
        replace(MAIL, message_id=None, text="Another text."),
        replace(MAIL, message_id=None, attachments=(Attachment("a.log", "text/plain", 1, "b"),)),
    ],
    ids=["author", "date", "text", "file"],
)
def test_another_mail_without_id_gets_another_one(other: ParsedMessage) -> None:
    assert minted(other, "backup", "d.example") != minted(
        replace(MAIL, message_id=None), "backup", "d.example"
    )


def test_an_id_too_long_to_index_is_kept_beside_ours() -> None:
    long = f"<{'a' * 900}@a.example>"
    identity = identity_of(replace(MAIL, message_id=long), "backup", "d.example")
    assert len(identity.message_id) < 100
    assert identity.original == long


@pytest.mark.parametrize(
    ("new_text", "author", "same"),
    [
        (TEXT, "ann@a.example", True),
        (TEXT.replace(" ", "  ").replace("and", "and\n"), "ann@a.example", True),
        (TEXT + " -- list footer", "ann@a.example", True),
        ("Something else entirely, about the weather.", "ann@a.example", False),
        (TEXT, "eve@e.example", False),
        ("", "ann@a.example", False),
    ],
)
def test_a_redelivery_has_the_author_and_nearly_the_text(new_text: str, author: str, same: bool) -> None:
    mail = replace(MAIL, new_text=new_text, sender=Mailbox(author))
    assert is_redelivery(mail, Trust.UNCHECKED, POST, NOON, ()) is same


@pytest.mark.parametrize(
    ("name", "kind", "digest", "same"),
    [
        ("scan.pdf", "application/pdf", "a", True),
        ("scan.pdf", "application/pdf", "b", False),
        ("footer.txt", "text/plain", "b", True),
    ],
)
def test_a_redelivery_brings_no_other_file(name: str, kind: str, digest: str, same: bool) -> None:
    had = (NewAttachment("scan.pdf", "application/pdf", 1, "a"),)
    mail = replace(MAIL, attachments=(Attachment(name, kind, 1, digest),))
    assert is_redelivery(mail, Trust.UNCHECKED, POST, NOON, had) is same


@pytest.mark.parametrize(("hours", "same"), [(23, True), (25, False)])
def test_without_id_and_date_a_retry_is_one_within_a_day(hours: int, same: bool) -> None:
    mail = replace(MAIL, message_id=None, date=None)
    assert is_redelivery(mail, Trust.UNCHECKED, POST, NOON + timedelta(hours=hours), ()) is same


@pytest.mark.parametrize(
    ("one", "other", "score"),
    [
        ("", "", 1.0),
        ("a b c d", "a b c d", 1.0),
        ("a b", "c d", 0.0),
        ("a b c d", "d c b x", 0.75),
        ("", "a", 0.0),
    ],
)
def test_similarity_is_the_share_of_common_words(one: str, other: str, score: float) -> None:
    assert similarity(one, other) == pytest.approx(score)
