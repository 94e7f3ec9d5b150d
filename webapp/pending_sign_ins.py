"""Sign-ins on a page that have shown the password and wait for the code: for five minutes, once, for nothing else."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy import select

from webapp import audit, mfa, one_time_tokens, passwords
from webapp.config import Settings
from webapp.database import DbSession
from webapp.errors import InvalidLink, TooManyAttempts
from webapp.known_devices import KnownDevice
from webapp.models import User
from webapp.one_time_tokens import Purpose


def begin(db: DbSession, *, user_id: int, client: audit.Client, now: datetime) -> str:
    """Return a token that stands for the password until the code comes; commits."""
    token = one_time_tokens.issue(db, Purpose.SECOND_FACTOR, user_id=user_id, now=now)
    mfa.note_asked(db, user_id=user_id, client=client, now=now)
    db.commit()
    return token


def finish(
    db: DbSession,
    settings: Settings,
    *,
    token: str,
    code: str,
    device: KnownDevice,
    client: audit.Client,
    now: datetime,
) -> int:
    """Return whose sign-in it is, for this code; both are used up; the caller opens the session and commits.

    Raises InvalidLink for a token that is too old or used, or whose user may not sign in, or has no password any more,
    InvalidCode, which leaves it as it is, and TooManyAttempts, which ends it."""
    user_id = one_time_tokens.owner(db, one_time_tokens.look(db, token, Purpose.SECOND_FACTOR, now=now)).id
    try:
        mfa.check_code(db, settings, user_id=user_id, code=code, device=device, client=client, now=now)
    except TooManyAttempts:
        db.rollback()
        # This one only: others may wait on devices that the user knows, and those count by themselves.
        with suppress(InvalidLink):
            one_time_tokens.spend(db, token, Purpose.SECOND_FACTOR, now=now)
        # Committed here: the refusal must not bring the token back.
        db.commit()
        raise
    one_time_tokens.spend(db, token, Purpose.SECOND_FACTOR, now=now)
    # Whoever has shut the password out meanwhile has ended what it began; the row is locked by now.
    if db.scalar(select(User.password_hash).where(User.id == user_id)) == passwords.NO_PASSWORD:
        raise InvalidLink
    return user_id
