"""The tables of rules and registry; routing owns them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcTime(TypeDecorator[datetime]):
    """An aware time, kept as ISO 8601 text in UTC: the same, and in order, in every database."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without its zone")
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


revisions = Table(
    "rules_revision",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("created_at", UtcTime, nullable=False),
    Column("author", String(254), nullable=False),
    Column("message", Text, nullable=False),
    Column("text", Text, nullable=False),
    # 0: on nothing.
    Column("based_on", Integer, nullable=False),
)
drafts = Table(
    "rules_draft",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="single"), primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("based_on", Integer, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)
actives = Table(
    "rules_active",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="single"), primary_key=True, autoincrement=False),
    Column("number", Integer, ForeignKey(revisions.c.number), nullable=False),
)

# A past mail and where it must go: a regression case of every revision to come.
pins = Table(
    "rules_pin",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("raw_sha256", String(64), nullable=False, unique=True),
    Column("ticket_id", BigInteger),
    Column("note", Text, nullable=False),
    # JSON: centers, cc, fallback.
    Column("expected", Text, nullable=False),
    Column("author", String(254), nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

# Where entries of the registry come from. Of two sources that name the same thing, the one with the higher
# place counts.
registry_sources = Table(
    "registry_source",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("place", Integer, nullable=False),
)

# What a source said at a time, whole; nothing here ever changes. The newest of each source counts.
registry_versions = Table(
    "registry_version",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("source", String(64), ForeignKey(registry_sources.c.name), nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
    Column("author", String(254), nullable=False),
    # Where it was read from, for people: a folder, a commit.
    Column("origin", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    # JSON, deflated; nothing where the source was removed.
    Column("content", LargeBinary),
)
# When a source was read last, changed or not.
registry_reads = Table(
    "registry_read",
    metadata,
    Column("source", String(64), ForeignKey(registry_sources.c.name), primary_key=True),
    Column("read_at", UtcTime, nullable=False),
)
