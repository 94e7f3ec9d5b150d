"""Proving who is there: password, second factor, and the password again before something risky."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, update

from webapp import audit, mfa, outbox, passwords, throttle
from webapp.addresses import account_key, email_key
from webapp.config import Settings
from webapp.database import DbSession
from webapp.errors import InvalidCredentials, InvalidFields, MfaRequired
from webapp.known_devices import KnownDevice
from webapp.models import AuthSession, User


class Authenticated(NamedTuple):
    """Whose password it was, and whether a code of the second factor has to follow."""

    user_id: int
    needs_code: bool


def authenticate(
    db: DbSession,
    settings: Settings,
    *,
    email: str,
    password: str,
    code: str | None,
    device: KnownDevice,
    client: audit.Client,
    now: datetime,
) -> int:
    """Return the id of the user who has shown password and, where one is set up, second factor in one step.

    Raises what `check_password` raises, MfaRequired if a code is needed, and what `mfa.check_code` raises."""
    found = check_password(db, settings, email=email, password=password, device=device, client=client, now=now)
    if found.needs_code and not code:
        raise MfaRequired
    if found.needs_code and code:
        mfa.check_code(db, settings, user_id=found.user_id, code=code, client=client, now=now)
    return found.user_id


def check_password(
    db: DbSession,
    settings: Settings,
    *,
    email: str,
    password: str,
    device: KnownDevice,
    client: audit.Client,
    now: datetime,
) -> Authenticated:
    """Return the user whose address and password these are; the caller opens the session and commits.

    Raises InvalidCredentials, alike in work and in words whether or not there is such a user, TooManyAttempts (with
    seconds to wait) after ten failures for one address within five minutes, known or not, and TooBusy. Failures of
    strangers do not count for a device that the account knows. After a hundred failures in a row the right password
    lets no new device in; the owner is mailed a link."""
    passwords.require_room()
    key = email_key(email)
    columns = (User.id, User.password_hash, User.is_active, User.failed_sign_ins, User.devices_forgotten_at)
    found = db.execute(select(*columns, User.totp_enabled_at).where(User.email_key == key)).first()
    is_known = found is not None and device.knows(found.id, forgotten_at=found.devices_forgotten_at, now=now)
    counted_as = account_key(f"{key} on {device.nonce}" if is_known else key)
    if settings.ratelimit_enabled:
        throttle.check(db, audit.Kind.SIGN_IN_FAILED, throttle.SIGN_IN_RULES, account_key=counted_as, now=now)
    db.rollback()  # hands the connection back: hashing takes longer than all that needs one
    is_right = passwords.verify_password(found.password_hash if found else None, password)
    is_open = is_known or found is None or not _is_locked(settings, found.failed_sign_ins)
    if found is None or not is_right or not found.is_active or not is_open:
        _note_failure(db, key, found.id if found else None, is_known, counted_as, client=client, now=now)
        raise InvalidCredentials
    if not is_known and found.failed_sign_ins:
        db.execute(update(User).where(User.id == found.id).values(failed_sign_ins=0))
    _rehash_if_outdated(db, found.id, found.password_hash, password)
    return Authenticated(found.id, found.totp_enabled_at is not None)


def is_known(db: DbSession, *, email: str, device: KnownDevice, now: datetime) -> bool:
    """Whether the device has signed in to the account with that address, and the account has not forgotten it."""
    found = db.execute(select(User.id, User.devices_forgotten_at).where(User.email_key == email_key(email))).first()
    return found is not None and device.knows(found.id, forgotten_at=found.devices_forgotten_at, now=now)


def _is_locked(settings: Settings, failures: int) -> bool:
    return settings.ratelimit_enabled and failures >= throttle.FAILURES_IN_A_ROW


def _note_failure(
    db: DbSession,
    key: str,
    user_id: int | None,
    is_known: bool,
    counted_as: str,
    *,
    client: audit.Client,
    now: datetime,
) -> None:
    """Write a failed sign-in down and count it; commits. The work is the same whether or not there is such a user."""
    kind = audit.Kind.SIGN_IN_FAILED
    audit.record(db, kind, client=client, now=now, user_id=user_id, account_key=counted_as)
    failures = db.scalar(
        update(User)
        .where(User.email_key == key)
        .values(failed_sign_ins=User.failed_sign_ins + (0 if is_known else 1))
        .returning(User.failed_sign_ins)
        .execution_options(synchronize_session=False)
    )
    if failures == throttle.FAILURES_IN_A_ROW and not is_known:
        outbox.enqueue(db, outbox.MailKind.NEW_DEVICES_LOCKED, user_id=user_id, now=now)
    # Committed here: the refusal must not undo the count of failures.
    db.commit()


def _rehash_if_outdated(db: DbSession, user_id: int, stored: str, password: str) -> None:
    if not passwords.needs_rehash(stored):
        return
    renewed = passwords.hash_password(password)
    # Conditional: a password changed meanwhile must not come back.
    db.execute(
        update(User)
        .where(User.id == user_id, User.password_hash == stored)
        .values(password_hash=renewed)
        .execution_options(synchronize_session=False)
    )


# --- again, before something risky -----------------------------------------------------------------------


def confirm_password(
    db: DbSession,
    settings: Settings,
    *,
    user_id: int,
    password: str,
    client: audit.Client,
    now: datetime,
    field: str = "password",
) -> None:
    """Return if this is the password of the signed-in user. Raises InvalidFields for `field`, and TooManyAttempts
    after ten failures within five minutes, which count apart from those at the sign-in page."""
    counted_as = account_key(f"user {user_id} signed in")
    kind = audit.Kind.REAUTHENTICATION_FAILED
    if settings.ratelimit_enabled:
        throttle.check(db, kind, throttle.PASSWORD_RULES, account_key=counted_as, now=now)
    stored = db.scalar(select(User.password_hash).where(User.id == user_id))
    db.rollback()
    if not passwords.verify_password(stored, password):
        audit.record(db, kind, client=client, now=now, user_id=user_id, actor_id=user_id, account_key=counted_as)
        # Committed here: the refusal must not undo the count of failures.
        db.commit()
        raise InvalidFields({field: ["That is not your password."]})


def reauthenticate(
    db: DbSession, settings: Settings, *, sid: str, user_id: int, password: str, client: audit.Client, now: datetime
) -> None:
    """Make the session as fresh as a sign-in, for `session_state.FRESH_FOR`; commits. Raises as confirm_password."""
    confirm_password(db, settings, user_id=user_id, password=password, client=client, now=now)
    freshen(db, sid=sid, user_id=user_id, client=client, now=now)
    db.commit()


def freshen(db: DbSession, *, sid: str, user_id: int, client: audit.Client, now: datetime) -> None:
    """Note that the session's user has just proved to be there; the caller commits."""
    db.execute(
        update(AuthSession)
        .where(AuthSession.id == sid, AuthSession.revoked_at.is_(None))
        .values(authenticated_at=now)
        .execution_options(synchronize_session=False)
    )
    kind = audit.Kind.REAUTHENTICATED
    audit.record(db, kind, client=client, now=now, user_id=user_id, actor_id=user_id, session_id=sid)
