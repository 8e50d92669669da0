"""The tracker's tables (SQLAlchemy Core), the same for SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
)

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMING)

# SQLite counts rows only in a column that is INTEGER to the letter.
RowId = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC: timestamptz on PostgreSQL, sortable text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse naive times: they are a bug, whatever zone they meant."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


queue = Table(
    "queue",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("local_part", Text, nullable=False),
    Column("domain", Text, nullable=False),
    Column("tag", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # The list manager that posts come from and that sends the list copies, "mailman"; empty: we do.
    Column("front", Text, nullable=False, server_default=""),
    # The address of the list there; empty: any list of the list managers that are believed.
    Column("front_address", Text, nullable=False, server_default=""),
    # The address that it was made with; empty: it has not moved. List-Id and root ids keep that name.
    Column("first_address", Text, nullable=False, server_default=""),
    Index("uq_queue_address", "local_part", "domain", unique=True),
)

# Addresses that a list had before: what names them means the list of today.
queue_alias = Table(
    "queue_alias",
    metadata,
    Column("local_part", Text, primary_key=True),
    Column("domain", Text, primary_key=True),
    Column("queue_id", ForeignKey("queue.id"), nullable=False, index=True),
)

# What a list's people talk of apart, made at its first use; subscribers may choose among them.
topic = Table(
    "topic",
    metadata,
    Column("queue_id", ForeignKey("queue.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
)

# Who may neither post nor subscribe: an address, or `^` and a pattern, as Mailman writes them.
ban = Table(
    "ban",
    metadata,
    Column("queue_id", ForeignKey("queue.id"), primary_key=True),
    Column("pattern", Text, primary_key=True),
    Column("since", UtcDateTime, nullable=False),
)

person = Table(
    "person",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("address", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("member", Boolean, nullable=False, server_default=false()),
    Column("created_at", UtcDateTime, nullable=False),
    # The zone that times are told in, as Europe/Zurich; empty: UTC.
    Column("timezone", Text, nullable=False, server_default=""),
    # Wants ticket copies with an HTML part beside the plain one.
    Column("html", Boolean, nullable=False, server_default=false()),
    # Wants the ticket copy of what they have from To or Cc already, too.
    Column("always_copy", Boolean, nullable=False, server_default=false()),
)

# Every address of a person, the main one too.
address = Table(
    "address",
    metadata,
    Column("address", Text, primary_key=True),
    Column("person_id", ForeignKey("person.id"), nullable=False, index=True),
)

# Who moderates a list, or (no list: 0) administers the instance.
role = Table(
    "role",
    metadata,
    Column("person_id", ForeignKey("person.id"), primary_key=True),
    Column("role", Text, primary_key=True),
    Column("queue_id", BigInteger, primary_key=True),
)

subscription = Table(
    "subscription",
    metadata,
    Column("queue_id", ForeignKey("queue.id"), primary_key=True),
    Column("person_id", ForeignKey("person.id"), primary_key=True, index=True),
    Column("delivery", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    # Which topics, centers or interest, where `delivery` says so.
    Column("words", Text, nullable=False, server_default=""),
    # On vacation: nothing of the list until then.
    Column("away_until", UtcDateTime),
    # Wants digests as one plain text (RFC 1153) instead of MIME.
    Column("plain_digest", Boolean, nullable=False, server_default=false()),
)

# The digests of a list: how many there were, and up to which event the last one told.
list_digest = Table(
    "list_digest",
    metadata,
    Column("queue_id", ForeignKey("queue.id"), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("event_id", BigInteger, nullable=False),
    Column("sent_at", UtcDateTime, nullable=False),
)

center = Table(
    "center",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("name", Text, nullable=False),
    Column("address", Text, index=True),
    Column("wants", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("long_name", Text, nullable=False, server_default=""),
    Column("state", Text, nullable=False, server_default="available"),
    # Until when it is away; empty: until it says otherwise.
    Column("away_until", UtcDateTime),
    # Who takes its tickets while it is away or off. No reference to `center`: a table that referred to
    # itself could not be written anew by a later migration on SQLite.
    Column("delegate_id", BigInteger),
    # The source of the registry that its address and names follow; empty: an operator's own.
    Column("source", Text, nullable=False, server_default=""),
)

# Every name by which a center is found, its own too: case folded, without blanks, `-` and `_`.
center_alias = Table(
    "center_alias",
    metadata,
    Column("key", Text, primary_key=True),
    Column("alias", Text, nullable=False),
    Column("center_id", ForeignKey("center.id"), nullable=False, index=True),
)

center_member = Table(
    "center_member",
    metadata,
    Column("center_id", ForeignKey("center.id"), primary_key=True),
    Column("person_id", ForeignKey("person.id"), primary_key=True, index=True),
)

ticket = Table(
    "ticket",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("queue_id", ForeignKey("queue.id"), nullable=False),
    Column("title", Text, nullable=False),
    Column("mail_title", Text, nullable=False),
    Column("base", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("requester_id", ForeignKey("person.id"), nullable=False),
    Column("owner_id", ForeignKey("person.id")),
    Column("topic", Text, nullable=False, server_default=""),
    Column("private", Boolean, nullable=False, server_default=false()),
    Column("provisional", Boolean, nullable=False, server_default=false()),
    Column("imported", Boolean, nullable=False, server_default=false()),
    Column("nonce", Text, nullable=False),
    Column("post_count", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("active_at", UtcDateTime, nullable=False),
    Column("touched_at", UtcDateTime, nullable=False),
    Column("resolved_at", UtcDateTime),
    Column("merged_into", ForeignKey("ticket.id")),
    # A number is never used twice, not even that of a ticket erased.
    sqlite_autoincrement=True,
)

ticket_center = Table(
    "ticket_center",
    metadata,
    Column("ticket_id", ForeignKey("ticket.id"), primary_key=True),
    Column("center_id", ForeignKey("center.id"), primary_key=True, index=True),
    # The name as it was: a center may be renamed or go.
    Column("name", Text, nullable=False),
    # Who gave it: "rules rev 3 (registry)", "mail".
    Column("why", Text, nullable=False),
    # What in the mail speaks for it, half a sentence.
    Column("reason", Text, nullable=False, server_default=""),
)

# Addresses that were told of a ticket as contacts of something named in it, and why.
ticket_contact = Table(
    "ticket_contact",
    metadata,
    Column("ticket_id", ForeignKey("ticket.id"), primary_key=True),
    Column("address", Text, primary_key=True, index=True),
    Column("why", Text, nullable=False),
    # told, digest (the day's openings were used up), unreached (it bounced)
    Column("state", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

# Addresses that never want mail as contacts or centers again, whatever the registry says.
suppression = Table(
    "suppression",
    metadata,
    Column("address", Text, primary_key=True),
    Column("cause", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

# What experts want to be offered: a query in the words of rules.
interest = Table(
    "interest",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("person_id", ForeignKey("person.id"), nullable=False, index=True),
    Column("query", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)

# Somebody to be told again unless a person acts on the ticket before.
reminder = Table(
    "reminder",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("ticket_id", ForeignKey("ticket.id"), nullable=False, index=True),
    # The rule, or who asked for it.
    Column("cause", Text, nullable=False),
    # Who is told, step by step: "center,list".
    Column("steps", Text, nullable=False),
    # How many of them have been told.
    Column("step", Integer, nullable=False, server_default="0"),
    Column("wait_seconds", BigInteger, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    # Why it ended: told, answered, resolved, imported.
    Column("outcome", Text, nullable=False, server_default=""),
    Index(
        "ix_reminder_due",
        "due_at",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

ticket_tag = Table(
    "ticket_tag",
    metadata,
    Column("ticket_id", ForeignKey("ticket.id"), primary_key=True),
    Column("tag", Text, primary_key=True, index=True),
)

ticket_link = Table(
    "ticket_link",
    metadata,
    Column("ticket_id", ForeignKey("ticket.id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("other_id", ForeignKey("ticket.id"), primary_key=True, index=True),
)

# What a ticket was called where it came from: "issue17" of an imported tracker.
ticket_alias = Table(
    "ticket_alias",
    metadata,
    Column("queue_id", ForeignKey("queue.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("ticket_id", ForeignKey("ticket.id"), nullable=False, index=True),
)

membership = Table(
    "membership",
    metadata,
    Column("ticket_id", ForeignKey("ticket.id"), primary_key=True),
    Column("person_id", ForeignKey("person.id"), primary_key=True, index=True),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)

# Raw mails, once, as received; everything else read from them can be made again.
blob = Table(
    "blob",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

post = Table(
    "post",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("ticket_id", ForeignKey("ticket.id"), nullable=False),
    Column("n", Integer, nullable=False),
    Column("author_id", ForeignKey("person.id"), nullable=False, index=True),
    Column("author_address", Text, nullable=False),
    Column("author_name", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("original_message_id", Text),
    Column("parent_key", Text),
    Column("subject", Text, nullable=False),
    Column("base", Text, nullable=False),
    Column("is_reply", Boolean, nullable=False),
    Column("date", UtcDateTime),
    Column("received", UtcDateTime, nullable=False),
    Column("text", Text, nullable=False),
    Column("new_text", Text, nullable=False),
    Column("trust", Text, nullable=False),
    Column("disposition", Text, nullable=False),
    Column("raw_sha256", ForeignKey("blob.sha256"), nullable=False, index=True),
    # Who stood in its To and Cc, a line each.
    Column("copied_to", Text, nullable=False),
    # The policy of the author's domain would have list copies under their name refused (DMARC).
    Column("munge", Boolean, nullable=False, server_default=false()),
    # The list manager in front gave it to those who are on the list.
    Column("on_list", Boolean, nullable=False, server_default=false()),
    Index("uq_post_ticket_id_n", "ticket_id", "n", unique=True),
    Index("ix_post_base_received", "base", "received"),
)

attachment = Table(
    "attachment",
    metadata,
    Column("post_id", ForeignKey("post.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
)

# What leads from a key in a mail to a ticket: the digest of a Message-ID or of a Thread-Index. Not
# `stored`: a mail that was named but has not been seen, a ghost; `post_id` is then the post that named
# it, and `direct` says that it named it as its parent. The rows of a post go with it to another ticket.
message_key = Table(
    "message_key",
    metadata,
    Column("key", Text, primary_key=True),
    Column("ticket_id", ForeignKey("ticket.id"), primary_key=True, index=True),
    Column("stored", Boolean, primary_key=True),
    Column("post_id", ForeignKey("post.id"), primary_key=True, index=True),
    Column("direct", Boolean, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)

# Tickets that a post once stood in: what was sent from there still names them beside the post.
former_place = Table(
    "former_place",
    metadata,
    Column("post_id", ForeignKey("post.id"), primary_key=True),
    Column("ticket_id", ForeignKey("ticket.id"), primary_key=True),
)

# The journal: the history of every ticket, and the outbox of all that follows from it.
event = Table(
    "event",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("ticket_id", ForeignKey("ticket.id"), nullable=False, index=True),
    Column("post_id", ForeignKey("post.id")),
    Column("kind", Text, nullable=False),
    Column("actor_id", ForeignKey("person.id")),
    # Who acted where it was no person by mail: "rules rev 3", "operator root".
    Column("cause", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("before", Text),
    Column("after", Text),
    # Nobody is told: imported history, automatic mail.
    Column("quiet", Boolean, nullable=False),
    # What undoing it needs beyond `before`, as the kind of event writes it.
    Column("detail", Text),
    # The event that this one is a consequence of, and the one whose undoing it is.
    Column("part_of", BigInteger),
    Column("undoes", BigInteger),
    Index(
        "ix_event_part_of",
        "part_of",
        sqlite_where=text("part_of IS NOT NULL"),
        postgresql_where=text("part_of IS NOT NULL"),
    ),
    Index(
        "ix_event_undoes",
        "undoes",
        sqlite_where=text("undoes IS NOT NULL"),
        postgresql_where=text("undoes IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

# How far a subscriber of the journal has read.
cursor = Table(
    "journal_cursor",
    metadata,
    Column("subscriber", Text, primary_key=True),
    Column("event_id", BigInteger, nullable=False),
)
