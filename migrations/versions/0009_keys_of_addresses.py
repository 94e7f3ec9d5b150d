"""keys of addresses: ſmith and smith, straße.de and strasse.de are two

Revision ID: 0009
Revises: 0008
Create Date: 2026-11-30 13:10:00

"""
import unicodedata

from alembic import op
from email_validator import EmailNotValidError, validate_email
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

USERS = sa.table('users', sa.column('id', sa.Integer), sa.column('email', sa.String), sa.column('email_key', sa.String))

# By the database, for the tables of 0008 are locked meanwhile: it has more bytes than characters.
IS_INTERNATIONAL = {
    'postgresql': 'octet_length(email) <> char_length(email)',
    'sqlite': 'length(CAST(email AS BLOB)) <> length(email)',
}


def upgrade():
    """No key meets another: addresses that have one key from now on had one before, so that one row has it."""
    for user in _international():
        _set_key(user, _canonical(user.email).lower())


def downgrade():
    """Of two that are one again the first keeps the key that both had; the other keeps its own and loses nothing, but
    the older release does not find it."""
    for user in _international():
        key = _canonical(user.email).casefold()
        if op.get_bind().scalar(sa.select(USERS.c.id).where(USERS.c.email_key == key)) is None:
            _set_key(user, key)


def _international():
    """Return those whose address is not ASCII alone, the oldest first: all others have the same key in both ways."""
    few = sa.select(USERS).where(sa.text(IS_INTERNATIONAL[op.get_bind().dialect.name])).order_by(USERS.c.id)
    return op.get_bind().execute(few).all()


def _canonical(address):
    try:
        return validate_email(address, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        return unicodedata.normalize('NFC', address)


def _set_key(user, key):
    op.execute(USERS.update().where(USERS.c.id == user.id).values(email_key=key))
