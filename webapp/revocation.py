"""Ending sessions: a conditional UPDATE of the row, with its audit event in the same transaction.

What is ended here is dead at its next request on every worker and host, since each request reads the row."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, select, update

from webapp import audit, outbox
from webapp.clock import HOSTS_APART
from webapp.database import OUTAGES, PURGE_BATCH, DbSession, delete_in_batches, lock_rows
from webapp.models import AuditEvent, AuthSession
from webapp.session_notes import only_noted
from webapp.session_state import SessionState, lock_own


class EndReason(StrEnum):
    SIGNED_OUT = "signed_out"
    EXPIRED = "expired"
    ENDED_BY_USER = "ended_by_user"
    ENDED_BY_OPERATOR = "ended_by_operator"
    REUSE = "reuse"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of a reason
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of a reason
    SECOND_FACTOR_ADDED = "second_factor_added"
    DISOWNED = "disowned"
    EMAIL_CHANGE_UNDONE = "email_change_undone"
    DEACTIVATED = "deactivated"


def end_sessions(
    db: DbSession,
    *which: ColumnElement[bool],
    reason: EndReason,
    actor_id: int | None,
    client: audit.Client,
    now: datetime,
) -> list[str]:
    """End every session that meets the conditions and is not ended yet; the caller commits. Return their ids."""
    ended = db.execute(
        update(AuthSession)
        .where(*which, AuthSession.revoked_at.is_(None))
        .values(revoked_at=now, revoked_reason=reason)
        .returning(AuthSession.id, AuthSession.user_id)
        .execution_options(synchronize_session=False)
    ).all()
    whose = [{"user_id": user_id, "session_id": sid} for sid, user_id in ended]
    who = {"client": client, "now": now, "actor_id": actor_id}
    audit.record_each(db, audit.Kind.SESSION_REVOKED, whose, **who, reason=reason)  # type: ignore[arg-type]
    return [sid for sid, _ in ended]


def end_by_operator(
    db: DbSession, *which: ColumnElement[bool], client: audit.Client, now: datetime, batch: int = PURGE_BATCH
) -> int:
    """End every live session that meets the conditions, `batch` a commit, as the command line asks. Return how many.

    All at once, a million would take longer than a statement may, and keep everybody else waiting meanwhile."""
    total, last = 0, ""
    is_left = (*which, _may_be_let_in(now), AuthSession.revoked_at.is_(None))
    # By key: what has been ended is not looked at again.
    while sids := db.scalars(
        select(AuthSession.id).where(*is_left, AuthSession.id > last).order_by(AuthSession.id).limit(batch)
    ).all():
        total += _end_some(db, sids, client=client, now=now)
        last = sids[-1]
    return total


def _end_some(db: DbSession, sids: Sequence[str], *, client: audit.Client, now: datetime, attempts: int = 3) -> int:
    """End these sessions; commits. Return how many were not ended yet.

    Tried again if somebody was in the way: who keeps one session and ends others may have held one of these, and have
    waited for another. What is asked for in an emergency must not stop half-way."""
    which, reason = AuthSession.id.in_(sids), EndReason.ENDED_BY_OPERATOR
    try:
        ended = end_sessions(db, which, reason=reason, actor_id=None, client=client, now=now)
        db.commit()
    except OUTAGES:
        db.rollback()
        if attempts == 1:
            raise
        return _end_some(db, sids, client=client, now=now, attempts=attempts - 1)
    return len(ended)


def sign_out(db: DbSession, *, sid: str, user_id: int, client: audit.Client, now: datetime) -> None:
    """End the user's own session; commits. Ending one that has ended, or never was, is no error."""
    _end_own(db, AuthSession.id == sid, EndReason.SIGNED_OUT, user_id=user_id, client=client, now=now)


def end_own_session(
    db: DbSession, *, sid: str, asked_by: str, user_id: int, client: audit.Client, now: datetime
) -> bool:
    """End one of the user's sessions from the device list; commits. Return whether there was one to end.

    Who ends the one that asks signs out. Raises SessionEnded if the session `asked_by` was ended meanwhile: it must not
    end its owner's."""
    lock_own(db, user_id=user_id, sid=asked_by)
    which = and_(AuthSession.id == sid, _may_be_let_in(now))
    reason = EndReason.SIGNED_OUT if sid == asked_by else EndReason.ENDED_BY_USER
    return _end_own(db, which, reason, user_id=user_id, client=client, now=now) == 1


