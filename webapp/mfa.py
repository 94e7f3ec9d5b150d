"""The second factor: codes by time (TOTP, RFC 6238; pyotp), with recovery codes for when the device is lost.

The seed is sealed at rest. A code is taken once: the row keeps the last time step whose code was taken, and moves on by
a conditional UPDATE, so that of twenty sign-ins with one code one succeeds."""

import hmac
import re
from datetime import datetime
from typing import Final

import pyotp
from sqlalchemy import select, update

from webapp import audit, recovery_codes, throttle
from webapp.addresses import account_key
from webapp.config import Settings
from webapp.database import DbSession
from webapp.errors import InvalidCode
from webapp.models import User
from webapp.sealing import unseal

STEP_SECONDS: Final = 30
_SIX_DIGITS: Final = re.compile(r"[0-9]{6}", re.ASCII)


def check_code(
    db: DbSession, settings: Settings, *, user_id: int, code: str, client: audit.Client, now: datetime
) -> None:
    """Return if `code` is a code of the user's device or a recovery code, and use it up; the caller commits.

    Raises InvalidCode, and TooManyAttempts after five failures in five minutes, twenty in an hour, fifty in a day,
    counted per user over all sessions and addresses."""
    is_totp = _SIX_DIGITS.fullmatch(_compact(code)) is not None
    if is_totp:
        # The row is locked first, so that of many guesses at once each is counted before the next.
        db.execute(update(User).where(User.id == user_id).values(totp_last_step=User.totp_last_step))
    check_throttle(db, settings, user_id, now=now)
    if is_totp:
        is_taken = _take_totp(db, settings, user_id, code, now=now)
    else:
        is_taken = recovery_codes.take(db, user_id=user_id, code=code, client=client, now=now)
    if not is_taken:
        note_failure(db, user_id, client=client, now=now)
        raise InvalidCode


def _take_totp(db: DbSession, settings: Settings, user_id: int, code: str, *, now: datetime) -> bool:
    seed = db.scalar(select(User.totp_seed).where(User.id == user_id, User.totp_enabled_at.is_not(None)))
    step = matching_step(unseal(settings, seed), code, now=now) if seed else None
    if step is None:
        return False
    taken = db.scalar(
        update(User)
        .where(User.id == user_id, User.totp_enabled_at.is_not(None), User.totp_last_step < step)
        .values(totp_last_step=step)
        .returning(User.id)
        .execution_options(synchronize_session=False)
    )
    return taken is not None


def matching_step(secret: str, code: str, *, now: datetime) -> int | None:
    """Return the time step whose code this is, of the present one and its two neighbours, or None."""
    totp, present = pyotp.TOTP(secret, interval=STEP_SECONDS), int(now.timestamp()) // STEP_SECONDS
    given = _compact(code).encode()
    steps = (present - 1, present, present + 1)
    return next((step for step in steps if hmac.compare_digest(totp.generate_otp(step).encode(), given)), None)


def check_throttle(db: DbSession, settings: Settings, user_id: int, *, now: datetime) -> None:
    if settings.ratelimit_enabled:
        throttle.check(db, audit.Kind.CODE_FAILED, throttle.CODE_RULES, account_key=_counted_as(user_id), now=now)


def note_failure(db: DbSession, user_id: int, *, client: audit.Client, now: datetime) -> None:
    kind = audit.Kind.CODE_FAILED
    audit.record(db, kind, client=client, now=now, user_id=user_id, account_key=_counted_as(user_id))
    # Committed here: the refusal must not undo the count of failures.
    db.commit()


def _counted_as(user_id: int) -> str:
    return account_key(f"user {user_id} second factor")


def _compact(code: str) -> str:
    return "".join(code.split())
