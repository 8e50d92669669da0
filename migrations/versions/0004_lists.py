"""What subscribers choose, topics, bans, old addresses and numbers, digests, bouncing addresses.

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-27
"""

import sqlalchemy as sa
from alembic import op


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('ban',
    sa.Column('queue_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('pattern', sa.Text(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['queue_id'], ['queue.id'], name=op.f('fk_ban_queue_id_queue')),
    sa.PrimaryKeyConstraint('queue_id', 'pattern', name=op.f('pk_ban'))
    )
    op.create_table('list_digest',
    sa.Column('queue_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('event_id', sa.BigInteger(), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['queue_id'], ['queue.id'], name=op.f('fk_list_digest_queue_id_queue')),
    sa.PrimaryKeyConstraint('queue_id', name=op.f('pk_list_digest'))
    )
    op.create_table('queue_alias',
    sa.Column('local_part', sa.Text(), nullable=False),
    sa.Column('domain', sa.Text(), nullable=False),
    sa.Column('queue_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['queue_id'], ['queue.id'], name=op.f('fk_queue_alias_queue_id_queue')),
    sa.PrimaryKeyConstraint('local_part', 'domain', name=op.f('pk_queue_alias'))
    )
    with op.batch_alter_table('queue_alias', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_queue_alias_queue_id'), ['queue_id'], unique=False)

    op.create_table('topic',
    sa.Column('queue_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['queue_id'], ['queue.id'], name=op.f('fk_topic_queue_id_queue')),
    sa.PrimaryKeyConstraint('queue_id', 'name', name=op.f('pk_topic'))
    )
    op.create_table('ticket_alias',
    sa.Column('queue_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('ticket_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['queue_id'], ['queue.id'], name=op.f('fk_ticket_alias_queue_id_queue')),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_ticket_alias_ticket_id_ticket')),
    sa.PrimaryKeyConstraint('queue_id', 'name', name=op.f('pk_ticket_alias'))
    )
    with op.batch_alter_table('ticket_alias', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ticket_alias_ticket_id'), ['ticket_id'], unique=False)

    op.create_table('bouncing',
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('score', sa.Float(), nullable=False),
    sa.Column('scored_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('suspended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('probed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('probes', sa.Integer(), server_default='0', nullable=False),
    sa.Column('report', sa.Text(), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('address', name=op.f('pk_bouncing'))
    )
    # Not in a batch: SQLite would write the table anew, which rows of others refer to.
    op.add_column('person', sa.Column('timezone', sa.Text(), server_default='', nullable=False))
    op.add_column('person', sa.Column('html', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('person', sa.Column('always_copy', sa.Boolean(), server_default=sa.false(), nullable=False))

    op.add_column('post', sa.Column('munge', sa.Boolean(), server_default=sa.false(), nullable=False))

    op.add_column('queue', sa.Column('front', sa.Text(), server_default='', nullable=False))

    op.add_column('subscription', sa.Column('words', sa.Text(), server_default='', nullable=False))
    op.add_column('subscription', sa.Column('away_until', sa.DateTime(timezone=True), nullable=True))
    op.add_column('subscription', sa.Column('plain_digest', sa.Boolean(), server_default=sa.false(), nullable=False))



def downgrade() -> None:
    with op.batch_alter_table('subscription', schema=None) as batch_op:
        batch_op.drop_column('plain_digest')
        batch_op.drop_column('away_until')
        batch_op.drop_column('words')

    with op.batch_alter_table('queue', schema=None) as batch_op:
        batch_op.drop_column('front')

    with op.batch_alter_table('post', schema=None) as batch_op:
        batch_op.drop_column('munge')

    with op.batch_alter_table('person', schema=None) as batch_op:
        batch_op.drop_column('always_copy')
        batch_op.drop_column('html')
        batch_op.drop_column('timezone')

    op.drop_table('bouncing')
    with op.batch_alter_table('ticket_alias', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ticket_alias_ticket_id'))

    op.drop_table('ticket_alias')
    op.drop_table('topic')
    with op.batch_alter_table('queue_alias', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_queue_alias_queue_id'))

    op.drop_table('queue_alias')
    op.drop_table('list_digest')
    op.drop_table('ban')
