"""How things stand now, for Prometheus: read anew each time it asks."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from webapp.config import Settings
from webapp.database import DbSession
from webapp.devices import is_active
from webapp.metrics import Gauges
from webapp.models import AuthSession, OutboxMail


def read(db: DbSession, settings: Settings, *, now: datetime) -> Gauges | None:
    """Return the gauges, or None if the database does not answer, or holds no tables of ours."""
    columns = (
        select(func.count()).select_from(AuthSession).where(is_active(settings, now=now)),
        select(func.count()).select_from(OutboxMail).where(OutboxMail.failed_at.is_(None)),
        select(func.count()).select_from(OutboxMail).where(OutboxMail.failed_at.is_not(None)),
    )
    try:
        row = db.execute(select(*(column.scalar_subquery() for column in columns))).one()
    except SQLAlchemyError:
        # No more than a figure is missing: whoever watches must hear of it, and of all that goes on beside it.
        db.rollback()
        return None
    return Gauges(*map(int, row))
