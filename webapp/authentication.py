"""Proving who is there: password, second factor, and the password again before something risky."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, select, update

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
    account = _find(db, email, device, now=now)
    _check_throttle(db, settings, audit.Kind.SIGN_IN_FAILED, account.counted_as, now=now)
    db.rollback()  # hands the connection back: hashing takes longer than all that needs one
    is_right = passwords.verify_password(account.password_hash, password)
    renewed = account.password_hash
    if is_right and renewed and passwords.needs_rehash(renewed):
        renewed = passwords.hash_password(password)
    # Counted again with the row locked: of many guesses at once, each counts those that were faster.
    _lock(db, User.email_key == account.key)
    _check_throttle(db, settings, audit.Kind.SIGN_IN_FAILED, account.counted_as, now=now)
    is_open = account.is_known or not settings.ratelimit_enabled or account.failures < throttle.FAILURES_IN_A_ROW
    if not is_right or not account.is_active or not is_open:
        _note_failure(db, account, client=client, now=now)
        raise InvalidCredentials
    found = _let_in(db, account, renewed)
    if found is None:
        # Changed, or only hashed anew, while this one waited for its hash: what is stored now decides.
        db.rollback()
        return check_password(db, settings, email=email, password=password, device=device, client=client, now=now)
    return found


class _Account(NamedTuple):
    """What is to be known of the account that somebody wants to sign in to, or that there is none."""

    key: str
    counted_as: str
    is_known: bool  # whether the device has signed in to it before
    user_id: int | None = None
    password_hash: str | None = None
    is_active: bool = False
    failures: int = 0  # in a row, from devices that it does not know


def _find(db: DbSession, email: str, device: KnownDevice, *, now: datetime) -> _Account:
    key = email_key(email)
    columns = (User.id, User.password_hash, User.is_active, User.failed_sign_ins, User.devices_forgotten_at)
    found = db.execute(select(*columns).where(User.email_key == key)).first()
    if found is None:
        return _Account(key, account_key(key), is_known=False)
    is_known = device.knows(found.id, forgotten_at=found.devices_forgotten_at, now=now)
    counted_as = account_key(f"{key} on {device.nonce}" if is_known else key)
    return _Account(key, counted_as, is_known, *found[:4])


def _lock(db: DbSession, which: ColumnElement[bool]) -> None:
    db.execute(update(User).where(which).values(failed_sign_ins=User.failed_sign_ins))


def _check_throttle(db: DbSession, settings: Settings, kind: audit.Kind, counted_as: str, *, now: datetime) -> None:
    if settings.ratelimit_enabled:
        throttle.check(db, kind, throttle.PASSWORD_RULES, account_key=counted_as, now=now)


def _let_in(db: DbSession, account: _Account, password_hash: str | None) -> Authenticated | None:
    """Return whose account it is, with the row locked until the caller's commit, or None if it has another hash now.

    A second factor that was turned on meanwhile counts."""
    found = db.execute(
        update(User)
        .where(User.id == account.user_id, User.password_hash == account.password_hash, User.is_active)
        .values(password_hash=password_hash, failed_sign_ins=User.failed_sign_ins if account.is_known else 0)
        .returning(User.id, User.totp_enabled_at)
        .execution_options(synchronize_session=False)
    ).first()
    return Authenticated(found.id, found.totp_enabled_at is not None) if found else None


def is_known(db: DbSession, *, email: str, device: KnownDevice, now: datetime) -> bool:
    """Whether the device has signed in to the account with that address, and the account has not forgotten it."""
    found = db.execute(select(User.id, User.devices_forgotten_at).where(User.email_key == email_key(email))).first()
    return found is not None and device.knows(found.id, forgotten_at=found.devices_forgotten_at, now=now)


def _note_failure(db: DbSession, account: _Account, *, client: audit.Client, now: datetime) -> None:
    """Write a failed sign-in down and count it; commits. The work is the same whether or not there is such a user."""
    kind = audit.Kind.SIGN_IN_FAILED
    audit.record(db, kind, client=client, now=now, user_id=account.user_id, account_key=account.counted_as)
    failures = db.scalar(
        update(User)
        .where(User.email_key == account.key)
        .values(failed_sign_ins=User.failed_sign_ins + (0 if account.is_known else 1))
        .returning(User.failed_sign_ins)
        .execution_options(synchronize_session=False)
    )
    if failures == throttle.FAILURES_IN_A_ROW and not account.is_known:
        outbox.enqueue(db, outbox.MailKind.NEW_DEVICES_LOCKED, user_id=account.user_id, now=now)
    # Committed here: the refusal must not undo the count of failures.
    db.commit()


# --- again, before something risky -----------------------------------------------------------------------


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
    `field`, and TooManyAttempts after ten failures of this session within five minutes: others who are in, or at the
    sign-in page, cannot keep the owner from what is risky."""
    kind, counted_as = audit.Kind.REAUTHENTICATION_FAILED, account_key(f"session {sid}")
    _check_throttle(db, settings, kind, counted_as, now=now)
    stored = db.scalars(select(User.password_hash).where(User.id == user_id)).one()
    db.rollback()
    is_right = passwords.verify_password(stored, password)
    # Locked and counted again, as at the sign-in.
    _lock(db, User.id == user_id)
    _check_throttle(db, settings, kind, counted_as, now=now)
    if not is_right:
        audit.record(db, kind, client=client, now=now, user_id=user_id, actor_id=user_id, account_key=counted_as)
        # Committed here: the refusal must not undo the count of failures.
        db.commit()
        raise InvalidFields({field: ["That is not your password."]})
    db.rollback()  # lets the row go: what the caller does next may lock others before it
    return stored


def reauthenticate(
    db: DbSession, settings: Settings, *, sid: str, user_id: int, password: str, client: audit.Client, now: datetime
) -> None:
    """Make the session as fresh as a sign-in, for `session_state.FRESH_FOR`; commits. Raises as confirm_password."""
    confirm_password(db, settings, user_id=user_id, sid=sid, password=password, client=client, now=now)
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
