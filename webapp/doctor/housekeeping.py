"""Housekeeping: rows that have outlived their use, because nothing deletes them every day."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select

from webapp.database import DbSession
from webapp.doctor.findings import Finding, wrong
from webapp.models import AuditEvent, AuthSession, OneTimeToken

LATE: Final = timedelta(days=7)
EVENTS_AT_MOST: Final = timedelta(days=400)  # a year, and a month for whoever purges once a month


def examine(db: DbSession, *, now: datetime) -> Iterator[Finding]:
    tables: dict[str, type[AuthSession | OneTimeToken]] = {"sessions": AuthSession, "one-time tokens": OneTimeToken}
    counts = {
        name: select(func.count()).select_from(table).where(table.expires_at < now - LATE)
        for name, table in tables.items()
    }
    old = {name: db.scalar(count) for name, count in counts.items()}
    if any(old.values()):
        named = " and ".join(f"{count} {name}" for name, count in old.items() if count)
        message = f"{named} ended more than a week ago and are kept"
        yield wrong("sessions-unpurged", f"{message}: run flask --app wsgi sessions purge every day")
    events = db.scalar(select(func.count(AuditEvent.id)).where(AuditEvent.at < now - EVENTS_AT_MOST))
    if events:
        message = f"{events} events are older than {EVENTS_AT_MOST.days} days"
        yield wrong("events-unpurged", f"{message}: run flask --app wsgi events purge every week")
