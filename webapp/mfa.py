"""The second factor: codes by time (TOTP, RFC 6238; pyotp), with recovery codes for when the device is lost.

The seed is sealed at rest. A code is taken once: the row keeps the last time step whose code was taken, and moves on by
a conditional UPDATE, so that of twenty sign-ins with one code one succeeds."""

import hmac
import logging
import re
from datetime import datetime
from typing import Final

import pyotp
from sqlalchemy import func, select, update

from webapp import audit, outbox, recovery_codes, throttle
from webapp.addresses import account_key
from webapp.config import Settings
from webapp.database import DbSession, lock_rows
from webapp.errors import InvalidCode
from webapp.known_devices import KnownDevice
from webapp.models import AuditEvent, User
from webapp.sealing import SealBroken, unseal

log = logging.getLogger(__name__)

STEP_SECONDS: Final = 30
# So many wrong codes in a day behind a right password are told to the owner (ASVS 6.3.5), once a day.
_TOLD_AFTER: Final = 5
_SIX_DIGITS: Final = re.compile(r"[0-9]{6}", re.ASCII)


def check_code(
    db: DbSession,
    settings: Settings,
    *,
    user_id: int,
    code: str,
    device: KnownDevice,
    client: audit.Client,
    now: datetime,
) -> None:
    """Return if `code` is a code of the user's device or a recovery code, and use it up; the caller commits.

    Raises InvalidCode, and TooManyAttempts after five failures in five minutes, twenty in an hour, fifty in a day,
    counted per user over all sessions and addresses, but for devices that the user knows: each fails on its own
    account, so that a thief of the password cannot keep the owner out. The owner is mailed after five in a day from
    devices that have not shown a code."""
    is_of_app = is_totp(code)
    if is_of_app:
        # The row is locked first, so that of many guesses at once each is counted before the next.
        lock_rows(db, User.is_active, User.id == user_id)
    counted_as = _counted_as(db, user_id, device, now=now)
    check_throttle(db, settings, user_id, counted_as, now=now)
    if is_of_app:
        is_taken = _take_totp(db, settings, user_id, code, now=now)
    else:
        is_taken = recovery_codes.take(db, user_id=user_id, code=code, client=client, now=now)
    if not is_taken:
        is_news = counted_as in _counts_of_unproved(user_id) and _is_to_be_told(db, user_id, now=now)
        note_failure(db, user_id, counted_as, tell_owner=is_news, client=client, now=now)
        raise InvalidCode


def _take_totp(db: DbSession, settings: Settings, user_id: int, code: str, *, now: datetime) -> bool:
    seed = db.scalar(select(User.totp_seed).where(User.id == user_id, User.totp_enabled_at.is_not(None)))
    secret = opened(settings, seed)
    step = matching_step(secret, code, now=now) if secret else None
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


def opened(settings: Settings, seed: str | None) -> str | None:
    """Return the seed that a user's row holds sealed; None also if no key opens it any more: its codes are wrong, and
    recovery codes let in."""
    try:
        return unseal(settings, seed) if seed else None
    except SealBroken:
        log.error("SECRET_KEY does not open the seed of a second factor: flask --app wsgi doctor says what to mend")
        return None


def matching_step(secret: str, code: str, *, now: datetime) -> int | None:
    """Return the time step whose code this is, of the present one and its two neighbours, or None."""
    totp, present = pyotp.TOTP(secret, interval=STEP_SECONDS), int(now.timestamp()) // STEP_SECONDS
    given = _compact(code).encode()
    steps = (present - 1, present, present + 1)
    return next((step for step in steps if hmac.compare_digest(totp.generate_otp(step).encode(), given)), None)


def check_throttle(db: DbSession, settings: Settings, user_id: int, counted_as: str, *, now: datetime) -> None:
    if settings.ratelimit_enabled:
        since, kind = _forgiven_at(db, user_id, now=now), audit.Kind.CODE_FAILED
        throttle.check(db, kind, throttle.CODE_RULES, account_key=counted_as, since=since, now=now)


