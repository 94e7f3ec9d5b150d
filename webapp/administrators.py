"""Who administers, and who is let in at all; there always is an administrator who stays."""

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute

from webapp import audit, one_time_tokens
from webapp.database import DbSession, lock_in_order, lock_rows
from webapp.errors import LastAdministrator
from webapp.models import User
from webapp.one_time_tokens import Purpose
from webapp.revocation import EndReason, end_all_of

# In the words of the index of administrators, or SQLite would read all users: see models.User.
IS_ADMINISTRATOR: Final = User.is_admin.is_(True)
# Links that wait in somebody's mailbox must not outlive the account they were sent for.
_LINKS = (Purpose.RESET_PASSWORD, Purpose.SECOND_FACTOR, Purpose.VERIFY_EMAIL, Purpose.CHANGE_EMAIL)


def lock(db: DbSession) -> None:
    """Let others who would take an administrator away wait: of two at once, the second sees what the first left."""
    lock_in_order(db, User.id, User.is_active, IS_ADMINISTRATOR)


def may_go(user_id: int) -> ColumnElement[bool]:
    """Return the condition that the account is no administrator's, or that another active administrator stays."""
    others = select(User.id).where(IS_ADMINISTRATOR, User.is_active, User.id != user_id)
    return or_(~User.is_admin, exists(others.correlate(None)))


def is_last(db: DbSession, *, user_id: int) -> bool:
    """Whether the account has to stay, as things are: whoever takes it away asks again, by `may_go`."""
    return db.scalar(select(User.id).where(User.id == user_id, ~may_go(user_id))) is not None


def promote(db: DbSession, *, user_id: int, actor_id: int | None, client: audit.Client, now: datetime) -> bool:
    """Make a user an administrator, unless they are let in no more; commits. Return whether they were none."""
    is_changed = _change(db, (User.id == user_id) & ~User.is_admin & User.is_active, {"is_admin": True})
    if is_changed:
        audit.record(db, audit.Kind.USER_PROMOTED, client=client, now=now, user_id=user_id, actor_id=actor_id)
    db.commit()
    return is_changed


def demote(db: DbSession, *, user_id: int, actor_id: int | None, client: audit.Client, now: datetime) -> bool:
    """Take an administrator's rights away, from the next request on; commits. Return whether they were one.

    Raises LastAdministrator."""
    who = {"user_id": user_id, "actor_id": actor_id, "client": client, "now": now}
    is_changed = _take_or_refuse(db, User.is_admin, audit.Kind.USER_DEMOTED, **who)  # type: ignore[arg-type]
    db.commit()
    return is_changed


def deactivate(db: DbSession, *, user_id: int, actor_id: int | None, client: audit.Client, now: datetime) -> bool:
    """Let a user in no more: every session ends, and links that were mailed open nothing; commits. Return whether they
    were let in.

    Raises LastAdministrator."""
    who = {"user_id": user_id, "actor_id": actor_id, "client": client, "now": now}
    is_changed = _take_or_refuse(db, User.is_active, audit.Kind.USER_DEACTIVATED, **who)  # type: ignore[arg-type]
    end_all_of(db, reason=EndReason.DEACTIVATED, **who)  # type: ignore[arg-type]
    one_time_tokens.cancel(db, *_LINKS, user_id=user_id, now=now)
    db.commit()
    return is_changed


def activate(db: DbSession, *, user_id: int, actor_id: int | None, client: audit.Client, now: datetime) -> bool:
    """Let a user in again, who signs in anew; commits. Return whether they were kept out."""
    is_changed = _change(db, (User.id == user_id) & ~User.is_active, {"is_active": True})
    if is_changed:
        audit.record(db, audit.Kind.USER_ACTIVATED, client=client, now=now, user_id=user_id, actor_id=actor_id)
    db.commit()
    return is_changed


def _take_or_refuse(
    db: DbSession,
    column: InstrumentedAttribute[bool],
    kind: audit.Kind,
    *,
    user_id: int,
    actor_id: int | None,
    client: audit.Client,
    now: datetime,
) -> bool:
    """Set a column of the row to false unless the last administrator would go, which is written down; the caller
    commits. Return whether it was true."""
    lock(db)
    if not any(lock_rows(db, column, User.id == user_id)):
        return False
    is_changed = _change(db, (User.id == user_id) & may_go(user_id), {column.key: False})
    refusal = {} if is_changed else {"refused": LastAdministrator.code}
    audit.record(db, kind, client=client, now=now, user_id=user_id, actor_id=actor_id, **refusal)
    if not is_changed:
        # Committed here: what was tried stays written down.
        db.commit()
        raise LastAdministrator
    return True


def _change(db: DbSession, which: ColumnElement[bool], values: dict[str, bool]) -> bool:
    changed = update(User).where(which).values(**values).returning(User.id)
    return db.scalar(changed.execution_options(synchronize_session=False)) is not None
