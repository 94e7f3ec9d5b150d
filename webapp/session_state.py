"""A session's row joined with its user: the one read that every request with a token makes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import bindparam, or_, select, update

from webapp import metrics
from webapp.audit import Client
from webapp.committed_reads import CommittedRead
from webapp.config import Transport
from webapp.database import OUTAGES, DbSession, delete_in_batches, lock_rows
from webapp.errors import SessionEnded
from webapp.models import ACTIVITY_LENGTH, ADDRESS_LENGTH, AuthSession, SessionRefresh, User

SEEN_EVERY: Final = timedelta(minutes=1)
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


def note_seen(db: DbSession, session: SessionState, *, client: Client, now: datetime) -> None:
    """Write down when and from where the session was last used, at most once a minute; commits if it writes."""
    if now - session.last_seen_at < SEEN_EVERY:
        return
    which = (AuthSession.id == session.sid, AuthSession.last_seen_at <= now - SEEN_EVERY)
    with only_noted(db):
        db.execute(update(AuthSession).where(*which).values(_seen(client, now)))
        db.commit()


def note_refresh(
    db: DbSession,
    session: SessionState,
    method: Literal["silent", "manual"],
    *,
    client: Client,
    now: datetime,
    until: datetime | None = None,
) -> None:
    """Count that the session is given new tokens, and write it down, at most once a minute; commits if it writes.

    `until` is the end of the refresh token among them: by then it may come back though nothing was heard of it, and
    the row says so, to a minute."""
    metrics.count_refresh(method)
    is_due = session.refreshed_at is None or now - session.refreshed_at >= SEEN_EVERY
    moved = {"refresh_expires_at": until} if until is not None and until > session.refresh_expires_at else {}
    # Due or not: what was given out a moment ago may have been an access token alone.
    is_far = until is not None and until - session.refresh_expires_at > SEEN_EVERY
    if not is_due and not is_far:
        return
    this, generation = AuthSession.id == session.sid, None
    with only_noted(db):
        if is_due:
            # Conditional: of many at once, one is written down.
            is_due_still = or_(AuthSession.refreshed_at.is_(None), AuthSession.refreshed_at <= now - SEEN_EVERY)
            generation = db.scalar(
                update(AuthSession)
                .where(this, is_due_still)
                .values({**_seen(client, now), "refreshed_at": now, **moved})
                .returning(AuthSession.generation)
                .execution_options(synchronize_session=False)
            )
        if generation is not None:
            db.add(SessionRefresh(session_id=session.sid, at=now, method=method, generation=generation))
        elif is_far:
            db.execute(update(AuthSession).where(this, AuthSession.refresh_expires_at < until).values(moved))
        db.commit()


def purge_refreshes(db: DbSession, *, before: datetime) -> int:
    """Delete what was written down of refreshes before an instant; commits. Return how many."""
    return delete_in_batches(db, SessionRefresh.id, SessionRefresh.at < before)


def _seen(client: Client, now: datetime) -> dict[str, Any]:
    return {
        "last_seen_at": now,
        "ip": client.address[:ADDRESS_LENGTH],
        "activity": client.activity[:ACTIVITY_LENGTH],
    }


@contextmanager
def only_noted(db: DbSession) -> Iterator[None]:
    """Let the database fail to write down what no answer depends on."""
    try:
        yield
    except OUTAGES:
        # A database that cannot be written to can still answer: what is only noted must not refuse the request.
        db.rollback()
