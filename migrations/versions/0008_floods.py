"""Posts that came too fast to be told of one by one.

Revision ID: 0008
Revises: 0007
Create Date: 2026-11-27
"""

import sqlalchemy as sa
from alembic import op


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('held_back',
    sa.Column('post_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('ticket_id', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('post_id', name=op.f('pk_held_back'))
    )


def downgrade() -> None:
    op.drop_table('held_back')