def note_asked(db: DbSession, *, user_id: int, client: audit.Client, now: datetime) -> None:
    """Write down that somebody has shown the password and has to show a code; the caller commits."""
    audit.record(db, audit.Kind.CODE_ASKED, client=client, now=now, user_id=user_id)


def note_failure(
    db: DbSession,
    user_id: int,
    counted_as: str,
    *,
    actor_id: int | None = None,
    tell_owner: bool = False,
    client: audit.Client,
    now: datetime,
) -> None:
    who = {"user_id": user_id, "actor_id": actor_id, "account_key": counted_as}
    detail = {"owner_told": True} if tell_owner else {}
    audit.record(db, audit.Kind.CODE_FAILED, client=client, now=now, **who, **detail)  # type: ignore[arg-type]
    if tell_owner:
        outbox.enqueue(db, outbox.MailKind.CODES_TRIED, user_id=user_id, now=now)
    # Committed here: the refusal must not undo the count of failures.
    db.commit()


def shared_count(user_id: int) -> str:
    """Return the key under which the failures of whoever is no known device of the user are counted together."""
    return account_key(f"user {user_id} second factor")


def _counts_of_unproved(user_id: int) -> tuple[str, str]:
    """Return the keys of devices that are not known to have shown a code."""
    return shared_count(user_id), account_key(f"user {user_id} second factor on devices from before it")


def _is_to_be_told(db: DbSession, user_id: int, *, now: datetime) -> bool:
    """Whether the wrong code at hand is one too many, and the owner was not told within a day. Those before the factor
    was on were its owner's, and those before the password was changed came behind another one."""
    of_user = select(User.devices_forgotten_at, User.totp_enabled_at).where(User.id == user_id)
    day_ago = now - throttle.DAY
    since = max([day_ago, *(at for at in db.execute(of_user).first() or () if at)])
    failures, told = db.execute(
        select(
            func.count().filter(AuditEvent.at >= since),
            func.count().filter(AuditEvent.detail["owner_told"].as_boolean()),
        ).where(
            AuditEvent.account_key.in_(_counts_of_unproved(user_id)),
            AuditEvent.kind == audit.Kind.CODE_FAILED,
            AuditEvent.at > day_ago,
        )
    ).one()
    return failures + 1 >= _TOLD_AFTER and not told


def _counted_as(db: DbSession, user_id: int, device: KnownDevice, *, now: datetime) -> str:
    which = select(User.created_at, User.devices_forgotten_at, User.totp_enabled_at).where(User.id == user_id)
    created_at, forgotten_at, enabled_at = db.execute(which).first() or (now, None, None)
    if not device.knows(user_id, created_at=created_at, forgotten_at=forgotten_at, now=now):
        return shared_count(user_id)
    if device.knows(user_id, created_at=created_at, forgotten_at=enabled_at, now=now):
        return account_key(f"user {user_id} second factor on {device.nonce}")
    # Who signed in before the factor was on has shown a password only, perhaps a hundred times under a hundred nonces.
    return _counts_of_unproved(user_id)[1]


def _forgiven_at(db: DbSession, user_id: int, *, now: datetime) -> datetime | None:
    """Return since when failures count, if a link has set a new password within a day: whoever failed before knows the
    password no more. The first one of the day, or whoever reads the owner's mail could guess on after each."""
    which = (AuditEvent.user_id == user_id, AuditEvent.kind == audit.Kind.PASSWORD_RESET)
    return db.scalar(select(func.min(AuditEvent.at)).where(*which, AuditEvent.at > now - throttle.DAY))


def is_totp(code: str) -> bool:
    """Whether this has the shape of an app's code; all else is taken for a recovery code."""
    return _SIX_DIGITS.fullmatch(_compact(code)) is not None


def _compact(code: str) -> str:
    return "".join(code.split())
