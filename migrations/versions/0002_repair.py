"""Posts may go to another ticket, and what was done may be undone.

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-25
"""

import sqlalchemy as sa
from alembic import op


revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('former_place',
    sa.Column('post_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('ticket_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['post_id'], ['post.id'], name=op.f('fk_former_place_post_id_post')),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_former_place_ticket_id_ticket')),
    sa.PrimaryKeyConstraint('post_id', 'ticket_id', name=op.f('pk_former_place'))
    )
    # Every post has its own rows now: they go with it.
    with op.batch_alter_table('message_key', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('pk_message_key'), type_='primary')
        batch_op.create_primary_key(batch_op.f('pk_message_key'), ['key', 'ticket_id', 'stored', 'post_id'])

    # Columns without constraints: the journal, which may be long, stays where it is.
    op.add_column('event', sa.Column('detail', sa.Text(), nullable=True))
    for name in ('part_of', 'undoes'):
        op.add_column('event', sa.Column(name, sa.BigInteger(), nullable=True))
        given = sa.text(f'{name} IS NOT NULL')
        op.create_index(f'ix_event_{name}', 'event', [name], unique=False, sqlite_where=given, postgresql_where=given)


def downgrade() -> None:
    for name in ('undoes', 'part_of'):
        op.drop_index(f'ix_event_{name}', table_name='event')
    with op.batch_alter_table('event', schema=None) as batch_op:
        for name in ('undoes', 'part_of', 'detail'):
            batch_op.drop_column(name)

    with op.batch_alter_table('message_key', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('pk_message_key'), type_='primary')
        batch_op.create_primary_key(batch_op.f('pk_message_key'), ['key', 'ticket_id', 'stored'])

    op.drop_table('former_place')
