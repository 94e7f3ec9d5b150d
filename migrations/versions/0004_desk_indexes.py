"""indexes of the administrators' desk: sessions of a user by time, what is active, users in a rare state

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-26 12:05:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

_MADE = {
    'ix_auth_sessions_user_id_last_seen_at_id': ['user_id', 'last_seen_at', 'id'],
    'ix_auth_sessions_ends': ['expires_at', 'revoked_at', 'refresh_expires_at', 'last_seen_at'],
}
_REPLACED = {
    'ix_auth_sessions_user_id_revoked_at': ['user_id', 'revoked_at'],
    'ix_auth_sessions_expires_at': ['expires_at'],
    'ix_auth_sessions_active': ['revoked_at', 'refresh_expires_at', 'expires_at', 'last_seen_at'],
}
_USERS = (
    ('administrators', 'is_admin IS true', 'is_admin IS 1'),
    ('deactivated', 'NOT is_active', 'is_active = 0'),
    ('unverified', 'NOT email_verified', 'email_verified = 0'),
    ('two_step', 'totp_enabled_at IS NOT NULL', 'totp_enabled_at IS NOT NULL'),
    ('locked', 'failed_sign_ins >= 100', 'failed_sign_ins >= 100'),
)


def _wait_as_long_as_it_takes():
    # The application's connections give a statement five seconds: an index over millions of rows takes longer.
    if op.get_bind().dialect.name == 'postgresql':
        op.execute("SET LOCAL statement_timeout = 0")


def upgrade():
    _wait_as_long_as_it_takes()
    for name, columns in _MADE.items():
        op.create_index(name, 'auth_sessions', columns)
    for name in _REPLACED:
        op.drop_index(name, 'auth_sessions')
    for name, condition, on_sqlite in _USERS:
        where = {'postgresql_where': sa.text(condition), 'sqlite_where': sa.text(on_sqlite)}
        op.create_index(f'ix_users_{name}', 'users', ['id'], **where)


def downgrade():
    _wait_as_long_as_it_takes()
    for name, _, _ in _USERS:
        op.drop_index(f'ix_users_{name}', 'users')
    for name, columns in _REPLACED.items():
        op.create_index(name, 'auth_sessions', columns)
    for name in _MADE:
        op.drop_index(name, 'auth_sessions')
