"""confirmed on: by which host's clock a generation was confirmed

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-28 18:40:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade():
    column = sa.Column('confirmed_on', sa.String(length=64), server_default=sa.text("''"), nullable=False)
    op.add_column('auth_sessions', column)


def downgrade():
    op.drop_column('auth_sessions', 'confirmed_on')
