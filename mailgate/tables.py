"""The tables of mail in and mail out; mailgate owns them, they refer to the tracker's."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from tracker.storage.tables import NAMING, RowId, UtcDateTime

metadata = MetaData(naming_convention=NAMING)

# Every mail that was answered 250, for good: its envelope, what became of it, and why. While `waiting`
# it is the spool. It names rows of the tracker by number only, for its life is its own.
inbound = Table(
    "inbound",
    metadata,
    Column("id", RowId, primary_key=True),
    # The id that stands in the 250, in the Received field and in the log.
    Column("uid", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("received_at", UtcDateTime, nullable=False),
    Column("client_address", Text, nullable=False),
    Column("helo", Text, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("reverse_path", Text, nullable=False),
    # JSON: an array of addresses.
    Column("recipients", Text, nullable=False),
    Column("raw_sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("trust", Text, nullable=False),
    Column("message_key", Text, index=True),
    Column("disposition", Text),
    Column("ticket_id", BigInteger),
    Column("post_id", BigInteger),
    # JSON: see verdict.Verdict.
    Column("verdict", Text),
    Column("error", Text),
    Index(
        "ix_inbound_waiting",
        "due_at",
        "id",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    Index("ix_inbound_state", "state", "id"),
    sqlite_autoincrement=True,
)

# One rendered mail, whole but for what is personal. Its body is here, or the end of a raw mail.
outgoing = Table(
    "outgoing",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("event_id", BigInteger, nullable=False),
    Column("ticket_id", BigInteger, nullable=False),
    Column("post_id", BigInteger, index=True),
    Column("queue_id", BigInteger, nullable=False),
    Column("face", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("body", LargeBinary),
    Column("raw_sha256", Text),
    Column("body_offset", BigInteger),
    Column("created_at", UtcDateTime, nullable=False),
)

# One outgoing mail to one person.
delivery = Table(
    "delivery",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("outgoing_id", ForeignKey("outgoing.id"), nullable=False, index=True),
    Column("ticket_id", BigInteger, nullable=False, index=True),
    Column("person_id", BigInteger),
    Column("address", Text, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    # What the remote said last, one printable line.
    Column("reply", Text, nullable=False, server_default=""),
    Index(
        "ix_delivery_waiting",
        "due_at",
        "id",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    sqlite_autoincrement=True,
)
