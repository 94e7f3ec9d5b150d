"""The audit log, the latest first: what happened to whom, by whom, from where, and when."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import aliased

from webapp.database import DbSession
from webapp.keyset import Order, Page, Position, read_page
from webapp.models import AuditEvent, User

ORDER: Final = Order(AuditEvent.at, AuditEvent.id)
_Actor: Final = aliased(User)


@dataclass(frozen=True, slots=True)
class Listed:
    """An event, with the addresses that its user and its actor have now; None for those who are gone."""

    event: AuditEvent
    email: str | None
    actor_email: str | None


def find_events(
    db: DbSession,
    *,
    kind: str = "",
    user_id: int | None = None,
    actor_id: int | None = None,
    ip: str = "",
    session_id: str = "",
    since: date | None = None,
    until: date | None = None,
    position: Position,
    size: int,
) -> Page[Listed]:
    """Return a page of events; `since` and `until` are days in UTC, both included. Raises InvalidQuery."""
    given = {
        AuditEvent.kind: kind or None,
        AuditEvent.user_id: user_id,
        AuditEvent.actor_id: actor_id,
        AuditEvent.ip: ip or None,
        AuditEvent.session_id: session_id or None,
    }
    statement = (
        select(ORDER.by, ORDER.among_equals, AuditEvent, User.email, _Actor.email.label("actor_email"))
        .outerjoin(User, User.id == AuditEvent.user_id)
        .outerjoin(_Actor, _Actor.id == AuditEvent.actor_id)
        .where(*(column == value for column, value in given.items() if value is not None))
    )
    if since:
        statement = statement.where(AuditEvent.at >= _midnight(since))
    if until:
        statement = statement.where(AuditEvent.at < _midnight(until) + timedelta(days=1))
    make = lambda row: Listed(row.AuditEvent, row.email, row.actor_email)  # noqa: E731
    return read_page(db, statement, ORDER, position, size=size, make=make)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
