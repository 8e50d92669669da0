"""The tables of mail in and mail out; mailgate owns them, they refer to the tracker's."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
    true,
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
    # The MTA that told of this client; empty: the client itself was here.
    Column("via", Text, nullable=False, server_default=""),
    Column("reverse_path", Text, nullable=False),
    # JSON: an array of addresses.
    Column("recipients", Text, nullable=False),
    Column("raw_sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("trust", Text, nullable=False),
    # The evidence, as JSON; none where nobody looked.
    Column("authentication", Text),
    Column("message_key", Text, index=True),
    # Its From, once it was read; none where it names nobody.
    Column("author", Text, index=True),
    # Held: when moderators were told, and who decided on it; what a filter is to learn of it, spam or ham.
    Column("told_at", UtcDateTime),
    Column("decided_by", Text),
    Column("lesson", Text),
    Column("disposition", Text),
    Column("ticket_id", BigInteger),
    Column("post_id", BigInteger),
    # JSON: see verdict.Verdict.
    Column("verdict", Text),
    # The revision of the rules that decided on it.
    Column("revision", Integer),
    Column("error", Text),
    Index(
        "ix_inbound_waiting",
        "due_at",
        "id",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    Index("ix_inbound_state", "state", "id"),
    Index("ix_inbound_received_at", "received_at"),
    Index(
        "ix_inbound_lesson",
        "id",
        sqlite_where=text("lesson is not null"),
        postgresql_where=text("lesson is not null"),
    ),
    sqlite_autoincrement=True,
)

# Posts that came too fast to be told of one by one, and are told of together.
held_back = Table(
    "held_back",
    metadata,
    Column("post_id", BigInteger, primary_key=True, autoincrement=False),
    Column("ticket_id", BigInteger, nullable=False),
)

# One rendered mail, whole but for what is personal. Its body is here, or the end of a raw mail.
outgoing = Table(
    "outgoing",
    metadata,
    Column("id", RowId, primary_key=True),
    # Neither for mail that is about no ticket: to the owner, a digest.
    Column("event_id", BigInteger),
    Column("ticket_id", BigInteger),
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
    Column("ticket_id", BigInteger, index=True),
    Column("person_id", BigInteger),
    Column("address", Text, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    # As what somebody gets it: see nosy.Role.
    Column("role", Text, nullable=False, server_default=""),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    # What the remote said last, one printable line.
    Column("reply", Text, nullable=False, server_default=""),
    # How many went out of late: the brake asks.
    Index("ix_delivery_created_at", "created_at"),
    Index(
        "ix_delivery_waiting",
        "due_at",
        "id",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    sqlite_autoincrement=True,
)

# Addresses that were told once who we are and why they hear of it.
introduction = Table(
    "introduction",
    metadata,
    Column("address", Text, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)

# Addresses that our mail came back from, and what followed.
bouncing = Table(
    "bouncing",
    metadata,
    Column("address", Text, primary_key=True),
    # Points, as they stood at `scored_at`; they fade with time.
    Column("score", Float, nullable=False),
    Column("scored_at", UtcDateTime, nullable=False),
    # Since when nothing is sent but probes, and when the last of these went.
    Column("suspended_at", UtcDateTime),
    Column("probed_at", UtcDateTime),
    Column("probes", Integer, nullable=False, server_default="0"),
    # What the remote said last, one printable line.
    Column("report", Text, nullable=False, server_default=""),
)

# A line that waits for a mail that gathers several: of a list, a contact, the owner.
digest_item = Table(
    "digest_item",
    metadata,
    Column("id", RowId, primary_key=True),
    # "list 3", "contact ann@x.example", "owner"
    Column("audience", Text, nullable=False, index=True),
    Column("ticket_id", BigInteger),
    Column("text", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# When something that is done once a day or so was done last: a digest, the check of the registry.
errand = Table(
    "errand",
    metadata,
    Column("name", Text, primary_key=True),
    Column("done_at", UtcDateTime, nullable=False),
)

# Stages that an operator or the brake stopped.
pause = Table(
    "pause",
    metadata,
    Column("stage", Text, primary_key=True),
    Column("cause", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)

# A support center with a tracker of its own: how to speak with it (TOML, see exchange).
exchange_profile = Table(
    "exchange_profile",
    metadata,
    Column("name", Text, primary_key=True),
    Column("center_id", BigInteger, nullable=False, unique=True),
    # What its secret address is made of; a new one when it leaked.
    Column("epoch", Integer, nullable=False, server_default="1"),
    Column("content", Text, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("changed_at", UtcDateTime, nullable=False),
)

# A ticket of ours and what it is called in another's tracker.
exchange_pair = Table(
    "exchange_pair",
    metadata,
    Column("center_id", BigInteger, primary_key=True),
    Column("foreign_id", Text, primary_key=True),
    Column("ticket_id", BigInteger, nullable=False),
    Column("learned_from", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # The last change of each side that reached the other, and the status the other had then.
    Column("heard_at", UtcDateTime),
    Column("told_at", UtcDateTime),
    Column("foreign_status", Text, nullable=False, server_default=""),
    Index("ix_exchange_pair_ticket", "ticket_id", "center_id"),
)

# Who was erased, as in erased.jsonl beside the database: by its salt one knows which are done here.
erasure = Table(
    "erasure",
    metadata,
    Column("salt", Text, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    # JSON: an array of salted digests of addresses.
    Column("digests", Text, nullable=False),
)
