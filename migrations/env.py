"""Runs migrations on the connection that tracker.storage.migrate hands in."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import DateTime, String, TypeDecorator

config = context.config


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write a type of ours as what it is in the database: a migration must not change with the code."""
    if kind != "type" or not isinstance(item, TypeDecorator):
        return False
    if isinstance(item.impl_instance, DateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item.impl_instance, String) and item.impl_instance.length:
        return f"sa.String({item.impl_instance.length})"
    raise TypeError(f"say in migrations/env.py how {type(item).__name__} is kept")


context.configure(
    connection=config.attributes["connection"],
    target_metadata=config.attributes["metadatas"],
    render_as_batch=True,
    compare_type=True,
    render_item=render_item,
)

with context.begin_transaction():
    context.run_migrations()
