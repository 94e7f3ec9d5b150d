"""ids of 64 bits: refreshes, events, links and mails do not run out of numbers on PostgreSQL

Revision ID: 0008
Revises: 0007
Create Date: 2026-11-30 12:10:00

"""
from alembic import op


# revision identifiers, used by Alembic.
revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

TABLES = ['session_refreshes', 'audit_events', 'one_time_tokens', 'outbox_mails']

# Other connections have prepared statements that return an id of 32 bits, and each would fail once. Whoever waits for
# the tables is told that the database is away; the others connect anew before anybody notices. Who waits to migrate,
# which is who waits for lock 8, goes on waiting: see env.py.
END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user
AND backend_type = 'client backend' AND pid <> pg_backend_pid()
AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = 8)
"""


def upgrade():
    _make('bigint')


def downgrade():
    """Changes nothing if there is a number that 32 bits do not hold."""
    _make('integer')


def _make(kind):
    """On SQLite ids have 64 bits as it is. PostgreSQL writes the four tables anew, under ACCESS EXCLUSIVE: nobody reads
    or writes them meanwhile, some 3 seconds for a million rows; who waits longer than 4 gets a 503.

    The release before goes on serving afterwards: it takes the ids as they come, and gives none itself. If it has a
    role of its own, whose connections the owner of the tables may not end, each of them fails once with 500."""
    if op.get_bind().dialect.name != 'postgresql':
        return
    # All at first: who has one of them already, and waits for another, is in the way before anything is written.
    op.execute(f"LOCK TABLE {', '.join(TABLES)} IN ACCESS EXCLUSIVE MODE")
    for table in TABLES:
        op.execute(f'ALTER TABLE {table} ALTER COLUMN id TYPE {kind}')
        op.execute(f'ALTER SEQUENCE {table}_id_seq AS {kind}')
    op.execute(END_OTHERS)
