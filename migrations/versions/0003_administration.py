"""administration: what the dashboard counts and lists

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-26 07:30:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

_SESSIONS = (('last_seen_at', 'id'), ('ip', 'last_seen_at', 'id'))
_ACTIVE = ['revoked_at', 'refresh_expires_at', 'expires_at', 'last_seen_at']
_EVENTS = (('user_id', 'at', 'id'), ('kind', 'at', 'id'), ('actor_id', 'at', 'id'), ('ip', 'at', 'id'), ('at', 'id'))
_REPLACED = (('user_id', 'at'), ('at',))


def _name(table, columns):
    return f"ix_{table}_{'_'.join(columns)}"


def upgrade():
    op.create_table('session_refreshes',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('session_id', sa.String(length=22), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('method', sa.String(length=6), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_session_refreshes'))
    )
    for columns in (('session_id', 'at'), ('method', 'at'), ('at',)):
        op.create_index(_name('session_refreshes', columns), 'session_refreshes', list(columns))
    op.add_column('auth_sessions', sa.Column('refreshed_at', sa.DateTime(timezone=True), nullable=True))
    for columns in _SESSIONS:
        op.create_index(_name('auth_sessions', columns), 'auth_sessions', list(columns))
    op.create_index('ix_auth_sessions_active', 'auth_sessions', _ACTIVE)
    for columns in _REPLACED:
        op.drop_index(_name('audit_events', columns), 'audit_events')
    for columns in _EVENTS:
        op.create_index(_name('audit_events', columns), 'audit_events', list(columns))


def downgrade():
    for columns in _EVENTS:
        op.drop_index(_name('audit_events', columns), 'audit_events')
    for columns in _REPLACED:
        op.create_index(_name('audit_events', columns), 'audit_events', list(columns))
    op.drop_index('ix_auth_sessions_active', 'auth_sessions')
    for columns in _SESSIONS:
        op.drop_index(_name('auth_sessions', columns), 'auth_sessions')
    op.drop_column('auth_sessions', 'refreshed_at')
    op.drop_table('session_refreshes')
