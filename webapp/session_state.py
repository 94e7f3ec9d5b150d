"""A session's row joined with its user: the one read that every request with a token makes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, select

from webapp.committed_reads import CommittedRead
from webapp.config import Transport
from webapp.database import DbSession, lock_rows
from webapp.errors import SessionEnded
from webapp.models import AuthSession, User

FRESH_FOR: Final = timedelta(minutes=15)  # how long after a sign-in or the password risky actions are open


@dataclass(frozen=True, slots=True)
class SessionUser:
    """The user of a session, as the joined read found them."""

    id: int
    email: str
    first_name: str
    last_name: str
    email_verified: bool
    is_admin: bool
    is_active: bool
    created_at: datetime
    totp_enabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class SessionState:
    """What the row says at the moment of the read; all instants aware UTC."""

    sid: str
    transport: Transport
    remember: bool
    generation: int
    confirmed_at: datetime
    confirmed_on: str
    authenticated_at: datetime
    last_seen_at: datetime
    refreshed_at: datetime | None
    refresh_expires_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    revoked_reason: str | None
    user: SessionUser

    def is_live(self, now: datetime) -> bool:
        """Whether the session opens anything: not revoked, before its absolute end, its user active."""
        return self.revoked_at is None and now < self.expires_at and self.user.is_active

    def is_fresh(self, now: datetime) -> bool:
        """Whether the user has proved to be there lately; silent and manual refresh prove nothing."""
        return now < self.authenticated_at + FRESH_FOR

    def require_live(self, now: datetime) -> None:
        """Raise SessionEnded, with the reason the row gives, unless the session is live."""
        if not self.is_live(now):
            raise SessionEnded(self.revoked_reason)


_SESSION_COLUMNS: Final = (
    AuthSession.id,
    AuthSession.transport,
    AuthSession.remember,
    AuthSession.generation,
    AuthSession.confirmed_at,
    AuthSession.confirmed_on,
    AuthSession.authenticated_at,
    AuthSession.last_seen_at,
    AuthSession.refreshed_at,
    AuthSession.refresh_expires_at,
    AuthSession.expires_at,
    AuthSession.revoked_at,
    AuthSession.revoked_reason,
)
_USER_COLUMNS: Final = (
    User.id,
    User.email,
    User.first_name,
    User.last_name,
    User.email_verified,
    User.is_admin,
    User.is_active,
    User.created_at,
    User.totp_enabled_at,
)
_session_with_user: Final = CommittedRead(
    select(*_SESSION_COLUMNS, *_USER_COLUMNS)
    .join(User, User.id == AuthSession.user_id)
    .where(AuthSession.id == bindparam("sid"), AuthSession.user_id == bindparam("user_id"))
)


def find(sid: str, user_id: int) -> SessionState:
    """Return the session, live or not, as it is committed. Raises SessionEnded if that user has no such session."""
    row = _session_with_user.first(sid=sid, user_id=user_id)
    if row is None:
        raise SessionEnded
    split = len(_SESSION_COLUMNS)
    return SessionState(*row[:split], user=SessionUser(*row[split:]))  # type: ignore[misc]  # a row has no types


def user_of_session(db: DbSession, user_id: int) -> User:
    """Return the row of the user whose session was let in. Raises SessionEnded if the account was deleted since."""
    user = db.get(User, user_id)
    if user is None:
        raise SessionEnded
    return user


def begun_at(db: DbSession, sid: str) -> datetime:
    """Return when the session was signed in to. Raises SessionEnded if it was forgotten since."""
    instant = db.scalar(select(AuthSession.created_at).where(AuthSession.id == sid))
    if instant is None:
        raise SessionEnded
    return instant


def lock_unended(db: DbSession, sid: str) -> None:
    """Let the session stay as it is until the caller's commit. Raises SessionEnded, after a rollback, if it was ended:
    meanwhile, while what it had asked for took long."""
    _require_unended(db, lock_rows(db, AuthSession.revoked_reason, AuthSession.id == sid))


def lock_own(db: DbSession, *, user_id: int, sid: str) -> None:
    """Lock the user's row and then the session, for what it has asked for. Raises SessionEnded as lock_unended does:
    it waits for who puts it out, and must not go on after them."""
    lock_rows(db, User.is_active, User.id == user_id)
    lock_unended(db, sid)


def check_unended(db: DbSession, sid: str) -> None:
    """As lock_unended, but the session may end before the caller's commit: for who goes on to lock others' sessions,
    whose owners might wait for this one meanwhile."""
    _require_unended(db, db.scalars(select(AuthSession.revoked_reason).where(AuthSession.id == sid)).all())


def _require_unended(db: DbSession, reasons: Sequence[str | None]) -> None:
    if list(reasons) != [None]:
        db.rollback()
        raise SessionEnded(reasons[0] if reasons else None)
