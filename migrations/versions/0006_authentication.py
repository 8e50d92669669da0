"""What was found to speak for the author of a mail, and who moderates and administers.

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-27
"""

import sqlalchemy as sa
from alembic import op


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('inbound', sa.Column('authentication', sa.Text(), nullable=True))
    op.create_table('role',
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('queue_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_role_person_id_person')),
    sa.PrimaryKeyConstraint('person_id', 'role', 'queue_id', name=op.f('pk_role'))
    )


def downgrade() -> None:
    op.drop_table('role')
    with op.batch_alter_table('inbound', schema=None) as batch_op:
        batch_op.drop_column('authentication')
