"""The registry, contacts, reminders, exchange with other trackers; mail that is about no ticket.

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-26
"""

import sqlalchemy as sa
from alembic import op


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('suppression',
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('cause', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('address', name=op.f('pk_suppression'))
    )
    op.create_table('interest',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('query', sa.Text(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_interest_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_interest'))
    )
    with op.batch_alter_table('interest', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_interest_person_id'), ['person_id'], unique=False)

    op.create_table('reminder',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('ticket_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('cause', sa.Text(), nullable=False),
    sa.Column('steps', sa.Text(), nullable=False),
    sa.Column('step', sa.Integer(), server_default='0', nullable=False),
    sa.Column('wait_seconds', sa.BigInteger(), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('outcome', sa.Text(), server_default='', nullable=False),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_reminder_ticket_id_ticket')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reminder'))
    )
    with op.batch_alter_table('reminder', schema=None) as batch_op:
        batch_op.create_index('ix_reminder_due', ['due_at'], unique=False, sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))
        batch_op.create_index(batch_op.f('ix_reminder_ticket_id'), ['ticket_id'], unique=False)

    op.create_table('ticket_contact',
    sa.Column('ticket_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('why', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_ticket_contact_ticket_id_ticket')),
    sa.PrimaryKeyConstraint('ticket_id', 'address', name=op.f('pk_ticket_contact'))
    )
    with op.batch_alter_table('ticket_contact', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ticket_contact_address'), ['address'], unique=False)

    op.create_table('registry_source',
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('place', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_registry_source'))
    )
    op.create_table('rules_pin',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('raw_sha256', sa.String(length=64), nullable=False),
    sa.Column('ticket_id', sa.BigInteger(), nullable=True),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('expected', sa.Text(), nullable=False),
    sa.Column('author', sa.String(length=254), nullable=False),
    sa.Column('created_at', sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rules_pin')),
    sa.UniqueConstraint('raw_sha256', name=op.f('uq_rules_pin_raw_sha256'))
    )
    op.create_table('registry_read',
    sa.Column('source', sa.String(length=64), nullable=False),
    sa.Column('read_at', sa.String(32), nullable=False),
    sa.ForeignKeyConstraint(['source'], ['registry_source.name'], name=op.f('fk_registry_read_source_registry_source')),
    sa.PrimaryKeyConstraint('source', name=op.f('pk_registry_read'))
    )
    op.create_table('registry_version',
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('source', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.String(32), nullable=False),
    sa.Column('author', sa.String(length=254), nullable=False),
    sa.Column('origin', sa.Text(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=True),
    sa.ForeignKeyConstraint(['source'], ['registry_source.name'], name=op.f('fk_registry_version_source_registry_source')),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_registry_version'))
    )
    with op.batch_alter_table('registry_version', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_registry_version_source'), ['source'], unique=False)

    op.create_table('digest_item',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('audience', sa.Text(), nullable=False),
    sa.Column('ticket_id', sa.BigInteger(), nullable=True),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_digest_item'))
    )
    with op.batch_alter_table('digest_item', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_digest_item_audience'), ['audience'], unique=False)

    op.create_table('errand',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_errand'))
    )
    op.create_table('exchange_pair',
    sa.Column('center_id', sa.BigInteger(), nullable=False),
    sa.Column('foreign_id', sa.Text(), nullable=False),
    sa.Column('ticket_id', sa.BigInteger(), nullable=False),
    sa.Column('learned_from', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('heard_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('told_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('foreign_status', sa.Text(), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('center_id', 'foreign_id', name=op.f('pk_exchange_pair'))
    )
    with op.batch_alter_table('exchange_pair', schema=None) as batch_op:
        batch_op.create_index('ix_exchange_pair_ticket', ['ticket_id', 'center_id'], unique=False)

    op.create_table('exchange_profile',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('center_id', sa.BigInteger(), nullable=False),
    sa.Column('epoch', sa.Integer(), server_default='1', nullable=False),
    sa.Column('content', sa.Text(), nullable=False),
    sa.Column('enabled', sa.Boolean(), server_default=sa.true(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_exchange_profile')),
    sa.UniqueConstraint('center_id', name=op.f('uq_exchange_profile_center_id'))
    )
    op.create_table('introduction',
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('address', name=op.f('pk_introduction'))
    )
    op.create_table('pause',
    sa.Column('stage', sa.Text(), nullable=False),
    sa.Column('cause', sa.Text(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('stage', name=op.f('pk_pause'))
    )
    with op.batch_alter_table('center', schema=None) as batch_op:
        batch_op.add_column(sa.Column('long_name', sa.Text(), server_default='', nullable=False))
        batch_op.add_column(sa.Column('state', sa.Text(), server_default='available', nullable=False))
        batch_op.add_column(sa.Column('away_until', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('delegate_id', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('source', sa.Text(), server_default='', nullable=False))

    op.add_column('ticket_center', sa.Column('reason', sa.Text(), server_default='', nullable=False))
    with op.batch_alter_table('delivery', schema=None) as batch_op:
        batch_op.add_column(sa.Column('role', sa.Text(), server_default='', nullable=False))
        batch_op.alter_column('ticket_id',
               existing_type=sa.BIGINT(),
               nullable=True)

    with op.batch_alter_table('inbound', schema=None) as batch_op:
        batch_op.add_column(sa.Column('revision', sa.Integer(), nullable=True))
        batch_op.create_index('ix_inbound_received_at', ['received_at'], unique=False)

    with op.batch_alter_table('delivery', schema=None) as batch_op:
        batch_op.create_index('ix_delivery_created_at', ['created_at'], unique=False)

    with op.batch_alter_table('outgoing', schema=None) as batch_op:
        batch_op.alter_column('event_id',
               existing_type=sa.BIGINT(),
               nullable=True)
        batch_op.alter_column('ticket_id',
               existing_type=sa.BIGINT(),
               nullable=True)



def downgrade() -> None:
    # What is about no ticket has no place in the older tables.
    op.execute('DELETE FROM delivery WHERE ticket_id IS NULL')
    op.execute('DELETE FROM outgoing WHERE ticket_id IS NULL OR event_id IS NULL')
    with op.batch_alter_table('outgoing', schema=None) as batch_op:
        batch_op.alter_column('ticket_id',
               existing_type=sa.BIGINT(),
               nullable=False)
        batch_op.alter_column('event_id',
               existing_type=sa.BIGINT(),
               nullable=False)

    with op.batch_alter_table('inbound', schema=None) as batch_op:
        batch_op.drop_index('ix_inbound_received_at')
        batch_op.drop_column('revision')

    with op.batch_alter_table('delivery', schema=None) as batch_op:
        batch_op.alter_column('ticket_id',
               existing_type=sa.BIGINT(),
               nullable=False)
        batch_op.drop_column('role')

    with op.batch_alter_table('ticket_center', schema=None) as batch_op:
        batch_op.drop_column('reason')

    with op.batch_alter_table('center', schema=None) as batch_op:
        batch_op.drop_column('source')
        batch_op.drop_column('delegate_id')
        batch_op.drop_column('away_until')
        batch_op.drop_column('state')
        batch_op.drop_column('long_name')

    op.drop_table('pause')
    op.drop_table('introduction')
    op.drop_table('exchange_profile')
    with op.batch_alter_table('exchange_pair', schema=None) as batch_op:
        batch_op.drop_index('ix_exchange_pair_ticket')

    op.drop_table('exchange_pair')
    op.drop_table('errand')
    with op.batch_alter_table('digest_item', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_digest_item_audience'))

    op.drop_table('digest_item')
    with op.batch_alter_table('registry_version', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_registry_version_source'))

    op.drop_table('registry_version')
    op.drop_table('registry_read')
    op.drop_table('rules_pin')
    op.drop_table('registry_source')
    with op.batch_alter_table('ticket_contact', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ticket_contact_address'))

    op.drop_table('ticket_contact')
    with op.batch_alter_table('reminder', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_reminder_ticket_id'))
        batch_op.drop_index('ix_reminder_due', sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))

    op.drop_table('reminder')
    with op.batch_alter_table('interest', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_interest_person_id'))

    op.drop_table('interest')
    op.drop_table('suppression')
