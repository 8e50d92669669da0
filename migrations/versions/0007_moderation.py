"""Whose a mail is, and who decided on one that was held.

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-27
"""

import sqlalchemy as sa
from alembic import op


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('inbound', sa.Column('author', sa.Text(), nullable=True))
    op.add_column('inbound', sa.Column('told_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('inbound', sa.Column('decided_by', sa.Text(), nullable=True))
    op.add_column('inbound', sa.Column('lesson', sa.Text(), nullable=True))
    op.add_column('inbound', sa.Column('via', sa.Text(), server_default='', nullable=False))
    op.create_index(op.f('ix_inbound_author'), 'inbound', ['author'])
    where = sa.text('lesson is not null')
    op.create_index('ix_inbound_lesson', 'inbound', ['id'], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index('ix_inbound_lesson', 'inbound')
    op.drop_index(op.f('ix_inbound_author'), 'inbound')
    with op.batch_alter_table('inbound', schema=None) as batch_op:
        batch_op.drop_column('via')
        batch_op.drop_column('lesson')
        batch_op.drop_column('decided_by')
        batch_op.drop_column('told_at')
        batch_op.drop_column('author')
