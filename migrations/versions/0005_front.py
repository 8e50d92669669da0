"""A list in front of one of ours, what came by it, and the address that a list was made with.

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-27
"""

import sqlalchemy as sa
from alembic import op


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not in a batch: SQLite would write the tables anew, which rows of others refer to.
    op.add_column('queue', sa.Column('front_address', sa.Text(), server_default='', nullable=False))
    op.add_column('queue', sa.Column('first_address', sa.Text(), server_default='', nullable=False))
    op.add_column('post', sa.Column('on_list', sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table('post', schema=None) as batch_op:
        batch_op.drop_column('on_list')

    with op.batch_alter_table('queue', schema=None) as batch_op:
        batch_op.drop_column('first_address')
        batch_op.drop_column('front_address')
