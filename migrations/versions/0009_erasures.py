"""Who was erased, so that a restored database is told from one that knows.

Revision ID: 0009
Revises: 0008
Create Date: 2026-11-27
"""

import sqlalchemy as sa
from alembic import op

import tracker.storage.tables


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('erasure',
    sa.Column('salt', sa.Text(), nullable=False),
    sa.Column('at', tracker.storage.tables.UtcDateTime(timezone=True), nullable=False),
    sa.Column('digests', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('salt', name=op.f('pk_erasure'))
    )


def downgrade() -> None:
    op.drop_table('erasure')
