"""Deleting an account, by its owner or by an operator who was asked to: its sessions, keys and codes go with it, and
what the audit log says of it stays."""

from datetime import datetime

from sqlalchemy import delete, select

from webapp import administrators, audit, outbox, reauthentication
from webapp.config import Settings
from webapp.database import DbSession
from webapp.errors import LastAdministrator
from webapp.models import User
from webapp.outbox import MailKind


def close(
    db: DbSession, settings: Settings, *, user_id: int, sid: str, password: str, client: audit.Client, now: datetime
) -> None:
    """Delete one's own account; commits.

    Raises InvalidFields for a wrong password, TooManyAttempts, LastAdministrator, and SessionEnded if the session `sid`
    was ended meanwhile."""
    own = {"user_id": user_id, "sid": sid}
    stored = reauthentication.confirm_password(db, settings, **own, password=password, client=client, now=now)  # type: ignore[arg-type]
    administrators.lock(db)
    reauthentication.hold(db, **own, stored=stored)  # type: ignore[arg-type]
    _delete(db, user_id=user_id, actor_id=user_id, client=client, now=now)


def remove(db: DbSession, *, user_id: int, actor_id: int | None, client: audit.Client, now: datetime) -> None:
    """Delete an account as its owner could, for who has asked an operator to; commits. Raises LastAdministrator."""
    administrators.lock(db)
    _delete(db, user_id=user_id, actor_id=actor_id, client=client, now=now)


def _delete(db: DbSession, *, user_id: int, actor_id: int | None, client: audit.Client, now: datetime) -> None:
    # One that was never proved may be a stranger's, who has no account and is not told of this one.
    proved = db.scalar(select(User.email).where(User.id == user_id, User.email_verified))
    deleted = db.scalar(
        delete(User)
        .where(User.id == user_id, administrators.may_go(user_id))
        .returning(User.id)
        .execution_options(synchronize_session=False)
    )
    if deleted is None:
        db.rollback()
        raise LastAdministrator
    audit.record(db, audit.Kind.ACCOUNT_DELETED, client=client, now=now, user_id=user_id, actor_id=actor_id)
    if proved is not None:
        outbox.enqueue(db, MailKind.ACCOUNT_DELETED, user_id=None, now=now, address=proved)
    db.commit()
