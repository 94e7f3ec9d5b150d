"""One-time tokens: 256 random bits that open one thing once; the database knows their SHA-256 only."""

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, ScalarSelect, bindparam, select, update

from webapp.database import DbSession, delete_in_batches, lock_rows, table_of
from webapp.errors import InvalidLink
from webapp.models import OneTimeToken, User

_BYTES: Final = 32
_rows: Final = table_of(OneTimeToken)


class Purpose(StrEnum):
    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a purpose
    CHANGE_EMAIL = "change_email"
    CHANGE_ASKED = "change_asked"  # opens nothing: see email_change.py
    UNDO_EMAIL_CHANGE = "undo_email_change"
    DISOWN_SIGN_IN = "disown_sign_in"
    SECOND_FACTOR = "second_factor"
    PASSKEY_CREATION = "passkey_creation"
    PASSKEY_SIGN_IN = "passkey_sign_in"


LIFETIMES: Final = {
    Purpose.VERIFY_EMAIL: timedelta(hours=1),
    Purpose.RESET_PASSWORD: timedelta(hours=1),
    Purpose.CHANGE_EMAIL: timedelta(hours=1),
    Purpose.CHANGE_ASKED: timedelta(hours=1),
    # Remedies: whoever reads the mail after a holiday needs them still.
    Purpose.UNDO_EMAIL_CHANGE: timedelta(days=7),
    Purpose.DISOWN_SIGN_IN: timedelta(days=7),
    Purpose.SECOND_FACTOR: timedelta(minutes=5),
    Purpose.PASSKEY_CREATION: timedelta(minutes=5),
    Purpose.PASSKEY_SIGN_IN: timedelta(minutes=5),
}


def issue(
    db: DbSession,
    purpose: Purpose,
    *,
    user_id: int | None,
    now: datetime,
    email: str | None = None,
    session_id: str | None = None,
    since: datetime | None = None,
) -> str:
    """Return a new token, bound to its purpose, user, address and session; the caller commits.

    `since` is, for a remedy, when that happened which it undoes."""
    token = secrets.token_urlsafe(_BYTES)
    db.add(
        OneTimeToken(
            digest=_digest(token),
            purpose=purpose,
            user_id=user_id,
            email=email,
            session_id=session_id,
            since=since,
            created_at=now,
            expires_at=now + LIFETIMES[purpose],
        )
    )
    return token


def look(db: DbSession, token: str, *purposes: Purpose, now: datetime) -> OneTimeToken:
    """Return the row of a token that still opens something, and leave it so. Raises InvalidLink otherwise."""
    found = db.scalar(select(OneTimeToken).where(*_is_open(token, purposes, now)))
    if found is None:
        raise InvalidLink
    return found


def find(db: DbSession, token: str, *purposes: Purpose) -> OneTimeToken | None:
    """Return the row of a token that may open nothing any more, or None if there is none, or none any more."""
    which = (OneTimeToken.digest == _digest(token), OneTimeToken.purpose.in_(purposes))
    return db.scalar(select(OneTimeToken).where(*which))


def spend(db: DbSession, token: str, *purposes: Purpose, now: datetime) -> OneTimeToken:
    """Return the row of a token and use it up; the caller commits. Raises InvalidLink for whoever comes second."""
    owner = select(OneTimeToken.user_id).where(OneTimeToken.digest == _digest(token))
    lock_owner(db, owner.scalar_subquery())
    # One conditional UPDATE: of twenty at once, one finds the token unused.
    spent = db.scalar(
        update(OneTimeToken)
        .where(*_is_open(token, purposes, now))
        .values(used_at=now)
        .returning(OneTimeToken)
        .execution_options(synchronize_session=False)
    )
    if spent is None:
        raise InvalidLink
    return spent


def owner(db: DbSession, row: OneTimeToken) -> User:
    """Return the user of a token that was sent to the address they still have. Raises InvalidLink."""
    user = db.scalar(select(User).where(User.id == row.user_id, User.is_active))
    if user is None or (row.email is not None and row.email != user.email):
        raise InvalidLink
    return user


def lock_owner(db: DbSession, user_id: int | ScalarSelect[int | None]) -> None:
    """Lock the user's row for this transaction: always before rows of tokens, so that nobody waits in a circle."""
    lock_rows(db, User.is_active, User.id == user_id)


_cancel: Final = (
    update(_rows)
    .where(_rows.c.user_id == bindparam("owner"), _rows.c.purpose.in_(bindparam("purposes", expanding=True)))
    .where(_rows.c.used_at.is_(None))
    .values(used_at=bindparam("at"))
)
_cancel_later: Final = _cancel.where(_rows.c.since > bindparam("after"))


def cancel(db: DbSession, *purposes: Purpose, user_id: int, now: datetime, after: datetime | None = None) -> None:
    """Make every unused token of the user for these purposes useless, or the remedies alone of what happened after an
    instant; the caller commits."""
    which = {"owner": user_id, "purposes": purposes, "at": now}
    if after is None:
        db.execute(_cancel, which)
    else:
        db.execute(_cancel_later, {**which, "after": after})


def purge(db: DbSession, *, now: datetime) -> int:
    """Delete the rows of expired tokens; commits. Return how many."""
    return delete_in_batches(db, OneTimeToken.id, OneTimeToken.expires_at <= now)


def _is_open(token: str, purposes: tuple[Purpose, ...], now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        OneTimeToken.digest == _digest(token),
        OneTimeToken.purpose.in_(purposes),
        OneTimeToken.used_at.is_(None),
        OneTimeToken.expires_at > now,
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
