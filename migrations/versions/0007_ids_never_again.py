"""ids never again: SQLite gives the id of a deleted mail, code, passkey or link to no other

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-30 06:30:00

"""
from alembic import op


# revision identifiers, used by Alembic.
revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

TABLES = ['outbox_mails', 'recovery_codes', 'passkeys', 'one_time_tokens']


def upgrade():
    _rebuild(autoincrement=True)


def downgrade():
    _rebuild(autoincrement=False)


def _rebuild(*, autoincrement):
    """PostgreSQL's sequences never go back. On SQLite a table that is there already has to be copied; no other table
    refers to these."""
    if op.get_bind().dialect.name != 'sqlite':
        return
    for table in TABLES:
        options = {'sqlite_autoincrement': autoincrement}
        with op.batch_alter_table(table, recreate='always', table_kwargs=options):
            pass
