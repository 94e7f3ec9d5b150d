"""codes made at: recovery codes that were made anew can be taken back

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-29 20:50:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('recovery_codes', sa.Column('made_at', sa.DateTime(timezone=True), nullable=True))


def downgrade():
    op.drop_column('recovery_codes', 'made_at')
