"""The password again, before something risky (sudo mode)."""

from datetime import datetime

from sqlalchemy import select, update

from webapp import audit, passwords, session_state
from webapp.addresses import account_key
from webapp.authentication import check_throttle, has_still
from webapp.config import Settings
from webapp.database import DbSession, lock_rows
from webapp.errors import InvalidFields, SessionEnded
from webapp.models import AuthSession, User


def confirm_password(
    db: DbSession,
    settings: Settings,
    *,
    user_id: int,
    sid: str,
    password: str,
    client: audit.Client,
    now: datetime,
    field: str = "password",
) -> str:
    """Return the stored hash that the password of the signed-in user was compared with. Raises InvalidFields for
    `field`, SessionEnded with an account that was deleted meanwhile, and TooManyAttempts after ten failures of this
    session within five minutes: others who are in, or at the sign-in page, cannot keep the owner from what is risky.

    Nothing is locked afterwards: who writes calls `hold` first."""
    kind, counted_as = audit.Kind.REAUTHENTICATION_FAILED, account_key(f"session {sid}")
    check_throttle(db, settings, kind, counted_as, now=now)
    stored = db.scalar(select(User.password_hash).where(User.id == user_id))
    db.rollback()
    if stored is None:
        raise SessionEnded  # with the account, which was deleted meanwhile
    is_right = passwords.verify_password(stored, password)
    # Locked and counted again, as at the sign-in.
    lock_rows(db, User.is_active, User.id == user_id)
    check_throttle(db, settings, kind, counted_as, now=now)
    if is_right and db.scalar(select(User.password_hash).where(User.id == user_id)) != stored:
        # Changed, or only hashed anew, while this one was compared: what is stored now decides.
        db.rollback()
        who = {"user_id": user_id, "sid": sid, "client": client, "now": now}
        return confirm_password(db, settings, password=password, field=field, **who)  # type: ignore[arg-type]
    if not is_right:
        audit.record(db, kind, client=client, now=now, user_id=user_id, actor_id=user_id, account_key=counted_as)
        # Committed here: the refusal must not undo the count of failures.
        db.commit()
        raise InvalidFields({field: ["That is not your password."]})
    db.rollback()  # lets the row go: what the caller does next may lock others before it
    return stored


def hold(db: DbSession, *, user_id: int, sid: str, stored: str, field: str = "password") -> None:
    """Let what `confirm_password` has found stay so until the caller's commit: the password, and that its session is
    in. Raises SessionEnded and InvalidFields if it is not so any more: whoever ended it comes first."""
    is_same = has_still(db, user_id=user_id, password_hash=stored)
    session_state.lock_unended(db, sid)
    if not is_same:
        db.rollback()
        raise InvalidFields({field: ["Your password was changed meanwhile."]})


def reauthenticate(
    db: DbSession, settings: Settings, *, sid: str, user_id: int, password: str, client: audit.Client, now: datetime
) -> None:
    """Make the session as fresh as a sign-in, for `session_state.FRESH_FOR`; commits. Raises as confirm_password and
    hold."""
    own = {"user_id": user_id, "sid": sid}
    stored = confirm_password(db, settings, **own, password=password, client=client, now=now)  # type: ignore[arg-type]
    hold(db, **own, stored=stored)  # type: ignore[arg-type]
    _freshen(db, sid=sid, user_id=user_id, client=client, now=now)
    db.commit()


def _freshen(db: DbSession, *, sid: str, user_id: int, client: audit.Client, now: datetime) -> None:
    """Note that the session's user has just proved to be there; the caller commits."""
    db.execute(
        update(AuthSession)
        .where(AuthSession.id == sid, AuthSession.revoked_at.is_(None))
        .values(authenticated_at=now)
        .execution_options(synchronize_session=False)
    )
    kind = audit.Kind.REAUTHENTICATED
    audit.record(db, kind, client=client, now=now, user_id=user_id, actor_id=user_id, session_id=sid)
