"""The figures of the dashboard: how many, how often by day, which alarms, and whether the parts work."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from alembic.migration import MigrationContext
from sqlalchemy import ColumnElement, ScalarSelect, func, select

from webapp import audit
from webapp.config import Settings
from webapp.database import Base, DbSession
from webapp.devices import is_active
from webapp.models import AuditEvent, AuthSession, OutboxMail, SessionRefresh, User
from webapp.version import VERSION

DAYS: Final = 14
DAY: Final = timedelta(days=1)
FAILURES: Final = (audit.Kind.SIGN_IN_FAILED, audit.Kind.CODE_FAILED)


@dataclass(frozen=True, slots=True)
class Figures:
    """How many there are now, and how many there were within the last 24 hours."""

    users: int
    active_sessions: int
    sign_ins: int
    failures: int
    wrong_codes: int  # of whom the password was right
    alarms: int


@dataclass(frozen=True, slots=True)
class Series:
    """A number for each day (UTC), the oldest first."""

    name: str
    counts: list[int]


@dataclass(frozen=True, slots=True)
class Chart:
    """Two series over the same days, of which the last is today, still growing."""

    days: list[date]
    series: tuple[Series, Series]


@dataclass(frozen=True, slots=True)
class Health:
    """What the parts say of themselves: database engine, migration, mails that wait and that failed, version."""

    database: str
    migration: str
    mails_waiting: int
    mails_failed: int
    version: str


def count_now(db: DbSession, settings: Settings, *, now: datetime) -> Figures:
    """Return the figures at the top of the dashboard, in one read."""
    row = db.execute(
        select(
            _count(User),
            _count(AuthSession, is_active(settings, now=now)),
            *(
                _count(AuditEvent, AuditEvent.kind == kind, AuditEvent.at > now - DAY)
                for kind in (audit.Kind.SIGN_IN, *FAILURES, audit.Kind.REFRESH_REUSE)
            ),
        )
    ).one()
    return Figures(*map(int, row))


def sign_ins_by_day(db: DbSession, *, now: datetime) -> Chart:
    """Return how many sign-ins succeeded, and how many failed by the password or the code, on each of the last fourteen
    days."""
    which = {"Sign-ins": AuditEvent.kind == audit.Kind.SIGN_IN, "Failures": AuditEvent.kind.in_(FAILURES)}
    return _chart(db, AuditEvent, which, now=now)


def refreshes_by_day(db: DbSession, *, now: datetime) -> Chart:
    """Return how many sessions were given new tokens silently and by hand, on each of the last fourteen days."""
    methods = {"Silent": "silent", "Manual": "manual"}
    which = {name: SessionRefresh.method == method for name, method in methods.items()}
    return _chart(db, SessionRefresh, which, now=now)


def examine(db: DbSession) -> Health:
    """Return how the parts are."""
    waiting = _count(OutboxMail, OutboxMail.failed_at.is_(None))
    failed = _count(OutboxMail, OutboxMail.failed_at.is_not(None))
    mails_waiting, mails_failed = db.execute(select(waiting, failed)).one()
    migration = MigrationContext.configure(db.connection()).get_current_revision() or "none"
    return Health(db.get_bind().dialect.name, migration, mails_waiting, mails_failed, VERSION)


def _chart(
    db: DbSession,
    model: type[AuditEvent] | type[SessionRefresh],
    which: dict[str, ColumnElement[bool]],
    *,
    now: datetime,
) -> Chart:
    """Count by day: one small range of an index for each column of the chart, all in one read."""
    days = [now.date() - timedelta(days=back) for back in reversed(range(DAYS))]
    starts = [datetime.combine(day, time.min, UTC) for day in days]
    counts = [
        _count(model, condition, model.at >= start, model.at < start + DAY)
        for condition in which.values()
        for start in starts
    ]
    row = list(db.execute(select(*counts)).one())
    first, second = (Series(name, row[at : at + DAYS]) for name, at in zip(which, (0, DAYS), strict=True))
    return Chart(days, (first, second))


def _count(model: type[Base], *which: ColumnElement[bool]) -> ScalarSelect[int]:
    # Rows, not values of a column: so an index answers alone.
    return select(func.count()).select_from(model).where(*which).scalar_subquery()