def end_other_sessions(db: DbSession, *, keep_sid: str, user_id: int, client: audit.Client, now: datetime) -> int:
    """End all of the user's live sessions but one; commits. Return how many were ended. Raises SessionEnded if the one
    was ended meanwhile: it must not end its owner's."""
    lock_own(db, user_id=user_id, sid=keep_sid)
    which = and_(AuthSession.id != keep_sid, _may_be_let_in(now))
    return _end_own(db, which, EndReason.ENDED_BY_USER, user_id=user_id, client=client, now=now)


def end_all_of(
    db: DbSession,
    *,
    user_id: int,
    actor_id: int | None,
    reason: EndReason,
    client: audit.Client,
    now: datetime,
    but: str | None = None,
) -> list[str]:
    """End all of the user's live sessions, `but` one if it is named; the caller commits. Return their ids."""
    which = [AuthSession.user_id == user_id, _may_be_let_in(now)]
    if but is not None:
        which.append(AuthSession.id != but)
    return end_sessions(db, *which, reason=reason, actor_id=actor_id, client=client, now=now)


def _may_be_let_in(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a session is not past its absolute end, by the clock of any host."""
    return AuthSession.expires_at > now - HOSTS_APART


def _end_own(
    db: DbSession,
    which: ColumnElement[bool],
    reason: EndReason,
    *,
    user_id: int,
    client: audit.Client,
    now: datetime,
) -> int:
    is_own = AuthSession.user_id == user_id
    ended = end_sessions(db, which, is_own, reason=reason, actor_id=user_id, client=client, now=now)
    db.commit()
    return len(ended)


def note_expired(db: DbSession, *, sid: str, client: audit.Client, now: datetime) -> None:
    """Write down that a session is past its absolute end, of which an expired token has come; commits.

    Without it a clock that went ahead and was set back would bring to life what its owner has been told is over."""
    with only_noted(db):
        # Read first: a write that changes nothing would make other writers of SQLite wait.
        is_unwritten = (AuthSession.revoked_at.is_(None), AuthSession.expires_at <= now)
        if db.scalar(select(AuthSession.id).where(AuthSession.id == sid, *is_unwritten)) is not None:
            which = (AuthSession.id == sid, *is_unwritten)
            end_sessions(db, *which, reason=EndReason.EXPIRED, actor_id=None, client=client, now=now)
        db.commit()  # if nothing was written, it hands the connection back


def end_for_reuse(db: DbSession, session: SessionState, *, client: audit.Client, now: datetime) -> None:
    """End a session whose superseded token came back, and raise the alarm, once however often it comes; commits."""
    # The row is locked first, so that of many replays at once one finds the alarm unwritten.
    lock_rows(db, AuthSession.revoked_reason, AuthSession.id == session.sid)
    end_sessions(db, AuthSession.id == session.sid, reason=EndReason.REUSE, actor_id=None, client=client, now=now)
    alarm = select(AuditEvent.id).where(
        AuditEvent.session_id == session.sid, AuditEvent.kind == audit.Kind.REFRESH_REUSE
    )
    if db.scalar(alarm) is None:
        audit.record(
            db, audit.Kind.REFRESH_REUSE, client=client, now=now, user_id=session.user.id, session_id=session.sid
        )
        outbox.enqueue(db, outbox.MailKind.TOKEN_REUSED, user_id=session.user.id, now=now, session_id=session.sid)
    # Committed here: the error raised next must not roll the revocation back.
    db.commit()


def purge(db: DbSession, *, now: datetime, batch: int = PURGE_BATCH) -> int:
    """Delete the rows of sessions past their absolute end, `batch` rows a commit. Return how many.

    Rows of ended sessions stay until then, so that a superseded token that comes back late is known as such."""
    return delete_in_batches(db, AuthSession.id, AuthSession.expires_at <= now, batch=batch)
